/* SPDX-License-Identifier: MIT
 * kit_cases_life.c - rule 9, "load with touch_ttl_ms", "TTL in ms, 0 = never", "an expired record
 * is absent to every function at once", "expiry is reckoned on host->wall_ms". */
#include "kit_case.h"

static const uint64_t CENTURY_MS = 100ULL * 365 * 24 * 3600 * 1000;
static const uint64_t LONGEST_TTL_MS = ((uint64_t)1 << 48) - 1;

static const struct trunk_slice FROM_START = {NULL, 0};

/* A record "a" that has just expired. */
static void make_expired(struct kit_store *store) {
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "old", 1000), TRUNK_OK);
    kit_advance(store, 1000);
}

static void test_a_record_lives_until_its_ttl_has_passed_to_the_millisecond(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    kit_advance(store, 999);
    assert_record(store, "a", "one");
    kit_advance(store, 1);
    assert_absent(store, "a");
}

static void test_ttl_0_never_expires(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    kit_advance(store, CENTURY_MS);
    assert_record(store, "a", "one");
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
}

static void test_the_longest_ttl_is_kept(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", LONGEST_TTL_MS);
    kit_advance(store, CENTURY_MS);
    assert_record(store, "a", "one");
}

static void test_expiry_follows_the_clock_of_the_host_and_no_other(void **state) {
    struct kit_store *store = kit_store_of(state);
    uint64_t ends_ms = kit_now_ms(store) + 60000;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 60000);
    const struct kit_result *page = kit_scan(store, "", FROM_START, 10, 0);
    assert_non_null(kit_find_item(page, "a"));
    assert_int_equal(kit_find_item(page, "a")->expires_ms, ends_ms);
    kit_advance(store, 60000);
    assert_absent(store, "a");
}

static void test_every_put_gives_the_record_a_new_life(void **state) {
    struct kit_store *store = kit_store_of(state);
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    kit_advance(store, 900);
    assert_status(kit_cas(store, "a", "two", 1000, version), TRUNK_OK);
    kit_advance(store, 900);
    (void)kit_put(store, TRUNK_PUT_UPDATE, "a", "three", 1000);
    kit_advance(store, 900);
    (void)kit_put(store, TRUNK_PUT_UPSERT, "a", "four", 1000);
    kit_advance(store, 999);
    assert_record(store, "a", "four");
    kit_advance(store, 1);
    assert_absent(store, "a");
}

static void test_put_can_shorten_a_life_and_make_it_endless(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 5000);
    (void)kit_put(store, TRUNK_PUT_UPDATE, "a", "two", 1000);
    (void)kit_put(store, TRUNK_PUT_CREATE, "b", "one", 1000);
    (void)kit_put(store, TRUNK_PUT_UPDATE, "b", "two", 0);
    (void)kit_put(store, TRUNK_PUT_CREATE, "c", "one", 0);
    (void)kit_put(store, TRUNK_PUT_UPDATE, "c", "two", 1000);
    kit_advance(store, 1000);
    assert_absent(store, "a");
    assert_record(store, "b", "two");
    assert_absent(store, "c");
}

static void test_touch_restarts_the_life_and_changes_neither_value_nor_version(void **state) {
    struct kit_store *store = kit_store_of(state);
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    kit_advance(store, 900);
    assert_status(kit_touch(store, "a", 2000), TRUNK_OK);
    kit_advance(store, 1999);
    assert_record(store, "a", "one");
    assert_int_equal(kit_load(store, "a", 0)->version, version);
    kit_advance(store, 1);
    assert_absent(store, "a");
}

static void test_touch_can_shorten_a_life_and_make_it_endless(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 5000);
    (void)kit_put(store, TRUNK_PUT_CREATE, "b", "one", 1000);
    (void)kit_put(store, TRUNK_PUT_CREATE, "c", "one", 0);
    assert_status(kit_touch(store, "a", 1000), TRUNK_OK);
    assert_status(kit_touch(store, "b", 0), TRUNK_OK);
    assert_status(kit_touch(store, "c", 1000), TRUNK_OK);
    kit_advance(store, 1000);
    assert_absent(store, "a");
    assert_record(store, "b", "one");
    assert_absent(store, "c");
    kit_advance(store, CENTURY_MS);
    assert_record(store, "b", "one");
}

static void test_touch_of_an_absent_key_is_not_found_and_does_not_create_it(void **state) {
    struct kit_store *store = kit_store_of(state);
    assert_status(kit_touch(store, "a", 1000), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
}

static void test_load_with_touch_reads_and_restarts_the_life(void **state) {
    struct kit_store *store = kit_store_of(state);
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    kit_advance(store, 900);
    const struct kit_result *result = kit_load(store, "a", 1000);
    assert_status(result, TRUNK_OK);
    assert_slice(result->value, "one");
    assert_int_equal(result->version, version);
    kit_advance(store, 999);
    assert_record(store, "a", "one");
    assert_int_equal(kit_load(store, "a", 0)->version, version);
    kit_advance(store, 1);
    assert_absent(store, "a");
}

static void test_load_with_touch_0_leaves_the_life_as_it_is(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    kit_advance(store, 900);
    assert_status(kit_load(store, "a", 0), TRUNK_OK);
    kit_advance(store, 100);
    assert_absent(store, "a");
}

static void test_load_with_touch_ends_an_endless_life(void **state) {
    struct kit_store *store = kit_store_of(state);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_load(store, "a", 1000), TRUNK_OK);
    kit_advance(store, 1000);
    assert_absent(store, "a");
}

