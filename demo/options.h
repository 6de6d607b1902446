/* SPDX-License-Identifier: MIT
 * options.h - the switches of the demo backend; with none of them it behaves well. */
#ifndef DEMO_OPTIONS_H
#define DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct demo_options {
    const char *name;        /* serverInfo.name */
    uint64_t delay_ms;       /* of each answer */
    uint64_t init_delay_ms;  /* of the answer to initialize, beside delay_ms */
    const char *init_cue;    /* initialize is answered when this file exists; NULL: at once */
    bool never_init;         /* initialize is never answered */
    bool has_garbage;        /* at start */
    uint64_t flood_lines;    /* of garbage, at start */
    uint64_t tools;          /* further ones: tool_0, tool_1, ... */
    uint64_t page;           /* tools in a page of tools/list; 0: all in one */
    uint64_t progress_steps; /* of `sleep`, when its caller says nothing else */
    const char *count_file;  /* a line for each session that begins or ends; NULL: none */
    bool is_http;            /* else over stdio */
    uint64_t http_port;      /* 0: any */
    bool has_errors;         /* each call of a tool answers a JSON-RPC error */
};

#endif
