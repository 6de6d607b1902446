/* SPDX-License-Identifier: MIT
 * call.c - the way of a call: POST, its answer as JSON or events, and where the events broke off a
 * pause and a GET that resumes them. */
#include "call.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_RETRY_MS = 1000,
    MAX_BACKOFF_MS = 30000,
    MAX_RETRY_MS = 3600000,
    LONG_MS = 30000,  /* a stream that lasted so long was worth its connection */
    MAX_FAILURES = 5, /* in a row, of resuming an answer */
    LINGER_MS = 1000 /* for a stream to end by itself after its answer: that saves the connection */
};

struct call {
    LIST_ENTRY(call) link;
    struct leg *leg;
    enum call_kind kind;
    trunk_op op; /* 0: completed */
    uint64_t number;
    struct trunk_slice json;
    struct curl_slist *headers; /* the core's */
    struct exchange *exchange;  /* NULL: between two */
    struct trunk_timer *timer;  /* NULL until needed: the pause before a GET, or the lingering */
    uint64_t deadline_ms;
    bool is_initialize;
    bool is_get;       /* the exchange is a GET */
    bool is_answered;  /* nothing more is expected: what still comes is dropped */
    bool has_session;  /* the exchange names one */
    bool was_good;     /* which had been accepted before */
    bool is_streaming; /* its GET was answered with a stream once */
    bool is_paused;
    uint64_t streaming_since_ms; /* of the exchange; 0: no stream yet */
    bool has_retry;
    uint64_t retry_ms;
    unsigned nquiet;    /* connections in a row that brought nothing */
    unsigned nfailures; /* GETs in a row that were not answered with a stream */
    char *last_id;      /* of its stream; NULL: none */
};

static void start_exchange(struct call *call);

static void complete(struct call *call, int32_t status, const char *text) {
    trunk_op op = call->op;
    call->op = 0;
    if (op != 0) {
        if (call->exchange != NULL) {
            (void)exchange_forget_body(call->exchange);
        }
        trunk_complete(call->leg->host, op, status, status == TRUNK_OK ? NULL : text);
    }
}

void call_end(struct call *call, int32_t status, const char *text) {
    struct leg *leg = call->leg;
    bool was_awaited = leg->awaited == call;
    complete(call, status, text);
    if (was_awaited) {
        leg->awaited = NULL;
    } else {
        LIST_REMOVE(call, link);
    }
    exchange_free(call->exchange);
    if (call->timer != NULL) {
        call->leg->host->timer_free(call->timer);
    }
    curl_slist_free_all(call->headers);
    free(call->last_id);
    free(call);
    if (was_awaited) {
        leg_go_on_finishing(leg);
    }
}

/* --- waiting --- */

static void on_timer(void *arg) {
    struct call *call = arg;
    struct curl_loop *loop = call->leg->factory->loop;
    if (call->is_answered) {
        call_end(call, TRUNK_OK, NULL);
    } else {
        start_exchange(call);
    }
    curl_loop_run(loop);
}

static bool set_timer(struct call *call, uint64_t after_ms) {
    const struct trunk_host *host = call->leg->host;
    if (call->timer == NULL) {
        call->timer = host->timer_new(host->ctx, on_timer, call);
    }
    if (call->timer == NULL) {
        return false;
    }
    host->timer_set(call->timer, after_ms);
    return true;
}

/* What the stream asked for, or a second; longer with each connection that brought nothing. */
static uint64_t retry_delay(const struct call *call) {
    uint64_t delay_ms = call->has_retry ? call->retry_ms : FIRST_RETRY_MS;
    delay_ms = delay_ms < MAX_RETRY_MS ? delay_ms : MAX_RETRY_MS;
    uint64_t most_ms = delay_ms < MAX_BACKOFF_MS ? MAX_BACKOFF_MS : delay_ms;
    delay_ms += call->nquiet > 0 && delay_ms == 0 ? 1 : 0;
    for (unsigned i = 0; i < call->nquiet && delay_ms < most_ms; i++) {
        delay_ms += (delay_ms + 1) / 2;
    }
    return delay_ms < most_ms ? delay_ms : most_ms;
}

/* Goes on with a GET after a while. */
static void wait_and_get(struct call *call) {
    uint64_t delay_ms = retry_delay(call);
    call->nquiet++;
    call->is_get = true;
    if (!set_timer(call, delay_ms)) {
        call_end(call, TRUNK_UNCERTAIN, "out of memory");
    }
}

