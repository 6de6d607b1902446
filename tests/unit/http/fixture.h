/* SPDX-License-Identifier: MIT
 * fixture.h - a server whose handler the test scripts, and clients that are raw sockets driven
 * beside its loop. */
#ifndef TRUNKD_TESTS_HTTP_FIXTURE_H
#define TRUNKD_TESTS_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/slice.h"
#include "http/server.h"

#define PATIENCE_S 20
#define MAX_EXCHANGES 32
#define HOST "Host: localhost\r\n"
#define POST_HEAD                                                                                  \
    "POST /mcp HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"                             \
    "Accept: application/json, text/event-stream\r\n"
#define POST_PING POST_HEAD "Content-Length: 4\r\n\r\nping"
#define POST_PONG POST_HEAD "Content-Length: 4\r\n\r\npong"
#define GET_STREAM_WITH(headers)                                                                   \
    "GET /mcp HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n" headers "\r\n"
#define GET_STREAM GET_STREAM_WITH("")
#define DELETE_PLAIN "DELETE /mcp HTTP/1.1\r\n" HOST "\r\n"

/* ---- a server with a scripted handler ---- */

struct fixture {
    struct http_options options;
    const struct authenticator *authenticator; /* NULL: everybody is anonymous */
    struct loop *loop;
    struct http_server *server;
    void (*act)(struct fixture *fixture, struct exchange *exchange); /* NULL: keep it for later */
    struct exchange *exchanges[MAX_EXCHANGES];                       /* as they came */
    size_t exchange_count;
    size_t close_count;
    size_t drained_count;
};

static inline void handle(void *ctx, struct exchange *exchange) {
    struct fixture *fixture = ctx;
    assert_true(fixture->exchange_count < MAX_EXCHANGES);
    fixture->exchanges[fixture->exchange_count++] = exchange;
    if (fixture->act != NULL) {
        fixture->act(fixture, exchange);
    }
}

static inline void start(struct fixture *fixture) {
    struct trunk_error error;
    fixture->server = http_server_new(fixture->loop, NULL, &fixture->options,
                                      fixture->authenticator, handle, fixture, &error);
    assert_non_null(fixture->server);
}

/* With options changed, which a server reads when it starts. */
static inline void restart(struct fixture *fixture) {
    http_server_free(fixture->server);
    start(fixture);
}

static inline int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->options = (struct http_options){
        .address = "127.0.0.1", .path = "/mcp", .max_body_bytes = (uint64_t)1024 * 1024};
    fixture->loop = loop_new();
    start(fixture);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(http_server_count_exchanges(fixture->server), 0);
    http_server_free(fixture->server);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static inline void answer_text(struct exchange *exchange, int status, const char *text) {
    exchange->ops->answer(exchange,
                          &(struct exchange_answer){.status = status, .json = slice_cstr(text)});
}

static inline void echo(struct fixture *fixture, struct exchange *exchange) {
    (void)fixture;
    exchange->ops->answer(exchange, &(struct exchange_answer){.status = 200,
                                                              .json = exchange->body,
                                                              .session_id = exchange->session_id});
}

static inline void count_close(struct exchange *exchange, void *ctx) {
    struct fixture *fixture = ctx;
    assert_true(exchange->is_closed);
    fixture->close_count++;
}

static inline void watch(struct fixture *fixture, struct exchange *exchange) {
    exchange->on_close = count_close;
    exchange->ctx = fixture;
}

/* ---- a client: a raw socket, driven beside the loop ---- */

struct client {
    struct buffer in;
    int fd;
    bool is_over; /* the server closed or reset the connection */
};

static inline time_t now_s(void) {
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec;
}

