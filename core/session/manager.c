/* SPDX-License-Identifier: MIT
 * manager.c - the session manager: its own life, generate, validate, and what its other files
 * share. */
#include "session/manager.h"

#include "session/manager_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/status.h"

/* A placeholder lives as long as a build may take, and a little longer for the store. */
#define PLACEHOLDER_MARGIN_MS 30000

struct manager *manager_new(const struct manager_config *config) {
    struct manager *manager = xcalloc(1, sizeof *manager);
    manager->config = *config;
    manager->store_ttl_ms = config->options->ttl_ms + config->options->ttl_ms / 10;
    manager->leg_env = (struct leg_env){.loop = config->loop,
                                        .log = config->log,
                                        .clock = config->clock,
                                        .options = config->options};
    manager->reaper = reaper_new(config->loop, config->log, config->storage, config->registry,
                                 config->options->leg_timeout_ms);
    manager->limits = limits_new(config->options);
    TAILQ_INIT(&manager->lru);
    LIST_INIT(&manager->all);
    manager->sweep_timer = loop_timer_new(config->loop, manager_sweep_on_timer, manager);
    loop_timer_set(manager->sweep_timer, 0);
    return manager;
}

void manager_free(struct manager *manager) {
    if (manager == NULL) {
        return;
    }
    loop_timer_free(manager->sweep_timer);
    loop_timer_free(manager->recover_timer);
    reaper_free(manager->reaper);
    limits_free(manager->limits);
    free(manager);
}

static void tell_stopped(void *arg) {
    struct manager *manager = arg;
    void (*stopped)(void *) = manager->stopped;
    if (stopped != NULL && manager->jobs == 0) {
        manager->stopped = NULL;
        stopped(manager->stopped_ctx);
    }
}

void manager_job_begin(struct manager *manager) {
    manager->jobs++;
}

void manager_job_end(struct manager *manager) {
    manager->jobs--;
    if (manager->is_stopping && manager->jobs == 0) {
        loop_post(manager->config.loop, tell_stopped, manager);
    }
}

struct session *manager_find(struct manager *manager, const char *id) {
    struct session *session = NULL;
    HASH_FIND(hh, manager->live, id, SESSION_ID_SIZE - 1, session);
    return session;
}

struct session *manager_find_live(struct manager *manager, const char *id, const char *principal) {
    struct session *session = id_is_valid(id) ? manager_find(manager, id) : NULL;
    if (session == NULL || strcmp(session->record.principal, principal) != 0 ||
        manager_is_idle_expired(session, clock_mono_ms(manager->config.clock)) ||
        manager_is_outlived(manager, &session->record)) {
        return NULL;
    }
    return session;
}

bool manager_get_adapted_tools(struct session *session, const struct trunk_slice *cursor,
                               struct buffer *out) {
    return multi_session_list(session->multi, LIST_TOOLS, cursor, out);
}

size_t manager_count_live(const struct manager *manager) {
    return HASH_COUNT(manager->live);
}

int32_t manager_decode(struct manager *manager, const char *tag, const struct trunk_reply *reply,
                       struct record *out) {
    const char *what = NULL;
    if (record_decode(reply->value, out, &what) != TRUNK_OK) {
        log_error(manager->config.log, "session", "a stored record cannot be read: %s session=%s",
                  what, tag);
        return TRUNK_NOT_FOUND;
    }
    return TRUNK_OK;
}

bool manager_item_id(const struct trunk_item *item, char out_id[SESSION_ID_SIZE]) {
    const char *key = item->key.data;
    if (item->key.len != RECORD_KEY_SIZE - 1 || memcmp(key, "s:", 2) != 0) {
        return false;
    }
    memcpy(out_id, key + 2, SESSION_ID_SIZE - 1);
    out_id[SESSION_ID_SIZE - 1] = '\0';
    return id_is_valid(out_id);
}

bool manager_read_item(struct manager *manager, const char *id, const struct trunk_item *item,
                       struct record *out) {
    struct trunk_reply reply = {.value = item->value};
    char tag[SESSION_TAG_SIZE];
    id_tag(id, tag);
    return manager_decode(manager, tag, &reply, out) == TRUNK_OK;
}

void manager_put_record(struct manager *manager, uint32_t mode, const char *key,
                        const struct record *record, uint64_t ttl_ms, uint64_t version,
                        storage_done_fn done, void *ctx) {
    struct buffer text = {0};
    record_encode(record, &text);
    storage_put(manager->config.storage, mode, key, buffer_slice(&text), ttl_ms, version, done,
                ctx);
    buffer_free(&text);
}

uint64_t manager_placeholder_ttl_ms(const struct manager *manager) {
    return manager->config.options->leg_timeout_ms + PLACEHOLDER_MARGIN_MS;
}

