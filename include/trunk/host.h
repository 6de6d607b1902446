/* SPDX-License-Identifier: MIT
 * trunk/host.h - the services of the host that a driver may use: a table, not symbols. */
#ifndef TRUNK_HOST_H
#define TRUNK_HOST_H

#include <trunk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TRUNK_READ = 1, TRUNK_WRITE = 2 };

struct trunk_watch;
struct trunk_timer;

struct trunk_host {
    size_t struct_size;
    uint32_t abi_minor;
    uint32_t reserved;
    void *ctx; /* first argument of the functions below that take ctx */
    void (*complete)(void *ctx, trunk_op op, const struct trunk_reply *reply);
    void (*emit)(void *ctx, trunk_op op, const struct trunk_item *item);
    void (*log)(void *ctx, int32_t level, const char *text);
    int32_t (*post)(void *ctx, void (*fn)(void *arg), void *arg);
    uint64_t (*mono_ms)(void *ctx);
    uint64_t (*wall_ms)(void *ctx);
    struct trunk_watch *(*watch_new)(void *ctx, int fd, void (*fn)(void *arg, uint32_t ready),
                                     void *arg);
    void (*watch_set)(struct trunk_watch *watch, uint32_t wanted);
    void (*watch_free)(struct trunk_watch *watch);
    struct trunk_timer *(*timer_new)(void *ctx, void (*fn)(void *arg), void *arg);
    void (*timer_set)(struct trunk_timer *timer, uint64_t after_ms);
    void (*timer_stop)(struct trunk_timer *timer);
    void (*timer_free)(struct trunk_timer *timer);
};

#ifdef __cplusplus
}
#endif
#endif
