/* SPDX-License-Identifier: MIT
 * kit_cases_rules.c - rules 5 (completion), 6 (threads, signals, descriptors), 7 (ownership), 8
 * (statuses) and 11 (life cycle). Completions that are double, late or foreign, items of calls that
 * have none, and calls that dawdle are faults in every case of the kit. */
#include "kit_case.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit_folder.h"

static const struct trunk_slice FROM_START = {NULL, 0};

/* Makes every call once, such that it succeeds. */
static void make_every_call(struct kit_store *store) {
    assert_status(kit_ping(store), TRUNK_OK);
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000), TRUNK_OK);
    assert_status(kit_load(store, "a", 1000), TRUNK_OK);
    assert_status(kit_touch(store, "a", 1000), TRUNK_OK);
    if (kit_driver_has(store->driver, TRUNK_CAP_LOG)) {
        assert_status(kit_log_append(store, "a", 1, "one"), TRUNK_OK);
        assert_status(kit_log_read(store, "a", 0, 10), TRUNK_OK);
        assert_status(kit_log_trim(store, "a", 1), TRUNK_OK);
    }
    assert_status(kit_scan(store, "", FROM_START, 10, 1), TRUNK_OK);
    kit_advance(store, 1000);
    assert_status(kit_sweep(store, 10), TRUNK_OK);
    assert_status(kit_remove(store, "a"), TRUNK_OK);
}

static void every_op_is_completed_once_and_nothing_comes_late(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_every_call(store);
    kit_host_run(store->host, 50);
    assert_int_equal(kit_host_count_pending(store->host), 0);
    assert_int_equal(kit_host_count_faults(store->host), 0);
}

static void a_result_that_is_not_ok_is_completed_once_too(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_load(store, "a", 1000), TRUNK_NOT_FOUND);
    assert_status(kit_touch(store, "a", 1000), TRUNK_NOT_FOUND);
    assert_status(kit_put(store, TRUNK_PUT_UPDATE, "a", "one", 0), TRUNK_NOT_FOUND);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_EXISTS);
    kit_host_run(store->host, 50);
    assert_int_equal(kit_host_count_faults(store->host), 0);
}

static void ops_on_different_keys_may_be_pending_together(struct kit *kit) {
    struct kit_store *store = kit->store;
    enum { OPS = 200 };
    trunk_op ops[OPS];
    char key[16];
    uint32_t most = store->driver->ops.max_inflight;
    for (unsigned i = 0; i < OPS; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        ops[i] = kit_begin_put(store, key, key, 0);
        if (most != 0 && i + 1 >= most) {
            (void)kit_wait(store, ops[i + 1 - most]);
            (void)kit_wait(store, ops[i]);
        }
    }
    for (unsigned i = 0; i < OPS; i++) {
        assert_status(kit_wait(store, ops[i]), TRUNK_OK);
    }
    for (unsigned i = 0; i < OPS; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        assert_record(store, key, key);
    }
}

static void no_input_is_used_after_completion(struct kit *kit) {
    struct kit_store *store = kit->store;
    char key[16];
    for (unsigned i = 0; i < 100; i++) { /* the host frees key and value inside complete */
        (void)snprintf(key, sizeof key, "k%u", i);
        (void)kit_put(store, TRUNK_PUT_CREATE, key, key, 0);
        if (kit_driver_has(store->driver, TRUNK_CAP_LOG)) {
            (void)kit_log_append(store, key, 1, key);
        }
    }
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        assert_record(store, key, key);
        if (kit_driver_has(store->driver, TRUNK_CAP_LOG)) {
            const struct kit_result *log = kit_log_read(store, key, 0, 10);
            assert_int_equal(log->nitems, 1);
            assert_slice(log->items[0].value, key);
        }
    }
}

static void calls_return_at_once_over_many_records(struct kit *kit) {
    struct kit_store *store = kit->store;
    enum { MANY = 20000 };
    char key[16];
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        trunk_op op = kit_begin_put(store, key, key, 1000);
        if (i % 16 == 15 || store->driver->ops.max_inflight != 0) {
            (void)kit_wait(store, op);
        }
    }
    assert_status(kit_scan(store, "k", FROM_START, 100, 1), TRUNK_OK);
    kit_advance(store, 1000);
    size_t swept = 0;
    for (size_t nitems = 1; nitems > 0; swept += nitems) {
        nitems = kit_sweep(store, 1000)->nitems;
    }
    assert_int_equal(swept, MANY);
}

