/* SPDX-License-Identifier: MIT
 * kit_cases_sweep.c - rule 9, "kept until sweep(limit) takes it". */
#include "kit_case.h"

#include <stdio.h>

static void test_sweep_of_an_empty_store_is_ok_and_emits_nothing(void **state) {
    const struct kit_result *swept = kit_sweep(kit_store_of(state), 10);
    assert_status(swept, TRUNK_OK);
    assert_int_equal(swept->nitems, 0);
}

static void test_sweep_emits_an_expired_record_with_all_that_it_is(void **state) {
    struct kit_store *store = kit_store_of(state);
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

static void test_sweep_emits_each_expired_record_exactly_once(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
}

static void test_sweep_leaves_living_records_alone(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    (void)kit_put(store, TRUNK_PUT_CREATE, "b", "two", 1001);
    (void)kit_put(store, TRUNK_PUT_CREATE, "c", "three", 0);
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
    assert_absent(store, "a");
    assert_record(store, "b", "two");
    assert_record(store, "c", "three");
}

static void test_sweep_removes_at_most_limit_records_and_all_in_the_end(void **state) {
    struct kit_store *store = kit_store_of(state);
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

static void test_sweep_forgets_the_earlier_end_of_a_life_that_was_restarted(void **state) {
    struct kit_store *store = kit_store_of(state);
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

static void test_sweep_does_not_emit_a_removed_record(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    (void)kit_remove(store, "a");
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
}

static void test_a_swept_key_can_be_created_again(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    kit_advance(store, 1000);
    (void)kit_sweep(store, 10);
    assert_absent(store, "a");
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "two", 0), TRUNK_OK);
    assert_record(store, "a", "two");
}

int kit_run_sweep_cases(struct kit *kit) {
    const struct CMUnitTest cases[] = {
        KIT_CASE(test_sweep_of_an_empty_store_is_ok_and_emits_nothing, kit),
        KIT_CASE(test_sweep_emits_an_expired_record_with_all_that_it_is, kit),
        KIT_CASE(test_sweep_emits_each_expired_record_exactly_once, kit),
        KIT_CASE(test_sweep_leaves_living_records_alone, kit),
        KIT_CASE(test_sweep_removes_at_most_limit_records_and_all_in_the_end, kit),
        KIT_CASE(test_sweep_forgets_the_earlier_end_of_a_life_that_was_restarted, kit),
        KIT_CASE(test_sweep_does_not_emit_a_removed_record, kit),
        KIT_CASE(test_a_swept_key_can_be_created_again, kit),
    };
    return cmocka_run_group_tests_name("rule 9: sweep", cases, NULL, NULL);
}
