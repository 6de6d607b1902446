/* SPDX-License-Identifier: MIT
 * relay.c - requests to legs and back. The client's bytes are kept: only id, name and progress
 * token are spliced. */
#include "mcp/relay.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mcp/calls.h"
#include "mcp/notices.h"
#include "mcp/server_requests.h"
#include "mcp/streams.h"
#include "wire/downlevel.h"

struct relayed_method {
    const char *method;
    const char *ref_type; /* of params.ref, which names the target; NULL: params does */
    enum list_kind kind;  /* what it names */
    const char *noun;     /* in texts */
};

static const struct relayed_method methods[] = {
    {"tools/call", NULL, LIST_TOOLS, "tool"},
    {"prompts/get", NULL, LIST_PROMPTS, "prompt"},
    {"resources/read", NULL, LIST_RESOURCES, "resource"},
    {"resources/subscribe", NULL, LIST_RESOURCES, "resource"},
    {"resources/unsubscribe", NULL, LIST_RESOURCES, "resource"},
    {"completion/complete", "ref/prompt", LIST_PROMPTS, "prompt"},
    {"completion/complete", "ref/resource", LIST_TEMPLATES, "resource"},
};
#define METHOD_COUNT (sizeof methods / sizeof methods[0])
#define CALL_TOOL (&methods[0])
#define SUBSCRIBE (&methods[3])
#define UNSUBSCRIBE (&methods[4])

/* Tools and prompts; URIs are never changed. */
static bool is_renamed(const struct relayed_method *method) {
    return method->kind == LIST_TOOLS || method->kind == LIST_PROMPTS;
}

static void resolve(struct call *call);

/* What nobody has */

static void fail_resource(struct call *call) {
    struct buffer error = {0};
    struct buffer json = {0};
    buffer_append_cstr(&error,
                       "{\"code\":-32002,\"message\":\"Resource not found\",\"data\":{\"uri\":");
    buffer_append_slice(&error, call->target.text);
    buffer_append_cstr(&error, "}}");
    jsonrpc_write_error_object(&json, call->message.id.text, buffer_slice(&error));
    call_answer(call, &json);
    buffer_free(&error);
}

static void fail_unknown(struct call *call) {
    struct buffer text = {0};
    if (call->method->ref_type != NULL) {
        call_answer_result(call, slice_cstr("{\"completion\":{\"values\":[]}}"));
    } else if (is_renamed(call->method)) {
        buffer_printf(&text, "Unknown %s: ", call->method->noun);
        json_string_decode(call->target.text, &text);
        call_fail(call, JSONRPC_INVALID_PARAMS, buffer_cstr(&text));
    } else {
        fail_resource(call);
    }
    buffer_free(&text);
}

/* Subscriptions are in the record before their request is answered, so that a restart does not
 * forget one. */

struct storing {
    struct call *call; /* NULL: it has ended */
};

static void on_stored(void *ctx, int32_t status, const char *text) {
    struct storing *storing = ctx;
    struct call *call = storing->call;
    free(storing);
    if (call == NULL) {
        return;
    }
    call->storing = NULL;
    if (status == TRUNK_OK) {
        call_answer_result(call, slice_cstr("{}"));
    } else {
        call_fail(call, JSONRPC_INTERNAL_ERROR, text);
    }
}

static void store_subscription(struct call *call) {
    struct buffer uri = {0};
    struct storing *storing = xcalloc(1, sizeof *storing);
    json_string_decode(call->target.text, &uri);
    storing->call = call;
    call->storing = storing;
    session_set_subscribed(call->client->session, buffer_slice(&uri), call->method == SUBSCRIBE,
                           on_stored, storing);
    /* Answered by a session that the backend has lost since: the one that goes on has not heard. */
    if (call->method == SUBSCRIBE && call->opening != leg_opening(call->leg) &&
        leg_state(call->leg) == LEG_READY) {
        leg_subscribe(call->leg, buffer_slice(&uri));
    }
    buffer_free(&uri);
}

void relay_forget_storing(struct call *call) {
    if (call->storing != NULL) {
        call->storing->call = NULL;
        call->storing = NULL;
    }
}

/* What comes from the leg */

