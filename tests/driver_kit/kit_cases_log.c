/* SPDX-License-Identifier: MIT
 * kit_cases_log.c - rule 9, "log (CAP_LOG): one append-only log per record". */
#include "kit_case.h"

static void make_record(struct kit_store *store, const char *key, uint64_t ttl_ms) {
    assert_status(kit_put(store, TRUNK_PUT_CREATE, key, "value", ttl_ms), TRUNK_OK);
}

/* Entries 1, 2, 5 of "a": "one", "two", "five". */
static void make_log(struct kit_store *store) {
    assert_status(kit_log_append(store, "a", 1, "one"), TRUNK_OK);
    assert_status(kit_log_append(store, "a", 2, "two"), TRUNK_OK);
    assert_status(kit_log_append(store, "a", 5, "five"), TRUNK_OK);
}

static void test_log_begins_empty(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_status(log, TRUNK_OK);
    assert_int_equal(log->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 0);
}

static void test_entries_are_read_in_rising_order_with_their_numbers(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_log(store);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_status(log, TRUNK_OK);
    assert_int_equal(log->nitems, 3);
    assert_int_equal(log->items[0].seq, 1);
    assert_slice(log->items[0].value, "one");
    assert_int_equal(log->items[1].seq, 2);
    assert_slice(log->items[1].value, "two");
    assert_int_equal(log->items[2].seq, 5);
    assert_slice(log->items[2].value, "five");
}

static void test_reading_begins_after_a_number_and_ends_at_the_limit(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_log(store);
    const struct kit_result *log = kit_log_read(store, "a", 1, 10);
    assert_int_equal(log->nitems, 2);
    assert_int_equal(log->items[0].seq, 2);
    log = kit_log_read(store, "a", 3, 10);
    assert_int_equal(log->nitems, 1);
    assert_int_equal(log->items[0].seq, 5);
    log = kit_log_read(store, "a", 0, 2);
    assert_int_equal(log->nitems, 2);
    assert_int_equal(log->items[1].seq, 2);
    log = kit_log_read(store, "a", 5, 10);
    assert_status(log, TRUNK_OK);
    assert_int_equal(log->nitems, 0);
}

static void test_load_tells_the_last_seq(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_log(store);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
    assert_int_equal(kit_load(store, "a", 1000)->last_seq, 5);
}

static void test_append_to_an_absent_record_is_not_found_and_stores_nothing(void **state) {
    struct kit_store *store = kit_store_of(state);
    assert_status(kit_log_append(store, "a", 1, "one"), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    make_record(store, "a", 0);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
}

static void test_the_same_seq_again_is_ok_and_stored_once(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_log(store);
    assert_status(kit_log_append(store, "a", 5, "five"), TRUNK_OK);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 3);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
}

static void test_a_lower_seq_is_conflict_and_stores_nothing(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_log(store);
    assert_status(kit_log_append(store, "a", 4, "four"), TRUNK_CONFLICT);
    assert_status(kit_log_append(store, "a", 2, "two"), TRUNK_CONFLICT);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_int_equal(log->nitems, 3);
    assert_int_equal(log->items[2].seq, 5);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
}

static void test_the_highest_seq_and_an_empty_value_are_kept(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    assert_status(kit_log_append(store, "a", INT64_MAX, ""), TRUNK_OK);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_int_equal(log->nitems, 1);
    assert_int_equal(log->items[0].seq, INT64_MAX);
    assert_int_equal(log->items[0].value.len, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, INT64_MAX);
}

static void test_trim_removes_up_to_a_number_and_leaves_the_last_seq(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_log(store);
    assert_status(kit_log_trim(store, "a", 3), TRUNK_OK);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_int_equal(log->nitems, 1);
    assert_int_equal(log->items[0].seq, 5);
    assert_status(kit_log_trim(store, "a", 100), TRUNK_OK);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
    assert_status(kit_log_trim(store, "a", 100), TRUNK_OK);
}

static void test_after_a_trim_the_order_still_holds(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_log(store);
    (void)kit_log_trim(store, "a", 5);
    assert_status(kit_log_append(store, "a", 4, "four"), TRUNK_CONFLICT);
    assert_status(kit_log_append(store, "a", 5, "five"), TRUNK_OK);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_status(kit_log_append(store, "a", 6, "six"), TRUNK_OK);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_int_equal(log->nitems, 1);
    assert_slice(log->items[0].value, "six");
}

static void test_reading_and_trimming_an_absent_record_is_not_found(void **state) {
    struct kit_store *store = kit_store_of(state);
    assert_status(kit_log_read(store, "a", 0, 10), TRUNK_NOT_FOUND);
    assert_status(kit_log_trim(store, "a", 10), TRUNK_NOT_FOUND);
}

