/* SPDX-License-Identifier: MIT
 * cases_peer.c - who answers is too old, or no redis at all: the host goes on, and is told. */
#include "rig.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_server.h"

enum { ANSWER_BYTES = 4096, SCRIPTS = 9 };

/* The whole handshake of a server of this version, and then more. */
static void write_handshake(char out[ANSWER_BYTES], const char *version, const char *more) {
    char info[256];
    int len = snprintf(info, sizeof info,
                       "# Server\r\nredis_version:%s\r\nrun_id:0123456789abcdef\r\n# "
                       "Replication\r\nrole:master\r\n",
                       version);
    int used = snprintf(out, ANSWER_BYTES, "$%d\r\n%s\r\n", len, info);
    for (int i = 0; i < SCRIPTS; i++) {
        used += snprintf(out + used, (size_t)(ANSWER_BYTES - used),
                         "$40\r\n0123456789abcdef0123456789abcdef01234567\r\n");
    }
    (void)snprintf(out + used, (size_t)(ANSWER_BYTES - used), "%s", more);
}

/* Opens the driver with this in the server's place, and gives the answer of the first ping that is
 * in the way of this text. */
static void assert_ping_tells(struct rig *rig, const char *answer, bool is_hasty,
                              const char *text) {
    pid_t fake = fake_server_start(rig->server.socket, answer, NULL, is_hasty);
    assert_int_not_equal(fake, 0);
    rig_open(rig, NULL);
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, text);
    assert_told(kit_load(rig->store, "a", 0), TRUNK_UNAVAILABLE, text);
    rig_close(rig);
    fake_server_end(fake);
}

static void test_an_older_server_is_refused_with_its_version(void **state) {
    struct rig *rig = *state;
    static const char *const versions[] = {"6.0.16", "5.0.14", "2.8.9", "6.1.240"};
    char answer[ANSWER_BYTES];
    char text[PAIR_BYTES];
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        write_handshake(answer, versions[i], "");
        (void)snprintf(text, sizeof text, "its version is %s, and 6.2 is the oldest", versions[i]);
        assert_ping_tells(rig, answer, false, text);
        redis_server_forget_data(&rig->server);
    }
}

static void test_a_newer_server_is_taken(void **state) {
    struct rig *rig = *state;
    static const char *const versions[] = {"6.2.0", "7.0.15", "10.0.0", "255.255.255"};
    char answer[ANSWER_BYTES];
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        write_handshake(answer, versions[i], "");
        pid_t fake = fake_server_start(rig->server.socket, answer, "+PONG\r\n", false);
        rig_open(rig, NULL);
        rig_wait_until_ready(rig);
        rig_close(rig);
        fake_server_end(fake);
        redis_server_forget_data(&rig->server);
    }
}

static void test_what_speaks_another_protocol_is_told(void **state) {
    struct rig *rig = *state;
    assert_ping_tells(rig, "HTTP/1.1 400 Bad Request\r\n\r\n", false, "Protocol error");
    redis_server_forget_data(&rig->server);
    assert_ping_tells(rig, "SSH-2.0-OpenSSH_9.2\r\n", true, "Protocol error");
    redis_server_forget_data(&rig->server);
    assert_ping_tells(rig, "+OK POP3 ready\r\n", true, "does not tell its version");
    redis_server_forget_data(&rig->server);
    assert_ping_tells(rig, "-ERR max number of clients reached\r\n", true,
                      "max number of clients reached");
    redis_server_forget_data(&rig->server);
    assert_ping_tells(rig, "*3\r\n:1\r\n:2\r\n:3\r\n", false, "is it a redis server?");
}

/* hiredis would end the process. */
static void test_answers_that_nobody_asked_for_end_the_connection_only(void **state) {
    struct rig *rig = *state;
    static const char *const more[] = {"+OK\r\n", "+OK\r\n+OK\r\n", ":1\r\n", "$-1\r\n", "*0\r\n"};
    char answer[ANSWER_BYTES];
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        write_handshake(answer, "7.0.15", more[i]);
        pid_t fake = fake_server_start(rig->server.socket, answer, more[i], false);
        rig_open(rig, NULL);
        for (int round = 0; round < 20; round++) {
            (void)kit_ping(rig->store);
            (void)kit_load(rig->store, "a", 0);
            kit_host_run(rig->store->host, 2);
            kit_advance(rig->store, 50);
        }
        rig_close(rig);
        fake_server_end(fake);
        redis_server_forget_data(&rig->server);
    }
}

/* Reads what the driver has sent, without waiting. */
static size_t drain(int fd) {
    static char bytes[1 << 20];
    ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return got > 0 ? (size_t)got : 0;
}

/* The test is the server here, and takes the clock on between its reads. */
static void test_a_large_value_may_take_its_time_as_long_as_it_moves(void **state) {
    struct rig *rig = *state;
    enum { LARGE = 16 << 20, STEP_MS = 2000 };
    char answer[ANSWER_BYTES];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", rig->server.socket);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 10), 0);
    rig_open(rig, NULL);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_in_range(fd, 0, 1000);
    write_handshake(answer, "7.0.15", "");
    rig_let_write(rig);
    assert_int_not_equal(drain(fd), 0);
    assert_int_equal(send(fd, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
    rig_let_write(rig);
    trunk_op put = rig_begin_put_bytes(rig, "a", LARGE);
    size_t received = 0;
    for (unsigned steps = 0; received <= LARGE; steps++) {
        kit_host_run(rig->store->host, 1);
        received += drain(fd);
        kit_advance(rig->store, STEP_MS);
        assert_in_range(steps, 0, 100000);
        assert_false(kit_host_is_done(rig->store->host, put));
    }
    assert_int_equal(send(fd, ":0\r\n", 4, MSG_NOSIGNAL), 4);
    assert_status(kit_wait(rig->store, put), TRUNK_OK);
    (void)close(fd);
    (void)close(listener);
}

int run_peer_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_an_older_server_is_refused_with_its_version),
        RIG_CASE(test_a_newer_server_is_taken),
        RIG_CASE(test_what_speaks_another_protocol_is_told),
        RIG_CASE(test_answers_that_nobody_asked_for_end_the_connection_only),
        RIG_CASE(test_a_large_value_may_take_its_time_as_long_as_it_moves),
    };
    return cmocka_run_group_tests_name("redis: who answers", cases, NULL, NULL);
}
