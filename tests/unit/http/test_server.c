/* SPDX-License-Identifier: MIT
 * test_server.c - the HTTP edge over real sockets: answers, refusals, start and end. */
#include "unit/http/fixture.h"

/* ---- answers ---- */

static void test_post_is_answered_with_json_and_its_headers(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client,
                POST_HEAD "Mcp-Session-Id: s-1\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    take_answer(fixture, &client, text, sizeof text);
    assert_has(text, "HTTP/1.1 200 OK\r\n");
    assert_has(text, "Content-Type: application/json\r\n");
    assert_has(text, "Cache-Control: no-store\r\n");
    assert_has(text, "Mcp-Session-Id: s-1\r\n");
    assert_has(text, "\r\n\r\n{\"a\":1}");
    client_close(&client);
}

static void remember_headers(struct fixture *fixture, struct exchange *exchange) {
    (void)fixture;
    assert_int_equal(exchange->method, EXCHANGE_GET);
    assert_string_equal(exchange->session_id, "s-2");
    assert_string_equal(exchange->protocol_version, "2025-06-18");
    assert_string_equal(exchange->last_event_id, "7");
    assert_int_equal(exchange->body.len, 0);
    answer_text(exchange, 405, "{}");
}

static void test_exchange_carries_the_headers_of_mcp(void **state) {
    struct fixture *fixture = *state;
    fixture->act = remember_headers;
    assert_reply(fixture,
                 "GET /mcp?x=1 HTTP/1.1\r\n" HOST "accept: text/event-stream\r\n"
                 "mcp-session-id: s-2\r\nmcp-protocol-version: 2025-06-18\r\n"
                 "last-event-id: 7\r\n\r\n",
                 "Allow: GET, POST, DELETE\r\n");
}

static void accept_silently(struct fixture *fixture, struct exchange *exchange) {
    (void)fixture;
    exchange->ops->answer(exchange, &(struct exchange_answer){.status = 202});
}

static void test_answer_without_body_has_length_0_and_no_type(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    fixture->act = accept_silently;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    take_answer(fixture, &client, text, sizeof text);
    assert_has(text, "HTTP/1.1 202 Accepted\r\n");
    assert_has(text, "Content-Length: 0\r\n");
    assert_has_not(text, "Content-Type");
    assert_has_not(text, "Mcp-Session-Id");
    client_close(&client);
}

static void answer_no_content(struct fixture *fixture, struct exchange *exchange) {
    (void)fixture;
    assert_int_equal(exchange->method, EXCHANGE_DELETE);
    assert_null(exchange->session_id);
    exchange->ops->answer(exchange, &(struct exchange_answer){.status = 204});
}

static void test_connection_is_kept_after_204(void **state) {
    struct fixture *fixture = *state;
    fixture->act = answer_no_content;
    struct client client = client_open(fixture);
    client_send(fixture, &client, DELETE_PLAIN);
    await_text(fixture, &client, "HTTP/1.1 204 No Content\r\n");
    await_text(fixture, &client, "\r\n\r\n");
    assert_has_not(buffer_cstr(&client.in), "Content-Type");
    buffer_clear(&client.in);
    fixture->act = echo;
    client_send(fixture, &client, POST_PONG);
    await_text(fixture, &client, "\r\n\r\npong");
    client_close(&client);
}

static void answer_busy(struct fixture *fixture, struct exchange *exchange) {
    (void)fixture;
    exchange->ops->answer(
        exchange,
        &(struct exchange_answer){.status = 503, .json = slice_cstr("{}"), .retry_after_s = 7});
}

static void test_retry_after_is_sent_when_given(void **state) {
    struct fixture *fixture = *state;
    fixture->act = answer_busy;
    assert_reply(fixture, POST_PING, "Retry-After: 7\r\n");
}

static void test_chunked_body_arrives_in_one_piece(void **state) {
    struct fixture *fixture = *state;
    fixture->act = echo;
    assert_reply(fixture,
                 POST_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
                 "\r\n\r\nabcdefg");
}

static void test_expected_100_continue_is_sent(void **state) {
    struct fixture *fixture = *state;
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_HEAD "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    await_text(fixture, &client, "100 Continue\r\n\r\n");
    client_send(fixture, &client, "late");
    await_text(fixture, &client, "\r\n\r\nlate");
    client_close(&client);
}

