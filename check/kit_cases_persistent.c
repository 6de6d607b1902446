/* SPDX-License-Identifier: MIT
 * kit_cases_persistent.c - TRUNK_CAP_PERSISTENT: what a host that ended, in order or not, has left
 * in the store. */
#include "kit_case.h"

#include <stdio.h>

#include "kit_process.h"

static const struct trunk_slice FROM_START = {NULL, 0};

static void values_and_versions_are_there_after_a_reopen(struct kit *kit) {
    char bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)i;
    }
    uint64_t one = kit_put(kit->store, TRUNK_PUT_CREATE, "a", "one", 0)->version;
    uint64_t two = kit_put_bytes(kit->store, TRUNK_PUT_UPSERT, "b",
                                 (struct trunk_slice){bytes, sizeof bytes}, 0)
                       ->version;
    (void)kit_put(kit->store, TRUNK_PUT_CREATE, "c", "three", 0);
    (void)kit_remove(kit->store, "c");
    kit_reopen(kit);
    assert_record(kit->store, "a", "one");
    assert_int_equal(kit_load(kit->store, "a", 0)->version, one);
    const struct kit_result *loaded = kit_load(kit->store, "b", 0);
    assert_int_equal(loaded->version, two);
    assert_int_equal(loaded->value.len, sizeof bytes);
    assert_memory_equal(loaded->value.data, bytes, sizeof bytes);
    assert_absent(kit->store, "c");
    assert_status(kit_put(kit->store, TRUNK_PUT_CREATE, "a", "other", 0), TRUNK_EXISTS);
    assert_status(kit_cas(kit->store, "a", "other", 0, one), TRUNK_OK);
    assert_status(kit_cas(kit->store, "a", "third", 0, one), TRUNK_CONFLICT);
}

static void lives_go_on_over_a_reopen(struct kit *kit) {
    uint64_t ends_ms = kit_now_ms(kit->store) + 1000;
    (void)kit_put(kit->store, TRUNK_PUT_CREATE, "a", "one", 1000);
    (void)kit_put(kit->store, TRUNK_PUT_CREATE, "b", "two", 1000);
    (void)kit_touch(kit->store, "b", 2000);
    (void)kit_put(kit->store, TRUNK_PUT_CREATE, "c", "three", 0);
    kit_advance(kit->store, 400);
    kit_reopen(kit);
    const struct kit_result *page = kit_scan(kit->store, "a", FROM_START, 10, 0);
    assert_non_null(kit_find_item(page, "a"));
    assert_int_equal(kit_find_item(page, "a")->expires_ms, ends_ms);
    kit_advance(kit->store, 599);
    assert_record(kit->store, "a", "one");
    kit_advance(kit->store, 1);
    assert_absent(kit->store, "a");
    kit_advance(kit->store, 999);
    assert_record(kit->store, "b", "two");
    kit_advance(kit->store, 1);
    assert_absent(kit->store, "b");
    assert_record(kit->store, "c", "three");
}

static void an_expired_record_waits_for_sweep_over_a_reopen(struct kit *kit) {
    uint64_t version = kit_put(kit->store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    kit_advance(kit->store, 1000);
    kit_reopen(kit);
    assert_absent(kit->store, "a");
    const struct kit_result *swept = kit_sweep(kit->store, 10);
    assert_int_equal(swept->nitems, 1);
    assert_slice(swept->items[0].value, "one");
    assert_int_equal(swept->items[0].version, version);
    kit_reopen(kit);
    assert_int_equal(kit_sweep(kit->store, 10)->nitems, 0);
}

static void logs_are_there_after_a_reopen(struct kit *kit) {
    (void)kit_put(kit->store, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_log_append(kit->store, "a", 3, "third"), TRUNK_OK);
    assert_status(kit_log_append(kit->store, "a", 5, "fifth"), TRUNK_OK);
    assert_status(kit_log_append(kit->store, "a", 9, "ninth"), TRUNK_OK);
    assert_status(kit_log_trim(kit->store, "a", 3), TRUNK_OK);
    (void)kit_put(kit->store, TRUNK_PUT_CREATE, "b", "two", 0);
    assert_status(kit_log_append(kit->store, "b", 7, "seventh"), TRUNK_OK);
    assert_status(kit_log_trim(kit->store, "b", 7), TRUNK_OK);
    kit_reopen(kit);
    const struct kit_result *log = kit_log_read(kit->store, "a", 0, 10);
    assert_int_equal(log->nitems, 2);
    assert_int_equal(log->items[0].seq, 5);
    assert_slice(log->items[0].value, "fifth");
    assert_slice(log->items[1].value, "ninth");
    assert_int_equal(kit_load(kit->store, "a", 0)->last_seq, 9);
    assert_int_equal(kit_load(kit->store, "b", 0)->last_seq, 7); /* though nothing is left of it */
    assert_status(kit_log_append(kit->store, "b", 6, "sixth"), TRUNK_CONFLICT);
}

enum { WRITTEN = 200 };

static void write_records(struct kit_store *store, struct kit_tally *tally, unsigned peer) {
    char key[16];
    (void)tally;
    (void)peer;
    for (unsigned i = 0; i < WRITTEN; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        assert_status(kit_put(store, TRUNK_PUT_CREATE, key, key, 1000), TRUNK_OK);
        assert_status(kit_touch(store, key, 2000), TRUNK_OK);
        if (i % 2 == 1) {
            assert_status(kit_remove(store, key), TRUNK_OK);
        }
    }
}

static void what_was_completed_survives_a_host_that_is_killed(struct kit *kit) {
    char key[16];
    kit_run_and_kill(kit, write_records);
    kit_advance(kit->store, 1999);
    for (unsigned i = 0; i < WRITTEN; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        if (i % 2 == 1) {
            assert_absent(kit->store, key);
        } else {
            assert_record(kit->store, key, key);
        }
    }
    kit_advance(kit->store, 1);
    assert_int_equal(kit_sweep(kit->store, WRITTEN)->nitems, WRITTEN / 2);
}

static const struct kit_case cases[] = {
    KIT_CASE(values_and_versions_are_there_after_a_reopen, KIT_NEEDS_PERSISTENT,
             "types.h, TRUNK_CAP_PERSISTENT: records survive a restart of the host"),
    KIT_CASE(lives_go_on_over_a_reopen, KIT_NEEDS_PERSISTENT,
             "types.h, TRUNK_CAP_PERSISTENT: records survive a restart of the host"),
    KIT_CASE(an_expired_record_waits_for_sweep_over_a_reopen, KIT_NEEDS_PERSISTENT,
             "storage.h, EXPIRY: it is kept, with its value, until `sweep` takes it"),
    KIT_CASE(logs_are_there_after_a_reopen, KIT_NEEDS_PERSISTENT | KIT_NEEDS_LOG,
             "types.h, TRUNK_CAP_PERSISTENT: records survive a restart of the host"),
    KIT_CASE(what_was_completed_survives_a_host_that_is_killed, KIT_NEEDS_PERSISTENT,
             "types.h, TRUNK_CAP_PERSISTENT: records survive a restart of the host"),
};
const struct kit_group kit_persistent_cases = KIT_GROUP("persistent", cases);