static void no_signal_handler_is_installed(struct kit *kit) {
    struct sigaction before[65];
    struct sigaction after;
    for (int signal_number = 1; signal_number <= 64; signal_number++) {
        (void)sigaction(signal_number, NULL, &before[signal_number]);
    }
    kit->store = kit_store_open(kit->driver);
    assert_non_null(kit->store);
    assert_true(kit_store_empty(kit->store));
    make_every_call(kit->store);
    for (int signal_number = 1; signal_number <= 64; signal_number++) {
        if (sigaction(signal_number, NULL, &after) == 0) {
            assert_true(after.sa_handler == before[signal_number].sa_handler);
        }
    }
}

static void everything_is_opened_close_on_exec(struct kit *kit) {
    (void)kit_store_close(kit->store);
    kit->store = NULL;
    size_t before = kit_count_entries("/proc/self/fd", true);
    kit->store = kit_store_open(kit->driver);
    assert_non_null(kit->store);
    make_every_call(kit->store);
    assert_int_equal(kit_count_entries("/proc/self/fd", true), before);
}

static void close_leaves_no_descriptor_and_no_thread(struct kit *kit) {
    (void)kit_store_close(kit->store);
    kit->store = NULL;
    size_t descriptors = kit_count_entries("/proc/self/fd", false);
    size_t threads = kit_count_entries("/proc/self/task", false);
    for (int i = 0; i < 3; i++) {
        struct kit_store *store = kit_store_open(kit->driver);
        assert_non_null(store);
        make_every_call(store);
        assert_int_equal(kit_store_close(store), 0);
    }
    assert_int_equal(kit_count_entries("/proc/self/fd", false), descriptors);
    assert_int_equal(kit_count_entries("/proc/self/task", false), threads);
}

static void check_touches_nothing(struct kit *kit) {
    (void)kit_store_close(kit->store);
    kit->store = NULL;
    size_t descriptors = kit_count_entries("/proc/self/fd", false);
    size_t threads = kit_count_entries("/proc/self/task", false);
    struct trunk_error error = {.status = TRUNK_OK};
    assert_int_equal(kit->driver->ops.check(kit->driver->params, kit->driver->nparams, &error),
                     TRUNK_OK);
    assert_int_equal(kit->driver->ops.check(kit->driver->params, kit->driver->nparams, NULL),
                     TRUNK_OK);
    assert_int_equal(kit_count_entries("/proc/self/fd", false), descriptors);
    assert_int_equal(kit_count_entries("/proc/self/task", false), threads);
}

static void ping_says_ok_before_during_and_after_work(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_ping(store), TRUNK_OK);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_ping(store), TRUNK_OK);
    (void)kit_remove(store, "a");
    assert_status(kit_ping(store), TRUNK_OK);
}

static void close_completes_what_is_left(struct kit *kit) {
    struct kit_store *store = kit->store;
    kit->store = NULL;
    (void)kit_begin_put(store, "a", "one", 0); /* not waited for: pending after close is a fault */
    assert_int_equal(kit_store_close_and_wait(store, 50), 0);
}

/* The clock goes on while the loop does not turn: what came in the meantime counts first. */
static void a_loop_that_was_held_up_completes_each_op_once(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    trunk_op ops[4];
    for (unsigned i = 0; i < 4; i++) {
        static const char *const keys[] = {"b", "c", "d", "e"};
        ops[i] = kit_begin_put(store, keys[i], "one", 0);
        if (store->driver->ops.max_inflight != 0) {
            (void)kit_wait(store, ops[i]);
        }
    }
    (void)poll(NULL, 0, 50);
    kit_advance(store, 60000);
    for (unsigned i = 0; i < 4; i++) {
        int32_t status = kit_wait(store, ops[i])->status;
        assert_true(status == TRUNK_OK || status == TRUNK_UNCERTAIN || status == TRUNK_UNAVAILABLE);
    }
    kit_host_run(store->host, 50);
    for (unsigned tries = 0; kit_ping(store)->status != TRUNK_OK; tries++) {
        assert_in_range(tries, 0, 100);
        kit_host_run(store->host, 50);
    }
    assert_record(store, "a", "one");
}

static void cancel_of_an_op_is_a_hint_and_of_an_unknown_one_nothing(struct kit *kit) {
    struct kit_store *store = kit->store;
    trunk_op op = kit_begin_put(store, "a", "one", 0);
    store->driver->ops.cancel(store->self, op);
    int32_t status = kit_wait(store, op)->status;
    assert_true(status == TRUNK_OK || status == TRUNK_CANCELLED);
    store->driver->ops.cancel(store->self, op);
    store->driver->ops.cancel(store->self, op + 1000);
    kit_host_run(store->host, 50);
    assert_status(kit_ping(store), TRUNK_OK);
}

