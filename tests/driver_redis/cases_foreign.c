/* SPDX-License-Identifier: MIT
 * cases_foreign.c - data of something else under our keys: told as such, never changed, and no
 * trouble for the records beside it. */
#include "rig.h"

#include <stdio.h>

static const struct trunk_slice FROM_START = {NULL, 0};
static const char TEXT[] = "under our prefix";

static void assert_all_refused(struct rig *rig, const char *text) {
    struct kit_store *store = rig->store;
    assert_told(kit_load(store, "x", 0), TRUNK_INTERNAL, text);
    assert_told(kit_load(store, "x", 1000), TRUNK_INTERNAL, text);
    assert_told(kit_put(store, TRUNK_PUT_CREATE, "x", "one", 1000), TRUNK_INTERNAL, text);
    assert_told(kit_put(store, TRUNK_PUT_UPDATE, "x", "one", 1000), TRUNK_INTERNAL, text);
    assert_told(kit_put(store, TRUNK_PUT_UPSERT, "x", "one", 1000), TRUNK_INTERNAL, text);
    assert_told(kit_cas(store, "x", "one", 1000, 1), TRUNK_INTERNAL, text);
    assert_told(kit_touch(store, "x", 1000), TRUNK_INTERNAL, text);
    assert_told(kit_remove(store, "x"), TRUNK_INTERNAL, text);
    assert_told(kit_log_append(store, "x", 1, "one"), TRUNK_INTERNAL, text);
    assert_told(kit_log_read(store, "x", 0, 10), TRUNK_INTERNAL, text);
    assert_told(kit_log_trim(store, "x", 1), TRUNK_INTERNAL, text);
}

/* No record is at "x", and the one beside it is as good as ever. */
static void assert_left_out(struct rig *rig) {
    struct kit_store *store = rig->store;
    assert_status(kit_put(store, TRUNK_PUT_UPSERT, "a", "one", 1000), TRUNK_OK);
    const struct kit_result *page = kit_scan(store, "", FROM_START, 1000, 1);
    assert_status(page, TRUNK_OK);
    assert_int_equal(page->nitems, 1);
    assert_non_null(kit_find_item(page, "a"));
    assert_int_equal(kit_scan(store, "", FROM_START, 1000, 0)->nitems, 1);
    kit_advance(store, 1000);
    const struct kit_result *swept = kit_sweep(store, 10);
    assert_status(swept, TRUNK_OK);
    assert_int_equal(swept->nitems, 1);
    assert_non_null(kit_find_item(swept, "a"));
}

static void test_another_type_in_the_place_of_a_record(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    assert_asked(rig, "RPUSH trunkd:value:x theirs", "1");
    assert_all_refused(rig, TEXT);
    assert_left_out(rig);
    assert_asked(rig, "LRANGE trunkd:value:x 0 -1", "theirs");
}

static void test_another_text_in_the_place_of_a_record(void **state) {
    struct rig *rig = *state;
    static const char *const commands[] = {
        "SET trunkd:value:x theirs", "SET trunkd:value:x 0123456789abcdef",
        "SET trunkd:value:x 0123456789abcdeX-and-more", "SET trunkd:value:x 0123456789-bcdef-0"};
    rig_start_and_open(rig);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        assert_asked(rig, commands[i], "OK");
        assert_all_refused(rig, TEXT);
        assert_left_out(rig);
        assert_asked(rig, "GET trunkd:value:x", strrchr(commands[i], ' ') + 1);
    }
}

static void test_an_empty_text_in_the_place_of_a_record(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    assert_asked(rig, "SETRANGE trunkd:value:x 0 v", "1");
    assert_asked(rig, "EVAL redis.call('set',KEYS[1],'') 1 trunkd:value:x", "");
    assert_asked(rig, "EXISTS trunkd:value:x", "1");
    assert_all_refused(rig, TEXT);
    assert_left_out(rig);
    assert_asked(rig, "EXISTS trunkd:value:x", "1");
}

