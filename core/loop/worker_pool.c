/* SPDX-License-Identifier: MIT
 * worker_pool.c - threads that share one queue of jobs. */
#include "loop/worker_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"

enum { THREAD_NAME_BYTES = 16 }; /* the kernel's limit, its NUL included */

struct job {
    STAILQ_ENTRY(job) link;
    void (*fn)(void *arg);
    void *arg;
};

struct worker_pool {
    size_t count;
    pthread_t *threads;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t has_work;
    STAILQ_HEAD(, job) jobs;
    bool is_ending;
};

/* A job that somebody waits for; on the waiter's stack. */
struct call {
    void (*fn)(void *arg);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t is_over;
    bool is_done;
};

/* NULL: the pool ends. */
static struct job *take_job(struct worker_pool *pool) {
    (void)pthread_mutex_lock(&pool->lock);
    while (STAILQ_EMPTY(&pool->jobs) && !pool->is_ending) {
        (void)pthread_cond_wait(&pool->has_work, &pool->lock);
    }
    struct job *job = STAILQ_FIRST(&pool->jobs);
    if (job != NULL) {
        STAILQ_REMOVE_HEAD(&pool->jobs, link);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *work(void *arg) {
    for (struct job *job = take_job(arg); job != NULL; job = take_job(arg)) {
        job->fn(job->arg);
        free(job);
    }
    return NULL;
}

struct worker_pool *worker_pool_new(size_t threads, const char *name) {
    struct worker_pool *pool = xcalloc(1, sizeof *pool);
    pool->count = threads;
    pool->threads = xcalloc(threads, sizeof *pool->threads);
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->has_work, NULL);
    STAILQ_INIT(&pool->jobs);

    char thread_name[THREAD_NAME_BYTES];
    (void)snprintf(thread_name, sizeof thread_name, "%s", name);
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread is born with its maker's mask */
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&pool->threads[i], NULL, work, pool) != 0) {
            (void)fprintf(stderr, "trunkd: cannot start a worker thread for %s\n", name);
            abort();
        }
        (void)pthread_setname_np(pool->threads[i], thread_name);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool;
}

void worker_pool_free(struct worker_pool *pool) {
    if (pool == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    (void)pthread_cond_broadcast(&pool->has_work);
    (void)pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->count; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->has_work);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}

void worker_pool_add(struct worker_pool *pool, void (*fn)(void *arg), void *arg) {
    struct job *job = xmalloc(sizeof *job);
    job->fn = fn;
    job->arg = arg;
    (void)pthread_mutex_lock(&pool->lock);
    STAILQ_INSERT_TAIL(&pool->jobs, job, link);
    (void)pthread_cond_signal(&pool->has_work);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void run_call(void *arg) {
    struct call *call = arg;
    call->fn(call->arg);
    (void)pthread_mutex_lock(&call->lock);
    call->is_done = true;
    (void)pthread_cond_signal(&call->is_over); /* under the lock: the waiter then destroys both */
    (void)pthread_mutex_unlock(&call->lock);
}

void worker_pool_call(struct worker_pool *pool, void (*fn)(void *arg), void *arg) {
    struct call call = {.fn = fn, .arg = arg};
    (void)pthread_mutex_init(&call.lock, NULL);
    (void)pthread_cond_init(&call.is_over, NULL);
    worker_pool_add(pool, run_call, &call);
    (void)pthread_mutex_lock(&call.lock);
    while (!call.is_done) {
        (void)pthread_cond_wait(&call.is_over, &call.lock);
    }
    (void)pthread_mutex_unlock(&call.lock);
    (void)pthread_cond_destroy(&call.is_over);
    (void)pthread_mutex_destroy(&call.lock);
}
