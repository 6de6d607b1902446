/* SPDX-License-Identifier: MIT
 * kit_cases_sweep.c - rule 9, "kept until sweep(limit) takes it". */
#include "kit_case.h"

#include <stdio.h>

static void sweep_of_an_empty_store_is_ok_and_emits_nothing(struct kit *kit) {
    const struct kit_result *swept = kit_sweep(kit->store, 10);
    assert_status(swept, TRUNK_OK);
    assert_int_equal(swept->nitems, 0);
}

static void sweep_emits_an_expired_record_with_all_that_it_is(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t ends_ms = kit_now_ms(store) + 1000;
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    kit_advance(store, 5000);
    const struct kit_result *swept = kit_sweep(store, 10);
    assert_status(swept, TRUNK_OK);
    assert_int_equal(swept->nitems, 1);
    assert_slice(swept->items[0].key, "a");
    assert_slice(swept->items[0].value, "one");
    assert_int_equal(swept->items[0].version, version);
    assert_int_equal(swept->items[0].expires_ms, ends_ms);
}

static void sweep_emits_each_expired_record_exactly_once(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
}

static void sweep_leaves_living_records_alone(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    (void)kit_put(store, TRUNK_PUT_CREATE, "b", "two", 1001);
    (void)kit_put(store, TRUNK_PUT_CREATE, "c", "three", 0);
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
    assert_absent(store, "a");
    assert_record(store, "b", "two");
    assert_record(store, "c", "three");
}

static void sweep_removes_at_most_limit_records_and_all_in_the_end(struct kit *kit) {
    struct kit_store *store = kit->store;
    enum { RECORDS = 25, LIMIT = 10 };
    unsigned times[RECORDS] = {0};
    char key[16];
    for (unsigned i = 0; i < RECORDS; i++) {
        (void)snprintf(key, sizeof key, "%u", i);
        (void)kit_put(store, TRUNK_PUT_CREATE, key, key, 1000 + i * 7 % 5);
    }
    kit_advance(store, 2000);
    static const size_t expected[] = {LIMIT, LIMIT, RECORDS - 2 * LIMIT, 0};
    for (size_t round = 0; round < 4; round++) {
        const struct kit_result *swept = kit_sweep(store, LIMIT);
        assert_int_equal(swept->nitems, expected[round]);
        for (size_t i = 0; i < swept->nitems; i++) {
            unsigned n = 0;
            struct trunk_slice name = swept->items[i].key;
            for (size_t digit = 0; digit < name.len; digit++) {
                n = n * 10 + (unsigned)(((const char *)name.data)[digit] - '0');
            }
            assert_in_range(n, 0, RECORDS - 1);
            times[n]++;
            assert_int_equal(swept->items[i].value.len, name.len);
            assert_memory_equal(swept->items[i].value.data, name.data, name.len);
        }
    }
    for (unsigned i = 0; i < RECORDS; i++) {
        assert_int_equal(times[i], 1);
    }
}

static void sweep_forgets_the_earlier_end_of_a_life_that_was_restarted(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    (void)kit_put(store, TRUNK_PUT_CREATE, "b", "two", 1000);
    (void)kit_put(store, TRUNK_PUT_CREATE, "c", "three", 1000);
    (void)kit_put(store, TRUNK_PUT_CREATE, "d", "four", 1000);
    (void)kit_touch(store, "a", 2000);
    (void)kit_load(store, "b", 2000);
    (void)kit_put(store, TRUNK_PUT_UPDATE, "c", "three", 2000);
    (void)kit_touch(store, "d", 0);
    kit_advance(store, 1500);
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
    kit_advance(store, 500);
    const struct kit_result *swept = kit_sweep(store, 10);
    assert_int_equal(swept->nitems, 3);
    assert_null(kit_find_item(swept, "d"));
}

static void sweep_does_not_emit_a_removed_record(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    (void)kit_remove(store, "a");
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
}

static void a_swept_key_can_be_created_again(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    kit_advance(store, 1000);
    (void)kit_sweep(store, 10);
    assert_absent(store, "a");
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "two", 0), TRUNK_OK);
    assert_record(store, "a", "two");
}

static const struct kit_case cases[] = {
    KIT_CASE(sweep_of_an_empty_store_is_ok_and_emits_nothing, 0,
             "storage.h, sweep: Completes with OK, also when there was none."),
    KIT_CASE(sweep_emits_an_expired_record_with_all_that_it_is, 0,
             "storage.h, sweep: emits each: item.key, value, version, expires_ms"),
    KIT_CASE(sweep_emits_each_expired_record_exactly_once, 0,
             "storage.h, sweep: Each expired record is emitted exactly once, to one caller of all "
             "hosts"),
    KIT_CASE(sweep_leaves_living_records_alone, 0,
             "storage.h, sweep: Removes up to limit (1..2^32-1) expired records and their logs"),
    KIT_CASE(sweep_removes_at_most_limit_records_and_all_in_the_end, 0,
             "storage.h, sweep: Fewer than limit: no more are expired now."),
    KIT_CASE(sweep_forgets_the_earlier_end_of_a_life_that_was_restarted, 0,
             "storage.h, touch: Restarts a record's life without reading it"),
    KIT_CASE(sweep_does_not_emit_a_removed_record, 0,
             "storage.h, remove: Removes a record and its log."),
    KIT_CASE(a_swept_key_can_be_created_again, 0,
             "storage.h, sweep: what was emitted is gone, whatever the op's status"),
};
const struct kit_group kit_sweep_cases = KIT_GROUP("sweep", cases);
