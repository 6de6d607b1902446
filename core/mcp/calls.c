/* SPDX-License-Identifier: MIT
 * calls.c - the life of a request in flight. */
#include "mcp/calls.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mcp/batches.h"
#include "mcp/relay.h"
#include "mcp/server_requests.h"
#include "mcp/streams.h"

#define SLOW_MS 250

static void leave_quick(struct call *call) {
    if (call->is_quick) {
        call->is_quick = false;
        TAILQ_REMOVE(&call->client->env->quick_calls, call, in_quick);
    }
}

struct call *call_new(struct client *client, struct exchange *exchange,
                      const struct message *message) {
    struct client_env *env = client->env;
    struct call *call = xcalloc(1, sizeof *call);
    call->client = client;
    call->exchange = exchange;
    call->message = *message;
    call->started_ms = clock_mono_ms(env->clock);
    call->is_quick = true;
    if (TAILQ_EMPTY(&env->quick_calls)) {
        loop_timer_set(env->slow_timer, SLOW_MS);
    }
    TAILQ_INSERT_TAIL(&env->quick_calls, call, in_quick);
    TAILQ_INSERT_TAIL(&client->calls, call, in_client);
    return call;
}

struct stream *call_open_stream(struct call *call) {
    leave_quick(call);
    if (batches_is_part(call->exchange)) {
        return batches_open_stream(call->exchange);
    }
    if (call->stream == NULL) {
        call->stream = stream_open(call->client, call->exchange);
    }
    return call->stream;
}

/* Empty json: nothing is answered, which only a stream can do. */
static void end_call(struct call *call, struct buffer *json) {
    struct exchange *exchange = call->exchange;
    struct session *session = call->client->session;
    server_requests_end_call(call->client, call);
    if (json->len == 0 && !batches_is_part(exchange)) {
        (void)call_open_stream(call);
    }
    if (call->stream != NULL) {
        stream_end(call->stream, buffer_slice(json));
        exchange->ops->close_stream(exchange);
    } else {
        struct exchange_answer answer = {.status = 200, .json = buffer_slice(json)};
        exchange->ops->answer(exchange, &answer);
    }
    buffer_free(json);
    leave_quick(call);
    TAILQ_REMOVE(&call->client->calls, call, in_client);
    free(call);
    session_use_end(session);
}

void call_answer(struct call *call, struct buffer *json) {
    end_call(call, json);
}

void call_answer_result(struct call *call, struct trunk_slice result) {
    struct buffer json = {0};
    jsonrpc_write_result(&json, call->message.id.text, result);
    end_call(call, &json);
}

void call_fail(struct call *call, int code, const char *text) {
    struct buffer json = {0};
    jsonrpc_write_error(&json, call->message.id.text, code, text);
    end_call(call, &json);
}

/* Takes the call off what it waits for; the backend is told if it has the request. */
static void stop_waiting(struct call *call, struct trunk_slice reason) {
    if (call->request != NULL) {
        leg_request_cancel(call->request, reason);
        call->request = NULL;
    }
    if (call->leg_wait != NULL) {
        leg_wait_cancel(call->leg_wait);
        call->leg_wait = NULL;
    }
    if (call->lists_wait != NULL) {
        multi_session_wait_lists_cancel(call->lists_wait);
        call->lists_wait = NULL;
    }
    relay_forget_storing(call);
}

void calls_cancel(struct client *client, const struct message *cancelled) {
    struct call *call;
    TAILQ_FOREACH(call, &client->calls, in_client) {
        if (slice_equal(call->message.id.text, cancelled->request_id.text)) {
            break;
        }
    }
    if (call != NULL) {
        struct buffer reason = {0};
        struct buffer nothing = {0};
        struct json_value value = json_find(cancelled->params.text, "reason");
        if (value.type == JSON_STRING) {
            json_string_decode(value.text, &reason);
        }
        stop_waiting(call, buffer_slice(&reason));
        end_call(call, &nothing);
        buffer_free(&reason);
    }
}

void calls_cut(struct client *client) {
    struct call *call;
    while ((call = TAILQ_FIRST(&client->calls)) != NULL) {
        /* Freed ones have left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        stop_waiting(call, slice_cstr("the session has ended"));
        call_fail(call, JSONRPC_INTERNAL_ERROR, "the session has ended");
    }
}

void calls_on_slow_timer(void *arg) {
    struct client_env *env = arg;
    uint64_t now = clock_mono_ms(env->clock);
    struct call *call = TAILQ_FIRST(&env->quick_calls);
    while (call != NULL && call->started_ms + SLOW_MS <= now) {
        (void)call_open_stream(call);
        call = TAILQ_FIRST(&env->quick_calls);
    }
    if (call != NULL) {
        loop_timer_set(env->slow_timer, call->started_ms + SLOW_MS - now);
    }
}