static void test_many_exchanges_wait_and_are_answered_in_any_order(void **state) {
    struct fixture *fixture = *state;
    struct client clients[8];
    char text[64];
    for (size_t i = 0; i < 8; i++) {
        clients[i] = client_open(fixture);
        client_send(fixture, &clients[i], POST_PING);
        await_count(fixture, &fixture->exchange_count, i + 1);
    }
    assert_int_equal(http_server_count_exchanges(fixture->server), 8);
    for (size_t i = 8; i > 0; i--) {
        snprintf(text, sizeof text, "\"secret %zu\"", i - 1);
        answer_text(fixture->exchanges[i - 1], 200, text);
    }
    for (size_t i = 0; i < 8; i++) {
        snprintf(text, sizeof text, "\r\n\r\n\"secret %zu\"", i);
        await_text(fixture, &clients[i], text);
        client_close(&clients[i]);
    }
}

/* Finds the server's end of the client's connection among this process's descriptors. */
static int server_end(const struct client *client) {
    struct sockaddr_in own = {0};
    socklen_t len = sizeof own;
    assert_int_equal(getsockname(client->fd, (struct sockaddr *)&own, &len), 0);
    for (int fd = 0; fd < 1024; fd++) {
        struct sockaddr_in peer = {0};
        len = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && len == sizeof peer &&
            peer.sin_port == own.sin_port) {
            return fd;
        }
    }
    return -1;
}

static void test_connections_have_nodelay_and_are_not_inherited(void **state) {
    struct fixture *fixture = *state;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    int fd = server_end(&client);
    assert_true(fd >= 0);
    int is_on = 0;
    socklen_t len = sizeof is_on;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &is_on, &len), 0);
    assert_true(is_on);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    answer_text(fixture->exchanges[0], 200, "{}");
    client_close(&client);
}

/* ---- refusals ---- */

static void test_other_path_gets_404_with_a_json_rpc_error(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    struct client client = client_open(fixture);
    client_send(fixture, &client, "GET /other HTTP/1.1\r\n" HOST "\r\n");
    take_answer(fixture, &client, text, sizeof text);
    assert_has(text, "HTTP/1.1 404 Not Found\r\n");
    assert_has(text, "Content-Type: application/json\r\n");
    assert_has(text, "\r\n\r\n{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"");
    client_close(&client);
    assert_int_equal(fixture->exchange_count, 0);
}

static void test_other_methods_get_405_with_allow(void **state) {
    struct fixture *fixture = *state;
    const char *methods[] = {"PUT", "OPTIONS", "PATCH", "TRACE", "PROPFIND"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        char text[1024];
        struct client client = client_open(fixture);
        snprintf(text, sizeof text, "%s /mcp HTTP/1.1\r\n" HOST "\r\n", methods[i]);
        client_send(fixture, &client, text);
        take_answer(fixture, &client, text, sizeof text);
        assert_has(text, "HTTP/1.1 405 Method Not Allowed\r\n");
        assert_has(text, "Allow: GET, POST, DELETE\r\n");
        client_close(&client);
    }
}

static void test_refused_head_has_no_body_and_keeps_the_connection(void **state) {
    struct fixture *fixture = *state;
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client, "HEAD /mcp HTTP/1.1\r\n" HOST "\r\n" POST_PING);
    await_text(fixture, &client, "\r\n\r\nping");
    assert_has(buffer_cstr(&client.in), "HTTP/1.1 405 ");
    assert_has(buffer_cstr(&client.in), "\r\n\r\nHTTP/1.1 200 OK\r\n");
    client_close(&client);
}

static void test_refusals_of_hosts_types_and_accept_reach_the_client(void **state) {
    struct fixture *fixture = *state;
    assert_reply(fixture, "GET /mcp HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403 ");
    assert_reply(fixture, "GET /mcp HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n",
                 "HTTP/1.1 403 ");
    assert_reply(fixture, "GET /mcp HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 406 ");
    assert_reply(fixture,
                 "POST /mcp HTTP/1.1\r\n" HOST "Accept: */*\r\nContent-Length: 2\r\n\r\n{}",
                 "HTTP/1.1 415 ");
    assert_int_equal(fixture->exchange_count, 0);
}

