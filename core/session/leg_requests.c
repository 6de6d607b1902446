/* SPDX-License-Identifier: MIT
 * leg_requests.c - the requests of a leg in flight, and what comes from the backend. */
#include "session/leg_private.h"

#include <stdlib.h>

#include "base/alloc.h"

#define MAX_HELD_ANSWER_BYTES 4096

static void drop_request(struct leg_request *request) {
    struct leg *leg = request->leg;
    leg_forget_holds_of(leg, request->number);
    HASH_DEL(leg->requests, request);
    leg->nexternal -= request->is_internal ? 0 : 1;
    if (request->call != NULL) {
        factory_call_forget(request->call);
    }
    loop_timer_free(request->timer);
    leg_connection_unref(request->connection);
    free(request);
}

static void fail_request(struct leg_request *request, int32_t status, const char *text) {
    struct leg_request_events events = request->events;
    void *ctx = request->ctx;
    drop_request(request);
    events.on_failed(ctx, status, text);
}

static void end_request(struct leg_request *request, int32_t status, const char *text) {
    if (request->is_internal) {
        drop_request(request);
    } else {
        fail_request(request, status, text);
    }
}

/* Here and below: found one by one, since what they call may start or cancel others. */
static struct leg_request *find_ending(const struct leg *leg, bool of_lost_ones) {
    struct leg_request *request = leg->requests;
    while (request != NULL && request->connection->is_lost && !of_lost_ones) {
        request = request->hh.next;
    }
    return request;
}

