/* SPDX-License-Identifier: MIT
 * loop_host.c - a host for one driver on one thread. */
#include "loop_host.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include <cmocka.h>

enum { MAX_WATCHES = 512, WAIT_MS = 20000 };

struct trunk_watch {
    LIST_ENTRY(trunk_watch) link;
    struct loop_host *host;
    int fd;
    uint32_t wanted;
    void (*fn)(void *arg, uint32_t ready);
    void *arg;
};
struct trunk_timer {
    LIST_ENTRY(trunk_timer) link;
    struct loop_host *host;
    bool is_set;
    uint64_t due_ms;
    void (*fn)(void *arg);
    void *arg;
};
struct loop_host {
    struct trunk_host table;
    LIST_HEAD(watches, trunk_watch) watches;
    LIST_HEAD(timers, trunk_timer) timers;
    struct op_result ops[MAX_OPS];
    size_t nops;
    uint64_t stamp;
    bool refuses_watches;
    char **lines;
    size_t nlines;
};

uint64_t mono_now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- the table --- */

static void complete(void *ctx, trunk_op op, const struct trunk_reply *reply) {
    struct loop_host *host = ctx;
    assert_in_range(op, 1, host->nops);
    struct op_result *result = &host->ops[op - 1];
    assert_false(result->is_done);
    assert_int_equal(reply->struct_size, sizeof *reply);
    result->is_done = true;
    result->status = reply->status;
    result->leg = reply->leg;
    assert_in_range(reply->value.len, 0, sizeof result->value - 1);
    if (reply->value.len > 0) {
        memcpy(result->value, reply->value.data, reply->value.len);
    }
    result->when = ++host->stamp;
    (void)snprintf(result->message, sizeof result->message, "%s",
                   reply->message ? reply->message : "");
    assert_true((reply->status == TRUNK_OK) == (reply->message == NULL));
}

static void emit(void *ctx, trunk_op op, const struct trunk_item *item) {
    (void)ctx;
    (void)op;
    (void)item;
    fail_msg("a factory emitted an item");
}

static void log_line(void *ctx, int32_t level, const char *text) {
    struct loop_host *host = ctx;
    assert_in_range(level, TRUNK_LOG_ERROR, TRUNK_LOG_DEBUG);
    host->lines = realloc(host->lines, (host->nlines + 1) * sizeof *host->lines);
    assert_non_null(host->lines);
    host->lines[host->nlines] = strdup(text);
    assert_non_null(host->lines[host->nlines++]);
}

static int32_t post(void *ctx, void (*fn)(void *arg), void *arg) {
    (void)ctx;
    (void)fn;
    (void)arg;
    return TRUNK_UNSUPPORTED;
}

static uint64_t mono_ms(void *ctx) {
    (void)ctx;
    return mono_now_ms();
}

static struct trunk_watch *watch_new(void *ctx, int fd, void (*fn)(void *arg, uint32_t ready),
                                     void *arg) {
    struct loop_host *host = ctx;
    if (host->refuses_watches) {
        return NULL;
    }
    struct trunk_watch *watch = calloc(1, sizeof *watch);
    assert_non_null(watch);
    *watch = (struct trunk_watch){.host = host, .fd = fd, .fn = fn, .arg = arg};
    LIST_INSERT_HEAD(&host->watches, watch, link);
    return watch;
}

static void watch_set(struct trunk_watch *watch, uint32_t wanted) {
    watch->wanted = wanted;
}

static void watch_free(struct trunk_watch *watch) {
    LIST_REMOVE(watch, link);
    free(watch);
}

static struct trunk_timer *timer_new(void *ctx, void (*fn)(void *arg), void *arg) {
    struct loop_host *host = ctx;
    struct trunk_timer *timer = calloc(1, sizeof *timer);
    assert_non_null(timer);
    *timer = (struct trunk_timer){.host = host, .fn = fn, .arg = arg};
    LIST_INSERT_HEAD(&host->timers, timer, link);
    return timer;
}

static void timer_set(struct trunk_timer *timer, uint64_t after_ms) {
    timer->is_set = true;
    timer->due_ms = mono_now_ms() + after_ms;
}

static void timer_stop(struct trunk_timer *timer) {
    timer->is_set = false;
}

static void timer_free(struct trunk_timer *timer) {
    LIST_REMOVE(timer, link);
    free(timer);
}

/* --- the test's side --- */

struct loop_host *loop_host_new(void) {
    struct loop_host *host = calloc(1, sizeof *host);
    assert_non_null(host);
    host->table = (struct trunk_host){.struct_size = sizeof host->table,
                                      .abi_minor = TRUNK_ABI_MINOR,
                                      .ctx = host,
                                      .complete = complete,
                                      .emit = emit,
                                      .log = log_line,
                                      .post = post,
                                      .mono_ms = mono_ms,
                                      .wall_ms = mono_ms,
                                      .watch_new = watch_new,
                                      .watch_set = watch_set,
                                      .watch_free = watch_free,
                                      .timer_new = timer_new,
                                      .timer_set = timer_set,
                                      .timer_stop = timer_stop,
                                      .timer_free = timer_free};
    return host;
}

