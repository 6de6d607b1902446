/* SPDX-License-Identifier: MIT
 * loop.c - libevent's base with a post queue, timers and signals. */
#include "loop/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

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

static void *check(void *made, const char *what) {
    if (made == NULL) {
        (void)fprintf(stderr, "trunkd: the kernel or libevent refuses %s\n", what);
        abort();
    }
    return made;
}

/* libevent's warnings can be brought about by a peer (evhttp), so they do not reach stderr. */
static void take_libevent_log(int severity, const char *text) {
    if (severity >= EVENT_LOG_ERR) {
        (void)fprintf(stderr, "trunkd: libevent: %s\n", text);
    }
}

struct loop *loop_new(void) {
    struct loop *loop = xcalloc(1, sizeof *loop);
    struct event_config *config = check(event_config_new(), "an event config");
    event_set_log_callback(take_libevent_log);
    /* Other threads wake the loop by the post queue's eventfd only, so the base needs no lock. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    loop->base = check(event_base_new_with_config(config), "an event base");
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

static void stop(void *arg) {
    struct loop *loop = arg;
    (void)event_base_loopexit(loop->base, NULL);
}

void loop_stop(struct loop *loop) {
    loop_post(loop, stop, loop);
}

void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg) {
    post_queue_post(loop->posts, fn, arg);
}

bool loop_is_here(const struct loop *loop) {
    return pthread_equal(loop->thread, pthread_self()) != 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    struct loop_timer *timer = arg;
    (void)fd;
    (void)what;
    timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg) {
    struct loop_timer *timer = xcalloc(1, sizeof *timer);
    timer->fn = fn;
    timer->arg = arg;
    timer->event = check(evtimer_new(loop->base, on_timer, timer), "a timer");
    return timer;
}

void loop_timer_set(struct loop_timer *timer, uint64_t after_ms) {
    struct timeval after = {.tv_sec = (time_t)(after_ms / 1000),
                            .tv_usec = (suseconds_t)(after_ms % 1000 * 1000)};
    (void)evtimer_add(timer->event, &after);
}

void loop_timer_stop(struct loop_timer *timer) {
    (void)evtimer_del(timer->event);
}

void loop_timer_free(struct loop_timer *timer) {
    if (timer != NULL) {
        event_free(timer->event);
        free(timer);
    }
}

static void on_signal(evutil_socket_t fd, short what, void *arg) {
    struct loop_signal *watched = arg;
    (void)fd;
    (void)what;
    watched->fn(watched->arg);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, void (*fn)(void *arg), void *arg) {
    struct loop_signal *watched = xcalloc(1, sizeof *watched);
    watched->fn = fn;
    watched->arg = arg;
    watched->event = check(evsignal_new(loop->base, signal_number, on_signal, watched), "a signal");
    (void)evsignal_add(watched->event, NULL);
    return watched;
}

void loop_signal_free(struct loop_signal *watched) {
    if (watched != NULL) {
        event_free(watched->event);
        free(watched);
    }
}
