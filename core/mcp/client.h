/* SPDX-License-Identifier: MIT
 * client.h - the client's side of one live session: its GET stream and its requests in flight.
 * Hangs on the session. */
#ifndef TRUNKD_MCP_CLIENT_H
#define TRUNKD_MCP_CLIENT_H

#include <sys/queue.h>

#include "session/leg_hold.h"
#include "session/manager.h"
#include "wire/exchange.h"

/* What the clients of one server share. Borrowed; outlives them. */
struct client_env {
    struct loop *loop;
    struct log *log;
    struct clock *clock;
    struct loop_timer *slow_timer;  /* turns answers that take long into streams */
    TAILQ_HEAD(, call) quick_calls; /* not streams yet, oldest first */
};

struct client {
    struct client_env *env;
    struct session *session;
    struct exchange *stream;  /* the open GET stream; NULL: none */
    struct leg_holds holds;   /* what waits for its client */
    bool owes_tools_changed;  /* no stream could take it when the list changed */
    TAILQ_HEAD(, call) calls; /* requests that wait for their answer */
};

#endif