/* A record of the future was written before the clock went back: it is as good as new. */
static uint64_t life_left_ms(const struct manager *manager, const struct record *record) {
    uint64_t max_ms = manager->config.options->max_lifetime_ms;
    uint64_t now_ms = clock_wall_ms(manager->config.clock);
    uint64_t age_ms = now_ms > record->created_ms ? now_ms - record->created_ms : 0;
    if (max_ms == 0) {
        return UINT64_MAX;
    }
    return age_ms < max_ms ? max_ms - age_ms : 0;
}

bool manager_is_outlived(const struct manager *manager, const struct record *record) {
    return life_left_ms(manager, record) == 0;
}

uint64_t manager_store_ttl_ms(const struct manager *manager, const struct record *record,
                              bool is_confirmed) {
    uint64_t ttl_ms = manager->store_ttl_ms;
    uint64_t short_ms = manager_placeholder_ttl_ms(manager);
    uint64_t left_ms = life_left_ms(manager, record);
    if (record->is_terminated) { /* it is kept for what is left of its legs */
        return ttl_ms;
    }
    ttl_ms = is_confirmed || short_ms > ttl_ms ? ttl_ms : short_ms;
    ttl_ms = ttl_ms < left_ms ? ttl_ms : left_ms;
    return ttl_ms > 0 ? ttl_ms : 1;
}

static void on_reaped(void *ctx) {
    manager_job_end(ctx);
}

void manager_reap(struct manager *manager, const char *id, struct record *record, bool removes) {
    struct session *session = NULL;
    HASH_FIND(hh_ending, manager->ending, id, SESSION_ID_SIZE - 1, session);
    bool waits = removes && manager->is_stopping; /* it is found again at the next start */
    bool is_kept = session != NULL && session->keeps_record && !removes;
    if (is_kept) { /* for a record that is gone: what is still open is closed when it ends */
        session->keeps_record = false;
    }
    bool is_left = is_kept && session->is_cut;
    if ((session != NULL && !is_left) || waits || reaper_has(manager->reaper, id)) {
        record_clear(record);
        return;
    }
    manager_job_begin(manager);
    reaper_add(manager->reaper, id, record, removes, on_reaped, manager);
}

bool manager_reap_ended(struct session *session) {
    struct manager *manager = session->manager;
    struct record copy = {0};
    if (manager->is_stopping) {
        return storage_is_persistent(manager->config.storage);
    }
    record_copy(&session->record, &copy);
    manager_job_begin(manager);
    reaper_add(manager->reaper, session->id, &copy, true, on_reaped, manager);
    return true;
}

/* A session that is live over it was told by nobody: a late write of its own, or a flag that came
 * right behind its creation's look at the store. */
void manager_reap_if_left(struct manager *manager, const char *id, const struct record *record) {
    struct session *live = manager_find(manager, id);
    struct record copy = {0};
    if (!record->is_active || !record->is_terminated) {
        return;
    }
    if (live != NULL) {
        session_end(live, "terminated", true);
    } else {
        record_copy(record, &copy);
        manager_reap(manager, id, &copy, true);
    }
}

/* generate */

struct generate {
    struct manager *manager;
    manager_generate_fn done;
    void *ctx;
    struct record record;
    char id[SESSION_ID_SIZE];
    bool is_second_try;
    const char *refusal; /* static text */
};

static void end_generate(struct generate *generate, int32_t status, const char *text) {
    struct manager *manager = generate->manager;
    generate->done(generate->ctx, status, text, generate->id);
    record_clear(&generate->record);
    free(generate);
    manager_job_end(manager);
}

static void refuse_generate(void *arg) {
    struct generate *generate = arg;
    log_write_limited(generate->manager->config.log, &generate->manager->refusal_limit,
                      TRUNK_LOG_WARN, "session", "new sessions are refused: %s", generate->refusal);
    end_generate(generate, TRUNK_UNAVAILABLE, generate->refusal);
}

static void try_generate(struct generate *generate);

static void on_created(void *ctx, const struct trunk_reply *reply) {
    struct generate *generate = ctx;
    if (reply->status == TRUNK_OK) {
        end_generate(generate, TRUNK_OK, "");
        return;
    }
    limits_remove(generate->manager->limits, generate->id);
    if (!generate->is_second_try) {
        generate->is_second_try = true;
        try_generate(generate);
    } else {
        log_error(generate->manager->config.log, "session", "a new session could not be stored: %s",
                  reply->message != NULL ? reply->message : status_name(reply->status));
        end_generate(generate, TRUNK_UNAVAILABLE, "the store does not take new sessions");
    }
}

