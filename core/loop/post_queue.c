/* SPDX-License-Identifier: MIT
 * post_queue.c - the queue between threads and the loop. */
#include "loop/post_queue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/alloc.h"

#define MAX_PER_RUN 10000

struct post {
    STAILQ_ENTRY(post) next;
    void (*fn)(void *arg);
    void *arg;
};

struct post_queue {
    pthread_mutex_t mutex;
    STAILQ_HEAD(, post) posts;
    pthread_t thread;
    struct event *event;
    int fd;
    bool is_woken; /* the loop will look again, no wake needed */
};

static void on_event(evutil_socket_t fd, short what, void *arg) {
    struct post_queue *queue = arg;
    eventfd_t count;
    if ((what & EV_READ) != 0) {
        (void)eventfd_read(fd, &count);
    }
    (void)post_queue_run(queue);
}

struct post_queue *post_queue_new(struct event_base *base) {
    struct post_queue *queue = xcalloc(1, sizeof *queue);
    queue->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (queue->fd < 0) {
        perror("trunkd: eventfd");
        abort();
    }
    (void)pthread_mutex_init(&queue->mutex, NULL);
    STAILQ_INIT(&queue->posts);
    queue->thread = pthread_self();
    queue->event = event_new(base, queue->fd, EV_READ | EV_PERSIST, on_event, queue);
    if (queue->event == NULL || event_add(queue->event, NULL) != 0) {
        (void)fprintf(stderr, "trunkd: the loop refuses an event\n");
        abort();
    }
    return queue;
}

void post_queue_free(struct post_queue *queue) {
    struct post *post;
    while ((post = STAILQ_FIRST(&queue->posts)) != NULL) {
        STAILQ_REMOVE_HEAD(&queue->posts, next);
        free(post);
    }
    event_free(queue->event);
    (void)close(queue->fd);
    (void)pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

void post_queue_post(struct post_queue *queue, void (*fn)(void *arg), void *arg) {
    struct post *post = xmalloc(sizeof *post);
    post->fn = fn;
    post->arg = arg;
    (void)pthread_mutex_lock(&queue->mutex);
    STAILQ_INSERT_TAIL(&queue->posts, post, next);
    bool must_wake = !queue->is_woken;
    queue->is_woken = true;
    (void)pthread_mutex_unlock(&queue->mutex);
    if (!must_wake) {
        return;
    }
    if (pthread_equal(queue->thread, pthread_self())) {
        event_active(queue->event, 0, 0);
    } else {
        (void)eventfd_write(queue->fd, 1);
    }
}

static struct post *take(struct post_queue *queue) {
    (void)pthread_mutex_lock(&queue->mutex);
    struct post *post = STAILQ_FIRST(&queue->posts);
    if (post != NULL) {
        STAILQ_REMOVE_HEAD(&queue->posts, next);
    } else {
        queue->is_woken = false;
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return post;
}

bool post_queue_run(struct post_queue *queue) {
    for (int i = 0; i < MAX_PER_RUN; i++) {
        struct post *post = take(queue);
        if (post == NULL) {
            return true;
        }
        void (*fn)(void *) = post->fn;
        void *arg = post->arg;
        free(post);
        fn(arg);
    }
    event_active(queue->event, 0, 0); /* is_woken stays: other events get their turn first */
    return false;
}
