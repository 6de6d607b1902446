/* SPDX-License-Identifier: MIT
 * server.c - the HTTP edge on evhttp. All that is known of evhttp's ways (2.1.12) is in this file.
 */
#include "http/server.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/listen_socket.h"
#include "http/request.h"
#include "http/sse.h"
#include "wire/jsonrpc.h"

#define MAX_HEADERS_BYTES 65536
#define MAX_PIPELINED_BYTES 65536 /* read ahead while a request waits for its answer */
#define DRAIN_RETRY_AFTER_S 1

struct http_server {
    struct loop *loop;
    struct log *log;
    const struct http_options *options;
    http_handler_fn handler;
    void *ctx;
    struct evhttp *evhttp;
    struct evhttp_bound_socket *socket; /* NULL: draining */
    uint16_t port;
    size_t exchange_count;
    struct log_limit accept_limit;
};

/* The request is evhttp's while its connection is there; once the client has left (is_closed) it is
 * ours to free. */
struct http_exchange {
    struct exchange base;
    struct http_server *server;
    struct evhttp_request *request;
    struct loop_timer *keepalive; /* NULL: not streaming, or no keep-alive wanted */
};

static struct bufferevent *get_bufferevent(struct evhttp_request *request) {
    return evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
}

static void add_header(struct evhttp_request *request, const char *name, const char *value) {
    evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

/* evhttp reads from the request's own headers whether the connection is kept, so that is where to
 * say it. */
static void close_after_answer(struct evhttp_request *request) {
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    while (evhttp_remove_header(headers, "Connection") == 0) {
    }
    while (evhttp_remove_header(headers, "Proxy-Connection") == 0) {
    }
    evhttp_add_header(headers, "Connection", "close");
}

static void send_answer(struct evhttp_request *request, const struct exchange_answer *answer) {
    if (answer->json.len > 0) {
        add_header(request, "Content-Type", "application/json");
        add_header(request, "Cache-Control", "no-store");
    }
    /* evhttp would send the body of an answer to HEAD too. */
    if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
        evbuffer_add(evhttp_request_get_output_buffer(request), answer->json.data,
                     answer->json.len);
    }
    if (answer->session_id != NULL) {
        add_header(request, "Mcp-Session-Id", answer->session_id);
    }
    if (answer->status == 405) {
        add_header(request, "Allow", "GET, POST, DELETE");
    }
    if (answer->retry_after_s > 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%u", answer->retry_after_s);
        add_header(request, "Retry-After", seconds);
    }
    evhttp_send_reply(request, answer->status, NULL, NULL);
}

static void send_refusal(struct http_server *server, struct evhttp_request *request, int status,
                         int code, const char *text) {
    log_debug(server->log, "http", "request refused status=%d reason=\"%s\"", status, text);
    struct buffer json = {0};
    jsonrpc_write_error(&json, slice_of(NULL, 0), code, text);
    send_answer(request, &(struct exchange_answer){
                             .status = status,
                             .json = buffer_slice(&json),
                             .retry_after_s = status == 503 ? DRAIN_RETRY_AFTER_S : 0,
                         });
    buffer_free(&json);
}

/* ---- the exchange ---- */

static struct http_exchange *from_base(struct exchange *exchange) {
    return (struct http_exchange *)exchange;
}

/* While the answer is awaited, evhttp must neither see more input (its reader exits the process in
 * this state) nor miss the end of the connection (it stops to read). What the client sends ahead
 * stays in the buffer, up to a limit. */
static void watch_for_close(struct evhttp_request *request) {
    struct bufferevent *bufferevent = get_bufferevent(request);
    bufferevent_data_cb on_write = NULL;
    bufferevent_event_cb on_event = NULL;
    void *arg = NULL;
    bufferevent_getcb(bufferevent, NULL, &on_write, &on_event, &arg);
    bufferevent_setcb(bufferevent, NULL, on_write, on_event, arg);
    bufferevent_setwatermark(bufferevent, EV_READ, 0, MAX_PIPELINED_BYTES);
    bufferevent_enable(bufferevent, EV_READ);
}

/* The answer has been written: the next request may be larger than what was read ahead. */
static void unlimit_reading(struct evhttp_request *request, void *arg) {
    (void)arg;
    bufferevent_setwatermark(get_bufferevent(request), EV_READ, 0, 0);
}

/* evhttp calls this from the loop only: the callback is taken back before any call of ours that may
 * close. */
