/* SPDX-License-Identifier: MIT
 * reaper.c - a queue of records whose legs are to be closed. */
#include "session/reaper.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/status.h"
#include "session/reap.h"

#define MAX_RUNNING 16
#define MAX_TRIES 4 /* of a backend that is not there, over half a minute */
#define FIRST_PAUSE_MS 1000
#define TRY_TIMEOUT_MS 5000  /* of each step of a try: a stop waits for what is under way */
#define LAST_TIMEOUT_MS 1000 /* and of each that begins then */

struct job {
    UT_hash_handle hh;
    STAILQ_ENTRY(job) in_queue;
    struct reaper *reaper;
    char id[SESSION_ID_SIZE];
    char tag[SESSION_TAG_SIZE];
    struct record record;
    bool removes;
    size_t left;   /* legs being closed, and the walk over them */
    size_t failed; /* of them */
    unsigned tries;
    struct loop_timer *timer; /* of the pause before the next try */
    bool is_pausing;
    void (*done)(void *ctx);
    void *ctx;
};

struct reaper {
    struct loop *loop;
    struct log *log;
    struct storage *storage;
    const struct backend_registry *registry;
    uint64_t timeout_ms;
    struct job *jobs; /* queued and running, by id */
    STAILQ_HEAD(, job) queue;
    size_t running;
    bool is_stopping;
};

struct reaper *reaper_new(struct loop *loop, struct log *log, struct storage *storage,
                          const struct backend_registry *registry, uint64_t timeout_ms) {
    struct reaper *reaper = xcalloc(1, sizeof *reaper);
    *reaper = (struct reaper){.loop = loop,
                              .log = log,
                              .storage = storage,
                              .registry = registry,
                              .timeout_ms = timeout_ms};
    STAILQ_INIT(&reaper->queue);
    return reaper;
}

void reaper_free(struct reaper *reaper) {
    free(reaper);
}

static void run_next(struct reaper *reaper);

static void end_job(struct job *job) {
    struct reaper *reaper = job->reaper;
    void (*done)(void *) = job->done;
    void *ctx = job->ctx;
    HASH_DEL(reaper->jobs, job);
    reaper->running--;
    record_clear(&job->record);
    loop_timer_free(job->timer);
    free(job);
    run_next(reaper);
    done(ctx);
}

static void on_removed(void *ctx, const struct trunk_reply *reply) {
    struct job *job = ctx;
    if (reply->status != TRUNK_OK && reply->status != TRUNK_NOT_FOUND) {
        log_warn(job->reaper->log, "session",
                 "the record of an ended session was not removed; it expires by itself: %s "
                 "session=%s",
                 reply->message != NULL ? reply->message : status_name(reply->status), job->tag);
    }
    end_job(job);
}

static void on_pause_over(void *arg) {
    struct job *job = arg;
    job->is_pausing = false;
    STAILQ_INSERT_TAIL(&job->reaper->queue, job, in_queue);
    run_next(job->reaper);
}

static void pause_job(struct job *job) {
    struct reaper *reaper = job->reaper;
    uint64_t pause_ms = FIRST_PAUSE_MS;
    for (unsigned i = 1; i < job->tries; i++) {
        pause_ms *= 5;
    }
    if (job->timer == NULL) {
        job->timer = loop_timer_new(reaper->loop, on_pause_over, job);
    }
    job->is_pausing = true;
    loop_timer_set(job->timer, pause_ms);
    reaper->running--;
    run_next(reaper);
}

/* A record that names what could not be closed stays for the next start. */
static void end_try(struct job *job) {
    char key[RECORD_KEY_SIZE];
    if (job->failed > 0 && job->tries < MAX_TRIES && !job->reaper->is_stopping) {
        pause_job(job);
        return;
    }
    if (job->failed > 0) {
        log_warn(job->reaper->log, "session",
                 "%zu sessions with backends could not be closed; %s session=%s", job->failed,
                 job->removes && job->reaper->is_stopping
                     ? "they are tried again after the next start"
                     : "they are left to end by themselves",
                 job->tag);
    }
    if (job->removes && (job->failed == 0 || !job->reaper->is_stopping)) {
        record_key(job->id, key);
        storage_remove(job->reaper->storage, key, on_removed, job);
    } else {
        end_job(job);
    }
}

