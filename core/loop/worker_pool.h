/* SPDX-License-Identifier: MIT
 * worker_pool.h - threads for drivers that block. Jobs are run in the order given; with one thread
 * (a driver without TRUNK_CAP_PARALLEL) all of them on that same thread. */
#ifndef TRUNKD_LOOP_WORKER_POOL_H
#define TRUNKD_LOOP_WORKER_POOL_H

#include <stddef.h>

struct worker_pool;
/* threads >= 1. Workers block all signals. */
struct worker_pool *worker_pool_new(size_t threads, const char *name);
/* Runs what is queued, then joins the threads. */
void worker_pool_free(struct worker_pool *pool);
void worker_pool_add(struct worker_pool *pool, void (*fn)(void *arg), void *arg); /* [any] */
/* Runs fn on a worker and waits for it: for open, check and close, never while the loop serves. Not
 * from a worker. */
void worker_pool_call(struct worker_pool *pool, void (*fn)(void *arg), void *arg);

#endif
