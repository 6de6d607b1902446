/* SPDX-License-Identifier: MIT
 * test_edge.c - the HTTP edge over raw sockets: the rows of protocol.md 2.1 that it answers itself,
 * shapes by which requests are smuggled, and pages of other origins (2.9). */
#include "unit/http/fixture.h"

#define ERROR_WITHOUT_ID "\r\n\r\n{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\""
#define PAGE "http://localhost:6274"
#define ORIGIN "Origin: " PAGE "\r\n"

static size_t count_text(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

/* Sends a request that is refused with status, a JSON-RPC error without an id as its body; text
 * gets the answer. */
static void assert_refused(struct fixture *fixture, const char *request, const char *status,
                           char *text, size_t size) {
    struct client client = client_open(fixture);
    client_send(fixture, &client, request);
    take_answer(fixture, &client, text, size);
    client_close(&client);
    assert_int_equal(strncmp(text, "HTTP/1.1 ", 9), 0);
    assert_int_equal(strncmp(text + 9, status, strlen(status)), 0);
    assert_has(text, "Content-Type: application/json\r\n");
    assert_has(text, ERROR_WITHOUT_ID);
    assert_int_equal(fixture->exchange_count, 0);
}

/* ---- the rows of protocol.md 2.1 ---- */

static void test_row_origin_not_allowed_is_403(void **state) {
    char text[1024];
    assert_refused(*state, GET_STREAM_WITH("Origin: https://evil.example\r\n"), "403", text,
                   sizeof text);
    assert_has_not(text, "Access-Control-");
    assert_refused(*state, GET_STREAM_WITH("Origin: null\r\n"), "403", text, sizeof text);
    assert_refused(*state, GET_STREAM_WITH("Origin: http://localhost.evil.example\r\n"), "403",
                   text, sizeof text);
    assert_refused(*state, GET_STREAM_WITH("Origin: http://localhost@evil.example\r\n"), "403",
                   text, sizeof text);
    assert_refused(*state, GET_STREAM_WITH("Origin:\r\n"), "403", text, sizeof text);
}

static void test_row_host_not_allowed_is_403(void **state) {
    char text[1024];
    const char *hosts[] = {
        "evil.example", "localhost.evil.example", "localhost:80@evil.example", "127.0.0.2",
        "[::2]",        "localhost:port"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /mcp HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
        assert_refused(*state, request, "403", text, sizeof text);
    }
}

static void test_row_other_method_is_405_with_allow(void **state) {
    char text[1024];
    const char *methods[] = {"PUT", "PATCH", "TRACE", "CONNECT", "FROB", "get", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        char request[256];
        snprintf(request, sizeof request, "%s /mcp HTTP/1.1\r\n" HOST "\r\n", methods[i]);
        assert_refused(*state, request, "405", text, sizeof text);
        assert_has(text, "Allow: GET, POST, DELETE\r\n");
    }
}

static void test_row_post_accept_without_both_is_406(void **state) {
    char text[1024];
    const char *accepts[] = {"", "Accept: application/json\r\n", "Accept: text/event-stream\r\n",
                             "Accept: */*;q=0\r\n",
                             "Accept: application/json, text/event-stream;q=0.0\r\n"};
    for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
        char request[512];
        snprintf(request, sizeof request,
                 "POST /mcp HTTP/1.1\r\n" HOST
                 "Content-Type: application/json\r\n%sContent-Length: 2\r\n\r\n{}",
                 accepts[i]);
        assert_refused(*state, request, "406", text, sizeof text);
    }
}

static void test_row_post_of_another_type_is_415(void **state) {
    char text[1024];
    const char *types[] = {"", "Content-Type: text/plain\r\n",
                           "Content-Type: application/json-rpc\r\n",
                           "Content-Type: text/plain; application/json\r\n",
                           "Content-Type: application/x-www-form-urlencoded\r\n"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char request[512];
        snprintf(request, sizeof request,
                 "POST /mcp HTTP/1.1\r\n" HOST "Accept: */*\r\n%sContent-Length: 2\r\n\r\n{}",
                 types[i]);
        assert_refused(*state, request, "415", text, sizeof text);
    }
}

