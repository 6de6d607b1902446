/* SPDX-License-Identifier: MIT
 * cases_stream.c - streams that break off and are resumed, the stream of unasked messages, pause
 * and cancelling. */
#include "cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include <cmocka.h>

#define RESULT(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

static void open_session(struct rig *rig, struct peer *peer) {
    rig_open(rig);
    *peer = (struct peer){0};
    peer_make_session(peer, rig, "s");
}

static void close_session(struct rig *rig, struct peer *peer) {
    peer_finish(peer);
    rig_close(rig);
}

static void test_a_stream_that_ends_early_without_an_id_is_uncertain(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    for (int i = 0; i < 2; i++) {
        trunk_op op = peer_request(&peer, 2);
        struct seen *seen = server_next(&rig.server);
        answer_stream(seen, "");
        conn_chunk(seen->conn, "data: {\"method\":\"p\"}\n\n");
        if (i == 0) {
            conn_end_chunks(seen->conn);
        } else {
            conn_close(seen->conn);
        }
        (void)peer_expect(&peer, op, TRUNK_UNCERTAIN);
    }
    assert_false(server_has_more(&rig.server));
    close_session(&rig, &peer);
}

static void test_a_stream_that_ends_early_is_resumed_after_its_last_id(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    answer_stream(seen, "");
    conn_chunk(seen->conn, "id: a-0\nretry: 300\ndata: \n\n");
    uint64_t before_ms = mono_now_ms();
    conn_end_chunks(seen->conn);
    seen = server_expect(&rig.server, "GET", "/mcp");
    assert_in_range(mono_now_ms() - before_ms, 295, 2000);
    assert_string_equal(seen_header(seen, "last-event-id"), "a-0");
    assert_string_equal(seen_header(seen, "mcp-session-id"), "s");
    assert_string_equal(seen_header(seen, "mcp-protocol-version"), "2025-11-25");
    answer_stream(seen, "");
    conn_chunk(seen->conn, "id: a-1\nretry: 1\ndata: {\"method\":\"p\"}\n\n");
    peer_wait_messages(&peer, 2);
    assert_int_equal(peer.messages[1].number, 2);
    assert_string_equal(peer.messages[1].position, "a-1");
    conn_close(seen->conn); /* without a proper end, too */
    seen = server_expect(&rig.server, "GET", "/mcp");
    assert_string_equal(seen_header(seen, "last-event-id"), "a-1");
    answer_stream(seen, "");
    conn_chunk(seen->conn, "data: " RESULT("2") "\n\n");
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_int_equal(peer.nmessages, 3);
    assert_int_equal(peer.messages[2].number, 2);
    close_session(&rig, &peer);
}

/* Begins a request whose stream broke off after an id; the next to come is the GET. */
static trunk_op begin_broken(struct rig *rig, struct peer *peer) {
    trunk_op op = peer_request(peer, 2);
    struct seen *seen = server_next(&rig->server);
    answer_stream(seen, "");
    conn_chunk(seen->conn, "id: a\nretry: 1\ndata: \n\n");
    conn_end_chunks(seen->conn);
    return op;
}

static void test_what_cannot_be_resumed_is_uncertain(void **state) {
    (void)state;
    static const char *const statuses[] = {"405 Method Not Allowed", "404 Not Found",
                                           "400 Bad Request", "401 Unauthorized"};
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    for (size_t i = 0; i < 4; i++) {
        trunk_op op = begin_broken(&rig, &peer);
        answer(server_expect(&rig.server, "GET", "/mcp"), statuses[i], "", "");
        (void)peer_expect(&peer, op, TRUNK_UNCERTAIN);
    }
    close_session(&rig, &peer);
}

static void test_resuming_is_tried_a_few_times(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    trunk_op op = begin_broken(&rig, &peer);
    answer(server_expect(&rig.server, "GET", "/mcp"), "503 Busy", "", "");
    conn_close(server_expect(&rig.server, "GET", "/mcp")->conn);
    answer_stream(server_expect(&rig.server, "GET", "/mcp"), "Connection: close\r\n");
    conn_close(rig.server.seen.conn);
    for (int i = 0; i < 5; i++) {
        assert_false(peer_is_done(&peer, op));
        answer(server_expect(&rig.server, "GET", "/mcp"), "503 Busy", "", "");
    }
    (void)peer_expect(&peer, op, TRUNK_UNCERTAIN);
    assert_false(server_has_more(&rig.server));
    close_session(&rig, &peer);
}

