/* SPDX-License-Identifier: MIT
 * calls.h - a client's requests in flight: each with its exchange, the stream that its answer may
 * become, and what it waits for. Shared by the files that serve requests which take time. */
#ifndef TRUNKD_MCP_CALLS_H
#define TRUNKD_MCP_CALLS_H

#include "mcp/client.h"
#include "wire/jsonrpc.h"

struct relayed_method; /* relay.c */
struct storing;        /* relay.c */

struct call {
    TAILQ_ENTRY(call) in_client;
    TAILQ_ENTRY(call) in_quick;
    struct client *client;
    struct exchange *exchange; /* a POST; kept to the end, since its body holds the message */
    struct message message;    /* slices into the exchange's body */
    struct stream *stream;     /* NULL: not one yet */
    uint64_t started_ms;
    bool is_quick;
    /* What it waits for; at most one at a time. */
    struct leg_wait *leg_wait;
    struct leg_request *request; /* under way at the backend */
    struct lists_wait *lists_wait;
    struct storing *storing;
    /* Of a relayed one. */
    const struct relayed_method *method;
    struct json_value target; /* the client's name of what is asked for: a part of message */
    struct leg *leg;
    unsigned opening; /* of the leg, that it was sent to */
    bool has_waited;  /* for lists */
    bool was_sent_again;
    bool was_not_found; /* since the backend had lost its session, as it said */
};

/* Takes over exchange and one use of the session. */
struct call *call_new(struct client *client, struct exchange *exchange,
                      const struct message *message);
/* The answer as a stream, from the first message that comes before the result on. */
struct stream *call_open_stream(struct call *call);

/* These end a call. json is the whole answer and is emptied. */
void call_answer(struct call *call, struct buffer *json);
void call_answer_result(struct call *call, struct trunk_slice result); /* raw */
void call_fail(struct call *call, int code, const char *text);
/* As the client asked: backends are told, and nothing is answered. */
void calls_cancel(struct client *client, const struct message *cancelled);
/* All of the client's, with an error; backends are told. */
void calls_cut(struct client *client);

/* For client_env.slow_timer: what has waited for long becomes a stream, so that proxies see bytes
 * (protocol.md 2.4). */
void calls_on_slow_timer(void *env);

#endif