/* --- what comes --- */

/* Nothing more is expected. Gives true when the exchange is to be stopped. */
static bool set_answered(struct call *call, int32_t status, const char *text) {
    call->is_answered = true;
    complete(call, status, text);
    return !exchange_forget_body(call->exchange) || !set_timer(call, LINGER_MS);
}

static void on_headers(void *ctx, long http_status, const struct answer_headers *headers) {
    struct call *call = ctx;
    if (http_status >= 300) {
        return;
    }
    if (call->is_initialize) {
        call->is_initialize = false;
        if (call->leg->awaited == call) {
            (void)leg_begin_session(call->leg, headers);
            (void)set_timer(call, 0);
        } else if (!leg_begin_session(call->leg, headers)) {
            (void)set_answered(
                call, TRUNK_INVALID,
                "the backend gave a session id that is not visible ASCII of at most 1 KiB");
        }
    } else if (call->has_session && call->leg->legacy == NULL) {
        call->leg->is_good = true;
    }
    if (call->is_get && headers->content == CONTENT_EVENTS) {
        call->is_streaming = true;
        call->streaming_since_ms = call->leg->host->mono_ms(call->leg->host->ctx);
        call->nfailures = 0;
        if (call->kind == CALL_LISTEN) {
            complete(call, TRUNK_OK, NULL);
        }
    }
}

static bool is_message_event(const struct sse_event *event) {
    return event->name[0] == '\0' || strcmp(event->name, "message") == 0;
}

static bool on_event(void *ctx, const struct sse_event *event) {
    struct call *call = ctx;
    const struct trunk_sink *sink = call->leg->sink;
    call->nquiet = 0;
    if (call->is_answered) {
        return !exchange_forget_body(call->exchange);
    }
    if (!is_message_event(event)) {
        return false;
    }
    struct trunk_message message = {
        .struct_size = sizeof message, .json = event->data, .number = call->number};
    if (header_value_is_valid(event->id.data, event->id.len)) {
        message.position = event->id;
    }
    return sink->on_message(sink->ctx, &message) == 1 && call->kind == CALL_REQUEST &&
           set_answered(call, TRUNK_OK, NULL);
}

/* A JSON body goes to the host. Gives true if that was the answer. */
static bool deliver_body(const struct call *call, const struct exchange_result *result) {
    const struct trunk_sink *sink = call->leg->sink;
    if (!result->is_whole || result->headers->content != CONTENT_JSON || result->body.len == 0) {
        return false;
    }
    struct trunk_message message = {
        .struct_size = sizeof message, .json = result->body, .number = call->number};
    return sink->on_message(sink->ctx, &message) == 1;
}

/* --- the end of an exchange --- */

static void keep_stream_state(struct call *call) {
    const struct sse_reader *reader = exchange_reader(call->exchange);
    uint64_t since_ms = call->streaming_since_ms;
    if (reader->has_retry) {
        call->has_retry = true;
        call->retry_ms = reader->retry_ms;
    }
    if (since_ms != 0 && call->leg->host->mono_ms(call->leg->host->ctx) - since_ms > LONG_MS) {
        call->nquiet = 0; /* closed because it was quiet for long, as proxies do */
    }
    if (reader->id_len > 0 && header_value_is_valid(reader->id, reader->id_len) &&
        (call->last_id == NULL || strcmp(reader->id, call->last_id) != 0)) {
        char *copy = strdup(reader->id);
        if (copy != NULL) {
            free(call->last_id);
            call->last_id = copy;
        }
        call->nquiet = 0;
    }
}

static bool is_stream(const struct exchange_result *result) {
    return result->http_status >= 200 && result->http_status < 300 &&
           result->headers->content == CONTENT_EVENTS;
}

static void describe_odd_answer(const struct call *call, const struct exchange_result *result,
                                char *text, size_t size) {
    const char *backend = call->leg->backend;
    if (is_stream(result)) {
        (void)snprintf(text, size, "backend %s ended the stream before the answer", backend);
    } else if (result->headers->content == CONTENT_JSON) {
        (void)snprintf(text, size, "backend %s answered HTTP %ld without the answer in it", backend,
                       result->http_status);
    } else if (result->headers->content == CONTENT_OTHER) {
        (void)snprintf(text, size, "backend %s answered with content type %s, which is not MCP",
                       backend, result->headers->content_type);
    } else {
        (void)snprintf(text, size, "backend %s answered HTTP %ld without content", backend,
                       result->http_status);
    }
}

