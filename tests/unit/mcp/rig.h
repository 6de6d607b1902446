/* SPDX-License-Identifier: MIT
 * rig.h - an endpoint with everything behind it (storage-memory, factory-stdio, demo backends as
 * processes) and, before it, exchanges that only remember what they were told. */
#ifndef TRUNKD_TEST_MCP_RIG_H
#define TRUNKD_TEST_MCP_RIG_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "mcp/endpoint.h"
#include "session/principal.h"
#include "wire/jsonrpc.h"

struct fake {
    struct exchange exchange; /* first: ops are given this */
    int status;               /* of answer; 200 for a stream; 0: nothing yet */
    bool is_ended;
    unsigned retry_after_s;
    char session_id[64];
    struct buffer body;   /* of answer */
    struct buffer events; /* each followed by a line feed */
    size_t nevents;
    char last_id[128]; /* of an event */
    unsigned retry_ms;
    size_t backlog;
};

struct rig {
    struct loop *loop;
    struct clock clock;
    struct host_env env;
    struct loader *loader;
    struct driver *storage_driver;
    struct driver *factory;
    struct storage *storage;
    struct backend_registry registry;
    struct session_options options;
    struct endpoint *endpoint;
    struct manager *manager;
    bool is_stopped;
    char id[64]; /* of the session that rig_open opened */
};

static inline struct fake *fake_of(struct exchange *exchange) {
    return (struct fake *)exchange;
}

static inline void fake_answer(struct exchange *exchange, const struct exchange_answer *answer) {
    struct fake *fake = fake_of(exchange);
    assert_false(fake->is_ended);
    assert_false(exchange->is_streaming);
    fake->is_ended = true;
    fake->status = answer->status;
    fake->retry_after_s = answer->retry_after_s;
    if (answer->session_id != NULL) {
        (void)snprintf(fake->session_id, sizeof fake->session_id, "%s", answer->session_id);
    }
    buffer_append_slice(&fake->body, answer->json);
}

static inline void fake_open_stream(struct exchange *exchange, const char *session_id) {
    assert_false(exchange->is_streaming);
    assert_non_null(session_id);
    exchange->is_streaming = true;
    fake_of(exchange)->status = 200;
}

static inline void fake_event(struct exchange *exchange, const struct exchange_event *event) {
    struct fake *fake = fake_of(exchange);
    assert_true(exchange->is_streaming);
    assert_false(fake->is_ended);
    (void)snprintf(fake->last_id, sizeof fake->last_id, "%.*s", (int)event->id.len,
                   event->id.len > 0 ? (const char *)event->id.data : "");
    fake->retry_ms = event->retry_ms != 0 ? event->retry_ms : fake->retry_ms;
    buffer_append_slice(&fake->events, event->json);
    buffer_append_cstr(&fake->events, "\n");
    fake->nevents++;
}

static inline size_t fake_backlog(const struct exchange *exchange) {
    return ((const struct fake *)exchange)->backlog;
}

static inline void fake_close_stream(struct exchange *exchange) {
    assert_true(exchange->is_streaming);
    assert_false(fake_of(exchange)->is_ended);
    fake_of(exchange)->is_ended = true;
}

/* body and session_id outlive the fake. */
static inline struct fake *fake_new(enum exchange_method method, const char *session_id,
                                    const char *body) {
    static const struct exchange_ops ops = {fake_answer, fake_open_stream, fake_event, fake_backlog,
                                            fake_close_stream};
    struct fake *fake = xcalloc(1, sizeof *fake);
    fake->exchange.ops = &ops;
    fake->exchange.method = method;
    fake->exchange.principal = PRINCIPAL_ANONYMOUS;
    fake->exchange.session_id = session_id;
    fake->exchange.body = slice_cstr(body);
    return fake;
}

static inline void fake_free(struct fake *fake) {
    assert_true(fake->is_ended);
    buffer_free(&fake->body);
    buffer_free(&fake->events);
    free(fake);
}

static inline void fake_drain(struct fake *fake) {
    fake->backlog = 0;
    fake->exchange.on_drained(&fake->exchange, fake->exchange.ctx);
}

static inline void fake_leave(struct fake *fake) {
    fake->exchange.is_closed = true;
    if (fake->exchange.on_close != NULL) {
        fake->exchange.on_close(&fake->exchange, fake->exchange.ctx);
    }
}

static inline void rig_add_backend(struct rig *rig, const char *name) {
    struct param_list params = {.items = xcalloc(3, sizeof *params.items), .count = 3};
    params.items[0] =
        (struct trunk_param){xstrdup("command"), xstrdup(TEST_BIN_DIR "/trunkd-demo-backend")};
    params.items[1] = (struct trunk_param){xstrdup("args"), xstrdup("--name")};
    params.items[2] = (struct trunk_param){xstrdup("args"), xstrdup(name)};
    backend_registry_add(&rig->registry, name, rig->factory, &params, false, false, 20000, 0);
}

