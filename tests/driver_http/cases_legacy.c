/* SPDX-License-Identifier: MIT
 * cases_legacy.c - backends of 2024-11-05: one stream for all messages, POSTs to the endpoint that
 * it tells. */
#include "cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include <cmocka.h>

#define RESULT(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

static const char *const sse[] = {"type", "sse", "headers.X-Key", "k", NULL};

/* Gives the connection of the stream. */
static struct conn *open_legacy(struct rig *rig, struct peer *peer, const char *endpoint) {
    char event[512];
    *peer = (struct peer){0};
    rig_open(rig);
    trunk_op op = peer_begin_make(peer, rig, sse, NULL);
    struct seen *seen = server_expect(&rig->server, "GET", "/mcp");
    assert_string_equal(seen_header(seen, "accept"), "text/event-stream");
    assert_string_equal(seen_header(seen, "x-key"), "k");
    struct conn *conn = seen->conn;
    answer_stream(seen, "");
    assert_false(peer_is_done(peer, op));
    (void)snprintf(event, sizeof event, "event: endpoint\ndata: %s\n\n", endpoint);
    conn_chunk(conn, event);
    assert_int_equal(peer_end_make(peer, op), TRUNK_OK);
    return conn;
}

static void test_messages_go_to_the_endpoint_and_answers_come_by_the_stream(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    struct conn *stream = open_legacy(&rig, &peer, "/messages?sessionId=7");
    trunk_op op = peer_request(&peer, 1);
    struct seen *seen = server_expect(&rig.server, "POST", "/messages?sessionId=7");
    assert_string_equal(seen->body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}");
    assert_string_equal(seen_header(seen, "x-key"), "k");
    assert_null(seen_header(seen, "mcp-session-id"));
    answer(seen, "202 Accepted", "Content-Type: application/json\r\n", "{\"ignored\":1}");
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_int_equal(peer.nmessages, 0);
    conn_chunk(stream, "event: message\nid: 1\ndata: " RESULT("1") "\n\nevent: odd\ndata: {}\n\n");
    peer_wait_messages(&peer, 1);
    assert_int_equal(peer.messages[0].number, 0);
    assert_string_equal(peer.messages[0].position, "");
    assert_string_equal(peer.messages[0].json, RESULT("1"));
    (void)peer_expect(&peer, peer_listen(&peer), TRUNK_OK);
    (void)peer_expect(&peer, peer_resume(&peer, 2, "1"), TRUNK_UNSUPPORTED);
    op = loop_host_begin(rig.host);
    rig.ops->snapshot(peer.leg, op);
    (void)peer_expect(&peer, op, TRUNK_UNSUPPORTED);
    op = peer_begin_finish(&peer, 0, 0);
    assert_true(peer_is_done(&peer, op)); /* nothing to delete */
    conn_wait_hang_up(stream);
    peer_end_finish(&peer, op);
    rig_close(&rig);
}

static void test_an_absolute_endpoint_of_the_origin_is_fine(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    char event[256];
    rig_open(&rig);
    trunk_op op = peer_begin_make(&peer, &rig, sse, NULL);
    answer(server_expect(&rig.server, "GET", "/mcp"), "307 Temporary Redirect",
           "Location: /v2/sse\r\n", "");
    struct seen *seen = server_expect(&rig.server, "GET", "/v2/sse");
    answer_stream(seen, "");
    (void)snprintf(event, sizeof event,
                   "event: endpoint\ndata: http://127.0.0.1:%u/m\n\ndata: {\"method\":\"n\"}\n\n",
                   rig.server.port);
    conn_chunk(seen->conn, event);
    assert_int_equal(peer_end_make(&peer, op), TRUNK_OK);
    peer_wait_messages(&peer, 1);
    op = peer_send(&peer, "{}");
    answer(server_expect(&rig.server, "POST", "/m"), "200 OK", "", "");
    (void)peer_expect(&peer, op, TRUNK_OK);
    peer_finish(&peer);
    rig_close(&rig);
}

static void expect_make_fails(const char *status, const char *type, const char *body,
                              int32_t expected, const char *text) {
    struct rig rig;
    struct peer peer = {0};
    char head[256];
    rig_open(&rig);
    trunk_op op = peer_begin_make(&peer, &rig, sse, NULL);
    struct seen *seen = server_expect(&rig.server, "GET", "/mcp");
    (void)snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: %s\r\n\r\n", status, type);
    conn_write(seen->conn, head);
    conn_write(seen->conn, body);
    conn_close(seen->conn);
    const char *said = peer_expect(&peer, op, expected);
    if (strstr(said, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, said);
    }
    rig_close(&rig);
}