void loop_host_free(struct loop_host *host) {
    assert_true(LIST_EMPTY(&host->watches));
    assert_true(LIST_EMPTY(&host->timers));
    for (size_t i = 0; i < host->nops; i++) {
        assert_true(host->ops[i].is_done);
    }
    for (size_t i = 0; i < host->nlines; i++) {
        free(host->lines[i]);
    }
    free(host->lines);
    free(host);
}

const struct trunk_host *loop_host_table(struct loop_host *host) {
    return &host->table;
}

trunk_op loop_host_begin(struct loop_host *host) {
    assert_in_range(host->nops, 0, MAX_OPS - 1);
    return ++host->nops;
}

const struct op_result *loop_host_result(struct loop_host *host, trunk_op op) {
    return &host->ops[op - 1];
}

uint64_t loop_host_stamp(struct loop_host *host) {
    return ++host->stamp;
}

void loop_host_refuse_watches(struct loop_host *host) {
    host->refuses_watches = true;
}

/* A callback may free any watch, so each is looked up again before it is called. */
static void run_watch(struct loop_host *host, const struct trunk_watch *wanted, short events) {
    uint32_t ready = 0;
    ready |= events & (POLLIN | POLLERR | POLLHUP) ? TRUNK_READ : 0;
    ready |= events & (POLLOUT | POLLERR | POLLHUP) ? TRUNK_WRITE : 0;
    struct trunk_watch *watch;
    LIST_FOREACH(watch, &host->watches, link) {
        if (watch == wanted && (watch->wanted & ready) != 0) {
            watch->fn(watch->arg, watch->wanted & ready);
            return;
        }
    }
}

static bool run_due_timer(struct loop_host *host) {
    struct trunk_timer *timer;
    LIST_FOREACH(timer, &host->timers, link) {
        if (timer->is_set && timer->due_ms <= mono_now_ms()) {
            timer->is_set = false;
            timer->fn(timer->arg);
            return true;
        }
    }
    return false;
}

static int next_wait(const struct loop_host *host, int wait_ms) {
    uint64_t now_ms = mono_now_ms();
    const struct trunk_timer *timer;
    LIST_FOREACH(timer, &host->timers, link) {
        if (timer->is_set && timer->due_ms < now_ms + (uint64_t)wait_ms) {
            wait_ms = timer->due_ms > now_ms ? (int)(timer->due_ms - now_ms) : 0;
        }
    }
    return wait_ms;
}

void loop_host_turn(struct loop_host *host, int wait_ms) {
    struct pollfd fds[MAX_WATCHES];
    struct trunk_watch *watches[MAX_WATCHES];
    nfds_t count = 0;
    struct trunk_watch *watch;
    LIST_FOREACH(watch, &host->watches, link) {
        if (watch->wanted != 0) {
            assert_in_range(count, 0, MAX_WATCHES - 1);
            short events = 0;
            events = (short)(events | (watch->wanted & TRUNK_READ ? POLLIN : 0));
            events = (short)(events | (watch->wanted & TRUNK_WRITE ? POLLOUT : 0));
            fds[count] = (struct pollfd){.fd = watch->fd, .events = events};
            watches[count++] = watch;
        }
    }
    int ready = poll(fds, count, next_wait(host, wait_ms));
    for (nfds_t i = 0; ready > 0 && i < count; i++) {
        assert_false(fds[i].revents & POLLNVAL);
        if (fds[i].revents != 0) {
            run_watch(host, watches[i], fds[i].revents);
        }
    }
    while (run_due_timer(host)) {
    }
}

bool loop_host_wait(struct loop_host *host, bool (*is_true)(void *ctx), void *ctx) {
    uint64_t end_ms = mono_now_ms() + WAIT_MS;
    while (!is_true(ctx)) {
        if (mono_now_ms() >= end_ms) {
            return false;
        }
        loop_host_turn(host, 100);
    }
    return true;
}

static bool is_op_done(void *ctx) {
    const struct op_result *result = ctx;
    return result->is_done;
}

bool loop_host_wait_op(struct loop_host *host, trunk_op op) {
    return loop_host_wait(host, is_op_done, &host->ops[op - 1]);
}

size_t loop_host_logged(struct loop_host *host, const char *text, const char **out_first) {
    size_t count = 0;
    for (size_t i = 0; i < host->nlines; i++) {
        if (strstr(host->lines[i], text) != NULL && count++ == 0 && out_first != NULL) {
            *out_first = host->lines[i];
        }
    }
    return count;
}
