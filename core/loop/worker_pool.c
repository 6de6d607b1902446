/* SPDX-License-Identifier: MIT
 * worker_pool.c - threads that run jobs in order. */
#include "loop/worker_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"

struct job {
    STAILQ_ENTRY(job) next;
    void (*fn)(void *arg);
    void *arg;
};

struct worker_pool {
    pthread_mutex_t mutex;
    pthread_cond_t has_work;
    STAILQ_HEAD(, job) jobs;
    bool is_ending;
    size_t count;
    pthread_t *threads;
};

struct call {
    pthread_mutex_t mutex;
    pthread_cond_t is_over;
    bool is_done;
    void (*fn)(void *arg);
    void *arg;
};

static void *work(void *arg) {
    struct worker_pool *pool = arg;
    for (;;) {
        (void)pthread_mutex_lock(&pool->mutex);
        while (STAILQ_EMPTY(&pool->jobs) && !pool->is_ending) {
            (void)pthread_cond_wait(&pool->has_work, &pool->mutex);
        }
        struct job *job = STAILQ_FIRST(&pool->jobs);
        if (job != NULL) {
            STAILQ_REMOVE_HEAD(&pool->jobs, next);
        }
        (void)pthread_mutex_unlock(&pool->mutex);
        if (job == NULL) {
            return NULL;
        }
        job->fn(job->arg);
        free(job);
    }
}

struct worker_pool *worker_pool_new(size_t threads, const char *name) {
    struct worker_pool *pool = xcalloc(1, sizeof *pool);
    sigset_t all;
    sigset_t before;
    char short_name[16];
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->has_work, NULL);
    STAILQ_INIT(&pool->jobs);
    pool->threads = xcalloc(threads, sizeof *pool->threads);
    (void)snprintf(short_name, sizeof short_name, "%s", name);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* what a thread inherits */
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&pool->threads[i], NULL, work, pool) != 0) {
            (void)fprintf(stderr, "trunkd: no thread to be had\n");
            abort();
        }
        (void)pthread_setname_np(pool->threads[i], short_name);
        pool->count++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool;
}

void worker_pool_free(struct worker_pool *pool) {
    if (pool == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->mutex);
    pool->is_ending = true;
    (void)pthread_cond_broadcast(&pool->has_work);
    (void)pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->count; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->has_work);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool->threads);
    free(pool);
}

void worker_pool_add(struct worker_pool *pool, void (*fn)(void *arg), void *arg) {
    struct job *job = xmalloc(sizeof *job);
    job->fn = fn;
    job->arg = arg;
    (void)pthread_mutex_lock(&pool->mutex);
    STAILQ_INSERT_TAIL(&pool->jobs, job, next);
    (void)pthread_cond_signal(&pool->has_work);
    (void)pthread_mutex_unlock(&pool->mutex);
}

static void run_call(void *arg) {
    struct call *call = arg;
    call->fn(call->arg);
    (void)pthread_mutex_lock(&call->mutex);
    call->is_done = true;
    (void)pthread_cond_signal(&call->is_over);
    (void)pthread_mutex_unlock(&call->mutex);
}

void worker_pool_call(struct worker_pool *pool, void (*fn)(void *arg), void *arg) {
    struct call call = {.fn = fn, .arg = arg};
    (void)pthread_mutex_init(&call.mutex, NULL);
    (void)pthread_cond_init(&call.is_over, NULL);
    worker_pool_add(pool, run_call, &call);
    (void)pthread_mutex_lock(&call.mutex);
    while (!call.is_done) {
        (void)pthread_cond_wait(&call.is_over, &call.mutex);
    }
    (void)pthread_mutex_unlock(&call.mutex);
    (void)pthread_cond_destroy(&call.is_over);
    (void)pthread_mutex_destroy(&call.mutex);
}
