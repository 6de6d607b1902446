/* SPDX-License-Identifier: MIT
 * host.h - the host table that one driver instance is given: completion, posts, clocks, watches,
 * timers on the loop. */
#ifndef TRUNKD_PLUGIN_HOST_H
#define TRUNKD_PLUGIN_HOST_H

#include <trunk/host.h>
#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/op.h"

/* What the driver instances of one server share. Borrowed; outlives them. */
struct host_env {
    struct loop *loop;
    struct log *log;
    struct clock *clock;
    struct op_table *ops;
};

struct host;
/* name: for the log, "storage memory". */
struct host *host_new(const struct host_env *env, const char *name);
/* After the driver's close: no posted function runs any more; watches and timers that the driver
 * left are freed and named in the log. Posts already queued are dropped, memory goes when the last
 * of them has passed. NULL is fine. */
void host_free(struct host *host);
/* The table to give to open; its ctx is host, which is also the owner of the driver's ops
 * (op_begin). */
const struct trunk_host *host_table(const struct host *host);
const char *host_name(const struct host *host);

#endif