static void test_row_body_over_the_limit_is_413(void **state) {
    struct fixture *fixture = *state;
    const char *lengths[] = {"Content-Length: 1048577\r\n\r\n",
                             "Transfer-Encoding: chunked\r\n\r\n100001\r\n"};
    char *body = long_text((size_t)1024 * 1024 + 1);
    for (size_t i = 0; i < 2; i++) {
        struct client client = client_open(fixture);
        client_send(fixture, &client, POST_HEAD);
        client_send(fixture, &client, lengths[i]);
        client_send(fixture, &client, body);
        client_send(fixture, &client, "\r\n0\r\n\r\n");
        await_end(fixture, &client);
        assert_has(buffer_cstr(&client.in), "HTTP/1.1 413 ");
        client_close(&client);
    }
    assert_int_equal(fixture->exchange_count, 0);
    free(body);
}

static void test_row_get_without_event_stream_is_406(void **state) {
    char text[1024];
    assert_refused(*state, "GET /mcp HTTP/1.1\r\n" HOST "\r\n", "406", text, sizeof text);
    assert_refused(*state, "GET /mcp HTTP/1.1\r\n" HOST "Accept: application/json\r\n\r\n", "406",
                   text, sizeof text);
}

static void test_row_shutting_down_is_503_with_retry_after(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    struct client client = client_open(fixture);
    turn(fixture, NULL);
    http_server_drain(fixture->server);
    client_send(fixture, &client, POST_PING);
    take_answer(fixture, &client, text, sizeof text);
    assert_has(text, "HTTP/1.1 503 ");
    assert_has(text, "Retry-After: ");
    await_end(fixture, &client);
    client_close(&client);
}

/* Knows alice by her token; no other is let in. */
static struct auth_verdict know_alice(void *ctx, const char *authorization) {
    (void)ctx;
    if (authorization == NULL) {
        return (struct auth_verdict){.challenge = "Bearer realm=\"t\"", .text = "no token"};
    }
    if (strcmp(authorization, "Bearer alice's") != 0) {
        return (struct auth_verdict){.challenge = "Bearer realm=\"t\", error=\"invalid_token\"",
                                     .text = "unknown token"};
    }
    return (struct auth_verdict){.principal = "alice"};
}

static const struct authenticator alice_only = {know_alice, NULL};

#define AUTHORIZED "Authorization: Bearer alice's\r\n"

static void test_row_missing_or_invalid_token_is_401_on_every_method(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    static const char *const methods[] = {"GET", "DELETE", "POST"};
    fixture->authenticator = &alice_only;
    restart(fixture);
    for (size_t i = 0; i < 3; i++) {
        for (int sends = 0; sends < 2; sends++) {
            char request[512];
            snprintf(request, sizeof request,
                     "%s /mcp HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
                     "Accept: application/json, text/event-stream\r\n%s%s\r\n",
                     methods[i], sends ? "aUTHORIZATION: Bearer eve's\r\n" : "",
                     i == 2 ? "Content-Length: 0\r\n" : "");
            assert_refused(fixture, request, "401", text, sizeof text);
            assert_has(text,
                       sends ? "WWW-Authenticate: Bearer realm=\"t\", error=\"invalid_token\"\r\n"
                             : "WWW-Authenticate: Bearer realm=\"t\"\r\n");
            assert_has_not(text, "eve");
        }
    }
}

static void test_request_with_a_good_token_is_its_principals(void **state) {
    struct fixture *fixture = *state;
    fixture->authenticator = &alice_only;
    restart(fixture);
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_HEAD AUTHORIZED "Content-Length: 4\r\n\r\nping");
    await_count(fixture, &fixture->exchange_count, 1);
    assert_string_equal(fixture->exchanges[0]->principal, "alice");
    answer_text(fixture->exchanges[0], 200, "{}");
    await_text(fixture, &client, "\r\n\r\n{}");
    buffer_clear(&client.in); /* on the same connection: each request is asked */
    client_send(fixture, &client, POST_PING);
    await_text(fixture, &client, "HTTP/1.1 401 ");
    client_close(&client);
    assert_int_equal(fixture->exchange_count, 1);
}

static void test_two_authorizations_are_refused(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    fixture->authenticator = &alice_only;
    restart(fixture);
    assert_refused(fixture, GET_STREAM_WITH(AUTHORIZED AUTHORIZED), "400", text, sizeof text);
}

static void test_preflight_needs_no_token_and_a_page_may_read_the_401(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    fixture->authenticator = &alice_only;
    restart(fixture);
    assert_reply(fixture, "OPTIONS /mcp HTTP/1.1\r\n" HOST ORIGIN "\r\n", "HTTP/1.1 204 ");
    assert_refused(fixture, GET_STREAM_WITH(ORIGIN), "401", text, sizeof text);
    assert_has(text, "Access-Control-Allow-Origin: " PAGE "\r\n");
    assert_has(text, "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n");
}

