/* SPDX-License-Identifier: MIT
 * terminate.c - ends a session for good: by its writer when it is live here, else on its record. */
#include "session/manager_private.h"

#include <stdlib.h>

#include "base/alloc.h"

#define MAX_TRIES 10

struct terminate {
    struct manager *manager;
    session_done_fn done;
    void *ctx;
    char id[SESSION_ID_SIZE];
    char tag[SESSION_TAG_SIZE];
    char key[RECORD_KEY_SIZE];
    char *principal;
    struct record record; /* what is being stored */
    unsigned tries;
};

static void end_terminate(struct terminate *terminate, int32_t status, const char *text) {
    struct manager *manager = terminate->manager;
    terminate->done(terminate->ctx, status, text);
    record_clear(&terminate->record);
    free(terminate->principal);
    free(terminate);
    manager_job_end(manager);
}

static void decide(struct terminate *terminate);

static void on_flagged(void *ctx, const struct trunk_reply *reply) {
    struct terminate *terminate = ctx;
    switch (reply->status) {
    case TRUNK_OK:
        limits_remove(terminate->manager->limits, terminate->id);
        manager_reap_if_left(terminate->manager, terminate->id, &terminate->record);
        end_terminate(terminate, TRUNK_OK, "");
        break;
    case TRUNK_NOT_FOUND:
        end_terminate(terminate, TRUNK_OK, "");
        break;
    case TRUNK_CONFLICT:
    case TRUNK_UNCERTAIN:
        decide(terminate);
        break;
    default:
        end_terminate(terminate, TRUNK_UNAVAILABLE, "the store does not answer");
        break;
    }
}

static void on_live_ended(void *ctx, int32_t status, const char *text) {
    end_terminate(ctx, status, text);
}

static void on_loaded(void *ctx, const struct trunk_reply *reply) {
    struct terminate *terminate = ctx;
    struct manager *manager = terminate->manager;
    struct session *session = manager_find(manager, terminate->id);
    struct record *record = &terminate->record;
    int32_t status = reply->status;
    if (session != NULL && strcmp(session->record.principal, terminate->principal) == 0) {
        session_want_terminated(session, on_live_ended, terminate);
        return;
    }
    record_clear(record);
    if (status == TRUNK_OK) {
        status = manager_decode(manager, terminate->tag, reply, record);
    }
    if (status == TRUNK_NOT_FOUND ||
        (status == TRUNK_OK &&
         (record->is_terminated || strcmp(record->principal, terminate->principal) != 0))) {
        if (status == TRUNK_OK) {
            manager_reap_if_left(manager, terminate->id, record);
        }
        end_terminate(terminate, TRUNK_OK, "");
    } else if (status != TRUNK_OK) {
        end_terminate(terminate, TRUNK_UNAVAILABLE, "the store does not answer");
    } else {
        record->is_terminated = true;
        manager_put_record(manager, TRUNK_PUT_CAS, terminate->key, record,
                           record->is_active ? manager->store_ttl_ms
                                             : manager_placeholder_ttl_ms(manager),
                           reply->version, on_flagged, terminate);
    }
}

/* Again after each CONFLICT: the placeholder may be ACTIVE by now. */
static void decide(struct terminate *terminate) {
    if (terminate->tries++ >= MAX_TRIES) {
        end_terminate(terminate, TRUNK_UNAVAILABLE, "the session changes too fast");
    } else {
        storage_load(terminate->manager->config.storage, terminate->key, 0, on_loaded, terminate);
    }
}

static void end_unknown(void *arg) {
    end_terminate(arg, TRUNK_OK, "");
}

void manager_terminate(struct manager *manager, const char *id, const char *principal,
                       session_done_fn done, void *ctx) {
    struct terminate *terminate = xcalloc(1, sizeof *terminate);
    manager_job_begin(manager);
    terminate->manager = manager;
    terminate->done = done;
    terminate->ctx = ctx;
    terminate->principal = xstrdup(principal);
    if (!id_is_valid(id)) {
        loop_post(manager->config.loop, end_unknown, terminate);
        return;
    }
    memcpy(terminate->id, id, SESSION_ID_SIZE);
    id_tag(id, terminate->tag);
    record_key(id, terminate->key);
    struct session *session = manager_find(manager, id);
    if (session != NULL && strcmp(session->record.principal, principal) == 0) {
        session_want_terminated(session, on_live_ended, terminate);
    } else {
        decide(terminate);
    }
}
