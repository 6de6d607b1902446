/* SPDX-License-Identifier: MIT
 * test_limits.c - the HTTP edge over real sockets: clients that are too slow, too many, or do not
 * read. */
#include "unit/http/fixture.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "base/log.h"

#define SHORT_MS 100
#define MIB ((size_t)1024 * 1024)

static void restart_with(struct fixture *fixture, uint64_t header_ms, uint64_t body_ms,
                         uint64_t idle_ms) {
    fixture->options.header_timeout_ms = header_ms;
    fixture->options.body_timeout_ms = body_ms;
    fixture->options.idle_timeout_ms = idle_ms;
    restart(fixture);
}

/* Sends text again and again until the server cuts the connection; gives the time that took. */
static uint64_t drip_until_cut(struct fixture *fixture, struct client *client, const char *text) {
    uint64_t start_ms = now_ms();
    while (!client->is_over) {
        assert_true(now_ms() - start_ms < (uint64_t)PATIENCE_S * 1000);
        (void)!send(client->fd, text, strlen(text), MSG_NOSIGNAL);
        pass(fixture, client, 10);
    }
    return now_ms() - start_ms;
}

/* ---- deadlines ---- */

static void test_silent_connection_is_cut_by_idle_timeout(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, 0, 0, SHORT_MS);
    uint64_t start_ms = now_ms();
    struct client client = client_open(fixture);
    await_end(fixture, &client);
    assert_true(now_ms() - start_ms >= SHORT_MS - 10);
    assert_int_equal(client.in.len, 0);
    await_connections(fixture, 0);
    client_close(&client);
}

static void test_connection_is_idle_again_after_its_answer(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, 0, 0, SHORT_MS);
    fixture->act = echo;
    struct client client = client_open(fixture);
    for (int i = 0; i < 6; i++) {
        char text[1024];
        client_send(fixture, &client, POST_PING);
        take_answer(fixture, &client, text, sizeof text);
        pass(fixture, &client, SHORT_MS / 3);
        assert_false(client.is_over);
    }
    await_end(fixture, &client);
    client_close(&client);
}

static void test_drip_of_header_lines_is_cut_by_header_timeout(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, SHORT_MS, 0, 0);
    struct client client = client_open(fixture);
    client_send(fixture, &client, "GET /mcp HTTP/1.1\r\n");
    uint64_t took_ms = drip_until_cut(fixture, &client, "X-Drip: 1\r\n");
    assert_true(took_ms >= SHORT_MS - 20 && took_ms < (uint64_t)SHORT_MS * 20);
    assert_int_equal(fixture->exchange_count, 0);
    client_close(&client);
}

static void test_drip_within_the_request_line_is_cut_by_header_timeout(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, SHORT_MS, 0, 0);
    struct client client = client_open(fixture);
    (void)drip_until_cut(fixture, &client, "G");
    client_close(&client);
}

static void test_silent_connection_is_not_cut_by_header_timeout(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, SHORT_MS / 4, SHORT_MS / 4, 0);
    fixture->act = echo;
    struct client client = client_open(fixture);
    pass(fixture, &client, (uint64_t)SHORT_MS * 2);
    client_send(fixture, &client, POST_PING);
    await_text(fixture, &client, "\r\n\r\nping");
    client_close(&client);
}

static void test_half_sent_body_is_cut_by_body_timeout(void **state) {
    struct fixture *fixture = *state;
    const char *halves[] = {
        POST_HEAD "Content-Length: 40\r\n\r\nhalf",
        POST_HEAD "Content-Length: 40\r\n\r\n",
        POST_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\nha",
        POST_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        POST_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
        POST_HEAD "Content-Length: 99999999999999999999999\r\n\r\nhalf",
        POST_HEAD "Content-Length: 1048577\r\n\r\nover the limit",
    };
    restart_with(fixture, 0, SHORT_MS, 0);
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        struct client client = client_open(fixture);
        client_send(fixture, &client, halves[i]);
        await_end(fixture, &client);
        client_close(&client);
    }
    assert_int_equal(fixture->exchange_count, 0);
    await_connections(fixture, 0);
}

