/* SPDX-License-Identifier: MIT
 * bench_sessions.c - the load of `scripts/bench sessions`.
 *   bench_sessions fill PORT COUNT           opens so many sessions, uses each once, and leaves
 *   bench_sessions hot COUNT SECONDS ROUNDS OUT.json NAME:PORT:PID...
 * The second opens COUNT sessions at each target and calls a tool in all of them in turn, in
 * interleaved rounds; prints calls per second and CPU per call, and the ratio of the last target to
 * the first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_client.h"

#define MAX_TARGETS 2
#define MAX_ROUNDS 15
#define CONNECTIONS 8
#define TOOL "bench_echo"

struct target {
    const char *name;
    uint16_t port;
    long pid;
    char (*sessions)[96];
    double per_second[MAX_ROUNDS];
    double cpu_us[MAX_ROUNDS];
};

struct load {
    struct connection connections[CONNECTIONS];
    unsigned long count; /* of sessions */
    double seconds;
};

static void connect_all(struct load *load, uint16_t port) {
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        bench_connect(&load->connections[i], port);
    }
}

static void disconnect_all(struct load *load) {
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        (void)close(load->connections[i].fd);
    }
}

static void fill(struct load *load, uint16_t port) {
    uint64_t begin = bench_now_ns();
    connect_all(load, port);
    for (unsigned long i = 0; i < load->count; i++) {
        bench_open_session(&load->connections[i % CONNECTIONS]);
    }
    double took = (double)(bench_now_ns() - begin) / 1e9;
    (void)printf("%lu sessions opened and used once, %.0f/s\n", load->count,
                 (double)load->count / took);
}

static void call(struct connection *connection, const char *session, unsigned long n) {
    char body[512];
    char text[64];
    (void)snprintf(connection->session, sizeof connection->session, "%s", session);
    (void)snprintf(text, sizeof text, "c%lu-0123456789", n);
    (void)snprintf(body, sizeof body,
                   "{\"jsonrpc\":\"2.0\",\"id\":%lu,\"method\":\"tools/call\",\"params\":{"
                   "\"name\":\"" TOOL "\",\"arguments\":{\"text\":\"%s\"}}}",
                   n, text);
    bench_send(connection, "POST", body);
    struct http_message message = bench_receive(connection);
    if (memmem(message.body, message.body_len, text, strlen(text)) == NULL) {
        (void)fprintf(stderr, "%.*s\n", (int)message.body_len, message.body);
        bench_die("a wrong answer");
    }
}

static void open_sessions(struct load *load, struct target *target) {
    target->sessions = calloc(load->count, sizeof *target->sessions);
    if (target->sessions == NULL) {
        bench_die("out of memory");
    }
    connect_all(load, target->port);
    for (unsigned long i = 0; i < load->count; i++) {
        struct connection *connection = &load->connections[i % CONNECTIONS];
        bench_open_session(connection);
        memcpy(target->sessions[i], connection->session, sizeof target->sessions[i]);
        call(connection, target->sessions[i], i + 1); /* its leg is open */
    }
    disconnect_all(load);
}

static void run_round(struct load *load, struct target *target, unsigned round) {
    unsigned long calls = 0;
    connect_all(load, target->port);
    double cpu = bench_cpu_seconds(target->pid);
    uint64_t begin = bench_now_ns();
    uint64_t end = begin + (uint64_t)(load->seconds * 1e9);
    while (bench_now_ns() < end) {
        call(&load->connections[calls % CONNECTIONS], target->sessions[calls % load->count],
             1000000 * (round + 1ul) + calls);
        calls++;
    }
    double took = (double)(bench_now_ns() - begin) / 1e9;
    target->per_second[round] = (double)calls / took;
    target->cpu_us[round] = (bench_cpu_seconds(target->pid) - cpu) / (double)calls * 1e6;
    disconnect_all(load);
}

static void parse_target(char *text, struct target *out) {
    char *rest = NULL;
    out->name = strtok_r(text, ":", &rest);
    const char *port = strtok_r(NULL, ":", &rest);
    const char *pid = strtok_r(NULL, ":", &rest);
    if (out->name == NULL || port == NULL || pid == NULL) {
        bench_die("a target is NAME:PORT:PID");
    }
    out->port = (uint16_t)strtoul(port, NULL, 10);
    out->pid = strtol(pid, NULL, 10);
}

static void run_hot(struct load *load, unsigned rounds, struct target *targets, unsigned ntargets) {
    for (unsigned i = 0; i < ntargets; i++) {
        open_sessions(load, &targets[i]);
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < ntargets; i++) {
            run_round(load, &targets[i], round);
        }
    }
}

static void print_hot(FILE *json, unsigned rounds, struct target *targets, unsigned ntargets) {
    double cpu[MAX_TARGETS] = {0};
    (void)printf("%-20s %10s %10s %9s\n", "hot sessions", "calls/s", "cpu us", "RSS MiB");
    (void)fprintf(json, "[");
    for (unsigned i = 0; i < ntargets; i++) {
        double rate = bench_median(targets[i].per_second, rounds);
        double rss = bench_rss_mib(targets[i].pid);
        cpu[i] = bench_median(targets[i].cpu_us, rounds);
        (void)printf("%-20s %10.0f %10.2f %9.1f\n", targets[i].name, rate, cpu[i], rss);
        (void)fprintf(json,
                      "%s\n  {\"name\": \"%s\", \"per_second\": %.0f, \"cpu_us\": %.2f, "
                      "\"rss_mib\": %.1f}",
                      i == 0 ? "" : ",", targets[i].name, rate, cpu[i], rss);
    }
    (void)fprintf(json, "\n]\n");
    (void)printf("CPU per call, ratio of %s to %s: %.2f\n", targets[ntargets - 1].name,
                 targets[0].name, cpu[ntargets - 1] / cpu[0]);
}

int main(int argc, char **argv) {
    static struct load load;
    struct target targets[MAX_TARGETS] = {0};
    if (argc == 4 && strcmp(argv[1], "fill") == 0) {
        load.count = strtoul(argv[3], NULL, 10);
        fill(&load, (uint16_t)strtoul(argv[2], NULL, 10));
        return 0;
    }
    if (argc < 7 || argc - 6 > MAX_TARGETS || strcmp(argv[1], "hot") != 0) {
        bench_die("usage: fill PORT COUNT, or hot COUNT SECONDS ROUNDS OUT.json NAME:PORT:PID...");
    }
    unsigned rounds = (unsigned)strtoul(argv[4], NULL, 10);
    FILE *json = fopen(argv[5], "w");
    load.count = strtoul(argv[2], NULL, 10);
    load.seconds = strtod(argv[3], NULL);
    if (json == NULL || load.count == 0 || rounds == 0 || rounds > MAX_ROUNDS) {
        bench_die("OUT.json cannot be written, or COUNT is 0, or ROUNDS is not 1 to 15");
    }
    for (int i = 6; i < argc; i++) {
        parse_target(argv[i], &targets[i - 6]);
    }
    run_hot(&load, rounds, targets, (unsigned)argc - 6);
    print_hot(json, rounds, targets, (unsigned)argc - 6);
    (void)fclose(json);
    return 0;
}
