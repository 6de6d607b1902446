/* SPDX-License-Identifier: MIT
 * test_stream.c - the HTTP edge over real sockets: streams, requests sent ahead, clients that
 * leave. */
#include "unit/http/fixture.h"

/* ---- pipelining ---- */

static void test_pipelined_requests_are_served_in_order(void **state) {
    struct fixture *fixture = *state;
    fixture->act = echo;
    struct client client = client_open(fixture);
    char text[1024];
    client_send(fixture, &client, POST_PING POST_PONG POST_PING);
    const char *bodies[] = {"ping", "pong", "ping"};
    for (size_t i = 0; i < 3; i++) {
        take_answer(fixture, &client, text, sizeof text);
        assert_has(strstr(text, "\r\n\r\n"), bodies[i]);
    }
    client_close(&client);
}

static void test_large_request_sent_ahead_waits_for_the_first_answer(void **state) {
    struct fixture *fixture = *state;
    char *body = long_text((size_t)300 * 1024);
    char text[1024];
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    client_send(fixture, &client, POST_HEAD "Content-Length: 307200\r\n\r\n");
    client_send(fixture, &client, body);
    for (int i = 0; i < 20; i++) {
        turn(fixture, &client);
    }
    assert_int_equal(fixture->exchange_count, 1);
    answer_text(fixture->exchanges[0], 200, "\"one\"");
    take_answer(fixture, &client, text, sizeof text);
    assert_has(text, "\"one\"");
    await_count(fixture, &fixture->exchange_count, 2);
    assert_true(slice_equal_cstr(fixture->exchanges[1]->body, body));
    answer_text(fixture->exchanges[1], 200, "\"two\"");
    take_answer(fixture, &client, text, sizeof text);
    assert_has(text, "\"two\"");
    client_close(&client);
    free(body);
}

static void test_request_sent_ahead_of_a_stream_is_served_after_it(void **state) {
    struct fixture *fixture = *state;
    struct client client = client_open(fixture);
    client_send(fixture, &client, GET_STREAM);
    await_count(fixture, &fixture->exchange_count, 1);
    struct exchange *stream = fixture->exchanges[0];
    stream->ops->open_stream(stream, NULL);
    client_send(fixture, &client, POST_PING);
    stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr("{\"n\":1}")});
    await_text(fixture, &client, "{\"n\":1}");
    assert_int_equal(fixture->exchange_count, 1);
    fixture->act = echo;
    stream->ops->close_stream(stream);
    await_text(fixture, &client, "0\r\n\r\nHTTP/1.1 200 OK\r\n");
    await_text(fixture, &client, "\r\n\r\nping");
    client_close(&client);
}

/* ---- streams ---- */

static void test_stream_sends_headers_at_once_then_events_then_its_end(void **state) {
    struct fixture *fixture = *state;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    struct exchange *stream = fixture->exchanges[0];
    assert_false(stream->is_streaming);
    stream->ops->open_stream(stream, "s-9");
    assert_true(stream->is_streaming);
    await_text(fixture, &client, "\r\n\r\n");
    const char *text = buffer_cstr(&client.in);
    assert_has(text, "HTTP/1.1 200 OK\r\n");
    assert_has(text, "Content-Type: text/event-stream\r\n");
    assert_has(text, "Cache-Control: no-cache, no-transform\r\n");
    assert_has(text, "X-Accel-Buffering: no\r\n");
    assert_has(text, "Mcp-Session-Id: s-9\r\n");
    assert_has(text, "Transfer-Encoding: chunked\r\n");
    assert_has_not(text, "Content-Length");
    buffer_clear(&client.in);
    stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr("{\"n\":1}")});
    await_text(fixture, &client, "1e\r\nevent: message\ndata: {\"n\":1}\n\n\r\n");
    stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr("{\r\n}")});
    stream->ops->close_stream(stream);
    await_text(fixture, &client, "data: {  }\n\n\r\n0\r\n\r\n");
    buffer_clear(&client.in);
    fixture->act = echo;
    client_send(fixture, &client, POST_PONG);
    await_text(fixture, &client, "\r\n\r\npong");
    client_close(&client);
}

