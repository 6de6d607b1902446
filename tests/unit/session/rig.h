/* SPDX-License-Identifier: MIT
 * rig.h - a session manager between a storage and a factory driver that wait for their cue, and a
 * client's side that only counts. Its end asserts that nothing leaked: each leg made was finished,
 * no session is left, no driver broke a rule. */
#ifndef TRUNKD_TEST_SESSION_RIG_H
#define TRUNKD_TEST_SESSION_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "session/manager.h"
#include "session/principal.h"
#include "support/cue_factory.h"
#include "support/cue_storage.h"

enum { RIG_PATIENCE_MS = 10000, RIG_TTL_MS = 60000, RIG_STORE_TIMEOUT_MS = 5000 };

struct rig {
    struct loop *loop;
    struct clock clock;
    struct host_env env;
    struct cue_storage *store;
    struct cue_factory *factory;
    struct cue_backends backends;
    struct storage *storage;
    struct backend_registry registry;
    struct session_options options;
    struct manager *manager;
    struct loop_timer *watchdog;
    bool is_late;
    bool is_stopped;
    char id[SESSION_ID_SIZE]; /* of the last rig_generate */
    char key[RECORD_KEY_SIZE];
    size_t opened; /* what the clients' sides were told, in all */
    size_t tools_changed;
    size_t notices;
    size_t ended;
    size_t cut;
    size_t closed;
};

/* The client's side of one session. */
struct rig_client {
    struct rig *rig;
    struct session *session;
    size_t uses; /* begun for the test; a cut ends them */
};

/* What a call of the manager told. */
struct outcome {
    struct rig *rig;
    size_t calls;
    int32_t status;
    char text[256];
    char id[SESSION_ID_SIZE];
    struct session *session;
    enum validity validity;
};

static inline void *rig_client_open(void *ctx, struct session *session) {
    struct rig *rig = ctx;
    struct rig_client *client = xcalloc(1, sizeof *client);
    *client = (struct rig_client){.rig = rig, .session = session};
    rig->opened++;
    return client;
}

static inline void rig_client_list_changed(void *ctx, enum list_kind kind) {
    struct rig_client *client = ctx;
    client->rig->tools_changed += kind == LIST_TOOLS ? 1 : 0;
}

static inline void rig_client_notice(void *ctx, const struct leg_source *from,
                                     const struct message *notice) {
    (void)from;
    struct rig_client *client = ctx;
    assert_int_equal(notice->kind, MESSAGE_NOTIFICATION);
    client->rig->notices++;
}

static inline void rig_client_ended(void *ctx) {
    struct rig_client *client = ctx;
    assert_int_equal(session_state(client->session), SESSION_TERMINATED);
    client->rig->ended++;
}

static inline void rig_client_cut(void *ctx) {
    struct rig_client *client = ctx;
    client->rig->cut++;
    while (client->uses > 0) {
        client->uses--;
        session_use_end(client->session);
    }
}

static inline void rig_client_close(void *ctx) {
    struct rig_client *client = ctx;
    assert_int_equal(client->uses, 0);
    client->rig->closed++;
    free(client);
}

static inline void rig_on_watchdog(void *arg) {
    struct rig *rig = arg;
    rig->is_late = true;
}

static inline void rig_add_backend(struct rig *rig, const char *name, bool is_required) {
    struct param_list none = {0};
    backend_registry_add(&rig->registry, name, cue_factory_driver(rig->factory), &none, false,
                         is_required, 20000, 0);
}

static inline struct rig *rig_new_with(uint32_t storage_caps, uint32_t factory_caps) {
    static const struct session_client_ops client_ops = {.open = rig_client_open,
                                                         .on_list_changed = rig_client_list_changed,
                                                         .on_notice = rig_client_notice,
                                                         .on_request = leg_refuse_request,
                                                         .on_ended = rig_client_ended,
                                                         .on_cut = rig_client_cut,
                                                         .close = rig_client_close};
    struct rig *rig = xcalloc(1, sizeof *rig);
    rig->loop = loop_new();
    clock_init(&rig->clock);
    rig->env = (struct host_env){rig->loop, NULL, &rig->clock, op_table_new(rig->loop, NULL)};
    rig->store = cue_storage_new(&rig->env, storage_caps, 0);
    rig->factory = cue_factory_new_on(&rig->env, factory_caps, &rig->backends);
    rig->watchdog = loop_timer_new(rig->loop, rig_on_watchdog, rig);
    rig->options = (struct session_options){.ttl_ms = RIG_TTL_MS,
                                            .leg_timeout_ms = 20000,
                                            .list_wait_ms = 10000,
                                            .naming = {.prefix_format = "{backend}_"}};
    rig->storage = storage_new(cue_storage_driver(rig->store), RIG_STORE_TIMEOUT_MS);
    struct manager_config config = {.loop = rig->loop,
                                    .clock = &rig->clock,
                                    .storage = rig->storage,
                                    .registry = &rig->registry,
                                    .options = &rig->options,
                                    .node = "test",
                                    .client_ops = &client_ops,
                                    .client_ctx = rig};
    rig->manager = manager_new(&config);
    return rig;
}