void leg_fail_requests(struct leg *leg, bool of_lost_ones, int32_t status, const char *text) {
    struct leg_request *request;
    while ((request = find_ending(leg, of_lost_ones)) != NULL) {
        /* Freed ones have left the table. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        end_request(request, status, text);
    }
}

static struct leg_request *find_request_on(const struct leg_connection *connection) {
    struct leg_request *request = connection->leg->requests;
    while (request != NULL && request->connection != connection) {
        request = request->hh.next;
    }
    return request;
}

void leg_fail_requests_on(struct leg_connection *connection, int32_t status, const char *text) {
    struct leg_request *request;
    while ((request = find_request_on(connection)) != NULL) {
        end_request(request, status, text);
    }
}

void leg_drop_internal_requests(struct leg *leg) {
    struct leg_request *request = leg->requests;
    while (request != NULL) {
        struct leg_request *next = request->hh.next;
        if (request->is_internal) {
            drop_request(request);
        }
        request = next;
    }
}

static void send(struct leg *leg, struct buffer *json) {
    (void)factory_send(leg->connection->transport, json, leg->env->options->leg_timeout_ms, NULL,
                       NULL);
}

void leg_send(struct leg *leg, unsigned opening, struct buffer *json) {
    bool is_open = leg->connection != NULL && leg->state >= LEG_OPENING && leg->opening == opening;
    if (is_open && leg->is_initialized) {
        send(leg, json);
        return;
    }
    if (is_open && leg->held_answers.len + json->len < MAX_HELD_ANSWER_BYTES) {
        buffer_append_slice(&leg->held_answers, buffer_slice(json));
        buffer_append_cstr(&leg->held_answers, "\n");
    }
    buffer_free(json);
}

void leg_send_held_answers(struct leg *leg) {
    struct buffer held = leg->held_answers;
    size_t at = 0;
    leg->held_answers = (struct buffer){0};
    while (at < held.len) {
        struct buffer json = {0};
        size_t len =
            (size_t)((const char *)memchr(held.data + at, '\n', held.len - at) - (held.data + at));
        buffer_append(&json, held.data + at, len);
        send(leg, &json);
        at += len + 1;
    }
    buffer_free(&held);
}

static struct leg_request *find_request(struct leg *leg, uint64_t number) {
    struct leg_request *request = NULL;
    HASH_FIND(hh, leg->requests, &number, sizeof number, request);
    return request;
}

static void tell_epoch(struct leg *leg) {
    if (leg_epoch(leg) != leg->told_epoch) {
        leg->told_epoch = leg_epoch(leg);
        leg->events.on_changed(leg->ctx, leg);
    }
}

static void take_answer(struct leg *leg, const struct message *message) {
    uint64_t number = 0;
    struct leg_request *request = NULL;
    if (json_number_u64(message->id.text, &number)) {
        request = find_request(leg, number);
    }
    tell_epoch(leg);
    if (request == NULL) {
        log_debug(leg->env->log, "leg", "an answer that nobody waits for backend=%s",
                  leg->backend->name);
        return;
    }
    struct leg_request_events events = request->events;
    void *ctx = request->ctx;
    drop_request(request);
    events.on_answer(ctx, message);
}

/* A log message on a single pipe belongs to the one call in flight, if there is just one
 * (protocol.md 9, place 5). */
static struct leg_request *find_only_request(struct leg *leg) {
    if (leg->nexternal != 1) {
        return NULL;
    }
    struct leg_request *request = leg->requests;
    while (request != NULL && (request->is_internal || request->connection->is_lost)) {
        request = request->hh.next;
    }
    return request;
}

/* A backend that tells its progress is at work: the request's time begins again, within its whole
 * time. */
static void extend(struct leg_request *request) {
    uint64_t now = clock_mono_ms(request->leg->env->clock);
    uint64_t after_ms = request->timeout_ms;
    if (request->timer == NULL) {
        return;
    }
    if (request->latest_ms != 0 && now + after_ms > request->latest_ms) {
        after_ms = request->latest_ms > now ? request->latest_ms - now : 0;
    }
    loop_timer_set(request->timer, after_ms);
}

static struct leg_request *find_asked_for(struct leg *leg, uint64_t number) {
    struct leg_request *request = number != 0 ? find_request(leg, number) : find_only_request(leg);
    return request != NULL && !request->is_internal ? request : NULL;
}

static void take_request(struct leg *leg, const struct message *message, uint64_t number) {
    const struct leg_source from = {leg, number};
    struct leg_request *request = find_asked_for(leg, number);
    if (message_is(message, "ping")) {
        struct buffer json = {0};
        jsonrpc_write_result(&json, message->id.text, slice_cstr("{}"));
        leg_send(leg, leg->opening, &json);
    } else if (request != NULL) {
        request->events.on_request(request->ctx, &from, message);
    } else {
        leg->events.on_request(leg->ctx, &from, message);
    }
}

/* What clients are told of, beside progress, log messages and lists; on the stream on which it came
 * (protocol.md 9, place 5). */
static bool is_for_client(const struct message *message) {
    return message_is(message, "notifications/resources/updated") ||
           message_is(message, "notifications/elicitation/complete");
}

static void take_notification(struct leg *leg, const struct message *message, uint64_t number) {
    struct leg_request *request = NULL;
    if (leg_take_list_changed(leg, message)) {
        return;
    }
    if (message_is(message, "notifications/progress")) {
        uint64_t token = 0;
        if (json_number_u64(message->progress_token.text, &token)) {
            request = find_request(leg, token);
        }
        if (request == NULL) {
            return;
        }
        extend(request);
    } else if (message_is(message, "notifications/message")) {
        request = find_asked_for(leg, number);
    } else if (is_for_client(message)) {
        request = number != 0 ? find_asked_for(leg, number) : NULL;
    } else if (!message_is(message, "notifications/cancelled")) {
        return;
    }
    const struct leg_source from = {leg, number};
    if (request != NULL && !request->is_internal) {
        request->events.on_notice(request->ctx, &from, message);
    } else {
        leg->events.on_notice(leg->ctx, &from, message);
    }
}

void leg_on_message(struct leg *leg, const struct message *message, uint64_t number) {
    switch (message->kind) {
    case MESSAGE_RESULT:
    case MESSAGE_ERROR:
        take_answer(leg, message);
        break;
    case MESSAGE_REQUEST:
        take_request(leg, message, number);
        break;
    case MESSAGE_NOTIFICATION:
        take_notification(leg, message, number);
        break;
    }
}

uint64_t leg_next_number(struct leg *leg) {
    return leg->next_number++;
}

/* What the driver says of the sending (ABI rule 13); the answer itself comes as a message. When the
 * backend's session is gone the leg goes first, so that the request can be sent again on a new one;
 * the first that is told so does that for all. */
static void on_sent(void *ctx, int32_t status, const char *text) {
    struct leg_request *request = ctx;
    struct leg *leg = request->leg;
    struct leg_request_events events = request->events;
    void *request_ctx = request->ctx;
    request->call = NULL;
    if (status == TRUNK_OK) {
        return;
    }
    bool is_internal = request->is_internal;
    bool is_leg_lost =
        status == TRUNK_NOT_FOUND && !request->is_repeated && !request->connection->is_lost;
    drop_request(request);
    if (is_leg_lost) {
        if (leg->state == LEG_READY) {
            leg_lose(leg, text);
        } else {
            leg_fail(leg, status, text);
        }
        if (is_internal) { /* its work went with the opening */
            return;
        }
    }
    events.on_failed(request_ctx, status, text);
}

static void write_cancelled(const struct leg_request *request, struct trunk_slice reason) {
    struct factory_leg *transport = request->connection->transport;
    struct buffer json = {0};
    struct buffer params = {0};
    buffer_append_cstr(&params, "{\"requestId\":");
    buffer_append_u64(&params, request->number);
    if (reason.len > 0) {
        buffer_append_cstr(&params, ",\"reason\":");
        json_string_encode(&params, reason);
    }
    buffer_append_cstr(&params, "}");
    jsonrpc_write_notification(&json, "notifications/cancelled", buffer_slice(&params));
    buffer_free(&params);
    (void)factory_send(transport, &json, request->leg->env->options->leg_timeout_ms, NULL, NULL);
    factory_cancel_request(transport, request->number);
}

/* The answer may be behind what a slow client has yet to take. */
static bool waits_for_client(const struct leg_request *request) {
    const struct leg *leg = request->leg;
    return (leg_is_held(leg, request->number) || leg_is_held(leg, 0)) &&
           (request->latest_ms == 0 || clock_mono_ms(leg->env->clock) < request->latest_ms);
}

static void on_request_timer(void *arg) {
    struct leg_request *request = arg;
    struct leg *leg = request->leg;
    if (waits_for_client(request)) {
        extend(request);
        return;
    }
    uint64_t max_ms = leg->backend->max_timeout_ms;
    bool is_latest = request->latest_ms != 0 && max_ms > request->timeout_ms &&
                     clock_mono_ms(leg->env->clock) >= request->latest_ms;
    char *text = xasprintf("backend %s did not answer in time (%s %llu ms)", leg->backend->name,
                           is_latest ? "max_timeout" : "timeout",
                           (unsigned long long)(is_latest ? max_ms : request->timeout_ms));
    write_cancelled(request, slice_cstr("timed out"));
    fail_request(request, TRUNK_TIMEOUT, text);
    free(text);
}

struct leg_request *leg_start_request(struct leg *leg, uint64_t number, struct buffer *json,
                                      uint64_t timeout_ms, bool is_internal,
                                      const struct leg_request_events *events, void *ctx) {
    struct leg_request *request = xcalloc(1, sizeof *request);
    request->number = number;
    request->leg = leg;
    request->connection = leg->connection;
    leg_connection_ref(leg->connection);
    request->events = *events;
    request->ctx = ctx;
    request->is_internal = is_internal;
    request->timeout_ms = timeout_ms;
    leg->nexternal += is_internal ? 0 : 1;
    HASH_ADD(hh, leg->requests, number, sizeof request->number, request);
    if (timeout_ms != 0) {
        request->timer = loop_timer_new(leg->env->loop, on_request_timer, request);
        loop_timer_set(request->timer, timeout_ms);
    }
    uint64_t max_timeout_ms = is_internal ? timeout_ms : leg->backend->max_timeout_ms;
    if (max_timeout_ms != 0) {
        request->latest_ms = clock_mono_ms(leg->env->clock) + max_timeout_ms;
    }
    request->call =
        factory_request(leg->connection->transport, number, json, max_timeout_ms, on_sent, request);
    return request;
}

struct leg_request *leg_request(struct leg *leg, uint64_t number, struct buffer *json,
                                uint64_t timeout_ms, const struct leg_request_events *events,
                                void *ctx) {
    return leg_start_request(leg, number, json, timeout_ms, false, events, ctx);
}

void leg_request_set_repeated(struct leg_request *request) {
    request->is_repeated = true;
}

void leg_request_cancel(struct leg_request *request, struct trunk_slice reason) {
    if (request->connection->transport != NULL) {
        write_cancelled(request, reason);
    }
    drop_request(request);
}

void leg_describe_error(struct buffer *text, const struct message *answer) {
    if (answer->error_message.type == JSON_STRING) {
        buffer_append_cstr(text, ": ");
        json_string_decode(answer->error_message.text, text);
    }
}

void leg_request_internal(struct leg *leg, const char *method, struct trunk_slice params,
                          const struct leg_request_events *events, void *ctx) {
    struct buffer json = {0};
    uint64_t number = leg_next_number(leg);
    jsonrpc_write_request(&json, number, method, params);
    /* While it opens the leg's own timer rules: initialize is never cancelled (protocol.md 5). */
    uint64_t timeout_ms = leg->state != LEG_READY ? 0 : leg->env->options->leg_timeout_ms;
    (void)leg_start_request(leg, number, &json, timeout_ms, true, events, ctx);
}

void leg_refuse_request(void *ctx, const struct leg_source *from, const struct message *request) {
    struct buffer json = {0};
    (void)ctx;
    jsonrpc_write_error(&json, request->id.text, JSONRPC_METHOD_NOT_FOUND, "Method not found");
    leg_send(from->leg, from->leg->opening, &json);
}