static void test_drip_of_a_body_is_cut_by_body_timeout(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, 0, SHORT_MS, 0);
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_HEAD "Content-Length: 1000000\r\n\r\n");
    (void)drip_until_cut(fixture, &client, "x");
    assert_int_equal(fixture->exchange_count, 0);
    client_close(&client);
}

static void test_next_request_sent_ahead_in_part_has_its_deadline_too(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, SHORT_MS, 0, 0);
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING "GET /mc");
    await_text(fixture, &client, "\r\n\r\nping");
    await_end(fixture, &client);
    client_close(&client);
}

static void test_waiting_request_and_open_stream_have_no_deadline(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, 20, 20, 20);
    struct client waiting = client_open(fixture);
    struct client reading = client_open(fixture);
    client_send(fixture, &waiting, POST_PING);
    client_send(fixture, &reading, GET_STREAM);
    await_count(fixture, &fixture->exchange_count, 2);
    struct exchange *stream =
        fixture->exchanges[fixture->exchanges[0]->method == EXCHANGE_GET ? 0 : 1];
    struct exchange *post = fixture->exchanges[fixture->exchanges[0]->method == EXCHANGE_GET];
    stream->ops->open_stream(stream, NULL);
    pass(fixture, &reading, 200);
    stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr("{\"n\":1}")});
    await_text(fixture, &reading, "{\"n\":1}");
    answer_text(post, 200, "\"late\"");
    await_text(fixture, &waiting, "\"late\"");
    stream->ops->close_stream(stream);
    await_text(fixture, &reading, "0\r\n\r\n");
    client_close(&waiting);
    client_close(&reading);
}

/* ---- slow readers ---- */

/* Opens a stream and sends events on it until the kernel's buffers are full, and more than wanted
 * waits behind them. */
static struct exchange *open_stuck_stream(struct fixture *fixture, struct client *client,
                                          size_t event_bytes, size_t wanted) {
    char *text = long_text(event_bytes);
    int small = 4096;
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    fixture->act = watch;
    client_send(fixture, client, GET_STREAM);
    await_count(fixture, &fixture->exchange_count, 1);
    struct exchange *stream = fixture->exchanges[0];
    stream->ops->open_stream(stream, NULL);
    for (size_t before = SIZE_MAX; before != stream->ops->backlog(stream) || before <= wanted;) {
        before = stream->ops->backlog(stream);
        if (before <= wanted) {
            stream->ops->event(stream, &(struct exchange_event){.json = slice_cstr(text)});
        }
        pass(fixture, NULL, 30);
    }
    free(text);
    return stream;
}

static void test_client_that_does_not_read_its_stream_is_cut(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, 0, (uint64_t)SHORT_MS * 2, 0);
    struct client client = client_open(fixture);
    struct exchange *stream = open_stuck_stream(fixture, &client, MIB, MIB);
    await_count(fixture, &fixture->close_count, 1);
    assert_true(stream->is_closed);
    stream->ops->close_stream(stream);
    await_connections(fixture, 0);
    client_close(&client);
}

static void test_small_backlog_of_a_stream_may_wait_but_not_that_of_an_answer(void **state) {
    struct fixture *fixture = *state;
    restart_with(fixture, 0, SHORT_MS, 0);
    struct client client = client_open(fixture);
    struct exchange *stream = open_stuck_stream(fixture, &client, MIB / 8, 0);
    pass(fixture, NULL, (uint64_t)SHORT_MS * 3);
    assert_in_range(stream->ops->backlog(stream), 1, MIB);
    assert_int_equal(fixture->close_count, 0);
    stream->ops->close_stream(stream);
    await_connections(fixture, 0);
    client_close(&client);
}

