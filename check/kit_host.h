/* SPDX-License-Identifier: MIT
 * kit_host.h - the kit's own host: the table that a driver is given, a clock that moves when told,
 * and the books of every op. A mistake of the driver in using them is a fault.
 */
#ifndef TRUNK_KIT_HOST_H
#define TRUNK_KIT_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trunk/host.h>

/* Copies of what was emitted. */
struct kit_item {
    struct trunk_slice key;
    struct trunk_slice value;
    uint64_t version;
    uint64_t seq;
    uint64_t expires_ms;
};

/* A copy of the reply and the items of an op. Owned by the host until kit_host_free. */
struct kit_result {
    int32_t status;
    char *message; /* NULL: none */
    struct trunk_slice value;
    uint64_t version;
    uint64_t last_seq;
    void *leg;
    struct kit_item *items;
    size_t nitems;
};

struct kit_host;
struct kit_host *kit_host_new(void);
void kit_host_free(struct kit_host *host);
const struct trunk_host *kit_host_table(struct kit_host *host);

/* The wall clock stands still between the calls of this; the monotonic one runs, and is moved too.
 */
void kit_host_advance(struct kit_host *host, uint64_t ms);
uint64_t kit_host_wall_ms(struct kit_host *host);

/* A token for a call that is about to be made. what: for fault texts, outlives the host. may_emit:
 * emit is no fault for it. inputs: ninputs blocks from malloc, at most KIT_INPUTS, which belong to
 * the host now: it frees them inside `complete`, the moment they cease to be valid (rule 7). */
enum { KIT_INPUTS = 3 };
trunk_op kit_host_begin(struct kit_host *host, const char *what, bool may_emit, void *const *inputs,
                        size_t ninputs);
bool kit_host_is_done(struct kit_host *host, trunk_op op);
/* Runs the loop until op is completed. NULL: not within limit_ms of real time. */
const struct kit_result *kit_host_wait(struct kit_host *host, trunk_op op, uint64_t limit_ms);
size_t kit_host_count_pending(struct kit_host *host);
/* Runs the loop for this time, for what may come late. */
void kit_host_run(struct kit_host *host, uint64_t for_ms);

/* After the driver's close: a watch, a timer or an op that it has left is a fault. The loop is not
 * to be run afterwards.
 */
void kit_host_end(struct kit_host *host);

/* Tells a fault on stderr, as "fault: SENTENCE | TEXT", and counts it. Any thread.
 * sentence: of a header, that forbids it: "host.h, complete: ...". text: what was seen. */
void kit_host_fault(struct kit_host *host, const char *sentence, const char *text);
size_t kit_host_count_faults(struct kit_host *host);
/* Fault i as it was told, one line, without "fault: ". */
const char *kit_host_fault_text(struct kit_host *host, size_t i);

#endif
