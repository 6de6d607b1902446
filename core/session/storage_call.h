/* SPDX-License-Identifier: MIT
 * storage_call.h - one call to a storage driver, as the front and its batches hold it. Of the
 * storage front alone. */
#ifndef TRUNKD_SESSION_STORAGE_CALL_H
#define TRUNKD_SESSION_STORAGE_CALL_H

#include <sys/queue.h>

#include "session/storage.h"

enum call_kind { CALL_PING, CALL_LOAD, CALL_PUT, CALL_TOUCH, CALL_REMOVE, CALL_SWEEP, CALL_SCAN };

enum call_state {
    CALL_QUEUED,  /* behind another of its key, or about to be cancelled */
    CALL_WAITING, /* for room under max_inflight */
    CALL_ISSUED
};

struct storage_batch;
struct call {
    TAILQ_ENTRY(call) in_pending; /* not yet told, in order of deadline */
    TAILQ_ENTRY(call) in_lane;
    TAILQ_ENTRY(call) in_queue; /* of those that wait for room, or for their batch */
    struct storage *storage;
    struct driver *driver;
    enum call_kind kind;
    char *key;   /* NULL: ping, sweep, scan */
    char *bytes; /* put: the value; scan: the cursor */
    size_t bytes_len;
    char *prefix; /* scan */
    uint64_t ttl_ms;
    uint64_t expect_version;
    uint32_t mode;
    uint32_t limit;
    uint64_t deadline_ms; /* 0: not in pending */
    enum call_state state;
    trunk_op op;
    struct storage_batch *batch; /* whose end it waits for; NULL: none */
    bool is_told;
    storage_done_fn done;
    storage_item_fn item;
    void *ctx;
};
TAILQ_HEAD(call_list, call);

struct call *storage_call_new(struct storage *storage, struct driver *driver, enum call_kind kind,
                              const char *key, storage_done_fn done, void *ctx);
void storage_call_free(struct call *call);
const char *storage_call_name(const struct call *call);
bool storage_call_reads(const struct call *call); /* and changes nothing */
/* Makes the driver's call: on the loop, or on a worker for a BLOCKING driver. call may be gone as
 * soon as the driver has completed it. */
void storage_call_run(const struct call *call);
/* Likewise, on a worker. A BLOCKING driver completes before it returns (ABI rule 6): for one that
 * does not, the call ends UNCERTAIN here. */
void storage_call_run_blocking(struct call *call);

#endif