static int32_t judge(const struct call *call, const struct exchange_result *result, char *text,
                     size_t size) {
    struct outcome_context context = {
        .backend = call->leg->backend, .has_session = call->has_session, .is_good = call->was_good};
    return outcome_of(result, &context, text, size);
}

static void end_request(struct call *call, const struct exchange_result *result) {
    char text[OUTCOME_TEXT_BYTES];
    int32_t status = judge(call, result, text, sizeof text);
    if (is_stream(result) && call->last_id != NULL && result->problem == TRUNK_OK) {
        wait_and_get(call);
        return;
    }
    /* Also of a 400 or 404 that is the request's own answer: it was not the session that was
     * refused. */
    if (deliver_body(call, result)) {
        call_end(call, TRUNK_OK, NULL);
        return;
    }
    if (status == TRUNK_OK) {
        describe_odd_answer(call, result, text, sizeof text);
        status = result->headers->content == CONTENT_OTHER ? TRUNK_INVALID : TRUNK_UNCERTAIN;
    }
    call_end(call, status, text);
}

/* The GET of a request: the message itself was sent long ago, so that nothing proves any more that
 * it was not run. */
static void end_resumption(struct call *call, const struct exchange_result *result) {
    char text[OUTCOME_TEXT_BYTES];
    if (is_stream(result) && result->problem == TRUNK_OK) {
        wait_and_get(call);
        return;
    }
    if (outcome_is_transient(result) && ++call->nfailures < MAX_FAILURES) {
        wait_and_get(call);
        return;
    }
    if (deliver_body(call, result)) {
        call_end(call, TRUNK_OK, NULL);
        return;
    }
    int32_t status = judge(call, result, text, sizeof text);
    if (status == TRUNK_OK) {
        describe_odd_answer(call, result, text, sizeof text);
    }
    call_end(call, status == TRUNK_TOO_LARGE ? status : TRUNK_UNCERTAIN, text);
}

static void end_send(struct call *call, const struct exchange_result *result) {
    char text[OUTCOME_TEXT_BYTES];
    int32_t status = judge(call, result, text, sizeof text);
    if (status == TRUNK_OK && call->leg->legacy == NULL) {
        (void)deliver_body(call, result);
    }
    call_end(call, status, text);
}

static bool is_stream_not_offered(const struct exchange_result *result) {
    long http_status = result->http_status;
    return http_status == 400 || http_status == 404 || http_status == 405 || http_status == 501 ||
           (http_status >= 200 && http_status < 300 && !is_stream(result));
}

static void end_listening(struct call *call, const struct exchange_result *result) {
    char text[OUTCOME_TEXT_BYTES];
    int32_t status = judge(call, result, text, sizeof text);
    if (call->is_streaming &&
        ((is_stream(result) && result->problem == TRUNK_OK) || outcome_is_transient(result))) {
        wait_and_get(call);
        return;
    }
    if (!call->is_streaming && is_stream_not_offered(result)) {
        status = TRUNK_UNSUPPORTED;
        (void)snprintf(text, sizeof text, "backend %s has no stream of unasked messages (HTTP %ld)",
                       call->leg->backend, result->http_status);
    }
    if (call->is_streaming && status == TRUNK_OK) {
        describe_odd_answer(call, result, text, sizeof text);
    }
    if (call->op == 0) {
        trunk_logf(call->leg->host, TRUNK_LOG_INFO, "the stream of unasked messages is over: %s",
                   text);
    }
    call_end(call, status, text);
}

static void on_end(void *ctx, const struct exchange_result *result) {
    struct call *call = ctx;
    struct exchange *exchange = call->exchange;
    keep_stream_state(call);
    call->exchange = NULL;
    if (call->is_answered) {
        call_end(call, TRUNK_OK, NULL);
    } else if (call->kind == CALL_LISTEN) {
        end_listening(call, result);
    } else if (call->kind == CALL_SEND) {
        end_send(call, result);
    } else if (call->is_get) {
        end_resumption(call, result);
    } else {
        end_request(call, result);
    }
    exchange_free(exchange);
}

/* --- the beginning of one --- */

