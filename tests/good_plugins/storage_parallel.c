/* SPDX-License-Identifier: MIT
 * storage_parallel.c - the driver `memory` behind a lock: BLOCKING and PARALLEL, called on several
 * threads at the same time. With DEFECT_LIES_ABOUT_PARALLEL a bad one, that makes one call at a
 * time and gives up the others. */
#include "storage_memory_base.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

struct parallel {
    void *memory;
    pthread_mutex_t lock;
};

static int32_t open_parallel(const struct trunk_host *host, const struct trunk_param *own,
                             size_t count, void **self, struct trunk_error *error) {
    struct parallel *parallel = calloc(1, sizeof *parallel);
    if (parallel == NULL || pthread_mutex_init(&parallel->lock, NULL) != 0) {
        free(parallel);
        return trunk_fail(error, TRUNK_UNAVAILABLE, "", "out of memory");
    }
    int32_t status = ops.open(host, own, count, &parallel->memory, error);
    if (status != TRUNK_OK) {
        (void)pthread_mutex_destroy(&parallel->lock);
        free(parallel);
        return status;
    }
    *self = parallel;
    return TRUNK_OK;
}

static void close_parallel(void *self) {
    struct parallel *parallel = self;
    ops.close(parallel->memory);
    (void)pthread_mutex_destroy(&parallel->lock);
    free(parallel);
}

#ifdef DEFECT_LIES_ABOUT_PARALLEL
static bool enter(struct parallel *parallel, trunk_op op) {
    if (pthread_mutex_trylock(&parallel->lock) != 0) {
        complete(parallel->memory, op, TRUNK_UNAVAILABLE);
        return false;
    }
    (void)sched_yield(); /* for others to come meanwhile */
    return true;
}
#else
static bool enter(struct parallel *parallel, trunk_op op) {
    (void)op;
    (void)pthread_mutex_lock(&parallel->lock);
    return true;
}
#endif

/* Makes a function of the table that calls memory's with the lock held. */
#define LOCKED(name_, params_, args_)                                                              \
    static void locked_##name_ params_ {                                                           \
        struct parallel *parallel = self;                                                          \
        void *memory = parallel->memory;                                                           \
        if (enter(parallel, op)) {                                                                 \
            ops.name_ args_;                                                                       \
            (void)pthread_mutex_unlock(&parallel->lock);                                           \
        }                                                                                          \
    }

LOCKED(ping, (void *self, trunk_op op), (memory, op))
LOCKED(load, (void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op),
       (memory, key, touch_ttl_ms, op))
LOCKED(put, (void *self, const struct trunk_put *put, trunk_op op), (memory, put, op))
LOCKED(touch, (void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op),
       (memory, key, ttl_ms, op))
LOCKED(remove, (void *self, struct trunk_slice key, trunk_op op), (memory, key, op))
LOCKED(sweep, (void *self, uint32_t limit, trunk_op op), (memory, limit, op))
LOCKED(scan, (void *self, const struct trunk_scan *how, trunk_op op), (memory, how, op))
LOCKED(log_append, (void *self, const struct trunk_entry *entry, trunk_op op), (memory, entry, op))
LOCKED(log_read,
       (void *self, struct trunk_slice key, uint64_t after_seq, uint32_t limit, trunk_op op),
       (memory, key, after_seq, limit, op))
LOCKED(log_trim, (void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op),
       (memory, key, upto_seq, op))

static const struct trunk_storage_ops locked = {
    .struct_size = sizeof locked,
    .caps = TRUNK_CAP_LOG | TRUNK_CAP_BLOCKING | TRUNK_CAP_PARALLEL,
    .check = check,
    .open = open_parallel,
    .close = close_parallel,
    .ping = locked_ping,
    .load = locked_load,
    .put = locked_put,
    .touch = locked_touch,
    .remove = locked_remove,
    .sweep = locked_sweep,
    .scan = locked_scan,
    .log_append = locked_log_append,
    .log_read = locked_log_read,
    .log_trim = locked_log_trim,
};

TRUNK_STORAGE_PLUGIN(0, "parallel", "1", "keeps records in this process, for several threads",
                     params, &locked);