static void test_make_fails_without_an_endpoint_of_the_origin(void **state) {
    (void)state;
#define STREAM "200 OK", "text/event-stream"
    expect_make_fails(STREAM, "event: endpoint\ndata: http://127.0.0.1:1/m\n\n", TRUNK_INVALID,
                      "own origin");
    expect_make_fails(STREAM, "event: endpoint\ndata: https://127.0.0.1/m\n\n", TRUNK_INVALID,
                      "own origin");
    expect_make_fails(STREAM, "data: {}\n\n", TRUNK_UNAVAILABLE, "closed its stream");
    expect_make_fails("200 OK", "text/html", "<html>", TRUNK_INVALID, "without an event stream");
    expect_make_fails("404 Not Found", "text/plain", "", TRUNK_INVALID, "HTTP 404");
    expect_make_fails("401 Unauthorized", "text/plain", "", TRUNK_DENIED, "HTTP 401");
    expect_make_fails("503 Busy", "text/plain", "", TRUNK_UNAVAILABLE, "HTTP 503");
}

static void test_make_waits_no_longer_than_its_deadline(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/mcp", rig.server.port);
    struct trunk_param params[] = {{"type", "sse"}, {"url", url}};
    struct trunk_make make = {.struct_size = sizeof make,
                              .session_id = "s",
                              .backend = "b1",
                              .params = params,
                              .nparams = 2,
                              .sink = &peer.sink,
                              .deadline_ms = mono_now_ms() + 50};
    trunk_op op = loop_host_begin(rig.host);
    rig.ops->make(rig.self, &make, op);
    peer.rig = &rig;
    assert_non_null(strstr(peer_expect(&peer, op, TRUNK_UNAVAILABLE), "in time"));
    make.saved = (struct trunk_slice){"v1 - -", 6};
    op = loop_host_begin(rig.host);
    rig.ops->make(rig.self, &make, op);
    (void)peer_expect(&peer, op, TRUNK_NOT_FOUND);
    make.saved = (struct trunk_slice){0};
    make.deadline_ms = 0;
    op = loop_host_begin(rig.host);
    rig.ops->make(rig.self, &make, op); /* still pending at the close */
    rig_close(&rig);
}

static void test_a_lost_stream_closes_the_leg(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    struct conn *stream = open_legacy(&rig, &peer, "/m");
    trunk_op op = peer_request(&peer, 1);
    (void)server_expect(&rig.server, "POST", "/m");
    conn_chunk(stream, "data: {\"method\":\"n\"}\n\ndata: {\"cut");
    conn_end_chunks(stream);
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, 1);
    assert_int_equal(peer.closed_status, TRUNK_UNAVAILABLE);
    assert_non_null(strstr(peer.closed_text, "closed its stream"));
    (void)peer_expect(&peer, op, TRUNK_UNCERTAIN);
    (void)peer_expect(&peer, peer_request(&peer, 2), TRUNK_UNAVAILABLE);
    (void)peer_expect(&peer, peer_send(&peer, "{}"), TRUNK_UNAVAILABLE);
    rig.ops->pause(peer.leg, 0, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_post_to_a_session_that_is_gone_is_not_found(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    (void)open_legacy(&rig, &peer, "/m");
    trunk_op op = peer_request(&peer, 1);
    answer(server_expect(&rig.server, "POST", "/m"), "202 Accepted", "", "");
    (void)peer_expect(&peer, op, TRUNK_OK);
    op = peer_request(&peer, 1);
    answer(server_expect(&rig.server, "POST", "/m"), "404 Not Found", "", "");
    (void)peer_expect(&peer, op, TRUNK_NOT_FOUND);
    op = peer_request(&peer, 2);
    answer(server_expect(&rig.server, "POST", "/m"), "400 Bad Request", "", "");
    (void)peer_expect(&peer, op, TRUNK_INVALID);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_the_stream_is_paused_as_a_whole(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    struct conn *stream = open_legacy(&rig, &peer, "/m");
    rig.ops->pause(peer.leg, 9, 1);
    conn_chunk(stream, "data: {\"method\":\"n\"}\n\n");
    assert_false(server_has_more(&rig.server));
    assert_int_equal(peer.nmessages, 0);
    rig.ops->pause(peer.leg, 9, 0);
    peer_wait_messages(&peer, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

int run_legacy_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_go_to_the_endpoint_and_answers_come_by_the_stream),
        cmocka_unit_test(test_an_absolute_endpoint_of_the_origin_is_fine),
        cmocka_unit_test(test_make_fails_without_an_endpoint_of_the_origin),
        cmocka_unit_test(test_make_waits_no_longer_than_its_deadline),
        cmocka_unit_test(test_a_lost_stream_closes_the_leg),
        cmocka_unit_test(test_a_post_to_a_session_that_is_gone_is_not_found),
        cmocka_unit_test(test_the_stream_is_paused_as_a_whole),
    };
    return cmocka_run_group_tests_name("legacy", tests, rig_load, NULL);
}
