/* SPDX-License-Identifier: MIT
 * storage_batch.c - a batch is made by the worker when it gets to it, of what waits then; it ends
 * on the loop, behind the completions of its ops, which come from the same thread. */
#include "session/storage_batch.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/status.h"

/* The first of a batch waits for the last one. */
enum { BATCH_MOST = 256 };

/* A reply that waits for the end of its call's batch. */
struct held_reply {
    STAILQ_ENTRY(held_reply) link;
    struct call *call;
    struct trunk_reply reply;
    char *value;
    char *message;
};

struct storage_batch {
    struct storage_batcher *batcher;
    struct trunk_error error; /* of the commit; made by the worker, read when it has ended */
    STAILQ_HEAD(, held_reply) replies; /* the loop's */
};

struct storage_batcher {
    struct driver *driver;
    storage_batch_end_fn end;
    pthread_mutex_t lock; /* guards what follows */
    struct call_list waiting;
    bool has_job; /* the pool will run one that takes what waits */
};

struct storage_batcher *storage_batcher_new(struct driver *driver, storage_batch_end_fn end) {
    if (driver->workers == NULL || driver->plugin->ops.storage.begin == NULL) {
        return NULL;
    }
    struct storage_batcher *batcher = xcalloc(1, sizeof *batcher);
    batcher->driver = driver;
    batcher->end = end;
    (void)pthread_mutex_init(&batcher->lock, NULL);
    TAILQ_INIT(&batcher->waiting);
    return batcher;
}

void storage_batcher_free(struct storage_batcher *batcher) {
    if (batcher != NULL) {
        (void)pthread_mutex_destroy(&batcher->lock);
        free(batcher);
    }
}

/* The loop */

void storage_batcher_complete(struct storage_batcher *batcher, struct call *call,
                              const struct trunk_reply *reply) {
    if (call->batch == NULL) {
        batcher->end(call, reply);
        return;
    }
    struct held_reply *held = xcalloc(1, sizeof *held);
    held->call = call;
    held->reply = *reply;
    held->value = xmemdup(reply->value.data, reply->value.len);
    held->reply.value.data = held->value;
    held->message = reply->message != NULL ? xstrdup(reply->message) : NULL;
    held->reply.message = held->message;
    STAILQ_INSERT_TAIL(&call->batch->replies, held, link);
}

static void end_batch(void *arg) {
    struct storage_batch *batch = arg;
    struct held_reply *held = NULL;
    struct trunk_reply failed = {
        .struct_size = sizeof failed, .status = batch->error.status, .message = batch->error.text};
    while ((held = STAILQ_FIRST(&batch->replies)) != NULL) {
        STAILQ_REMOVE_HEAD(&batch->replies, link);
        batch->batcher->end(held->call, failed.status == TRUNK_OK ? &held->reply : &failed);
        free(held->value);
        free(held->message);
        free(held);
    }
    free(batch);
}

/* The worker */

static void run_batch(void *arg);

/* With the lock held. */
static void add_job(struct storage_batcher *batcher) {
    if (!batcher->has_job && !TAILQ_EMPTY(&batcher->waiting)) {
        batcher->has_job = true;
        worker_pool_add(batcher->driver->workers, run_batch, batcher);
    }
}

/* Returns how many; *out_writes: is there one among them that changes something? */
static size_t take_waiting(struct storage_batcher *batcher, struct call **calls, bool *out_writes) {
    struct call *call = NULL;
    size_t count = 0;
    *out_writes = false;
    (void)pthread_mutex_lock(&batcher->lock);
    batcher->has_job = false;
    while (count < BATCH_MOST && (call = TAILQ_FIRST(&batcher->waiting)) != NULL) {
        TAILQ_REMOVE(&batcher->waiting, call, in_queue);
        *out_writes = *out_writes || !storage_call_reads(call);
        calls[count++] = call;
    }
    add_job(batcher);
    (void)pthread_mutex_unlock(&batcher->lock);
    return count;
}

/* Trusts no driver to give a status of the list, or a text. */
static void check_error(int32_t status, int32_t otherwise, struct trunk_error *error) {
    error->status = status == TRUNK_OK || status == TRUNK_UNAVAILABLE ? status : otherwise;
    error->text[sizeof error->text - 1] = '\0';
    if (error->text[0] == '\0') {
        (void)error_set(error, error->status, "", "the driver gave no reason");
    }
}

static void refuse(struct driver *driver, struct call **calls, size_t count,
                   const struct trunk_error *error) {
    const struct trunk_host *host = host_table(driver->host);
    struct trunk_reply reply = {
        .struct_size = sizeof reply, .status = error->status, .message = error->text};
    for (size_t i = 0; i < count; i++) {
        host->complete(host->ctx, calls[i]->op, &reply);
    }
}

static void run_bracket(struct storage_batcher *batcher, struct call **calls, size_t count,
                        bool writes) {
    struct driver *driver = batcher->driver;
    const struct trunk_storage_ops *ops = &driver->plugin->ops.storage;
    struct trunk_error error = {0};
    int32_t status = ops->begin(driver->self, writes, &error);
    if (status != TRUNK_OK) {
        check_error(status, TRUNK_UNAVAILABLE, &error);
        refuse(driver, calls, count, &error);
        return;
    }
    struct storage_batch *batch = xcalloc(1, sizeof *batch);
    batch->batcher = batcher;
    STAILQ_INIT(&batch->replies);
    for (size_t i = 0; i < count; i++) {
        calls[i]->batch = batch;
    }
    for (size_t i = 0; i < count; i++) {
        storage_call_run_blocking(calls[i]);
    }
    status = ops->commit(driver->self, &batch->error);
    check_error(status, TRUNK_UNCERTAIN, &batch->error);
    loop_post(driver->env.loop, end_batch, batch);
}

/* The batcher may be gone when its last call is completed, or its last batch posted. */
static void run_batch(void *arg) {
    struct storage_batcher *batcher = arg;
    struct call *calls[BATCH_MOST];
    bool writes = false;
    size_t count = take_waiting(batcher, calls, &writes);
    if (count == 1) {
        storage_call_run_blocking(calls[0]);
    } else {
        run_bracket(batcher, calls, count, writes);
    }
}

static void run_alone(void *arg) {
    storage_call_run_blocking(arg);
}

void storage_batcher_add(struct storage_batcher *batcher, struct call *call) {
    if (call->item != NULL) {
        worker_pool_add(batcher->driver->workers, run_alone, call);
        return;
    }
    (void)pthread_mutex_lock(&batcher->lock);
    TAILQ_INSERT_TAIL(&batcher->waiting, call, in_queue);
    add_job(batcher);
    (void)pthread_mutex_unlock(&batcher->lock);
}
