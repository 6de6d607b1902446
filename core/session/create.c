/* SPDX-License-Identifier: MIT
 * create.c - phase 2 of a session (design.md section 5): load the placeholder, build, load it
 * again, and make it ACTIVE by CAS on the version just loaded. Whatever goes wrong on the way
 * closes every leg that was opened. */
#include "session/manager_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/status.h"

struct create {
    struct manager *manager;
    manager_session_fn done;
    void *ctx;
    char id[SESSION_ID_SIZE];
    char tag[SESSION_TAG_SIZE];
    char key[RECORD_KEY_SIZE];
    char *principal;
    struct session *session;
    struct record active; /* what is to be stored */
    int32_t status;       /* of the failure */
    char *text;
};

static void end_create(struct create *create, int32_t status, const char *text,
                       struct session *session) {
    struct manager *manager = create->manager;
    if (session != NULL) {
        session_begin_unconfirmed_use(session);
    }
    create->done(create->ctx, status, text, session);
    record_clear(&create->active);
    free(create->principal);
    free(create->text);
    free(create);
    manager_job_end(manager);
}

static void on_legs_closed(void *ctx, bool is_left) {
    struct create *create = ctx;
    (void)is_left; /* no record names its legs yet */
    end_create(create, create->status, create->text, NULL);
}

/* The answer waits until the legs are closed, so that nothing of the failed build is left when it
 * is given. */
static void fail(struct create *create, int32_t status, const char *text) {
    struct session *session = create->session;
    char *copy = xstrdup(text); /* text may be create->text */
    free(create->text);
    create->status = status;
    create->text = copy;
    if (status != TRUNK_UNAVAILABLE && manager_find(create->manager, create->id) == NULL) {
        limits_remove(create->manager->limits, create->id);
    }
    log_warn(create->manager->config.log, "session", "session not created: %s session=%s", copy,
             create->tag);
    if (session == NULL) {
        on_legs_closed(create, false);
        return;
    }
    create->session = NULL;
    session_abandon(session, on_legs_closed, create);
}

/* Is this the placeholder that this principal may build on? */
static int32_t check_placeholder(struct create *create, const struct trunk_reply *reply,
                                 struct record *out, const char **out_text) {
    int32_t status = reply->status;
    *out_text = "the session's placeholder is gone";
    if (status == TRUNK_OK) {
        status = manager_decode(create->manager, create->tag, reply, out);
    }
    if (status != TRUNK_OK) {
        if (status != TRUNK_NOT_FOUND) {
            *out_text = "the store does not answer";
            return TRUNK_UNAVAILABLE;
        }
        return status;
    }
    if (strcmp(out->principal, create->principal) != 0) {
        return TRUNK_NOT_FOUND;
    }
    if (out->is_terminated) {
        *out_text = "the session was terminated before it was built";
        return TRUNK_CONFLICT;
    }
    if (out->is_active) {
        *out_text = "the session is built already";
        return TRUNK_CONFLICT;
    }
    return TRUNK_OK;
}

static void activate(struct create *create, uint64_t version) {
    struct session *session = create->session;
    create->session = NULL;
    record_clear(&session->record);
    session->record = create->active;
    create->active = (struct record){0};
    session->version = version;
    session_activate(session, false);
    multi_session_admit(session->multi);
    session_write(session); /* legs that opened since the record was filled */
    log_info(create->manager->config.log, "session", "session created session=%s protocol=%s",
             session->tag, session->record.protocol);
    end_create(create, TRUNK_OK, "", session);
}

/* After UNCERTAIN: is what is stored what was to be stored? */
static void on_looked(void *ctx, const struct trunk_reply *reply) {
    struct create *create = ctx;
    struct buffer wanted = {0};
    record_encode(&create->active, &wanted);
    bool is_stored = reply->status == TRUNK_OK && slice_equal(reply->value, buffer_slice(&wanted));
    buffer_free(&wanted);
    if (is_stored) {
        activate(create, reply->version);
    } else {
        fail(create, TRUNK_UNAVAILABLE, "the store does not answer");
    }
}

static void on_stored(void *ctx, const struct trunk_reply *reply) {
    struct create *create = ctx;
    switch (reply->status) {
    case TRUNK_OK:
        activate(create, reply->version);
        break;
    case TRUNK_UNCERTAIN:
        storage_load(create->manager->config.storage, create->key, 0, on_looked, create);
        break;
    case TRUNK_CONFLICT:
    case TRUNK_NOT_FOUND:
        fail(create, TRUNK_CONFLICT, "the session was terminated or expired while it was built");
        break;
    default:
        fail(create, TRUNK_UNAVAILABLE, "the store does not answer");
        break;
    }
}

static void on_loaded_again(void *ctx, const struct trunk_reply *reply) {
    struct create *create = ctx;
    const char *text = NULL;
    int32_t status = check_placeholder(create, reply, &create->active, &text);
    if (status != TRUNK_OK) {
        fail(create, status == TRUNK_NOT_FOUND ? TRUNK_CONFLICT : status, text);
        return;
    }
    create->active.is_active = true;
    multi_session_fill_record(create->session->multi, &create->active);
    manager_put_record(create->manager, TRUNK_PUT_CAS, create->key, &create->active,
                       manager_store_ttl_ms(create->manager, &create->active, false),
                       reply->version, on_stored, create);
}

static void on_marked(void *ctx, const struct trunk_reply *reply) {
    struct create *create = ctx;
    (void)reply; /* whatever it says, the placeholder expires by itself */
    fail(create, TRUNK_INTERNAL, create->text);
}

static void on_required_ready(void *ctx, int32_t status, const char *text) {
    struct create *create = ctx;
    struct session *session = create->session;
    if (status == TRUNK_OK) {
        storage_load(create->manager->config.storage, create->key, 0, on_loaded_again, create);
        return;
    }
    char *failure = xasprintf("a required backend failed: %s", text);
    struct record marked = {0};
    record_copy(&session->record, &marked);
    marked.is_terminated = true;
    create->text = failure;
    manager_put_record(create->manager, TRUNK_PUT_CAS, create->key, &marked,
                       manager_placeholder_ttl_ms(create->manager), session->version, on_marked,
                       create);
    record_clear(&marked);
}

static void on_loaded(void *ctx, const struct trunk_reply *reply) {
    struct create *create = ctx;
    struct record record = {0};
    const char *text = NULL;
    int32_t status = check_placeholder(create, reply, &record, &text);
    if (status == TRUNK_OK && create->manager->is_stopping) {
        status = TRUNK_UNAVAILABLE;
        text = "trunkd is shutting down";
    }
    if (status != TRUNK_OK) {
        record_clear(&record);
        fail(create, status, text);
        return;
    }
    create->session = session_new(create->manager, create->id, &record, reply->version);
    multi_session_open(create->session->multi);
    multi_session_wait_required(create->session->multi, on_required_ready, create);
}

static void refuse(void *arg) {
    fail(arg, TRUNK_NOT_FOUND, "not a session id");
}

void manager_create_session(struct manager *manager, const char *id, const char *principal,
                            manager_session_fn done, void *ctx) {
    struct create *create = xcalloc(1, sizeof *create);
    manager_job_begin(manager);
    create->manager = manager;
    create->done = done;
    create->ctx = ctx;
    create->principal = xstrdup(principal);
    if (!id_is_valid(id)) {
        loop_post(manager->config.loop, refuse, create);
        return;
    }
    memcpy(create->id, id, SESSION_ID_SIZE);
    id_tag(id, create->tag);
    record_key(id, create->key);
    storage_load(manager->config.storage, create->key, 0, on_loaded, create);
}