static void test_another_path_is_404(void **state) {
    char text[1024];
    const char *targets[] = {"/", "/mcp/", "//mcp", "/%6dcp", "/x/../mcp", "http://localhost/mcp",
                             "*", "/mcp#x"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST "\r\n", targets[i]);
        assert_refused(*state, request, "404", text, sizeof text);
    }
}

static void test_type_and_accept_are_read_as_http_has_them(void **state) {
    struct fixture *fixture = *state;
    fixture->act = echo;
    assert_reply(fixture,
                 "POST /mcp HTTP/1.1\r\nhOsT: LOCALHOST:1\r\ncOntent-type: "
                 "Application/JSON;charset=utf-8\r\naccept: */*;q=0.1\r\ncontent-length: 2\r\n"
                 "\r\n{}",
                 "\r\n\r\n{}");
    assert_reply(fixture,
                 "POST /mcp HTTP/1.1\r\nHost: [::1]:9\r\nContent-Type:application/json\r\n"
                 "Accept: text/*, application/*\r\nContent-Length: 2\r\n\r\n{}",
                 "\r\n\r\n{}");
}

/* ---- smuggling ---- */

#define SMUGGLED "DELETE /mcp HTTP/1.1\r\n" HOST "\r\n"

/* Each is refused, and nothing behind it is taken for a request. */
static void test_shapes_that_two_readers_understand_differently_are_refused(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *bytes;
        size_t len;
    } shapes[] = {
#define SHAPE(text) {text SMUGGLED, sizeof(text SMUGGLED) - 1}
        SHAPE(POST_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length: 0\r\nContent-Length: 5\r\n\r\n"),
        SHAPE(POST_HEAD "Content-Length: 5, 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length: +5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length: -5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length: 0x5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length: 5 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length: \r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length : 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length\t: 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Transfer-Encoding: identity\r\n\r\nhello"),
        SHAPE(POST_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "X: a\r\n\tContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "X: y\nContent-Length: 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length: 5\r\n\nhello"),
        SHAPE("GET /mcp HTTP/1.1\n" HOST "Accept: text/event-stream\r\n\r\n"),
        SHAPE(POST_HEAD "X: a\rContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "X: a\0b\r\nContent-Length: 5\r\n\r\nhello"),
        SHAPE(POST_HEAD "Content-Length: 5\0"
                        "0\r\n\r\nhello"),
        SHAPE("GET /mcp HTTP/1.1\r\nHost: localhost\0.evil.example\r\n\r\n"),
        SHAPE("GET /mcp\0/x HTTP/1.1\r\n" HOST "\r\n"),
        SHAPE("GET /mcp HTTP/1.1\r\n" HOST "X: \x7f\r\nAccept: text/event-stream\r\n\r\n"),
        SHAPE("GET /mcp HTTP/1.1\r\n" HOST ": x\r\nAccept: text/event-stream\r\n\r\n"),
        SHAPE("GET /mcp HTTP/1.1\r\n" HOST "no colon\r\nAccept: text/event-stream\r\n\r\n"),
        SHAPE("GET  /mcp HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n"),
        SHAPE("GET /mcp?a b HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n"),
        SHAPE("GET /mcp\tHTTP/1.1\r\n" HOST "\r\n"),
        SHAPE("\r\nGET /mcp HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n"),
        SHAPE(" GET /mcp HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n"),
        SHAPE("GET /mcp\r\n\r\n"),
        SHAPE("GET /mcp HTTP/2.0\r\n" HOST "\r\n"),
        SHAPE("GET /mcp HTTP/1.1x\r\n" HOST "\r\n"),
        SHAPE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        SHAPE("GET /mcp HTTP/1.1\r\n" HOST HOST "Accept: text/event-stream\r\n\r\n"),
        SHAPE("GET /mcp HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n"),
        SHAPE("GET /mcp HTTP/1.1\r\n" HOST "Accept: */*\r\nContent-Length: 41\r\n\r\n"),
        SHAPE("GET /mcp HTTP/1.1\r\n" HOST "Accept: */*\r\nTransfer-Encoding: chunked\r\n\r\n"),
        SHAPE("DELETE /mcp HTTP/1.1\r\n" HOST "Content-Length: 41\r\n\r\n"),
        SHAPE("PUT /mcp HTTP/1.1\r\n" HOST "Content-Length: 41\r\n\r\n"),
        SHAPE("CONNECT /mcp HTTP/1.1\r\n" HOST "Content-Length: 41\r\n\r\n"),
        SHAPE("CONNECT localhost:443 HTTP/1.1\r\n" HOST HOST "\r\n"),
        SHAPE("OPTIONS /mcp HTTP/1.1\r\n" HOST ORIGIN "Content-Length: 41\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding: chunked\r\n\r\n-4\r\nabcd\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabcd\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding: chunked\r\n\r\nx\r\nabcd\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding: chunked\r\n\r\n4;a=b\r\nabcd\r\n0\r\n\r\n"),
        SHAPE(POST_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n"),
#undef SHAPE
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct client client = client_open(fixture);
        assert_int_equal(send(client.fd, shapes[i].bytes, shapes[i].len, MSG_NOSIGNAL),
                         (ssize_t)shapes[i].len);
        await_end(fixture, &client);
        const char *text = buffer_cstr(&client.in);
        if (count_text(text, "HTTP/1.1 ") != 1 || fixture->exchange_count != 0 ||
            (strncmp(text, "HTTP/1.1 4", 10) != 0 && strncmp(text, "HTTP/1.1 204 ", 13) != 0)) {
            fail_msg("%s\nwas answered by\n%s", shapes[i].bytes, text);
        }
        client_close(&client);
    }
}

static void test_defect_of_one_request_is_not_seen_in_the_bodies_before_it(void **state) {
    struct fixture *fixture = *state;
    static const char bytes[] =
        POST_HEAD "Content-Length: 9\r\n\r\na\nb\r\n c\0d" /* in a body: fine */
        POST_PING POST_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\n\n\0\r \r\n0\r\n\r\n" POST_PONG
                  "GET /mcp HTTP/1.1\r\n" HOST "X: \1\r\nAccept: text/event-stream\r\n\r\n";
    fixture->act = echo;
    for (size_t piece = 1; piece < sizeof bytes; piece = piece * 3 + 1) {
        struct client client = client_open(fixture);
        fixture->exchange_count = 0;
        for (size_t at = 0; at < sizeof bytes - 1; at += piece) {
            size_t len = sizeof bytes - 1 - at < piece ? sizeof bytes - 1 - at : piece;
            assert_int_equal(send(client.fd, bytes + at, len, MSG_NOSIGNAL), (ssize_t)len);
            loop_turn(fixture->loop, false);
        }
        await_end(fixture, &client);
        assert_int_equal(fixture->exchange_count, 4);
        buffer_append(&client.in, "", 1);
        for (size_t i = 0; i < client.in.len - 1; i++) {
            client.in.data[i] = client.in.data[i] == '\0' ? '0' : client.in.data[i];
        }
        assert_int_equal(count_text(client.in.data, "HTTP/1.1 200 OK\r\n"), 4);
        assert_int_equal(count_text(client.in.data, "HTTP/1.1 400 "), 1);
        assert_has(client.in.data, "control byte in the head");
        client_close(&client);
    }
}

static void test_trailers_are_no_headers_and_no_request(void **state) {
    struct fixture *fixture = *state;
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client,
                POST_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\nMcp-Session-Id: "
                          "s-1\r\nContent-Length: 49\r\n\r\n" POST_PONG);
    await_text(fixture, &client, "\r\n\r\nabcd");
    await_text(fixture, &client, "\r\n\r\npong");
    assert_has_not(buffer_cstr(&client.in), "s-1");
    assert_int_equal(fixture->exchange_count, 2);
    client_close(&client);
}

/* ---- pages of other origins ---- */

static void test_preflight_of_an_allowed_origin_is_204(void **state) {
    struct fixture *fixture = *state;
    struct client client = client_open(fixture);
    client_send(fixture, &client,
                "OPTIONS /mcp HTTP/1.1\r\n" HOST ORIGIN "Access-Control-Request-Method: POST\r\n"
                "Access-Control-Request-Headers: content-type,mcp-session-id, x-other, "
                "Mcp-Param-A, authorization\r\n\r\n");
    await_text(fixture, &client, "\r\n\r\n");
    const char *text = buffer_cstr(&client.in);
    assert_has(text, "HTTP/1.1 204 ");
    assert_has(text, "Access-Control-Allow-Origin: " PAGE "\r\n");
    assert_has(text, "Access-Control-Allow-Methods: GET, POST, DELETE\r\n");
    assert_has(text, "Access-Control-Allow-Headers: content-type, mcp-session-id, Mcp-Param-A, "
                     "authorization\r\n");
    assert_has(text, "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n");
    assert_has(text, "Access-Control-Max-Age: ");
    assert_has(text, "Vary: Origin\r\n");
    assert_int_equal(fixture->exchange_count, 0);
    buffer_clear(&client.in);
    fixture->act = echo;
    client_send(fixture, &client, POST_PING); /* on the same connection */
    await_text(fixture, &client, "\r\n\r\nping");
    client_close(&client);
}

static void test_preflight_of_another_origin_or_path_is_refused(void **state) {
    char text[1024];
    assert_refused(*state, "OPTIONS /mcp HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n",
                   "403", text, sizeof text);
    assert_has_not(text, "Access-Control-");
    assert_refused(*state, "OPTIONS /other HTTP/1.1\r\n" HOST ORIGIN "\r\n", "404", text,
                   sizeof text);
    assert_has_not(text, "Access-Control-Allow-Methods");
}

static void test_any_answer_to_an_allowed_origin_may_be_read_by_its_page(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    assert_refused(fixture, "PUT /mcp HTTP/1.1\r\n" HOST ORIGIN "\r\n", "405", text, sizeof text);
    assert_has(text, "Access-Control-Allow-Origin: " PAGE "\r\n");
    assert_has(text, "Vary: Origin\r\n");
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client,
                POST_HEAD ORIGIN "Mcp-Session-Id: s-3\r\nContent-Length: 4\r\n\r\nping");
    take_answer(fixture, &client, text, sizeof text);
    assert_has(text, "Access-Control-Allow-Origin: " PAGE "\r\n");
    assert_has(text, "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n");
    assert_has(text, "Mcp-Session-Id: s-3\r\n");
    fixture->act = NULL;
    client_send(fixture, &client, GET_STREAM_WITH(ORIGIN));
    await_count(fixture, &fixture->exchange_count, 2);
    struct exchange *stream = fixture->exchanges[1];
    stream->ops->open_stream(stream, NULL);
    await_text(fixture, &client, "\r\n\r\n");
    assert_has(buffer_cstr(&client.in), "Access-Control-Allow-Origin: " PAGE "\r\n");
    stream->ops->close_stream(stream);
    client_close(&client);
}

static void test_answer_without_an_origin_has_no_sharing_headers(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    take_answer(fixture, &client, text, sizeof text);
    assert_has_not(text, "Access-Control-");
    assert_has_not(text, "Vary");
    client_close(&client);
}

static void test_configured_origin_is_shared_with_even_when_all_are(void **state) {
    struct fixture *fixture = *state;
    char *any[] = {"*", NULL};
    char text[1024];
    fixture->options.allowed_origins = any;
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client,
                POST_HEAD "Origin: https://app.example\r\nContent-Length: 4\r\n\r\nping");
    take_answer(fixture, &client, text, sizeof text);
    assert_has(text, "Access-Control-Allow-Origin: https://app.example\r\n");
    client_close(&client);
}