static void test_doubtful_framing_gets_400_and_the_connection_ends(void **state) {
    struct fixture *fixture = *state;
    const char *requests[] = {
        POST_HEAD "Content-Length: 4\r\nContent-Length: 4\r\n\r\nping",
        POST_HEAD "Content-Length: +4\r\n\r\nping",
        POST_HEAD "Content-Length : 4\r\n\r\nping",
        POST_HEAD "Transfer-Encoding: identity\r\n\r\nping",
        POST_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "GET /mcp HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n",
        "GET /mcp HTTP/1.1\r\n" HOST HOST "Accept: text/event-stream\r\n\r\n",
        "DELETE /mcp HTTP/1.1\r\n" HOST "Content-Length: 33\r\n\r\n" DELETE_PLAIN,
        "GET /mcp HTTP/1.0\r\nConnection: keep-alive\r\nAccept: text/event-stream\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct client client = client_open(fixture);
        client_send(fixture, &client, requests[i]);
        await_end(fixture, &client);
        const char *text = buffer_cstr(&client.in);
        assert_has(text, " 400 Bad Request\r\n");
        assert_has(text, "Connection: close\r\n");
        assert_null(strstr(text + 1, "HTTP/1."));
        client_close(&client);
    }
    assert_int_equal(fixture->exchange_count, 0);
}

static void test_garbage_gets_400_from_evhttp(void **state) {
    struct fixture *fixture = *state;
    assert_reply(fixture, "\x16\x03\x01 hello\r\n\r\n", " 400 ");
    assert_reply(fixture, "POST /mcp\r\n\r\n", " 400 ");
}

static void test_body_over_the_limit_gets_413(void **state) {
    struct fixture *fixture = *state;
    char *body = long_text(1024 * 1024 + 1);
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_HEAD "Content-Length: 1048577\r\n\r\n");
    client_send(fixture, &client, body);
    await_text(fixture, &client, "HTTP/1.1 413 ");
    await_end(fixture, &client);
    client_close(&client);
    assert_int_equal(fixture->exchange_count, 0);
    free(body);
}

static void test_body_of_just_the_limit_is_taken(void **state) {
    struct fixture *fixture = *state;
    char *body = long_text((size_t)1024 * 1024);
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_HEAD "Content-Length: 1048576\r\n\r\n");
    client_send(fixture, &client, body);
    await_count(fixture, &fixture->exchange_count, 1);
    assert_true(slice_equal_cstr(fixture->exchanges[0]->body, body));
    answer_text(fixture->exchanges[0], 200, "{}");
    client_close(&client);
    free(body);
}

static void test_headers_over_64_kib_are_refused(void **state) {
    struct fixture *fixture = *state;
    char *value = long_text((size_t)65 * 1024);
    struct client client = client_open(fixture);
    client_send(fixture, &client, "GET /mcp HTTP/1.1\r\n" HOST "X-Long: ");
    client_send(fixture, &client, value);
    await_end(fixture, &client);
    client_close(&client);
    assert_int_equal(fixture->exchange_count, 0);
    free(value);
}

/* ---- start and end of the server ---- */

static void test_drain_refuses_new_requests_and_finishes_old_ones(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    struct client waiting = client_open(fixture);
    struct client idle = client_open(fixture);
    client_send(fixture, &waiting, POST_PING);
    client_send(fixture, &idle, "GET /other HTTP/1.1\r\n" HOST "\r\n");
    take_answer(fixture, &idle, text, sizeof text);
    await_count(fixture, &fixture->exchange_count, 1);

    http_server_drain(fixture->server);
    http_server_drain(fixture->server);
    assert_int_not_equal(http_server_port(fixture->server), 0);
    client_send(fixture, &idle, POST_PONG);
    take_answer(fixture, &idle, text, sizeof text);
    assert_has(text, "HTTP/1.1 503 ");
    assert_has(text, "Retry-After: 1\r\n");
    assert_has(text, "\"code\":-32000");
    await_end(fixture, &idle);

    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(fixture->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);

    assert_int_equal(http_server_count_exchanges(fixture->server), 1);
    answer_text(fixture->exchanges[0], 200, "\"done\"");
    await_text(fixture, &waiting, "\"done\"");
    client_close(&waiting);
    client_close(&idle);
}

