/* SPDX-License-Identifier: MIT
 * http.c - sessions, and the streams of their requests. A request that evhttp has lost its
 * connection of stays until its stream is ended: what is said on it then goes nowhere. */
#include "http.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/slice.h"
#include "http_request.h"
#include "message.h"
#include "server.h"

#define MAX_HEADERS_BYTES 65536
#define ID_BYTES 16

struct http {
    const struct demo_options *options;
    struct cue cue;
    struct event_base *base;
    struct evhttp *evhttp;
    struct session *sessions;
};

/* What is answered to one request: JSON, or events once more is said than the answer. */
struct stream {
    struct session *session;
    struct evhttp_request *request;
    bool has_events;
};

struct session {
    struct http *http;
    struct server *server;
    struct event *timer;    /* for what is due later */
    struct stream *unasked; /* of the GET; NULL: none */
    char id[2 * ID_BYTES + 1];
    UT_hash_handle hh;
};

/* --- streams --- */

static struct stream *stream_new(struct session *session, struct evhttp_request *request) {
    struct stream *stream = xcalloc(1, sizeof *stream);
    stream->session = session;
    stream->request = request;
    return stream;
}

/* Each event goes out at once, also when the one before was not acknowledged yet. */
static void send_without_delay(struct evhttp_request *request) {
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    int one = 1;
    if (connection != NULL) {
        (void)setsockopt(bufferevent_getfd(evhttp_connection_get_bufferevent(connection)),
                         IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
}

static void begin_events(struct stream *stream) {
    stream->has_events = true;
    send_without_delay(stream->request);
    http_request_set(stream->request, "Content-Type", "text/event-stream");
    http_request_set(stream->request, "Cache-Control", "no-cache");
    evhttp_send_reply_start(stream->request, 200, NULL);
}

static void send_event(struct stream *stream, struct trunk_slice text) {
    struct evbuffer *chunk = evbuffer_new();
    (void)evbuffer_add_printf(chunk, "event: message\ndata: ");
    (void)evbuffer_add(chunk, text.data, text.len);
    (void)evbuffer_add(chunk, "\n\n", 2);
    evhttp_send_reply_chunk(stream->request, chunk);
    evbuffer_free(chunk);
}

static void say(void *ctx, void *stream, struct trunk_slice text) {
    struct stream *self = stream;
    (void)ctx;
    if (!self->has_events) {
        begin_events(self);
    }
    send_event(self, text);
}

static void say_unasked(void *ctx, void *stream, struct trunk_slice text) {
    const struct session *session = ctx;
    say(ctx, session->unasked != NULL ? session->unasked : stream, text);
}

/* A request that was cancelled has a stream with nothing in it. */
static void end(void *ctx, void *stream, struct trunk_slice text) {
    struct stream *self = stream;
    if (!self->has_events && text.data != NULL) {
        http_request_answer(self->request, 200, text);
    } else {
        if (text.data != NULL) {
            say(ctx, self, text);
        } else if (!self->has_events) {
            begin_events(self);
        }
        evhttp_send_reply_end(self->request);
    }
    free(self);
}

static const struct output_ops ops = {.say = say, .say_unasked = say_unasked, .end = end};

/* --- sessions --- */

static void tend(struct session *session) {
    int wait_ms = server_send_due(session->server);
    struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000L};
    if (wait_ms < 0) {
        (void)evtimer_del(session->timer);
    } else {
        (void)evtimer_add(session->timer, &wait);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    tend(arg);
}

/* NULL: the count file cannot be written. */
static struct session *session_new(struct http *http) {
    struct session *session = xcalloc(1, sizeof *session);
    session->http = http;
    session->server = server_new(http->options, &http->cue, &ops, session);
    if (session->server == NULL) {
        free(session);
        return NULL;
    }
    session->timer = evtimer_new(http->base, on_timer, session);
    random_hex(session->id, ID_BYTES);
    HASH_ADD_STR(http->sessions, id, session);
    return session;
}

static void end_unasked(struct session *session) {
    struct stream *stream = session->unasked;
    struct evhttp_connection *connection =
        stream != NULL ? evhttp_request_get_connection(stream->request) : NULL;
    session->unasked = NULL;
    if (connection != NULL) {
        evhttp_connection_set_closecb(connection, NULL, NULL);
    }
    if (stream != NULL) {
        end(session, stream, slice_of(NULL, 0));
    }
}

static void session_free(struct session *session) {
    HASH_DEL(session->http->sessions, session);
    server_free(session->server);
    end_unasked(session);
    event_free(session->timer);
    free(session);
}

/* NULL: the request was refused. */
static struct session *find_session(const struct http *http, struct evhttp_request *request) {
    const char *id = http_request_get(request, "Mcp-Session-Id");
    struct session *session = NULL;
    if (id == NULL) {
        http_request_refuse(request, 400, "Mcp-Session-Id is missing");
        return NULL;
    }
    HASH_FIND_STR(http->sessions, id, session);
    if (session == NULL) {
        http_request_refuse(request, 404, "Session not found");
    }
    return session;
}

/* --- requests --- */

static void take_message(struct http *http, struct evhttp_request *request,
                         struct json_object *message) {
    const char *method = message_get_string(message, "method");
    bool is_request = method != NULL && message_get(message, "id") != NULL;
    bool is_first = is_request && strcmp(method, "initialize") == 0;
    struct session *session = is_first ? session_new(http) : find_session(http, request);
    if (session == NULL && is_first) {
        http_request_refuse(request, 500, "The count file cannot be written");
    }
    if (session == NULL) {
        return;
    }
    if (is_first) {
        http_request_set(request, "Mcp-Session-Id", session->id);
    }
    server_take(session->server, message, is_request ? stream_new(session, request) : NULL);
    if (!is_request) {
        http_request_answer(request, 202, slice_of(NULL, 0));
    }
    tend(session);
}

static void handle_post(struct http *http, struct evhttp_request *request) {
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    struct trunk_slice text = {evbuffer_pullup(body, -1), evbuffer_get_length(body)};
    struct json_object *message = message_parse(text);
    if (message == NULL) {
        http_request_refuse(request, 400, "The body is no JSON object");
        return;
    }
    take_message(http, request, message);
    json_object_put(message);
}

static void on_unasked_close(struct evhttp_connection *connection, void *arg) {
    struct session *session = arg;
    (void)connection;
    end_unasked(session);
}

/* A later GET takes the place of an earlier one, whose client may have gone unseen. */
static void handle_get(const struct http *http, struct evhttp_request *request) {
    struct session *session = find_session(http, request);
    if (session == NULL) {
        return;
    }
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    end_unasked(session);
    session->unasked = stream_new(session, request);
    begin_events(session->unasked);
    evhttp_connection_set_closecb(connection, on_unasked_close, session);
    /* Only what is read is seen to end. */
    bufferevent_enable(evhttp_connection_get_bufferevent(connection), EV_READ);
}

static void handle_delete(const struct http *http, struct evhttp_request *request) {
    struct session *session = find_session(http, request);
    if (session != NULL) {
        session_free(session);
        http_request_answer(request, 204, slice_of(NULL, 0));
    }
}

static void handle_request(struct evhttp_request *request, void *arg) {
    struct http *http = arg;
    if (!http_request_check(request)) {
        return;
    }
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
        handle_get(http, request);
        break;
    case EVHTTP_REQ_DELETE:
        handle_delete(http, request);
        break;
    default:
        handle_post(http, request);
    }
}

/* --- the process --- */

static void on_cue(evutil_socket_t fd, short what, void *arg) {
    struct http *http = arg;
    struct session *session = NULL;
    struct session *next = NULL;
    (void)fd;
    (void)what;
    cue_look(&http->cue);
    HASH_ITER(hh, http->sessions, session, next) {
        tend(session);
    }
    if (cue_is_awaited(&http->cue)) {
        (void)event_base_once(http->base, http->cue.fd, EV_READ, on_cue, http, NULL);
    }
}

static void on_signal(evutil_socket_t fd, short what, void *arg) {
    struct http *http = arg;
    (void)fd;
    (void)what;
    (void)event_base_loopbreak(http->base);
}

static bool start(struct http *http) {
    const struct demo_options *options = http->options;
    evhttp_set_allowed_methods(http->evhttp, UINT16_MAX);
    evhttp_set_default_content_type(http->evhttp, NULL);
    evhttp_set_max_headers_size(http->evhttp, MAX_HEADERS_BYTES);
    evhttp_set_max_body_size(http->evhttp, MAX_MESSAGE_BYTES);
    evhttp_set_gencb(http->evhttp, handle_request, http);
    struct evhttp_bound_socket *socket =
        evhttp_bind_socket_with_handle(http->evhttp, "127.0.0.1", (ev_uint16_t)options->http_port);
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    if (socket == NULL ||
        getsockname(evhttp_bound_socket_get_fd(socket), (struct sockaddr *)&address, &size) != 0) {
        perror("127.0.0.1");
        return false;
    }
    (void)printf("ready http://127.0.0.1:%u/mcp\n", (unsigned)ntohs(address.sin_port));
    (void)fflush(stdout);
    return true;
}

static void serve(struct http *http) {
    struct event *term = evsignal_new(http->base, SIGTERM, on_signal, http);
    struct event *interrupt = evsignal_new(http->base, SIGINT, on_signal, http);
    (void)evsignal_add(term, NULL);
    (void)evsignal_add(interrupt, NULL);
    if (cue_is_awaited(&http->cue)) {
        (void)event_base_once(http->base, http->cue.fd, EV_READ, on_cue, http, NULL);
    }
    (void)event_base_dispatch(http->base);
    event_free(term);
    event_free(interrupt);
}

int http_run(const struct demo_options *options) {
    struct http http = {.options = options};
    struct session *session = NULL;
    struct session *next = NULL;
    (void)signal(SIGPIPE, SIG_IGN);
    if (!cue_open(&http.cue, options->init_cue)) {
        return 1;
    }
    http.base = event_base_new();
    http.evhttp = evhttp_new(http.base);
    bool is_started = start(&http);
    if (is_started) {
        serve(&http);
    }
    HASH_ITER(hh, http.sessions, session, next) {
        session_free(session);
    }
    evhttp_free(http.evhttp);
    event_base_free(http.base);
    cue_close(&http.cue);
    return is_started ? 0 : 1;
}
