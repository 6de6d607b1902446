/* SPDX-License-Identifier: MIT
 * leg.h - a leg over stdio: one child process from make to finish. Everything runs on the loop
 * thread. */
#ifndef FACTORY_STDIO_LEG_H
#define FACTORY_STDIO_LEG_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include <trunk/plugin.h>

struct leg;
/* A configured instance of this driver. */
struct factory {
    const struct trunk_host *host;
    uint64_t stop_wait_ms;     /* between the steps that stop a process */
    struct rlimit descriptors; /* that the host had when it opened the driver */
    LIST_HEAD(leg_list, leg) legs;
};

/* The calls of trunk/factory.h. */
void leg_make(struct factory *factory, const struct trunk_make *make, trunk_op op);
void leg_send(struct leg *leg, const struct trunk_request *request, trunk_op op);
void leg_listen(struct leg *leg, trunk_op op);
void leg_pause(struct leg *leg, bool is_paused);
void leg_finish(struct leg *leg, const struct trunk_finish *how, trunk_op op);
const struct trunk_host *leg_host(const struct leg *leg);

/* Kills and reaps the child now, completes what is pending with CANCELLED, frees the leg. */
void leg_destroy(struct leg *leg);

#endif
