/* SPDX-License-Identifier: MIT
 * streams.c - the GET stream of a session. */
#include "mcp/streams.h"

#include "wire/jsonrpc.h"

#define MAX_BACKLOG_BYTES (4u << 20)

bool streams_send(struct exchange *exchange, struct trunk_slice json) {
    if (exchange->ops->backlog(exchange) > MAX_BACKLOG_BYTES) {
        return false;
    }
    exchange->ops->event(exchange, json);
    return true;
}

static void send_notification(struct client *client, const char *method,
                              struct trunk_slice params) {
    struct buffer json = {0};
    jsonrpc_write_notification(&json, method, params);
    if (!streams_send(client->stream, buffer_slice(&json))) {
        log_debug(client->env->log, "streams", "the client reads too slowly: %s dropped session=%s",
                  method, session_tag(client->session));
    }
    buffer_free(&json);
}

void streams_close(struct client *client) {
    struct exchange *exchange = client->stream;
    if (exchange != NULL) {
        client->stream = NULL;
        exchange->on_close = NULL;
        exchange->ops->close_stream(exchange);
        session_stream_end(client->session);
    }
}

static void on_close(struct exchange *exchange, void *ctx) {
    struct client *client = ctx;
    if (client->stream == exchange) {
        streams_close(client);
    }
}

void streams_open(struct client *client, struct exchange *exchange) {
    session_stream_begin(client->session);
    streams_close(client);
    client->stream = exchange;
    exchange->on_close = on_close;
    exchange->ctx = client;
    exchange->ops->open_stream(exchange, session_id(client->session));
    if (client->owes_tools_changed) {
        streams_tools_changed(client);
    }
}

void streams_tools_changed(struct client *client) {
    client->owes_tools_changed = client->stream == NULL;
    if (client->stream != NULL) {
        send_notification(client, "notifications/tools/list_changed", (struct trunk_slice){0});
    }
}

void streams_notice(struct client *client, const struct message *notice) {
    if (client->stream != NULL && message_is(notice, "notifications/message")) {
        send_notification(client, "notifications/message", notice->params.text);
    }
}
