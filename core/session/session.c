/* SPDX-License-Identifier: MIT
 * session.c - the life of one session object: states, uses, end. */
#include "session/session.h"

#include "session/manager_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "wire/log_level.h"

const char *session_id(const struct session *session) {
    return session->id;
}

const char *session_tag(const struct session *session) {
    return session->tag;
}

enum session_state session_state(const struct session *session) {
    return session->state;
}

const struct record *session_record(const struct session *session) {
    return &session->record;
}

struct multi_session *session_multi(const struct session *session) {
    return session->multi;
}

void *session_client(const struct session *session) {
    return session->client;
}

size_t session_count_uses(const struct session *session) {
    return session->uses;
}

void session_change_state(struct session *session, enum session_state state) {
    static const bool is_legal[3][3] = {
        [SESSION_PLACEHOLDER] = {[SESSION_ACTIVE] = true, [SESSION_TERMINATED] = true},
        [SESSION_ACTIVE] = {[SESSION_TERMINATED] = true},
    };
    assert(is_legal[session->state][state]);
    (void)is_legal;
    session->state = state;
}

static void on_record_due(void *ctx) {
    struct session *session = ctx;
    if (session->state == SESSION_ACTIVE) {
        session_write(session);
    }
}

static void on_list_changed(void *ctx, enum list_kind kind) {
    struct session *session = ctx;
    if (session->state == SESSION_ACTIVE) {
        session->manager->config.client_ops->on_list_changed(session->client, kind);
    }
}

static void on_notice(void *ctx, const struct leg_source *from, const struct message *notice) {
    struct session *session = ctx;
    if (session->state == SESSION_ACTIVE) {
        session->manager->config.client_ops->on_notice(session->client, from, notice);
    }
}

static void on_request(void *ctx, const struct leg_source *from, const struct message *request) {
    struct session *session = ctx;
    if (session->state == SESSION_ACTIVE) {
        session->manager->config.client_ops->on_request(session->client, from, request);
    } else {
        leg_refuse_request(NULL, from, request);
    }
}

const struct multi_session_events session_multi_events = {on_record_due, on_list_changed, on_notice,
                                                          on_request};

static void cut(struct session *session);

static void on_timer(void *arg) {
    struct session *session = arg;
    if (session->state == SESSION_TERMINATED) {
        cut(session);
    } else {
        session_write(session);
    }
}

struct session *session_new(struct manager *manager, const char *id, struct record *record,
                            uint64_t version) {
    struct session *session = xcalloc(1, sizeof *session);
    session->manager = manager;
    (void)snprintf(session->id, sizeof session->id, "%s", id);
    id_tag(id, session->tag);
    record_key(id, session->key);
    session->state = SESSION_PLACEHOLDER;
    session->record = *record;
    *record = (struct record){0};
    session->principal = xstrdup(session->record.principal);
    session->version = version;
    session->refs = 1;
    STAILQ_INIT(&session->waiters);
    STAILQ_INIT(&session->writing);
    session->timer = loop_timer_new(manager->config.loop, on_timer, session);
    session->multi =
        multi_session_new(&manager->leg_env, manager->config.registry, session->tag,
                          session->principal, &session->record, &session_multi_events, session);
    uri_set_decode(slice_cstr(session->record.subscriptions), &session->subscriptions);
    multi_session_set_subscriptions(session->multi, &session->subscriptions);
    session->wants_log_level = log_level_find(slice_cstr(session->record.log_level));
    if (session->wants_log_level != NULL) {
        multi_session_set_log_level(session->multi, session->wants_log_level);
    }
    LIST_INSERT_HEAD(&manager->all, session, in_all);
    manager_job_begin(manager);
    return session;
}

void session_ref(struct session *session) {
    session->refs++;
}

