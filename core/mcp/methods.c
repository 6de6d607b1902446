/* SPDX-License-Identifier: MIT
 * methods.c - initialize, ping and the choice among methods. */
#include "mcp/methods.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mcp/calls.h"
#include "mcp/listing.h"
#include "mcp/logging.h"
#include "mcp/relay.h"
#include "mcp/server_requests.h"
#include "mcp/streams.h"
#include "wire/versions.h"

#define RETRY_AFTER_S 1
/* They go into the record, which is written as a whole, often. */
#define MAX_CLIENT_BYTES ((size_t)64 << 10)

void methods_refuse(struct exchange *exchange, int status, struct trunk_slice id, int code,
                    const char *text, unsigned retry_after_s) {
    struct buffer json = {0};
    jsonrpc_write_error(&json, id, code, text);
    struct exchange_answer answer = {
        .status = status, .json = buffer_slice(&json), .retry_after_s = retry_after_s};
    exchange->ops->answer(exchange, &answer);
    buffer_free(&json);
}

void methods_answer(struct exchange *exchange, struct trunk_slice id, struct trunk_slice result) {
    struct buffer json = {0};
    jsonrpc_write_result(&json, id, result);
    struct exchange_answer answer = {.status = 200, .json = buffer_slice(&json)};
    exchange->ops->answer(exchange, &answer);
    buffer_free(&json);
}

void methods_refuse_status(struct exchange *exchange, struct trunk_slice id, int32_t status,
                           const char *text) {
    if (status == TRUNK_NOT_FOUND) {
        methods_refuse(exchange, 404, id, JSONRPC_SESSION_NOT_FOUND, "Session not found", 0);
    } else {
        methods_refuse(exchange, 503, id, JSONRPC_SERVER_ERROR, text, RETRY_AFTER_S);
    }
}

struct initialize {
    struct manager *manager;
    struct exchange *exchange;
    struct trunk_slice id; /* in the exchange's body */
};

static void ignore_terminated(void *ctx, int32_t status, const char *text) {
    (void)ctx;
    (void)status;
    (void)text;
}

static void on_session(void *ctx, int32_t status, const char *text, struct session *session) {
    struct initialize *initialize = ctx;
    struct exchange *exchange = initialize->exchange;
    if (status == TRUNK_UNAVAILABLE) {
        methods_refuse_status(exchange, initialize->id, status, text);
    } else if (status != TRUNK_OK) {
        methods_refuse(exchange, 200, initialize->id, JSONRPC_INTERNAL_ERROR, text, 0);
    }
    if (status != TRUNK_OK) {
        free(initialize);
        return;
    }
    if (exchange->is_closed) { /* it never learns the id, so nobody would end the session */
        manager_terminate(initialize->manager, session_id(session), exchange->principal,
                          ignore_terminated, NULL);
    }
    const char *protocol = session_record(session)->protocol;
    struct buffer result = {0};
    struct buffer json = {0};
    buffer_printf(&result,
                  "{\"protocolVersion\":\"%s\",\"capabilities\":{%s\"logging\":{},"
                  "\"prompts\":{\"listChanged\":true},"
                  "\"resources\":{\"subscribe\":true,\"listChanged\":true},"
                  "\"tools\":{\"listChanged\":true}},"
                  "\"serverInfo\":{\"name\":\"trunkd\",\"version\":\"" TRUNKD_VERSION "\"}}",
                  protocol, strcmp(protocol, "2025-03-26") >= 0 ? "\"completions\":{}," : "");
    jsonrpc_write_result(&json, initialize->id, buffer_slice(&result));
    struct exchange_answer answer = {
        .status = 200, .session_id = session_id(session), .json = buffer_slice(&json)};
    exchange->ops->answer(exchange, &answer);
    session_use_end(session);
    buffer_free(&result);
    buffer_free(&json);
    free(initialize);
}

static void on_generated(void *ctx, int32_t status, const char *text, const char *id) {
    struct initialize *initialize = ctx;
    if (status != TRUNK_OK) {
        methods_refuse(initialize->exchange, 503, initialize->id, JSONRPC_SERVER_ERROR, text,
                       RETRY_AFTER_S);
        free(initialize);
        return;
    }
    manager_create_session(initialize->manager, id, initialize->exchange->principal, on_session,
                           initialize);
}