static void try_generate(struct generate *generate) {
    char key[RECORD_KEY_SIZE];
    struct manager *manager = generate->manager;
    uint64_t ttl_ms = manager_placeholder_ttl_ms(manager);
    id_generate(generate->id);
    record_key(generate->id, key);
    limits_add(manager->limits, generate->id, generate->record.principal,
               clock_mono_ms(manager->config.clock) + ttl_ms);
    manager_put_record(manager, TRUNK_PUT_CREATE, key, &generate->record, ttl_ms, 0, on_created,
                       generate);
}

void manager_generate(struct manager *manager, const struct manager_client *client,
                      manager_generate_fn done, void *ctx) {
    struct generate *generate = xcalloc(1, sizeof *generate);
    manager_job_begin(manager);
    generate->manager = manager;
    generate->done = done;
    generate->ctx = ctx;
    generate->record = (struct record){.principal = xstrdup(client->principal),
                                       .created_ms = clock_wall_ms(manager->config.clock),
                                       .owner = xstrdup(manager->config.node),
                                       .epoch = 0,
                                       .protocol = xstrdup(client->protocol),
                                       .client = slice_strdup(client->client),
                                       .capabilities = slice_strdup(client->capabilities),
                                       .log_level = xstrdup(""),
                                       .subscriptions = xstrdup("[]")};
    generate->refusal = manager->is_stopping
                            ? "trunkd is shutting down"
                            : limits_find_obstacle(manager->limits, client->principal,
                                                   clock_mono_ms(manager->config.clock));
    if (generate->refusal != NULL) {
        loop_post(manager->config.loop, refuse_generate, generate);
    } else {
        try_generate(generate);
    }
}

/* validate */

struct validate {
    struct manager *manager;
    manager_validate_fn done;
    void *ctx;
    enum validity validity;
    char *principal;
    char id[SESSION_ID_SIZE];
    char tag[SESSION_TAG_SIZE];
};

static void end_validate(void *arg) {
    struct validate *validate = arg;
    struct manager *manager = validate->manager;
    validate->done(validate->ctx, validate->validity);
    free(validate->principal);
    free(validate);
    manager_job_end(manager);
}

static void on_validate_loaded(void *ctx, const struct trunk_reply *reply) {
    struct validate *validate = ctx;
    struct record record = {0};
    int32_t status = reply->status;
    if (status == TRUNK_OK) {
        status = manager_decode(validate->manager, validate->tag, reply, &record);
    }
    if (status == TRUNK_NOT_FOUND ||
        (status == TRUNK_OK && (strcmp(record.principal, validate->principal) != 0 ||
                                manager_is_outlived(validate->manager, &record)))) {
        validate->validity = VALIDITY_NOT_FOUND;
    } else if (status != TRUNK_OK) {
        validate->validity = VALIDITY_CANNOT_TELL;
    } else {
        validate->validity = record.is_terminated ? VALIDITY_TERMINATED : VALIDITY_OK;
    }
    if (status == TRUNK_OK) {
        manager_reap_if_left(validate->manager, validate->id, &record);
    }
    record_clear(&record);
    end_validate(validate);
}

void manager_validate(struct manager *manager, const char *id, const char *principal,
                      manager_validate_fn done, void *ctx) {
    struct validate *validate = xcalloc(1, sizeof *validate);
    char key[RECORD_KEY_SIZE];
    manager_job_begin(manager);
    *validate = (struct validate){
        .manager = manager, .done = done, .ctx = ctx, .principal = xstrdup(principal)};
    if (!id_is_valid(id) || manager_find(manager, id) != NULL) {
        bool is_live = manager_find_live(manager, id, principal) != NULL;
        validate->validity = is_live ? VALIDITY_OK : VALIDITY_NOT_FOUND;
        loop_post(manager->config.loop, end_validate, validate);
    } else {
        memcpy(validate->id, id, SESSION_ID_SIZE);
        id_tag(id, validate->tag);
        record_key(id, key);
        storage_load(manager->config.storage, key, 0, on_validate_loaded, validate);
    }
}

void manager_stop(struct manager *manager, void (*done)(void *ctx), void *ctx) {
    struct session *session;
    manager->is_stopping = true;
    reaper_stop(manager->reaper);
    manager->stopped = done;
    manager->stopped_ctx = ctx;
    loop_timer_stop(manager->sweep_timer);
    if (manager->recover_timer != NULL) {
        loop_timer_stop(manager->recover_timer);
    }
    while ((session = TAILQ_FIRST(&manager->lru)) != NULL) {
        session_stop(session);
    }
    LIST_FOREACH(session, &manager->all, in_all) {
        if (session->state == SESSION_PLACEHOLDER) {
            multi_session_fail_required(session->multi, "trunkd is shutting down");
        }
    }
    loop_post(manager->config.loop, tell_stopped, manager);
}
