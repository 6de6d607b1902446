/* SPDX-License-Identifier: MIT
 * server.c - serve: puts the rooms together, runs the loop, and takes them apart again. */
#include "app/server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/auth.h"
#include "app/drivers.h"
#include "base/status.h"
#include "mcp/endpoint.h"
#include "session/node.h"

#define STORE_TIMEOUT_MS 5000
#define PING_INTERVAL_MS 200
#define NODE_LEASE_MS 30000
/* Beside session.drain: for the stop ladders of backends that do not end by themselves. */
#define STOP_MARGIN_MS 15000

struct server {
    struct config *config;
    struct log *log;
    struct drivers drivers;
    struct storage *storage;
    struct node *node;
    struct endpoint *endpoint;
    struct manager *manager;
    struct auth *auth;
    struct http_server *http;
    struct loop_signal *signals[3];
    struct loop_timer *timer; /* of the start, later of the stop */
    uint64_t start_deadline_ms;
    int32_t ping_status;
    bool is_stopping;
    bool has_failed;
    bool is_lost; /* the store is another process's now */
};

static void on_ping(void *ctx, const struct trunk_reply *reply) {
    struct server *server = ctx;
    uint64_t now = clock_mono_ms(&server->drivers.clock);
    server->ping_status = reply->status;
    if (reply->status == TRUNK_OK) {
        loop_stop(server->drivers.loop);
    } else if (server->is_stopping || now >= server->start_deadline_ms) {
        log_error(server->log, "app", "the store %s does not answer: %s",
                  server->config->storage.plugin->desc.name,
                  reply->message != NULL ? reply->message : status_name(reply->status));
        server->has_failed = true;
        loop_stop(server->drivers.loop);
    } else {
        loop_timer_set(server->timer, PING_INTERVAL_MS);
    }
}

static void on_timer(void *arg) {
    struct server *server = arg;
    if (server->is_stopping) {
        log_error(server->log, "app", "not everything has ended in time; leaving it");
        server->has_failed = true;
        loop_stop(server->drivers.loop);
    } else {
        storage_ping(server->storage, on_ping, server);
    }
}

static void on_released(void *ctx) {
    struct server *server = ctx;
    loop_stop(server->drivers.loop);
}

static void on_stopped(void *ctx) {
    struct server *server = ctx;
    node_release(server->node, on_released, server);
}

static void begin_stop(struct server *server) {
    server->is_stopping = true;
    log_info(server->log, "app", "stopping sessions=%zu", manager_count_live(server->manager));
    http_server_drain(server->http);
    loop_timer_set(server->timer, server->config->session.drain_ms + STOP_MARGIN_MS);
    manager_stop(server->manager, on_stopped, server);
}

/* As a planned restart: what is stored is left to the other process. */
static void on_lost(void *ctx, const char *text) {
    struct server *server = ctx;
    log_error(server->log, "app", "this node stops: %s node=%s", text, server->config->node);
    server->is_lost = true;
    if (!server->is_stopping) {
        begin_stop(server);
    }
}

static void on_claimed(void *ctx, int32_t status, const char *text) {
    struct server *server = ctx;
    if (status != TRUNK_OK) {
        log_error(server->log, "app", "%s node=%s", text, server->config->node);
        server->has_failed = true;
    }
    loop_stop(server->drivers.loop);
}

static void on_signal(void *arg) {
    struct server *server = arg;
    if (server->is_stopping) {
        server->has_failed = true;
        loop_stop(server->drivers.loop);
        return;
    }
    if (server->manager == NULL) { /* still waiting for the store */
        server->is_stopping = true;
        server->has_failed = true;
        loop_stop(server->drivers.loop);
        return;
    }
    begin_stop(server);
}

/* Loads are refused while the store does not answer, so it is waited for before anything else
 * starts. */
static int32_t wait_for_store(struct server *server) {
    server->start_deadline_ms =
        clock_mono_ms(&server->drivers.clock) + server->config->start_wait_ms;
    storage_ping(server->storage, on_ping, server);
    loop_run(server->drivers.loop);
    return server->has_failed ? TRUNK_UNAVAILABLE : TRUNK_OK;
}

