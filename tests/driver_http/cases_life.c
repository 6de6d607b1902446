/* SPDX-License-Identifier: MIT
 * cases_life.c - parameters, make, snapshots and restored legs, finish, and the close of the
 * driver. */
#include "cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include <cmocka.h>

#define RESULT(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

static const char *const none[] = {NULL};

static void expect_refused(const char *key, const char *value, const char *at, const char *text) {
    const struct trunk_factory_ops *ops = rig_plugin()->ops;
    struct trunk_param params[] = {{"url", "http://localhost/mcp"}, {key, value}};
    bool is_url = strcmp(key, "url") == 0;
    struct trunk_error error = {0};
    assert_int_equal(ops->check_backend(is_url ? params + 1 : params, is_url ? 1 : 2, &error),
                     TRUNK_INVALID);
    assert_int_equal(error.status, TRUNK_INVALID);
    assert_string_equal(error.key, at);
    assert_non_null(strstr(error.text, text));
}

static void test_bad_parameters_are_named(void **state) {
    (void)state;
    expect_refused("type", "websocket", "type", "neither http nor sse");
    expect_refused("url", "", "url", "no URL");
    expect_refused("url", "localhost/mcp", "url", "no URL");
    expect_refused("url", "ftp://localhost/mcp", "url", "http://");
    expect_refused("url", "file:///etc/passwd", "url", "http://");
    expect_refused("url", "http://user:pass@localhost/mcp", "url", "Authorization");
    expect_refused("url", "http://user@localhost/mcp", "url", "Authorization");
    expect_refused("url", "http://local host/mcp", "url", "no URL");
    expect_refused("url", "http://localhost:99999/mcp", "url", "no URL");
    expect_refused("headers.X Y", "v", "headers.X Y", "no name");
    expect_refused("headers.", "v", "headers.", "no name");
    expect_refused("headers.X", "a\r\nY: b", "headers.X", "control character");
    expect_refused("headers.Content-Length", "3", "headers.Content-Length", "driver itself");
    expect_refused("headers.MCP-Session-Id", "3", "headers.MCP-Session-Id", "driver itself");
    const struct trunk_factory_ops *ops = rig_plugin()->ops;
    struct trunk_error error = {0};
    struct trunk_param proxy = {"proxy", "http://a b"};
    assert_int_equal(ops->check(&proxy, 1, &error), TRUNK_INVALID);
    assert_string_equal(error.key, "proxy");
    struct loop_host *host = loop_host_new();
    struct trunk_param ca_file = {"ca_file", "/nonexistent/ca.pem"};
    void *self = NULL;
    assert_int_equal(ops->check(&ca_file, 1, &error), TRUNK_OK);
    assert_int_equal(ops->open(loop_host_table(host), &ca_file, 1, &self, &error), TRUNK_INVALID);
    assert_string_equal(error.key, "ca_file");
    loop_host_free(host);
}

static void test_good_parameters_are_taken(void **state) {
    (void)state;
    const struct trunk_factory_ops *ops = rig_plugin()->ops;
    struct trunk_param params[] = {{"url", "https://[::1]:8443/mcp?key=v"},
                                   {"type", "sse"},
                                   {"headers.Authorization", "Bearer x"}};
    assert_int_equal(ops->check_backend(params, 3, NULL), TRUNK_OK);
    struct trunk_param driver[] = {{"proxy", "proxy.example:3128"}, {"ca_file", "/x"}};
    assert_int_equal(ops->check(driver, 2, NULL), TRUNK_OK);
    driver[0].value = "";
    assert_int_equal(ops->check(driver, 2, NULL), TRUNK_OK);
}

static void test_make_connects_to_nothing(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    trunk_op op = peer_begin_make(&peer, &rig, none, NULL);
    assert_true(peer_is_done(&peer, op));
    assert_int_equal(peer_end_make(&peer, op), TRUNK_OK);
    assert_false(server_has_more(&rig.server));
    assert_int_equal(rig.server.nconns, 0);
    /* A session that never began is not deleted. */
    op = peer_begin_finish(&peer, 0, 0);
    assert_true(peer_is_done(&peer, op));
    peer_end_finish(&peer, op);
    assert_int_equal(rig.server.nconns, 0);
    rig_close(&rig);
}

static void take_snapshot(struct peer *peer, char *out, size_t size) {
    trunk_op op = loop_host_begin(peer->rig->host);
    peer->rig->ops->snapshot(peer->leg, op);
    (void)peer_expect(peer, op, TRUNK_OK);
    (void)snprintf(out, size, "%s", loop_host_result(peer->rig->host, op)->value);
}

