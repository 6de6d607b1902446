/* SPDX-License-Identifier: MIT
 * sweep.c - the end of lives: expired records are taken off the store, idle live sessions end, busy
 * ones are kept touched. */
#include "session/manager_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/status.h"

#define SWEEP_LIMIT 100
#define MIN_INTERVAL_MS 100
#define MAX_INTERVAL_MS 60000

struct sweep {
    struct manager *manager;
    void (*done)(void *ctx);
    void *ctx;
    size_t found;
};

static void ignore_result(void *ctx, int32_t status, const char *text) {
    (void)ctx;
    (void)status;
    (void)text;
}

/* A client that left before it read its id never comes back: its session lives as long as a
 * placeholder. */
static uint64_t idle_life_ms(const struct session *session) {
    uint64_t ttl_ms = session->manager->config.options->ttl_ms;
    uint64_t short_ms = manager_placeholder_ttl_ms(session->manager);
    return session->is_confirmed || short_ms > ttl_ms ? ttl_ms : short_ms;
}

bool manager_is_idle_expired(const struct session *session, uint64_t now_ms) {
    return session->uses == 0 && session->streams == 0 &&
           now_ms - session->last_use_ms >= idle_life_ms(session);
}

/* The record was taken off the store, to this caller alone: a live object of it is over, whatever
 * it does at the moment. */
static void on_item(void *ctx, const struct trunk_item *item) {
    struct sweep *sweep = ctx;
    struct manager *manager = sweep->manager;
    struct record record = {0};
    char id[SESSION_ID_SIZE];
    sweep->found++;
    if (!manager_item_id(item, id)) {
        return;
    }
    struct session *session = manager_find(manager, id);
    limits_remove(manager->limits, id);
    if (session != NULL) {
        session_end(session, "expired", false);
    } else if (manager_read_item(manager, id, item, &record)) {
        manager_reap(manager, id, &record, false);
    }
}

static void on_swept(void *ctx, const struct trunk_reply *reply) {
    struct sweep *sweep = ctx;
    struct manager *manager = sweep->manager;
    if (reply->status != TRUNK_OK) {
        log_warn(manager->config.log, "sweep", "the store was not swept: %s",
                 reply->message != NULL ? reply->message : status_name(reply->status));
    } else if (sweep->found >= SWEEP_LIMIT && !manager->is_stopping) {
        sweep->found = 0;
        storage_sweep(manager->config.storage, SWEEP_LIMIT, on_item, on_swept, sweep);
        return;
    }
    manager->is_sweeping = false;
    if (sweep->done != NULL) {
        sweep->done(sweep->ctx);
    }
    free(sweep);
    manager_job_end(manager);
}

static void end_idle(struct manager *manager) {
    uint64_t now = clock_mono_ms(manager->config.clock);
    uint64_t short_ms = manager_placeholder_ttl_ms(manager);
    uint64_t first_ms = manager->config.options->ttl_ms / 10;
    struct session *session = TAILQ_FIRST(&manager->lru);
    first_ms = first_ms < short_ms ? first_ms : short_ms;
    while (session != NULL) {
        struct session *next = TAILQ_NEXT(session, in_lru);
        if (now - session->last_use_ms < first_ms) {
            break; /* the rest was used later still */
        }
        if (manager_is_idle_expired(session, now)) {
            if (!session->wants_terminated) {
                session_want_terminated(session, ignore_result, NULL);
            }
        } else if (session->uses > 0 || session->streams > 0) {
            session_touch_if_due(session);
        }
        session = next;
    }
}

/* However much they are used. */
static void end_outlived(struct manager *manager) {
    struct session *session;
    struct session *next;
    if (manager->config.options->max_lifetime_ms == 0) {
        return;
    }
    for (session = TAILQ_FIRST(&manager->lru); session != NULL; session = next) {
        next = TAILQ_NEXT(session, in_lru);
        if (!session->wants_terminated && manager_is_outlived(manager, &session->record)) {
            session_want_terminated(session, ignore_result, NULL);
        }
    }
}

void manager_sweep(struct manager *manager, void (*done)(void *ctx), void *ctx) {
    struct sweep *sweep = xcalloc(1, sizeof *sweep);
    manager_job_begin(manager);
    *sweep = (struct sweep){.manager = manager, .done = done, .ctx = ctx};
    end_idle(manager);
    end_outlived(manager);
    manager->is_sweeping = true;
    storage_sweep(manager->config.storage, SWEEP_LIMIT, on_item, on_swept, sweep);
}

void manager_sweep_on_timer(void *arg) {
    struct manager *manager = arg;
    const struct session_options *options = manager->config.options;
    uint64_t interval_ms = options->ttl_ms / 10;
    if (options->max_lifetime_ms != 0 && options->max_lifetime_ms / 10 < interval_ms) {
        interval_ms = options->max_lifetime_ms / 10;
    }
    if (!manager->is_sweeping && !manager->is_stopping) {
        manager_sweep(manager, NULL, NULL);
    }
    interval_ms = interval_ms < MIN_INTERVAL_MS ? MIN_INTERVAL_MS : interval_ms;
    interval_ms = interval_ms > MAX_INTERVAL_MS ? MAX_INTERVAL_MS : interval_ms;
    loop_timer_set(manager->sweep_timer, interval_ms);
}