static inline struct driver *rig_open_driver(struct rig *rig, uint32_t kind, const char *name) {
    const struct plugin *plugin = NULL;
    struct trunk_error error = {0};
    struct param_list params = {0};
    assert_int_equal(loader_load(rig->loader, kind, name, &plugin, &error), TRUNK_OK);
    (void)params_parse(plugin->desc.params, false, NULL, "", NULL, &params, NULL, NULL);
    struct driver *driver = driver_new(&rig->env, name, plugin, &params);
    assert_int_equal(driver_open(driver, &error), TRUNK_OK);
    return driver;
}

/* Without a factory and backends: then rig_begin. */
static inline struct rig *rig_prepare(void) {
    static const char *const dirs[] = {TEST_PLUGIN_DIR};
    struct rig *rig = xcalloc(1, sizeof *rig);
    (void)signal(SIGPIPE, SIG_IGN);
    rig->loop = loop_new();
    clock_init(&rig->clock);
    rig->env = (struct host_env){rig->loop, NULL, &rig->clock, op_table_new(rig->loop, NULL)};
    rig->loader = loader_new(NULL, dirs, 1, TEST_PLUGIN_DIR);
    rig->storage_driver = rig_open_driver(rig, TRUNK_KIND_STORAGE, "memory");
    rig->options = (struct session_options){.ttl_ms = 60000,
                                            .leg_timeout_ms = 20000,
                                            .list_wait_ms = 10000,
                                            .max_inflight = 4,
                                            .max_message_bytes = 1 << 20,
                                            .naming = {.prefix_format = "{backend}_"}};
    return rig;
}

static inline void rig_begin(struct rig *rig) {
    rig->storage = storage_new(rig->storage_driver, 5000);
    rig->endpoint = endpoint_new(rig->loop, NULL, &rig->clock, &rig->options);
    struct manager_config config = {.loop = rig->loop,
                                    .clock = &rig->clock,
                                    .storage = rig->storage,
                                    .registry = &rig->registry,
                                    .options = &rig->options,
                                    .node = "test",
                                    .client_ops = endpoint_client_ops(),
                                    .client_ctx = rig->endpoint};
    rig->manager = manager_new(&config);
    endpoint_set_manager(rig->endpoint, rig->manager);
}

static inline struct rig *rig_new(void) {
    struct rig *rig = rig_prepare();
    rig->factory = rig_open_driver(rig, TRUNK_KIND_FACTORY, "stdio");
    rig_add_backend(rig, "a");
    rig_add_backend(rig, "b");
    rig_begin(rig);
    return rig;
}

static inline void rig_on_stopped(void *ctx) {
    ((struct rig *)ctx)->is_stopped = true;
}

/* Every session, leg and process is gone afterwards, or this never ends; LSan sees the rest. */
static inline void rig_free(struct rig *rig) {
    manager_stop(rig->manager, rig_on_stopped, rig);
    while (!rig->is_stopped) {
        loop_turn(rig->loop, true);
    }
    assert_int_equal(manager_count_live(rig->manager), 0);
    assert_int_equal(op_count_mistakes(rig->env.ops), 0);
    storage_stop(rig->storage);
    manager_free(rig->manager);
    endpoint_free(rig->endpoint);
    driver_free(rig->factory);
    driver_free(rig->storage_driver);
    loop_turn(rig->loop, false);
    storage_free(rig->storage);
    backend_registry_clear(&rig->registry);
    loader_free(rig->loader);
    op_table_free(rig->env.ops);
    loop_free(rig->loop);
    free(rig);
}

static inline void rig_wait_end(struct rig *rig, const struct fake *fake) {
    while (!fake->is_ended) {
        loop_turn(rig->loop, true);
    }
}

static inline void rig_wait_events(struct rig *rig, const struct fake *fake, size_t count) {
    while (fake->nevents < count) {
        loop_turn(rig->loop, true);
    }
}

static inline struct fake *rig_start(struct rig *rig, enum exchange_method method,
                                     const char *session_id, const char *body) {
    struct fake *fake = fake_new(method, session_id, body);
    endpoint_handle(rig->endpoint, &fake->exchange);
    return fake;
}

static inline struct fake *rig_post(struct rig *rig, const char *session_id, const char *body) {
    struct fake *fake = rig_start(rig, EXCHANGE_POST, session_id, body);
    rig_wait_end(rig, fake);
    return fake;
}

/* Posts, and checks status and the whole body. */
static inline void rig_expect(struct rig *rig, const char *session_id, const char *body, int status,
                              const char *wanted) {
    struct fake *fake = rig_post(rig, session_id, body);
    assert_string_equal(buffer_cstr(&fake->body), wanted);
    assert_int_equal(fake->status, status);
    fake_free(fake);
}

#define RIG_INITIALIZE                                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\","                                                                              \
    "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"

static inline void rig_open(struct rig *rig) {
    struct fake *fake = rig_post(rig, NULL, RIG_INITIALIZE);
    assert_int_equal(fake->status, 200);
    assert_int_equal(strlen(fake->session_id), 32);
    (void)snprintf(rig->id, sizeof rig->id, "%s", fake->session_id);
    fake_free(fake);
}

static inline int rig_set_up(void **state) {
    struct rig *rig = rig_new();
    rig_open(rig);
    *state = rig;
    return 0;
}

static inline int rig_tear_down(void **state) {
    rig_free(*state);
    return 0;
}

#endif
