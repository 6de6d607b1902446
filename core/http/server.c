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
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/acceptor.h"
#include "http/connection.h"
#include "http/cors.h"
#include "http/listen_socket.h"
#include "http/request.h"
#include "http/sse.h"
#include "session/principal.h"
#include "wire/jsonrpc.h"

#define MAX_HEADERS_BYTES 65536
#define DRAIN_RETRY_AFTER_S 1

struct http_server {
    struct loop *loop;
    struct log *log;
    const struct http_options *options;
    const struct authenticator *authenticator;
    http_handler_fn handler;
    void *ctx;
    struct evhttp *evhttp;
    struct evhttp_bound_socket *socket; /* NULL: draining */
    struct acceptor *acceptor;          /* NULL: draining */
    struct connections *connections;
    uint16_t port;
    size_t exchange_count;
};

/* The request is evhttp's while its connection is there; once the client has left (is_closed) it is
 * ours to free. */
struct http_exchange {
    struct exchange base;
    struct http_server *server;
    struct evhttp_request *request;
    struct connection *connection; /* not to be used once is_closed */
    char *principal;
    struct loop_timer *keepalive; /* NULL: not streaming, or no keep-alive wanted */
    struct loop_timer *drained;   /* NULL: never was */
};

static struct connection *find_connection(const struct http_server *server,
                                          struct evhttp_request *request) {
    return connections_find(server->connections, evhttp_connection_get_bufferevent(
                                                     evhttp_request_get_connection(request)));
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

/* evhttp waits for the loop to say that the socket can be written, which it almost always can: that
 * would be two epoll_ctl and a turn of the loop for each answer. What the kernel does not take now
 * stays for evhttp. */
static void write_now(struct bufferevent *bufferevent) {
    struct evbuffer *output = bufferevent_get_output(bufferevent);
    evbuffer_unfreeze(output, 1);
    (void)evbuffer_write(output, bufferevent_getfd(bufferevent));
    evbuffer_freeze(output, 1);
    if (evbuffer_get_length(output) == 0) {
        bufferevent_disable(bufferevent, EV_WRITE);
        bufferevent_trigger(bufferevent, EV_WRITE,
                            BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
    }
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
    struct bufferevent *bufferevent =
        evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
    evhttp_send_reply(request, answer->status, NULL, NULL);
    write_now(bufferevent);
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

/* Headers added before the handler is called stay with whatever it answers. */
static void add_sharing(struct evhttp_request *request, const struct request *read) {
    add_header(request, "Access-Control-Allow-Origin", read->origin.value);
    add_header(request, "Access-Control-Expose-Headers", CORS_EXPOSED_HEADERS);
    add_header(request, "Vary", "Origin");
}

static void send_permission(struct evhttp_request *request, const struct request *read) {
    struct buffer names = {0};
    cors_append_allowed_headers(&names, read->asked_headers.value);
    add_header(request, "Access-Control-Allow-Methods", CORS_METHODS);
    if (names.len > 0) {
        add_header(request, "Access-Control-Allow-Headers", buffer_cstr(&names));
    }
    add_header(request, "Access-Control-Max-Age", CORS_MAX_AGE_S);
    send_answer(request, &(struct exchange_answer){.status = 204});
    buffer_free(&names);
}

/* ---- the exchange ---- */

static struct http_exchange *from_base(struct exchange *exchange) {
    return (struct http_exchange *)exchange;
}

static void begin_next(struct evhttp_request *request, void *connection) {
    (void)request;
    connection_begin_next(connection);
}

static void close_exchange(struct http_exchange *self) {
    self->base.is_closed = true;
    loop_timer_free(self->keepalive);
    loop_timer_free(self->drained);
    self->keepalive = NULL;
    self->drained = NULL;
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
        connection_set_exchange(self->connection, NULL);
        connection_begin_writing(self->connection);
    }
    loop_timer_free(self->keepalive);
    loop_timer_free(self->drained);
    self->server->exchange_count--;
    free(self->principal);
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

static void tell_drained(void *arg) {
    struct exchange *exchange = arg;
    if (exchange->on_drained != NULL) {
        exchange->on_drained(exchange, exchange->ctx);
    }
}

static void handle_drained(struct exchange *exchange) {
    struct http_exchange *self = from_base(exchange);
    if (self->drained == NULL) {
        self->drained = loop_timer_new(self->server->loop, tell_drained, self);
    }
    loop_timer_set(self->drained, 0);
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

static void exchange_send_event(struct exchange *exchange, const struct exchange_event *event) {
    assert(exchange->is_streaming);
    if (exchange->is_closed) {
        return;
    }
    struct buffer text = {0};
    sse_append_event(&text, event);
    send_chunk(from_base(exchange), &text);
    buffer_free(&text);
}

static size_t exchange_get_backlog(const struct exchange *exchange) {
    const struct http_exchange *self = (const struct http_exchange *)exchange;
    if (exchange->is_closed) {
        return 0;
    }
    return evbuffer_get_length(
        bufferevent_get_output(connection_get_bufferevent(self->connection)));
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
    case EVHTTP_REQ_OPTIONS:
        return REQUEST_OPTIONS;
    default:
        return REQUEST_OTHER;
    }
}

static struct request read_request(struct evhttp_request *request,
                                   const struct connection *connection) {
    struct request out = {
        .method = get_method(request),
        .target = evhttp_request_get_uri(request),
        .body_bytes = evbuffer_get_length(evhttp_request_get_input_buffer(request)),
        .defect = connection_get_defect(connection),
    };
    const struct evkeyval *header = NULL;
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next) {
        request_add_header(&out, header->key, header->value);
    }
    return out;
}

static struct exchange *begin_exchange(struct http_server *server, struct evhttp_request *request,
                                       struct connection *connection, const struct request *read,
                                       const char *principal) {
    struct http_exchange *self = xcalloc(1, sizeof *self);
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    self->server = server;
    self->request = request;
    self->connection = connection;
    self->principal = xstrdup(principal);
    self->base = (struct exchange){
        .ops = &exchange_ops,
        .method = read->method == REQUEST_POST  ? EXCHANGE_POST
                  : read->method == REQUEST_GET ? EXCHANGE_GET
                                                : EXCHANGE_DELETE,
        .principal = self->principal,
        .session_id = read->session_id.value,
        .protocol_version = read->protocol_version.value,
        .last_event_id = read->last_event_id.value,
        .body = slice_of(evbuffer_pullup(body, -1), read->body_bytes),
    };
    server->exchange_count++;
    connection_set_exchange(connection, &self->base);
    return &self->base;
}

static struct auth_verdict authenticate(const struct http_server *server,
                                        const struct request *read) {
    if (server->authenticator == NULL) {
        return (struct auth_verdict){.principal = PRINCIPAL_ANONYMOUS};
    }
    return server->authenticator->check(server->authenticator->ctx, read->authorization.value);
}

/* What has passed the edge: to the handler, if it is somebody's. */
static void admit_request(struct http_server *server, struct evhttp_request *request,
                          struct connection *connection, const struct request *read) {
    struct auth_verdict verdict = authenticate(server, read);
    if (verdict.principal != NULL) {
        server->handler(server->ctx,
                        begin_exchange(server, request, connection, read, verdict.principal));
        return;
    }
    connection_begin_writing(connection);
    add_header(request, "WWW-Authenticate", verdict.challenge);
    send_refusal(server, request, 401, JSONRPC_INVALID_REQUEST, verdict.text);
}

static void handle_request(struct evhttp_request *request, void *arg) {
    struct http_server *server = arg;
    struct connection *connection = find_connection(server, request);
    struct request read = read_request(request, connection);
    struct request_verdict verdict = request_check(&read, server->options);
    bool is_draining = server->socket == NULL;

    if (request->type == EVHTTP_REQ_CONNECT) {
        /* Whose answer evhttp gives no length, and does not close after: any other method will do.
         */
        request->type = EVHTTP_REQ_TRACE;
    }
    connection_begin_waiting(connection);
    evhttp_request_set_on_complete_cb(request, begin_next, connection);
    if (verdict.must_close || is_draining) {
        close_after_answer(request);
    }
    if (verdict.may_share) {
        add_sharing(request, &read);
    }
    if (verdict.status == 0 && !is_draining && read.method != REQUEST_OPTIONS) {
        admit_request(server, request, connection, &read);
        return;
    }
    connection_begin_writing(connection);
    if (verdict.status != 0) {
        send_refusal(server, request, verdict.status, JSONRPC_INVALID_REQUEST, verdict.text);
    } else if (is_draining) {
        send_refusal(server, request, 503, JSONRPC_SERVER_ERROR, "the server is shutting down");
    } else {
        send_permission(request, &read);
    }
}

/* ---- connections ---- */

static void handle_close(struct evhttp_connection *evhttp_connection, void *arg) {
    (void)evhttp_connection;
    struct connection *connection = arg;
    struct exchange *exchange = connection_get_exchange(connection);
    connection_remove(connection);
    if (exchange != NULL) {
        close_exchange(from_base(exchange));
    }
}

/* evhttp keeps its connection as the argument of the bufferevent's callbacks. */
static void watch_evhttp(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    void *evhttp_connection = NULL;
    bufferevent_getcb(connection_get_bufferevent(arg), NULL, NULL, NULL, &evhttp_connection);
    evhttp_connection_set_closecb(evhttp_connection, handle_close, arg);
}

/* The one place where evhttp tells of a new connection, if only to ask for a bufferevent: its own
 * object comes next, and is there when the loop goes on, before any byte is read. */
static struct bufferevent *begin_connection(struct event_base *base, void *arg) {
    struct http_server *server = arg;
    struct bufferevent *bufferevent = bufferevent_socket_new(base, -1, 0);
    if (bufferevent != NULL) {
        struct connection *connection = connections_add(server->connections, bufferevent);
        event_base_once(base, -1, EV_TIMEOUT, watch_evhttp, connection, NULL);
    }
    return bufferevent;
}

static void handle_count(void *ctx, size_t count) {
    struct http_server *server = ctx;
    if (server->acceptor != NULL) {
        acceptor_set_count(server->acceptor, count);
    }
}

/* ---- the server ---- */

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
    evhttp_set_bevcb(server->evhttp, begin_connection, server);
    evhttp_set_gencb(server->evhttp, handle_request, server);
}

struct http_server *http_server_new(struct loop *loop, struct log *log,
                                    const struct http_options *options,
                                    const struct authenticator *authenticator,
                                    http_handler_fn handler, void *ctx, struct trunk_error *error) {
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
        .authenticator = authenticator,
        .handler = handler,
        .ctx = ctx,
        .port = port,
    };
    server->connections = connections_new(loop, log, options, handle_count, server, handle_drained);
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
    server->acceptor = acceptor_new(loop, log, evhttp_bound_socket_get_listener(server->socket),
                                    options->max_connections);
    return server;
}

uint16_t http_server_port(const struct http_server *server) {
    return server->port;
}

void http_server_drain(struct http_server *server) {
    acceptor_free(server->acceptor);
    server->acceptor = NULL;
    if (server->socket != NULL) {
        evhttp_del_accept_socket(server->evhttp, server->socket);
        server->socket = NULL;
    }
}

size_t http_server_count_exchanges(const struct http_server *server) {
    return server->exchange_count;
}

size_t http_server_count_connections(const struct http_server *server) {
    return connections_count(server->connections);
}

void http_server_free(struct http_server *server) {
    if (server == NULL) {
        return;
    }
    assert(server->exchange_count == 0);
    acceptor_free(server->acceptor);
    server->acceptor = NULL;
    if (server->evhttp != NULL) {
        evhttp_free(server->evhttp);
    }
    connections_free(server->connections);
    free(server);
}
