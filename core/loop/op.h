/* SPDX-License-Identifier: MIT
 * op.h - completion tokens (plugin-abi.md rule 5): a 64-bit number of slot and generation for each
 * pending call of a driver. A second, late or foreign completion is caught and named in the log,
 * also after the slot was used again. */
#ifndef TRUNKD_LOOP_OP_H
#define TRUNKD_LOOP_OP_H

#include <stddef.h>

#include <trunk/types.h>
#include "loop/loop.h"
#include "base/log.h"

struct op_table;
/* Both are called on the loop, never inside the call that made them happen; reply and item are
 * valid during the call. */
typedef void (*op_done_fn)(void *ctx, const struct trunk_reply *reply);
typedef void (*op_item_fn)(void *ctx, const struct trunk_item *item);

struct op_table *op_table_new(struct loop *loop, struct log *log);
void op_table_free(
    struct op_table *table); /* nothing may be pending and the loop's posts have run */

/* Loop thread. owner: identity of the driver instance (its host), compared on completion. what: for
 * the log, "load"; must outlive the op. item NULL: the call emits nothing, an emit for it is a
 * named mistake. */
trunk_op op_begin(struct op_table *table, const void *owner, const char *what, op_item_fn item,
                  op_done_fn done, void *ctx);
/* [any] Copies the reply and posts its delivery. Reads no further than reply->struct_size says
 * (smaller: rest is zero); NULL, or a size that does not reach behind the status, is a mistake that
 * completes the op with INTERNAL. owner_name is for the log ("storage memory"). Mistakes (never
 * issued, foreign, second, late) are logged and counted. */
void op_complete(struct op_table *table, const void *owner, const char *owner_name, trunk_op op,
                 const struct trunk_reply *reply);
void op_emit(struct op_table *table, const void *owner, const char *owner_name, trunk_op op,
             const struct trunk_item *item); /* [any] */
/* Loop thread: the caller is gone or its deadline passed; the op ends into the void (its completion
 * is still expected and correct, but neither done nor item is called any more). A token that is no
 * longer pending is ignored. */
void op_forget(struct op_table *table, trunk_op op);
/* [any] Is op still not completed? */
int op_is_pending(struct op_table *table, trunk_op op);
/* [any] The ops of owner (NULL: of all) that are not completed or whose delivery has not begun: 0
 * means that nothing of them is under way on any thread. */
size_t op_count_pending(struct op_table *table, const void *owner);
/* After a driver's close: completes what it left with CANCELLED, and logs each ("never completed:
 * load"). A completion that still comes is late. Returns how many. */
size_t op_cancel_left(struct op_table *table, const void *owner, const char *owner_name);
uint64_t op_count_mistakes(struct op_table *table);

#endif