static void on_leg_closed(void *ctx, int32_t status) {
    struct job *job = ctx;
    job->failed += status != TRUNK_OK ? 1 : 0;
    if (--job->left == 0) {
        end_try(job);
    }
}

static void close_leg(struct job *job, const struct record_leg *leg) {
    struct reaper *reaper = job->reaper;
    const struct backend *backend = backend_registry_find(reaper->registry, leg->backend);
    if (leg->session[0] == '\0') {
        return;
    }
    if (backend == NULL || strcmp(backend->config_hash, leg->config) != 0 ||
        !factory_can_restore(backend)) {
        log_info(reaper->log, "session",
                 "a backend's session is left alone: the config of the backend is another now "
                 "backend=%s session=%s",
                 leg->backend, job->tag);
        return;
    }
    struct reap reap = {.backend = backend,
                        .session_tag = job->tag,
                        .principal = job->record.principal,
                        .session = leg->session,
                        .protocol = leg->protocol,
                        .timeout_ms = reaper->timeout_ms < TRY_TIMEOUT_MS ? reaper->timeout_ms
                                                                          : TRY_TIMEOUT_MS};
    if (reaper->is_stopping && reap.timeout_ms > LAST_TIMEOUT_MS) {
        reap.timeout_ms = LAST_TIMEOUT_MS;
    }
    job->left++;
    reap_session(&reap, on_leg_closed, job);
}

static void run_job(void *arg) {
    struct job *job = arg;
    if (job->reaper->is_stopping && job->removes && storage_is_persistent(job->reaper->storage)) {
        end_job(job); /* its record stays for the next start */
        return;
    }
    job->tries++;
    job->failed = 0;
    for (size_t i = 0; i < job->record.nlegs; i++) {
        close_leg(job, &job->record.legs[i]); /* one that is closed already is gone */
    }
    on_leg_closed(job, TRUNK_OK);
}

static void run_next(struct reaper *reaper) {
    struct job *job = STAILQ_FIRST(&reaper->queue);
    if (job == NULL || reaper->running >= MAX_RUNNING) {
        return;
    }
    STAILQ_REMOVE_HEAD(&reaper->queue, in_queue);
    reaper->running++;
    job->left = 1;
    loop_post(reaper->loop, run_job, job);
}

/* What waits has its last try now, unless its record names it to the next start. */
void reaper_stop(struct reaper *reaper) {
    reaper->is_stopping = true;
    for (struct job *job = reaper->jobs; job != NULL; job = job->hh.next) {
        if (job->is_pausing) {
            loop_timer_set(job->timer, 0);
        }
    }
}

bool reaper_has(const struct reaper *reaper, const char *id) {
    struct job *job = NULL;
    HASH_FIND(hh, reaper->jobs, id, SESSION_ID_SIZE - 1, job);
    return job != NULL;
}

void reaper_add(struct reaper *reaper, const char *id, struct record *record, bool removes,
                void (*done)(void *ctx), void *ctx) {
    struct job *job = xcalloc(1, sizeof *job);
    job->reaper = reaper;
    memcpy(job->id, id, SESSION_ID_SIZE);
    id_tag(id, job->tag);
    job->record = *record;
    *record = (struct record){0};
    job->removes = removes;
    job->done = done;
    job->ctx = ctx;
    HASH_ADD(hh, reaper->jobs, id[0], SESSION_ID_SIZE - 1, job);
    STAILQ_INSERT_TAIL(&reaper->queue, job, in_queue);
    run_next(reaper);
}
