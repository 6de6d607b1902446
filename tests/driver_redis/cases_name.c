/* SPDX-License-Identifier: MIT
 * cases_name.c - a server by its name: not known yet, slow to be resolved, of several addresses,
 * and of another one from now on. */
#include "rig.h"

#include <stdio.h>

#include "names.h"

static const uint64_t ANSWER_MS = 3000;

static int setup(void **state) {
    names_set(NULL);
    names_hold(false);
    return rig_setup(state);
}

#define NAME_CASE(function_) cmocka_unit_test_setup_teardown(function_, setup, rig_teardown)

static void open_by_name(struct rig *rig, const char *name) {
    char host[PAIR_BYTES];
    char port[PAIR_BYTES];
    struct trunk_error error;
    (void)snprintf(host, sizeof host, "host=%s", name);
    (void)snprintf(port, sizeof port, "port=%d", rig->server.port);
    const char *const pairs[] = {host, port, NULL};
    assert_int_equal(rig_open_with(rig, pairs, &error), TRUNK_OK);
}

static void start_at(struct rig *rig, const char *address) {
    const char *const args[] = {"--bind", address, NULL};
    rig_start(rig, args);
}

static trunk_op begin_ping(struct rig *rig) {
    trunk_op op = kit_host_begin(rig->store->host, "ping", false, NULL, 0);
    rig->driver.ops.ping(rig->store->self, op);
    return op;
}

static void test_a_name_that_is_not_known_is_told_by_ping(void **state) {
    struct rig *rig = *state;
    open_by_name(rig, "example.invalid"); /* which the real resolver is asked for */
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, "redis at example.invalid:");
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, "its name cannot be resolved: ");
    assert_told(kit_load(rig->store, "a", 0), TRUNK_UNAVAILABLE, "its name cannot be resolved: ");
}

static void test_a_name_that_becomes_known_is_found(void **state) {
    struct rig *rig = *state;
    rig_start(rig, NULL);
    open_by_name(rig, TEST_NAME);
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, "its name cannot be resolved: ");
    names_set("127.0.0.1");
    rig_wait_until_ready(rig);
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_OK);
}

static void test_a_server_that_moves_to_another_address_is_found_again(void **state) {
    struct rig *rig = *state;
    names_set("127.0.0.2");
    start_at(rig, "127.0.0.2");
    open_by_name(rig, TEST_NAME);
    rig_wait_until_ready(rig);
    redis_server_kill(&rig->server);
    kit_host_run(rig->store->host, 20);
    assert_status(kit_ping(rig->store), TRUNK_UNAVAILABLE);
    start_at(rig, "127.0.0.3");
    names_set("127.0.0.3");
    rig_wait_until_ready(rig);
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_OK);
}

static void test_each_address_of_a_name_is_tried_before_ping_says_no(void **state) {
    struct rig *rig = *state;
    names_set("127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.6 127.0.0.7 127.0.0.8 127.0.0.9 "
              "127.0.0.1");
    rig_start(rig, NULL); /* on the last one */
    open_by_name(rig, TEST_NAME);
    assert_status(kit_ping(rig->store), TRUNK_OK);
    redis_server_kill(&rig->server);
    kit_host_run(rig->store->host, 20);
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, "Connection refused");
}

static void test_localhost_is_both_loopback_addresses(void **state) {
    struct rig *rig = *state;
    rig_start(rig, NULL); /* on 127.0.0.1; localhost is ::1 too */
    open_by_name(rig, "localhost");
    assert_status(kit_ping(rig->store), TRUNK_OK);
}

static void test_a_slow_resolver_holds_up_neither_open_nor_calls(void **state) {
    struct rig *rig = *state;
    names_hold(true);
    names_set("127.0.0.1");
    rig_start(rig, NULL);
    open_by_name(rig, TEST_NAME);
    names_wait_until_asked();
    trunk_op ping = begin_ping(rig);
    assert_told(kit_load(rig->store, "a", 0), TRUNK_UNAVAILABLE, "there is no connection yet");
    assert_false(kit_host_is_done(rig->store->host, ping));
    kit_advance(rig->store, ANSWER_MS);
    assert_told(kit_wait(rig->store, ping), TRUNK_UNAVAILABLE, TEST_NAME);
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, "its name was not resolved within 3 s");
    names_hold(false);
    rig_wait_until_ready(rig);
}

static void test_close_ends_while_a_name_is_resolved(void **state) {
    struct rig *rig = *state;
    names_hold(true);
    open_by_name(rig, TEST_NAME);
    names_wait_until_asked();
    names_hold(false);
    rig_close(rig); /* waits for the thread; the answer comes to nobody */
}

int run_name_cases(void) {
    const struct CMUnitTest cases[] = {
        NAME_CASE(test_a_name_that_is_not_known_is_told_by_ping),
        NAME_CASE(test_a_name_that_becomes_known_is_found),
        NAME_CASE(test_a_server_that_moves_to_another_address_is_found_again),
        NAME_CASE(test_each_address_of_a_name_is_tried_before_ping_says_no),
        NAME_CASE(test_localhost_is_both_loopback_addresses),
        NAME_CASE(test_a_slow_resolver_holds_up_neither_open_nor_calls),
        NAME_CASE(test_close_ends_while_a_name_is_resolved),
    };
    return cmocka_run_group_tests_name("redis: by name", cases, NULL, NULL);
}