/* Results of a kind that this client would not understand are changed (protocol.md 5.2, 5.10). */
static void answer_result(struct call *call, const struct message *answer) {
    const char *version = session_record(call->client->session)->protocol;
    enum json_kind structured = answer->result_structured.type;
    struct trunk_slice result = answer->result.text;
    struct buffer first = {0};
    struct buffer second = {0};
    if (call->method->ref_type != NULL) {
        result = downlevel_completion(result, &first) ? buffer_slice(&first) : result;
    } else if (is_renamed(call->method) && downlevel_is_needed(version)) {
        result = downlevel_content(version, result, &first) ? buffer_slice(&first) : result;
    }
    if (call->method == CALL_TOOL && structured != JSON_NONE && structured != JSON_OBJECT) {
        result = downlevel_structured(result, &second) ? buffer_slice(&second) : result;
    }
    call_answer_result(call, result);
    buffer_free(&first);
    buffer_free(&second);
}

static void on_answer(void *ctx, const struct message *answer) {
    struct call *call = ctx;
    struct buffer json = {0};
    bool is_subscription = call->method == SUBSCRIBE || call->method == UNSUBSCRIBE;
    call->request = NULL;
    if (answer->kind == MESSAGE_ERROR) {
        jsonrpc_write_error_object(&json, call->message.id.text, answer->error.text);
        call_answer(call, &json);
    } else if (is_subscription) {
        store_subscription(call);
    } else {
        answer_result(call, answer);
    }
}

/* Progress gets the client's own token back, in its own JSON type. */
static void on_notice(void *ctx, const struct leg_source *from, const struct message *notice) {
    struct call *call = ctx;
    struct buffer params = {0};
    struct buffer json = {0};
    const char *method;
    if (message_is(notice, "notifications/progress")) {
        struct splice splice = {notice->progress_token.text, call->message.meta_token.text};
        method = call->message.meta_token.type != JSON_NONE ? "notifications/progress" : NULL;
        splice_append(&params, notice->params.text, &splice, method != NULL ? 1 : 0);
    } else {
        method = notices_find_method(call->client, notice);
        buffer_append_slice(&params, notice->params.text);
    }
    if (method == NULL) {
        buffer_free(&params);
        return;
    }
    jsonrpc_write_notification(&json, method, buffer_slice(&params));
    if (!stream_send(call_open_stream(call), from, buffer_slice(&json))) {
        log_debug(call->client->env->log, "relay",
                  "the client reads too slowly: a message of a call dropped session=%s",
                  session_tag(call->client->session));
    }
    buffer_free(&params);
    buffer_free(&json);
}

static void on_request(void *ctx, const struct leg_source *from, const struct message *request) {
    struct call *call = ctx;
    server_requests_take(call->client, call, from, request);
}

/* Sent again only where it cannot have run, and once (design.md section 5). */
static void on_failed(void *ctx, int32_t status, const char *text) {
    struct call *call = ctx;
    call->request = NULL;
    if ((status == TRUNK_UNAVAILABLE || status == TRUNK_NOT_FOUND) && !call->was_sent_again) {
        call->was_sent_again = true;
        call->was_not_found = status == TRUNK_NOT_FOUND;
        resolve(call);
    } else {
        call_fail(call, JSONRPC_INTERNAL_ERROR, text);
    }
}

/* What goes to the leg */

/* Backends are not asked for tasks (protocol.md 5.4): to who has not offered them, params.task
 * means nothing. */
static void leave_out_task(const struct message *message, struct splices *splices) {
    static const char *const names[] = {"task"};
    struct trunk_slice part = {0};
    if (json_find_parts(message->params.text, names, 1, &part) > 0) {
        splices_add(splices, part, (struct trunk_slice){0});
    }
}

/* original_name empty: the target stays as it is. */
static void send_to_leg(struct call *call, struct trunk_slice original_name) {
    static const struct leg_request_events events = {on_answer, on_notice, on_request, on_failed};
    const struct message *message = &call->message;
    struct buffer json = {0};
    struct buffer params = {0};
    struct buffer token = {0};
    struct splices splices;
    uint64_t number = leg_next_number(call->leg);
    call->opening = leg_opening(call->leg);
    buffer_append_u64(&token, number);
    splices.count = 0;
    if (original_name.len > 0) {
        splices_add(&splices, call->target.text, original_name);
    }
    if (message->meta_token.type != JSON_NONE) {
        splices_add(&splices, message->meta_token.text, buffer_slice(&token));
    }
    if (message->task.type != JSON_NONE && call->method == CALL_TOOL) {
        leave_out_task(message, &splices);
    }
    buffer_reserve(&json, message->params.text.len + original_name.len + 96);
    splice_append(&params, message->params.text, splices.items, splices.count);
    jsonrpc_write_request(&json, number, call->method->method, buffer_slice(&params));
    call->request =
        leg_request(call->leg, number, &json, leg_backend(call->leg)->timeout_ms, &events, call);
    if (call->was_not_found) {
        leg_request_set_repeated(call->request);
    }
    buffer_free(&params);
    buffer_free(&token);
}