static void test_resume_listens_and_does_not_send(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    trunk_op op = peer_resume(&peer, 9, "a-7");
    struct seen *seen = server_expect(&rig.server, "GET", "/mcp");
    assert_string_equal(seen_header(seen, "last-event-id"), "a-7");
    answer_stream(seen, "");
    conn_chunk(seen->conn, "data: " RESULT("9") "\n\n");
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_int_equal(peer.messages[1].number, 9);
    (void)peer_expect(&peer, peer_resume(&peer, 9, "a\r\nX: y"), TRUNK_INVALID);
    close_session(&rig, &peer);
}

static void test_listening_is_not_offered_with_these_answers(void **state) {
    (void)state;
    static const char *const statuses[] = {"405 Method Not Allowed", "404 Not Found",
                                           "400 Bad Request", "501 Not Implemented", "200 OK"};
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    for (size_t i = 0; i < 5; i++) {
        trunk_op op = peer_listen(&peer);
        answer(server_expect(&rig.server, "GET", "/mcp"), statuses[i],
               "Content-Type: text/plain\r\n", "no");
        (void)peer_expect(&peer, op, TRUNK_UNSUPPORTED);
    }
    trunk_op op = peer_listen(&peer);
    answer(server_expect(&rig.server, "GET", "/mcp"), "401 Unauthorized", "", "");
    (void)peer_expect(&peer, op, TRUNK_DENIED);
    close_session(&rig, &peer);
}

static void test_unasked_messages_have_no_number_and_go_on_after_a_break(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    trunk_op op = peer_listen(&peer);
    struct seen *seen = server_expect(&rig.server, "GET", "/mcp");
    assert_null(seen_header(seen, "last-event-id"));
    answer_stream(seen, "");
    (void)peer_expect(&peer, op, TRUNK_OK);
    conn_chunk(seen->conn, "id: g-1\nretry: 1\ndata: {\"method\":\"n\"}\n\n");
    peer_wait_messages(&peer, 2);
    assert_int_equal(peer.messages[1].number, 0);
    assert_string_equal(peer.messages[1].position, "g-1");
    conn_end_chunks(seen->conn);
    seen = server_expect(&rig.server, "GET", "/mcp");
    assert_string_equal(seen_header(seen, "last-event-id"), "g-1");
    answer(seen, "503 Busy", "", "");
    answer_stream(server_expect(&rig.server, "GET", "/mcp"), "");
    conn_chunk(rig.server.seen.conn, "data: {\"method\":\"n\"}\n\n");
    peer_wait_messages(&peer, 3);
    /* Until the backend says that there is none any more. */
    conn_close(rig.server.seen.conn);
    answer(server_expect(&rig.server, "GET", "/mcp"), "405 Method Not Allowed", "", "");
    assert_false(server_has_more(&rig.server));
    assert_int_equal(loop_host_logged(rig.host, "unasked messages is over", NULL), 1);
    close_session(&rig, &peer);
}

