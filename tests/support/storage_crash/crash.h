/* SPDX-License-Identifier: MIT
 * crash.h - a driver around another one: counts the operations, and kills the process at one. */
#ifndef TEST_STORAGE_CRASH_H
#define TEST_STORAGE_CRASH_H

#include <stdatomic.h>
#include <stdbool.h>

#include <trunk/plugin_util.h>

struct crash {
    const struct trunk_host *outer;
    struct trunk_host host; /* what the inner driver gets: outer, and a look at what is completed */
    const struct trunk_storage_ops *ops; /* of the inner driver */
    void *self;
    struct trunk_param *params; /* of the inner driver; each its own memory */
    size_t nparams;
    atomic_uint_fast64_t left; /* operations before the fatal one; counted down; 0: none is */
    bool is_after;             /* when it was done, and before anybody hears of it */
    _Atomic trunk_op fatal;    /* the operation, once it is under way */
    bool is_in_bracket;
    bool dies_at_commit;
};

/* crash_host.c */
void crash_fill_host(struct crash *crash);
_Noreturn void crash_now(void);

#endif
