/* SPDX-License-Identifier: MIT
 * cases_life.c - a server that is not there, dies, stands still, comes back, with its data or
 * without: what is sure is told apart from what is not, and nothing needs a restart of the host. */
#include "rig.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint64_t ANSWER_MS = 3000;
enum { LARGE = 16 << 20 };

static void stop(struct rig *rig) {
    assert_int_equal(kill(rig->server.pid, SIGSTOP), 0);
}

static void go_on(struct rig *rig) {
    assert_int_equal(kill(rig->server.pid, SIGCONT), 0);
}

static void test_a_server_that_is_not_there_is_named_by_ping(void **state) {
    struct rig *rig = *state;
    rig_open(rig, NULL);
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, rig->server.socket);
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, "No such file");
    rig_close(rig);
    char port[PAIR_BYTES];
    char name[PAIR_BYTES];
    struct trunk_error error;
    (void)snprintf(port, sizeof port, "port=%d", rig->server.port);
    (void)snprintf(name, sizeof name, "redis at 127.0.0.1:%d: Connection refused",
                   rig->server.port);
    const char *const pairs[] = {"host=127.0.0.1", port, NULL};
    assert_int_equal(rig_open_with(rig, pairs, &error), TRUNK_OK);
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, name);
}

static void test_without_a_server_every_call_is_unavailable_at_once(void **state) {
    struct rig *rig = *state;
    rig_open(rig, NULL);
    assert_status(kit_load(rig->store, "a", 0), TRUNK_UNAVAILABLE);
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_UNAVAILABLE);
    assert_status(kit_touch(rig->store, "a", 0), TRUNK_UNAVAILABLE);
    assert_status(kit_remove(rig->store, "a"), TRUNK_UNAVAILABLE);
    assert_status(kit_sweep(rig->store, 1), TRUNK_UNAVAILABLE);
    assert_status(kit_scan(rig->store, "", (struct trunk_slice){NULL, 0}, 1, 0), TRUNK_UNAVAILABLE);
    assert_status(kit_log_append(rig->store, "a", 1, "one"), TRUNK_UNAVAILABLE);
    assert_status(kit_log_read(rig->store, "a", 0, 1), TRUNK_UNAVAILABLE);
    assert_status(kit_log_trim(rig->store, "a", 1), TRUNK_UNAVAILABLE);
}

static void test_a_server_that_comes_later_is_found(void **state) {
    struct rig *rig = *state;
    rig_open(rig, NULL);
    assert_status(kit_ping(rig->store), TRUNK_UNAVAILABLE);
    rig_start(rig, NULL);
    rig_wait_until_ready(rig);
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_OK);
}

static void test_what_was_sent_to_a_server_that_dies_is_uncertain_if_it_writes(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    stop(rig);
    trunk_op put = kit_begin_put(rig->store, "a", "one", 0);
    trunk_op load = rig_begin_load(rig, "b");
    trunk_op touch = rig_begin_touch(rig, "c");
    trunk_op removal = rig_begin_remove(rig, "d");
    trunk_op sweep = rig_begin_sweep(rig);
    rig_let_write(rig);
    redis_server_kill(&rig->server);
    assert_told(kit_wait(rig->store, put), TRUNK_UNCERTAIN, "redis at ");
    assert_status(kit_wait(rig->store, load), TRUNK_UNAVAILABLE);
    assert_status(kit_wait(rig->store, touch), TRUNK_UNCERTAIN);
    assert_status(kit_wait(rig->store, removal), TRUNK_UNCERTAIN);
    assert_status(kit_wait(rig->store, sweep), TRUNK_UNCERTAIN);
}

static void test_what_was_not_sent_whole_is_unavailable(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    stop(rig);
    trunk_op first = kit_begin_put(rig->store, "a", "one", 0);
    trunk_op large = rig_begin_put_bytes(rig, "b", LARGE); /* more than the socket holds */
    trunk_op behind = kit_begin_put(rig->store, "c", "one", 0);
    rig_let_write(rig);
    redis_server_kill(&rig->server);
    assert_status(kit_wait(rig->store, first), TRUNK_UNCERTAIN);
    assert_status(kit_wait(rig->store, large), TRUNK_UNAVAILABLE);
    assert_status(kit_wait(rig->store, behind), TRUNK_UNAVAILABLE);
}

static void test_a_server_that_stands_still_costs_the_connection_after_3_s(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    stop(rig);
    trunk_op put = kit_begin_put(rig->store, "a", "one", 0);
    trunk_op load = rig_begin_load(rig, "b");
    rig_let_write(rig);
    kit_advance(rig->store, ANSWER_MS - 1000);
    rig_let_write(rig);
    assert_false(kit_host_is_done(rig->store->host, put));
    kit_advance(rig->store, 1000);
    assert_told(kit_wait(rig->store, put), TRUNK_UNCERTAIN, "did not answer within 3 s");
    assert_told(kit_wait(rig->store, load), TRUNK_UNAVAILABLE, "did not answer within 3 s");
    assert_told(kit_load(rig->store, "b", 0), TRUNK_UNAVAILABLE, "did not answer within 3 s");
    go_on(rig);
    rig_wait_until_ready(rig);
    assert_record(rig->store, "a", "one"); /* it was uncertain, and is done */
}