static void test_a_backend_that_hangs_on_get_holds_up_nothing(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    trunk_op listening = peer_listen(&peer);
    struct conn *silent = server_expect(&rig.server, "GET", "/mcp")->conn;
    trunk_op op = peer_request(&peer, 2);
    answer_json(server_expect(&rig.server, "POST", "/mcp"), "", RESULT("2"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_false(peer_is_done(&peer, listening));
    trunk_op finish = peer_begin_finish(&peer, 1, 0);
    (void)peer_expect(&peer, listening, TRUNK_CANCELLED);
    peer_end_finish(&peer, finish);
    conn_wait_hang_up(silent);
    rig_close(&rig);
}

static void test_a_cancelled_request_is_not_listened_for(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    answer_stream(seen, "");
    conn_chunk(seen->conn, "id: a\ndata: {\"method\":\"p\"}\n\n");
    peer_wait_messages(&peer, 2);
    rig.ops->cancel_request(peer.leg, 3); /* nobody's */
    rig.ops->cancel_request(peer.leg, 2);
    (void)peer_expect(&peer, op, TRUNK_CANCELLED);
    conn_wait_hang_up(seen->conn);
    rig.ops->cancel_request(peer.leg, 2);
    assert_false(server_has_more(&rig.server));
    close_session(&rig, &peer);
}

static void test_a_request_that_waits_to_be_resumed_can_be_cancelled(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    answer_stream(seen, "");
    conn_chunk(seen->conn, "id: a\nretry: 100000\ndata: \n\n");
    conn_end_chunks(seen->conn);
    assert_false(server_has_more(&rig.server));
    assert_false(peer_is_done(&peer, op));
    rig.ops->cancel_request(peer.leg, 2);
    (void)peer_expect(&peer, op, TRUNK_CANCELLED);
    close_session(&rig, &peer);
}

static void test_a_paused_stream_is_not_read(void **state) {
    (void)state;
    enum { EVENTS = 2000 };
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    struct conn *conn = seen->conn;
    answer_stream(seen, "");
    rig.ops->pause(peer.leg, 2, 1);
    conn_chunk(conn, "data: {\"method\":\"p\"}\n\n");
    assert_false(server_has_more(&rig.server));
    assert_int_equal(peer.nmessages, 1);
    /* Another request goes on meanwhile. */
    trunk_op other = peer_request(&peer, 3);
    answer_json(server_next(&rig.server), "", RESULT("3"));
    (void)peer_expect(&peer, other, TRUNK_OK);
    assert_int_equal(peer.nmessages, 2);
    rig.ops->pause(peer.leg, 2, 0);
    peer_wait_messages(&peer, 3);
    for (int i = 0; i < EVENTS; i++) {
        conn_chunk(conn, "data: {\"method\":\"p\"}\n\n");
        rig.ops->pause(peer.leg, 2, i % 2);
    }
    rig.ops->pause(peer.leg, 2, 0);
    conn_chunk(conn, "data: " RESULT("2") "\n\n");
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_int_equal(peer.nmessages, 3 + EVENTS + 1);
    close_session(&rig, &peer);
}

static void test_the_unasked_stream_pauses_as_number_0(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_session(&rig, &peer);
    rig.ops->pause(peer.leg, 0, 1); /* nothing to pause */
    trunk_op op = peer_listen(&peer);
    struct seen *seen = server_next(&rig.server);
    answer_stream(seen, "");
    (void)peer_expect(&peer, op, TRUNK_OK);
    rig.ops->pause(peer.leg, 0, 1);
    conn_chunk(seen->conn, "data: {\"method\":\"n\"}\n\n");
    conn_end_chunks(seen->conn);
    assert_false(server_has_more(&rig.server));
    assert_int_equal(peer.nmessages, 1);
    rig.ops->pause(peer.leg, 0, 0);
    peer_wait_messages(&peer, 2);
    close_session(&rig, &peer);
}

static void test_a_paused_stream_that_broke_a_limit_ends_when_it_goes_on(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {.max_message = 16};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    answer_stream(seen, "");
    rig.ops->pause(peer.leg, 2, 1);
    conn_chunk(seen->conn, "data: {\"method\":\"a long one\"}\n\n");
    assert_false(server_has_more(&rig.server));
    assert_false(peer_is_done(&peer, op));
    rig.ops->pause(peer.leg, 2, 0);
    (void)peer_expect(&peer, op, TRUNK_TOO_LARGE);
    close_session(&rig, &peer);
}

int run_stream_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_that_ends_early_without_an_id_is_uncertain),
        cmocka_unit_test(test_a_stream_that_ends_early_is_resumed_after_its_last_id),
        cmocka_unit_test(test_what_cannot_be_resumed_is_uncertain),
        cmocka_unit_test(test_resuming_is_tried_a_few_times),
        cmocka_unit_test(test_resume_listens_and_does_not_send),
        cmocka_unit_test(test_listening_is_not_offered_with_these_answers),
        cmocka_unit_test(test_unasked_messages_have_no_number_and_go_on_after_a_break),
        cmocka_unit_test(test_a_backend_that_hangs_on_get_holds_up_nothing),
        cmocka_unit_test(test_a_cancelled_request_is_not_listened_for),
        cmocka_unit_test(test_a_request_that_waits_to_be_resumed_can_be_cancelled),
        cmocka_unit_test(test_a_paused_stream_is_not_read),
        cmocka_unit_test(test_the_unasked_stream_pauses_as_number_0),
        cmocka_unit_test(test_a_paused_stream_that_broke_a_limit_ends_when_it_goes_on),
    };
    return cmocka_run_group_tests_name("streams", tests, rig_load, NULL);
}
