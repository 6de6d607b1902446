/* SPDX-License-Identifier: MIT
 * kit_cases_parallel.c - calls of one instance on several threads at the same time, each on keys of
 * its own, as the host makes them. */
#include "kit_case.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, KEYS = 8, ROUNDS = 200, TTL_MS = 60000 };

struct worker {
    struct kit_store *store;
    pthread_barrier_t *start;
    unsigned number;
};

struct text {
    char bytes[32];
};

static struct text make_key(unsigned worker, unsigned key) {
    struct text text;
    (void)snprintf(text.bytes, sizeof text.bytes, "w%u/%u", worker, key);
    return text;
}

static struct text make_value(unsigned worker, unsigned round) {
    struct text text;
    (void)snprintf(text.bytes, sizeof text.bytes, "%u of %u", round, worker);
    return text;
}

/* After each round but the last no record is left. */
static void work_on(struct worker *self, unsigned i, unsigned round) {
    struct kit_store *store = self->store;
    struct text key = make_key(self->number, i);
    struct text first = make_value(self->number, round);
    struct text second = make_value(self->number, round + ROUNDS);
    const struct kit_result *created =
        kit_put(store, TRUNK_PUT_CREATE, key.bytes, first.bytes, TTL_MS);
    assert_status(created, TRUNK_OK);
    assert_record(store, key.bytes, first.bytes);
    assert_status(kit_touch(store, key.bytes, TTL_MS), TRUNK_OK);
    assert_status(kit_cas(store, key.bytes, second.bytes, TTL_MS, created->version), TRUNK_OK);
    assert_status(kit_cas(store, key.bytes, first.bytes, TTL_MS, created->version), TRUNK_CONFLICT);
    assert_record(store, key.bytes, second.bytes);
    if (kit_driver_has(store->driver, TRUNK_CAP_LOG)) {
        assert_status(kit_log_append(store, key.bytes, 1, first.bytes), TRUNK_OK);
        const struct kit_result *log = kit_log_read(store, key.bytes, 0, 10);
        assert_status(log, TRUNK_OK);
        assert_int_equal(log->nitems, 1);
        assert_slice(log->items[0].value, first.bytes);
    }
    if (round < ROUNDS - 1) {
        assert_status(kit_remove(store, key.bytes), TRUNK_OK);
        assert_absent(store, key.bytes);
    }
}

static void *work(void *arg) {
    struct worker *self = arg;
    (void)pthread_barrier_wait(self->start);
    for (unsigned round = 0; round < ROUNDS; round++) {
        work_on(self, round % KEYS, round);
        if (round % KEYS == 0) {
            assert_status(kit_ping(self->store), TRUNK_OK);
            assert_status(kit_sweep(self->store, 10), TRUNK_OK);
            assert_status(kit_scan(self->store, "w", (struct trunk_slice){NULL, 0}, 100, 1),
                          TRUNK_OK);
        }
    }
    return NULL;
}

static void calls_on_several_threads_at_a_time_are_each_answered_right(struct kit *kit) {
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    uint32_t most = kit->driver->ops.max_inflight;
    unsigned nthreads = most == 0 || most > THREADS ? THREADS : most;
    assert_int_equal(pthread_barrier_init(&start, NULL, nthreads), 0);
    for (unsigned i = 0; i < nthreads; i++) {
        workers[i] = (struct worker){.store = kit->store, .start = &start, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < nthreads; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&start);
    for (unsigned i = 0; i < nthreads; i++) {
        assert_record(kit->store, make_key(i, (ROUNDS - 1) % KEYS).bytes,
                      make_value(i, 2 * ROUNDS - 1).bytes);
    }
    const struct kit_result *left =
        kit_scan(kit->store, "w", (struct trunk_slice){NULL, 0}, 1000, 1);
    assert_status(left, TRUNK_OK);
    assert_int_equal(left->nitems, nthreads);
}

static const struct kit_case cases[] = {
    KIT_CASE(calls_on_several_threads_at_a_time_are_each_answered_right, KIT_NEEDS_PARALLEL,
             "storage.h, THREADS: with TRUNK_CAP_PARALLEL too they come on several at the same "
             "time"),
};
const struct kit_group kit_parallel_cases = KIT_GROUP("parallel", cases);
