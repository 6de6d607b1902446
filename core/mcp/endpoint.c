/* SPDX-License-Identifier: MIT
 * endpoint.c - POST, GET and DELETE on the MCP endpoint. */
#include "mcp/endpoint.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mcp/batches.h"
#include "mcp/calls.h"
#include "mcp/methods.h"
#include "mcp/notices.h"
#include "mcp/server_requests.h"
#include "mcp/streams.h"
#include "wire/batch.h"
#include "wire/versions.h"

struct endpoint {
    struct manager *manager;
    struct client_env env;
};

/* A POST, GET or DELETE that waits for the manager. */
struct pending {
    struct endpoint *endpoint;
    struct exchange *exchange;
    struct message message; /* of a POST */
    bool has_message;
};

static void *open_client(void *ctx, struct session *session) {
    struct endpoint *endpoint = ctx;
    return client_new(&endpoint->env, session);
}

static void on_list_changed(void *client, enum list_kind kind) {
    streams_list_changed(client, kind);
}

static void on_notice(void *client, const struct leg_source *from, const struct message *notice) {
    notices_take(client, from, notice);
}

static void on_request(void *client, const struct leg_source *from, const struct message *request) {
    server_requests_take(client, NULL, from, request);
}

static void on_ended(void *client) {
    streams_close(client);
}

static void on_cut(void *client) {
    calls_cut(client);
    server_requests_free(client);
    streams_free(client);
}

static void close_client(void *client) {
    client_free(client);
}

const struct session_client_ops *endpoint_client_ops(void) {
    static const struct session_client_ops ops = {.open = open_client,
                                                  .on_list_changed = on_list_changed,
                                                  .on_notice = on_notice,
                                                  .on_request = on_request,
                                                  .on_ended = on_ended,
                                                  .on_cut = on_cut,
                                                  .close = close_client};
    return &ops;
}

struct endpoint *endpoint_new(struct loop *loop, struct log *log, struct clock *clock,
                              const struct session_options *options) {
    struct endpoint *endpoint = xcalloc(1, sizeof *endpoint);
    endpoint->env.options = options;
    endpoint->env.loop = loop;
    endpoint->env.log = log;
    endpoint->env.clock = clock;
    endpoint->env.slow_timer = loop_timer_new(loop, calls_on_slow_timer, &endpoint->env);
    TAILQ_INIT(&endpoint->env.quick_calls);
    return endpoint;
}

void endpoint_set_manager(struct endpoint *endpoint, struct manager *manager) {
    endpoint->manager = manager;
}

void endpoint_free(struct endpoint *endpoint) {
    if (endpoint != NULL) {
        loop_timer_free(endpoint->env.slow_timer);
        free(endpoint);
    }
}

static void refuse_session(struct pending *pending, int32_t status, const char *text) {
    methods_refuse_status(pending->exchange, pending->message.id.text, status, text);
    free(pending);
}

/* With one use of the session. message NULL: a GET, or a batch. */
static void go_on(struct exchange *exchange, const struct message *message,
                  struct session *session) {
    struct client *client = session_client(session);
    if (exchange->method == EXCHANGE_GET && exchange->is_closed) {
        /* While the session was being restored: a stream to nobody would keep it for ever. */
        exchange->ops->answer(exchange, &(struct exchange_answer){.status = 204});
        session_use_end(session);
    } else if (exchange->method == EXCHANGE_GET) {
        streams_get(client, exchange);
        session_use_end(session);
    } else if (message == NULL) {
        batches_take(client, exchange);
    } else {
        methods_dispatch(client, exchange, message);
    }
}

static void on_session(void *ctx, int32_t status, const char *text, struct session *session) {
    struct pending *pending = ctx;
    if (status != TRUNK_OK) {
        refuse_session(pending, status, text);
        return;
    }
    go_on(pending->exchange, pending->has_message ? &pending->message : NULL, session);
    free(pending);
}

