/* SPDX-License-Identifier: MIT
 * storage_batch.h - group commit: the calls that wait together for the worker of a driver with
 * begin and commit run in one bracket, so that they share one transaction. What the driver says of
 * each is held back until the bracket is committed, and is what the commit says when that failed.
 */
#ifndef TRUNKD_SESSION_STORAGE_BATCH_H
#define TRUNKD_SESSION_STORAGE_BATCH_H

#include "session/storage_call.h"

/* On the loop, once per call: its op is complete, and its bracket is committed. */
typedef void (*storage_batch_end_fn)(struct call *call, const struct trunk_reply *reply);

struct storage_batcher;
/* NULL when the driver has no brackets. driver is borrowed. */
struct storage_batcher *storage_batcher_new(struct driver *driver, storage_batch_end_fn end);
/* When every call that was added has ended. NULL is fine. */
void storage_batcher_free(struct storage_batcher *batcher);

/* Loop. A call with items goes by itself, outside brackets: they would come before the commit. */
void storage_batcher_add(struct storage_batcher *batcher, struct call *call);
/* Loop: the op of a call that was added is complete. */
void storage_batcher_complete(struct storage_batcher *batcher, struct call *call,
                              const struct trunk_reply *reply);

#endif