static void on_leg_ready(void *ctx, int32_t status, const char *text) {
    struct call *call = ctx;
    call->leg_wait = NULL;
    if (status == TRUNK_OK) {
        resolve(call);
    } else {
        call_fail(call, JSONRPC_INTERNAL_ERROR, text);
    }
}

static void on_lists_ready(void *ctx) {
    struct call *call = ctx;
    call->lists_wait = NULL;
    resolve(call);
}

static const struct route *find_route(const struct relayed_method *method,
                                      struct multi_session *multi, struct trunk_slice target) {
    const struct route *route = NULL;
    if (method->kind != LIST_RESOURCES) {
        route = multi_session_route(multi, method->kind, target);
    }
    return route == NULL && !is_renamed(method) ? multi_session_route_uri(multi, target) : route;
}

/* Backends without completions are not asked for them (protocol.md section 5). */
static bool can_be_asked(const struct call *call) {
    return call->method->ref_type == NULL || leg_has_capability(call->leg, "completions");
}

/* Name -> leg. A name that no list has may be of a leg that is still on its way. */
static void resolve(struct call *call) {
    struct multi_session *multi = session_multi(call->client->session);
    const struct relayed_method *method = call->method;
    struct buffer target = {0};
    if (multi == NULL) {
        call_fail(call, JSONRPC_INTERNAL_ERROR, "the session has ended");
        return;
    }
    json_string_decode(call->target.text, &target);
    const struct route *route = find_route(method, multi, buffer_slice(&target));
    call->leg = route != NULL ? route->leg : NULL;
    if (route == NULL && is_renamed(method)) {
        call->leg = multi_session_guess_leg(multi, method->kind, buffer_slice(&target));
    }
    buffer_free(&target);
    bool is_ready = route != NULL && leg_state(call->leg) == LEG_READY;
    if (call->leg == NULL && !call->has_waited && !multi_session_has_lists(multi)) {
        call->has_waited = true;
        call->lists_wait = multi_session_wait_lists(multi, on_lists_ready, call);
    } else if (call->leg == NULL || (is_ready && !can_be_asked(call))) {
        fail_unknown(call);
    } else if (!is_ready) {
        call->leg_wait = leg_use(call->leg, on_leg_ready, call);
    } else {
        send_to_leg(call, is_renamed(method) ? route->original : (struct trunk_slice){0});
    }
}

/* What the request is for; type JSON_NONE: it does not say, or says it twice. */
static struct json_value find_target(const struct relayed_method *method,
                                     const struct message *message) {
    struct json_value ref = {0};
    struct json_value target = {0};
    if (method->ref_type == NULL) {
        return is_renamed(method) ? message->name : message->uri;
    }
    ref = json_find(message->params.text, "ref");
    if (ref.type == JSON_OBJECT && ref.count == 1) {
        struct json_value type = json_find(ref.text, "type");
        if (type.type == JSON_STRING && type.count == 1 &&
            json_string_equal(type.text, slice_cstr(method->ref_type))) {
            target = json_find(ref.text, is_renamed(method) ? "name" : "uri");
        }
    }
    return target.count == 1 ? target : (struct json_value){0};
}

static bool is_token(const struct json_value *token) {
    return token->type == JSON_NONE || token->type == JSON_STRING || token->type == JSON_NUMBER;
}

bool relay_take(struct client *client, struct exchange *exchange, const struct message *message) {
    const struct relayed_method *method = NULL;
    struct json_value target = {0};
    for (size_t i = 0; i < METHOD_COUNT && target.type != JSON_STRING; i++) {
        if (message_is(message, methods[i].method)) {
            method = &methods[i];
            target = message->params.type == JSON_OBJECT ? find_target(method, message) : target;
        }
    }
    if (method == NULL) {
        return false;
    }
    struct call *call = call_new(client, exchange, message);
    call->method = method;
    call->target = target;
    if (target.type != JSON_STRING || !is_token(&message->meta_token)) {
        char *text = xasprintf("%s needs a %s (string), and a progressToken that is a string or a "
                               "number",
                               method->method,
                               method->ref_type != NULL ? "params.ref with type and name or uri"
                               : is_renamed(method)     ? "params.name"
                                                        : "params.uri");
        call_fail(call, JSONRPC_INVALID_PARAMS, text);
        free(text);
    } else {
        resolve(call);
    }
    return true;
}
