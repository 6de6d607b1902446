/* SPDX-License-Identifier: MIT
 * server.h - the HTTP edge of the MCP endpoint. server.c is the only file that includes evhttp. */
#ifndef TRUNKD_HTTP_SERVER_H
#define TRUNKD_HTTP_SERVER_H

#include <stdint.h>

#include "base/log.h"
#include "http/authenticator.h"
#include "loop/loop.h"
#include "wire/exchange.h"

struct http_options {
    char *address;        /* numeric, "127.0.0.1" or "::1" */
    uint16_t port;        /* 0: any free one */
    char *path;           /* "/mcp" */
    char **allowed_hosts; /* NULL-terminated; empty: on loopback localhost, 127.0.0.1 and [::1] with
                             any port */
    char *
        *allowed_origins; /* NULL-terminated; empty: on loopback the same hosts by http or https */
    uint64_t max_body_bytes; /* 0: no limit */
    uint64_t
        max_connections; /* further ones wait in the kernel's queue; 0: only 3/4 of RLIMIT_NOFILE */
    uint64_t header_timeout_ms; /* from a request's first byte to the end of its headers; 0, as for
                                   the next two: none */
    uint64_t body_timeout_ms; /* for the rest of the request; and for a client to take something of
                               * what waits for it once its answer is whole, or more than 1 MiB of
                               * its stream waits */
    uint64_t idle_timeout_ms; /* of a connection on which no request has begun */
    uint64_t stream_keepalive_ms; /* a comment on a quiet stream; 0: none */
};

/* Every exchange given to the handler has passed the edge's checks (path, method, Host, Origin,
 * Content-Type, Accept, size) and has a principal. */
typedef void (*http_handler_fn)(void *ctx, struct exchange *exchange);

struct http_server;
/* Listens. NULL with *error filled ("listen.address", "listen.port") when it cannot. options and
 * authenticator (NULL: everybody is anonymous) are borrowed and outlive the server. The process
 * ignores SIGPIPE: a client may reset its connection in the middle of a write. */
struct http_server *http_server_new(struct loop *loop, struct log *log,
                                    const struct http_options *options,
                                    const struct authenticator *authenticator,
                                    http_handler_fn handler, void *ctx, struct trunk_error *error);
uint16_t http_server_port(const struct http_server *server);
/* Stops to accept new connections; new requests on open ones get 503 with Retry-After. */
void http_server_drain(struct http_server *server);
/* Exchanges not yet ended: 0 means that http_server_free cuts nobody off. */
size_t http_server_count_exchanges(const struct http_server *server);
size_t http_server_count_connections(const struct http_server *server);
/* Closes all connections. Every exchange has been ended by its user before. */
void http_server_free(struct http_server *server);

#endif