static struct pending *new_pending(struct endpoint *endpoint, struct exchange *exchange,
                                   const struct message *message) {
    struct pending *pending = xcalloc(1, sizeof *pending);
    pending->endpoint = endpoint;
    pending->exchange = exchange;
    if (message != NULL) {
        pending->message = *message;
        pending->has_message = true;
    }
    return pending;
}

static void find_session(struct endpoint *endpoint, struct exchange *exchange,
                         const struct message *message) {
    struct session *session =
        manager_find_live(endpoint->manager, exchange->session_id, exchange->principal);
    if (session != NULL) {
        session_use_begin(session);
        go_on(exchange, message, session);
    } else {
        manager_get_multi_session(endpoint->manager, exchange->session_id, exchange->principal,
                                  on_session, new_pending(endpoint, exchange, message));
    }
}

static void on_terminated(void *ctx, int32_t status, const char *text) {
    struct pending *pending = ctx;
    if (status != TRUNK_OK) {
        refuse_session(pending, TRUNK_UNAVAILABLE, text);
        return;
    }
    struct exchange_answer answer = {.status = 200};
    pending->exchange->ops->answer(pending->exchange, &answer);
    free(pending);
}

static void on_validated(void *ctx, enum validity validity) {
    struct pending *pending = ctx;
    if (validity == VALIDITY_OK) {
        manager_terminate(pending->endpoint->manager, pending->exchange->session_id,
                          pending->exchange->principal, on_terminated, pending);
    } else {
        refuse_session(pending,
                       validity == VALIDITY_CANNOT_TELL ? TRUNK_UNAVAILABLE : TRUNK_NOT_FOUND,
                       "the store does not answer");
    }
}

/* False: it was refused. */
static bool check_version(struct exchange *exchange, struct trunk_slice id) {
    const char *version = exchange->protocol_version;
    if (version == NULL || version_is_supported(slice_cstr(version))) {
        return true;
    }
    methods_refuse(exchange, 400, id, JSONRPC_INVALID_REQUEST, "unsupported MCP-Protocol-Version",
                   0);
    return false;
}

static bool check_session_id(struct exchange *exchange, struct trunk_slice id) {
    if (exchange->session_id != NULL) {
        return true;
    }
    methods_refuse(exchange, 400, id, JSONRPC_INVALID_REQUEST,
                   "the Mcp-Session-Id header is missing", 0);
    return false;
}

static void handle_post(struct endpoint *endpoint, struct exchange *exchange) {
    struct message message;
    struct message_error error;
    if (batch_is_array(exchange->body)) {
        if (check_session_id(exchange, (struct trunk_slice){0}) &&
            check_version(exchange, (struct trunk_slice){0})) {
            find_session(endpoint, exchange, NULL);
        }
        return;
    }
    if (message_parse(exchange->body, &message, &error) != TRUNK_OK) {
        methods_refuse(exchange, 400, error.id, error.code, error.text, 0);
        return;
    }
    if (message.kind == MESSAGE_REQUEST && message_is(&message, "initialize")) {
        if (exchange->session_id != NULL &&
            manager_find_live(endpoint->manager, exchange->session_id, exchange->principal) !=
                NULL) {
            methods_refuse(exchange, 400, message.id.text, JSONRPC_INVALID_REQUEST,
                           "this session is initialized already", 0);
        } else {
            methods_initialize(endpoint->manager, exchange, &message);
        }
    } else if (check_session_id(exchange, message.id.text) &&
               check_version(exchange, message.id.text)) {
        find_session(endpoint, exchange, &message);
    }
}

void endpoint_handle(void *ctx, struct exchange *exchange) {
    struct endpoint *endpoint = ctx;
    struct trunk_slice no_id = {0};
    if (exchange->method == EXCHANGE_POST) {
        handle_post(endpoint, exchange);
    } else if (!check_session_id(exchange, no_id) || !check_version(exchange, no_id)) {
        return;
    } else if (exchange->method == EXCHANGE_GET) {
        find_session(endpoint, exchange, NULL);
    } else {
        manager_validate(endpoint->manager, exchange->session_id, exchange->principal, on_validated,
                         new_pending(endpoint, exchange, NULL));
    }
}
