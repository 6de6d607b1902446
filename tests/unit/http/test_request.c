/* SPDX-License-Identifier: MIT
 * test_request.c - the edge's checks of one HTTP request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "http/request.h"

static struct http_options loopback_options(void) {
    return (struct http_options){.address = "127.0.0.1", .path = "/mcp", .max_body_bytes = 100};
}

static struct request get_request(void) {
    struct request request = {.method = REQUEST_GET, .target = "/mcp"};
    request_add_header(&request, "Host", "localhost:4483");
    request_add_header(&request, "Accept", "text/event-stream");
    return request;
}

/* A POST that is good but for its Accept header, which it has not. */
static struct request post_without_accept(void) {
    struct request request = {.method = REQUEST_POST, .target = "/mcp", .body_bytes = 2};
    request_add_header(&request, "Host", "localhost:4483");
    request_add_header(&request, "Content-Type", "application/json");
    request_add_header(&request, "Content-Length", "2");
    return request;
}

static struct request post_request(void) {
    struct request request = post_without_accept();
    request_add_header(&request, "Accept", "application/json, text/event-stream");
    return request;
}

static int status_of(const struct request *request) {
    struct http_options options = loopback_options();
    struct request_verdict verdict = request_check(request, &options);
    assert_int_equal(verdict.text == NULL, verdict.status == 0);
    return verdict.status;
}

/* The status and must_close of a good POST with one more header. */
static int status_with(const char *name, const char *value, bool must_close) {
    struct http_options options = loopback_options();
    struct request request = post_request();
    request_add_header(&request, name, value);
    struct request_verdict verdict = request_check(&request, &options);
    assert_int_equal(verdict.must_close, must_close);
    return verdict.status;
}

static int status_of_accept(const char *accept) {
    struct request request = post_without_accept();
    request_add_header(&request, "Accept", accept);
    return status_of(&request);
}

static int status_of_type(const char *type) {
    struct request request = {.method = REQUEST_POST, .target = "/mcp"};
    request_add_header(&request, "host", "localhost");
    request_add_header(&request, "accept", "*/*");
    request_add_header(&request, "content-type", type);
    return status_of(&request);
}

static int status_of_host(const struct http_options *options, const char *host) {
    struct request request = {.method = REQUEST_DELETE, .target = options->path};
    request_add_header(&request, "Host", host);
    return request_check(&request, options).status;
}

static int status_of_origin(const struct http_options *options, const char *host,
                            const char *origin) {
    struct request request = {.method = REQUEST_DELETE, .target = options->path};
    request_add_header(&request, "Host", host);
    request_add_header(&request, "Origin", origin);
    return request_check(&request, options).status;
}

static void test_good_requests_of_each_method_pass(void **state) {
    (void)state;
    struct request post = post_request();
    struct request get = get_request();
    struct request end = {.method = REQUEST_DELETE, .target = "/mcp"};
    request_add_header(&end, "Host", "localhost");
    assert_int_equal(status_of(&post), 0);
    assert_int_equal(status_of(&get), 0);
    assert_int_equal(status_of(&end), 0);
}

static void test_headers_of_mcp_are_kept_whatever_their_case(void **state) {
    (void)state;
    struct request request = {0};
    request_add_header(&request, "MCP-SESSION-ID", "abc");
    request_add_header(&request, "mcp-protocol-version", "2025-06-18");
    request_add_header(&request, "last-event-id", "7");
    assert_string_equal(request.session_id.value, "abc");
    assert_string_equal(request.protocol_version.value, "2025-06-18");
    assert_string_equal(request.last_event_id.value, "7");
}

static void test_path_is_compared_exactly_and_without_the_query(void **state) {
    (void)state;
    const struct {
        const char *target;
        int status;
    } cases[] = {{"/mcp", 0},    {"/mcp?a=b", 0}, {"/mcp?", 0},
                 {"/mcp/", 404}, {"/", 404},      {"/MCP", 404},
                 {"/mcpx", 404}, {"/%6dcp", 404}, {"http://h/mcp", 404},
                 {"//mcp", 404}, {"*", 404},      {"/mc", 404}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct request request = post_request();
        request.target = cases[i].target;
        assert_int_equal(status_of(&request), cases[i].status);
    }
}

static void test_other_methods_get_405(void **state) {
    (void)state;
    struct request request = {.method = REQUEST_OTHER, .target = "/mcp"};
    request_add_header(&request, "Host", "localhost");
    assert_int_equal(status_of(&request), 405);
}