static inline uint64_t now_ms(void) {
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline struct client client_open(struct fixture *fixture) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(fixture->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_true(client.fd >= 0);
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
    return client;
}

static inline void client_close(struct client *client) {
    assert_int_equal(close(client->fd), 0);
    buffer_free(&client->in);
}

/* One turn of the loop, then what the client has got; waits a moment for either. */
static inline void turn(struct fixture *fixture, struct client *client) {
    loop_turn(fixture->loop, false);
    if (client == NULL || client->is_over) {
        poll(NULL, 0, 1);
        return;
    }
    struct pollfd readable = {.fd = client->fd, .events = POLLIN};
    if (poll(&readable, 1, 1) <= 0) {
        return;
    }
    char bytes[65536];
    ssize_t len = recv(client->fd, bytes, sizeof bytes, 0);
    if (len > 0) {
        buffer_append(&client->in, bytes, (size_t)len);
    } else if (len == 0 || errno != EAGAIN) {
        client->is_over = true;
    }
}

static inline void client_send(struct fixture *fixture, struct client *client, const char *text) {
    struct trunk_slice rest = slice_cstr(text);
    time_t deadline = now_s() + PATIENCE_S;
    while (rest.len > 0) {
        assert_true(now_s() < deadline);
        ssize_t len = send(client->fd, rest.data, rest.len, MSG_NOSIGNAL);
        if (len > 0) {
            rest = slice_of((const char *)rest.data + len, rest.len - (size_t)len);
        } else {
            assert_int_equal(errno, EAGAIN);
            turn(fixture, client);
        }
    }
}

static inline void await_text(struct fixture *fixture, struct client *client, const char *text) {
    time_t deadline = now_s() + PATIENCE_S;
    while (strstr(buffer_cstr(&client->in), text) == NULL) {
        if (client->is_over || now_s() >= deadline) {
            fail_msg("no \"%s\" in \"%s\"", text, buffer_cstr(&client->in));
        }
        turn(fixture, client);
    }
}

static inline void await_end(struct fixture *fixture, struct client *client) {
    time_t deadline = now_s() + PATIENCE_S;
    while (!client->is_over) {
        if (now_s() >= deadline) {
            fail_msg("no end after \"%s\"", buffer_cstr(&client->in));
        }
        turn(fixture, client);
    }
}

static inline void await_count(struct fixture *fixture, const size_t *count, size_t wanted) {
    time_t deadline = now_s() + PATIENCE_S;
    while (*count < wanted) {
        assert_true(now_s() < deadline);
        turn(fixture, NULL);
    }
    assert_int_equal(*count, wanted);
}

/* Turns the loop for a while in which nothing is to happen. */
static inline void pass(struct fixture *fixture, struct client *client, uint64_t ms) {
    uint64_t end = now_ms() + ms;
    while (now_ms() < end) {
        turn(fixture, client);
    }
}

static inline void await_connections(struct fixture *fixture, size_t wanted) {
    time_t deadline = now_s() + PATIENCE_S;
    while (http_server_count_connections(fixture->server) != wanted) {
        assert_true(now_s() < deadline);
        turn(fixture, NULL);
    }
}

/* Waits for one answer with Content-Length; text gets it whole and it leaves the client's input. */
static inline void take_answer(struct fixture *fixture, struct client *client, char *text,
                               size_t size) {
    await_text(fixture, client, "\r\n\r\n");
    const char *length = strstr(client->in.data, "Content-Length: ");
    assert_non_null(length);
    size_t head = (size_t)(strstr(client->in.data, "\r\n\r\n") - client->in.data) + 4;
    size_t whole = head + strtoul(length + strlen("Content-Length: "), NULL, 10);
    assert_true(whole < size);
    time_t deadline = now_s() + PATIENCE_S;
    while (client->in.len < whole) {
        assert_true(!client->is_over && now_s() < deadline);
        turn(fixture, client);
    }
    memcpy(text, client->in.data, whole);
    text[whole] = '\0';
    memmove(client->in.data, client->in.data + whole, client->in.len - whole);
    client->in.len -= whole;
}

/* Sends a request on a new connection, and takes what comes until it holds text; then closes. */
static inline void assert_reply(struct fixture *fixture, const char *request, const char *text) {
    struct client client = client_open(fixture);
    client_send(fixture, &client, request);
    await_text(fixture, &client, text);
    client_close(&client);
}

static inline void assert_has(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fail_msg("no \"%s\" in \"%s\"", part, text);
    }
}

static inline void assert_has_not(const char *text, const char *part) {
    if (strstr(text, part) != NULL) {
        fail_msg("\"%s\" in \"%s\"", part, text);
    }
}

static inline char *long_text(size_t len) {
    char *text = malloc(len + 1);
    assert_non_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