void methods_initialize(struct manager *manager, struct exchange *exchange,
                        const struct message *message) {
    struct buffer version = {0};
    if (message->protocol_version.type != JSON_STRING ||
        message->capabilities.type != JSON_OBJECT || message->client_info.type != JSON_OBJECT) {
        methods_refuse(
            exchange, 200, message->id.text, JSONRPC_INVALID_PARAMS,
            "initialize needs protocolVersion (string), capabilities and clientInfo (objects)", 0);
        return;
    }
    if (message->capabilities.text.len + message->client_info.text.len > MAX_CLIENT_BYTES) {
        methods_refuse(exchange, 200, message->id.text, JSONRPC_INVALID_PARAMS,
                       "capabilities and clientInfo are longer than 64 KiB", 0);
        return;
    }
    struct initialize *initialize = xcalloc(1, sizeof *initialize);
    *initialize = (struct initialize){manager, exchange, message->id.text};
    json_string_decode(message->protocol_version.text, &version);
    struct manager_client client = {.principal = exchange->principal,
                                    .protocol = version_negotiate(buffer_slice(&version)),
                                    .client = message->client_info.text,
                                    .capabilities = message->capabilities.text};
    manager_generate(manager, &client, on_generated, initialize);
    buffer_free(&version);
}

static void accept_message(struct exchange *exchange) {
    struct exchange_answer answer = {.status = 202};
    exchange->ops->answer(exchange, &answer);
}

static void forward_roots_changed(struct client *client) {
    struct multi_session *multi = session_multi(client->session);
    if (multi != NULL) {
        multi_session_notify(multi, "notifications/roots/list_changed");
    }
}

/* Also by the first request but ping: not all clients say it (protocol.md 4.1). */
static void become_initialized(struct client *client) {
    session_set_initialized(client->session);
    streams_go_on(client);
}

static void dispatch_notification(struct client *client, struct exchange *exchange,
                                  const struct message *message) {
    if (message_is(message, "notifications/initialized")) {
        become_initialized(client);
    } else if (message_is(message, "notifications/cancelled")) {
        calls_cancel(client, message);
    } else if (message_is(message, "notifications/progress")) {
        server_requests_progress(client, message);
    } else if (message_is(message, "notifications/roots/list_changed")) {
        forward_roots_changed(client);
    }
    accept_message(exchange);
    session_use_end(client->session);
}

static bool is_over_inflight(const struct client *client) {
    uint64_t max = client->env->options->max_inflight;
    return max != 0 && session_count_uses(client->session) > max;
}

static void dispatch_request(struct client *client, struct exchange *exchange,
                             const struct message *message) {
    struct trunk_slice id = message->id.text;
    if (!session_is_initialized(client->session) && !message_is(message, "ping")) {
        become_initialized(client);
    }
    if (is_over_inflight(client)) {
        methods_refuse(exchange, 503, id, JSONRPC_SERVER_ERROR,
                       "too many requests in flight (session.max_inflight)", RETRY_AFTER_S);
    } else if (relay_take(client, exchange, message) || listing_take(client, exchange, message)) {
        return;
    } else if (message_is(message, "logging/setLevel")) {
        logging_set_level(client, exchange, message);
        return;
    } else if (message_is(message, "ping")) {
        methods_answer(exchange, id, slice_cstr("{}"));
    } else {
        methods_refuse(exchange, 200, id, JSONRPC_METHOD_NOT_FOUND, "Method not found", 0);
    }
    session_use_end(client->session);
}

void methods_dispatch(struct client *client, struct exchange *exchange,
                      const struct message *message) {
    switch (message->kind) {
    case MESSAGE_REQUEST:
        dispatch_request(client, exchange, message);
        break;
    case MESSAGE_NOTIFICATION:
        dispatch_notification(client, exchange, message);
        break;
    case MESSAGE_RESULT:
    case MESSAGE_ERROR:
        server_requests_answer(client, message);
        accept_message(exchange);
        session_use_end(client->session);
        break;
    }
}
