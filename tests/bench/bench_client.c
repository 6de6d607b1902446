/* SPDX-License-Identifier: MIT
 * bench_client.c - the client of the benchmarks. */
#include "bench_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void bench_die(const char *what) {
    (void)fprintf(stderr, "benchmark: %s\n", what);
    exit(1);
}

uint64_t bench_now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double bench_cpu_seconds(long pid) {
    char path[64];
    char line[1024];
    (void)snprintf(path, sizeof path, "/proc/%ld/schedstat", pid);
    FILE *file = pid > 0 ? fopen(path, "r") : NULL;
    if (file == NULL) {
        return 0;
    }
    unsigned long long ns = 0;
    if (fgets(line, sizeof line, file) != NULL) {
        ns = strtoull(line, NULL, 10);
    }
    (void)fclose(file);
    return (double)ns / 1e9;
}

double bench_rss_mib(long pid) {
    char path[64];
    unsigned long total = 0;
    unsigned long resident = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/statm", pid);
    FILE *file = pid > 0 ? fopen(path, "r") : NULL;
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%lu %lu", &total, &resident) != 2) {
        resident = 0;
    }
    (void)fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

double bench_median(double *values, unsigned count) {
    qsort(values, count, sizeof values[0], compare_doubles);
    return values[count / 2];
}

void bench_send(struct connection *connection, const char *method, const char *body) {
    char out[4096];
    char session[128] = "";
    if (connection->session[0] != '\0') {
        (void)snprintf(session, sizeof session, "Mcp-Session-Id: %s\r\n", connection->session);
    }
    int len =
        snprintf(out, sizeof out,
                 "%s /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                 "Accept: application/json, text/event-stream\r\n%sContent-Length: %zu\r\n\r\n%s",
                 method, session, strlen(body), body);
    if (send(connection->fd, out, (size_t)len, MSG_NOSIGNAL) != len) {
        bench_die("a request could not be sent");
    }
}

struct http_message bench_receive(struct connection *connection) {
    struct http_message message;
    int state;
    while ((state = connection->len == 0
                        ? 0
                        : http_peer_read(connection->input, connection->len, &message)) == 0) {
        ssize_t got = recv(connection->fd, connection->input + connection->len,
                           BENCH_INPUT_SIZE - connection->len - 1, 0);
        if (got <= 0) {
            bench_die("a connection was closed");
        }
        connection->len += (size_t)got;
        connection->input[connection->len] = '\0';
    }
    if (state < 0) {
        bench_die("an answer is not HTTP");
    }
    connection->len = 0; /* one answer at a time */
    return message;
}

void bench_connect(struct connection *connection, uint16_t port) {
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connection->session[0] = '\0';
    connection->len = 0;
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        bench_die("cannot connect");
    }
    (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void bench_open_session(struct connection *connection) {
    connection->session[0] = '\0';
    bench_send(connection, "POST",
               "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
               "\"protocolVersion\":\"2025-11-25\","
               "\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}");
    struct http_message message = bench_receive(connection);
    if (!http_peer_header(&message, "Mcp-Session-Id", connection->session,
                          sizeof connection->session)) {
        bench_die("initialize gave no session id");
    }
    bench_send(connection, "POST",
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    (void)bench_receive(connection);
}

void bench_end_session(struct connection *connection) {
    bench_send(connection, "DELETE", "");
    (void)bench_receive(connection);
}