static void stream_at_once(struct fixture *fixture, struct exchange *exchange) {
    (void)fixture;
    exchange->ops->open_stream(exchange, NULL);
    exchange->ops->event(exchange, &(struct exchange_event){.json = slice_cstr("{}")});
    exchange->ops->close_stream(exchange);
}

static void test_stream_may_live_within_the_handler_only(void **state) {
    struct fixture *fixture = *state;
    fixture->act = stream_at_once;
    assert_reply(fixture, POST_PING, "data: {}\n\n\r\n0\r\n\r\n");
}

static void test_stream_to_http_1_0_lasts_until_the_connection_ends(void **state) {
    struct fixture *fixture = *state;
    const char *heads[] = {"", "Connection: keep-alive\r\n",
                           "Connection: keep-alive\r\nConnection: keep-alive\r\n"};
    for (size_t i = 0; i < 3; i++) {
        char text[256];
        struct client client = client_open(fixture);
        snprintf(text, sizeof text,
                 "GET /mcp HTTP/1.0\r\n" HOST "Accept: text/event-stream\r\n%s\r\n", heads[i]);
        client_send(fixture, &client, text);
        await_count(fixture, &fixture->exchange_count, i + 1);
        struct exchange *stream = fixture->exchanges[i];
        stream->ops->open_stream(stream, NULL);
        stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr("{}")});
        await_text(fixture, &client, "\r\n\r\nevent: message\ndata: {}\n\n");
        stream->ops->close_stream(stream); /* with nothing left to write */
        await_end(fixture, &client);
        assert_has_not(buffer_cstr(&client.in), "chunked");
        assert_has_not(buffer_cstr(&client.in), "Content-Length");
        client_close(&client);
    }
}

static void test_quiet_stream_gets_keepalive_comments(void **state) {
    struct fixture *fixture = *state;
    fixture->options.stream_keepalive_ms = 5;
    struct client client = client_open(fixture);
    client_send(fixture, &client, GET_STREAM);
    await_count(fixture, &fixture->exchange_count, 1);
    struct exchange *stream = fixture->exchanges[0];
    stream->ops->open_stream(stream, NULL);
    const char *comment = "d\r\n: keepalive\n\n\r\n";
    await_text(fixture, &client, comment);
    buffer_clear(&client.in);
    await_text(fixture, &client, comment);
    stream->ops->close_stream(stream);
    await_text(fixture, &client, "\r\n0\r\n\r\n");
    client_close(&client);
}

static void test_no_keepalive_when_it_is_0(void **state) {
    struct fixture *fixture = *state;
    struct client client = client_open(fixture);
    client_send(fixture, &client, GET_STREAM);
    await_count(fixture, &fixture->exchange_count, 1);
    struct exchange *stream = fixture->exchanges[0];
    stream->ops->open_stream(stream, NULL);
    for (int i = 0; i < 30; i++) {
        turn(fixture, &client);
    }
    stream->ops->close_stream(stream);
    await_text(fixture, &client, "0\r\n\r\n");
    assert_has_not(buffer_cstr(&client.in), "keepalive");
    client_close(&client);
}

static void test_backlog_grows_while_the_client_does_not_read(void **state) {
    struct fixture *fixture = *state;
    char *text = long_text((size_t)256 * 1024);
    struct client client = client_open(fixture);
    client_send(fixture, &client, GET_STREAM);
    await_count(fixture, &fixture->exchange_count, 1);
    struct exchange *stream = fixture->exchanges[0];
    stream->ops->open_stream(stream, NULL);
    for (int i = 0; i < 64; i++) {
        stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr(text)});
        turn(fixture, NULL);
    }
    assert_true(stream->ops->backlog(stream) > (size_t)1024 * 1024);
    time_t deadline = now_s() + PATIENCE_S;
    while (stream->ops->backlog(stream) > 0) {
        assert_true(now_s() < deadline);
        turn(fixture, &client);
        buffer_clear(&client.in);
    }
    stream->ops->close_stream(stream);
    await_text(fixture, &client, "0\r\n\r\n");
    client_close(&client);
    free(text);
}

