/* SPDX-License-Identifier: MIT
 * leg.c - states of a leg, its requests in flight, and what comes from the backend. */
#include "session/leg.h"

#include "session/leg_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/status.h"

#define IDS_PER_EPOCH (UINT64_C(1) << 20)
#define FINISH_TIMEOUT_MS 10000
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
    free(request);
}

static void fail_request(struct leg_request *request, int32_t status, const char *text) {
    struct leg_request_events events = request->events;
    void *ctx = request->ctx;
    drop_request(request);
    events.on_failed(ctx, status, text);
}

static void deliver_wait(void *arg) {
    struct leg_wait *wait = arg;
    if (!wait->is_cancelled) {
        wait->ready(wait->ctx, wait->status, wait->text);
    }
    free(wait->text);
    free(wait);
}

static void tell_wait(struct leg_wait *wait, int32_t status, const char *text) {
    wait->status = status;
    wait->text = xstrdup(text);
    loop_post(wait->leg->env->loop, deliver_wait, wait);
}

void leg_tell_waits(struct leg *leg, int32_t status, const char *text) {
    struct leg_wait *wait;
    while ((wait = TAILQ_FIRST(&leg->waits)) != NULL) {
        TAILQ_REMOVE(&leg->waits, wait, in_leg);
        tell_wait(wait, status, text);
    }
}

static void on_transport_finished(void *ctx) {
    struct leg_env *env = ctx;
    env->transports--;
    if (env->transports == 0 && env->on_idle != NULL) {
        env->on_idle(env->on_idle_ctx);
    }
}

