/* SPDX-License-Identifier: MIT
 * connection.h - the connection of an open store: made again with back-off whenever it is lost, and
 * the requests that wait for their answer on it. Requests are pipelined: each is sent at once.
 *
 * Answers have no numbers, so a request that is not answered in time costs the connection, and all
 * requests with it. One that was surely not sent whole, or changes nothing, is then UNAVAILABLE,
 * any other UNCERTAIN. While there is no connection requests fail at once. */
#ifndef STORAGE_REDIS_CONNECTION_H
#define STORAGE_REDIS_CONNECTION_H

#include <stdbool.h>
#include <sys/queue.h>

#include <trunk/plugin.h>

#include "scripts.h"
#include "settings.h"

struct redisReply;
struct connection;

enum { REQUEST_ARGS = 10 };

/* A run of a script. The sender's, from connection_send until done. */
struct request {
    enum script script;
    int nkeys; /* of args, at the beginning */
    int nargs;
    const char *args[REQUEST_ARGS];
    size_t lens[REQUEST_ARGS];
    bool is_write; /* may not be taken for undone when its answer is lost */
    /* Called once, perhaps inside connection_send. OK: with the reply, which is valid during the
     * call and no error; else with a text. */
    void (*done)(struct request *request, int32_t status, const char *text,
                 const struct redisReply *reply);
    /* The connection's own. */
    TAILQ_ENTRY(request) link;
    struct connection *connection;
    uint64_t sent_ms;
    uint64_t end; /* of its bytes, among all that were ever put into the connection */
    bool is_ping;
    bool was_reloaded; /* the script, because the server had forgotten it */
};

/* Begins to connect. settings outlive it. NULL: out of memory. */
struct connection *connection_new(const struct trunk_host *host, const struct settings *settings);
/* Ends what is pending with CANCELLED. NULL is fine. */
void connection_free(struct connection *connection);

void connection_send(struct connection *connection, struct request *request);
/* Asks whether the server is there; of request only done is used. Waits for a connection that is
 * just being made. */
void connection_ping(struct connection *connection, struct request *request);
/* Names the run of the server that cursors are good for; the last one's while there is none. */
const char *connection_run_id(const struct connection *connection);

#endif
