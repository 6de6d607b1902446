/* SPDX-License-Identifier: MIT
 * cases_refusal.c - HTTP errors, broken answers, redirects, and connections that fail or die. */
#include "cases.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rig.h"

#include <cmocka.h>

#define RESULT(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

struct refusal {
    const char *status;
    const char *fields;
    const char *body;
    int32_t expected;
    const char *text; /* in what the op says */
};

static void expect_refusals(struct rig *rig, struct peer *peer, const struct refusal *refusals,
                            size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct refusal *refusal = &refusals[i];
        trunk_op op = peer_request(peer, 100 + i);
        answer(server_next(&rig->server), refusal->status, refusal->fields, refusal->body);
        const char *text = peer_expect(peer, op, refusal->expected);
        if (strstr(text, refusal->text) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", refusal->text, text);
        }
    }
}

static void test_refusals_in_a_session_have_their_statuses(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"404 Not Found", "", "", TRUNK_NOT_FOUND, "HTTP 404"},
        {"400 Bad Request", "Content-Type: application/json\r\n",
         "{\"error\":{\"message\":\"No valid session ID\"}}", TRUNK_NOT_FOUND, "No valid session"},
        {"401 Unauthorized", "WWW-Authenticate: Bearer realm=\"x\"\r\n", "", TRUNK_DENIED,
         "WWW-Authenticate: Bearer realm=\"x\""},
        {"403 Forbidden", "", "no\x01 way", TRUNK_DENIED, "no? way"},
        {"405 Method Not Allowed", "", "", TRUNK_INVALID, "HTTP 405"},
        {"408 Request Timeout", "", "", TRUNK_UNCERTAIN, "HTTP 408"},
        {"413 Too Large", "", "", TRUNK_TOO_LARGE, "HTTP 413"},
        {"429 Too Many", "Retry-After: 7\r\n", "", TRUNK_DENIED, "Retry-After: 7"},
        {"500 Oh", "Content-Type: text/html\r\n", "<html>trace</html>", TRUNK_UNCERTAIN, "<html>"},
        {"502 Bad Gateway", "", "", TRUNK_UNCERTAIN, "HTTP 502"},
        {"503 Busy", "Retry-After: 60\r\n", "", TRUNK_UNCERTAIN, "Retry-After: 60"},
        {"200 OK", "Content-Type: text/html\r\n", "<html></html>", TRUNK_INVALID, "text/html"},
        {"200 OK", "", "", TRUNK_UNCERTAIN, "without content"},
        {"302 Found", "Location: /other\r\n", "", TRUNK_INVALID, "HTTP 302"},
        {"304 Not Modified", "", "", TRUNK_INVALID, "HTTP 304"},
    };
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "s");
    expect_refusals(&rig, &peer, refusals, sizeof refusals / sizeof *refusals);
    /* Of initialize, and the body of the 400, which the host takes for no answer. */
    assert_int_equal(peer.nmessages, 2);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_400_means_a_lost_session_only_with_a_code_that_servers_use_for_it(void **state) {
    (void)state;
#define JSON_400(BODY, EXPECTED)                                                                   \
    { "400 Bad Request", "Content-Type: application/json\r\n", BODY, EXPECTED, "HTTP 400" }
    static const struct refusal refusals[] = {
        JSON_400("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"x\"}}",
                 TRUNK_NOT_FOUND),
        JSON_400("{\"error\": {\"message\":\"x\",\"code\" : -32001 }, \"jsonrpc\":\"2.0\"}",
                 TRUNK_NOT_FOUND),
        JSON_400("{\"jsonrpc\":\"2.0\",\"id\":\"server-error\",\"error\":{\"code\":-32600}}",
                 TRUNK_NOT_FOUND),
        JSON_400("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32602,\"message\":\"x\"}}",
                 TRUNK_INVALID),
        JSON_400("{\"jsonrpc\":\"2.0\",\"error\":{\"data\":{\"code\":-32000},\"code\":-32603}}",
                 TRUNK_INVALID),
        JSON_400("{\"jsonrpc\":\"2.0\",\"error\":{\"message\":\"\\\"code\\\":-32000\","
                 "\"code\":-32020},\"code\":-32000}",
                 TRUNK_INVALID),
        JSON_400("{\"code\":-32602,\"error\":\"bad session\"}", TRUNK_NOT_FOUND),
        JSON_400("{\"error\":{\"code\":400,\"message\":\"bad session\"}}", TRUNK_NOT_FOUND),
        JSON_400("{\"jsonrpc\":\"2.0\",\"error\":{\"code\\", TRUNK_NOT_FOUND),
        {"400 Bad Request", "", "No session", TRUNK_NOT_FOUND, "HTTP 400"},
    };
#undef JSON_400
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "s");
    trunk_op op = peer_request(&peer, 99);
    answer_json(server_next(&rig.server), "", RESULT("99"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    expect_refusals(&rig, &peer, refusals, sizeof refusals / sizeof *refusals);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_refusals_without_a_session_are_of_the_request(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"404 Not Found", "", "", TRUNK_INVALID, "HTTP 404"},
        {"400 Bad Request", "", "", TRUNK_INVALID, "HTTP 400"},
    };
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, NULL);
    expect_refusals(&rig, &peer, refusals, 2);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_400_to_a_session_that_was_never_good_is_no_lost_session(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 1);
    answer_json(server_next(&rig.server), "Mcp-Session-Id: s\r\n", RESULT("1"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    op = peer_send(&peer, "{}");
    answer(server_next(&rig.server), "400 Bad Request", "", "");
    (void)peer_expect(&peer, op, TRUNK_INVALID);
    op = peer_send(&peer, "{}");
    answer(server_next(&rig.server), "404 Not Found", "", "");
    (void)peer_expect(&peer, op, TRUNK_NOT_FOUND);
    peer_finish(&peer);
    rig_close(&rig);
}

/* What is sent instead of an answer, after which the connection is closed. */
static void expect_broken(const char *bytes, int32_t status, const char *text) {
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    conn_write(seen->conn, bytes);
    conn_close(seen->conn);
    const char *said = peer_expect(&peer, op, status);
    if (strstr(said, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, said);
    }
    assert_int_equal(peer.nmessages, 0);
    assert_false(server_has_more(&rig.server));
    assert_int_equal(rig.server.nconns, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_lost_answer_is_uncertain(void **state) {
    (void)state;
    expect_broken("", TRUNK_UNCERTAIN, "lost");
    expect_broken("HTTP/1.1 200 O", TRUNK_UNCERTAIN, "lost");
    expect_broken("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
                  "{\"jsonrpc\":\"2.0\"",
                  TRUNK_UNCERTAIN, "lost");
    expect_broken("SSH-2.0-OpenSSH_9.2\r\n", TRUNK_UNCERTAIN, "lost");
}

static void test_broken_chunks_are_uncertain(void **state) {
    (void)state;
#define CHUNKED                                                                                    \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    expect_broken(CHUNKED "5\r\n{\"a\":zzzzz", TRUNK_UNCERTAIN, "lost");
    expect_broken(CHUNKED "what\r\n", TRUNK_UNCERTAIN, "lost");
    expect_broken(CHUNKED "2\r\n{}\r\n", TRUNK_UNCERTAIN, "lost");
}

static void test_a_body_longer_than_its_length_is_cut(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    conn_write(seen->conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           "Content-Length: 2\r\n\r\n{}" RESULT("2"));
    (void)peer_expect(&peer, op, TRUNK_UNCERTAIN);
    assert_int_equal(peer.nmessages, 1);
    assert_string_equal(peer.messages[0].json, "{}");
    /* What was too much is not taken for the next answer. */
    op = peer_request(&peer, 3);
    seen = server_next(&rig.server);
    assert_int_equal(rig.server.nconns, 2);
    answer_json(seen, "", RESULT("3"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_headers_without_end_are_not_read(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    conn_write(seen->conn, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 10000 && !peer_is_done(&peer, op); i++) {
        conn_write(seen->conn, "X-Endless: 0123456789012345678901234567890123456789\r\n");
        if (i % 100 == 0) {
            loop_host_turn(rig.host, 0);
        }
    }
    assert_non_null(strstr(peer_expect(&peer, op, TRUNK_TOO_LARGE), "header"));
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_redirects_within_the_origin_are_followed_with_the_body(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "s");
    trunk_op op = peer_request(&peer, 2);
    answer(server_expect(&rig.server, "POST", "/mcp"), "307 Temporary Redirect",
           "Location: /other/mcp?a=b\r\n", "moved");
    char location[128];
    (void)snprintf(location, sizeof location, "Location: http://127.0.0.1:%u/third\r\n",
                   rig.server.port);
    answer(server_expect(&rig.server, "POST", "/other/mcp?a=b"), "308 Permanent Redirect", location,
           "{}");
    struct seen *seen = server_expect(&rig.server, "POST", "/third");
    assert_string_equal(seen->body, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"x\"}");
    assert_string_equal(seen_header(seen, "mcp-session-id"), "s");
    answer_json(seen, "", RESULT("2"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_the_body_of_a_redirect_does_not_matter(void **state) {
    (void)state;
    enum { BYTES = 1024 * 1024 };
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    char *junk = malloc(BYTES + 1);
    assert_non_null(junk);
    memset(junk, 'x', BYTES);
    junk[BYTES] = '\0';
    trunk_op op = peer_request(&peer, 2);
    answer(server_next(&rig.server), "307 Temporary Redirect", "Location: /x\r\n", junk);
    free(junk);
    answer_json(server_expect(&rig.server, "POST", "/x"), "", RESULT("2"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    peer_finish(&peer);
    rig_close(&rig);
}

static void expect_not_followed(struct rig *rig, struct peer *peer, const char *location) {
    char field[256];
    (void)snprintf(field, sizeof field, "Location: %s\r\n", location);
    trunk_op op = peer_request(peer, 2);
    answer(server_next(&rig->server), "307 Temporary Redirect", field, "");
    assert_non_null(strstr(peer_expect(peer, op, TRUNK_INVALID), "redirects to another origin"));
}

static void test_redirects_elsewhere_are_not_followed(void **state) {
    (void)state;
    struct rig rig;
    struct server other;
    struct peer peer = {0};
    char url[128];
    rig_open(&rig);
    server_open(&other, rig.host);
    peer_make(&peer, &rig);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/mcp", other.port);
    expect_not_followed(&rig, &peer, url);
    (void)snprintf(url, sizeof url, "//127.0.0.1:%u/mcp", other.port);
    expect_not_followed(&rig, &peer, url);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/mcp", rig.server.port);
    expect_not_followed(&rig, &peer, url);
    (void)snprintf(url, sizeof url, "http://localhost:%u/mcp", rig.server.port);
    expect_not_followed(&rig, &peer, url);
    (void)snprintf(url, sizeof url, "http://user@127.0.0.1:%u/mcp", rig.server.port);
    expect_not_followed(&rig, &peer, url);
    expect_not_followed(&rig, &peer, "file:///etc/passwd");
    expect_not_followed(&rig, &peer, "");
    assert_false(server_has_more(&other));
    assert_int_equal(other.nconns, 0);
    peer_finish(&peer);
    server_close(&other);
    rig_close(&rig);
}

static void test_redirects_in_a_circle_come_to_an_end(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    trunk_op op = peer_request(&peer, 2);
    for (int i = 0; i < 6; i++) {
        answer(server_next(&rig.server), "307 Temporary Redirect", "Location: /mcp\r\n", "");
    }
    assert_non_null(strstr(peer_expect(&peer, op, TRUNK_INVALID), "without end"));
    assert_false(server_has_more(&rig.server));
    peer_finish(&peer);
    rig_close(&rig);
}

static void expect_not_sent_again(bool is_reset) {
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "s");
    assert_int_equal(rig.server.nconns, 1);
    trunk_op op = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    assert_int_equal(rig.server.nconns, 1); /* the connection that was kept */
    if (is_reset) {
        conn_reset(seen->conn);
    } else {
        conn_close(seen->conn);
    }
    assert_non_null(strstr(peer_expect(&peer, op, TRUNK_UNCERTAIN), "lost"));
    assert_false(server_has_more(&rig.server));
    assert_int_equal(rig.server.nrequests, 3);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_post_on_a_kept_connection_that_dies_is_not_sent_again(void **state) {
    (void)state;
    expect_not_sent_again(false);
    expect_not_sent_again(true);
}

static void test_a_kept_connection_that_was_closed_meanwhile_is_replaced(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "s");
    conn_close(&rig.server.conns[0]);
    trunk_op op = peer_request(&peer, 2);
    answer_json(server_next(&rig.server), "", RESULT("2"));
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_int_equal(rig.server.nrequests, 3);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_what_was_not_sent_is_unavailable(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    struct server gone;
    char url[64];
    rig_open(&rig);
    server_open(&gone, rig.host);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/mcp", gone.port);
    server_close(&gone);
    const char *params[] = {"url", url, NULL};
    assert_int_equal(peer_end_make(&peer, peer_begin_make(&peer, &rig, params, NULL)), TRUNK_OK);
    assert_non_null(
        strstr(peer_expect(&peer, peer_request(&peer, 1), TRUNK_UNAVAILABLE), "backend b1"));
    (void)peer_expect(&peer, peer_send(&peer, "{}"), TRUNK_UNAVAILABLE);
    (void)peer_expect(&peer, peer_listen(&peer), TRUNK_UNAVAILABLE);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_without_descriptors_a_request_is_refused_and_those_under_way_go_on(void **state) {
    (void)state;
    struct rlimit before;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make_session(&peer, &rig, "s");
    trunk_op running = peer_request(&peer, 2);
    struct seen *seen = server_next(&rig.server);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    assert_int_equal(close(lowest), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    trunk_op refused = peer_request(&peer, 3); /* needs a connection of its own */
    assert_string_equal(peer_expect(&peer, refused, TRUNK_UNAVAILABLE),
                        "backend b1: no connection could be made, no descriptors are left");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    answer_json(seen, "", RESULT("2"));
    (void)peer_expect(&peer, running, TRUNK_OK);
    trunk_op next = peer_request(&peer, 4);
    answer_json(server_next(&rig.server), "", RESULT("4"));
    (void)peer_expect(&peer, next, TRUNK_OK);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_notification_that_is_not_taken_in_time_is_given_up(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig);
    peer_make(&peer, &rig);
    struct trunk_request request = {
        .struct_size = sizeof request, .json = {"{}", 2}, .deadline_ms = mono_now_ms() + 50};
    trunk_op op = loop_host_begin(rig.host);
    rig.ops->send(peer.leg, &request, op);
    (void)peer_expect(&peer, op, TRUNK_UNCERTAIN);
    peer_finish(&peer);
    rig_close(&rig);
}

int run_refusal_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_in_a_session_have_their_statuses),
        cmocka_unit_test(test_refusals_without_a_session_are_of_the_request),
        cmocka_unit_test(test_a_400_means_a_lost_session_only_with_a_code_that_servers_use_for_it),
        cmocka_unit_test(test_a_400_to_a_session_that_was_never_good_is_no_lost_session),
        cmocka_unit_test(test_a_lost_answer_is_uncertain),
        cmocka_unit_test(test_broken_chunks_are_uncertain),
        cmocka_unit_test(test_a_body_longer_than_its_length_is_cut),
        cmocka_unit_test(test_headers_without_end_are_not_read),
        cmocka_unit_test(test_redirects_within_the_origin_are_followed_with_the_body),
        cmocka_unit_test(test_the_body_of_a_redirect_does_not_matter),
        cmocka_unit_test(test_redirects_elsewhere_are_not_followed),
        cmocka_unit_test(test_redirects_in_a_circle_come_to_an_end),
        cmocka_unit_test(test_a_post_on_a_kept_connection_that_dies_is_not_sent_again),
        cmocka_unit_test(test_a_kept_connection_that_was_closed_meanwhile_is_replaced),
        cmocka_unit_test(test_what_was_not_sent_is_unavailable),
        cmocka_unit_test(test_without_descriptors_a_request_is_refused_and_those_under_way_go_on),
        cmocka_unit_test(test_a_notification_that_is_not_taken_in_time_is_given_up),
    };
    return cmocka_run_group_tests_name("refusals", tests, rig_load, NULL);
}
