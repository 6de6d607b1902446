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

static void a_record_lives_until_its_ttl_has_passed_to_the_millisecond(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    kit_advance(store, 999);
    assert_record(store, "a", "one");
    kit_advance(store, 1);
    assert_absent(store, "a");
}

static void ttl_0_never_expires(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    kit_advance(store, CENTURY_MS);
    assert_record(store, "a", "one");
    assert_int_equal(kit_sweep(store, 10)->nitems, 0);
}

static void the_longest_ttl_is_kept(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", LONGEST_TTL_MS);
    kit_advance(store, CENTURY_MS);
    assert_record(store, "a", "one");
}

static void expiry_follows_the_clock_of_the_host_and_no_other(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t ends_ms = kit_now_ms(store) + 60000;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 60000);
    const struct kit_result *page = kit_scan(store, "", FROM_START, 10, 0);
    assert_non_null(kit_find_item(page, "a"));
    assert_int_equal(kit_find_item(page, "a")->expires_ms, ends_ms);
    kit_advance(store, 60000);
    assert_absent(store, "a");
}

static void every_put_gives_the_record_a_new_life(struct kit *kit) {
    struct kit_store *store = kit->store;
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

static void put_can_shorten_a_life_and_make_it_endless(struct kit *kit) {
    struct kit_store *store = kit->store;
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

static void touch_restarts_the_life_and_changes_neither_value_nor_version(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    kit_advance(store, 900);
    assert_status(kit_touch(store, "a", 2000), TRUNK_OK);
    kit_advance(store, 1999);
    assert_record(store, "a", "one");
    assert_int_equal(kit_load(store, "a", 0)->version, version);
    kit_advance(store, 1);
    assert_absent(store, "a");
}

static void touch_can_shorten_a_life_and_make_it_endless(struct kit *kit) {
    struct kit_store *store = kit->store;
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

static void touch_of_an_absent_key_is_not_found_and_does_not_create_it(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_touch(store, "a", 1000), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
}

static void load_with_touch_reads_and_restarts_the_life(struct kit *kit) {
    struct kit_store *store = kit->store;
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

static void load_with_touch_0_leaves_the_life_as_it_is(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000);
    kit_advance(store, 900);
    assert_status(kit_load(store, "a", 0), TRUNK_OK);
    kit_advance(store, 100);
    assert_absent(store, "a");
}

static void load_with_touch_ends_an_endless_life(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_load(store, "a", 1000), TRUNK_OK);
    kit_advance(store, 1000);
    assert_absent(store, "a");
}

static void load_with_touch_of_an_absent_key_is_not_found(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_load(store, "a", 1000), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
}

static void load_does_not_find_an_expired_record_nor_revive_it(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_expired(store);
    assert_status(kit_load(store, "a", 5000), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
}

static void touch_does_not_find_an_expired_record_nor_revive_it(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_expired(store);
    assert_status(kit_touch(store, "a", 5000), TRUNK_NOT_FOUND);
    assert_status(kit_touch(store, "a", 0), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
}

static void update_does_not_find_an_expired_record_nor_change_it(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_expired(store);
    assert_status(kit_put(store, TRUNK_PUT_UPDATE, "a", "new", 5000), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    const struct kit_result *swept = kit_sweep(store, 10);
    assert_non_null(kit_find_item(swept, "a"));
    assert_slice(kit_find_item(swept, "a")->value, "old");
}

static void cas_does_not_find_an_expired_record_nor_change_it(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "old", 1000)->version;
    kit_advance(store, 1000);
    assert_status(kit_cas(store, "a", "new", 5000, version), TRUNK_NOT_FOUND);
    assert_status(kit_cas(store, "a", "new", 5000, version ^ 1), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    const struct kit_result *swept = kit_sweep(store, 10);
    assert_non_null(kit_find_item(swept, "a"));
    assert_slice(kit_find_item(swept, "a")->value, "old");
}

static void scan_does_not_emit_an_expired_record(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_expired(store);
    (void)kit_put(store, TRUNK_PUT_CREATE, "b", "one", 1000);
    const struct kit_result *page = kit_scan(store, "", FROM_START, 10, 1);
    assert_null(kit_find_item(page, "a"));
    assert_non_null(kit_find_item(page, "b"));
}

static void remove_of_an_expired_record_is_ok_and_leaves_it_to_sweep(struct kit *kit) {
    struct kit_store *store = kit->store;
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

static void create_makes_a_new_record_in_place_of_an_expired_one(struct kit *kit) {
    replace_expired(kit->store, TRUNK_PUT_CREATE);
}

static void upsert_makes_a_new_record_in_place_of_an_expired_one(struct kit *kit) {
    replace_expired(kit->store, TRUNK_PUT_UPSERT);
}

static const struct kit_case cases[] = {
    KIT_CASE(a_record_lives_until_its_ttl_has_passed_to_the_millisecond, 0,
             "storage.h, EXPIRY: A record is expired from the first millisecond with wall_ms >= "
             "expires_ms on."),
    KIT_CASE(ttl_0_never_expires, 0, "storage.h, put: 0: never ends"),
    KIT_CASE(the_longest_ttl_is_kept, 0,
             "storage.h, life: A time to live (ttl_ms, touch_ttl_ms) is 0..2^48-1 milliseconds"),
    KIT_CASE(expiry_follows_the_clock_of_the_host_and_no_other, 0,
             "storage.h, life: Use no other clock for it, and not the store's"),
    KIT_CASE(every_put_gives_the_record_a_new_life, 0,
             "storage.h, put: Writes a record whole: value, a new version, a new life."),
    KIT_CASE(put_can_shorten_a_life_and_make_it_endless, 0,
             "storage.h, put: the record's life from now on, in ms"),
    KIT_CASE(touch_restarts_the_life_and_changes_neither_value_nor_version, 0,
             "storage.h, touch: Value, version and log stay."),
    KIT_CASE(touch_can_shorten_a_life_and_make_it_endless, 0,
             "storage.h, touch: it ends at wall_ms + ttl_ms; ttl_ms 0: never. It may become "
             "shorter so."),
    KIT_CASE(touch_of_an_absent_key_is_not_found_and_does_not_create_it, 0,
             "storage.h, touch: Completes with OK; NOT_FOUND."),
    KIT_CASE(
        load_with_touch_reads_and_restarts_the_life, 0,
        "storage.h, load: when touch_ttl_ms is not 0, restarts its life in the same atomic step"),
    KIT_CASE(load_with_touch_0_leaves_the_life_as_it_is, 0,
             "storage.h, load: touch_ttl_ms 0: the life stays as it is"),
    KIT_CASE(load_with_touch_ends_an_endless_life, 0,
             "storage.h, load: it then ends at wall_ms + touch_ttl_ms"),
    KIT_CASE(load_with_touch_of_an_absent_key_is_not_found, 0,
             "storage.h, load: with LOG reply.last_seq; NOT_FOUND."),
    KIT_CASE(load_does_not_find_an_expired_record_nor_revive_it, 0,
             "storage.h, EXPIRY: An expired record is absent to every function at once, and "
             "nothing revives it"),
    KIT_CASE(touch_does_not_find_an_expired_record_nor_revive_it, 0,
             "storage.h, EXPIRY: An expired record is absent to every function at once, and "
             "nothing revives it"),
    KIT_CASE(update_does_not_find_an_expired_record_nor_change_it, 0,
             "storage.h, EXPIRY: An expired record is absent to every function at once, and "
             "nothing revives it"),
    KIT_CASE(cas_does_not_find_an_expired_record_nor_change_it, 0,
             "storage.h, EXPIRY: An expired record is absent to every function at once, and "
             "nothing revives it"),
    KIT_CASE(scan_does_not_emit_an_expired_record, 0,
             "storage.h, EXPIRY: An expired record is absent to every function at once, and "
             "nothing revives it"),
    KIT_CASE(remove_of_an_expired_record_is_ok_and_leaves_it_to_sweep, 0,
             "storage.h, EXPIRY: OK, and the record stays for sweep"),
    KIT_CASE(create_makes_a_new_record_in_place_of_an_expired_one, 0,
             "storage.h, EXPIRY: makes a new record in its place: with a new version, an empty "
             "log, and without the old value"),
    KIT_CASE(upsert_makes_a_new_record_in_place_of_an_expired_one, 0,
             "storage.h, EXPIRY: makes a new record in its place: with a new version, an empty "
             "log, and without the old value"),
};
const struct kit_group kit_life_cases = KIT_GROUP("life", cases);
