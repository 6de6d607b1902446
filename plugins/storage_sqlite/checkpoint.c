/* SPDX-License-Identifier: MIT
 * checkpoint.c - checkpoints are PASSIVE: writers go on meanwhile, so under a steady load the WAL
 * is never used up and begins anew. When it has grown too long it is cut, which writers wait for,
 * but only after a passive one has left little to carry. */
#include "checkpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <trunk/plugin_util.h>

#include "connection.h"

/* In frames of the WAL, a page each: 4 MiB and 64 MiB. */
enum { FRAMES_BETWEEN = 1000, FRAMES_MOST = 16000 };
/* How long a cut may wait for readers, with writers waiting for it. */
enum { CUT_WAIT_MS = 10 };

struct checkpointer {
    const struct trunk_host *host;
    sqlite3 *db;
    pthread_t thread;
    atomic_int frames_seen; /* the length of the WAL at the last checkpoint */
    int has_failed;         /* the last one; the thread's own */
    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t has_work;
    int is_wanted;
    int is_ending;
};

/* After each commit of the writer, on its thread. */
static int on_commit(void *arg, sqlite3 *writer, const char *database, int frames) {
    struct checkpointer *checkpointer = arg;
    (void)writer;
    (void)database;
    int seen = atomic_load(&checkpointer->frames_seen);
    if (frames - (frames < seen ? 0 : seen) < FRAMES_BETWEEN) { /* shorter: it has begun anew */
        return SQLITE_OK;
    }
    (void)pthread_mutex_lock(&checkpointer->lock);
    checkpointer->is_wanted = 1;
    (void)pthread_cond_signal(&checkpointer->has_work);
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return SQLITE_OK;
}

/* A failure costs space, not records; the next commits ask for it again. */
static void note_outcome(struct checkpointer *checkpointer, int code) {
    int has_failed = code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY;
    if (has_failed && !checkpointer->has_failed) {
        char text[96];
        trunk_logf(checkpointer->host, TRUNK_LOG_WARN, "the WAL cannot be carried over: %s",
                   connection_text(checkpointer->db, text, sizeof text));
    }
    checkpointer->has_failed = has_failed;
}

static void carry_over(struct checkpointer *checkpointer) {
    int frames = 0;
    int carried = 0;
    int code = sqlite3_wal_checkpoint_v2(checkpointer->db, "main", SQLITE_CHECKPOINT_PASSIVE,
                                         &frames, &carried);
    if (code == SQLITE_OK && frames > FRAMES_MOST) {
        code = sqlite3_wal_checkpoint_v2(checkpointer->db, "main", SQLITE_CHECKPOINT_TRUNCATE,
                                         &frames, &carried);
    }
    note_outcome(checkpointer, code);
    if (frames >= 0) { /* -1: it could not even begin */
        atomic_store(&checkpointer->frames_seen, frames);
    }
}

static void *work(void *arg) {
    struct checkpointer *checkpointer = arg;
    (void)pthread_mutex_lock(&checkpointer->lock);
    while (!checkpointer->is_ending) {
        if (!checkpointer->is_wanted) {
            (void)pthread_cond_wait(&checkpointer->has_work, &checkpointer->lock);
            continue;
        }
        checkpointer->is_wanted = 0;
        (void)pthread_mutex_unlock(&checkpointer->lock);
        carry_over(checkpointer);
        (void)pthread_mutex_lock(&checkpointer->lock);
    }
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return NULL;
}

/* A thread is born with its maker's mask: signals are for the host's threads. */
static int start_thread(struct checkpointer *checkpointer) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&checkpointer->thread, NULL, work, checkpointer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure == 0;
}

struct checkpointer *checkpointer_new(const struct trunk_host *host, sqlite3 *db, sqlite3 *writer) {
    struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);
    if (checkpointer == NULL) {
        return NULL;
    }
    checkpointer->host = host;
    checkpointer->db = db;
    (void)sqlite3_busy_timeout(db, CUT_WAIT_MS);
    (void)pthread_mutex_init(&checkpointer->lock, NULL);
    (void)pthread_cond_init(&checkpointer->has_work, NULL);
    if (!start_thread(checkpointer)) {
        (void)pthread_cond_destroy(&checkpointer->has_work);
        (void)pthread_mutex_destroy(&checkpointer->lock);
        free(checkpointer);
        return NULL;
    }
    (void)pthread_setname_np(checkpointer->thread, "checkpoint");
    (void)sqlite3_wal_hook(writer, on_commit, checkpointer);
    return checkpointer;
}

void checkpointer_free(struct checkpointer *checkpointer, sqlite3 *writer) {
    if (checkpointer == NULL) {
        return;
    }
    (void)sqlite3_wal_hook(writer, NULL, NULL);
    (void)pthread_mutex_lock(&checkpointer->lock);
    checkpointer->is_ending = 1;
    (void)pthread_cond_signal(&checkpointer->has_work);
    (void)pthread_mutex_unlock(&checkpointer->lock);
    (void)pthread_join(checkpointer->thread, NULL);
    (void)sqlite3_close(checkpointer->db);
    (void)pthread_cond_destroy(&checkpointer->has_work);
    (void)pthread_mutex_destroy(&checkpointer->lock);
    free(checkpointer);
}
