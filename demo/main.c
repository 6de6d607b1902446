/* SPDX-License-Identifier: MIT
 * main.c - trunkd-demo-backend, an MCP server over stdio or HTTP: its switches. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "http.h"
#include "pipes.h"

#define USAGE_EXIT 2
#define MAX_PORT 65535

enum {
    OPTION_HTTP = 1,
    OPTION_NAME,
    OPTION_DELAY,
    OPTION_INIT_DELAY,
    OPTION_INIT_CUE,
    OPTION_NEVER_INIT,
    OPTION_EXIT_AT_ONCE,
    OPTION_GARBAGE_AT_START,
    OPTION_FLOOD_AT_START,
    OPTION_TOOLS,
    OPTION_PAGE,
    OPTION_PROGRESS,
    OPTION_COUNT_FILE,
    OPTION_ERRORS,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"http", required_argument, NULL, OPTION_HTTP},
    {"name", required_argument, NULL, OPTION_NAME},
    {"delay", required_argument, NULL, OPTION_DELAY},
    {"init-delay", required_argument, NULL, OPTION_INIT_DELAY},
    {"init-cue", required_argument, NULL, OPTION_INIT_CUE},
    {"never-init", no_argument, NULL, OPTION_NEVER_INIT},
    {"exit-at-once", no_argument, NULL, OPTION_EXIT_AT_ONCE},
    {"garbage-at-start", no_argument, NULL, OPTION_GARBAGE_AT_START},
    {"flood-at-start", required_argument, NULL, OPTION_FLOOD_AT_START},
    {"tools", required_argument, NULL, OPTION_TOOLS},
    {"page", required_argument, NULL, OPTION_PAGE},
    {"progress", required_argument, NULL, OPTION_PROGRESS},
    {"count-file", required_argument, NULL, OPTION_COUNT_FILE},
    {"errors", no_argument, NULL, OPTION_ERRORS},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0}};

static const char usage[] =
    "usage: trunkd-demo-backend [SWITCH...]\n"
    "An MCP server, for trying things out and for tests: over stdio, or over HTTP. Without "
    "another\n"
    "switch it behaves.\n"
    "  --http PORT         serves Streamable HTTP at http://127.0.0.1:PORT/mcp (0: any free "
    "port),\n"
    "                      prints \"ready URL\" when it does, and ends with SIGTERM\n"
    "  --name NAME         serverInfo.name (default demo)\n"
    "  --tools N           N further tools: tool_0, tool_1, ...\n"
    "  --page N            at most N tools in a page of tools/list\n"
    "  --progress N        steps of progress that the tool sleep tells by itself\n"
    "  --delay MS          delays each answer\n"
    "  --init-delay MS     delays the answer to initialize\n"
    "  --init-cue FILE     answers initialize when FILE exists; its directory must exist\n"
    "  --never-init        never answers initialize\n"
    "  --errors            each call of a tool answers a JSON-RPC error\n"
    "  --garbage-at-start  prints lines that are no messages first; not over HTTP\n"
    "  --flood-at-start N  prints N such lines first; not over HTTP\n"
    "  --exit-at-once      exits with status 1\n"
    "  --count-file FILE   appends \"open PID\" when a session begins (over stdio: at start) and\n"
    "                      \"close PID\" when it has ended (over stdio: when stdin has)\n"
    "  --help, --version\n";

static int refuse(const char *text) {
    (void)fprintf(stderr, "trunkd-demo-backend: %s; see trunkd-demo-backend --help\n", text);
    return USAGE_EXIT;
}

static bool parse_count(const char *text, uint64_t *out_count) {
    char *end = NULL;
    errno = 0;
    unsigned long long count = strtoull(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || count > 1000000000) {
        return false;
    }
    *out_count = count;
    return true;
}

/* The number that a switch with a count goes to; NULL: it has none. */
static uint64_t *find_count(struct demo_options *options, int option) {
    switch (option) {
    case OPTION_HTTP:
        return &options->http_port;
    case OPTION_DELAY:
        return &options->delay_ms;
    case OPTION_INIT_DELAY:
        return &options->init_delay_ms;
    case OPTION_FLOOD_AT_START:
        return &options->flood_lines;
    case OPTION_TOOLS:
        return &options->tools;
    case OPTION_PAGE:
        return &options->page;
    case OPTION_PROGRESS:
        return &options->progress_steps;
    default:
        return NULL;
    }
}

int main(int argc, char **argv) {
    struct demo_options options = {.name = "demo"};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        uint64_t *count = find_count(&options, option);
        switch (option) {
        case OPTION_NAME:
            options.name = optarg;
            break;
        case OPTION_INIT_CUE:
            options.init_cue = optarg;
            break;
        case OPTION_NEVER_INIT:
            options.never_init = true;
            break;
        case OPTION_EXIT_AT_ONCE:
            return 1;
        case OPTION_GARBAGE_AT_START:
            options.has_garbage = true;
            break;
        case OPTION_COUNT_FILE:
            options.count_file = optarg;
            break;
        case OPTION_ERRORS:
            options.has_errors = true;
            break;
        case OPTION_HELP:
            return fputs(usage, stdout) < 0 ? 1 : 0;
        case OPTION_VERSION:
            return puts("trunkd-demo-backend " TRUNKD_VERSION) < 0 ? 1 : 0;
        default:
            if (count == NULL) {
                return USAGE_EXIT; /* getopt has said why */
            }
            if (!parse_count(optarg, count)) {
                return refuse("a switch needs a number from 0 to 1000000000");
            }
            options.is_http = options.is_http || option == OPTION_HTTP;
        }
    }
    if (optind != argc) {
        return refuse("there are only switches");
    }
    if (options.http_port > MAX_PORT) {
        return refuse("--http needs a port from 0 to 65535");
    }
    if (options.is_http && (options.has_garbage || options.flood_lines > 0)) {
        return refuse(
            "--garbage-at-start and --flood-at-start print lines before the first message,"
            " which HTTP has no place for: not together with --http");
    }
    return options.is_http ? http_run(&options) : pipes_run(&options);
}