static inline struct rig *rig_new(uint32_t storage_caps) {
    return rig_new_with(storage_caps, 0);
}

/* Turns the loop until CONDITION holds; fails when that does not come. */
#define RIG_UNTIL(RIG, CONDITION)                                                                  \
    do {                                                                                           \
        loop_timer_set((RIG)->watchdog, RIG_PATIENCE_MS);                                          \
        while (!(CONDITION) && !(RIG)->is_late) {                                                  \
            loop_turn((RIG)->loop, true);                                                          \
        }                                                                                          \
        loop_timer_stop((RIG)->watchdog);                                                          \
        assert_true(CONDITION);                                                                    \
    } while (false)

/* Lets everything happen that can happen without another cue or more time. */
static inline void rig_settle(struct rig *rig) {
    for (int i = 0; i < 20; i++) {
        loop_turn(rig->loop, false);
    }
}

static inline void rig_until_held(struct rig *rig, const char *what) {
    RIG_UNTIL(rig, cue_storage_count_held(rig->store, what) > 0);
}

static inline void rig_until_leg_held(struct rig *rig, const char *backend, const char *what) {
    RIG_UNTIL(rig, cue_factory_count_held(rig->factory, backend, what) > 0);
}

static inline void rig_on_stopped(void *ctx) {
    struct rig *rig = ctx;
    rig->is_stopped = true;
}

static inline void rig_assert_nothing_leaked(struct rig *rig) {
    assert_int_equal(manager_count_live(rig->manager), 0);
    assert_int_equal(cue_factory_count_made(rig->factory),
                     cue_factory_count_finished(rig->factory));
    assert_int_equal(rig->opened, rig->closed);
    assert_int_equal(storage_count_pending(rig->storage), 0);
    assert_int_equal(op_count_pending(rig->env.ops, NULL), 0);
    assert_int_equal(op_count_mistakes(rig->env.ops), 0);
}

static inline void rig_stop(struct rig *rig) {
    if (!rig->is_stopped) {
        manager_stop(rig->manager, rig_on_stopped, rig);
        RIG_UNTIL(rig, rig->is_stopped);
    }
}

static inline void rig_free(struct rig *rig) {
    cue_storage_let_all(rig->store);
    cue_factory_let_all(rig->factory);
    rig_stop(rig);
    rig_settle(rig);
    rig_assert_nothing_leaked(rig);
    storage_stop(rig->storage);
    manager_free(rig->manager);
    driver_free(cue_factory_driver(rig->factory));
    driver_free(cue_storage_driver(rig->store));
    rig_settle(rig);
    storage_free(rig->storage);
    backend_registry_clear(&rig->registry);
    cue_factory_free(rig->factory);
    cue_backends_clear(&rig->backends);
    cue_storage_free(rig->store);
    op_table_free(rig->env.ops);
    loop_timer_free(rig->watchdog);
    loop_free(rig->loop);
    free(rig);
}

/* The manager's calls */

static inline void rig_on_generated(void *ctx, int32_t status, const char *text, const char *id) {
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->status = status;
    (void)snprintf(outcome->text, sizeof outcome->text, "%s", text);
    (void)snprintf(outcome->id, sizeof outcome->id, "%s", id);
}

/* The use that comes with a session is the test's until rig_use_end, or until the session is cut.
 */
static inline void rig_on_session(void *ctx, int32_t status, const char *text,
                                  struct session *session) {
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->status = status;
    (void)snprintf(outcome->text, sizeof outcome->text, "%s", text);
    outcome->session = session;
    assert_true((status == TRUNK_OK) == (session != NULL));
    if (session != NULL) {
        struct rig_client *client = session_client(session);
        client->uses++;
    }
}

static inline void rig_use_begin(struct session *session) {
    struct rig_client *client = session_client(session);
    client->uses++;
    session_use_begin(session);
}

static inline void rig_use_end(struct session *session) {
    struct rig_client *client = session_client(session);
    assert_true(client->uses > 0);
    client->uses--;
    session_use_end(session);
}

static inline void rig_on_status(void *ctx, int32_t status, const char *text) {
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->status = status;
    (void)snprintf(outcome->text, sizeof outcome->text, "%s", text);
}

static inline void rig_on_validity(void *ctx, enum validity validity) {
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->validity = validity;
}

static inline void rig_start_generate(struct rig *rig, struct outcome *outcome) {
    struct manager_client client = {.principal = PRINCIPAL_ANONYMOUS,
                                    .protocol = "2025-06-18",
                                    .client = slice_cstr("{\"name\":\"t\"}"),
                                    .capabilities = slice_cstr("{}")};
    manager_generate(rig->manager, &client, rig_on_generated, outcome);
}

static inline void rig_generate(struct rig *rig) {
    struct outcome outcome = {0};
    rig_start_generate(rig, &outcome);
    RIG_UNTIL(rig, outcome.calls == 1);
    assert_int_equal(outcome.status, TRUNK_OK);
    (void)snprintf(rig->id, sizeof rig->id, "%s", outcome.id);
    record_key(rig->id, rig->key);
}

