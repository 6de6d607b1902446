/* SPDX-License-Identifier: MIT
 * relay.c - requests in flight. The client's bytes are kept: only id, name and progress token are
 * spliced. */
#include "mcp/relay.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mcp/logging.h"
#include "mcp/streams.h"

#define SLOW_MS 1000

struct call {
    TAILQ_ENTRY(call) in_client;
    TAILQ_ENTRY(call) in_quick;
    struct client *client;
    struct exchange *exchange;
    struct message message; /* slices into the exchange's body */
    struct leg *leg;
    struct leg_wait *wait;       /* for the leg to be ready */
    struct leg_request *request; /* under way at the backend */
    struct tools_wait *tools_wait;
    struct leg_holds holds; /* what waits for the client to read its stream */
    uint64_t started_ms;
    bool is_quick;
    bool was_sent_again;
};

static void resolve(struct call *call);

static void leave_quick(struct call *call) {
    if (call->is_quick) {
        call->is_quick = false;
        TAILQ_REMOVE(&call->client->env->quick_calls, call, in_quick);
    }
}

static struct call *new_call(struct client *client, struct exchange *exchange,
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

static void free_call(struct call *call) {
    struct session *session = call->client->session;
    leave_quick(call);
    leg_release(&call->holds);
    TAILQ_REMOVE(&call->client->calls, call, in_client);
    free(call);
    session_use_end(session);
}

static void let_go(struct exchange *exchange, void *ctx) {
    struct call *call = ctx;
    (void)exchange;
    leg_release(&call->holds);
}

static void start_stream(struct call *call) {
    struct exchange *exchange = call->exchange;
    leave_quick(call);
    if (!exchange->is_streaming) {
        exchange->on_close = let_go;
        exchange->on_drained = let_go;
        exchange->ctx = call;
        exchange->ops->open_stream(exchange, session_id(call->client->session));
    }
}

/* json is empty when the request was cancelled: then nothing is answered. */
static void end_call(struct call *call, struct buffer *json) {
    struct exchange *exchange = call->exchange;
    if (json->len == 0) {
        start_stream(call);
    }
    if (exchange->is_streaming) {
        if (json->len > 0) {
            exchange->ops->event(exchange, buffer_slice(json));
        }
        exchange->ops->close_stream(exchange);
    } else {
        struct exchange_answer answer = {.status = 200, .json = buffer_slice(json)};
        exchange->ops->answer(exchange, &answer);
    }
    buffer_free(json);
    free_call(call);
}

static void fail_call(struct call *call, int code, const char *text) {
    struct buffer json = {0};
    jsonrpc_write_error(&json, call->message.id.text, code, text);
    end_call(call, &json);
}

static void on_answer(void *ctx, const struct message *answer) {
    struct call *call = ctx;
    struct buffer json = {0};
    call->request = NULL;
    if (answer->kind == MESSAGE_RESULT) {
        jsonrpc_write_result(&json, call->message.id.text, answer->result.text);
    } else {
        jsonrpc_write_error_object(&json, call->message.id.text, answer->error.text);
    }
    end_call(call, &json);
}

/* Progress gets the client's own token back, in its own JSON type. */
static void on_notice(void *ctx, const struct leg_source *from, const struct message *notice) {
    struct call *call = ctx;
    struct buffer params = {0};
    struct buffer json = {0};
    bool is_progress = message_is(notice, "notifications/progress");
    if (is_progress ? call->message.meta_token.type == JSON_NONE
                    : !logging_is_shown(call->client, notice)) {
        return;
    }
    if (is_progress) {
        struct splice splice = {notice->progress_token.text, call->message.meta_token.text};
        splice_append(&params, notice->params.text, &splice, 1);
    } else {
        buffer_append_slice(&params, notice->params.text);
    }
    jsonrpc_write_notification(&json,
                               is_progress ? "notifications/progress" : "notifications/message",
                               buffer_slice(&params));
    start_stream(call);
    (void)streams_send(call->exchange, from, &call->holds, buffer_slice(&json));
    buffer_free(&params);
    buffer_free(&json);
}

/* Sent again only where it cannot have run, and once (design.md section 5). */
static void on_failed(void *ctx, int32_t status, const char *text) {
    struct call *call = ctx;
    call->request = NULL;
    if ((status == TRUNK_UNAVAILABLE || status == TRUNK_NOT_FOUND) && !call->was_sent_again) {
        call->was_sent_again = true;
        resolve(call);
    } else {
        fail_call(call, JSONRPC_INTERNAL_ERROR, text);
    }
}

static void send_to_leg(struct call *call, struct trunk_slice original_name) {
    static const struct leg_request_events events = {on_answer, on_notice, on_failed};
    const struct message *message = &call->message;
    struct buffer json = {0};
    struct buffer params = {0};
    struct buffer token = {0};
    struct splice splices[2] = {{message->name.text, original_name}};
    size_t count = 1;
    uint64_t number = leg_next_number(call->leg);
    buffer_append_u64(&token, number);
    if (message->meta_token.type != JSON_NONE) {
        size_t at =
            (const char *)message->meta_token.text.data < (const char *)message->name.text.data ? 0
                                                                                                : 1;
        splices[1] = splices[0];
        splices[at] = (struct splice){message->meta_token.text, buffer_slice(&token)};
        count = 2;
    }
    buffer_reserve(&json, message->params.text.len + original_name.len + 96);
    splice_append(&params, message->params.text, splices, count);
    jsonrpc_write_request(&json, number, "tools/call", buffer_slice(&params));
    call->request =
        leg_request(call->leg, number, &json, leg_backend(call->leg)->timeout_ms, &events, call);
    buffer_free(&params);
    buffer_free(&token);
}

static void on_leg_ready(void *ctx, int32_t status, const char *text) {
    struct call *call = ctx;
    call->wait = NULL;
    if (status == TRUNK_OK) {
        resolve(call);
    } else {
        fail_call(call, JSONRPC_INTERNAL_ERROR, text);
    }
}

/* Name -> leg. A name that no list has may be of a leg that is still on its way. */
static void resolve(struct call *call) {
    struct multi_session *multi = session_multi(call->client->session);
    struct buffer name = {0};
    if (multi == NULL) {
        fail_call(call, JSONRPC_INTERNAL_ERROR, "the session has ended");
        return;
    }
    json_string_decode(call->message.name.text, &name);
    const struct route *route = multi_session_route(multi, buffer_slice(&name));
    struct leg *leg =
        route != NULL ? route->leg : multi_session_guess_leg(multi, buffer_slice(&name));
    call->leg = leg;
    if (leg == NULL) {
        char *text = xasprintf("Unknown tool: %s", buffer_cstr(&name));
        fail_call(call, JSONRPC_INVALID_PARAMS, text);
        free(text);
    } else if (route != NULL && leg_state(leg) == LEG_READY) {
        send_to_leg(call, route->original);
    } else {
        call->wait = leg_use(leg, on_leg_ready, call);
    }
    buffer_free(&name);
}

void relay_call_tool(struct client *client, struct exchange *exchange,
                     const struct message *message) {
    resolve(new_call(client, exchange, message));
}

static void on_tools_ready(void *ctx) {
    struct call *call = ctx;
    struct buffer json = {0};
    call->tools_wait = NULL;
    jsonrpc_write_result(&json, call->message.id.text,
                         manager_get_adapted_tools(call->client->session));
    end_call(call, &json);
}

void relay_list_tools(struct client *client, struct exchange *exchange,
                      const struct message *message) {
    struct call *call = new_call(client, exchange, message);
    struct multi_session *multi = session_multi(client->session);
    if (multi == NULL) {
        fail_call(call, JSONRPC_INTERNAL_ERROR, "the session has ended");
    } else {
        call->tools_wait = multi_session_wait_tools(multi, on_tools_ready, call);
    }
}

/* Takes the call off what it waits for; the backend is told if it has the request. */
static void stop_waiting(struct call *call, struct trunk_slice reason) {
    if (call->request != NULL) {
        leg_request_cancel(call->request, reason);
        call->request = NULL;
    }
    if (call->wait != NULL) {
        leg_wait_cancel(call->wait);
        call->wait = NULL;
    }
    if (call->tools_wait != NULL) {
        multi_session_wait_tools_cancel(call->tools_wait);
        call->tools_wait = NULL;
    }
}

void relay_cancel(struct client *client, const struct message *message) {
    struct call *call;
    TAILQ_FOREACH(call, &client->calls, in_client) {
        if (slice_equal(call->message.id.text, message->request_id.text)) {
            break;
        }
    }
    if (call != NULL) {
        struct buffer reason = {0};
        struct buffer nothing = {0};
        struct json_value value = json_find(message->params.text, "reason");
        if (value.type == JSON_STRING) {
            json_string_decode(value.text, &reason);
        }
        stop_waiting(call, buffer_slice(&reason));
        end_call(call, &nothing);
        buffer_free(&reason);
    }
}

void relay_cut(struct client *client) {
    struct call *call;
    while ((call = TAILQ_FIRST(&client->calls)) != NULL) {
        /* Freed ones have left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        stop_waiting(call, slice_cstr("the session has ended"));
        fail_call(call, JSONRPC_INTERNAL_ERROR, "the session has ended");
    }
}

void relay_on_slow_timer(void *arg) {
    struct client_env *env = arg;
    uint64_t now = clock_mono_ms(env->clock);
    struct call *call = TAILQ_FIRST(&env->quick_calls);
    while (call != NULL && call->started_ms + SLOW_MS <= now) {
        start_stream(call);
        call = TAILQ_FIRST(&env->quick_calls);
    }
    if (call != NULL) {
        loop_timer_set(env->slow_timer, call->started_ms + SLOW_MS - now);
    }
}