static void test_client_that_does_not_read_its_answer_is_cut(void **state) {
    struct fixture *fixture = *state;
    char *text = long_text(16 * MIB);
    restart_with(fixture, 0, SHORT_MS, 0);
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    answer_text(fixture->exchanges[0], 200, text);
    await_connections(fixture, 0);
    client_close(&client);
    free(text);
}

static void test_client_that_reads_slowly_but_steadily_gets_its_answer(void **state) {
    struct fixture *fixture = *state;
    char *text = long_text(16 * MIB);
    restart_with(fixture, 0, (uint64_t)SHORT_MS * 2, 0);
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_count(fixture, &fixture->exchange_count, 1);
    answer_text(fixture->exchanges[0], 200, text);
    uint64_t start_ms = now_ms();
    size_t got = 0;
    while (got < 16 * MIB) {
        assert_false(client.is_over);
        pass(fixture, NULL, SHORT_MS / 2);
        for (size_t part = 0; part < MIB && got < 16 * MIB;) {
            turn(fixture, &client);
            part += client.in.len;
            got += client.in.len;
            buffer_clear(&client.in);
        }
    }
    assert_true(now_ms() - start_ms > (uint64_t)SHORT_MS * 2);
    client_close(&client);
    free(text);
}

/* ---- how many ---- */

static void test_connections_over_the_limit_wait_until_one_ends(void **state) {
    struct fixture *fixture = *state;
    struct client clients[5];
    fixture->options.max_connections = 3;
    restart(fixture);
    fixture->act = echo;
    for (size_t i = 0; i < 5; i++) {
        clients[i] = client_open(fixture);
        client_send(fixture, &clients[i], POST_PING);
    }
    for (size_t i = 0; i < 3; i++) {
        await_text(fixture, &clients[i], "\r\n\r\nping");
    }
    pass(fixture, NULL, 30);
    assert_int_equal(fixture->exchange_count, 3);
    assert_int_equal(http_server_count_connections(fixture->server), 3);
    for (size_t i = 0; i < 2; i++) {
        client_close(&clients[i]);
        await_text(fixture, &clients[i + 3], "\r\n\r\nping");
        assert_int_equal(http_server_count_connections(fixture->server), 3);
    }
    for (size_t i = 2; i < 5; i++) {
        client_close(&clients[i]);
    }
    await_connections(fixture, 0);
}

static void test_connections_leave_a_quarter_of_the_descriptors(void **state) {
    struct fixture *fixture = *state;
    struct client clients[50];
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    http_server_free(fixture->server);
    struct rlimit low = {.rlim_cur = 40, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    start(fixture); /* which reads the limit */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < 50; i++) {
        clients[i] = client_open(fixture);
    }
    await_connections(fixture, 30);
    pass(fixture, NULL, 30);
    assert_int_equal(http_server_count_connections(fixture->server), 30);
    for (size_t i = 0; i < 50; i++) {
        client_close(&clients[i]);
    }
    await_connections(fixture, 0);
}

static void test_drain_at_the_limit_is_no_harm(void **state) {
    struct fixture *fixture = *state;
    fixture->options.max_connections = 1;
    restart(fixture);
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);
    await_text(fixture, &client, "\r\n\r\nping");
    http_server_drain(fixture->server);
    client_close(&client);
    await_connections(fixture, 0);
}