static void test_server_is_freed_with_connections_in_every_state(void **state) {
    struct fixture *fixture = *state;
    struct client clients[5];
    for (size_t i = 0; i < 5; i++) {
        clients[i] = client_open(fixture);
    }
    client_send(fixture, &clients[1], POST_HEAD "Content-Length: 40\r\n\r\nhalf");
    client_send(fixture, &clients[2], POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    client_send(fixture, &clients[3], GET_STREAM);
    await_count(fixture, &fixture->exchange_count, 2);
    client_send(fixture, &clients[4], GET_STREAM POST_PING);
    await_count(fixture, &fixture->exchange_count, 3);
    for (size_t i = 1; i < 3; i++) {
        struct exchange *stream = fixture->exchanges[i];
        stream->ops->open_stream(stream, NULL);
        stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr("{}")});
        stream->ops->close_stream(stream);
    }
    answer_text(fixture->exchanges[0], 200, "{}"); /* none of it written yet */
    http_server_free(fixture->server);
    for (size_t i = 0; i < 5; i++) {
        await_end(fixture, &clients[i]);
        client_close(&clients[i]);
    }
    struct trunk_error error;
    fixture->server =
        http_server_new(fixture->loop, NULL, &fixture->options, NULL, handle, fixture, &error);
    assert_non_null(fixture->server);
}

static void test_port_in_use_is_told_with_address_and_port(void **state) {
    struct fixture *fixture = *state;
    struct http_options options = fixture->options;
    struct trunk_error error;
    char expected[128];
    options.port = http_server_port(fixture->server);
    assert_null(http_server_new(fixture->loop, NULL, &options, NULL, handle, fixture, &error));
    assert_int_equal(error.status, TRUNK_UNAVAILABLE);
    assert_string_equal(error.key, "listen.port");
    snprintf(expected, sizeof expected, "cannot listen on 127.0.0.1 port %u: %s", options.port,
             "Address already in use");
    assert_string_equal(error.text, expected);
}

static void test_wrong_address_is_told(void **state) {
    struct fixture *fixture = *state;
    struct http_options options = fixture->options;
    struct trunk_error error;
    options.address = "localhost";
    assert_null(http_server_new(fixture->loop, NULL, &options, NULL, handle, fixture, &error));
    assert_int_equal(error.status, TRUNK_INVALID);
    assert_string_equal(error.key, "listen.address");
    assert_has(error.text, "\"localhost\"");
    options.address = "192.0.2.1"; /* of no machine, RFC 5737 */
    assert_null(http_server_new(fixture->loop, NULL, &options, NULL, handle, fixture, &error));
    assert_int_equal(error.status, TRUNK_UNAVAILABLE);
    assert_string_equal(error.key, "listen.address");
}

static void test_ipv6_loopback_serves(void **state) {
    struct fixture *fixture = *state;
    struct http_options options = fixture->options;
    struct trunk_error error;
    options.address = "::1";
    struct http_server *server =
        http_server_new(fixture->loop, NULL, &options, NULL, handle, fixture, &error);
    if (server == NULL && strcmp(error.key, "listen.address") == 0) {
        skip(); /* a machine without IPv6 */
    }
    assert_non_null(server);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(http_server_port(server)),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct client client = {.fd = socket(AF_INET6, SOCK_STREAM, 0)};
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
    fixture->act = answer_no_content;
    client_send(fixture, &client, "DELETE /mcp HTTP/1.1\r\nHost: [::1]:4483\r\n\r\n");
    await_text(fixture, &client, "HTTP/1.1 204 ");
    client_close(&client);
    http_server_free(server);
}

int main(void) {
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        CASE(test_post_is_answered_with_json_and_its_headers),
        CASE(test_exchange_carries_the_headers_of_mcp),
        CASE(test_answer_without_body_has_length_0_and_no_type),
        CASE(test_connection_is_kept_after_204),
        CASE(test_retry_after_is_sent_when_given),
        CASE(test_chunked_body_arrives_in_one_piece),
        CASE(test_expected_100_continue_is_sent),
        CASE(test_many_exchanges_wait_and_are_answered_in_any_order),
        CASE(test_connections_have_nodelay_and_are_not_inherited),
        CASE(test_other_path_gets_404_with_a_json_rpc_error),
        CASE(test_other_methods_get_405_with_allow),
        CASE(test_refused_head_has_no_body_and_keeps_the_connection),
        CASE(test_refusals_of_hosts_types_and_accept_reach_the_client),
        CASE(test_doubtful_framing_gets_400_and_the_connection_ends),
        CASE(test_garbage_gets_400_from_evhttp),
        CASE(test_body_over_the_limit_gets_413),
        CASE(test_body_of_just_the_limit_is_taken),
        CASE(test_headers_over_64_kib_are_refused),
        CASE(test_drain_refuses_new_requests_and_finishes_old_ones),
        CASE(test_server_is_freed_with_connections_in_every_state),
        CASE(test_port_in_use_is_told_with_address_and_port),
        CASE(test_wrong_address_is_told),
        CASE(test_ipv6_loopback_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
