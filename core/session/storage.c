/* SPDX-License-Identifier: MIT
 * storage.c - the front to a storage driver: one op per key at a time, a bound on ops in flight,
 * deadlines, workers. */
#include "session/storage.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/slice.h"
#include "session/storage_batch.h"
#include "session/storage_call.h"

struct key_lane { /* calls of one key: the first is issued or waits for room, the others wait for
                     the first */
    UT_hash_handle hh;
    char *key;
    struct call_list calls;
};

struct storage {
    struct driver *driver; /* gone when the last completions come, so not touched once stopped */
    struct host_env env;
    const struct trunk_storage_ops *ops;
    struct storage_batcher *batcher; /* NULL: the driver has no brackets */
    uint64_t timeout_ms;
    size_t inflight;
    size_t pending_count;
    struct call_list pending;
    struct call_list waiting; /* for room under max_inflight */
    struct key_lane *lanes;
    struct loop_timer *timer;
    bool is_stopped;
};

static void on_done(void *ctx, const struct trunk_reply *reply);
static void leave_lane(struct storage *storage, struct call *call);

static void tell(struct call *call, const struct trunk_reply *reply) {
    if (!call->is_told) {
        call->is_told = true;
        call->done(call->ctx, reply);
    }
}

static void set_deadline_timer(struct storage *storage) {
    const struct call *first = TAILQ_FIRST(&storage->pending);
    if (first == NULL) {
        loop_timer_stop(storage->timer);
        return;
    }
    uint64_t now = clock_mono_ms(storage->env.clock);
    loop_timer_set(storage->timer, first->deadline_ms > now ? first->deadline_ms - now : 0);
}

static void leave_pending(struct call *call) {
    struct storage *storage = call->storage;
    if (call->deadline_ms != 0) {
        bool was_first = TAILQ_FIRST(&storage->pending) == call;
        TAILQ_REMOVE(&storage->pending, call, in_pending);
        call->deadline_ms = 0;
        if (was_first) {
            set_deadline_timer(storage);
        }
    }
}

/* The call was not issued, or its op is complete. */
static void end_call(struct call *call, const struct trunk_reply *reply) {
    struct storage *storage = call->storage;
    storage->pending_count--;
    leave_lane(storage, call);
    tell(call, reply);
    storage_call_free(call);
}

static void expire_call(struct call *call) {
    struct storage *storage = call->storage;
    bool is_read = storage_call_reads(call) || call->kind == CALL_LOAD;
    bool is_surely_not_done = is_read || call->state != CALL_ISSUED;
    struct trunk_reply reply = {.struct_size = sizeof reply,
                                .status = is_surely_not_done ? TRUNK_UNAVAILABLE : TRUNK_UNCERTAIN,
                                .message = "the store did not answer in time"};
    leave_pending(call);
    log_warn(storage->env.log, "storage", "the store did not answer in time op=%s timeout_ms=%llu",
             storage_call_name(call), (unsigned long long)storage->timeout_ms);
    if (call->state == CALL_ISSUED) { /* its op ends later, into the void */
        tell(call, &reply);
        return;
    }
    if (call->state == CALL_WAITING) {
        TAILQ_REMOVE(&storage->waiting, call, in_queue);
    }
    end_call(call, &reply);
}

