/* SPDX-License-Identifier: MIT
 * server_requests.h - what backends ask of the client: sampling, elicitation, roots. Each gets an
 * id of its own towards the client, goes out on the stream of the call that caused it, or on the
 * unasked one, and ends with that call (protocol.md 9, place 4). */
#ifndef TRUNKD_MCP_SERVER_REQUESTS_H
#define TRUNKD_MCP_SERVER_REQUESTS_H

#include "mcp/client.h"

/* A backend's request. call: the call that it belongs to, with its stream; NULL: none, then it
 * waits for the unasked stream to be open. */
void server_requests_take(struct client *client, struct call *call, const struct leg_source *from,
                          const struct message *request);
void server_requests_send_waiting(struct client *client); /* the unasked stream is ready */
/* The client has lost the unasked stream for good: what it has not answered waits for the next. */
void server_requests_ask_again(struct client *client);
/* The client's answer; one that nobody waits for is dropped. */
void server_requests_answer(struct client *client, const struct message *answer);
/* The client's progress with a request that the backend gave a token; others are dropped. */
void server_requests_progress(struct client *client, const struct message *notice);
/* The backend takes its request back: `notifications/cancelled`. */
void server_requests_cancelled(struct client *client, const struct leg_source *from,
                               const struct message *notice);
/* The call is at its end: nobody needs the answers any more. Client and backend are told so. What
 * only seemed to belong to the call, since it was the only one on a pipe, can still be answered. */
void server_requests_end_call(struct client *client, struct call *call);
void server_requests_free(struct client *client);

#endif