static void test_a_snapshot_goes_on_with_the_session(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    char saved[4097];
    rig_open(&rig);
    peer_make_session(&peer, &rig, "abc");
    assert_int_equal(peer.nchanged, 2); /* the id, then the version */
    take_snapshot(&peer, saved, sizeof saved);
    assert_string_equal(saved, "v1 2025-11-25 abc");
    peer_finish(&peer); /* with keep: */
    assert_false(server_has_more(&rig.server));
    assert_int_equal(rig.server.nrequests, 2);

    struct peer again = {0};
    assert_int_equal(peer_end_make(&again, peer_begin_make(&again, &rig, none, saved)), TRUNK_OK);
    /* Number 1 is sent without the core's version here, so that it is the saved one. */
    trunk_op op = peer_request(&again, 1);
    struct seen *seen = server_next(&rig.server);
    assert_string_equal(seen_header(seen, "mcp-session-id"), "abc");
    assert_string_equal(seen_header(seen, "mcp-protocol-version"), "2025-11-25");
    answer_json(seen, "", RESULT("1"));
    (void)peer_expect(&again, op, TRUNK_OK);
    assert_int_equal(again.nchanged, 0);
    take_snapshot(&again, saved, sizeof saved);
    assert_string_equal(saved, "v1 2025-11-25 abc");
    op = peer_begin_finish(&again, 0, 0);
    seen = server_expect(&rig.server, "DELETE", "/mcp");
    assert_string_equal(seen_header(seen, "mcp-session-id"), "abc");
    answer(seen, "200 OK", "", "");
    peer_end_finish(&again, op);
    rig_close(&rig);
}

static void test_a_restored_session_that_the_backend_forgot_is_not_found(void **state) {
    (void)state;
    static const char *const statuses[] = {"404 Not Found", "400 Bad Request"};
    struct rig rig;
    rig_open(&rig);
    for (size_t i = 0; i < 2; i++) {
        struct peer peer = {0};
        assert_int_equal(
            peer_end_make(&peer, peer_begin_make(&peer, &rig, none, "v1 2025-06-18 old")),
            TRUNK_OK);
        trunk_op op = peer_request(&peer, 5);
        answer(server_next(&rig.server), statuses[i], "", "");
        (void)peer_expect(&peer, op, TRUNK_NOT_FOUND);
        peer_finish(&peer);
    }
    rig_close(&rig);
}

static void test_a_stateless_backend_has_a_constant_snapshot(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    char saved[4097];
    rig_open(&rig);
    peer_make_session(&peer, &rig, NULL);
    take_snapshot(&peer, saved, sizeof saved);
    assert_string_equal(saved, "v1 2025-11-25 -");
    trunk_op op = peer_begin_finish(&peer, 0, 0);
    assert_true(peer_is_done(&peer, op)); /* no session: no DELETE */
    peer_end_finish(&peer, op);
    assert_int_equal(peer_end_make(&peer, peer_begin_make(&peer, &rig, none, saved)), TRUNK_OK);
    op = peer_request(&peer, 5);
    struct seen *seen = server_next(&rig.server);
    assert_null(seen_header(seen, "mcp-session-id"));
    answer_json(seen, "", RESULT("5"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_saved_states_of_another_making_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"v2 2025-11-25 abc",
                                      "x",
                                      "v1 ",
                                      "v1 2025-11-25",
                                      "v1  abc",
                                      "v1 2025-11-25 a b",
                                      "v1 2025-11-25 a\r\nX: y",
                                      "v1 2025-11-25 "};
    struct rig rig;
    rig_open(&rig);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct peer peer = {0};
        assert_int_equal(peer_end_make(&peer, peer_begin_make(&peer, &rig, none, bad[i])),
                         TRUNK_INVALID);
    }
    struct peer peer = {0};
    peer_make(&peer, &rig);
    trunk_op op = loop_host_begin(rig.host);
    rig.ops->snapshot(peer.leg, op); /* of nothing yet */
    (void)peer_expect(&peer, op, TRUNK_UNSUPPORTED);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_finish_first_cancels_what_is_pending(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "s");
    trunk_op request = peer_request(&peer, 2);
    trunk_op unsent = peer_request(&peer, 3);
    trunk_op listening = peer_listen(&peer);
    struct conn *conn = server_next(&rig.server)->conn;
    trunk_op finish = peer_begin_finish(&peer, 0, 0);
    assert_true(peer_is_done(&peer, request) && peer_is_done(&peer, unsent));
    (void)peer_expect(&peer, request, TRUNK_CANCELLED);
    (void)peer_expect(&peer, unsent, TRUNK_CANCELLED);
    (void)peer_expect(&peer, listening, TRUNK_CANCELLED);
    conn_wait_hang_up(conn);
    struct seen *seen = server_next(&rig.server);
    while (strcmp(seen->method, "DELETE") != 0) {
        seen = server_next(&rig.server);
    }
    answer(seen, "405 Method Not Allowed", "", "");
    peer_end_finish(&peer, finish);
    assert_int_equal(loop_host_logged(rig.host, "not deleted", NULL), 0);
    rig_close(&rig);
}