static void test_load_with_touch_of_an_absent_key_is_not_found(void **state) {
    struct kit_store *store = kit_store_of(state);
    assert_status(kit_load(store, "a", 1000), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
}

static void test_load_does_not_find_an_expired_record_nor_revive_it(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_expired(store);
    assert_status(kit_load(store, "a", 5000), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
}

static void test_touch_does_not_find_an_expired_record_nor_revive_it(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_expired(store);
    assert_status(kit_touch(store, "a", 5000), TRUNK_NOT_FOUND);
    assert_status(kit_touch(store, "a", 0), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
}

static void test_update_does_not_find_an_expired_record_nor_change_it(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_expired(store);
    assert_status(kit_put(store, TRUNK_PUT_UPDATE, "a", "new", 5000), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    const struct kit_result *swept = kit_sweep(store, 10);
    assert_non_null(kit_find_item(swept, "a"));
    assert_slice(kit_find_item(swept, "a")->value, "old");
}

static void test_cas_does_not_find_an_expired_record_nor_change_it(void **state) {
    struct kit_store *store = kit_store_of(state);
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "old", 1000)->version;
    kit_advance(store, 1000);
    assert_status(kit_cas(store, "a", "new", 5000, version), TRUNK_NOT_FOUND);
    assert_status(kit_cas(store, "a", "new", 5000, version ^ 1), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    const struct kit_result *swept = kit_sweep(store, 10);
    assert_non_null(kit_find_item(swept, "a"));
    assert_slice(kit_find_item(swept, "a")->value, "old");
}

static void test_scan_does_not_emit_an_expired_record(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_expired(store);
    (void)kit_put(store, TRUNK_PUT_CREATE, "b", "one", 1000);
    const struct kit_result *page = kit_scan(store, "", FROM_START, 10, 1);
    assert_null(kit_find_item(page, "a"));
    assert_non_null(kit_find_item(page, "b"));
}

static void test_remove_of_an_expired_record_is_ok_and_leaves_it_to_sweep(void **state) {
    struct kit_store *store = kit_store_of(state);
    make_expired(store);
    assert_status(kit_remove(store, "a"), TRUNK_OK);
    const struct kit_result *swept = kit_sweep(store, 10);
    assert_int_equal(swept->nitems, 1);
    assert_slice(swept->items[0].key, "a");
    assert_slice(swept->items[0].value, "old");
}

/* By CREATE and by UPSERT. */
static void replace_expired(struct kit_store *store, uint32_t mode) {
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "old", 1000)->version;
    kit_advance(store, 1000);
    const struct kit_result *result = kit_put(store, mode, "a", "new", 1000);
    assert_status(result, TRUNK_OK);
    assert_int_not_equal(result->version, version);
    assert_record(store, "a", "new");
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
    assert_record(store, "a", "new");
    kit_advance(store, 1000);
    const struct kit_result *swept = kit_sweep(store, 10);
    assert_int_equal(swept->nitems, 1);
    assert_slice(swept->items[0].value, "new");
}

static void test_create_makes_a_new_record_in_place_of_an_expired_one(void **state) {
    replace_expired(kit_store_of(state), TRUNK_PUT_CREATE);
}

static void test_upsert_makes_a_new_record_in_place_of_an_expired_one(void **state) {
    replace_expired(kit_store_of(state), TRUNK_PUT_UPSERT);
}

int kit_run_life_cases(struct kit *kit) {
    const struct CMUnitTest cases[] = {
        KIT_CASE(test_a_record_lives_until_its_ttl_has_passed_to_the_millisecond, kit),
        KIT_CASE(test_ttl_0_never_expires, kit),
        KIT_CASE(test_the_longest_ttl_is_kept, kit),
        KIT_CASE(test_expiry_follows_the_clock_of_the_host_and_no_other, kit),
        KIT_CASE(test_every_put_gives_the_record_a_new_life, kit),
        KIT_CASE(test_put_can_shorten_a_life_and_make_it_endless, kit),
        KIT_CASE(test_touch_restarts_the_life_and_changes_neither_value_nor_version, kit),
        KIT_CASE(test_touch_can_shorten_a_life_and_make_it_endless, kit),
        KIT_CASE(test_touch_of_an_absent_key_is_not_found_and_does_not_create_it, kit),
        KIT_CASE(test_load_with_touch_reads_and_restarts_the_life, kit),
        KIT_CASE(test_load_with_touch_0_leaves_the_life_as_it_is, kit),
        KIT_CASE(test_load_with_touch_ends_an_endless_life, kit),
        KIT_CASE(test_load_with_touch_of_an_absent_key_is_not_found, kit),
        KIT_CASE(test_load_does_not_find_an_expired_record_nor_revive_it, kit),
        KIT_CASE(test_touch_does_not_find_an_expired_record_nor_revive_it, kit),
        KIT_CASE(test_update_does_not_find_an_expired_record_nor_change_it, kit),
        KIT_CASE(test_cas_does_not_find_an_expired_record_nor_change_it, kit),
        KIT_CASE(test_scan_does_not_emit_an_expired_record, kit),
        KIT_CASE(test_remove_of_an_expired_record_is_ok_and_leaves_it_to_sweep, kit),
        KIT_CASE(test_create_makes_a_new_record_in_place_of_an_expired_one, kit),
        KIT_CASE(test_upsert_makes_a_new_record_in_place_of_an_expired_one, kit),
    };
    return cmocka_run_group_tests_name("rule 9: life and expiry", cases, NULL, NULL);
}
