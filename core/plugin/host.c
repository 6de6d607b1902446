/* SPDX-License-Identifier: MIT
 * host.c - the services of the host, one table for each driver instance. */
#include "plugin/host.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "base/alloc.h"

struct trunk_watch {
    LIST_ENTRY(trunk_watch) next;
    struct host *host;
    struct event *event;
    int fd;
    uint32_t wanted;
    void (*fn)(void *arg, uint32_t ready);
    void *arg;
    bool is_file; /* always ready, so nobody can wait for it */
};

struct trunk_timer {
    LIST_ENTRY(trunk_timer) next;
    struct host *host;
    struct loop_timer *timer;
};

struct host {
    struct trunk_host table;
    struct host_env env;
    char *name;
    LIST_HEAD(, trunk_watch) watches;
    LIST_HEAD(, trunk_timer) timers;
    bool is_closed;     /* loop thread */
    atomic_size_t refs; /* the owner's, and one for each queued post */
};

/* A function that the driver has posted. */
struct host_post {
    struct host *host;
    void (*fn)(void *arg);
    void *arg;
};

static void unref_host(struct host *host) {
    if (atomic_fetch_sub(&host->refs, 1) == 1) {
        free(host->name);
        free(host);
    }
}

/* Watches and timers belong to the loop thread (ABI rule 6). */
static bool is_misplaced(const struct host *host, const char *call) {
    if (loop_is_here(host->env.loop)) {
        return false;
    }
    log_error(host->env.log, host->name,
              "the driver broke ABI rule 6: called off the loop thread, ignored call=%s", call);
    return true;
}

static void complete(void *ctx, trunk_op op, const struct trunk_reply *reply) {
    struct host *host = ctx;
    op_complete(host->env.ops, host, host->name, op, reply);
}

static void emit(void *ctx, trunk_op op, const struct trunk_item *item) {
    struct host *host = ctx;
    op_emit(host->env.ops, host, host->name, op, item);
}

static void write_log(void *ctx, int32_t level, const char *text) {
    struct host *host = ctx;
    if (level < TRUNK_LOG_ERROR) {
        level = TRUNK_LOG_ERROR;
    } else if (level > TRUNK_LOG_DEBUG) {
        level = TRUNK_LOG_DEBUG;
    }
    log_write(host->env.log, level, host->name, "%s", text == NULL ? "(NULL)" : text);
}

static void run_post(void *arg) {
    struct host_post *post = arg;
    if (!post->host->is_closed) {
        post->fn(post->arg);
    }
    unref_host(post->host);
    free(post);
}

static int32_t post(void *ctx, void (*fn)(void *arg), void *arg) {
    struct host *host = ctx;
    struct host_post *posted = xmalloc(sizeof *posted);
    *posted = (struct host_post){host, fn, arg};
    atomic_fetch_add(&host->refs, 1);
    loop_post(host->env.loop, run_post, posted);
    return TRUNK_OK;
}

static uint64_t mono_ms(void *ctx) {
    const struct host *host = ctx;
    return clock_mono_ms(host->env.clock);
}

static uint64_t wall_ms(void *ctx) {
    const struct host *host = ctx;
    return clock_wall_ms(host->env.clock);
}

/* The last act is the driver's function: it may free the watch. */
static void on_ready(evutil_socket_t fd, short what, void *arg) {
    struct trunk_watch *watch = arg;
    (void)fd;
    watch->fn(watch->arg, ((what & EV_READ) ? (uint32_t)TRUNK_READ : 0u) |
                              ((what & EV_WRITE) ? (uint32_t)TRUNK_WRITE : 0u));
}

static struct trunk_watch *watch_new(void *ctx, int fd, void (*fn)(void *arg, uint32_t ready),
                                     void *arg) {
    struct stat status;
    struct host *host = ctx;
    if (is_misplaced(host, "watch_new")) {
        return NULL;
    }
    struct trunk_watch *watch = xcalloc(1, sizeof *watch);
    watch->host = host;
    watch->fd = fd;
    watch->fn = fn;
    watch->arg = arg;
    watch->is_file =
        fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
    watch->event = event_new(loop_base(host->env.loop), fd, EV_PERSIST, on_ready, watch);
    if (watch->event == NULL) {
        free(watch);
        return NULL;
    }
    LIST_INSERT_HEAD(&host->watches, watch, next);
    return watch;
}

