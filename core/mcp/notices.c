/* SPDX-License-Identifier: MIT
 * notices.c - log messages, updated resources, what a backend takes back, on the unasked stream. */
#include "mcp/notices.h"

#include "mcp/logging.h"
#include "mcp/server_requests.h"
#include "mcp/streams.h"

static bool is_of_subscribed(const struct client *client, const struct message *notice) {
    struct buffer uri = {0};
    if (notice->uri.type != JSON_STRING) {
        return false;
    }
    json_string_decode(notice->uri.text, &uri);
    bool is_subscribed = session_is_subscribed(client->session, buffer_slice(&uri));
    buffer_free(&uri);
    return is_subscribed;
}

const char *notices_find_method(const struct client *client, const struct message *notice) {
    if (notice->params.type != JSON_OBJECT) {
        return NULL;
    }
    if (message_is(notice, "notifications/message")) {
        return logging_is_shown(client, notice) ? "notifications/message" : NULL;
    }
    if (message_is(notice, "notifications/resources/updated")) {
        return is_of_subscribed(client, notice) ? "notifications/resources/updated" : NULL;
    }
    if (message_is(notice, "notifications/elicitation/complete")) {
        return "notifications/elicitation/complete";
    }
    return NULL;
}

void notices_take(struct client *client, const struct leg_source *from,
                  const struct message *notice) {
    struct buffer json = {0};
    if (message_is(notice, "notifications/cancelled")) {
        server_requests_cancelled(client, from, notice);
        return;
    }
    const char *method = notices_find_method(client, notice);
    if (method == NULL ||
        (client->unasked == NULL && message_is(notice, "notifications/message"))) {
        return;
    }
    jsonrpc_write_notification(&json, method, notice->params.text);
    if (!stream_send(streams_unasked(client), from, buffer_slice(&json))) {
        log_debug(client->env->log, "streams", "the client reads too slowly: %s dropped session=%s",
                  method, session_tag(client->session));
    }
    buffer_free(&json);
}
