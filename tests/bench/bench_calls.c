/* SPDX-License-Identifier: MIT
 * bench_calls.c - the load of `scripts/bench calls`: tools/call in a closed loop over N
 * connections, each with a session of its own, to several targets in turn (interleaved rounds),
 * with every answer checked. Prints a table and writes JSON. bench_calls SECONDS ROUNDS OUT.json
 * NAME:PORT:TOOL:PID...     PID 0: nothing stands in the middle */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench_client.h"

#define MAX_TARGETS 4
#define MAX_ROUNDS 15
#define MAX_CONNECTIONS 64

struct target {
    const char *name;
    uint16_t port;
    const char *tool;
    long pid;
};

struct figures {
    double per_second;
    double p50_us;
    double p99_us;
    double cpu_us; /* of the process in the middle, per call */
    double rss_mib;
};

struct samples {
    uint32_t *us10; /* tenths of a microsecond */
    size_t count;
    size_t capacity;
};

static void send_call(struct connection *connection, const struct target *target) {
    char body[1024];
    connection->id++;
    (void)snprintf(
        body, sizeof body,
        "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\","
        "\"arguments\":{\"text\":\"c%u-%llu-0123456789012345678901234567890123456789\"}}}",
        (unsigned long long)connection->id, target->tool, connection->index,
        (unsigned long long)connection->id);
    connection->sent_ns = bench_now_ns();
    bench_send(connection, "POST", body);
}

static void check_answer(const struct connection *connection, const struct http_message *message) {
    char id[64];
    char text[96];
    (void)snprintf(id, sizeof id, "\"id\":%llu,", (unsigned long long)connection->id);
    (void)snprintf(text, sizeof text, "\"text\":\"c%u-%llu-", connection->index,
                   (unsigned long long)connection->id);
    if (strncmp(message->start, "HTTP/1.1 200", 12) != 0 ||
        memmem(message->body, message->body_len, id, strlen(id)) == NULL ||
        memmem(message->body, message->body_len, text, strlen(text)) == NULL) {
        (void)fprintf(stderr, "bench_calls: wrong answer to %s: %.*s\n", id, (int)message->body_len,
                      message->body);
        exit(1);
    }
}

static void add_sample(struct samples *samples, uint64_t ns) {
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity == 0 ? 65536 : samples->capacity * 2;
        samples->us10 = realloc(samples->us10, samples->capacity * sizeof *samples->us10);
        if (samples->us10 == NULL) {
            bench_die("out of memory");
        }
    }
    samples->us10[samples->count++] = (uint32_t)(ns / 100);
}

static int compare_samples(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static struct figures run_round(const struct target *target, struct connection *connections,
                                unsigned count, double seconds) {
    struct samples samples = {0};
    struct epoll_event events[MAX_CONNECTIONS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        connections[i].index = i;
        bench_connect(&connections[i], target->port);
        bench_open_session(&connections[i]);
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event);
    }
    for (unsigned i = 0; i < count;
         i++) { /* opens the way to the backend, outside of the measurement */
        send_call(&connections[i], target);
        struct http_message message = bench_receive(&connections[i]);
        check_answer(&connections[i], &message);
    }
    double cpu = bench_cpu_seconds(target->pid);
    uint64_t begin = bench_now_ns();
    uint64_t end = begin + (uint64_t)(seconds * 1e9);
    unsigned waiting = count;
    for (unsigned i = 0; i < count; i++) {
        send_call(&connections[i], target);
    }
    while (waiting > 0) {
        int ready = epoll_wait(epoll, events, MAX_CONNECTIONS, 10000);
        if (ready <= 0) {
            bench_die("no answer for 10 s");
        }
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            struct http_message message = bench_receive(connection);
            uint64_t now = bench_now_ns();
            check_answer(connection, &message);
            add_sample(&samples, now - connection->sent_ns);
            if (now < end) {
                send_call(connection, target);
            } else {
                waiting--;
            }
        }
    }
    double took = (double)(bench_now_ns() - begin) / 1e9;
    cpu = bench_cpu_seconds(target->pid) - cpu;
    struct figures figures = {.per_second = (double)samples.count / took,
                              .cpu_us = cpu / (double)samples.count * 1e6,
                              .rss_mib = bench_rss_mib(target->pid)};
    qsort(samples.us10, samples.count, sizeof *samples.us10, compare_samples);
    figures.p50_us = (double)samples.us10[samples.count / 2] / 10;
    figures.p99_us = (double)samples.us10[samples.count * 99 / 100] / 10;
    free(samples.us10);
    for (unsigned i = 0; i < count; i++) {
        bench_end_session(&connections[i]);
        (void)close(connections[i].fd);
    }
    (void)close(epoll);
    return figures;
}