static void test_another_methods_body_closes_the_connection(void **state) {
    (void)state;
    struct http_options options = loopback_options();
    struct request request = {.method = REQUEST_OTHER, .target = "/mcp"};
    request_add_header(&request, "Host", "localhost");
    request_add_header(&request, "Content-Length", "5");
    struct request_verdict verdict = request_check(&request, &options);
    assert_int_equal(verdict.status, 405);
    assert_true(verdict.must_close);
}

static void test_get_with_a_body_is_refused_but_not_with_an_empty_one(void **state) {
    (void)state;
    struct request empty = get_request();
    request_add_header(&empty, "Content-Length", "0");
    assert_int_equal(status_of(&empty), 0);
    struct request full = get_request();
    request_add_header(&full, "Content-Length", "1");
    assert_int_equal(status_of(&full), 400);
    struct request chunked = get_request();
    request_add_header(&chunked, "Transfer-Encoding", "chunked");
    assert_int_equal(status_of(&chunked), 400);
}

static void test_post_needs_json_as_its_content_type(void **state) {
    (void)state;
    assert_int_equal(status_of_type("application/json"), 0);
    assert_int_equal(status_of_type("Application/JSON"), 0);
    assert_int_equal(status_of_type("application/json; charset=utf-8"), 0);
    assert_int_equal(status_of_type("application/json ;charset=utf-8"), 0);
    assert_int_equal(status_of_type("application/jsonp"), 415);
    assert_int_equal(status_of_type("application/jso"), 415);
    assert_int_equal(status_of_type("text/plain"), 415);
    assert_int_equal(status_of_type("text/plain; x=application/json"), 415);
    assert_int_equal(status_of_type(""), 415);
}

static void test_post_without_or_with_two_content_types_gets_415(void **state) {
    (void)state;
    struct request request = {.method = REQUEST_POST, .target = "/mcp"};
    request_add_header(&request, "Host", "localhost");
    request_add_header(&request, "Accept", "*/*");
    assert_int_equal(status_of(&request), 415);
    assert_int_equal(status_with("Content-Type", "text/plain", false), 415);
}

static void test_post_must_accept_json_and_streams(void **state) {
    (void)state;
    assert_int_equal(status_of_accept("application/json, text/event-stream"), 0);
    assert_int_equal(status_of_accept("text/event-stream,application/json"), 0);
    assert_int_equal(status_of_accept("TEXT/Event-Stream;q=0.5 , Application/Json ; q=0.001"), 0);
    assert_int_equal(status_of_accept("*/*"), 0);
    assert_int_equal(status_of_accept("application/*, text/*"), 0);
    assert_int_equal(status_of_accept("text/html, */*;q=0.1"), 0);
    assert_int_equal(status_of_accept(",, */* ,"), 0);
    assert_int_equal(status_of_accept("application/json"), 406);
    assert_int_equal(status_of_accept("text/event-stream"), 406);
    assert_int_equal(status_of_accept("text/*"), 406);
    assert_int_equal(status_of_accept("text/html"), 406);
    assert_int_equal(status_of_accept(""), 406);
    assert_int_equal(status_of_accept(";q=1"), 406);
}

static void test_weight_zero_means_not_acceptable(void **state) {
    (void)state;
    assert_int_equal(status_of_accept("application/json;q=0, text/event-stream"), 406);
    assert_int_equal(status_of_accept("application/json, text/event-stream;q=0.000"), 406);
    assert_int_equal(status_of_accept("*/*;q=0"), 406);
    assert_int_equal(status_of_accept("*/*;Q=0.0"), 406);
    assert_int_equal(status_of_accept("*/*;q=1.0"), 0);
    assert_int_equal(status_of_accept("*/*;level=0"), 0);
}

static void test_the_most_specific_range_decides(void **state) {
    (void)state;
    assert_int_equal(status_of_accept("*/*, text/event-stream;q=0"), 406);
    assert_int_equal(status_of_accept("text/event-stream;q=0, */*"), 406);
    assert_int_equal(status_of_accept("text/*;q=0, */*"), 406);
    assert_int_equal(status_of_accept("*/*;q=0, application/json, text/*"), 0);
}

static void test_accept_may_come_in_several_headers(void **state) {
    (void)state;
    struct request request = post_without_accept();
    request_add_header(&request, "Accept", "application/json");
    request_add_header(&request, "Accept", "text/event-stream");
    assert_int_equal(status_of(&request), 0);
}