void session_unref(struct session *session) {
    struct manager *manager = session->manager;
    if (--session->refs > 0) {
        return;
    }
    assert(session->multi == NULL && session->uses == 0 && session->streams == 0);
    if (session->client != NULL) {
        manager->config.client_ops->close(session->client);
    }
    if (session->client != NULL) { /* it was ACTIVE */
        HASH_DELETE(hh_ending, manager->ending, session);
    }
    LIST_REMOVE(session, in_all);
    loop_timer_free(session->timer);
    record_clear(&session->record);
    uri_set_clear(&session->subscriptions);
    free(session->principal);
    free(session);
    manager_job_end(manager);
}

void session_activate(struct session *session, bool is_confirmed) {
    struct manager *manager = session->manager;
    session_change_state(session, SESSION_ACTIVE);
    session->is_confirmed = is_confirmed;
    session->last_use_ms = clock_mono_ms(manager->config.clock);
    session->touched_ms = session->last_use_ms;
    HASH_ADD(hh, manager->live, id[0], SESSION_ID_SIZE - 1, session);
    TAILQ_INSERT_TAIL(&manager->lru, session, in_lru);
    limits_add(manager->limits, session->id, session->principal, 0);
    session->client = manager->config.client_ops->open(manager->config.client_ctx, session);
    if (manager->is_stopping) {
        session_stop(session);
    }
}

static void on_touched(void *ctx, const struct trunk_reply *reply) {
    struct session *session = ctx;
    session->is_touching = false;
    if (reply->status == TRUNK_NOT_FOUND && session->state == SESSION_ACTIVE) {
        session_end(session, "its record is gone", false);
    } else if (reply->status != TRUNK_OK) {
        /* The next use tries again. */
        session->touched_ms -= session->manager->config.options->ttl_ms / 10;
    }
    session_unref(session);
}

/* One whose client may not have its id is left to its short life. */
void session_touch_if_due(struct session *session) {
    struct manager *manager = session->manager;
    uint64_t now = clock_mono_ms(manager->config.clock);
    if (session->is_touching || !session->is_confirmed ||
        now - session->touched_ms < manager->config.options->ttl_ms / 10) {
        return;
    }
    session->is_touching = true;
    session->touched_ms = now;
    session_ref(session);
    storage_touch(manager->config.storage, session->key,
                  manager_store_ttl_ms(manager, &session->record, true), on_touched, session);
}

/* The client has used its id: from now on its record lives as long as others. */
static void confirm(struct session *session) {
    if (!session->is_confirmed) {
        session->is_confirmed = true;
        session->touched_ms = clock_mono_ms(session->manager->config.clock) -
                              session->manager->config.options->ttl_ms / 10;
    }
}

static void use(struct session *session) {
    struct manager *manager = session->manager;
    if (session->state != SESSION_ACTIVE) {
        return;
    }
    session->last_use_ms = clock_mono_ms(manager->config.clock);
    TAILQ_REMOVE(&manager->lru, session, in_lru);
    TAILQ_INSERT_TAIL(&manager->lru, session, in_lru);
    session_touch_if_due(session);
}

void session_begin_unconfirmed_use(struct session *session) {
    session_ref(session);
    session->uses++;
    use(session);
}

void session_use_begin(struct session *session) {
    confirm(session);
    session_begin_unconfirmed_use(session);
}

void session_use_end(struct session *session) {
    session->uses--;
    use(session);
    if (session->uses == 0 && session->state == SESSION_TERMINATED && !session->is_cut) {
        loop_timer_set(session->timer,
                       0); /* the drain is over; by the timer, since the caller may be in on_cut */
    }
    session_unref(session);
}

void session_stream_begin(struct session *session) {
    confirm(session);
    session_ref(session);
    session->streams++;
    use(session);
}

void session_stream_end(struct session *session) {
    session->streams--;
    use(session);
    session_unref(session);
}

bool session_is_initialized(const struct session *session) {
    return session->record.is_initialized || session->wants_initialized;
}

