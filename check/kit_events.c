/* SPDX-License-Identifier: MIT
 * kit_events.c - what is freed inside a turn is only marked, and freed for good after it, so that a
 * callback may free anything. */
#include "kit_events.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

struct trunk_watch {
    TAILQ_ENTRY(trunk_watch) link;
    struct kit_events *events;
    int fd;
    uint32_t wanted;
    void (*fn)(void *arg, uint32_t ready);
    void *arg;
    bool is_freed;
};

struct trunk_timer {
    TAILQ_ENTRY(trunk_timer) link;
    struct kit_events *events;
    uint64_t due_ms;
    void (*fn)(void *arg);
    void *arg;
    bool is_set;
    bool is_freed;
};

struct posted {
    STAILQ_ENTRY(posted) link;
    void (*fn)(void *arg);
    void *arg;
};
STAILQ_HEAD(posted_list, posted);

struct kit_events {
    const struct kit_events_owner *owner;
    pthread_t loop_thread;
    int wake_fd;
    TAILQ_HEAD(, trunk_watch) watches;
    TAILQ_HEAD(, trunk_timer) timers;
    pthread_mutex_t lock; /* guards posts */
    struct posted_list posts;
};

struct kit_events *kit_events_new(const struct kit_events_owner *owner) {
    struct kit_events *events = calloc(1, sizeof *events);
    if (events == NULL) {
        abort();
    }
    events->owner = owner;
    events->loop_thread = pthread_self();
    events->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (events->wake_fd < 0 || pthread_mutex_init(&events->lock, NULL) != 0) {
        abort();
    }
    TAILQ_INIT(&events->watches);
    TAILQ_INIT(&events->timers);
    STAILQ_INIT(&events->posts);
    return events;
}

static void check_thread(const struct kit_events *events, const char *fault) {
    if (!pthread_equal(events->loop_thread, pthread_self())) {
        events->owner->fault(events->owner->ctx, fault);
    }
}

/* Frees what is marked. */
static void reap(struct kit_events *events) {
    struct trunk_watch *next_watch = NULL;
    for (struct trunk_watch *watch = TAILQ_FIRST(&events->watches); watch != NULL;
         watch = next_watch) {
        next_watch = TAILQ_NEXT(watch, link);
        if (watch->is_freed) {
            TAILQ_REMOVE(&events->watches, watch, link);
            free(watch);
        }
    }
    struct trunk_timer *next_timer = NULL;
    for (struct trunk_timer *timer = TAILQ_FIRST(&events->timers); timer != NULL;
         timer = next_timer) {
        next_timer = TAILQ_NEXT(timer, link);
        if (timer->is_freed) {
            TAILQ_REMOVE(&events->timers, timer, link);
            free(timer);
        }
    }
}

void kit_events_free(struct kit_events *events) {
    struct trunk_watch *watch = NULL;
    TAILQ_FOREACH(watch, &events->watches, link) {
        watch->is_freed = true;
    }
    struct trunk_timer *timer = NULL;
    TAILQ_FOREACH(timer, &events->timers, link) {
        timer->is_freed = true;
    }
    reap(events);
    struct posted *posted = NULL;
    while ((posted = STAILQ_FIRST(&events->posts)) != NULL) {
        STAILQ_REMOVE_HEAD(&events->posts, link);
        free(posted);
    }
    (void)pthread_mutex_destroy(&events->lock);
    (void)close(events->wake_fd);
    free(events);
}

size_t kit_events_count_left(const struct kit_events *events) {
    size_t count = 0;
    const struct trunk_watch *watch = NULL;
    TAILQ_FOREACH(watch, &events->watches, link) {
        count += !watch->is_freed;
    }
    const struct trunk_timer *timer = NULL;
    TAILQ_FOREACH(timer, &events->timers, link) {
        count += !timer->is_freed;
    }
    return count;
}

void kit_events_wake(struct kit_events *events) {
    uint64_t one = 1;
    (void)!write(events->wake_fd, &one, sizeof one);
}

static uint64_t now_ms(const struct kit_events *events) {
    return events->owner->mono_ms(events->owner->ctx);
}

static void run_posts(struct kit_events *events) {
    struct posted_list due = STAILQ_HEAD_INITIALIZER(due);
    (void)pthread_mutex_lock(&events->lock);
    STAILQ_CONCAT(&due, &events->posts);
    (void)pthread_mutex_unlock(&events->lock);
    struct posted *posted = NULL;
    while ((posted = STAILQ_FIRST(&due)) != NULL) {
        STAILQ_REMOVE_HEAD(&due, link);
        posted->fn(posted->arg);
        free(posted);
    }
}

static void run_timers(struct kit_events *events) {
    uint64_t now = now_ms(events);
    struct trunk_timer *timer = NULL;
    TAILQ_FOREACH(timer, &events->timers, link) {
        if (timer->is_set && !timer->is_freed && timer->due_ms <= now) {
            timer->is_set = false;
            timer->fn(timer->arg);
        }
    }
}

