/* SPDX-License-Identifier: MIT
 * post_queue.h - functions to run on the loop, in the order they were posted from whatever thread.
 * The only lock between threads and the loop. Never runs a function inside post_queue_post. */
#ifndef TRUNKD_LOOP_POST_QUEUE_H
#define TRUNKD_LOOP_POST_QUEUE_H

#include <stdbool.h>
#include <event2/event.h>

struct post_queue;
/* base is the loop's; the calling thread is taken to be the loop thread. */
struct post_queue *post_queue_new(struct event_base *base);
/* Runs nothing any more: what is still posted is dropped, so drain first (post_queue_run). */
void post_queue_free(struct post_queue *queue);
/* [any] An eventfd wakes the loop from other threads; on the loop thread event_active does, without
 * a system call. */
void post_queue_post(struct post_queue *queue, void (*fn)(void *arg), void *arg);
/* Loop thread: runs what is there now and what that posts, up to a bound of 10000 functions; true
 * if the queue is empty then. If not, the rest runs in the next turn of the loop, after its other
 * events had theirs. */
bool post_queue_run(struct post_queue *queue);

#endif
