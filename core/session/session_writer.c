/* SPDX-License-Identifier: MIT
 * session_writer.c - brings the record of a live session to what is wanted, by one CAS at a time on
 * the version it was decided on; after UNCERTAIN or CONFLICT it looks before it goes on (design.md
 * section 5). */
#include "session/manager_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/status.h"

#define RETRY_MS 1000

static void tell(struct write_waiters *waiters, int32_t status, const char *text, bool is_end) {
    struct write_waiter *waiter;
    while ((waiter = STAILQ_FIRST(waiters)) != NULL) {
        STAILQ_REMOVE_HEAD(waiters, in_session);
        if (is_end && !waiter->is_terminate && status == TRUNK_OK) {
            waiter->done(waiter->ctx, TRUNK_NOT_FOUND, "the session has ended");
        } else {
            waiter->done(waiter->ctx, status, text);
        }
        free(waiter);
    }
}

void session_tell_waiters(struct session *session, int32_t status, const char *text) {
    tell(&session->writing, status, text, true);
    tell(&session->waiters, status, text, true);
}

/* The record is as wanted when the write began. */
static void take_next(struct session *session, uint64_t version) {
    record_clear(&session->record);
    session->record = session->next;
    session->next = (struct record){0};
    session->version = version;
    if (session->record.is_terminated) {
        session_end(session, "terminated", true);
        return;
    }
    multi_session_admit(session->multi);
    tell(&session->writing, TRUNK_OK, "", false);
    if (session->must_write) {
        session_write(session);
    }
}

/* The store did not take it: a terminate is told so and forgotten, the rest is tried again. */
static void give_up_for_now(struct session *session, const char *text) {
    record_clear(&session->next);
    log_warn(session->manager->config.log, "session",
             "the record could not be written: %s session=%s", text, session->tag);
    session->wants_terminated = false;
    session->must_write = true;
    session_tell_waiters(session, TRUNK_UNAVAILABLE, "the store does not answer");
    loop_timer_set(session->timer, RETRY_MS);
}

static bool is_same_record(const struct record *a, const struct record *b) {
    struct buffer texts[2] = {{0}, {0}};
    record_encode(a, &texts[0]);
    record_encode(b, &texts[1]);
    bool is_same = slice_equal(buffer_slice(&texts[0]), buffer_slice(&texts[1]));
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
    return is_same;
}

static void on_reloaded(void *ctx, const struct trunk_reply *reply) {
    struct session *session = ctx;
    struct record found = {0};
    int32_t status = reply->status;
    session->is_writing = false;
    if (session->state == SESSION_TERMINATED) {
        record_clear(&session->next);
        session_unref(session);
        return;
    }
    if (status == TRUNK_OK) {
        status = manager_decode(session->manager, session->tag, reply, &found);
    }
    if (status == TRUNK_NOT_FOUND) {
        record_clear(&session->next);
        session_end(session, "its record is gone", true);
    } else if (status != TRUNK_OK) {
        give_up_for_now(session, reply->message != NULL ? reply->message : status_name(status));
    } else if (found.is_terminated || is_same_record(&found, &session->next)) {
        record_clear(&session->next);
        session->next = found;
        found = (struct record){0};
        take_next(session, reply->version);
    } else {
        record_clear(&session->next);
        record_clear(&session->record);
        session->record = found;
        found = (struct record){0};
        session->version = reply->version;
        STAILQ_CONCAT(&session->writing, &session->waiters);
        STAILQ_CONCAT(&session->waiters, &session->writing);
        session_write(session);
    }
    record_clear(&found);
    session_unref(session);
}

static void on_written(void *ctx, const struct trunk_reply *reply) {
    struct session *session = ctx;
    session->is_writing = false;
    if (session->state == SESSION_TERMINATED) {
        record_clear(&session->next);
        session_unref(session);
        return;
    }
    switch (reply->status) {
    case TRUNK_OK:
        take_next(session, reply->version);
        break;
    case TRUNK_CONFLICT:
    case TRUNK_UNCERTAIN:
        session->is_writing = true;
        session_ref(session);
        storage_load(session->manager->config.storage, session->key, 0, on_reloaded, session);
        break;
    case TRUNK_NOT_FOUND:
        record_clear(&session->next);
        session_end(session, "its record is gone", true);
        break;
    default:
        give_up_for_now(session,
                        reply->message != NULL ? reply->message : status_name(reply->status));
        break;
    }
    session_unref(session);
}

void session_write(struct session *session) {
    struct manager *manager = session->manager;
    session->must_write = true;
    if (session->is_writing || session->state != SESSION_ACTIVE) {
        return;
    }
    session->must_write = false;
    session->is_writing = true;
    record_copy(&session->record, &session->next);
    session->next.is_initialized = session->next.is_initialized || session->wants_initialized;
    session->next.is_terminated = session->wants_terminated;
    if (session->wants_log_level != NULL) {
        free(session->next.log_level);
        session->next.log_level = xstrdup(session->wants_log_level);
    }
    struct buffer uris = {0};
    uri_set_encode(&session->subscriptions, &uris);
    free(session->next.subscriptions);
    session->next.subscriptions = slice_strdup(buffer_slice(&uris));
    buffer_free(&uris);
    STAILQ_CONCAT(&session->writing, &session->waiters);
    multi_session_fill_record(session->multi, &session->next);
    session_ref(session);
    manager_put_record(manager, TRUNK_PUT_CAS, session->key, &session->next,
                       manager_store_ttl_ms(manager, &session->next, session->is_confirmed),
                       session->version, on_written, session);
}

struct refusal {
    session_done_fn done;
    void *ctx;
    int32_t status;
    const char *text;
};

static void tell_refused(void *arg) {
    struct refusal *refusal = arg;
    refusal->done(refusal->ctx, refusal->status, refusal->text);
    free(refusal);
}

void session_refuse(struct session *session, int32_t status, const char *text, session_done_fn done,
                    void *ctx) {
    struct refusal *refusal = xcalloc(1, sizeof *refusal);
    *refusal = (struct refusal){done, ctx, status, text};
    loop_post(session->manager->config.loop, tell_refused, refusal);
}

static void wait_written(struct session *session, bool is_terminate, session_done_fn done,
                         void *ctx) {
    struct write_waiter *waiter = xcalloc(1, sizeof *waiter);
    *waiter = (struct write_waiter){.is_terminate = is_terminate, .done = done, .ctx = ctx};
    STAILQ_INSERT_TAIL(&session->waiters, waiter, in_session);
    session_write(session);
}

void session_wait_written(struct session *session, session_done_fn done, void *ctx) {
    if (session->state != SESSION_ACTIVE) {
        session_refuse(session, TRUNK_NOT_FOUND, "the session has ended", done, ctx);
        return;
    }
    wait_written(session, false, done, ctx);
}

void session_want_terminated(struct session *session, session_done_fn done, void *ctx) {
    session->wants_terminated = true;
    wait_written(session, true, done, ctx);
}
