/* SPDX-License-Identifier: MIT
 * legacy_sse.c - the endpoint event, the messages after it, and the loss of the stream. */
#include "legacy_sse.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ENDPOINT_BYTES = 4096 };

struct legacy_stream {
    struct leg *leg;
    struct exchange *exchange;
    struct trunk_timer *timer;     /* until the endpoint is known */
    trunk_op make_op;              /* 0: completed */
    char text[OUTCOME_TEXT_BYTES]; /* why it was given up, "" while it was not */
};

void legacy_free(struct legacy_stream *stream) {
    if (stream == NULL) {
        return;
    }
    exchange_free(stream->exchange);
    if (stream->timer != NULL) {
        stream->leg->host->timer_free(stream->timer);
    }
    free(stream);
}

trunk_op legacy_take_op(struct legacy_stream *stream) {
    trunk_op op = stream->make_op;
    stream->make_op = 0;
    return op;
}

/* leg, and stream with it, is gone afterwards. */
static void fail_make(struct legacy_stream *stream, int32_t status, const char *text) {
    struct leg *leg = stream->leg;
    const struct trunk_host *host = leg->host;
    trunk_op op = legacy_take_op(stream);
    char copy[OUTCOME_TEXT_BYTES];
    (void)snprintf(copy, sizeof copy, "%s", text);
    leg_free(leg);
    trunk_complete(host, op, status, copy);
}

static void on_timer(void *arg) {
    struct legacy_stream *stream = arg;
    struct curl_loop *loop = stream->leg->factory->loop;
    char text[OUTCOME_TEXT_BYTES];
    (void)snprintf(text, sizeof text, "backend %s told no endpoint in time", stream->leg->backend);
    fail_make(stream, TRUNK_UNAVAILABLE, text);
    curl_loop_run(loop);
}

/* Gives true when the stream is of no use. */
static bool take_endpoint(struct legacy_stream *stream, const struct sse_event *event) {
    struct leg *leg = stream->leg;
    char reference[MAX_ENDPOINT_BYTES];
    if (event->data.len >= sizeof reference ||
        memchr(event->data.data, '\0', event->data.len) != NULL) {
        (void)snprintf(stream->text, sizeof stream->text, "backend %s told an endless endpoint",
                       leg->backend);
        return true;
    }
    memcpy(reference, event->data.data, event->data.len);
    reference[event->data.len] = '\0';
    CURLU *url = url_resolve_within(exchange_url(stream->exchange), reference);
    if (url == NULL) {
        (void)snprintf(stream->text, sizeof stream->text,
                       "backend %s told an endpoint that is no URL of its own origin",
                       leg->backend);
        return true;
    }
    curl_url_cleanup(leg->url);
    leg->url = url;
    leg->has_begun = true;
    leg->host->timer_stop(stream->timer);
    struct trunk_reply reply = {.struct_size = sizeof reply, .leg = leg};
    leg->host->complete(leg->host->ctx, legacy_take_op(stream), &reply);
    return false;
}

static void ignore_headers(void *ctx, long http_status, const struct answer_headers *headers) {
    (void)ctx;
    (void)http_status;
    (void)headers;
}

static bool on_event(void *ctx, const struct sse_event *event) {
    struct legacy_stream *stream = ctx;
    const struct trunk_sink *sink = stream->leg->sink;
    if (stream->make_op != 0) {
        return strcmp(event->name, "endpoint") == 0 && take_endpoint(stream, event);
    }
    if (event->name[0] == '\0' || strcmp(event->name, "message") == 0) {
        struct trunk_message message = {.struct_size = sizeof message, .json = event->data};
        (void)sink->on_message(sink->ctx, &message);
    }
    return false;
}

static void on_end(void *ctx, const struct exchange_result *result) {
    struct legacy_stream *stream = ctx;
    struct leg *leg = stream->leg;
    struct outcome_context context = {.backend = leg->backend};
    char text[OUTCOME_TEXT_BYTES];
    int32_t status = outcome_of(result, &context, text, sizeof text);
    if (stream->text[0] != '\0') {
        status = TRUNK_INVALID;
        (void)snprintf(text, sizeof text, "%s", stream->text);
    } else if (status == TRUNK_OK && result->headers->content != CONTENT_EVENTS) {
        status = TRUNK_INVALID;
        (void)snprintf(text, sizeof text, "backend %s answered GET without an event stream",
                       leg->backend);
    } else if (status == TRUNK_UNCERTAIN && result->http_status >= 300) {
        status = TRUNK_UNAVAILABLE; /* a GET runs nothing */
    } else if (status == TRUNK_OK || status == TRUNK_UNCERTAIN) {
        status = TRUNK_UNAVAILABLE;
        (void)snprintf(text, sizeof text, "backend %s closed its stream%s%s", leg->backend,
                       result->text[0] != '\0' ? ": " : "", result->text);
    }
    if (stream->make_op != 0) {
        fail_make(stream, status, text);
        return;
    }
    exchange_free(stream->exchange);
    stream->exchange = NULL;
    leg_close(leg, status, text);
}

void legacy_start(struct leg *leg, uint64_t deadline_ms, trunk_op op) {
    static const struct exchange_events events = {ignore_headers, on_event, on_end};
    const struct trunk_host *host = leg->host;
    uint64_t left_ms = leg_time_left(leg, deadline_ms);
    left_ms = left_ms != 0 ? left_ms : CONNECT_TIMEOUT_MS;
    struct exchange_setup setup = {.method = EXCHANGE_GET,
                                   .url = leg->url,
                                   .max_message_bytes = leg->max_message_bytes,
                                   .connect_timeout_ms = left_ms};
    struct legacy_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        leg_free(leg);
        trunk_complete(host, op, TRUNK_INTERNAL, "out of memory");
        return;
    }
    leg->legacy = stream;
    stream->leg = leg;
    stream->make_op = op;
    stream->timer = host->timer_new(host->ctx, on_timer, stream);
    if (stream->timer != NULL && leg_build_headers(leg, EXCHANGE_GET, NULL, NULL, &setup.headers)) {
        stream->exchange =
            exchange_start(leg->factory->loop, &leg->factory->options, &setup, &events, stream);
    }
    if (stream->exchange == NULL) {
        fail_make(stream, TRUNK_INTERNAL, "out of memory");
        return;
    }
    host->timer_set(stream->timer, left_ms);
}

void legacy_pause(struct legacy_stream *stream, bool is_paused) {
    if (stream->exchange != NULL) {
        exchange_pause(stream->exchange, is_paused);
    }
}
