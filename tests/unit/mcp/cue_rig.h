/* SPDX-License-Identifier: MIT
 * cue_rig.h - an endpoint whose backends `a` and `b` are spoken for by the test. */
#ifndef TRUNKD_TEST_MCP_CUE_RIG_H
#define TRUNKD_TEST_MCP_CUE_RIG_H

#include <inttypes.h>

#include "rig.h"
#include "support/cue_factory.h"

#define EVERYTHING                                                                                 \
    "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{\"listChanged\":true},"      \
    "\"prompts\":{},\"resources\":{\"subscribe\":true},\"logging\":{},\"completions\":{}},"        \
    "\"serverInfo\":{\"name\":\"cue\",\"version\":\"1\"}}"
#define TOOLS "{\"tools\":[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}]}"
#define REQUEST(id, method, params)                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define NOTICE(method, params)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":" params "}"
#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define CALL(id, name) REQUEST(id, "tools/call", "{\"name\":\"" name "\"}")
#define INITIALIZED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"

struct cue_rig {
    struct rig *rig;
    struct cue_factory *cue;
};

static inline int cue_rig_set_up(void **state) {
    struct cue_rig *self = xcalloc(1, sizeof *self);
    struct param_list none = {0};
    self->rig = rig_prepare();
    self->cue = cue_factory_new(&self->rig->env);
    self->rig->factory = cue_factory_driver(self->cue);
    self->rig->options.max_inflight = 64;
    backend_registry_add(&self->rig->registry, "a", self->rig->factory, &none, false, false, 20000,
                         0);
    backend_registry_add(&self->rig->registry, "b", self->rig->factory, &none, false, false, 20000,
                         0);
    rig_begin(self->rig);
    cue_factory_push_result(self->cue, "initialize", EVERYTHING);
    cue_factory_push_result(self->cue, "tools/list", TOOLS);
    *state = self;
    return 0;
}

static inline int cue_rig_tear_down(void **state) {
    struct cue_rig *self = *state;
    cue_factory_let_all(self->cue);
    rig_free(self->rig);
    cue_factory_free(self->cue);
    free(self);
    return 0;
}

static inline void settle(struct cue_rig *self) {
    for (int i = 0; i < 30; i++) {
        loop_turn(self->rig->loop, false);
    }
}

/* Its id is in rig->id; it has lists, and nothing is under way. */
static inline void open_session(struct cue_rig *self, const char *protocol,
                                const char *capabilities) {
    char body[512];
    (void)snprintf(body, sizeof body,
                   "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                   "\"protocolVersion\":\"%s\",\"capabilities\":%s,\"clientInfo\":{\"name\":\"t\","
                   "\"version\":\"1\"}}}",
                   protocol, capabilities);
    struct fake *fake = rig_post(self->rig, NULL, body);
    assert_int_equal(fake->status, 200);
    (void)snprintf(self->rig->id, sizeof self->rig->id, "%s", fake->session_id);
    fake_free(fake);
    fake_free(rig_post(self->rig, self->rig->id, INITIALIZED));
    fake_free(rig_post(self->rig, self->rig->id, REQUEST("0", "tools/list", "{}")));
    settle(self);
}

static inline struct fake *start(struct cue_rig *self, const char *body) {
    struct fake *fake = rig_start(self->rig, EXCHANGE_POST, self->rig->id, body);
    settle(self);
    return fake;
}

static inline struct fake *get(struct cue_rig *self, const char *last_event_id) {
    struct fake *fake = fake_new(EXCHANGE_GET, self->rig->id, "");
    fake->exchange.last_event_id = last_event_id;
    endpoint_handle(self->rig->endpoint, &fake->exchange);
    settle(self);
    return fake;
}

/* Posts what is accepted without an answer. */
static inline void tell(struct cue_rig *self, const char *body) {
    rig_expect(self->rig, self->rig->id, body, 202, "");
    settle(self);
}

/* The backend gets the request of this method and is silent; gives its number. */
static inline uint64_t take(struct cue_rig *self, const char *backend, const char *method) {
    while (cue_factory_count_held(self->cue, backend, method) == 0) {
        loop_turn(self->rig->loop, true);
    }
    uint64_t number = cue_factory_held_number(self->cue, backend, method);
    cue_factory_complete_next(self->cue, backend, method, TRUNK_OK, NULL);
    settle(self);
    return number;
}

__attribute__((format(printf, 4, 5))) static inline void
say(struct cue_rig *self, const char *backend, uint64_t number, const char *format, ...) {
    char json[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(json, sizeof json, format, args);
    va_end(args);
    (void)cue_factory_say(self->cue, backend, json, number);
    settle(self);
}

static inline void answer(struct cue_rig *self, const char *backend, uint64_t number,
                          const char *result) {
    say(self, backend, number, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":%s}", number,
        result);
}

static inline void expect_events(const struct fake *fake, const char *events) {
    assert_string_equal(buffer_cstr((struct buffer *)(uintptr_t)&fake->events), events);
}

static inline void expect_body(const struct fake *fake, const char *body) {
    assert_string_equal(buffer_cstr((struct buffer *)(uintptr_t)&fake->body), body);
}

static inline void leave(struct fake *fake) {
    if (!fake->is_ended) {
        fake_leave(fake);
    }
    fake_free(fake);
}

#define CUE_TEST(name) cmocka_unit_test_setup_teardown(name, cue_rig_set_up, cue_rig_tear_down)

#endif