/* Not served before the store is known to be this node's alone. */
static int32_t claim_store(struct server *server) {
    struct node_config node = {.loop = server->drivers.loop,
                               .log = server->log,
                               .clock = &server->drivers.clock,
                               .storage = server->storage,
                               .name = server->config->node,
                               .lease_ms = NODE_LEASE_MS,
                               .on_lost = on_lost,
                               .ctx = server};
    server->node = node_new(&node);
    node_claim(server->node, on_claimed, server);
    loop_run(server->drivers.loop);
    return server->has_failed ? TRUNK_UNAVAILABLE : TRUNK_OK;
}

static bool is_ignored(int signal_number) {
    struct sigaction action;
    return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int32_t start(struct server *server) {
    struct drivers *drivers = &server->drivers;
    struct config *config = server->config;
    struct trunk_error error = {0};
    int32_t status = drivers_open(drivers, config, server->log, true);
    if (status != TRUNK_OK) {
        return status;
    }
    server->storage = storage_new(drivers->storage, STORE_TIMEOUT_MS);
    server->timer = loop_timer_new(drivers->loop, on_timer, server);
    server->signals[0] = loop_signal_new(drivers->loop, SIGTERM, on_signal, server);
    server->signals[1] = loop_signal_new(drivers->loop, SIGINT, on_signal, server);
    if (!is_ignored(SIGHUP)) { /* as nohup wants it */
        server->signals[2] = loop_signal_new(drivers->loop, SIGHUP, on_signal, server);
    }
    status = wait_for_store(server);
    if (status == TRUNK_OK) {
        status = claim_store(server);
    }
    if (status != TRUNK_OK) {
        return status;
    }
    server->endpoint = endpoint_new(drivers->loop, server->log, &drivers->clock, &config->session);
    struct manager_config manager = {.loop = drivers->loop,
                                     .log = server->log,
                                     .clock = &drivers->clock,
                                     .storage = server->storage,
                                     .registry = &drivers->backends,
                                     .options = &config->session,
                                     .node = config->node,
                                     .client_ops = endpoint_client_ops(),
                                     .client_ctx = server->endpoint};
    server->manager = manager_new(&manager);
    endpoint_set_manager(server->endpoint, server->manager);
    server->auth = auth_new(drivers->loop, server->log, &config->auth);
    server->http = http_server_new(drivers->loop, server->log, &config->listen,
                                   auth_authenticator(server->auth), endpoint_handle,
                                   server->endpoint, &error);
    if (server->http == NULL) {
        log_error(server->log, "app", "%s: %s", error.key, error.text);
        return error.status;
    }
    return TRUNK_OK;
}

static void print_ready(const struct server *server) {
    const struct http_options *listen = &server->config->listen;
    bool is_v6 = strchr(listen->address, ':') != NULL;
    (void)printf("ready mcp=http://%s%s%s:%u%s\n", is_v6 ? "[" : "", listen->address,
                 is_v6 ? "]" : "", (unsigned)http_server_port(server->http), listen->path);
    (void)fflush(stdout);
}

/* A start that failed half way leaves a manager that was never used. */
static void stop_unused_manager(struct server *server) {
    if (server->manager != NULL && !server->is_stopping) {
        server->is_stopping = true;
        manager_stop(server->manager, on_stopped, server);
        loop_run(server->drivers.loop);
    }
}

static void end(struct server *server) {
    stop_unused_manager(server);
    http_server_free(server->http);
    auth_free(server->auth);
    if (server->storage != NULL) {
        storage_stop(server->storage);
    }
    loop_signal_free(server->signals[0]);
    loop_signal_free(server->signals[1]);
    loop_signal_free(server->signals[2]);
    loop_timer_free(server->timer);
    drivers_close(&server->drivers);
    manager_free(server->manager);
    endpoint_free(server->endpoint);
    node_free(server->node);
    storage_free(server->storage);
    drivers_free(&server->drivers);
}

int serve_command(struct config *config, struct log *log) {
    struct server server = {.config = config, .log = log};
    if (start(&server) == TRUNK_OK) {
        if (config_lets_strangers_in(config)) {
            log_warn(log, "app",
                     "auth.anonymous is not said, so clients of other hosts come in "
                     "without a token");
        }
        print_ready(&server);
        manager_recover(server.manager);
        loop_run(server.drivers.loop);
    } else {
        server.has_failed = true;
    }
    if (server.has_failed && server.is_stopping && server.storage != NULL &&
        (server.manager != NULL || storage_count_pending(server.storage) > 0)) {
        _exit(1); /* what hangs cannot be taken apart; children die with us (PR_SET_PDEATHSIG) */
    }
    end(&server);
    return server.has_failed || server.is_lost ? 1 : 0;
}
