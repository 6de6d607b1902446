/* SPDX-License-Identifier: MIT
 * cases_record.c - what a record looks like in the server, with redis-cli; and values and keys of
 * every kind. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

enum { LARGEST = 16 << 20, LONGEST_KEY = 256 };
static const uint64_t DAY_MS = UINT64_C(24) * 3600 * 1000;

/* The number that the server answers with. */
static uint64_t ask_number(struct rig *rig, const char *command) {
    return strtoull(redis_server_ask(&rig->server, command), NULL, 10);
}

/* The server's own limit of a key: ttl and a day, less what has passed since. */
static void assert_kept_a_day_longer(struct rig *rig, const char *command, uint64_t ttl_ms) {
    assert_in_range(ask_number(rig, command), ttl_ms + DAY_MS - 60000, ttl_ms + DAY_MS);
}

static void test_a_record_is_readable_with_redis_cli(void **state) {
    struct rig *rig = *state;
    char expected[64];
    char expires[32];
    rig_start_and_open(rig);
    uint64_t version =
        kit_put(rig->store, TRUNK_PUT_CREATE, "s:1", "{\"state\":\"active\"}", 90000)->version;
    assert_status(kit_log_append(rig->store, "s:1", 5, "event"), TRUNK_OK);
    (void)snprintf(expected, sizeof expected, "%016llx {\"state\":\"active\"}",
                   (unsigned long long)version);
    (void)snprintf(expires, sizeof expires, "%llu",
                   (unsigned long long)kit_now_ms(rig->store) + 90000);
    assert_asked(rig, "GET trunkd:value:s:1", expected);
    assert_asked(rig, "ZSCORE trunkd:expiry s:1", expires);
    assert_asked(rig, "XLEN trunkd:log:s:1", "1");
    assert_asked(rig, "XRANGE trunkd:log:s:1 5-0 5-0", "event");
    assert_asked(rig, "DBSIZE", "3");
}

static void test_the_server_keeps_a_record_and_its_log_a_day_longer_than_it_lives(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    (void)kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 90000);
    (void)kit_log_append(rig->store, "a", 5, "event");
    assert_kept_a_day_longer(rig, "PTTL trunkd:value:a", 90000);
    assert_kept_a_day_longer(rig, "PTTL trunkd:log:a", 90000);
    (void)kit_touch(rig->store, "a", 500000);
    assert_kept_a_day_longer(rig, "PTTL trunkd:value:a", 500000);
    assert_kept_a_day_longer(rig, "PTTL trunkd:log:a", 500000);
    (void)kit_load(rig->store, "a", 700000);
    assert_kept_a_day_longer(rig, "PTTL trunkd:value:a", 700000);
    assert_kept_a_day_longer(rig, "PTTL trunkd:log:a", 700000);
    (void)kit_put(rig->store, TRUNK_PUT_UPDATE, "a", "two", 900000);
    assert_kept_a_day_longer(rig, "PTTL trunkd:value:a", 900000);
    assert_kept_a_day_longer(rig, "PTTL trunkd:log:a", 900000);
    (void)kit_touch(rig->store, "a", 0);
    assert_asked(rig, "PTTL trunkd:value:a", "-1");
    assert_asked(rig, "PTTL trunkd:log:a", "-1");
    assert_asked(rig, "EXISTS trunkd:expiry", "0");
}

static void test_the_clock_of_the_server_ends_no_life(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    (void)kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 1);
    kit_host_run(rig->store->host, 20);
    assert_record(rig->store, "a", "one");
}

static void test_a_record_that_goes_leaves_nothing(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    (void)kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 1000);
    (void)kit_put(rig->store, TRUNK_PUT_CREATE, "b", "one", 1000);
    (void)kit_log_append(rig->store, "a", 1, "event");
    (void)kit_log_append(rig->store, "b", 1, "event");
    (void)kit_log_trim(rig->store, "b", 1);
    (void)kit_remove(rig->store, "a");
    kit_advance(rig->store, 1000);
    (void)kit_sweep(rig->store, 10);
    assert_asked(rig, "DBSIZE", "0");
}

static void test_the_largest_value_is_stored_whole(void **state) {
    struct rig *rig = *state;
    char *bytes = malloc(LARGEST);
    assert_non_null(bytes);
    for (size_t i = 0; i < LARGEST; i++) {
        bytes[i] = (char)(i * 31 ^ i >> 8);
    }
    rig_start_and_open(rig);
    struct trunk_slice value = {bytes, LARGEST};
    assert_status(kit_put_bytes(rig->store, TRUNK_PUT_CREATE, "a", value, 0), TRUNK_OK);
    const struct kit_result *loaded = kit_load(rig->store, "a", 1000);
    assert_status(loaded, TRUNK_OK);
    assert_int_equal(loaded->value.len, LARGEST);
    assert_memory_equal(loaded->value.data, bytes, LARGEST);
    free(bytes);
}

