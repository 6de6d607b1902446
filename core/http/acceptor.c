/* SPDX-License-Identifier: MIT
 * acceptor.c - when a listener takes new connections. */
#include "http/acceptor.h"

#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"

#define RETRY_MS 1000

struct acceptor {
    struct log *log;
    struct evconnlistener *listener;
    struct loop_timer *timer;
    uint64_t max_count;
    bool is_full;
    struct log_limit full_limit;
    struct log_limit error_limit;
};

/* The listener would try again at once, for ever. There is no way from here to the acceptor: the
 * listener's argument is evhttp's. So the acceptor looks by itself, once a second. */
static void handle_error(struct evconnlistener *listener, void *arg) {
    (void)arg;
    evconnlistener_disable(listener);
}

static bool has_descriptor(struct acceptor *acceptor) {
    int fd = fcntl(evconnlistener_get_fd(acceptor->listener), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        log_write_limited(acceptor->log, &acceptor->error_limit, TRUNK_LOG_ERROR, "http",
                          "cannot accept connections error=\"%s\"", strerror(errno));
        return false;
    }
    (void)close(fd);
    return true;
}

static void retry(void *arg) {
    struct acceptor *acceptor = arg;
    if (has_descriptor(acceptor) && !acceptor->is_full) {
        evconnlistener_enable(acceptor->listener);
    }
    loop_timer_set(acceptor->timer, RETRY_MS);
}

/* Backends, stores and files need descriptors too: a quarter of the process's is theirs. */
static uint64_t limit_count(uint64_t max_count) {
    struct rlimit limit;
    uint64_t possible = UINT64_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        possible = (uint64_t)limit.rlim_cur - (uint64_t)limit.rlim_cur / 4;
    }
    return max_count > 0 && max_count < possible ? max_count : possible;
}

struct acceptor *acceptor_new(struct loop *loop, struct log *log, struct evconnlistener *listener,
                              uint64_t max_count) {
    struct acceptor *acceptor = xcalloc(1, sizeof *acceptor);
    acceptor->log = log;
    acceptor->listener = listener;
    acceptor->max_count = limit_count(max_count);
    acceptor->timer = loop_timer_new(loop, retry, acceptor);
    evconnlistener_set_error_cb(listener, handle_error);
    loop_timer_set(acceptor->timer, RETRY_MS);
    return acceptor;
}

void acceptor_free(struct acceptor *acceptor) {
    if (acceptor != NULL) {
        loop_timer_free(acceptor->timer);
        free(acceptor);
    }
}

void acceptor_set_count(struct acceptor *acceptor, size_t count) {
    bool was_full = acceptor->is_full;
    acceptor->is_full = count >= acceptor->max_count;
    if (acceptor->is_full && !was_full) {
        evconnlistener_disable(acceptor->listener);
        log_write_limited(acceptor->log, &acceptor->full_limit, TRUNK_LOG_WARN, "http",
                          "no further connections: as many as listen.max_connections and the "
                          "descriptor limit allow count=%zu",
                          count);
    } else if (was_full && !acceptor->is_full) {
        evconnlistener_enable(acceptor->listener);
    }
}