static void count_drained(struct exchange *exchange, void *ctx) {
    struct fixture *fixture = ctx;
    assert_in_range(exchange->ops->backlog(exchange), 0, EXCHANGE_LOW_BYTES);
    fixture->drained_count++;
}

static void test_user_of_a_stream_is_told_once_that_its_backlog_has_drained(void **state) {
    struct fixture *fixture = *state;
    char *text = long_text((size_t)256 * 1024);
    struct client client = client_open(fixture);
    client_send(fixture, &client, GET_STREAM);
    await_count(fixture, &fixture->exchange_count, 1);
    struct exchange *stream = fixture->exchanges[0];
    stream->on_drained = count_drained;
    stream->ctx = fixture;
    stream->ops->open_stream(stream, NULL);
    for (size_t round = 1; round <= 2; round++) {
        while (stream->ops->backlog(stream) <= EXCHANGE_HIGH_BYTES) {
            stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr(text)});
            turn(fixture, NULL);
        }
        assert_int_equal(fixture->drained_count, round - 1);
        time_t deadline = now_s() + PATIENCE_S;
        while (stream->ops->backlog(stream) > 0) {
            assert_true(now_s() < deadline);
            turn(fixture, &client);
            buffer_clear(&client.in);
        }
        await_count(fixture, &fixture->drained_count, round);
    }
    stream->ops->close_stream(stream);
    await_text(fixture, &client, "0\r\n\r\n");
    assert_int_equal(fixture->drained_count, 2);
    client_close(&client);
    free(text);
}

/* ---- clients that leave ---- */

static void test_client_that_leaves_is_noticed_once_and_late_answer_is_dropped(void **state) {
    struct fixture *fixture = *state;
    fixture->act = watch;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    client_close(&client);
    await_count(fixture, &fixture->close_count, 1);
    struct exchange *exchange = fixture->exchanges[0];
    assert_true(exchange->is_closed);
    assert_true(slice_equal_cstr(exchange->body, "ping"));
    assert_int_equal(http_server_count_exchanges(fixture->server), 1);
    answer_text(exchange, 200, "{}");
    assert_int_equal(http_server_count_exchanges(fixture->server), 0);
    assert_int_equal(fixture->close_count, 1);
}

static void test_client_that_leaves_unwatched_is_no_harm(void **state) {
    struct fixture *fixture = *state;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    client_close(&client);
    struct exchange *exchange = fixture->exchanges[0];
    time_t deadline = now_s() + PATIENCE_S;
    while (!exchange->is_closed) {
        assert_true(now_s() < deadline);
        turn(fixture, NULL);
    }
    exchange->ops->open_stream(exchange, "s");
    exchange->ops->event(exchange, &(struct exchange_event){.json = slice_cstr("{}")});
    assert_int_equal(exchange->ops->backlog(exchange), 0);
    exchange->ops->close_stream(exchange);
}

static void test_client_that_resets_is_noticed(void **state) {
    struct fixture *fixture = *state;
    fixture->act = watch;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    struct linger reset = {.l_onoff = 1};
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    client_close(&client);
    await_count(fixture, &fixture->close_count, 1);
    answer_text(fixture->exchanges[0], 200, "{}");
}

static void test_client_that_leaves_a_stream_is_noticed_and_events_go_nowhere(void **state) {
    struct fixture *fixture = *state;
    fixture->options.stream_keepalive_ms = 1;
    fixture->act = watch;
    struct client client = client_open(fixture);
    client_send(fixture, &client, GET_STREAM);
    await_count(fixture, &fixture->exchange_count, 1);
    struct exchange *stream = fixture->exchanges[0];
    stream->ops->open_stream(stream, NULL);
    await_text(fixture, &client, "keepalive");
    client_close(&client);
    stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr("{}")});
    await_count(fixture, &fixture->close_count, 1);
    stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr("{}")});
    assert_int_equal(stream->ops->backlog(stream), 0);
    for (int i = 0; i < 10; i++) {
        turn(fixture, NULL);
    }
    stream->ops->close_stream(stream);
}

