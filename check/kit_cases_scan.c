/* SPDX-License-Identifier: MIT
 * kit_cases_scan.c - rule 9, "each record present from start to end is emitted at least once". */
#include "kit_case.h"

#include <stdio.h>

enum { RECORDS = 100, MOST_PAGES = 10000 };
static const struct trunk_slice FROM_START = {NULL, 0};

struct key {
    char text[16];
};

static struct key key_of(unsigned i) {
    struct key key;
    (void)snprintf(key.text, sizeof key.text, "%s%03u", i % 2 == 0 ? "s:" : "c:", i);
    return key;
}

static void make_records(struct kit_store *store) {
    for (unsigned i = 0; i < RECORDS; i++) {
        struct key key = key_of(i);
        assert_status(kit_put(store, TRUNK_PUT_CREATE, key.text, key.text, 0), TRUNK_OK);
    }
}

/* Counts in times[] how often each record is emitted by a whole scan. after_page may be NULL; it is
 * called between two pages. */
static void scan_all(struct kit_store *store, const char *prefix, uint32_t limit,
                     void (*after_page)(struct kit_store *store, unsigned page),
                     unsigned times[RECORDS]) {
    struct trunk_slice cursor = FROM_START;
    memset(times, 0, RECORDS * sizeof times[0]);
    for (unsigned page = 0; page == 0 || cursor.len > 0; page++) {
        assert_in_range(page, 0, MOST_PAGES);
        const struct kit_result *result = kit_scan(store, prefix, cursor, limit, 0);
        assert_status(result, TRUNK_OK);
        for (unsigned i = 0; i < RECORDS; i++) {
            times[i] += kit_find_item(result, key_of(i).text) != NULL;
        }
        cursor = result->value;
        assert_in_range(cursor.len, 0, 256);
        if (after_page != NULL && cursor.len > 0) {
            after_page(store, page);
        }
    }
}

static void scan_of_an_empty_store_emits_nothing_and_ends(struct kit *kit) {
    const struct kit_result *page = kit_scan(kit->store, "", FROM_START, 10, 0);
    assert_status(page, TRUNK_OK);
    assert_int_equal(page->nitems, 0);
    assert_int_equal(page->value.len, 0);
}

static void scan_emits_every_record_whatever_the_limit(struct kit *kit) {
    struct kit_store *store = kit->store;
    static const uint32_t limits[] = {1, 7, RECORDS - 1, RECORDS, RECORDS + 1, UINT32_MAX};
    unsigned times[RECORDS];
    make_records(store);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        scan_all(store, "", limits[i], NULL, times);
        for (unsigned n = 0; n < RECORDS; n++) {
            assert_in_range(times[n], 1, MOST_PAGES);
        }
    }
}

static void scan_emits_only_keys_with_the_prefix(struct kit *kit) {
    struct kit_store *store = kit->store;
    unsigned times[RECORDS];
    make_records(store);
    scan_all(store, "s:", 7, NULL, times);
    for (unsigned n = 0; n < RECORDS; n++) {
        assert_true(n % 2 == 0 ? times[n] > 0 : times[n] == 0);
    }
    scan_all(store, "s:042", 7, NULL, times);
    for (unsigned n = 0; n < RECORDS; n++) {
        assert_true(n == 42 ? times[n] > 0 : times[n] == 0);
    }
    scan_all(store, "s:0420", 7, NULL, times);
    assert_int_equal(times[42], 0);
}

static void no_byte_of_a_prefix_is_a_pattern(struct kit *kit) {
    struct kit_store *store = kit->store;
    static const char *const prefixes[] = {"a%", "a_", "a*", "a?", "a[b]", "a\\", "a'", "A"};
    (void)kit_put(store, TRUNK_PUT_CREATE, "abc", "plain", 0);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%s1", prefixes[i]);
        (void)kit_put(store, TRUNK_PUT_CREATE, key, "odd", 0);
        const struct kit_result *page = kit_scan(store, prefixes[i], FROM_START, 1000, 0);
        assert_non_null(kit_find_item(page, key));
        assert_null(kit_find_item(page, "abc"));
    }
}

static void scan_tells_key_version_and_end_of_life(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t ends_ms = kit_now_ms(store) + 1000;
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    (void)kit_put(store, TRUNK_PUT_CREATE, "b", "two", 0);
    const struct kit_result *page = kit_scan(store, "", FROM_START, 10, 0);
    assert_non_null(kit_find_item(page, "a"));
    assert_non_null(kit_find_item(page, "b"));
    assert_int_equal(kit_find_item(page, "a")->version, version);
    assert_int_equal(kit_find_item(page, "a")->expires_ms, ends_ms);
    assert_int_equal(kit_find_item(page, "b")->expires_ms, 0);
}

