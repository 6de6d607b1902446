/* SPDX-License-Identifier: MIT
 * leg_rig.h - one leg on a factory driver that waits for its cue, and what it told. Its end asserts
 * that nothing leaked. */
#ifndef TRUNKD_TEST_SESSION_LEG_RIG_H
#define TRUNKD_TEST_SESSION_LEG_RIG_H

#include <inttypes.h>

#include "session/leg_hold.h"
#include "unit/session/rig.h"
#include "wire/jsonrpc.h"

/* What one request was told. */
struct heard {
    size_t answers;
    size_t notices;
    size_t failures;
    int32_t status;
    struct leg_source from; /* of the last notice */
    char text[256];
    char json[256]; /* of the last message */
};

struct fixture {
    struct loop *loop;
    struct clock clock;
    struct host_env host_env;
    struct cue_factory *factory;
    struct backend_registry registry;
    struct session_options options;
    struct leg_env env;
    struct leg *leg; /* epoch 2 */
    struct loop_timer *watchdog;
    bool is_late;
    bool admits; /* at once */
    size_t opened;
    size_t ready;
    size_t changed;
    size_t failed;
    char failure[256];
    size_t tools_changed;
    size_t notices;
    struct leg_source from; /* of the last notice */
    size_t idle;
    struct heard heard[3]; /* may be told by the end of the leg, after the test */
};

static inline void keep_json(struct heard *heard, const struct message *message) {
    (void)snprintf(heard->json, sizeof heard->json, "%.*s", (int)message->text.len,
                   (const char *)message->text.data);
}

static inline void on_answer(void *ctx, const struct message *answer) {
    struct heard *heard = ctx;
    heard->answers++;
    keep_json(heard, answer);
}

static inline void on_request_notice(void *ctx, const struct leg_source *from,
                                     const struct message *notice) {
    struct heard *heard = ctx;
    heard->from = *from;
    heard->notices++;
    keep_json(heard, notice);
}

static inline void on_request_failed(void *ctx, int32_t status, const char *text) {
    struct heard *heard = ctx;
    heard->failures++;
    heard->status = status;
    (void)snprintf(heard->text, sizeof heard->text, "%s", text);
}

static const struct leg_request_events request_events = {on_answer, on_request_notice,
                                                         leg_refuse_request, on_request_failed};

static inline void on_opened(void *ctx, struct leg *leg) {
    struct fixture *fixture = ctx;
    assert_int_equal(leg_state(leg), LEG_OPENED);
    fixture->opened++;
    if (fixture->admits) {
        leg_admit(leg);
    }
}

static inline void on_ready(void *ctx, struct leg *leg) {
    struct fixture *fixture = ctx;
    assert_int_equal(leg_state(leg), LEG_READY);
    fixture->ready++;
}

static inline void on_changed(void *ctx, struct leg *leg) {
    struct fixture *fixture = ctx;
    (void)leg;
    fixture->changed++;
}

static inline void on_failed(void *ctx, struct leg *leg, const char *text) {
    struct fixture *fixture = ctx;
    assert_int_equal(leg_state(leg), LEG_CLOSED);
    assert_string_equal(leg_error(leg), text);
    fixture->failed++;
    (void)snprintf(fixture->failure, sizeof fixture->failure, "%s", text);
}

static inline void on_list_changed(void *ctx, struct leg *leg, enum list_kind kind) {
    struct fixture *fixture = ctx;
    assert_true(leg_has_list(leg, kind));
    fixture->tools_changed += kind == LIST_TOOLS ? 1 : 0;
}

static inline void on_notice(void *ctx, const struct leg_source *from,
                             const struct message *notice) {
    struct fixture *fixture = ctx;
    fixture->from = *from;
    assert_int_equal(notice->kind, MESSAGE_NOTIFICATION);
    fixture->notices++;
}

static inline void on_idle(void *ctx) {
    struct fixture *fixture = ctx;
    fixture->idle++;
}

static inline void on_watchdog(void *arg) {
    struct fixture *fixture = arg;
    fixture->is_late = true;
}