static void end_on_close(struct exchange *exchange, void *ctx) {
    struct fixture *fixture = ctx;
    fixture->close_count++;
    if (exchange->is_streaming) {
        exchange->ops->close_stream(exchange);
    } else {
        answer_text(exchange, 200, "{}");
    }
}

static void test_exchange_may_be_ended_inside_on_close(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 2; i++) {
        struct client client = client_open(fixture);
        client_send(fixture, &client, GET_STREAM);
        await_count(fixture, &fixture->exchange_count, i + 1);
        struct exchange *exchange = fixture->exchanges[i];
        exchange->on_close = end_on_close;
        exchange->ctx = fixture;
        if (i == 1) {
            exchange->ops->open_stream(exchange, NULL);
        }
        client_close(&client);
        await_count(fixture, &fixture->close_count, i + 1);
    }
}

static void test_client_that_leaves_before_reading_its_answer_is_no_harm(void **state) {
    struct fixture *fixture = *state;
    char *text = long_text((size_t)16 * 1024 * 1024);
    fixture->act = watch;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    answer_text(fixture->exchanges[0], 200, text);
    turn(fixture, NULL);
    client_close(&client);
    for (int i = 0; i < 20; i++) {
        turn(fixture, NULL);
    }
    assert_int_equal(fixture->close_count, 0);
    free(text);
}

static void test_answer_in_the_same_turn_as_the_close_is_no_harm(void **state) {
    struct fixture *fixture = *state;
    fixture->act = watch;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    client_close(&client);
    answer_text(fixture->exchanges[0], 200, "{}"); /* the loop has not yet seen the close */
    for (int i = 0; i < 10; i++) {
        turn(fixture, NULL);
    }
    assert_int_equal(fixture->close_count, 0);
}

static void test_half_a_request_then_a_close_is_no_exchange(void **state) {
    struct fixture *fixture = *state;
    const char *halves[] = {"",
                            "PO",
                            "POST /mcp HTTP/1.1\r\nHo",
                            POST_HEAD "\r",
                            POST_HEAD "Content-Length: 40\r\n\r\nping",
                            POST_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\npi"};
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        struct client client = client_open(fixture);
        client_send(fixture, &client, halves[i]);
        turn(fixture, &client);
        client_close(&client);
        turn(fixture, NULL);
    }
    assert_int_equal(fixture->exchange_count, 0);
}

int main(void) {
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        CASE(test_pipelined_requests_are_served_in_order),
        CASE(test_large_request_sent_ahead_waits_for_the_first_answer),
        CASE(test_request_sent_ahead_of_a_stream_is_served_after_it),
        CASE(test_stream_sends_headers_at_once_then_events_then_its_end),
        CASE(test_stream_may_live_within_the_handler_only),
        CASE(test_stream_to_http_1_0_lasts_until_the_connection_ends),
        CASE(test_quiet_stream_gets_keepalive_comments),
        CASE(test_no_keepalive_when_it_is_0),
        CASE(test_backlog_grows_while_the_client_does_not_read),
        CASE(test_user_of_a_stream_is_told_once_that_its_backlog_has_drained),
        CASE(test_client_that_leaves_is_noticed_once_and_late_answer_is_dropped),
        CASE(test_client_that_leaves_unwatched_is_no_harm),
        CASE(test_client_that_resets_is_noticed),
        CASE(test_client_that_leaves_a_stream_is_noticed_and_events_go_nowhere),
        CASE(test_exchange_may_be_ended_inside_on_close),
        CASE(test_client_that_leaves_before_reading_its_answer_is_no_harm),
        CASE(test_answer_in_the_same_turn_as_the_close_is_no_harm),
        CASE(test_half_a_request_then_a_close_is_no_exchange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
