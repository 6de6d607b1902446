/* SPDX-License-Identifier: MIT
 * bench_client.h - what the benchmarks' clients share: a connection that speaks MCP over HTTP and
 * blocks for its answers, and what a process has used. Any trouble ends the program. */
#ifndef TRUNKD_BENCH_CLIENT_H
#define TRUNKD_BENCH_CLIENT_H

#include <stdint.h>

#include "http_peer.h"

#define BENCH_INPUT_SIZE (64 * 1024)

struct connection {
    int fd;
    unsigned index;
    uint64_t id;
    uint64_t sent_ns;
    size_t len;
    char session[96];
    char input[BENCH_INPUT_SIZE];
};

_Noreturn void bench_die(const char *what);
uint64_t bench_now_ns(void);
double bench_cpu_seconds(long pid);                  /* 0 for pid 0 */
double bench_rss_mib(long pid);                      /* 0 for pid 0 */
double bench_median(double *values, unsigned count); /* sorts them */

void bench_connect(struct connection *connection, uint16_t port);
/* body with the connection's session, if it has one. */
void bench_send(struct connection *connection, const char *method, const char *body);
struct http_message bench_receive(struct connection *connection); /* one whole answer */
/* initialize and initialized; the session's id is then the connection's. */
void bench_open_session(struct connection *connection);
void bench_end_session(struct connection *connection); /* DELETE */

#endif