static inline int set_up(void **state) {
    static const struct leg_events events = {.on_opened = on_opened,
                                             .on_ready = on_ready,
                                             .on_changed = on_changed,
                                             .on_failed = on_failed,
                                             .on_list_changed = on_list_changed,
                                             .on_notice = on_notice,
                                             .on_request = leg_refuse_request};
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    struct param_list none = {0};
    fixture->loop = loop_new();
    clock_init(&fixture->clock);
    fixture->host_env =
        (struct host_env){fixture->loop, NULL, &fixture->clock, op_table_new(fixture->loop, NULL)};
    fixture->factory = cue_factory_new(&fixture->host_env);
    fixture->watchdog = loop_timer_new(fixture->loop, on_watchdog, fixture);
    fixture->options =
        (struct session_options){.leg_timeout_ms = 20000, .max_message_bytes = 100000};
    fixture->env = (struct leg_env){.loop = fixture->loop,
                                    .clock = &fixture->clock,
                                    .options = &fixture->options,
                                    .on_idle = on_idle,
                                    .on_idle_ctx = fixture};
    backend_registry_add(&fixture->registry, "a", cue_factory_driver(fixture->factory), &none,
                         false, false, 20000, 0);
    fixture->leg = leg_new(&fixture->env, fixture->registry.items[0], "tag", PRINCIPAL_ANONYMOUS, 2,
                           &events, fixture);
    fixture->admits = true;
    *state = fixture;
    return 0;
}

static inline void settle(struct fixture *fixture) {
    for (int i = 0; i < 20; i++) {
        loop_turn(fixture->loop, false);
    }
}

static inline int tear_down(void **state) {
    struct fixture *fixture = *state;
    cue_factory_let_all(fixture->factory);
    leg_free(fixture->leg, false);
    RIG_UNTIL(fixture, fixture->env.transports == 0);
    settle(fixture);
    assert_int_equal(cue_factory_count_made(fixture->factory),
                     cue_factory_count_finished(fixture->factory));
    assert_int_equal(op_count_pending(fixture->host_env.ops, NULL), 0);
    assert_int_equal(op_count_mistakes(fixture->host_env.ops), 0);
    driver_free(cue_factory_driver(fixture->factory));
    settle(fixture);
    cue_factory_free(fixture->factory);
    backend_registry_clear(&fixture->registry);
    op_table_free(fixture->host_env.ops);
    loop_timer_free(fixture->watchdog);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static inline void until_held(struct fixture *fixture, const char *what) {
    RIG_UNTIL(fixture, cue_factory_count_held(fixture->factory, NULL, what) > 0);
}

static inline void open_ready(struct fixture *fixture) {
    leg_open(fixture->leg);
    RIG_UNTIL(fixture, leg_state(fixture->leg) == LEG_READY);
    settle(fixture);
}

static inline uint64_t start_call(struct fixture *fixture, struct heard *heard, uint64_t timeout_ms,
                                  struct leg_request **out_request) {
    struct buffer json = {0};
    uint64_t number = leg_next_number(fixture->leg);
    jsonrpc_write_request(&json, number, "tools/call", slice_cstr("{\"name\":\"echo\"}"));
    struct leg_request *request =
        leg_request(fixture->leg, number, &json, timeout_ms, &request_events, heard);
    assert_null(json.data); /* its bytes have moved */
    if (out_request != NULL) {
        *out_request = request;
    }
    return number;
}

/* A call that the backend has, and does not answer by itself. */
static inline uint64_t start_silent_call(struct fixture *fixture, struct heard *heard) {
    uint64_t number = start_call(fixture, heard, 0, NULL);
    until_held(fixture, "tools/call");
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_OK, NULL);
    settle(fixture);
    assert_int_equal(heard->answers + heard->failures, 0);
    return number;
}

__attribute__((format(printf, 3, 4))) static inline void
say(struct fixture *fixture, uint64_t number, const char *format, ...) {
    char json[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(json, sizeof json, format, args);
    va_end(args);
    (void)cue_factory_say(fixture->factory, "a", json, number);
    settle(fixture);
}

static inline void expect_failure(struct fixture *fixture, const char *part) {
    RIG_UNTIL(fixture, fixture->failed == 1);
    assert_int_equal(leg_state(fixture->leg), LEG_CLOSED);
    if (strstr(fixture->failure, part) == NULL) {
        fail_msg("%s", fixture->failure);
    }
    assert_non_null(strstr(fixture->failure, "backend a"));
    assert_int_equal(fixture->ready, 0);
}

#define LEG(TEST) cmocka_unit_test_setup_teardown(TEST, set_up, tear_down)

#endif
