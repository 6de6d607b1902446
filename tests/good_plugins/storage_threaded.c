/* SPDX-License-Identifier: MIT
 * storage_threaded.c - the driver `memory` on a thread of its own: calls come on the loop thread
 * and return at once, completions and items come from the other one. */
#include "storage_memory_base.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/queue.h>

/* A call with its inputs, which are valid until it is completed. */
struct job {
    STAILQ_ENTRY(job) link;
    void (*run)(void *memory, const struct job *job);
    const void *how; /* trunk_put, trunk_scan or trunk_entry */
    struct trunk_slice key;
    uint64_t number; /* a ttl or a seq */
    uint32_t limit;
    trunk_op op;
};

struct threaded {
    const struct trunk_host *host;
    void *memory; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    STAILQ_HEAD(, job) jobs;
    bool is_closing;
};

static struct job *take_job(struct threaded *threaded) {
    struct job *job = NULL;
    (void)pthread_mutex_lock(&threaded->lock);
    while (!threaded->is_closing && STAILQ_EMPTY(&threaded->jobs)) {
        (void)pthread_cond_wait(&threaded->changed, &threaded->lock);
    }
    if (!threaded->is_closing) {
        job = STAILQ_FIRST(&threaded->jobs);
        STAILQ_REMOVE_HEAD(&threaded->jobs, link);
    }
    (void)pthread_mutex_unlock(&threaded->lock);
    return job;
}

static void *run_jobs(void *arg) {
    struct threaded *threaded = arg;
    struct job *job;
    while ((job = take_job(threaded)) != NULL) {
        job->run(threaded->memory, job);
        free(job);
    }
    return NULL;
}

static void add_job(struct threaded *threaded, const struct job *what) {
    struct job *job = malloc(sizeof *job);
    if (job == NULL) {
        trunk_complete(threaded->host, what->op, TRUNK_UNAVAILABLE, "out of memory");
        return;
    }
    *job = *what;
    (void)pthread_mutex_lock(&threaded->lock);
    STAILQ_INSERT_TAIL(&threaded->jobs, job, link);
    (void)pthread_cond_signal(&threaded->changed);
    (void)pthread_mutex_unlock(&threaded->lock);
}

/* --- open and close --- */

/* Signals are for the host's threads. */
static bool start_thread(struct threaded *threaded) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_started = pthread_create(&threaded->thread, NULL, run_jobs, threaded) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started;
}

static void free_threaded(struct threaded *threaded) {
    ops.close(threaded->memory);
    (void)pthread_cond_destroy(&threaded->changed);
    (void)pthread_mutex_destroy(&threaded->lock);
    free(threaded);
}

static int32_t open_threaded(const struct trunk_host *host, const struct trunk_param *own,
                             size_t count, void **self, struct trunk_error *error) {
    void *memory = NULL;
    int32_t status = ops.open(host, own, count, &memory, error);
    if (status != TRUNK_OK) {
        return status;
    }
    struct threaded *threaded = calloc(1, sizeof *threaded);
    if (threaded == NULL) {
        ops.close(memory);
        return trunk_fail(error, TRUNK_UNAVAILABLE, "", "out of memory");
    }
    threaded->host = host;
    threaded->memory = memory;
    STAILQ_INIT(&threaded->jobs);
    (void)pthread_mutex_init(&threaded->lock, NULL);
    (void)pthread_cond_init(&threaded->changed, NULL);
    if (!start_thread(threaded)) {
        free_threaded(threaded);
        return trunk_fail(error, TRUNK_UNAVAILABLE, "", "no thread can be started");
    }
    *self = threaded;
    return TRUNK_OK;
}

static void close_threaded(void *self) {
    struct threaded *threaded = self;
    (void)pthread_mutex_lock(&threaded->lock);
    threaded->is_closing = true;
    (void)pthread_cond_signal(&threaded->changed);
    (void)pthread_mutex_unlock(&threaded->lock);
    (void)pthread_join(threaded->thread, NULL);
    while (!STAILQ_EMPTY(&threaded->jobs)) {
        struct job *job = STAILQ_FIRST(&threaded->jobs);
        STAILQ_REMOVE_HEAD(&threaded->jobs, link);
        trunk_complete(threaded->host, job->op, TRUNK_CANCELLED, "the driver is closed");
        free(job);
    }
    free_threaded(threaded);
}

/* --- the calls --- */

/* Makes a function of the table that has the thread call memory's; job_ is what that takes. */
#define THREADED(name_, params_, args_, ...)                                                       \
    static void run_##name_(void *memory, const struct job *job) {                                 \
        ops.name_ args_;                                                                           \
    }                                                                                              \
    static void threaded_##name_ params_ {                                                         \
        add_job(self, &(struct job){.run = run_##name_, .op = op, __VA_ARGS__});                   \
    }

THREADED(load, (void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op),
         (memory, job->key, job->number, job->op), .key = key, .number = touch_ttl_ms)
THREADED(put, (void *self, const struct trunk_put *put, trunk_op op), (memory, job->how, job->op),
         .how = put)
THREADED(touch, (void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op),
         (memory, job->key, job->number, job->op), .key = key, .number = ttl_ms)
THREADED(remove, (void *self, struct trunk_slice key, trunk_op op), (memory, job->key, job->op),
         .key = key)
THREADED(sweep, (void *self, uint32_t limit, trunk_op op), (memory, job->limit, job->op),
         .limit = limit)
THREADED(scan, (void *self, const struct trunk_scan *how, trunk_op op), (memory, job->how, job->op),
         .how = how)
THREADED(log_append, (void *self, const struct trunk_entry *entry, trunk_op op),
         (memory, job->how, job->op), .how = entry)
THREADED(log_read,
         (void *self, struct trunk_slice key, uint64_t after_seq, uint32_t limit, trunk_op op),
         (memory, job->key, job->number, job->limit, job->op), .key = key, .number = after_seq,
         .limit = limit)
THREADED(log_trim, (void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op),
         (memory, job->key, job->number, job->op), .key = key, .number = upto_seq)
THREADED(ping, (void *self, trunk_op op), (memory, job->op), .limit = 0)

static const struct trunk_storage_ops threaded_ops = {
    .struct_size = sizeof threaded_ops,
    .caps = TRUNK_CAP_LOG,
    .check = check,
    .open = open_threaded,
    .close = close_threaded,
    .ping = threaded_ping,
    .load = threaded_load,
    .put = threaded_put,
    .touch = threaded_touch,
    .remove = threaded_remove,
    .sweep = threaded_sweep,
    .scan = threaded_scan,
    .log_append = threaded_log_append,
    .log_read = threaded_log_read,
    .log_trim = threaded_log_trim,
};

TRUNK_STORAGE_PLUGIN(0, "threaded", "1", "keeps records in this process, on a thread of its own",
                     params, &threaded_ops);