void session_set_initialized(struct session *session) {
    if (!session_is_initialized(session)) {
        session->wants_initialized = true;
        session_write(session);
    }
}

void session_set_log_level(struct session *session, const char *level, session_done_fn done,
                           void *ctx) {
    session->wants_log_level = level;
    if (session->multi != NULL) {
        multi_session_set_log_level(session->multi, level);
    }
    session_wait_written(session, done, ctx);
}

void session_set_subscribed(struct session *session, struct trunk_slice uri, bool is_subscribed,
                            session_done_fn done, void *ctx) {
    if (!is_subscribed) {
        uri_set_remove(&session->subscriptions, uri);
    } else if (!uri_set_add(&session->subscriptions, uri)) {
        session_refuse(session, TRUNK_TOO_LARGE, "too many subscriptions in one session", done,
                       ctx);
        return;
    }
    session_wait_written(session, done, ctx);
}

bool session_is_subscribed(const struct session *session, struct trunk_slice uri) {
    return uri_set_covers(&session->subscriptions, uri);
}

const char *session_log_level(const struct session *session) {
    return session->wants_log_level;
}

static void on_removed(void *ctx, const struct trunk_reply *reply) {
    struct session *session = ctx;
    if (reply->status != TRUNK_OK) {
        log_warn(session->manager->config.log, "session",
                 "the record of an ended session was not removed; it expires by itself session=%s",
                 session->tag);
    }
    session_unref(session);
}

/* Only now nothing of the backends is left that the record would be needed for. */
static void on_legs_closed(void *ctx, bool is_left) {
    struct session *session = ctx;
    if (session->keeps_record || (is_left && manager_reap_ended(session))) {
        session_unref(session);
    } else {
        storage_remove(session->manager->config.storage, session->key, on_removed, session);
    }
}

static void cut(struct session *session) {
    if (session->is_cut) {
        return;
    }
    session->is_cut = true;
    loop_timer_stop(session->timer);
    session_ref(session);
    session->manager->config.client_ops->on_cut(session->client);
    struct multi_session *multi = session->multi;
    session->multi = NULL;
    multi_session_fill_record(multi, &session->record); /* a write of it may have been overtaken */
    multi_session_close(multi, session->keeps_record, on_legs_closed,
                        session); /* takes the manager's reference */
    session_unref(session);
}

void session_end(struct session *session, const char *why, bool drains) {
    struct manager *manager = session->manager;
    session_change_state(session, SESSION_TERMINATED);
    HASH_DEL(manager->live, session);
    HASH_ADD(hh_ending, manager->ending, id[0], SESSION_ID_SIZE - 1, session);
    TAILQ_REMOVE(&manager->lru, session, in_lru);
    limits_remove(manager->limits, session->id);
    log_info(manager->config.log, "session", "session ended: %s session=%s", why, session->tag);
    session_tell_waiters(session, TRUNK_OK, "");
    manager->config.client_ops->on_ended(session->client);
    if (drains && session->uses > 0 && manager->config.options->drain_ms > 0) {
        loop_timer_set(session->timer, manager->config.options->drain_ms);
    } else {
        loop_timer_set(session->timer, 0);
    }
}

void session_stop(struct session *session) {
    session->keeps_record = storage_is_persistent(session->manager->config.storage);
    if (session->keeps_record) { /* whether a terminate under way still gets its flag stored is not
                                    waited for */
        session_tell_waiters(session, TRUNK_UNAVAILABLE, "trunkd is shutting down");
    }
    session_end(session,
                session->keeps_record ? "kept for the next start" : "trunkd is shutting down",
                true);
}

void session_abandon(struct session *session, multi_session_closed_fn closed, void *ctx) {
    struct multi_session *multi = session->multi;
    session_change_state(session, SESSION_TERMINATED);
    session->multi = NULL;
    multi_session_close(multi, false, closed, ctx);
    session_unref(session);
}