static void start_exchange(struct call *call) {
    static const struct exchange_events events = {on_headers, on_event, on_end};
    const struct leg *leg = call->leg;
    /* What is listened for is not over at the deadline: the core may have put it off. */
    uint64_t left_ms = call->is_get ? 0 : leg_time_left(leg, call->deadline_ms);
    call->streaming_since_ms = 0;
    struct exchange_setup setup = {
        .method = call->is_get ? EXCHANGE_GET : EXCHANGE_POST,
        .url = leg->url,
        .max_message_bytes = leg->max_message_bytes,
        .timeout_ms = call->kind == CALL_SEND ? left_ms : 0,
        .connect_timeout_ms =
            left_ms != 0 && left_ms < CONNECT_TIMEOUT_MS ? left_ms : CONNECT_TIMEOUT_MS,
    };
    if (!call->is_get) {
        setup.body = call->json;
    }
    call->has_session = leg->session_id != NULL || leg->legacy != NULL;
    call->was_good = leg->is_good;
    if (leg_build_headers(leg, setup.method, call->headers, call->last_id, &setup.headers)) {
        call->exchange =
            exchange_start(leg->factory->loop, &leg->factory->options, &setup, &events, call);
    }
    if (call->exchange == NULL) {
        bool was_sent = call->kind == CALL_REQUEST && call->is_get;
        call_end(call, was_sent ? TRUNK_UNCERTAIN : TRUNK_UNAVAILABLE, "out of memory");
        return;
    }
    exchange_pause(call->exchange, call->is_paused);
}

static bool copy_headers(struct call *call, const struct trunk_request *request) {
    for (size_t i = 0; i < request->nheaders; i++) {
        if (!headers_add(&call->headers, request->headers[i].key, request->headers[i].value)) {
            return false;
        }
    }
    return true;
}

static bool is_position(struct trunk_slice resume) {
    return resume.len <= SSE_MAX_ID_BYTES && header_value_is_valid(resume.data, resume.len);
}

void call_start(struct leg *leg, enum call_kind kind, const struct trunk_request *request,
                trunk_op op) {
    if (!is_position(request->resume)) {
        trunk_complete(leg->host, op, TRUNK_INVALID, "not a position that this driver gave");
        return;
    }
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        trunk_complete(leg->host, op, TRUNK_UNAVAILABLE, "out of memory");
        return;
    }
    call->leg = leg;
    call->kind = kind;
    call->op = op;
    call->number = request->number;
    call->json = request->json;
    call->deadline_ms = request->deadline_ms;
    call->is_get = kind == CALL_LISTEN || request->resume.len > 0;
    call->is_initialize = kind == CALL_REQUEST && !leg->has_begun;
    if (request->resume.len > 0) {
        call->last_id = strndup(request->resume.data, request->resume.len);
    }
    LIST_INSERT_HEAD(&leg->calls, call, link);
    bool has_position = request->resume.len == 0 || call->last_id != NULL;
    if (has_position && copy_headers(call, request)) {
        start_exchange(call);
    } else {
        call_end(call, TRUNK_UNAVAILABLE, "out of memory");
    }
}

static bool is_wanted(const struct call *call, uint64_t number) {
    if (number == 0) {
        return call->kind == CALL_LISTEN;
    }
    return call->kind == CALL_REQUEST && call->number == number && !call->is_answered;
}

struct call *call_find(const struct leg *leg, uint64_t number) {
    struct call *call = LIST_FIRST(&leg->calls);
    while (call != NULL && !is_wanted(call, number)) {
        call = LIST_NEXT(call, link);
    }
    return call;
}

bool call_await_session(struct leg *leg, uint64_t within_ms, const char *text) {
    struct call *call = LIST_FIRST(&leg->calls);
    while (call != NULL && !call->is_initialize) {
        call = LIST_NEXT(call, link);
    }
    if (call == NULL || call->exchange == NULL || leg->legacy != NULL ||
        !exchange_forget_body(call->exchange) || !set_timer(call, within_ms)) {
        return false;
    }
    call->is_answered = true;
    complete(call, TRUNK_CANCELLED, text);
    LIST_REMOVE(call, link);
    leg->awaited = call;
    return true;
}

void call_give_up_session(struct leg *leg) {
    if (leg->awaited != NULL) {
        LIST_INSERT_HEAD(&leg->calls, leg->awaited, link);
        leg->awaited = NULL;
    }
}

void call_pause(struct call *call, bool is_paused) {
    call->is_paused = is_paused;
    if (call->exchange != NULL) {
        exchange_pause(call->exchange, is_paused);
    }
}

bool call_is_sent(const struct call *call) {
    return call->exchange == NULL || call->is_get || exchange_is_sent(call->exchange);
}
