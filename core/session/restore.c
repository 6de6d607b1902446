/* SPDX-License-Identifier: MIT
 * restore.c - get_multi_session: the live object, or built again from its record; one restore per
 * id, however many wait. */
#include "session/manager_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/descriptors.h"
#include "base/status.h"

struct restore_waiter {
    STAILQ_ENTRY(restore_waiter) in_restore;
    manager_session_fn done;
    void *ctx;
    char *principal;
};

struct restore {
    UT_hash_handle hh;
    struct manager *manager;
    char id[SESSION_ID_SIZE];
    char tag[SESSION_TAG_SIZE];
    char key[RECORD_KEY_SIZE];
    STAILQ_HEAD(, restore_waiter) waiters;
    struct record record; /* what is to be stored */
    bool was_raised;      /* a CONFLICT or UNCERTAIN was looked into once */
};

static void end_restore(struct restore *restore, int32_t status, const char *text,
                        struct session *session) {
    struct manager *manager = restore->manager;
    struct restore_waiter *waiter;
    HASH_DEL(manager->restores, restore);
    if (session != NULL) {
        session_ref(session);
    }
    while ((waiter = STAILQ_FIRST(&restore->waiters)) != NULL) {
        STAILQ_REMOVE_HEAD(&restore->waiters, in_restore);
        if (session == NULL) {
            waiter->done(waiter->ctx, status, text, NULL);
        } else if (session->state == SESSION_ACTIVE &&
                   strcmp(session->record.principal, waiter->principal) == 0) {
            session_use_begin(session);
            waiter->done(waiter->ctx, TRUNK_OK, "", session);
        } else {
            waiter->done(waiter->ctx, TRUNK_NOT_FOUND, "no such session", NULL);
        }
        free(waiter->principal);
        free(waiter);
    }
    if (session != NULL) {
        session_unref(session);
    }
    record_clear(&restore->record);
    free(restore);
    manager_job_end(manager);
}

static void activate(struct restore *restore, uint64_t version) {
    struct session *session = manager_find(restore->manager, restore->id);
    if (session != NULL) { /* its creation, whose CAS was UNCERTAIN, was faster; its writer will see
                              the epoch */
        end_restore(restore, TRUNK_OK, "", session);
        return;
    }
    session = session_new(restore->manager, restore->id, &restore->record, version);
    session_activate(session, true);
    multi_session_open(session->multi);
    log_info(restore->manager->config.log, "session", "session restored session=%s epoch=%llu",
             session->tag, (unsigned long long)session->record.epoch);
    end_restore(restore, TRUNK_OK, "", session);
}

static void on_loaded(void *ctx, const struct trunk_reply *reply);

/* The epoch is raised by CAS, so of two that restore one only goes on; the other looks again. */
static void on_raised(void *ctx, const struct trunk_reply *reply) {
    struct restore *restore = ctx;
    if (reply->status == TRUNK_OK) {
        activate(restore, reply->version);
    } else if (reply->status == TRUNK_NOT_FOUND) {
        end_restore(restore, TRUNK_NOT_FOUND, "no such session", NULL);
    } else if ((reply->status == TRUNK_CONFLICT || reply->status == TRUNK_UNCERTAIN) &&
               !restore->was_raised) {
        restore->was_raised = true;
        record_clear(&restore->record);
        storage_load(restore->manager->config.storage, restore->key, 0, on_loaded, restore);
    } else {
        end_restore(restore, TRUNK_UNAVAILABLE, "the store does not answer", NULL);
    }
}

/* What cannot be gone on with leaves the record: it is opened anew. */
static void drop_lost_legs(struct restore *restore) {
    struct manager *manager = restore->manager;
    struct record *record = &restore->record;
    for (size_t i = record->nlegs; i-- > 0;) {
        const struct record_leg *leg = &record->legs[i];
        const struct backend *backend =
            backend_registry_find(manager->config.registry, leg->backend);
        const char *why = NULL;
        if (backend == NULL || backend->is_disabled) {
            why = "the backend is not configured any more";
        } else if (strcmp(leg->config, backend->config_hash) != 0) {
            why = "the backend's config is another now";
        } else if (leg->session[0] == '\0') {
            why = "it could not outlive the process";
        }
        if (why != NULL) {
            log_warn(manager->config.log, "session",
                     "a backend's session is lost, and its state with it: %s backend=%s session=%s",
                     why, leg->backend, restore->tag);
            record_drop_leg(record, i);
        }
    }
}

