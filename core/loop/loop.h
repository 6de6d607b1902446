/* SPDX-License-Identifier: MIT
 * loop.h - one event loop: libevent's base, its post queue, timers and signals. */
#ifndef TRUNKD_LOOP_LOOP_H
#define TRUNKD_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;
struct loop *loop_new(void); /* aborts when the kernel refuses epoll or eventfd */
/* All timers and signals of the loop have been freed before; functions still posted are run first.
 */
void loop_free(struct loop *loop);
struct event_base *loop_base(struct loop *loop);
/* Runs until loop_stop. May be called again after it returned. */
void loop_run(struct loop *loop);
/* Runs one turn: waits for at least one event (block) or not, and handles what is ready. For tests
 * and the shutdown. */
void loop_turn(struct loop *loop, bool block);
void loop_stop(struct loop *loop);                                   /* [any] */
void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg); /* [any] see post_queue_post */
bool loop_is_here(const struct loop *loop); /* [any] called on the loop's own thread? */

struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg);
/* One shot. Setting again moves it. 0: at the next turn of the loop, never inside this call. The
 * clock is the kernel's coarse one: a timer may run some ms (a tick, 4 at most) before or after its
 * time. */
void loop_timer_set(struct loop_timer *timer, uint64_t after_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(
    struct loop_timer *timer); /* NULL is fine; allowed inside the timer's own callback */

struct loop_signal;
/* fn runs on the loop, not in the signal handler. */
struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, void (*fn)(void *arg),
                                    void *arg);
void loop_signal_free(struct loop_signal *watched); /* NULL is fine */

#endif
