/* SPDX-License-Identifier: MIT
 * output.h - what a session of the demo backend says: JSON-RPC messages, and garbage. A transport
 * takes it; `stream` is the transport's thing for the request that it belongs to (server_take). */
#ifndef DEMO_OUTPUT_H
#define DEMO_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <trunk/types.h>

struct json_object;

/* No text has a line break in it. */
struct output_ops {
    void (*say)(void *ctx, void *stream, struct trunk_slice text);
    /* A message that belongs to no request; stream is of the one that gave cause to it. */
    void (*say_unasked)(void *ctx, void *stream, struct trunk_slice text);
    /* The last call for stream. text: the answer; data NULL: there will be none. */
    void (*end)(void *ctx, void *stream, struct trunk_slice text);
};

struct output {
    const struct output_ops *ops;
    void *ctx;
    bool is_quiet; /* the client wants no messages of level info */
};

/* member is "result" or "error". id is borrowed, body taken over. Ends the stream. */
void output_answer(const struct output *output, void *stream, struct json_object *id,
                   const char *member, struct json_object *body);
/* Ends the stream without an answer. */
void output_end(const struct output *output, void *stream);
/* notifications/message of level info. */
void output_log(const struct output *output, void *stream, const char *text);
/* number of count; token is borrowed. */
void output_progress(const struct output *output, void *stream, struct json_object *token,
                     uint64_t number, uint64_t count);
void output_tools_changed(const struct output *output, void *stream);
#define OUTPUT_GARBAGE_KINDS 8
/* Lines that are no JSON, no JSON-RPC or no UTF-8, too deep, or with a member twice; all kinds in
 * turn. */
void output_garbage(const struct output *output, void *stream, uint64_t lines);

#endif