static void ignore_result(void *ctx, int32_t status, const char *text) {
    (void)ctx;
    (void)status;
    (void)text;
}

static bool is_wanted(const struct restore *restore, const char *principal) {
    const struct restore_waiter *waiter;
    STAILQ_FOREACH(waiter, &restore->waiters, in_restore) {
        if (strcmp(waiter->principal, principal) == 0) {
            return true;
        }
    }
    return false;
}

static void on_loaded(void *ctx, const struct trunk_reply *reply) {
    struct restore *restore = ctx;
    struct manager *manager = restore->manager;
    struct session *session = manager_find(manager, restore->id);
    int32_t status = reply->status;
    if (session != NULL) { /* its creation was faster */
        end_restore(restore, TRUNK_OK, "", session);
        return;
    }
    if (status == TRUNK_OK) {
        status = manager_decode(manager, restore->tag, reply, &restore->record);
    }
    if (status != TRUNK_OK && status != TRUNK_NOT_FOUND) {
        end_restore(restore, TRUNK_UNAVAILABLE, "the store does not answer", NULL);
    } else if (status == TRUNK_NOT_FOUND || !restore->record.is_active ||
               restore->record.is_terminated || !is_wanted(restore, restore->record.principal)) {
        if (status == TRUNK_OK) {
            manager_reap_if_left(manager, restore->id, &restore->record);
        }
        end_restore(restore, TRUNK_NOT_FOUND, "no such session", NULL);
    } else if (manager_is_outlived(manager, &restore->record)) {
        manager_terminate(manager, restore->id, restore->record.principal, ignore_result, NULL);
        end_restore(restore, TRUNK_NOT_FOUND, "no such session", NULL);
    } else if (descriptors_are_scarce()) {
        end_restore(restore, TRUNK_UNAVAILABLE,
                    "no descriptors are left for another session (RLIMIT_NOFILE)", NULL);
    } else if (manager->is_stopping) {
        end_restore(restore, TRUNK_UNAVAILABLE, "trunkd is shutting down", NULL);
    } else {
        drop_lost_legs(restore);
        restore->record.epoch++;
        free(restore->record.owner);
        restore->record.owner = xstrdup(manager->config.node);
        manager_put_record(manager, TRUNK_PUT_CAS, restore->key, &restore->record,
                           manager_store_ttl_ms(manager, &restore->record, true), reply->version,
                           on_raised, restore);
    }
}

struct refusal {
    struct manager *manager;
    manager_session_fn done;
    void *ctx;
    struct session *session;
};

static void answer_now(void *arg) {
    struct refusal *refusal = arg;
    struct manager *manager = refusal->manager;
    struct session *session = refusal->session;
    refusal->done(refusal->ctx, session != NULL ? TRUNK_OK : TRUNK_NOT_FOUND,
                  session != NULL ? "" : "no such session", session);
    free(refusal);
    manager_job_end(manager);
}

void manager_get_multi_session(struct manager *manager, const char *id, const char *principal,
                               manager_session_fn done, void *ctx) {
    struct session *live = manager_find_live(manager, id, principal);
    struct restore *restore = NULL;
    if (live != NULL || !id_is_valid(id) || manager_find(manager, id) != NULL) {
        struct refusal *refusal = xcalloc(1, sizeof *refusal);
        *refusal = (struct refusal){.manager = manager, .done = done, .ctx = ctx, .session = live};
        if (live != NULL) {
            session_use_begin(live);
        }
        manager_job_begin(manager);
        loop_post(manager->config.loop, answer_now, refusal);
        return;
    }
    HASH_FIND(hh, manager->restores, id, SESSION_ID_SIZE - 1, restore);
    bool is_new = restore == NULL;
    if (is_new) {
        restore = xcalloc(1, sizeof *restore);
        manager_job_begin(manager);
        restore->manager = manager;
        memcpy(restore->id, id, SESSION_ID_SIZE);
        id_tag(id, restore->tag);
        record_key(id, restore->key);
        STAILQ_INIT(&restore->waiters);
        HASH_ADD(hh, manager->restores, id[0], SESSION_ID_SIZE - 1, restore);
    }
    struct restore_waiter *waiter = xcalloc(1, sizeof *waiter);
    *waiter = (struct restore_waiter){.done = done, .ctx = ctx, .principal = xstrdup(principal)};
    STAILQ_INSERT_TAIL(&restore->waiters, waiter, in_restore);
    if (is_new) {
        storage_load(manager->config.storage, restore->key, 0, on_loaded, restore);
    }
}
