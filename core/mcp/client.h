/* SPDX-License-Identifier: MIT
 * client.h - the client's side of one live session: its streams, its requests in flight, and what
 * backends ask of it. Hangs on the session. */
#ifndef TRUNKD_MCP_CLIENT_H
#define TRUNKD_MCP_CLIENT_H

#include <sys/queue.h>

#include "mcp/replay.h"
#include "session/leg_hold.h"
#include "session/manager.h"
#include "wire/exchange.h"

struct stream;
struct call;
struct server_request;

/* What the clients of one server share. Borrowed; outlives them. */
struct client_env {
    struct loop *loop;
    struct log *log;
    struct clock *clock;
    const struct session_options *options;
    struct loop_timer *slow_timer;  /* turns answers that take long into streams */
    TAILQ_HEAD(, call) quick_calls; /* not streams yet, oldest first */
};

struct client {
    struct client_env *env;
    struct session *session;
    struct replay *replay;              /* NULL until the first stream */
    struct loop_timer *settle_timer;    /* of results that it may not have got; NULL until needed */
    LIST_HEAD(, stream) streams;        /* that are not at their end */
    struct stream *unasked;             /* the one of GET, connected or not; NULL: none */
    bool owes_list_changed[LIST_KINDS]; /* no stream could take it when the list changed */
    TAILQ_HEAD(, call) calls;           /* requests that wait for their answer */
    struct server_request *requests;    /* of backends to the client, by id */
    size_t nrequests;
    uint64_t next_request;
};

struct client *client_new(struct client_env *env, struct session *session);
void client_free(struct client *client); /* no call, stream or request is left */
/* Has the client negotiated this revision or a later one? */
bool client_speaks(const struct client *client, const char *version);

#endif