static void scan_gives_values_when_they_are_wanted_and_only_then(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    const struct kit_result *page = kit_scan(store, "", FROM_START, 10, 1);
    assert_non_null(kit_find_item(page, "a"));
    assert_slice(kit_find_item(page, "a")->value, "one");
    page = kit_scan(store, "", FROM_START, 10, 0);
    assert_non_null(kit_find_item(page, "a"));
    assert_int_equal(kit_find_item(page, "a")->value.len, 0);
}

/* After each page one of the records with an odd number goes, and others come. */
static void remove_and_create(struct kit_store *store, unsigned page) {
    char key[32];
    (void)kit_remove(store, key_of((page * 2 + 1) % RECORDS).text);
    (void)snprintf(key, sizeof key, "new:%u", page);
    if (page < RECORDS) {
        (void)kit_put(store, TRUNK_PUT_CREATE, key, "new", 0);
    }
}

static void scan_misses_nothing_while_other_records_come_and_go(struct kit *kit) {
    struct kit_store *store = kit->store;
    unsigned times[RECORDS];
    make_records(store);
    scan_all(store, "", 3, remove_and_create, times);
    for (unsigned n = 0; n < RECORDS; n += 2) {
        assert_in_range(times[n], 1, MOST_PAGES);
    }
}

/* The page before has ended at some record; whichever it was, it goes. */
static void remove_odd_ones_at_once(struct kit_store *store, unsigned page) {
    for (unsigned i = 1; page == 2 && i < RECORDS; i += 2) {
        (void)kit_remove(store, key_of(i).text);
    }
}

static void scan_goes_on_when_the_record_it_stood_at_is_gone(struct kit *kit) {
    struct kit_store *store = kit->store;
    unsigned times[RECORDS];
    make_records(store);
    scan_all(store, "", 2, remove_odd_ones_at_once, times);
    for (unsigned n = 0; n < RECORDS; n += 2) {
        assert_in_range(times[n], 1, MOST_PAGES);
    }
}

/* Puts and touches move no record out of a scan's way. */
static void change_all(struct kit_store *store, unsigned page) {
    for (unsigned i = 0; i < RECORDS; i++) {
        if ((i + page) % 2 == 0) {
            (void)kit_put(store, TRUNK_PUT_UPDATE, key_of(i).text, "changed", 60000);
        } else {
            (void)kit_touch(store, key_of(i).text, 60000);
        }
    }
}

static void scan_misses_no_record_that_is_changed_meanwhile(struct kit *kit) {
    struct kit_store *store = kit->store;
    unsigned times[RECORDS];
    make_records(store);
    scan_all(store, "", 10, change_all, times);
    for (unsigned n = 0; n < RECORDS; n++) {
        assert_in_range(times[n], 1, MOST_PAGES);
    }
}

/* A driver whose cursors are keys cannot tell. */
static void a_cursor_of_others_is_invalid_or_harmless(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_records(store);
    const struct trunk_slice cursor = {"no cursor of this driver", 24};
    int32_t status = kit_scan(store, "", cursor, 10, 0)->status;
    assert_true(status == TRUNK_OK || status == TRUNK_INVALID);
}

static const struct kit_case cases[] = {
    KIT_CASE(scan_of_an_empty_store_emits_nothing_and_ends, 0,
             "storage.h, scan: empty after the last page"),
    KIT_CASE(scan_emits_every_record_whatever_the_limit, 0,
             "storage.h, scan: each record that is there from the first page to the last is "
             "emitted at least once"),
    KIT_CASE(scan_emits_only_keys_with_the_prefix, 0,
             "storage.h, scan: Emits a page of the living records whose key begins with prefix"),
    KIT_CASE(no_byte_of_a_prefix_is_a_pattern, 0,
             "storage.h, key: No byte is special in it: a driver whose store knows patterns or "
             "quotes (GLOB, LIKE, KEYS) escapes them."),
    KIT_CASE(scan_tells_key_version_and_end_of_life, 0,
             "storage.h, scan: item.key, version, expires_ms (0: never)"),
    KIT_CASE(scan_gives_values_when_they_are_wanted_and_only_then, 0,
             "storage.h, scan: and value when want_values is 1"),
    KIT_CASE(scan_misses_nothing_while_other_records_come_and_go, 0,
             "storage.h, scan: is emitted at least once, whatever comes and goes meanwhile"),
    KIT_CASE(scan_goes_on_when_the_record_it_stood_at_is_gone, 0,
             "storage.h, scan: is emitted at least once, whatever comes and goes meanwhile"),
    KIT_CASE(scan_misses_no_record_that_is_changed_meanwhile, 0,
             "storage.h, scan: is emitted at least once, whatever comes and goes meanwhile"),
    KIT_CASE(a_cursor_of_others_is_invalid_or_harmless, 0,
             "storage.h, scan: INVALID (a cursor that this driver did not make)"),
};
const struct kit_group kit_scan_cases = KIT_GROUP("scan", cases);
