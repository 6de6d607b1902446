/* SPDX-License-Identifier: MIT
 * crash_host.c - the host as the inner driver sees it. */
#include "crash.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void crash_now(void) {
    (void)kill(getpid(), SIGKILL);
    abort(); /* the signal is on its way */
}

/* In a bracket nothing is stored before its commit. */
static void complete(void *ctx, trunk_op op, const struct trunk_reply *reply) {
    struct crash *crash = ctx;
    if (atomic_load(&crash->fatal) == op) {
        if (!crash->is_in_bracket) {
            crash_now();
        }
        crash->dies_at_commit = true;
    }
    crash->outer->complete(crash->outer->ctx, op, reply);
}

static void emit(void *ctx, trunk_op op, const struct trunk_item *item) {
    const struct trunk_host *outer = ((struct crash *)ctx)->outer;
    outer->emit(outer->ctx, op, item);
}

static void log_line(void *ctx, int32_t level, const char *text) {
    const struct trunk_host *outer = ((struct crash *)ctx)->outer;
    outer->log(outer->ctx, level, text);
}

static int32_t post(void *ctx, void (*fn)(void *arg), void *arg) {
    const struct trunk_host *outer = ((struct crash *)ctx)->outer;
    return outer->post(outer->ctx, fn, arg);
}

static uint64_t mono_ms(void *ctx) {
    const struct trunk_host *outer = ((struct crash *)ctx)->outer;
    return outer->mono_ms(outer->ctx);
}

static uint64_t wall_ms(void *ctx) {
    const struct trunk_host *outer = ((struct crash *)ctx)->outer;
    return outer->wall_ms(outer->ctx);
}

static struct trunk_watch *watch_new(void *ctx, int fd, void (*fn)(void *arg, uint32_t ready),
                                     void *arg) {
    const struct trunk_host *outer = ((struct crash *)ctx)->outer;
    return outer->watch_new(outer->ctx, fd, fn, arg);
}

static struct trunk_timer *timer_new(void *ctx, void (*fn)(void *arg), void *arg) {
    const struct trunk_host *outer = ((struct crash *)ctx)->outer;
    return outer->timer_new(outer->ctx, fn, arg);
}

void crash_fill_host(struct crash *crash) {
    crash->host = *crash->outer; /* watches and timers know their own way */
    crash->host.struct_size = sizeof crash->host;
    crash->host.ctx = crash;
    crash->host.complete = complete;
    crash->host.emit = emit;
    crash->host.log = log_line;
    crash->host.post = post;
    crash->host.mono_ms = mono_ms;
    crash->host.wall_ms = wall_ms;
    crash->host.watch_new = watch_new;
    crash->host.timer_new = timer_new;
}