static inline void rig_start_create(struct rig *rig, struct outcome *outcome) {
    manager_create_session(rig->manager, rig->id, PRINCIPAL_ANONYMOUS, rig_on_session, outcome);
}

static inline void rig_start_get(struct rig *rig, struct outcome *outcome) {
    manager_get_multi_session(rig->manager, rig->id, PRINCIPAL_ANONYMOUS, rig_on_session, outcome);
}

static inline void rig_start_terminate(struct rig *rig, struct outcome *outcome) {
    manager_terminate(rig->manager, rig->id, PRINCIPAL_ANONYMOUS, rig_on_status, outcome);
}

static inline void rig_finish(struct rig *rig, const struct outcome *outcome, int32_t status) {
    RIG_UNTIL(rig, outcome->calls == 1);
    assert_int_equal(outcome->status, status);
}

/* Both phases, and all legs that can be ready are; no use is left on the session. */
/* The client has not used its id yet. */
static inline struct session *rig_open_unconfirmed(struct rig *rig) {
    struct outcome created = {0};
    rig_generate(rig);
    rig_start_create(rig, &created);
    rig_finish(rig, &created, TRUNK_OK);
    rig_use_end(created.session);
    rig_settle(rig);
    return created.session;
}

static inline struct session *rig_open(struct rig *rig) {
    struct session *session = rig_open_unconfirmed(rig);
    session_use_begin(session);
    session_use_end(session);
    rig_settle(rig); /* its first use touches the record */
    return session;
}

static inline void rig_terminate(struct rig *rig) {
    struct outcome outcome = {0};
    rig_start_terminate(rig, &outcome);
    rig_finish(rig, &outcome, TRUNK_OK);
}

static inline int32_t rig_get_status(struct rig *rig) {
    struct outcome outcome = {0};
    rig_start_get(rig, &outcome);
    RIG_UNTIL(rig, outcome.calls == 1);
    if (outcome.session != NULL) {
        rig_use_end(outcome.session);
    }
    return outcome.status;
}

static inline enum validity rig_validity(struct rig *rig) {
    struct outcome outcome = {0};
    manager_validate(rig->manager, rig->id, PRINCIPAL_ANONYMOUS, rig_on_validity, &outcome);
    RIG_UNTIL(rig, outcome.calls == 1);
    return outcome.validity;
}

static inline void rig_on_swept(void *ctx) {
    struct outcome *outcome = ctx;
    outcome->calls++;
}

static inline void rig_sweep(struct rig *rig) {
    struct outcome outcome = {0};
    manager_sweep(rig->manager, rig_on_swept, &outcome);
    RIG_UNTIL(rig, outcome.calls == 1);
    rig_settle(rig);
}

/* The record as it is stored now; record_clear is the caller's. False: there is none that lives. */
static inline bool rig_read_record(struct rig *rig, struct record *out) {
    const struct cue_record *stored = cue_storage_find(rig->store, rig->key);
    const char *what = NULL;
    if (stored == NULL) {
        return false;
    }
    assert_int_equal(record_decode(slice_of(stored->value, stored->value_len), out, &what),
                     TRUNK_OK);
    return true;
}

/* As another node, or the process before this one, would have left it. */
static inline void rig_write_record(struct rig *rig, const struct record *record) {
    struct buffer text = {0};
    record_encode(record, &text);
    cue_storage_write(rig->store, rig->key, buffer_slice(&text));
    buffer_free(&text);
}

static inline bool rig_is_flagged(struct rig *rig) {
    struct record record = {0};
    bool is_flagged = rig_read_record(rig, &record) && record.is_terminated;
    record_clear(&record);
    return is_flagged;
}

static inline void rig_flag_record(struct rig *rig) {
    struct record record = {0};
    assert_true(rig_read_record(rig, &record));
    record.is_terminated = true;
    rig_write_record(rig, &record);
    record_clear(&record);
}

/* An ACTIVE record without a live session, as after a restart. */
static inline void rig_store_active(struct rig *rig) {
    struct record record = {.is_active = true,
                            .principal = xstrdup(PRINCIPAL_ANONYMOUS),
                            .created_ms = 1,
                            .owner = xstrdup("before"),
                            .epoch = 3,
                            .protocol = xstrdup("2025-06-18"),
                            .client = xstrdup("{}"),
                            .capabilities = xstrdup("{}"),
                            .log_level = xstrdup(""),
                            .subscriptions = xstrdup("[]")};
    id_generate(rig->id);
    record_key(rig->id, rig->key);
    rig_write_record(rig, &record);
    record_clear(&record);
}

/* Fixtures: without backends, and with a and b */

static inline int rig_set_up_bare(void **state) {
    *state = rig_new(0);
    return 0;
}

static inline int rig_set_up(void **state) {
    struct rig *rig = rig_new(0);
    rig_add_backend(rig, "a", false);
    rig_add_backend(rig, "b", false);
    *state = rig;
    return 0;
}

static inline int rig_tear_down(void **state) {
    rig_free(*state);
    return 0;
}

#endif