static void test_missing_accept_gets_406(void **state) {
    (void)state;
    struct request post = post_without_accept();
    assert_int_equal(status_of(&post), 406);
    struct request get = {.method = REQUEST_GET, .target = "/mcp"};
    request_add_header(&get, "Host", "localhost");
    assert_int_equal(status_of(&get), 406);
    request_add_header(&get, "Accept", "application/json");
    assert_int_equal(status_of(&get), 406);
}

static void test_body_over_the_limit_gets_413_and_0_is_no_limit(void **state) {
    (void)state;
    struct http_options options = loopback_options();
    struct request request = post_request();
    request.body_bytes = 100;
    assert_int_equal(request_check(&request, &options).status, 0);
    request.body_bytes = 101;
    assert_int_equal(request_check(&request, &options).status, 413);
    options.max_body_bytes = 0;
    assert_int_equal(request_check(&request, &options).status, 0);
}

static void test_doubtful_framing_gets_400_and_closes(void **state) {
    (void)state;
    assert_int_equal(status_with("Content-Length", "2", true), 400); /* a second one */
    assert_int_equal(status_with("Transfer-Encoding", "chunked", true), 400);
    assert_int_equal(status_with("Host", "localhost", true), 400);
    assert_int_equal(status_with("Content-Length ", "2", true), 400);
    assert_int_equal(status_with("", "x", true), 400);
    assert_int_equal(status_with("X y", "x", true), 400);
    assert_int_equal(status_with("X-Fine_1.0", "x", false), 0);

    const char *lengths[] = {"+2", "-2", "2 ", "2,2", "0x2", "", "2a"};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct request request = {.method = REQUEST_POST, .target = "/mcp"};
        request_add_header(&request, "Host", "localhost");
        request_add_header(&request, "Content-Length", lengths[i]);
        assert_int_equal(status_of(&request), 400);
    }
    const char *codings[] = {"identity", "gzip, chunked", "chunked, chunked", "", "xchunked"};
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        struct request request = {.method = REQUEST_POST, .target = "/mcp"};
        request_add_header(&request, "Host", "localhost");
        request_add_header(&request, "Transfer-Encoding", codings[i]);
        assert_int_equal(status_of(&request), 400);
    }
}

static void test_chunked_alone_is_fine(void **state) {
    (void)state;
    struct request request = {.method = REQUEST_POST, .target = "/mcp"};
    request_add_header(&request, "Host", "localhost");
    request_add_header(&request, "Accept", "*/*");
    request_add_header(&request, "Content-Type", "application/json");
    request_add_header(&request, "Transfer-Encoding", "Chunked");
    assert_int_equal(status_of(&request), 0);
    request_add_header(&request, "Transfer-Encoding", "chunked");
    assert_int_equal(status_of(&request), 400);
}

static void test_missing_host_gets_400(void **state) {
    (void)state;
    struct request request = {.method = REQUEST_GET, .target = "/mcp"};
    assert_int_equal(status_of(&request), 400);
}