static void two_instances_are_open_at_the_same_time(struct kit *kit) {
    struct kit_store *one = kit->store;
    struct kit_store *other = kit_store_open(one->driver);
    assert_non_null(other);
    bool is_same_store = kit_driver_has(one->driver, TRUNK_CAP_PERSISTENT) ||
                         kit_driver_has(one->driver, TRUNK_CAP_SHARED);
    (void)kit_put(one, TRUNK_PUT_CREATE, "a", "one", 0);
    int32_t seen = kit_load(other, "a", 0)->status;
    (void)kit_put(other, TRUNK_PUT_CREATE, "b", "two", 0);
    assert_int_equal(kit_store_close(other), 0);
    assert_int_equal(seen, is_same_store ? TRUNK_OK : TRUNK_NOT_FOUND);
    assert_record(one, "a", "one");
    assert_status(kit_load(one, "b", 0), is_same_store ? TRUNK_OK : TRUNK_NOT_FOUND);
}

static void records_outlive_close_with_cap_persistent_and_only_then(struct kit *kit) {
    (void)kit_put(kit->store, TRUNK_PUT_CREATE, "a", "one", 0);
    (void)kit_store_close(kit->store);
    kit->store = kit_store_open(kit->driver);
    assert_non_null(kit->store);
    if (kit_driver_has(kit->driver, TRUNK_CAP_PERSISTENT)) {
        assert_record(kit->store, "a", "one");
    } else if (!kit_driver_has(kit->driver, TRUNK_CAP_SHARED)) {
        assert_absent(kit->store, "a");
    }
}

static const struct kit_case cases[] = {
    KIT_CASE(every_op_is_completed_once_and_nothing_comes_late, 0,
             "host.h, complete: Exactly once for each op (rule 5), inside the call or later"),
    KIT_CASE(a_result_that_is_not_ok_is_completed_once_too, 0,
             "host.h, complete: Exactly once for each op (rule 5), inside the call or later"),
    KIT_CASE(ops_on_different_keys_may_be_pending_together, 0,
             "storage.h, ORDER: Ops on different keys may complete in any order."),
    KIT_CASE(no_input_is_used_after_completion, 0,
             "storage.h, OWNERSHIP: The inputs of a call (slices, structs and what they point to) "
             "are valid until its op is completed, and not a moment longer"),
    KIT_CASE(calls_return_at_once_over_many_records, 0,
             "storage.h, THREADS: Without TRUNK_CAP_BLOCKING all calls come on the loop thread and "
             "must return at once"),
    KIT_CASE(no_signal_handler_is_installed, KIT_OPENS_ITSELF,
             "storage.h, STATE: Signal handlers are not installed"),
    KIT_CASE(everything_is_opened_close_on_exec, 0,
             "storage.h, STATE: descriptors are opened close-on-exec (rule 6)"),
    KIT_CASE(close_leaves_no_descriptor_and_no_thread, 0,
             "storage.h, close: Afterwards nothing of the driver runs any more for this instance: "
             "no thread, no completion."),
    KIT_CASE(check_touches_nothing, 0,
             "storage.h, check: Touches nothing: no file, no connection, no thread."),
    KIT_CASE(ping_says_ok_before_during_and_after_work, 0,
             "storage.h, ping: Asks whether the store can be used now."),
    KIT_CASE(close_completes_what_is_left, 0,
             "storage.h, close: Completes every op still pending with CANCELLED before it returns"),
    KIT_CASE(a_loop_that_was_held_up_completes_each_op_once, 0,
             "host.h, complete: Exactly once for each op (rule 5), inside the call or later"),
    KIT_CASE(cancel_of_an_op_is_a_hint_and_of_an_unknown_one_nothing, KIT_NEEDS_CANCEL,
             "storage.h, cancel: It is completed exactly once all the same"),
    KIT_CASE(
        two_instances_are_open_at_the_same_time, 0,
        "storage.h, STATE: one shared object serves several configured stores at the same time"),
    KIT_CASE(records_outlive_close_with_cap_persistent_and_only_then, 0,
             "types.h, TRUNK_CAP_PERSISTENT: records survive a restart of the host"),
};
const struct kit_group kit_rules_cases = KIT_GROUP("rules", cases);
