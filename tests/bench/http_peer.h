/* SPDX-License-Identifier: MIT
 * http_peer.h - the least of HTTP/1.1 that the benchmark's client and backend need: one message
 * with Content-Length or chunks. */
#ifndef TRUNKD_BENCH_HTTP_PEER_H
#define TRUNKD_BENCH_HTTP_PEER_H

#include <stdbool.h>
#include <stddef.h>

struct http_message {
    const char *start; /* request or status line */
    const char *headers;
    size_t headers_len;
    char *body; /* unchunked in place */
    size_t body_len;
    size_t total_len; /* bytes of the input that it took */
};

/* Reads one message from data. 1: complete, 0: more is needed, -1: not HTTP. Changes the body's
 * bytes when it was chunked. */
int http_peer_read(char *data, size_t len, struct http_message *out);
/* Copies a header's value, without blanks around it; false if absent. */
bool http_peer_header(const struct http_message *message, const char *name, char *out, size_t size);

#endif