static void test_a_server_that_stands_still_while_it_is_connected_to_is_given_up(void **state) {
    struct rig *rig = *state;
    rig_start(rig, NULL);
    stop(rig);
    rig_open(rig, NULL);
    trunk_op ping = kit_host_begin(rig->store->host, "ping", false, NULL, 0);
    rig->driver.ops.ping(rig->store->self, ping);
    rig_let_write(rig);
    assert_false(kit_host_is_done(rig->store->host, ping));
    kit_advance(rig->store, ANSWER_MS);
    assert_told(kit_wait(rig->store, ping), TRUNK_UNAVAILABLE, "did not answer within 3 s");
    go_on(rig);
    rig_wait_until_ready(rig);
}

static void test_a_server_that_is_started_again_has_its_records(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    uint64_t version = kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    assert_status(kit_log_append(rig->store, "a", 7, "seven"), TRUNK_OK);
    assert_asked(rig, "SAVE", "OK");
    for (int i = 0; i < 3; i++) {
        redis_server_kill(&rig->server);
        kit_host_run(rig->store->host, 20);
        assert_status(kit_load(rig->store, "a", 0), TRUNK_UNAVAILABLE);
        rig_start(rig, NULL);
        rig_wait_until_ready(rig);
        const struct kit_result *loaded = kit_load(rig->store, "a", 0);
        assert_status(loaded, TRUNK_OK);
        assert_slice(loaded->value, "one");
        assert_int_equal(loaded->version, version);
        assert_int_equal(loaded->last_seq, 7);
    }
    kit_advance(rig->store, 1000);
    assert_int_equal(kit_sweep(rig->store, 10)->nitems, 1);
}

static void test_a_server_that_comes_back_empty_is_used_as_it_is(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_OK);
    redis_server_kill(&rig->server);
    redis_server_forget_data(&rig->server);
    rig_start(rig, NULL);
    rig_wait_until_ready(rig);
    assert_absent(rig->store, "a");
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "two", 0), TRUNK_OK);
    assert_record(rig->store, "a", "two");
}

static void test_a_connection_that_the_server_closes_is_made_again(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    assert_asked(rig, "CLIENT KILL TYPE normal SKIPME yes", "1");
    rig_wait_until_ready(rig);
    kit_host_run(rig->store->host, 20); /* when the end was seen only after the ping */
    rig_wait_until_ready(rig);
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_OK);
}

static void test_close_completes_with_cancelled(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    stop(rig);
    trunk_op put = kit_begin_put(rig->store, "a", "one", 0);
    trunk_op load = rig_begin_load(rig, "b");
    rig_let_write(rig);
    rig->driver.ops.close(rig->store->self);
    assert_status(kit_wait(rig->store, put), TRUNK_CANCELLED);
    assert_status(kit_wait(rig->store, load), TRUNK_CANCELLED);
    kit_host_end(rig->store->host);
    assert_int_equal(kit_host_count_faults(rig->store->host), 0);
    kit_host_free(rig->store->host);
    free(rig->store);
    rig->store = NULL;
    kit_driver_free(&rig->driver);
}

static void test_close_before_there_is_a_connection(void **state) {
    struct rig *rig = *state;
    rig_open(rig, NULL);
    rig_close(rig);
    rig_start(rig, NULL);
    rig_open(rig, NULL); /* closed while it connects */
}

/* Who connects is hung up on: counts how often that was. */
static unsigned hang_up_on_all(int listener) {
    unsigned count = 0;
    int fd = -1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        (void)close(fd);
        count++;
    }
    return count;
}

static void test_it_connects_again_less_and_less_often(void **state) {
    struct rig *rig = *state;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)rig->server.port)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 10), 0);
    char port[PAIR_BYTES];
    struct trunk_error error;
    (void)snprintf(port, sizeof port, "port=%d", rig->server.port);
    const char *const pairs[] = {"host=127.0.0.1", port, NULL};
    assert_int_equal(rig_open_with(rig, pairs, &error), TRUNK_OK);
    unsigned first = 0;
    unsigned last = 0;
    for (int i = 0; i < 400; i++) { /* 20 s, most of them not real */
        kit_host_run(rig->store->host, 1);
        kit_advance(rig->store, 50);
        unsigned count = hang_up_on_all(listener);
        first += i < 200 ? count : 0;
        last += i < 200 ? 0 : count;
    }
    (void)close(listener);
    assert_in_range(first, 6, 12); /* 0, 0.05, 0.15, 0.35, 0.75, 1.55, 3.15, 5.15 ... s */
    assert_in_range(last, 3, 6);   /* each 2 s */
}

int run_life_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_a_server_that_is_not_there_is_named_by_ping),
        RIG_CASE(test_without_a_server_every_call_is_unavailable_at_once),
        RIG_CASE(test_a_server_that_comes_later_is_found),
        RIG_CASE(test_what_was_sent_to_a_server_that_dies_is_uncertain_if_it_writes),
        RIG_CASE(test_what_was_not_sent_whole_is_unavailable),
        RIG_CASE(test_a_server_that_stands_still_costs_the_connection_after_3_s),
        RIG_CASE(test_a_server_that_stands_still_while_it_is_connected_to_is_given_up),
        RIG_CASE(test_a_server_that_is_started_again_has_its_records),
        RIG_CASE(test_a_server_that_comes_back_empty_is_used_as_it_is),
        RIG_CASE(test_a_connection_that_the_server_closes_is_made_again),
        RIG_CASE(test_close_completes_with_cancelled),
        RIG_CASE(test_close_before_there_is_a_connection),
        RIG_CASE(test_it_connects_again_less_and_less_often),
    };
    return cmocka_run_group_tests_name("redis: the life of its server", cases, NULL, NULL);
}