static void on_timer(void *arg) {
    struct storage *storage = arg;
    uint64_t now = clock_mono_ms(storage->env.clock);
    struct call *call = TAILQ_FIRST(&storage->pending);
    /* Freed ones have left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    while (call != NULL && call->deadline_ms <= now) {
        expire_call(call);
        call = TAILQ_FIRST(&storage->pending);
    }
    set_deadline_timer(storage);
}

static void run_blocking_call(void *arg) {
    storage_call_run_blocking(arg);
}

static void on_item(void *ctx, const struct trunk_item *item) {
    struct call *call = ctx;
    if (!call->is_told) {
        call->item(call->ctx, item);
    }
}

static void issue(struct call *call) {
    struct storage *storage = call->storage;
    struct driver *driver = storage->driver;
    storage->inflight++;
    call->state = CALL_ISSUED;
    call->op = op_begin(driver->env.ops, driver->host, storage_call_name(call),
                        call->item != NULL ? on_item : NULL, on_done, call);
    if (storage->batcher != NULL) {
        storage_batcher_add(storage->batcher, call);
    } else if (driver->workers != NULL) {
        worker_pool_add(driver->workers, run_blocking_call, call);
    } else {
        storage_call_run(call);
    }
}

static void cancel_call(void *arg) {
    struct call *call = arg;
    struct trunk_reply reply = {.struct_size = sizeof reply,
                                .status = TRUNK_CANCELLED,
                                .message = "trunkd is shutting down"};
    end_call(call, &reply);
}

static void start(struct call *call) {
    struct storage *storage = call->storage;
    if (storage->is_stopped) {
        leave_pending(call);
        loop_post(storage->env.loop, cancel_call, call);
    } else if (storage->ops->max_inflight != 0 && storage->inflight >= storage->ops->max_inflight) {
        call->state = CALL_WAITING;
        TAILQ_INSERT_TAIL(&storage->waiting, call, in_queue);
    } else {
        issue(call);
    }
}

/* The next call of the key may go if this one held it up. */
static void leave_lane(struct storage *storage, struct call *call) {
    struct key_lane *lane = NULL;
    if (call->key == NULL) {
        return;
    }
    HASH_FIND_STR(storage->lanes, call->key, lane);
    bool was_first = TAILQ_FIRST(&lane->calls) == call;
    TAILQ_REMOVE(&lane->calls, call, in_lane);
    if (TAILQ_EMPTY(&lane->calls)) {
        HASH_DEL(storage->lanes, lane);
        free(lane->key);
        free(lane);
    } else if (was_first) {
        start(TAILQ_FIRST(&lane->calls));
    }
}

static void end_issued_call(struct call *call, const struct trunk_reply *reply) {
    struct storage *storage = call->storage;
    leave_pending(call);
    storage->inflight--;
    struct call *waiting = TAILQ_FIRST(&storage->waiting);
    if (waiting != NULL) {
        TAILQ_REMOVE(&storage->waiting, waiting, in_queue);
        issue(waiting);
    }
    end_call(call, reply);
}

static void on_done(void *ctx, const struct trunk_reply *reply) {
    struct call *call = ctx;
    struct storage_batcher *batcher = call->storage->batcher;
    if (batcher != NULL) {
        storage_batcher_complete(batcher, call, reply);
    } else {
        end_issued_call(call, reply);
    }
}

static struct call *new_call(struct storage *storage, enum call_kind kind, const char *key,
                             storage_done_fn done, void *ctx) {
    return storage_call_new(storage, storage->driver, kind, key, done, ctx);
}

static void submit(struct call *call) {
    struct storage *storage = call->storage;
    struct key_lane *lane = NULL;
    storage->pending_count++;
    if (call->kind != CALL_SWEEP) {
        call->deadline_ms = clock_mono_ms(storage->env.clock) + storage->timeout_ms;
        TAILQ_INSERT_TAIL(&storage->pending, call, in_pending);
        if (TAILQ_FIRST(&storage->pending) == call) {
            set_deadline_timer(storage);
        }
    }
    if (call->key == NULL) {
        start(call);
        return;
    }
    HASH_FIND_STR(storage->lanes, call->key, lane);
    if (lane == NULL) {
        lane = xcalloc(1, sizeof *lane);
        lane->key = xstrdup(call->key);
        TAILQ_INIT(&lane->calls);
        HASH_ADD_KEYPTR(hh, storage->lanes, lane->key, strlen(lane->key), lane);
    }
    TAILQ_INSERT_TAIL(&lane->calls, call, in_lane);
    if (TAILQ_FIRST(&lane->calls) == call) {
        start(call);
    }
}

struct storage *storage_new(struct driver *driver, uint64_t timeout_ms) {
    struct storage *storage = xcalloc(1, sizeof *storage);
    storage->driver = driver;
    storage->env = driver->env;
    storage->ops = &driver->plugin->ops.storage;
    storage->batcher = storage_batcher_new(driver, end_issued_call);
    storage->timeout_ms = timeout_ms;
    TAILQ_INIT(&storage->pending);
    TAILQ_INIT(&storage->waiting);
    storage->timer = loop_timer_new(driver->env.loop, on_timer, storage);
    return storage;
}

void storage_stop(struct storage *storage) {
    struct call *call;
    storage->is_stopped = true;
    while ((call = TAILQ_FIRST(&storage->waiting)) != NULL) {
        TAILQ_REMOVE(&storage->waiting, call, in_queue);
        leave_pending(call);
        loop_post(storage->env.loop, cancel_call, call);
    }
}

void storage_free(struct storage *storage) {
    if (storage == NULL) {
        return;
    }
    loop_timer_free(storage->timer);
    storage_batcher_free(storage->batcher);
    free(storage);
}

bool storage_is_persistent(const struct storage *storage) {
    return (storage->ops->caps & TRUNK_CAP_PERSISTENT) != 0;
}

size_t storage_count_pending(const struct storage *storage) {
    return storage->pending_count;
}

void storage_ping(struct storage *storage, storage_done_fn done, void *ctx) {
    submit(new_call(storage, CALL_PING, NULL, done, ctx));
}

void storage_load(struct storage *storage, const char *key, uint64_t touch_ttl_ms,
                  storage_done_fn done, void *ctx) {
    struct call *call = new_call(storage, CALL_LOAD, key, done, ctx);
    call->ttl_ms = touch_ttl_ms;
    submit(call);
}

void storage_put(struct storage *storage, uint32_t mode, const char *key, struct trunk_slice value,
                 uint64_t ttl_ms, uint64_t expect_version, storage_done_fn done, void *ctx) {
    struct call *call = new_call(storage, CALL_PUT, key, done, ctx);
    call->mode = mode;
    call->bytes = xmemdup(value.data, value.len);
    call->bytes_len = value.len;
    call->ttl_ms = ttl_ms;
    call->expect_version = expect_version;
    submit(call);
}

void storage_touch(struct storage *storage, const char *key, uint64_t ttl_ms, storage_done_fn done,
                   void *ctx) {
    struct call *call = new_call(storage, CALL_TOUCH, key, done, ctx);
    call->ttl_ms = ttl_ms;
    submit(call);
}

void storage_remove(struct storage *storage, const char *key, storage_done_fn done, void *ctx) {
    submit(new_call(storage, CALL_REMOVE, key, done, ctx));
}

void storage_sweep(struct storage *storage, uint32_t limit, storage_item_fn item,
                   storage_done_fn done, void *ctx) {
    struct call *call = new_call(storage, CALL_SWEEP, NULL, done, ctx);
    call->limit = limit;
    call->item = item;
    submit(call);
}

void storage_scan(struct storage *storage, const char *prefix, struct trunk_slice cursor,
                  uint32_t limit, storage_item_fn item, storage_done_fn done, void *ctx) {
    struct call *call = new_call(storage, CALL_SCAN, NULL, done, ctx);
    call->prefix = xstrdup(prefix);
    call->bytes = xmemdup(cursor.data, cursor.len);
    call->bytes_len = cursor.len;
    call->limit = limit;
    call->item = item;
    submit(call);
}