static void test_finish_is_ok_only_when_another_delete_could_not_help(void **state) {
    static const struct {
        const char *answer;
        int32_t status;
        size_t logged;
    } cases[] = {
        {"200 OK", TRUNK_OK, 0},
        {"202 Accepted", TRUNK_OK, 0},
        {"400 Bad Request", TRUNK_OK, 0},
        {"401 Unauthorized", TRUNK_UNCERTAIN, 1},
        {"403 Forbidden", TRUNK_UNCERTAIN, 1},
        {"404 Not Found", TRUNK_OK, 0},
        {"405 Method Not Allowed", TRUNK_OK, 0},
        {"408 Request Timeout", TRUNK_UNCERTAIN, 1},
        {"429 Too Many Requests", TRUNK_UNCERTAIN, 1},
        {"500 Oh", TRUNK_UNCERTAIN, 1},
        {"501 Not Implemented", TRUNK_OK, 1},
        {"503 Service Unavailable", TRUNK_UNCERTAIN, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        struct peer peer = {0};
        rig_open(&rig);
        peer_make_session(&peer, &rig, "s");
        trunk_op op = peer_begin_finish(&peer, 0, 0);
        answer(server_expect(&rig.server, "DELETE", "/mcp"), cases[i].answer, "", "");
        peer_end_finish_with(&peer, op, cases[i].status);
        assert_int_equal(loop_host_logged(rig.host, "not deleted", NULL), cases[i].logged);
        rig_close(&rig);
    }
}

static void test_finish_without_an_answer_is_uncertain_at_its_deadline(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "s");
    uint64_t before_ms = mono_now_ms();
    trunk_op op = peer_begin_finish(&peer, 0, before_ms + 100);
    peer_end_finish_with(&peer, op, TRUNK_UNCERTAIN);
    assert_in_range(mono_now_ms() - before_ms, 90, 3000);
    rig_close(&rig);
}

static void test_close_completes_what_is_pending(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    struct peer finishing = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "s");
    trunk_op request = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    answer_stream(seen, "");
    conn_chunk(seen->conn, "id: 1\nretry: 100000\ndata: \n\n");
    conn_end_chunks(seen->conn);
    assert_false(server_has_more(&rig.server)); /* it waits to be resumed */
    trunk_op listening = peer_listen(&peer);
    (void)server_next(&rig.server);
    peer_make_session(&finishing, &rig, "t");
    trunk_op finish = peer_begin_finish(&finishing, 0, 0);
    rig_close(&rig); /* checks that no op, watch, timer or descriptor is left */
    (void)request;
    (void)listening;
    (void)finish;
    for (size_t i = 0; i < MAX_MESSAGES; i++) {
        free(peer.messages[i].json);
        free(finishing.messages[i].json);
    }
}

static void test_legs_share_connections_but_nothing_else(void **state) {
    (void)state;
    struct rig rig;
    struct peer first = {0};
    struct peer second = {0};
    rig_open(&rig);
    peer_make_session(&first, &rig, "one");
    peer_make_session(&second, &rig, "two");
    assert_int_equal(rig.server.nconns, 1);
    trunk_op op = peer_request(&first, 5);
    struct conn *conn = server_next(&rig.server)->conn;
    trunk_op other = peer_request(&second, 5);
    struct seen *seen = server_next(&rig.server);
    assert_string_equal(seen_header(seen, "mcp-session-id"), "two");
    answer_json(seen, "", RESULT("5"));
    (void)peer_expect(&second, other, TRUNK_OK);
    assert_int_equal(second.nmessages, 2);
    assert_int_equal(first.nmessages, 1);
    peer_finish(&second);
    struct seen late = {.conn = conn};
    answer_json(&late, "", RESULT("5"));
    (void)peer_expect(&first, op, TRUNK_OK);
    peer_finish(&first);
    rig_close(&rig);
}

static void test_kept_connections_are_closed_when_the_last_leg_is_gone(void **state) {
    (void)state;
    struct rig rig;
    struct peer first = {0};
    struct peer second = {0};
    rig_open(&rig);
    peer_make_session(&first, &rig, NULL);
    peer_make(&second, &rig);
    peer_finish(&first);
    peer_finish(&second);
    assert_false(server_has_more(&rig.server));
    assert_false(rig.server.conns[0].is_hung_up); /* the next leg may come soon */
    conn_wait_hang_up(&rig.server.conns[0]);
    peer_make_session(&second, &rig, NULL);
    assert_int_equal(rig.server.nconns, 2);
    peer_finish(&second);
    rig_close(&rig);
}

int run_life_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_parameters_are_named),
        cmocka_unit_test(test_good_parameters_are_taken),
        cmocka_unit_test(test_make_connects_to_nothing),
        cmocka_unit_test(test_a_snapshot_goes_on_with_the_session),
        cmocka_unit_test(test_a_restored_session_that_the_backend_forgot_is_not_found),
        cmocka_unit_test(test_a_stateless_backend_has_a_constant_snapshot),
        cmocka_unit_test(test_saved_states_of_another_making_are_refused),
        cmocka_unit_test(test_finish_first_cancels_what_is_pending),
        cmocka_unit_test(test_finish_is_ok_only_when_another_delete_could_not_help),
        cmocka_unit_test(test_finish_without_an_answer_is_uncertain_at_its_deadline),
        cmocka_unit_test(test_close_completes_what_is_pending),
        cmocka_unit_test(test_legs_share_connections_but_nothing_else),
        cmocka_unit_test(test_kept_connections_are_closed_when_the_last_leg_is_gone),
    };
    return cmocka_run_group_tests_name("life", tests, rig_load, NULL);
}
