/* SPDX-License-Identifier: MIT
 * post_queue.c - a locked list of functions, and the event that runs them. */
#include "loop/post_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/alloc.h"

enum { MAX_FUNCTIONS_PER_RUN = 10000 };

struct posted {
    STAILQ_ENTRY(posted) link;
    void (*fn)(void *arg);
    void *arg;
};

struct post_queue {
    pthread_t loop_thread;
    int wake_fd;
    struct event *wake;
    pthread_mutex_t lock; /* guards all below */
    STAILQ_HEAD(, posted) list;
    bool is_awake; /* a run is under way or sure to come: nobody needs to ask for one */
};

static void fail_on(const char *what) {
    (void)fprintf(stderr, "trunkd: %s: %s\n", what, strerrordesc_np(errno));
    abort();
}

static void write_wake_fd(const struct post_queue *queue) {
    uint64_t one = 1;
    /* EAGAIN: the counter is full, so the loop wakes anyway. */
    if (write(queue->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN) {
        fail_on("write to an eventfd");
    }
}

static void on_wake(int fd, short what, void *arg) {
    uint64_t count = 0;
    if ((what & EV_READ) && read(fd, &count, sizeof count) < 0 && errno != EAGAIN) {
        fail_on("read from an eventfd");
    }
    (void)post_queue_run(arg);
}

struct post_queue *post_queue_new(struct event_base *base) {
    struct post_queue *queue = xcalloc(1, sizeof *queue);
    queue->loop_thread = pthread_self();
    queue->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->wake_fd < 0) {
        fail_on("eventfd");
    }
    queue->wake = event_new(base, queue->wake_fd, EV_READ | EV_PERSIST, on_wake, queue);
    if (queue->wake == NULL || event_add(queue->wake, NULL) != 0) {
        fail_on("watch an eventfd");
    }
    (void)pthread_mutex_init(&queue->lock, NULL);
    STAILQ_INIT(&queue->list);
    return queue;
}

void post_queue_free(struct post_queue *queue) {
    if (queue == NULL) {
        return;
    }
    while (!STAILQ_EMPTY(&queue->list)) {
        struct posted *posted = STAILQ_FIRST(&queue->list);
        STAILQ_REMOVE_HEAD(&queue->list, link);
        free(posted);
    }
    event_free(queue->wake);
    (void)close(queue->wake_fd);
    (void)pthread_mutex_destroy(&queue->lock);
    free(queue);
}

void post_queue_post(struct post_queue *queue, void (*fn)(void *arg), void *arg) {
    struct posted *posted = xmalloc(sizeof *posted);
    posted->fn = fn;
    posted->arg = arg;
    (void)pthread_mutex_lock(&queue->lock);
    STAILQ_INSERT_TAIL(&queue->list, posted, link);
    if (!queue->is_awake) {
        queue->is_awake = true;
        if (pthread_equal(pthread_self(), queue->loop_thread)) {
            event_active(queue->wake, EV_WRITE, 1);
        } else {
            /* Under the lock: once it is released, fn may run and the queue may be freed. */
            write_wake_fd(queue);
        }
    }
    (void)pthread_mutex_unlock(&queue->lock);
}

bool post_queue_run(struct post_queue *queue) {
    struct posted *posted = NULL;
    for (int done = 0;; done++) {
        (void)pthread_mutex_lock(&queue->lock);
        posted = STAILQ_FIRST(&queue->list);
        if (posted == NULL || done == MAX_FUNCTIONS_PER_RUN) {
            break;
        }
        queue->is_awake = true;
        STAILQ_REMOVE_HEAD(&queue->list, link);
        (void)pthread_mutex_unlock(&queue->lock);
        posted->fn(posted->arg);
        free(posted);
    }
    bool is_empty = posted == NULL;
    queue->is_awake = !is_empty;
    if (!is_empty) {
        /* Not by event_active: libevent would come back here before it looks at any descriptor. */
        write_wake_fd(queue);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return is_empty;
}
