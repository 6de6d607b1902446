/* SPDX-License-Identifier: MIT
 * cases_page.c - sweep and scan over more than the server gives at once, and cursors. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

static const struct trunk_slice FROM_START = {NULL, 0};

static void make_records(struct rig *rig, unsigned count, uint64_t ttl_ms) {
    trunk_op op = 0;
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%u", i);
        op = kit_begin_put(rig->store, key, "one", ttl_ms);
    }
    assert_status(kit_wait(rig->store, op), TRUNK_OK);
}

static void test_one_sweep_takes_as_many_as_it_is_asked_for(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    make_records(rig, 1000, 1000);
    kit_advance(rig->store, 1000);
    assert_int_equal(kit_sweep(rig->store, 700)->nitems, 700);
    assert_int_equal(kit_sweep(rig->store, UINT32_MAX)->nitems, 300);
    assert_int_equal(kit_sweep(rig->store, 1)->nitems, 0);
}

static void test_one_sweep_takes_all_large_records(void **state) {
    struct rig *rig = *state;
    enum { RECORDS = 6, BYTES = 1 << 20 };
    rig_start_and_open(rig);
    for (int i = 0; i < RECORDS; i++) {
        const char key[] = {(char)('a' + i), '\0'};
        trunk_op op = rig_begin_put_bytes(rig, key, BYTES);
        assert_status(kit_wait(rig->store, op), TRUNK_OK);
        (void)kit_touch(rig->store, key, 1000);
    }
    kit_advance(rig->store, 1000);
    const struct kit_result *swept = kit_sweep(rig->store, 10);
    assert_int_equal(swept->nitems, RECORDS);
    for (int i = 0; i < RECORDS; i++) {
        assert_int_equal(swept->items[i].value.len, BYTES);
    }
    assert_asked(rig, "DBSIZE", "0");
}

static void test_scan_finds_few_records_among_many_keys_of_others(void **state) {
    struct rig *rig = *state;
    enum { RECORDS = 10 };
    rig_start_and_open(rig);
    make_records(rig, RECORDS, 0);
    rig_fill(rig, 20000);
    size_t found = 0;
    struct trunk_slice cursor = FROM_START;
    do {
        const struct kit_result *page = kit_scan(rig->store, "k", cursor, 3, 1);
        assert_status(page, TRUNK_OK);
        found += page->nitems;
        cursor = page->value;
    } while (cursor.len > 0);
    assert_in_range(found, RECORDS, 2 * RECORDS);
}

static void test_a_scan_that_sees_the_server_start_again_misses_nothing(void **state) {
    struct rig *rig = *state;
    enum { RECORDS = 2000 };
    bool was_found[RECORDS] = {false};
    rig_start_and_open(rig);
    make_records(rig, RECORDS, 0);
    struct trunk_slice cursor = FROM_START;
    for (unsigned pages = 0; pages == 0 || cursor.len > 0; pages++) {
        const struct kit_result *page = kit_scan(rig->store, "", cursor, 200, 0);
        assert_status(page, TRUNK_OK);
        for (size_t i = 0; i < page->nitems; i++) {
            char key[16];
            assert_in_range(page->items[i].key.len, 2, sizeof key - 1);
            memcpy(key, page->items[i].key.data, page->items[i].key.len);
            key[page->items[i].key.len] = '\0';
            was_found[strtoul(key + 1, NULL, 10) % RECORDS] = true;
        }
        cursor = page->value;
        if (pages == 3) {
            assert_asked(rig, "SAVE", "OK");
            redis_server_kill(&rig->server);
            kit_host_run(rig->store->host, 20);
            rig_start(rig, NULL);
            rig_wait_until_ready(rig);
            memset(was_found, 0, sizeof was_found); /* it begins anew */
        }
    }
    for (unsigned i = 0; i < RECORDS; i++) {
        assert_true(was_found[i]);
    }
}

static void test_a_cursor_of_something_else_is_invalid(void **state) {
    struct rig *rig = *state;
    static const char *const cursors[] = {"1", "01234567", "01234567x", "01234567-1",
                                          "0123456712345678901234567890123456789"};
    rig_start_and_open(rig);
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        struct trunk_slice cursor = {cursors[i], strlen(cursors[i])};
        assert_status(kit_scan(rig->store, "", cursor, 10, 0), TRUNK_INVALID);
    }
}

int run_page_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_one_sweep_takes_as_many_as_it_is_asked_for),
        RIG_CASE(test_one_sweep_takes_all_large_records),
        RIG_CASE(test_scan_finds_few_records_among_many_keys_of_others),
        RIG_CASE(test_a_scan_that_sees_the_server_start_again_misses_nothing),
        RIG_CASE(test_a_cursor_of_something_else_is_invalid),
    };
    return cmocka_run_group_tests_name("redis: sweep and scan", cases, NULL, NULL);
}
