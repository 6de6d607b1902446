/* SPDX-License-Identifier: MIT
 * loop.c - libevent's base with a post queue, one-shot timers and signals. */
#include "loop/loop.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <event2/event.h>

#include "base/alloc.h"
#include "loop/post_queue.h"

struct loop {
    struct event_base *base;
    struct post_queue *posts;
    pthread_t thread;
};

struct loop_timer {
    struct event *event;
    void (*fn)(void *arg);
    void *arg;
};

struct loop_signal {
    struct event *event;
    void (*fn)(void *arg);
    void *arg;
};

static void *need(void *made, const char *what) {
    if (made == NULL) {
        (void)fprintf(stderr, "trunkd: cannot make %s\n", what);
        abort();
    }
    return made;
}

struct loop *loop_new(void) {
    struct event_config *config = need(event_config_new(), "the event loop's config");
    (void)event_config_avoid_method(config, "select");
    (void)event_config_avoid_method(config, "poll");
    /* No lock: other threads only reach the post queue. No cached time: a timer set late in a turn
     * would run early. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
    /* What is added and taken back within a turn costs no epoll_ctl. No descriptor of ours is a
     * dup. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
    struct loop *loop = xcalloc(1, sizeof *loop);
    loop->base = need(event_base_new_with_config(config), "the event loop (epoll)");
    event_config_free(config);
    loop->posts = post_queue_new(loop->base);
    loop->thread = pthread_self();
    return loop;
}

void loop_free(struct loop *loop) {
    if (loop == NULL) {
        return;
    }
    while (!post_queue_run(loop->posts)) {
    }
    loop_turn(loop, false); /* what libevent has put off, such as the end of a bufferevent */
    post_queue_free(loop->posts);
    event_base_free(loop->base);
    free(loop);
}

struct event_base *loop_base(struct loop *loop) {
    return loop->base;
}

void loop_run(struct loop *loop) {
    (void)event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_turn(struct loop *loop, bool block) {
    (void)event_base_loop(loop->base, EVLOOP_ONCE | (block ? 0 : EVLOOP_NONBLOCK));
}

static void break_loop(void *arg) {
    struct loop *loop = arg;
    (void)event_base_loopbreak(loop->base);
}

void loop_stop(struct loop *loop) {
    loop_post(loop, break_loop, loop);
}

void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg) {
    post_queue_post(loop->posts, fn, arg);
}

bool loop_is_here(const struct loop *loop) {
    return pthread_equal(loop->thread, pthread_self()) != 0;
}

static void on_timer(int fd, short what, void *arg) {
    struct loop_timer *timer = arg;
    (void)fd;
    (void)what;
    timer->fn(timer->arg); /* may free the timer */
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg) {
    struct loop_timer *timer = xcalloc(1, sizeof *timer);
    timer->fn = fn;
    timer->arg = arg;
    timer->event = need(event_new(loop->base, -1, 0, on_timer, timer), "a timer");
    return timer;
}

void loop_timer_set(struct loop_timer *timer, uint64_t after_ms) {
    /* A timer that is due but has not run yet is moved too. */
    (void)event_del(timer->event);
    struct timeval after = {.tv_sec = (time_t)(after_ms / 1000),
                            .tv_usec = (suseconds_t)(after_ms % 1000 * 1000)};
    if (event_add(timer->event, &after) != 0) {
        abort(); /* out of memory */
    }
}

void loop_timer_stop(struct loop_timer *timer) {
    (void)event_del(timer->event);
}

void loop_timer_free(struct loop_timer *timer) {
    if (timer != NULL) {
        event_free(timer->event);
        free(timer);
    }
}

static void on_signal(int signal_number, short what, void *arg) {
    struct loop_signal *signal = arg;
    (void)signal_number;
    (void)what;
    signal->fn(signal->arg); /* may free the signal */
}

struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, void (*fn)(void *arg),
                                    void *arg) {
    struct loop_signal *signal = xcalloc(1, sizeof *signal);
    signal->fn = fn;
    signal->arg = arg;
    signal->event =
        need(evsignal_new(loop->base, signal_number, on_signal, signal), "a signal's event");
    if (event_add(signal->event, NULL) != 0) {
        (void)fprintf(stderr, "trunkd: cannot watch signal %d\n", signal_number);
        abort();
    }
    return signal;
}

void loop_signal_free(struct loop_signal *signal) {
    if (signal != NULL) {
        event_free(signal->event);
        free(signal);
    }
}
