/* SPDX-License-Identifier: MIT
 * cases_answer.c - answers as JSON and as events, what requests carry, and the session id. */
#include "cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include <cmocka.h>

#define RESULT(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

static void test_a_json_answer_comes_with_its_number(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 1);
    struct seen *seen = server_expect(&rig.server, "POST", "/mcp");
    assert_string_equal(seen->body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}");
    assert_string_equal(seen_header(seen, "accept"), "application/json, text/event-stream");
    assert_string_equal(seen_header(seen, "content-type"), "application/json");
    assert_null(seen_header(seen, "mcp-session-id"));
    assert_null(seen_header(seen, "mcp-protocol-version"));
    assert_null(seen_header(seen, "expect"));
    answer_json(seen, "", RESULT("1"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_int_equal(peer.nmessages, 1);
    assert_int_equal(peer.messages[0].number, 1);
    assert_string_equal(peer.messages[0].json, RESULT("1"));
    assert_string_equal(peer.messages[0].position, "");
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_session_id_and_version_go_with_everything_after_initialize(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "abc-1");
    assert_true(peer.nchanged >= 1);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_expect(&rig.server, "POST", "/mcp");
    assert_string_equal(seen_header(seen, "mcp-session-id"), "abc-1");
    assert_string_equal(seen_header(seen, "mcp-protocol-version"), "2025-11-25");
    /* A session id on a later answer is not taken. */
    answer_json(seen, "Mcp-Session-Id: other\r\n", RESULT("2"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    op = peer_listen(&peer);
    seen = server_expect(&rig.server, "GET", "/mcp");
    assert_string_equal(seen_header(seen, "accept"), "text/event-stream");
    assert_string_equal(seen_header(seen, "mcp-session-id"), "abc-1");
    assert_string_equal(seen_header(seen, "mcp-protocol-version"), "2025-11-25");
    answer(seen, "405 Method Not Allowed", "", "");
    (void)peer_expect(&peer, op, TRUNK_UNSUPPORTED);
    op = peer_begin_finish(&peer, 0, 0);
    seen = server_expect(&rig.server, "DELETE", "/mcp");
    assert_string_equal(seen_header(seen, "mcp-session-id"), "abc-1");
    assert_string_equal(seen_header(seen, "mcp-protocol-version"), "2025-11-25");
    answer(seen, "204 No Content", "", "");
    peer_end_finish(&peer, op);
    rig_close(&rig);
}

static void test_a_session_id_that_is_none_fails_initialize(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 1);
    answer_json(server_next(&rig.server), "Mcp-Session-Id: a b\r\n", RESULT("1"));
    assert_non_null(strstr(peer_expect(&peer, op, TRUNK_INVALID), "session id"));
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_configured_headers_are_sent_unless_the_core_gives_its_own(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    const char *params[] = {"headers.Authorization",
                            "Bearer secret",
                            "headers.X-Empty",
                            "",
                            "headers.X-Team",
                            "a",
                            NULL};
    assert_int_equal(peer_end_make(&peer, peer_begin_make(&peer, &rig, params, NULL)), TRUNK_OK);
    const char *json = RESULT("7");
    struct trunk_param own[] = {{"x-team", "b"}};
    struct trunk_request request = {
        .struct_size = sizeof request, .json = {json, strlen(json)}, .headers = own, .nheaders = 1};
    trunk_op op = loop_host_begin(rig.host);
    rig.ops->send(peer.leg, &request, op);
    struct seen *seen = server_next(&rig.server);
    assert_string_equal(seen_header(seen, "authorization"), "Bearer secret");
    assert_string_equal(seen_header(seen, "x-empty"), "");
    assert_string_equal(seen_header(seen, "X-Team"), "b");
    assert_null(strstr(seen->text, "X-Team"));
    answer(seen, "202 Accepted", "", "");
    (void)peer_expect(&peer, op, TRUNK_OK);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_events_come_one_by_one_with_number_and_position(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 5);
    struct seen *seen = server_next(&rig.server);
    answer_stream(seen, "");
    conn_chunk(seen->conn, ": hello\n\nid: k-0\nretry: 5\ndata: \n\n"
                           "event: message\nid: k-1\ndata: {\"method\":\"p\"}\n\n");
    peer_wait_messages(&peer, 1);
    assert_false(peer_is_done(&peer, op));
    assert_int_equal(peer.messages[0].number, 5);
    assert_string_equal(peer.messages[0].json, "{\"method\":\"p\"}");
    assert_string_equal(peer.messages[0].position, "k-1");
    conn_chunk(seen->conn, "event: other\ndata: {}\n\nid: k-2\ndata: " RESULT("5") "\n\n");
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_int_equal(peer.nmessages, 2);
    assert_string_equal(peer.messages[1].position, "k-2");
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_stream_that_ends_after_the_answer_keeps_its_connection(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    for (uint64_t number = 2; number < 6; number++) {
        char event[128];
        trunk_op op = peer_request(&peer, number);
        struct seen *seen = server_next(&rig.server);
        answer_stream(seen, "");
        (void)snprintf(event, sizeof event, "data: {\"id\":%llu,\"result\":{}}\n\n",
                       (unsigned long long)number);
        conn_chunk(seen->conn, event);
        (void)peer_expect(&peer, op, TRUNK_OK);
        conn_end_chunks(seen->conn);
        loop_host_turn(rig.host, 100); /* the end is read */
    }
    assert_int_equal(rig.server.nconns, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_stream_that_goes_on_after_the_answer_is_closed(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    answer_stream(seen, "");
    /* Two answers to one id: the second is nobody's. */
    conn_chunk(seen->conn, "data: " RESULT("2") "\n\ndata: " RESULT("2") "\n\n");
    (void)peer_expect(&peer, op, TRUNK_OK);
    conn_chunk(seen->conn, "data: " RESULT("2") "\n\n");
    conn_wait_hang_up(seen->conn);
    assert_int_equal(peer.nmessages, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_an_error_with_a_body_for_the_request_is_its_answer(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 2);
    answer(server_next(&rig.server), "500 Oh", "Content-Type: application/json\r\n",
           "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32603,\"message\":\"m\"}}");
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_int_equal(peer.nmessages, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_an_answer_to_another_id_is_passed_on_but_is_no_answer(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 2);
    answer_json(server_next(&rig.server), "", RESULT("3"));
    assert_non_null(strstr(peer_expect(&peer, op, TRUNK_UNCERTAIN), "without the answer"));
    assert_int_equal(peer.nmessages, 1);
    op = peer_request(&peer, 3);
    answer(server_next(&rig.server), "202 Accepted", "", "");
    assert_non_null(strstr(peer_expect(&peer, op, TRUNK_UNCERTAIN), "without content"));
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_notification_is_taken_with_any_2xx(void **state) {
    (void)state;
    static const char *const statuses[] = {"200 OK", "202 Accepted", "204 No Content"};
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    for (size_t i = 0; i < 3; i++) {
        trunk_op op = peer_send(&peer, "{\"method\":\"n\"}");
        struct seen *seen = server_next(&rig.server);
        assert_string_equal(seen->body, "{\"method\":\"n\"}");
        if (i < 2) {
            answer(seen, statuses[i], "", "");
        } else {
            conn_write(seen->conn, "HTTP/1.1 204 No Content\r\n\r\n");
        }
        (void)peer_expect(&peer, op, TRUNK_OK);
    }
    assert_int_equal(rig.server.nconns, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_answers_in_any_order_reach_their_requests(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op first = peer_request(&peer, 2);
    struct conn *conn = server_next(&rig.server)->conn;
    trunk_op second = peer_request(&peer, 3);
    answer_json(server_next(&rig.server), "", RESULT("3"));
    (void)peer_expect(&peer, second, TRUNK_OK);
    assert_false(peer_is_done(&peer, first));
    struct seen late = {.conn = conn};
    answer_json(&late, "", RESULT("2"));
    (void)peer_expect(&peer, first, TRUNK_OK);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_large_message_goes_out_whole(void **state) {
    (void)state;
    enum { BYTES = 3 * 1024 * 1024 };
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    char *json = malloc(BYTES + 1);
    assert_non_null(json);
    memset(json, 'x', BYTES);
    json[BYTES] = '\0';
    trunk_op op = peer_request_json(&peer, 2, json);
    struct seen *seen = server_next(&rig.server);
    assert_string_equal(seen->body, json);
    answer_json(seen, "", RESULT("2"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    free(json);
    peer_finish(&peer);
    rig_close(&rig);
}

static void expect_too_large(struct rig *rig, struct peer *peer, bool is_stream) {
    char body[2048];
    memset(body, 'x', sizeof body);
    memcpy(body, "data: ", 6);
    memcpy(body + sizeof body - 3, "\n\n", 3);
    trunk_op op = peer_request(peer, 2);
    struct seen *seen = server_next(&rig->server);
    if (is_stream) {
        answer_stream(seen, "");
        conn_chunk(seen->conn, body);
    } else {
        answer_json(seen, "", body);
    }
    assert_non_null(strstr(peer_expect(peer, op, TRUNK_TOO_LARGE), "limit"));
    assert_int_equal(peer->nmessages, 0);
}

static void test_a_message_of_more_than_max_message_is_not_read(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {.max_message = 1024};
    rig_open(&rig);
    peer_make(&peer, &rig);
    expect_too_large(&rig, &peer, false);
    expect_too_large(&rig, &peer, true);
    trunk_op op = peer_request(&peer, 2);
    answer_json(server_next(&rig.server), "", RESULT("2"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_an_answer_before_the_body_was_sent_ends_the_sending(void **state) {
    (void)state;
    enum { BYTES = 16 * 1024 * 1024 };
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    char *json = calloc(1, BYTES + 1);
    assert_non_null(json);
    memset(json, 'x', BYTES);
    trunk_op op = peer_request_json(&peer, 2, json);
    while (rig.server.nconns == 0 || rig.server.conns[0].len == 0) {
        loop_host_turn(rig.host, 100);
    }
    /* Reads no more of it. */
    loop_host_table(rig.host)->watch_set(rig.server.conns[0].watch, 0);
    struct seen early = {.conn = &rig.server.conns[0]};
    answer_stream(&early, "");
    conn_chunk(early.conn, "data: " RESULT("2") "\n\n");
    (void)peer_expect(&peer, op, TRUNK_OK);
    free(json); /* the op is completed: its inputs need not stay */
    loop_host_table(rig.host)->watch_set(rig.server.conns[0].watch, TRUNK_READ);
    conn_wait_hang_up(&rig.server.conns[0]);
    assert_int_equal(peer.nmessages, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

int run_answer_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_json_answer_comes_with_its_number),
        cmocka_unit_test(test_session_id_and_version_go_with_everything_after_initialize),
        cmocka_unit_test(test_a_session_id_that_is_none_fails_initialize),
        cmocka_unit_test(test_configured_headers_are_sent_unless_the_core_gives_its_own),
        cmocka_unit_test(test_events_come_one_by_one_with_number_and_position),
        cmocka_unit_test(test_a_stream_that_ends_after_the_answer_keeps_its_connection),
        cmocka_unit_test(test_a_stream_that_goes_on_after_the_answer_is_closed),
        cmocka_unit_test(test_an_error_with_a_body_for_the_request_is_its_answer),
        cmocka_unit_test(test_an_answer_to_another_id_is_passed_on_but_is_no_answer),
        cmocka_unit_test(test_a_notification_is_taken_with_any_2xx),
        cmocka_unit_test(test_answers_in_any_order_reach_their_requests),
        cmocka_unit_test(test_a_large_message_goes_out_whole),
        cmocka_unit_test(test_a_message_of_more_than_max_message_is_not_read),
        cmocka_unit_test(test_an_answer_before_the_body_was_sent_ends_the_sending),
    };
    return cmocka_run_group_tests_name("answers", tests, rig_load, NULL);
}