/* Sessions opened and ended one after the other. */
static double run_initializes(const struct target *target, struct connection *connection,
                              double seconds) {
    uint64_t begin = bench_now_ns();
    uint64_t end = begin + (uint64_t)(seconds * 1e9);
    unsigned count = 0;
    while (bench_now_ns() < end) {
        bench_connect(connection, target->port);
        bench_open_session(connection);
        bench_end_session(connection);
        (void)close(connection->fd);
        count++;
    }
    return (double)count / ((double)(bench_now_ns() - begin) / 1e9);
}

static double median(const struct figures *rounds, unsigned count, size_t offset) {
    double values[MAX_ROUNDS];
    for (unsigned i = 0; i < count; i++) {
        memcpy(&values[i], (const char *)&rounds[i] + offset, sizeof values[i]);
    }
    return bench_median(values, count);
}

static struct figures medians(const struct figures *rounds, unsigned count) {
    return (struct figures){median(rounds, count, offsetof(struct figures, per_second)),
                            median(rounds, count, offsetof(struct figures, p50_us)),
                            median(rounds, count, offsetof(struct figures, p99_us)),
                            median(rounds, count, offsetof(struct figures, cpu_us)),
                            median(rounds, count, offsetof(struct figures, rss_mib))};
}

static void print_row(FILE *json, const char *name, unsigned connections, const struct figures *f,
                      int is_first) {
    (void)printf("%-8s %4u %10.0f %9.1f %9.1f %9.2f %8.1f\n", name, connections, f->per_second,
                 f->p50_us, f->p99_us, f->cpu_us, f->rss_mib);
    (void)fprintf(
        json,
        "%s\n  {\"name\": \"%s\", \"connections\": %u, \"per_second\": %.0f, \"p50_us\": %.1f, "
        "\"p99_us\": %.1f, \"cpu_us\": %.2f, \"rss_mib\": %.1f}",
        is_first ? "" : ",", name, connections, f->per_second, f->p50_us, f->p99_us, f->cpu_us,
        f->rss_mib);
}

static int parse_target(char *text, struct target *out) {
    char *rest = NULL;
    out->name = strtok_r(text, ":", &rest);
    const char *port = strtok_r(NULL, ":", &rest);
    out->tool = strtok_r(NULL, ":", &rest);
    const char *pid = strtok_r(NULL, ":", &rest);
    if (out->name == NULL || port == NULL || out->tool == NULL || pid == NULL) {
        return 0;
    }
    out->port = (uint16_t)strtoul(port, NULL, 10);
    out->pid = strtol(pid, NULL, 10);
    return 1;
}

int main(int argc, char **argv) {
    static struct connection connections[MAX_CONNECTIONS];
    static const unsigned loads[] = {1, 32};
    struct target targets[MAX_TARGETS];
    struct figures rounds[MAX_TARGETS][MAX_ROUNDS];
    unsigned ntargets = 0;
    if (argc < 5 || argc - 4 > MAX_TARGETS) {
        bench_die("usage: bench_calls SECONDS ROUNDS OUT.json NAME:PORT:TOOL:PID...");
    }
    double seconds = strtod(argv[1], NULL);
    unsigned count = (unsigned)strtoul(argv[2], NULL, 10);
    if (seconds <= 0 || count == 0 || count > MAX_ROUNDS) {
        bench_die("SECONDS must be positive, ROUNDS 1 to 15");
    }
    for (int i = 4; i < argc; i++) {
        if (!parse_target(argv[i], &targets[ntargets++])) {
            bench_die("a target is NAME:PORT:TOOL:PID");
        }
    }
    FILE *json = fopen(argv[3], "w");
    if (json == NULL) {
        bench_die("OUT.json cannot be written");
    }
    (void)fprintf(json, "[");
    (void)printf("%-8s %4s %10s %9s %9s %9s %8s\n", "target", "conn", "calls/s", "p50 us", "p99 us",
                 "cpu us", "RSS MiB");
    for (size_t load = 0; load < sizeof loads / sizeof loads[0]; load++) {
        for (unsigned round = 0; round < count; round++) {
            for (unsigned i = 0; i < ntargets; i++) {
                rounds[i][round] = run_round(&targets[i], connections, loads[load], seconds);
            }
        }
        for (unsigned i = 0; i < ntargets; i++) {
            struct figures figures = medians(rounds[i], count);
            print_row(json, targets[i].name, loads[load], &figures, load == 0 && i == 0);
        }
    }
    (void)printf("%-8s %14s\n", "target", "initialize/s");
    for (unsigned i = 0; i < ntargets; i++) {
        double rates[MAX_ROUNDS];
        for (unsigned round = 0; round < count; round++) {
            rates[round] = run_initializes(&targets[i], connections, seconds / 4);
        }
        double rate = bench_median(rates, count);
        (void)printf("%-8s %14.0f\n", targets[i].name, rate);
        (void)fprintf(json, ",\n  {\"name\": \"%s\", \"initialize_per_second\": %.0f}",
                      targets[i].name, rate);
    }
    (void)fprintf(json, "\n]\n");
    (void)fclose(json);
    return 0;
}