static void test_logs_of_different_records_are_apart(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_record(store, "ab", 0);
    make_log(store);
    assert_status(kit_log_append(store, "ab", 1, "other"), TRUNK_OK);
    (void)kit_log_trim(store, "a", 5);
    const struct kit_result *log = kit_log_read(store, "ab", 0, 10);
    assert_int_equal(log->nitems, 1);
    assert_slice(log->items[0].value, "other");
    assert_int_equal(kit_load(store, "ab", 0)->last_seq, 1);
}

static void test_the_log_stays_when_a_living_record_is_put(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_log(store);
    (void)kit_put(store, TRUNK_PUT_UPDATE, "a", "two", 0);
    uint64_t version = kit_put(store, TRUNK_PUT_UPSERT, "a", "three", 0)->version;
    (void)kit_cas(store, "a", "four", 0, version);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "five", 0);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 3);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
}

static void test_the_log_changes_neither_life_nor_version(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 1000);
    uint64_t version = kit_load(store, "a", 0)->version;
    kit_advance(store, 900);
    make_log(store);
    (void)kit_log_read(store, "a", 0, 10);
    (void)kit_log_trim(store, "a", 1);
    assert_int_equal(kit_load(store, "a", 0)->version, version);
    kit_advance(store, 100);
    assert_absent(store, "a");
}

static void test_touch_acts_on_record_and_log_together(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 1000);
    make_log(store);
    (void)kit_touch(store, "a", 5000);
    kit_advance(store, 4999);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 3);
    kit_advance(store, 1);
    assert_status(kit_log_read(store, "a", 0, 10), TRUNK_NOT_FOUND);
}

static void test_remove_takes_the_log_with_the_record(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 0);
    make_log(store);
    (void)kit_remove(store, "a");
    assert_status(kit_log_read(store, "a", 0, 10), TRUNK_NOT_FOUND);
    make_record(store, "a", 0);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 0);
    assert_status(kit_log_append(store, "a", 1, "one"), TRUNK_OK);
}

static void test_an_expired_record_has_no_log(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 1000);
    make_log(store);
    kit_advance(store, 1000);
    assert_status(kit_log_append(store, "a", 6, "six"), TRUNK_NOT_FOUND);
    assert_status(kit_log_read(store, "a", 0, 10), TRUNK_NOT_FOUND);
    assert_status(kit_log_trim(store, "a", 10), TRUNK_NOT_FOUND);
}

static void test_sweep_takes_the_log_with_the_record(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_record(store, "a", 1000);
    make_log(store);
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
    make_record(store, "a", 0);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 0);
}

/* By CREATE and by UPSERT. */
static void replace_expired(struct kit_store *store, uint32_t mode) {
    make_record(store, "a", 1000);
    make_log(store);
    kit_advance(store, 1000);
    assert_status(kit_put(store, mode, "a", "new", 0), TRUNK_OK);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 0);
    assert_status(kit_log_append(store, "a", 1, "one"), TRUNK_OK);
}

static void test_create_over_an_expired_record_begins_with_an_empty_log(void **state) {
    replace_expired(kit_store_of(state), TRUNK_PUT_CREATE);
}

static void test_upsert_over_an_expired_record_begins_with_an_empty_log(void **state) {
    replace_expired(kit_store_of(state), TRUNK_PUT_UPSERT);
}

int kit_run_log_cases(struct kit *kit) {
    const struct CMUnitTest cases[] = {
        KIT_CASE(test_log_begins_empty, kit),
        KIT_CASE(test_entries_are_read_in_rising_order_with_their_numbers, kit),
        KIT_CASE(test_reading_begins_after_a_number_and_ends_at_the_limit, kit),
        KIT_CASE(test_load_tells_the_last_seq, kit),
        KIT_CASE(test_append_to_an_absent_record_is_not_found_and_stores_nothing, kit),
        KIT_CASE(test_the_same_seq_again_is_ok_and_stored_once, kit),
        KIT_CASE(test_a_lower_seq_is_conflict_and_stores_nothing, kit),
        KIT_CASE(test_the_highest_seq_and_an_empty_value_are_kept, kit),
        KIT_CASE(test_trim_removes_up_to_a_number_and_leaves_the_last_seq, kit),
        KIT_CASE(test_after_a_trim_the_order_still_holds, kit),
        KIT_CASE(test_reading_and_trimming_an_absent_record_is_not_found, kit),
        KIT_CASE(test_logs_of_different_records_are_apart, kit),
        KIT_CASE(test_the_log_stays_when_a_living_record_is_put, kit),
        KIT_CASE(test_the_log_changes_neither_life_nor_version, kit),
        KIT_CASE(test_touch_acts_on_record_and_log_together, kit),
        KIT_CASE(test_remove_takes_the_log_with_the_record, kit),
        KIT_CASE(test_an_expired_record_has_no_log, kit),
        KIT_CASE(test_sweep_takes_the_log_with_the_record, kit),
        KIT_CASE(test_create_over_an_expired_record_begins_with_an_empty_log, kit),
        KIT_CASE(test_upsert_over_an_expired_record_begins_with_an_empty_log, kit),
    };
    return cmocka_run_group_tests_name("rule 9: log", cases, NULL, NULL);
}