static uint64_t until_next_timer(const struct kit_events *events, uint64_t wait_ms) {
    uint64_t now = now_ms(events);
    const struct trunk_timer *timer = NULL;
    TAILQ_FOREACH(timer, &events->timers, link) {
        if (timer->is_set && !timer->is_freed) {
            uint64_t left_ms = timer->due_ms > now ? timer->due_ms - now : 0;
            wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
        }
    }
    return wait_ms;
}

/* Errors and hang-ups count as readable and writable. */
static uint32_t ready_of(short revents) {
    uint32_t ready = 0;
    ready |= (revents & POLLIN) != 0 ? TRUNK_READ : 0;
    ready |= (revents & POLLOUT) != 0 ? TRUNK_WRITE : 0;
    ready |= (revents & (POLLERR | POLLHUP)) != 0 ? TRUNK_READ | TRUNK_WRITE : 0;
    return ready;
}

static void poll_watches(struct kit_events *events, uint64_t wait_ms) {
    size_t count = 1;
    struct trunk_watch *watch = NULL;
    TAILQ_FOREACH(watch, &events->watches, link) {
        count++;
    }
    struct pollfd *fds = calloc(count, sizeof *fds);
    struct trunk_watch **polled = calloc(count, sizeof(struct trunk_watch *));
    if (fds == NULL || polled == NULL) {
        abort();
    }
    fds[0] = (struct pollfd){.fd = events->wake_fd, .events = POLLIN};
    count = 1;
    TAILQ_FOREACH(watch, &events->watches, link) {
        if (watch->wanted != 0 && !watch->is_freed) {
            short wanted = (short)((watch->wanted & TRUNK_READ ? POLLIN : 0) |
                                   (watch->wanted & TRUNK_WRITE ? POLLOUT : 0));
            fds[count] = (struct pollfd){.fd = watch->fd, .events = wanted};
            polled[count++] = watch;
        }
    }
    if (poll(fds, (nfds_t)count, wait_ms > 1000 ? 1000 : (int)wait_ms) > 0) {
        uint64_t woken = 0;
        (void)!read(events->wake_fd, &woken, sizeof woken);
        for (size_t i = 1; i < count; i++) {
            uint32_t ready = ready_of(fds[i].revents) & polled[i]->wanted;
            if (ready != 0 && !polled[i]->is_freed) {
                polled[i]->fn(polled[i]->arg, ready);
            }
        }
    }
    free(polled);
    free(fds);
}

void kit_events_turn(struct kit_events *events, uint64_t wait_ms) {
    poll_watches(events, until_next_timer(events, wait_ms));
    run_timers(events);
    run_posts(events);
    reap(events);
}

int32_t kit_events_post(struct kit_events *events, void (*fn)(void *arg), void *arg) {
    struct posted *posted = calloc(1, sizeof *posted);
    if (posted == NULL) {
        return TRUNK_UNAVAILABLE;
    }
    posted->fn = fn;
    posted->arg = arg;
    (void)pthread_mutex_lock(&events->lock);
    STAILQ_INSERT_TAIL(&events->posts, posted, link);
    (void)pthread_mutex_unlock(&events->lock);
    kit_events_wake(events);
    return TRUNK_OK;
}

struct trunk_watch *kit_watch_new(struct kit_events *events, int fd,
                                  void (*fn)(void *arg, uint32_t ready), void *arg) {
    check_thread(events, "watch_new on another thread than the loop's");
    struct trunk_watch *watch = calloc(1, sizeof *watch);
    if (watch != NULL) {
        watch->events = events;
        watch->fd = fd;
        watch->fn = fn;
        watch->arg = arg;
        TAILQ_INSERT_TAIL(&events->watches, watch, link);
    }
    return watch;
}

void kit_watch_set(struct trunk_watch *watch, uint32_t wanted) {
    check_thread(watch->events, "watch_set on another thread than the loop's");
    watch->wanted = wanted;
}

void kit_watch_free(struct trunk_watch *watch) {
    if (watch == NULL) {
        return;
    }
    check_thread(watch->events, "watch_free on another thread than the loop's");
    watch->is_freed = true;
}

struct trunk_timer *kit_timer_new(struct kit_events *events, void (*fn)(void *arg), void *arg) {
    check_thread(events, "timer_new on another thread than the loop's");
    struct trunk_timer *timer = calloc(1, sizeof *timer);
    if (timer != NULL) {
        timer->events = events;
        timer->fn = fn;
        timer->arg = arg;
        TAILQ_INSERT_TAIL(&events->timers, timer, link);
    }
    return timer;
}

void kit_timer_set(struct trunk_timer *timer, uint64_t after_ms) {
    check_thread(timer->events, "timer_set on another thread than the loop's");
    timer->due_ms = now_ms(timer->events) + after_ms;
    timer->is_set = true;
}

void kit_timer_stop(struct trunk_timer *timer) {
    check_thread(timer->events, "timer_stop on another thread than the loop's");
    timer->is_set = false;
}

void kit_timer_free(struct trunk_timer *timer) {
    if (timer == NULL) {
        return;
    }
    check_thread(timer->events, "timer_free on another thread than the loop's");
    timer->is_freed = true;
}