static void watch_set(struct trunk_watch *watch, uint32_t wanted) {
    const struct host *host = watch->host;
    wanted &= (uint32_t)TRUNK_READ | (uint32_t)TRUNK_WRITE;
    if (is_misplaced(host, "watch_set") || wanted == watch->wanted) {
        return;
    }
    short events = EV_PERSIST;
    events |= (wanted & TRUNK_READ) ? EV_READ : 0;
    events |= (wanted & TRUNK_WRITE) ? EV_WRITE : 0;
    (void)event_del(watch->event);
    (void)event_assign(watch->event, loop_base(host->env.loop), watch->fd, events, on_ready, watch);
    watch->wanted = wanted;
    if (watch->is_file) {
        errno = EPERM; /* as epoll would say, but libevent hears of it too late */
    }
    if (wanted != 0 && (watch->is_file || event_add(watch->event, NULL) != 0)) {
        watch->wanted = 0;
        log_error(host->env.log, host->name, "cannot wait for a descriptor fd=%d reason=\"%s\"",
                  watch->fd, strerrordesc_np(errno));
    }
}

static void free_watch(struct trunk_watch *watch) {
    LIST_REMOVE(watch, next);
    event_free(watch->event);
    free(watch);
}

static void watch_free(struct trunk_watch *watch) {
    if (watch != NULL && !is_misplaced(watch->host, "watch_free")) {
        free_watch(watch);
    }
}

static struct trunk_timer *timer_new(void *ctx, void (*fn)(void *arg), void *arg) {
    struct host *host = ctx;
    if (is_misplaced(host, "timer_new")) {
        return NULL;
    }
    struct trunk_timer *timer = xcalloc(1, sizeof *timer);
    timer->host = host;
    timer->timer = loop_timer_new(host->env.loop, fn, arg);
    LIST_INSERT_HEAD(&host->timers, timer, next);
    return timer;
}

static void timer_set(struct trunk_timer *timer, uint64_t after_ms) {
    if (!is_misplaced(timer->host, "timer_set")) {
        loop_timer_set(timer->timer, after_ms);
    }
}

static void timer_stop(struct trunk_timer *timer) {
    if (!is_misplaced(timer->host, "timer_stop")) {
        loop_timer_stop(timer->timer);
    }
}

static void free_timer(struct trunk_timer *timer) {
    LIST_REMOVE(timer, next);
    loop_timer_free(timer->timer);
    free(timer);
}

static void timer_free(struct trunk_timer *timer) {
    if (timer != NULL && !is_misplaced(timer->host, "timer_free")) {
        free_timer(timer);
    }
}

struct host *host_new(const struct host_env *env, const char *name) {
    struct host *host = xcalloc(1, sizeof *host);
    host->table = (struct trunk_host){
        .struct_size = sizeof host->table,
        .abi_minor = TRUNK_ABI_MINOR,
        .ctx = host,
        .complete = complete,
        .emit = emit,
        .log = write_log,
        .post = post,
        .mono_ms = mono_ms,
        .wall_ms = wall_ms,
        .watch_new = watch_new,
        .watch_set = watch_set,
        .watch_free = watch_free,
        .timer_new = timer_new,
        .timer_set = timer_set,
        .timer_stop = timer_stop,
        .timer_free = timer_free,
    };
    host->env = *env;
    host->name = xstrdup(name);
    LIST_INIT(&host->watches);
    LIST_INIT(&host->timers);
    atomic_init(&host->refs, 1);
    return host;
}

void host_free(struct host *host) {
    if (host == NULL) {
        return;
    }
    struct trunk_watch *next_watch;
    for (struct trunk_watch *watch = LIST_FIRST(&host->watches); watch != NULL;
         watch = next_watch) {
        next_watch = LIST_NEXT(watch, next);
        log_error(host->env.log, host->name, "the driver left a watch at its close fd=%d",
                  watch->fd);
        free_watch(watch);
    }
    struct trunk_timer *next_timer;
    for (struct trunk_timer *timer = LIST_FIRST(&host->timers); timer != NULL; timer = next_timer) {
        next_timer = LIST_NEXT(timer, next);
        log_error(host->env.log, host->name, "the driver left a timer at its close");
        free_timer(timer);
    }
    host->is_closed = true;
    unref_host(host);
}

const struct trunk_host *host_table(const struct host *host) {
    return &host->table;
}

const char *host_name(const struct host *host) {
    return host->name;
}
