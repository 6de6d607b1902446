/* SPDX-License-Identifier: MIT
 * connection.h - what the edge keeps of each client connection beside the HTTP library: what it is
 * doing, since when, and whether it is too slow at it. Knows bufferevents, but not evhttp. */
#ifndef TRUNKD_HTTP_CONNECTION_H
#define TRUNKD_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "http/server.h"

struct bufferevent;
struct exchange;

enum connection_phase {
    CONNECTION_IDLE,    /* no byte of the next request yet: idle_timeout */
    CONNECTION_HEAD,    /* from its first byte to the end of its head: header_timeout */
    CONNECTION_BODY,    /* then, until it is whole: body_timeout */
    CONNECTION_WAITING, /* for its answer, or while its stream is open: body_timeout from the last
                           byte taken, once more than EXCHANGE_LOW_BYTES wait */
    CONNECTION_WRITING  /* the answer is whole: body_timeout from the last byte taken */
};

struct connection;
struct connections; /* all of one server */

/* Called at each change of the count. */
typedef void (*connections_count_fn)(void *ctx, size_t count);
/* Called when what waits on the exchange's connection has come down to EXCHANGE_LOW_BYTES. In the
 * middle of a write: nothing may be written or closed in it. */
typedef void (*connections_drained_fn)(struct exchange *exchange);

/* options is borrowed. A connection that is too
 * slow is cut as if it had timed out: by the bufferevent's event callback with BEV_EVENT_TIMEOUT,
 * from the loop. */
struct connections *connections_new(struct loop *loop, struct log *log,
                                    const struct http_options *options,
                                    connections_count_fn on_count, void *ctx,
                                    connections_drained_fn on_drained);
void connections_free(struct connections *connections); /* all were removed; NULL is fine */
size_t connections_count(const struct connections *connections);

/* The bufferevent is borrowed until connection_remove. */
struct connection *connections_add(struct connections *connections,
                                   struct bufferevent *bufferevent);
struct connection *connections_find(const struct connections *connections,
                                    struct bufferevent *bufferevent);
void connection_remove(struct connection *connection);

struct bufferevent *connection_get_bufferevent(const struct connection *connection);
enum connection_phase connection_get_phase(const struct connection *connection);
/* The exchange that waits or streams on it, borrowed; NULL: none. */
struct exchange *connection_get_exchange(const struct connection *connection);
void connection_set_exchange(struct connection *connection, struct exchange *exchange);
/* What is wrong with the raw bytes of the head just read; static, NULL: nothing. */
const char *connection_get_defect(const struct connection *connection);

/* The request is whole. Until the next one, what the client sends ahead is read (so that its
 * leaving is seen, which is an event of the bufferevent) up to 64 KiB, but not given to the reader.
 */
void connection_begin_waiting(struct connection *connection);
/* The whole answer has been given to be written. */
void connection_begin_writing(struct connection *connection);
/* The answer is written: the next request begins with what was sent ahead. */
void connection_begin_next(struct connection *connection);

#endif