static void handle_close(struct evhttp_connection *connection, void *arg) {
    (void)connection;
    struct http_exchange *self = arg;
    self->base.is_closed = true;
    loop_timer_free(self->keepalive);
    self->keepalive = NULL;
    if (self->base.on_close != NULL) {
        self->base.on_close(&self->base, self->base.ctx);
    }
}

/* Frees the exchange. Returns its request for the last words, NULL if there is nobody to hear them.
 */
static struct evhttp_request *end_exchange(struct http_exchange *self) {
    struct evhttp_request *request = self->request;
    if (self->base.is_closed) {
        evhttp_request_free(request);
        request = NULL;
    } else {
        evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
    }
    loop_timer_free(self->keepalive);
    self->server->exchange_count--;
    free(self);
    return request;
}

static void exchange_send_answer(struct exchange *exchange, const struct exchange_answer *answer) {
    assert(!exchange->is_streaming);
    /* Text of the answer may lie in the request, whose memory lives until evhttp has sent the
     * reply. */
    struct evhttp_request *request = end_exchange(from_base(exchange));
    if (request != NULL) {
        send_answer(request, answer);
    }
}

static void send_chunk(struct http_exchange *self, const struct buffer *text) {
    struct evbuffer *chunk = evbuffer_new();
    if (chunk != NULL) {
        evbuffer_add(chunk, text->data, text->len);
        evhttp_send_reply_chunk(self->request, chunk);
        evbuffer_free(chunk);
    }
    if (self->keepalive != NULL) {
        loop_timer_set(self->keepalive, self->server->options->stream_keepalive_ms);
    }
}

static void send_keepalive(void *arg) {
    struct buffer text = {0};
    sse_append_comment(&text, "keepalive");
    send_chunk(arg, &text);
    buffer_free(&text);
}

static void exchange_open_stream(struct exchange *exchange, const char *session_id) {
    struct http_exchange *self = from_base(exchange);
    exchange->is_streaming = true;
    if (exchange->is_closed) {
        return;
    }
    struct evhttp_request *request = self->request;
    bool knows_chunks = request->major == 1 && request->minor >= 1;
    if (!knows_chunks) {
        close_after_answer(request);
    }
    add_header(request, "Content-Type", "text/event-stream");
    add_header(request, "Cache-Control", "no-cache, no-transform");
    add_header(request, "X-Accel-Buffering", "no");
    if (session_id != NULL) {
        add_header(request, "Mcp-Session-Id", session_id);
    }
    evhttp_send_reply_start(request, 200, NULL);
    if (self->server->options->stream_keepalive_ms > 0) {
        self->keepalive = loop_timer_new(self->server->loop, send_keepalive, self);
        loop_timer_set(self->keepalive, self->server->options->stream_keepalive_ms);
    }
}

static void exchange_send_event(struct exchange *exchange, struct trunk_slice json) {
    assert(exchange->is_streaming);
    if (exchange->is_closed) {
        return;
    }
    struct buffer text = {0};
    sse_append_event(&text, json);
    send_chunk(from_base(exchange), &text);
    buffer_free(&text);
}

static size_t exchange_get_backlog(const struct exchange *exchange) {
    const struct http_exchange *self = (const struct http_exchange *)exchange;
    if (exchange->is_closed) {
        return 0;
    }
    return evbuffer_get_length(bufferevent_get_output(get_bufferevent(self->request)));
}

static void exchange_close_stream(struct exchange *exchange) {
    assert(exchange->is_streaming);
    struct evhttp_request *request = end_exchange(from_base(exchange));
    if (request != NULL) {
        evhttp_send_reply_end(request);
    }
}

static const struct exchange_ops exchange_ops = {
    .answer = exchange_send_answer,
    .open_stream = exchange_open_stream,
    .event = exchange_send_event,
    .backlog = exchange_get_backlog,
    .close_stream = exchange_close_stream,
};

/* ---- requests ---- */

static enum request_method get_method(struct evhttp_request *request) {
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_POST:
        return REQUEST_POST;
    case EVHTTP_REQ_GET:
        return REQUEST_GET;
    case EVHTTP_REQ_DELETE:
        return REQUEST_DELETE;
    default:
        return REQUEST_OTHER;
    }
}

static struct request read_request(struct evhttp_request *request) {
    struct request out = {
        .method = get_method(request),
        .target = evhttp_request_get_uri(request),
        .body_bytes = evbuffer_get_length(evhttp_request_get_input_buffer(request)),
    };
    const struct evkeyval *header = NULL;
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next) {
        request_add_header(&out, header->key, header->value);
    }
    return out;
}