/* To CLOSED. Requests are taken off one by one, since what they call may start or cancel others. */
static void shut(struct leg *leg, int32_t status, const char *text) {
    struct factory_leg *transport = leg->transport;
    leg->state = LEG_CLOSED;
    leg->transport = NULL;
    leg->is_initialized = false;
    leg->is_listing = false;
    leg->must_list_again = false;
    buffer_free(&leg->held_answers);
    leg_drop_pages(&leg->incoming);
    leg_forget_holds(leg);
    loop_timer_stop(leg->timer);
    if (transport != NULL) {
        factory_finish(transport, false, FINISH_TIMEOUT_MS, on_transport_finished, leg->env);
    }
    leg_tell_waits(leg, TRUNK_UNAVAILABLE, text);
    struct leg_request *request;
    while ((request = leg->requests) != NULL) {
        /* Freed ones have left the table. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        if (request->is_internal) {
            drop_request(request);
        } else {
            fail_request(request, status, text);
        }
    }
}

void leg_fail(struct leg *leg, const char *text) {
    if (leg->state == LEG_CLOSED) {
        return;
    }
    char *copy = xstrdup(text);
    free(leg->error);
    leg->error = copy;
    log_warn(leg->env->log, "leg", "%s backend=%s session=%s", copy, leg->backend->name,
             leg->session_tag);
    shut(leg, TRUNK_UNCERTAIN, copy);
    if (!leg->is_freed) {
        leg->events.on_failed(leg->ctx, leg, copy);
    }
}

void leg_close(struct leg *leg, const char *why) {
    if (leg->state != LEG_CLOSED) {
        shut(leg, TRUNK_CANCELLED, why);
    }
}

static void on_open_timer(void *arg) {
    struct leg *leg = arg;
    char *text =
        xasprintf("backend %s was not ready within %llu ms (session.leg_timeout)",
                  leg->backend->name, (unsigned long long)leg->env->options->leg_timeout_ms);
    leg_fail(leg, text);
    free(text);
}

static void on_made(void *ctx, int32_t status, const char *text) {
    struct leg *leg = ctx;
    if (status == TRUNK_OK) {
        leg_handshake(leg);
    } else {
        leg_fail(leg, text);
    }
}

static void send(struct leg *leg, struct buffer *json) {
    (void)factory_send(leg->transport, json, leg->env->options->leg_timeout_ms, NULL, NULL);
}

static void answer_backend(struct leg *leg, const struct message *message) {
    struct buffer json = {0};
    if (message_is(message, "ping")) {
        jsonrpc_write_result(&json, message->id.text, slice_cstr("{}"));
    } else {
        jsonrpc_write_error(&json, message->id.text, JSONRPC_METHOD_NOT_FOUND, "Method not found");
    }
    if (leg->is_initialized) {
        send(leg, &json);
        return;
    }
    if (leg->held_answers.len + json.len < MAX_HELD_ANSWER_BYTES) {
        buffer_append_slice(&leg->held_answers, buffer_slice(&json));
        buffer_append_cstr(&leg->held_answers, "\n");
    }
    buffer_free(&json);
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

static void take_answer(struct leg *leg, const struct message *message) {
    uint64_t number = 0;
    struct leg_request *request = NULL;
    if (json_number_u64(message->id.text, &number)) {
        request = find_request(leg, number);
    }
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
    while (request != NULL && request->is_internal) {
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

static void take_notification(struct leg *leg, const struct message *message, uint64_t number) {
    struct leg_request *request = NULL;
    if (message_is(message, "notifications/tools/list_changed")) {
        leg_list_tools(leg);
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
        request = number != 0 ? find_request(leg, number) : find_only_request(leg);
    } else {
        return;
    }
    const struct leg_source from = {leg, number};
    if (request != NULL && !request->is_internal) {
        request->events.on_notice(request->ctx, &from, message);
    } else {
        leg->events.on_notice(leg->ctx, &from, message);
    }
}

static void on_message(void *ctx, const struct message *message, uint64_t number) {
    struct leg *leg = ctx;
    switch (message->kind) {
    case MESSAGE_RESULT:
    case MESSAGE_ERROR:
        take_answer(leg, message);
        break;
    case MESSAGE_REQUEST:
        answer_backend(leg, message);
        break;
    case MESSAGE_NOTIFICATION:
        take_notification(leg, message, number);
        break;
    }
}

static void on_refused(void *ctx, const char *text) {
    struct leg *leg = ctx;
    log_write_limited(leg->env->log, &leg->garbage_limit, TRUNK_LOG_WARN, "leg",
                      "the backend sent what is no JSON-RPC message backend=%s reason=\"%s\"",
                      leg->backend->name, text);
}

static void on_closed(void *ctx, int32_t status, const char *text) {
    (void)status;
    leg_fail(ctx, text);
}

struct leg *leg_new(struct leg_env *env, const struct backend *backend, const char *session_tag,
                    const char *principal, uint64_t epoch, const struct leg_events *events,
                    void *ctx) {
    struct leg *leg = xcalloc(1, sizeof *leg);
    leg->env = env;
    leg->backend = backend;
    leg->session_tag = session_tag;
    leg->principal = principal;
    leg->events = *events;
    leg->ctx = ctx;
    leg->state = LEG_CLOSED;
    leg->next_number = epoch * IDS_PER_EPOCH + 1;
    leg->timer = loop_timer_new(env->loop, on_open_timer, leg);
    TAILQ_INIT(&leg->waits);
    LIST_INIT(&leg->holds);
    return leg;
}

static void free_leg(void *arg) {
    struct leg *leg = arg;
    leg_drop_pages(&leg->pages);
    free(leg->error);
    free(leg->protocol);
    free((void *)(uintptr_t)leg->server_info.data);
    free(leg);
}

/* The memory goes at the next turn: the leg may be one of the callers on the stack. */
void leg_free(struct leg *leg) {
    if (leg == NULL) {
        return;
    }
    leg->is_freed = true;
    leg_close(leg, "the session has ended");
    loop_timer_free(leg->timer);
    leg->timer = NULL;
    loop_post(leg->env->loop, free_leg, leg);
}

const struct backend *leg_backend(const struct leg *leg) {
    return leg->backend;
}

enum leg_state leg_state(const struct leg *leg) {
    return leg->state;
}

const char *leg_error(const struct leg *leg) {
    return leg->error;
}

const char *leg_protocol(const struct leg *leg) {
    return leg->protocol;
}

struct trunk_slice leg_server_info(const struct leg *leg) {
    return leg->server_info;
}

bool leg_has_tools(const struct leg *leg) {
    return leg->has_tools;
}

const struct trunk_slice *leg_tools(const struct leg *leg, size_t *out_pages) {
    *out_pages = leg->pages.count;
    return leg->pages.items;
}

size_t leg_count_requests(const struct leg *leg) {
    return leg->nexternal;
}

void leg_open(struct leg *leg) {
    static const struct factory_leg_events events = {on_made, on_message, on_refused, on_closed};
    if (leg->state != LEG_CLOSED || leg->is_freed) {
        return;
    }
    struct factory_make make = {.backend = leg->backend,
                                .session_tag = leg->session_tag,
                                .principal = leg->principal,
                                .max_message_bytes = leg->env->options->max_message_bytes,
                                .timeout_ms = leg->env->options->leg_timeout_ms};
    leg->state = LEG_OPENING;
    leg->env->transports++;
    loop_timer_set(leg->timer, leg->env->options->leg_timeout_ms);
    leg->transport = factory_make(&make, &events, leg);
}

void leg_admit(struct leg *leg) {
    if (leg->state == LEG_OPENED) {
        leg->state = LEG_READY;
        free(leg->error);
        leg->error = NULL;
        leg_tell_waits(leg, TRUNK_OK, "");
    }
}

struct leg_wait *leg_use(struct leg *leg, leg_ready_fn ready, void *ctx) {
    struct leg_wait *wait = xcalloc(1, sizeof *wait);
    wait->leg = leg;
    wait->ready = ready;
    wait->ctx = ctx;
    leg_open(leg);
    if (leg->state == LEG_READY) {
        tell_wait(wait, TRUNK_OK, "");
    } else if (leg->is_freed) {
        tell_wait(wait, TRUNK_CANCELLED, "the session has ended");
    } else {
        TAILQ_INSERT_TAIL(&leg->waits, wait, in_leg);
    }
    return wait;
}

void leg_wait_cancel(struct leg_wait *wait) {
    wait->is_cancelled = true;
    if (wait->text == NULL) { /* not posted yet */
        TAILQ_REMOVE(&wait->leg->waits, wait, in_leg);
        free(wait);
    }
}

uint64_t leg_next_number(struct leg *leg) {
    return leg->next_number++;
}

/* What the driver says of the sending (ABI rule 13); the answer itself comes as a message. When the
 * backend's session is gone the leg goes first, so that the request can be sent again on a new one.
 */
static void on_sent(void *ctx, int32_t status, const char *text) {
    struct leg_request *request = ctx;
    struct leg *leg = request->leg;
    struct leg_request_events events = request->events;
    void *request_ctx = request->ctx;
    request->call = NULL;
    if (status == TRUNK_OK) {
        return;
    }
    drop_request(request);
    if (status == TRUNK_NOT_FOUND) {
        leg_fail(leg, text);
    }
    events.on_failed(request_ctx, status, text);
}

static void write_cancelled(struct leg *leg, uint64_t number, struct trunk_slice reason) {
    struct buffer json = {0};
    struct buffer params = {0};
    buffer_append_cstr(&params, "{\"requestId\":");
    buffer_append_u64(&params, number);
    if (reason.len > 0) {
        buffer_append_cstr(&params, ",\"reason\":");
        json_string_encode(&params, reason);
    }
    buffer_append_cstr(&params, "}");
    jsonrpc_write_notification(&json, "notifications/cancelled", buffer_slice(&params));
    buffer_free(&params);
    send(leg, &json);
    factory_cancel_request(leg->transport, number);
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
    char *text = xasprintf("backend %s did not answer in time (timeout %llu ms)",
                           leg->backend->name, (unsigned long long)request->timeout_ms);
    write_cancelled(leg, request->number, slice_cstr("timed out"));
    fail_request(request, TRUNK_TIMEOUT, text);
    free(text);
}

struct leg_request *leg_start_request(struct leg *leg, uint64_t number, struct buffer *json,
                                      uint64_t timeout_ms, bool is_internal,
                                      const struct leg_request_events *events, void *ctx) {
    struct leg_request *request = xcalloc(1, sizeof *request);
    request->number = number;
    request->leg = leg;
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
    request->call = factory_request(leg->transport, number, json, max_timeout_ms, on_sent, request);
    return request;
}

struct leg_request *leg_request(struct leg *leg, uint64_t number, struct buffer *json,
                                uint64_t timeout_ms, const struct leg_request_events *events,
                                void *ctx) {
    return leg_start_request(leg, number, json, timeout_ms, false, events, ctx);
}

void leg_request_cancel(struct leg_request *request, struct trunk_slice reason) {
    if (request->leg->state ==
        LEG_READY) { /* else it is being shut: nothing can be sent any more */
        write_cancelled(request->leg, request->number, reason);
    }
    drop_request(request);
}
