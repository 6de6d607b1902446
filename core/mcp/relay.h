/* SPDX-License-Identifier: MIT
 * relay.h - requests in flight: a tools/call on its way to a leg and back, by slices; a tools/list
 * that waits for legs. */
#ifndef TRUNKD_MCP_RELAY_H
#define TRUNKD_MCP_RELAY_H

#include "mcp/client.h"

/* Both take over exchange (a POST whose body holds message) and one use of the session. The request
 * is a tools/call with a string params.name; a tools/list. */
void relay_call_tool(struct client *client, struct exchange *exchange,
                     const struct message *message);
void relay_list_tools(struct client *client, struct exchange *exchange,
                      const struct message *message);
/* The client's notifications/cancelled: the backend is told, and the request ends without an
 * answer. */
void relay_cancel(struct client *client, const struct message *message);
/* Ends every request of the client with an error now; the backends are told. */
void relay_cut(struct client *client);
/* For client_env.slow_timer: what has waited for long becomes a stream, so that proxies see bytes
 * (protocol.md 2.4). */
void relay_on_slow_timer(void *env);

#endif
