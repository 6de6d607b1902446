/* SPDX-License-Identifier: MIT
 * multi_subscriptions.c - a new session of a backend is subscribed to what the client has
 * subscribed to, and the client is told to look again (design.md section 5). */
#include "session/leg_hold.h"
#include "session/multi_private.h"

#include "wire/jsonrpc.h"

/* What changed before the new subscription nobody has told. */
static void tell_updated(struct multi_session *multi, struct leg *leg, const char *uri) {
    const struct leg_source from = {leg, 0};
    struct message notice;
    struct message_error error;
    struct buffer params = {0};
    struct buffer json = {0};
    buffer_append_cstr(&params, "{\"uri\":");
    json_string_encode(&params, slice_cstr(uri));
    buffer_append_cstr(&params, "}");
    jsonrpc_write_notification(&json, "notifications/resources/updated", buffer_slice(&params));
    if (message_parse(buffer_slice(&json), &notice, &error) == TRUNK_OK) {
        multi->events.on_notice(multi->ctx, &from, &notice);
    }
    buffer_free(&params);
    buffer_free(&json);
}

void multi_subscriptions_renew(struct multi_session *multi, struct leg *leg) {
    const struct uri_set *uris = multi->subscriptions;
    for (size_t i = 0; uris != NULL && i < uris->count; i++) {
        const struct route *route = multi_session_route_uri(multi, slice_cstr(uris->items[i]));
        if (route != NULL && route->leg == leg) {
            leg_subscribe(leg, slice_cstr(uris->items[i]));
            tell_updated(multi, leg, uris->items[i]);
        }
    }
}
