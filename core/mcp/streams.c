/* SPDX-License-Identifier: MIT
 * streams.c - the GET stream of a session. */
#include "mcp/streams.h"

#include "mcp/logging.h"
#include "wire/jsonrpc.h"

static bool is_behind(const struct exchange *exchange) {
    return exchange->ops->backlog(exchange) > EXCHANGE_HIGH_BYTES;
}

bool streams_send(struct exchange *exchange, const struct leg_source *from, struct leg_holds *holds,
                  struct trunk_slice json) {
    if (is_behind(exchange) && !leg_hold(from, holds)) {
        return false;
    }
    exchange->ops->event(exchange, json);
    return true;
}

void streams_close(struct client *client) {
    struct exchange *exchange = client->stream;
    if (exchange != NULL) {
        client->stream = NULL;
        leg_release(&client->holds);
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

static void on_drained(struct exchange *exchange, void *ctx) {
    struct client *client = ctx;
    (void)exchange;
    leg_release(&client->holds);
    if (client->owes_tools_changed) {
        streams_tools_changed(client);
    }
}

void streams_open(struct client *client, struct exchange *exchange) {
    session_stream_begin(client->session);
    streams_close(client);
    client->stream = exchange;
    exchange->on_close = on_close;
    exchange->on_drained = on_drained;
    exchange->ctx = client;
    exchange->ops->open_stream(exchange, session_id(client->session));
    if (client->owes_tools_changed) {
        streams_tools_changed(client);
    }
}

void streams_tools_changed(struct client *client) {
    client->owes_tools_changed = client->stream == NULL || is_behind(client->stream);
    if (!client->owes_tools_changed) {
        struct buffer json = {0};
        jsonrpc_write_notification(&json, "notifications/tools/list_changed",
                                   (struct trunk_slice){0});
        client->stream->ops->event(client->stream, buffer_slice(&json));
        buffer_free(&json);
    }
}

void streams_notice(struct client *client, const struct leg_source *from,
                    const struct message *notice) {
    if (client->stream == NULL || !message_is(notice, "notifications/message") ||
        !logging_is_shown(client, notice)) {
        return;
    }
    struct buffer json = {0};
    jsonrpc_write_notification(&json, "notifications/message", notice->params.text);
    if (!streams_send(client->stream, from, &client->holds, buffer_slice(&json))) {
        log_debug(client->env->log, "streams",
                  "the client reads too slowly: a log message dropped session=%s",
                  session_tag(client->session));
    }
    buffer_free(&json);
}
