/* SPDX-License-Identifier: MIT
 * listing.c - requests for lists: from what is known, after a wait for legs that open for the first
 * time. */
#include "mcp/listing.h"

#include "mcp/calls.h"
#include "mcp/methods.h"

static enum list_kind find_kind(const struct message *message) {
    int kind = 0;
    while (kind < LIST_KINDS && !message_is(message, list_info((enum list_kind)kind)->method)) {
        kind++;
    }
    return (enum list_kind)kind;
}

static void answer(struct call *call) {
    struct multi_session *multi = session_multi(call->client->session);
    const struct json_value *cursor = &call->message.cursor;
    enum list_kind kind = find_kind(&call->message);
    struct buffer result = {0};
    struct buffer plain = {0};
    bool has_cursor = cursor->type == JSON_STRING;
    if (multi == NULL) {
        call_fail(call, JSONRPC_INTERNAL_ERROR, "the session has ended");
        return;
    }
    if (has_cursor) {
        json_string_decode(cursor->text, &plain);
    }
    struct trunk_slice text = buffer_slice(&plain);
    if (multi_session_list(multi, kind, has_cursor ? &text : NULL, &result)) {
        call_answer_result(call, buffer_slice(&result));
    } else {
        call_fail(call, JSONRPC_INVALID_PARAMS, "Unknown cursor");
    }
    buffer_free(&plain);
    buffer_free(&result);
}

static void on_ready(void *ctx) {
    struct call *call = ctx;
    call->lists_wait = NULL;
    answer(call);
}

bool listing_take(struct client *client, struct exchange *exchange, const struct message *message) {
    if (find_kind(message) == LIST_KINDS) {
        return false;
    }
    struct call *call = call_new(client, exchange, message);
    struct multi_session *multi = session_multi(client->session);
    if (message->cursor.type != JSON_NONE && message->cursor.type != JSON_STRING) {
        call_fail(call, JSONRPC_INVALID_PARAMS, "params.cursor is not a string");
    } else if (multi == NULL || message->cursor.type == JSON_STRING) {
        answer(call);
    } else {
        call->lists_wait = multi_session_wait_lists(multi, on_ready, call);
    }
    return true;
}