static void test_several_large_values_may_be_on_their_way_together(void **state) {
    struct rig *rig = *state;
    enum { OPS = 4, BYTES = 4 << 20 };
    trunk_op ops[OPS];
    rig_start_and_open(rig);
    for (int i = 0; i < OPS; i++) {
        const char key[] = {(char)('a' + i), '\0'};
        ops[i] = rig_begin_put_bytes(rig, key, BYTES);
    }
    assert_status(kit_load(rig->store, "z", 0), TRUNK_NOT_FOUND);
    for (int i = 0; i < OPS; i++) {
        assert_status(kit_wait(rig->store, ops[i]), TRUNK_OK);
    }
    assert_int_equal(kit_load(rig->store, "d", 0)->value.len, BYTES);
}

static void test_a_value_may_look_like_the_protocol(void **state) {
    struct rig *rig = *state;
    static const char bytes[] = "\r\n$-1\r\n*2\r\n\0\xff\xfe 0123456789abcdef ";
    struct trunk_slice value = {bytes, sizeof bytes};
    rig_start_and_open(rig);
    assert_status(kit_put_bytes(rig->store, TRUNK_PUT_CREATE, "a", value, 0), TRUNK_OK);
    const struct kit_result *loaded = kit_load(rig->store, "a", 0);
    assert_int_equal(loaded->value.len, sizeof bytes);
    assert_memory_equal(loaded->value.data, bytes, sizeof bytes);
}

static void test_the_longest_key_is_one_for_record_and_log(void **state) {
    struct rig *rig = *state;
    char key[LONGEST_KEY + 1];
    for (size_t i = 0; i < LONGEST_KEY; i++) {
        key[i] = (char)('!' + i % 94);
    }
    key[LONGEST_KEY] = '\0';
    rig_start_and_open(rig);
    (void)kit_put(rig->store, TRUNK_PUT_CREATE, key, "", 1000);
    assert_status(kit_log_append(rig->store, key, 1, "event"), TRUNK_OK);
    assert_record(rig->store, key, "");
    assert_int_equal(kit_log_read(rig->store, key, 0, 10)->nitems, 1);
    kit_advance(rig->store, 1000);
    const struct kit_result *swept = kit_sweep(rig->store, 10);
    assert_non_null(kit_find_item(swept, key));
    assert_slice(kit_find_item(swept, key)->value, "");
}

static void test_stores_with_different_prefixes_and_databases_are_apart(void **state) {
    struct rig *rig = *state;
    static const char *const pairs[][3] = {{"prefix=a*[b]?:", NULL},
                                           {"prefix=aX:", NULL},
                                           {"prefix=aX:", "database=3", NULL},
                                           {"prefix=aX:value:", "database=3", NULL}};
    rig_start(rig, NULL);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        rig_open(rig, pairs[i]);
        rig_wait_until_ready(rig);
        assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "k", "one", 1000), TRUNK_OK);
        const struct kit_result *page =
            kit_scan(rig->store, "", (struct trunk_slice){NULL, 0}, 1000, 1);
        assert_non_null(kit_find_item(page, "k"));
        if (i < 2) {
            assert_int_equal(page->nitems, 1);
        }
        rig_close(rig);
    }
    rig_open(rig, pairs[0]);
    rig_wait_until_ready(rig);
    kit_advance(rig->store, 1000);
    assert_int_equal(kit_sweep(rig->store, 10)->nitems, 1);
    rig_close(rig);
    rig_open(rig, pairs[1]);
    rig_wait_until_ready(rig);
    assert_record(rig->store, "k", "one");
}

int run_record_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_a_record_is_readable_with_redis_cli),
        RIG_CASE(test_the_server_keeps_a_record_and_its_log_a_day_longer_than_it_lives),
        RIG_CASE(test_the_clock_of_the_server_ends_no_life),
        RIG_CASE(test_a_record_that_goes_leaves_nothing),
        RIG_CASE(test_the_largest_value_is_stored_whole),
        RIG_CASE(test_several_large_values_may_be_on_their_way_together),
        RIG_CASE(test_a_value_may_look_like_the_protocol),
        RIG_CASE(test_the_longest_key_is_one_for_record_and_log),
        RIG_CASE(test_stores_with_different_prefixes_and_databases_are_apart),
    };
    return cmocka_run_group_tests_name("redis: records in the server", cases, NULL, NULL);
}