int main(void) {
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        CASE(test_row_origin_not_allowed_is_403),
        CASE(test_row_host_not_allowed_is_403),
        CASE(test_row_other_method_is_405_with_allow),
        CASE(test_row_post_accept_without_both_is_406),
        CASE(test_row_post_of_another_type_is_415),
        CASE(test_row_body_over_the_limit_is_413),
        CASE(test_row_get_without_event_stream_is_406),
        CASE(test_row_shutting_down_is_503_with_retry_after),
        CASE(test_row_missing_or_invalid_token_is_401_on_every_method),
        CASE(test_request_with_a_good_token_is_its_principals),
        CASE(test_two_authorizations_are_refused),
        CASE(test_preflight_needs_no_token_and_a_page_may_read_the_401),
        CASE(test_another_path_is_404),
        CASE(test_type_and_accept_are_read_as_http_has_them),
        CASE(test_shapes_that_two_readers_understand_differently_are_refused),
        CASE(test_defect_of_one_request_is_not_seen_in_the_bodies_before_it),
        CASE(test_trailers_are_no_headers_and_no_request),
        CASE(test_preflight_of_an_allowed_origin_is_204),
        CASE(test_preflight_of_another_origin_or_path_is_refused),
        CASE(test_any_answer_to_an_allowed_origin_may_be_read_by_its_page),
        CASE(test_answer_without_an_origin_has_no_sharing_headers),
        CASE(test_configured_origin_is_shared_with_even_when_all_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