static struct exchange *begin_exchange(struct http_server *server, struct evhttp_request *request,
                                       const struct request *read) {
    struct http_exchange *self = xcalloc(1, sizeof *self);
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    self->server = server;
    self->request = request;
    self->base = (struct exchange){
        .ops = &exchange_ops,
        .method = read->method == REQUEST_POST  ? EXCHANGE_POST
                  : read->method == REQUEST_GET ? EXCHANGE_GET
                                                : EXCHANGE_DELETE,
        .session_id = read->session_id.value,
        .protocol_version = read->protocol_version.value,
        .last_event_id = read->last_event_id.value,
        .body = slice_of(evbuffer_pullup(body, -1), read->body_bytes),
    };
    server->exchange_count++;
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), handle_close, self);
    return &self->base;
}

static void handle_request(struct evhttp_request *request, void *arg) {
    struct http_server *server = arg;
    struct request read = read_request(request);
    struct request_refusal refusal = request_check(&read, server->options);
    bool is_draining = server->socket == NULL;

    watch_for_close(request);
    evhttp_request_set_on_complete_cb(request, unlimit_reading, NULL);
    if (refusal.must_close || is_draining) {
        close_after_answer(request);
    }
    if (refusal.status != 0) {
        send_refusal(server, request, refusal.status, JSONRPC_INVALID_REQUEST, refusal.text);
    } else if (is_draining) {
        send_refusal(server, request, 503, JSONRPC_SERVER_ERROR, "the server is shutting down");
    } else {
        server->handler(server->ctx, begin_exchange(server, request, &read));
    }
}

/* ---- the server ---- */

static void handle_accept_error(struct evconnlistener *listener, void *arg) {
    (void)listener;
    struct http_server *server = arg;
    log_write_limited(server->log, &server->accept_limit, TRUNK_LOG_ERROR, "http",
                      "cannot accept a connection error=\"%s\"",
                      evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

static void configure(struct http_server *server) {
    uint64_t max_body_bytes = server->options->max_body_bytes;
    bool is_limited = max_body_bytes > 0 && max_body_bytes < EV_SSIZE_MAX;
    evhttp_set_max_body_size(server->evhttp, is_limited ? (ev_ssize_t)max_body_bytes : -1);
    evhttp_set_max_headers_size(server->evhttp, MAX_HEADERS_BYTES);
    /* Reads an oversized body to its end before the 413, or the client would see a reset instead of
     * it. */
    evhttp_set_flags(server->evhttp, EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_default_content_type(server->evhttp, NULL);
    /* All, unknown ones too: the answer 405 is ours. */
    evhttp_set_allowed_methods(server->evhttp, UINT16_MAX);
    evhttp_set_gencb(server->evhttp, handle_request, server);
}

struct http_server *http_server_new(struct loop *loop, struct log *log,
                                    const struct http_options *options, http_handler_fn handler,
                                    void *ctx, struct trunk_error *error) {
    int fd = -1;
    uint16_t port = 0;
    if (listen_socket_open(options->address, options->port, &fd, &port, error) != TRUNK_OK) {
        return NULL;
    }
    struct http_server *server = xcalloc(1, sizeof *server);
    *server = (struct http_server){
        .loop = loop,
        .log = log,
        .options = options,
        .handler = handler,
        .ctx = ctx,
        .port = port,
    };
    server->evhttp = evhttp_new(loop_base(loop));
    if (server->evhttp != NULL) {
        configure(server);
        server->socket = evhttp_accept_socket_with_handle(server->evhttp, fd);
    }
    if (server->socket == NULL) {
        error_set(error, TRUNK_INTERNAL, "", "cannot set up the HTTP server");
        close(fd);
        http_server_free(server);
        return NULL;
    }
    struct evconnlistener *listener = evhttp_bound_socket_get_listener(server->socket);
    evconnlistener_set_error_cb(listener, handle_accept_error);
    return server;
}

uint16_t http_server_port(const struct http_server *server) {
    return server->port;
}

void http_server_drain(struct http_server *server) {
    if (server->socket != NULL) {
        evhttp_del_accept_socket(server->evhttp, server->socket);
        server->socket = NULL;
    }
}

size_t http_server_count_exchanges(const struct http_server *server) {
    return server->exchange_count;
}

void http_server_free(struct http_server *server) {
    if (server == NULL) {
        return;
    }
    assert(server->exchange_count == 0);
    if (server->evhttp != NULL) {
        evhttp_free(server->evhttp);
    }
    free(server);
}