static void test_what_replaced_a_record_is_forgotten_by_sweep_and_left(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    (void)kit_put(rig->store, TRUNK_PUT_CREATE, "x", "one", 1000);
    (void)kit_put(rig->store, TRUNK_PUT_CREATE, "y", "one", 1000);
    assert_asked(rig, "SET trunkd:value:x theirs-and-long-enough", "OK");
    assert_asked(rig, "DEL trunkd:value:y", "1");
    assert_asked(rig, "HSET trunkd:value:y field theirs", "1");
    kit_advance(rig->store, 1000);
    assert_int_equal(kit_sweep(rig->store, 10)->nitems, 0);
    assert_asked(rig, "EXISTS trunkd:expiry", "0");
    assert_asked(rig, "GET trunkd:value:x", "theirs-and-long-enough");
    assert_asked(rig, "HGET trunkd:value:y field", "theirs");
}

static void test_another_type_in_the_place_of_a_log(void **state) {
    struct rig *rig = *state;
    struct kit_store *store = NULL;
    rig_start_and_open(rig);
    store = rig->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "x", "one", 1000);
    assert_asked(rig, "RPUSH trunkd:log:x theirs", "1");
    assert_told(kit_log_append(store, "x", 1, "one"), TRUNK_INTERNAL, TEXT);
    assert_told(kit_log_read(store, "x", 0, 10), TRUNK_INTERNAL, TEXT);
    assert_told(kit_log_trim(store, "x", 1), TRUNK_INTERNAL, TEXT);
    assert_told(kit_load(store, "x", 5000), TRUNK_INTERNAL, TEXT);
    assert_asked(rig, "LRANGE trunkd:log:x 0 -1", "theirs");
    kit_advance(store, 1000); /* no load has restarted the life */
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
}

static void test_another_type_in_the_place_of_the_expiries(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    assert_asked(rig, "SET trunkd:expiry theirs", "OK");
    assert_all_refused(rig, "WRONGTYPE");
    assert_told(kit_sweep(rig->store, 10), TRUNK_INTERNAL, TEXT);
    assert_asked(rig, "GET trunkd:expiry", "theirs");
    assert_asked(rig, "DBSIZE", "1");
    assert_asked(rig, "DEL trunkd:expiry", "1");
    assert_left_out(rig);
}

static void test_a_record_that_the_safety_net_took_is_forgotten_by_sweep(void **state) {
    struct rig *rig = *state;
    enum { RECORDS = 600 };
    rig_start_and_open(rig);
    for (int i = 0; i < RECORDS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "gone%d", i);
        (void)kit_put(rig->store, TRUNK_PUT_CREATE, key, "one", 1000);
    }
    for (int i = 0; i < RECORDS; i++) {
        char command[64];
        (void)snprintf(command, sizeof command, "DEL trunkd:value:gone%d", i);
        assert_asked(rig, command, "1");
    }
    (void)kit_put(rig->store, TRUNK_PUT_CREATE, "last", "one", 1001);
    assert_absent(rig->store, "gone1");
    assert_status(kit_put(rig->store, TRUNK_PUT_UPDATE, "gone1", "two", 0), TRUNK_NOT_FOUND);
    kit_advance(rig->store, 1001);
    const struct kit_result *swept = kit_sweep(rig->store, 1);
    assert_int_equal(swept->nitems, 1);
    assert_slice(swept->items[0].key, "last");
}

int run_foreign_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_another_type_in_the_place_of_a_record),
        RIG_CASE(test_another_text_in_the_place_of_a_record),
        RIG_CASE(test_an_empty_text_in_the_place_of_a_record),
        RIG_CASE(test_what_replaced_a_record_is_forgotten_by_sweep_and_left),
        RIG_CASE(test_another_type_in_the_place_of_a_log),
        RIG_CASE(test_another_type_in_the_place_of_the_expiries),
        RIG_CASE(test_a_record_that_the_safety_net_took_is_forgotten_by_sweep),
    };
    return cmocka_run_group_tests_name("redis: data of something else", cases, NULL, NULL);
}
