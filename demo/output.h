/* SPDX-License-Identifier: MIT
 * output.h - what the demo backend writes: JSON-RPC messages, one a line, and garbage. It stands in
 * stdout's buffer until output_flush. */
#ifndef DEMO_OUTPUT_H
#define DEMO_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

struct output {
    bool is_quiet; /* the client wants no messages of level info */
};

/* member is "result" or "error". id is borrowed, body taken over. */
void output_answer(struct json_object *id, const char *member, struct json_object *body);
/* params is taken over; NULL: none. */
void output_notify(const char *method, struct json_object *params);
/* notifications/message of level info. */
void output_log(const struct output *output, const char *text);
/* number of count; token is borrowed. */
void output_progress(struct json_object *token, uint64_t number, uint64_t count);
#define OUTPUT_GARBAGE_KINDS 8
/* Lines that are no JSON, no JSON-RPC or no UTF-8, too deep, or with a member twice; all kinds in
 * turn. */
void output_garbage(uint64_t lines);
void output_flush(void);

#endif
