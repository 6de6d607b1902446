/* SPDX-License-Identifier: MIT
 * tools.h - the tools of the demo backend, and what they remember in a session. */
#ifndef DEMO_TOOLS_H
#define DEMO_TOOLS_H

#include "options.h"
#include "output.h"

struct tools;

/* A tools/call. The tool fills in how it ends; whoever called it sends that when it is due. */
struct tool_call {
    void *stream;                  /* of the request, for what is said about it */
    struct json_object *arguments; /* borrowed; NULL: none */
    const char *member;            /* "result" or "error" */
    struct json_object *body;      /* of that member; the caller's to free */
    uint64_t wait_ms;              /* until the answer */
    uint64_t steps;                /* progress notifications on the way, evenly over wait_ms */
    bool has_step_logs;            /* one log message beside each */
};

/* options and output are borrowed and outlive the tools. */
struct tools *tools_new(const struct demo_options *options, const struct output *output);
void tools_free(struct tools *tools);

/* The result of tools/list for the caller to free; NULL: no such cursor. cursor NULL: the first
 * page. */
struct json_object *tools_list(const struct tools *tools, const char *cursor);
/* False: there is no such tool. Each call that was begun is ended by tools_end. */
bool tools_begin(struct tools *tools, const char *name, struct tool_call *call);
void tools_end(struct tools *tools, bool was_cancelled);

#endif
