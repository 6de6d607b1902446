/* SPDX-License-Identifier: MIT
 * relay.h - requests that go to the one leg which has what they name, and their answers:
 * tools/call, prompts/get, resources/read, subscribe and unsubscribe, completion/complete. */
#ifndef TRUNKD_MCP_RELAY_H
#define TRUNKD_MCP_RELAY_H

#include "mcp/client.h"

struct call;

/* True: the request is one of these; exchange and one use of the session are taken over. */
bool relay_take(struct client *client, struct exchange *exchange, const struct message *message);
void relay_forget_storing(struct call *call); /* the call ends before its subscription is stored */

#endif