static void test_loopback_allows_only_its_own_names(void **state) {
    (void)state;
    const struct http_options options = loopback_options();
    const char *good[] = {"localhost",      "LocalHost:1", "127.0.0.1",
                          "127.0.0.1:4483", "[::1]",       "[::1]:4483"};
    const char *bad[] = {"evil.example",  "localhost.evil.example",
                         "localhost:",    "localhost:x",
                         "localhost:1:2", "localhost.",
                         "127.0.0.2",     "::1",
                         "[::1",          "[::1]x",
                         "[::1]4483",     "",
                         ":4483",         "127.0.0.1@evil.example",
                         "localhost/",    "localhost:1@evil.example"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(status_of_host(&options, good[i]), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(status_of_host(&options, bad[i]), 403);
    }
}

static void test_loopback_is_all_of_127_and_ipv6_one(void **state) {
    (void)state;
    const struct {
        char *address;
        int status;
    } cases[] = {{"127.0.0.1", 0},    {"127.9.9.9", 0}, {"::1", 0},       {"0.0.0.0", 403},
                 {"10.0.0.127", 403}, {"::", 403},      {"nonsense", 403}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_options options = {.address = cases[i].address, .path = "/mcp"};
        assert_int_equal(status_of_host(&options, "localhost"), cases[i].status);
    }
}

static void test_allowed_hosts_replace_the_loopback_names(void **state) {
    (void)state;
    char *hosts[] = {"trunk.example", "other.example:8443", "[fd00::1]", NULL};
    struct http_options options = loopback_options();
    options.allowed_hosts = hosts;
    assert_int_equal(status_of_host(&options, "trunk.example"), 0);
    assert_int_equal(status_of_host(&options, "TRUNK.example:99"), 0);
    assert_int_equal(status_of_host(&options, "other.example:8443"), 0);
    assert_int_equal(status_of_host(&options, "[FD00::1]:8443"), 0);
    assert_int_equal(status_of_host(&options, "other.example"), 403);
    assert_int_equal(status_of_host(&options, "other.example:844"), 403);
    assert_int_equal(status_of_host(&options, "a.trunk.example"), 403);
    assert_int_equal(status_of_host(&options, "localhost"), 403);
}

static void test_origin_follows_the_host_rule(void **state) {
    (void)state;
    char *no_hosts[] = {NULL};
    struct http_options options = loopback_options();
    options.allowed_hosts = no_hosts;
    options.allowed_origins = no_hosts;
    assert_int_equal(status_of_origin(&options, "localhost", "http://localhost:6274"), 0);
    assert_int_equal(status_of_origin(&options, "localhost", "HTTPS://127.0.0.1"), 0);
    assert_int_equal(status_of_origin(&options, "localhost", "http://[::1]:1"), 0);
    const char *bad[] = {"null",
                         "NULL",
                         "",
                         "http://",
                         "http://evil.example",
                         "https://localhost.evil.example",
                         "http://localhost:80@evil.example",
                         "http://localhost/",
                         "ftp://localhost",
                         "localhost",
                         "file://"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(status_of_origin(&options, "localhost", bad[i]), 403);
    }
}

static void test_two_origins_are_refused(void **state) {
    (void)state;
    struct request request = post_request();
    request_add_header(&request, "Origin", "http://localhost");
    assert_int_equal(status_of(&request), 0);
    request_add_header(&request, "Origin", "http://localhost");
    assert_int_equal(status_of(&request), 403);
}

static void test_what_names_a_session_its_revision_or_a_place_in_it_comes_once(void **state) {
    static const char *const names[] = {"Authorization", "Mcp-Session-Id", "mcp-protocol-version",
                                        "Last-Event-Id"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct request request = post_request();
        request_add_header(&request, names[i], "a");
        assert_int_equal(status_of(&request), 0);
        request_add_header(&request, names[i], "a");
        assert_int_equal(status_of(&request), 400);
    }
}

static void test_allowed_origins_are_whole_origins_or_any(void **state) {
    (void)state;
    char *hosts[] = {"trunk.example", NULL};
    char *origins[] = {"https://app.example", "http://dev.example:3000", NULL};
    char *any[] = {"*", NULL};
    struct http_options options = loopback_options();
    options.allowed_hosts = hosts;
    options.allowed_origins = origins;
    assert_int_equal(status_of_origin(&options, "trunk.example", "https://app.example"), 0);
    assert_int_equal(status_of_origin(&options, "trunk.example", "http://dev.example:3000"), 0);
    assert_int_equal(status_of_origin(&options, "trunk.example", "https://trunk.example"), 0);
    assert_int_equal(status_of_origin(&options, "trunk.example", "http://app.example"), 403);
    assert_int_equal(status_of_origin(&options, "trunk.example", "http://dev.example"), 403);
    assert_int_equal(status_of_origin(&options, "evil.example", "https://app.example"), 403);
    options.allowed_origins = any;
    assert_int_equal(status_of_origin(&options, "trunk.example", "https://x.example"), 0);
    assert_int_equal(status_of_origin(&options, "trunk.example", "null"), 403);
}

static void test_defect_of_the_raw_head_gets_400_and_closes(void **state) {
    (void)state;
    struct http_options options = loopback_options();
    struct request request = post_request();
    request.defect = "folded header";
    struct request_verdict verdict = request_check(&request, &options);
    assert_int_equal(verdict.status, 400);
    assert_string_equal(verdict.text, "folded header");
    assert_true(verdict.must_close);
    assert_false(verdict.may_share);
}

static void test_target_with_a_blank_or_a_byte_beyond_ascii_gets_400(void **state) {
    (void)state;
    const char *targets[] = {"/mcp?a b", " /mcp", "/mcp\t", "/mcp?\xc3\xa9", "/mcp\x7f"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct request request = post_request();
        request.target = targets[i];
        assert_int_equal(status_of(&request), 400);
    }
}

static void test_options_is_for_pages_of_allowed_origins(void **state) {
    (void)state;
    struct request request = {.method = REQUEST_OPTIONS, .target = "/mcp"};
    request_add_header(&request, "Host", "localhost");
    assert_int_equal(status_of(&request), 405);
    request_add_header(&request, "Origin", "http://localhost:6274");
    assert_int_equal(status_of(&request), 0);
    request.target = "/other";
    assert_int_equal(status_of(&request), 404);
    request.target = "/mcp";
    request.origin.value = "http://evil.example";
    assert_int_equal(status_of(&request), 403);
}

static void test_answers_are_shared_with_an_allowed_origin_only(void **state) {
    (void)state;
    struct http_options options = loopback_options();
    struct request request = post_request();
    assert_false(request_check(&request, &options).may_share);
    request_add_header(&request, "Origin", "http://localhost:6274");
    assert_true(request_check(&request, &options).may_share);
    request.target = "/other"; /* refused, but it may be told so */
    assert_true(request_check(&request, &options).may_share);
    request.origin.value = "http://evil.example";
    assert_false(request_check(&request, &options).may_share);
    request.origin.value = "http://localhost:6274";
    request.host.value = "evil.example";
    assert_false(request_check(&request, &options).may_share);
}

static void test_checks_come_in_the_order_told(void **state) {
    (void)state;
    struct http_options options = loopback_options();
    struct request request = {.method = REQUEST_OTHER, .target = "/x", .body_bytes = 1000};
    assert_int_equal(request_check(&request, &options).status, 400);
    request_add_header(&request, "Host", "evil.example");
    assert_int_equal(request_check(&request, &options).status, 403);
    request.host.value = "localhost";
    request_add_header(&request, "Origin", "null");
    assert_int_equal(request_check(&request, &options).status, 403);
    request.origin.value = "http://localhost";
    assert_int_equal(request_check(&request, &options).status, 404);
    request.target = "/mcp";
    assert_int_equal(request_check(&request, &options).status, 405);
    request.method = REQUEST_POST;
    assert_int_equal(request_check(&request, &options).status, 415);
    request_add_header(&request, "Content-Type", "application/json");
    assert_int_equal(request_check(&request, &options).status, 406);
    request_add_header(&request, "Accept", "*/*");
    assert_int_equal(request_check(&request, &options).status, 413);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests_of_each_method_pass),
        cmocka_unit_test(test_headers_of_mcp_are_kept_whatever_their_case),
        cmocka_unit_test(test_path_is_compared_exactly_and_without_the_query),
        cmocka_unit_test(test_other_methods_get_405),
        cmocka_unit_test(test_another_methods_body_closes_the_connection),
        cmocka_unit_test(test_get_with_a_body_is_refused_but_not_with_an_empty_one),
        cmocka_unit_test(test_post_needs_json_as_its_content_type),
        cmocka_unit_test(test_post_without_or_with_two_content_types_gets_415),
        cmocka_unit_test(test_post_must_accept_json_and_streams),
        cmocka_unit_test(test_weight_zero_means_not_acceptable),
        cmocka_unit_test(test_the_most_specific_range_decides),
        cmocka_unit_test(test_accept_may_come_in_several_headers),
        cmocka_unit_test(test_missing_accept_gets_406),
        cmocka_unit_test(test_body_over_the_limit_gets_413_and_0_is_no_limit),
        cmocka_unit_test(test_doubtful_framing_gets_400_and_closes),
        cmocka_unit_test(test_chunked_alone_is_fine),
        cmocka_unit_test(test_missing_host_gets_400),
        cmocka_unit_test(test_loopback_allows_only_its_own_names),
        cmocka_unit_test(test_loopback_is_all_of_127_and_ipv6_one),
        cmocka_unit_test(test_allowed_hosts_replace_the_loopback_names),
        cmocka_unit_test(test_origin_follows_the_host_rule),
        cmocka_unit_test(test_two_origins_are_refused),
        cmocka_unit_test(test_what_names_a_session_its_revision_or_a_place_in_it_comes_once),
        cmocka_unit_test(test_allowed_origins_are_whole_origins_or_any),
        cmocka_unit_test(test_defect_of_the_raw_head_gets_400_and_closes),
        cmocka_unit_test(test_target_with_a_blank_or_a_byte_beyond_ascii_gets_400),
        cmocka_unit_test(test_options_is_for_pages_of_allowed_origins),
        cmocka_unit_test(test_answers_are_shared_with_an_allowed_origin_only),
        cmocka_unit_test(test_checks_come_in_the_order_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