static size_t count_lines_with(int fd, const char *text) {
    char log[65536];
    ssize_t len = pread(fd, log, sizeof log - 1, 0);
    assert_true(len >= 0);
    log[len] = '\0';
    size_t count = 0;
    for (const char *at = log; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

static void test_process_without_descriptors_pauses_and_tells_once(void **state) {
    struct fixture *fixture = *state;
    int log_fd = memfd_create("log", 0);
    assert_true(log_fd >= 0);
    struct log *log = log_new(log_fd, TRUNK_LOG_DEBUG, LOG_LOGFMT);
    struct trunk_error error;
    http_server_free(fixture->server);
    fixture->server =
        http_server_new(fixture->loop, log, &fixture->options, NULL, handle, fixture, &error);
    fixture->act = echo;
    struct client client = client_open(fixture);
    client_send(fixture, &client, POST_PING);

    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)dup(client.fd), .rlim_max = limit.rlim_max};
    close((int)none.rlim_cur);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    pass(fixture, NULL, 1300); /* RETRY_MS and more */
    assert_int_equal(http_server_count_connections(fixture->server), 0);
    assert_int_equal(count_lines_with(log_fd, "cannot accept connections"), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);

    await_text(fixture, &client, "\r\n\r\nping");
    client_close(&client);
    http_server_free(fixture->server);
    log_free(log);
    close(log_fd);
    start(fixture);
}

static size_t choose_many(void) {
    const char *size = getenv("TRUNKD_TEST_SIZE");
    struct rlimit limit;
    size_t wanted = size != NULL && strcmp(size, "long") == 0 ? 10000 : 300;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    size_t possible = ((size_t)limit.rlim_cur - 64) / 2; /* both ends are ours */
    if (wanted > possible) {
        print_message("%zu idle connections, for lack of descriptors\n", possible);
    }
    return wanted < possible ? wanted : possible;
}

static void test_many_idle_connections_do_not_stop_a_request_and_are_cut(void **state) {
    struct fixture *fixture = *state;
    size_t count = choose_many();
    struct client *clients = calloc(count, sizeof *clients);
    assert_non_null(clients);
    fixture->act = echo;
    for (size_t i = 0; i < count; i++) {
        clients[i] = client_open(fixture);
        if (i % 100 == 0) {
            turn(fixture, NULL);
        }
    }
    await_connections(fixture, count);
    assert_reply(fixture, POST_PING, "\r\n\r\nping");
    client_send(fixture, &clients[count / 2], POST_PING);
    await_text(fixture, &clients[count / 2], "\r\n\r\nping");
    await_connections(fixture, count);
    fixture->options.idle_timeout_ms = 1; /* read at each look */
    fixture->options.stream_keepalive_ms = 0;
    await_connections(fixture, 0);
    for (size_t i = 0; i < count; i++) {
        client_close(&clients[i]);
    }
    free(clients);
}

static int set_up_with_idle_timeout(void **state) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    int result = set_up(state);
    restart_with(*state, 0, 0, 2000);
    ((struct fixture *)*state)->options.idle_timeout_ms = UINT64_MAX;
    return result;
}

int main(void) {
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        CASE(test_silent_connection_is_cut_by_idle_timeout),
        CASE(test_connection_is_idle_again_after_its_answer),
        CASE(test_drip_of_header_lines_is_cut_by_header_timeout),
        CASE(test_drip_within_the_request_line_is_cut_by_header_timeout),
        CASE(test_silent_connection_is_not_cut_by_header_timeout),
        CASE(test_half_sent_body_is_cut_by_body_timeout),
        CASE(test_drip_of_a_body_is_cut_by_body_timeout),
        CASE(test_next_request_sent_ahead_in_part_has_its_deadline_too),
        CASE(test_waiting_request_and_open_stream_have_no_deadline),
        CASE(test_client_that_does_not_read_its_stream_is_cut),
        CASE(test_small_backlog_of_a_stream_may_wait_but_not_that_of_an_answer),
        CASE(test_client_that_does_not_read_its_answer_is_cut),
        CASE(test_client_that_reads_slowly_but_steadily_gets_its_answer),
        CASE(test_connections_over_the_limit_wait_until_one_ends),
        CASE(test_connections_leave_a_quarter_of_the_descriptors),
        CASE(test_drain_at_the_limit_is_no_harm),
        CASE(test_process_without_descriptors_pauses_and_tells_once),
        cmocka_unit_test_setup_teardown(
            test_many_idle_connections_do_not_stop_a_request_and_are_cut, set_up_with_idle_timeout,
            tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
