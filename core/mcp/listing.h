/* SPDX-License-Identifier: MIT
 * listing.h - tools/list, prompts/list, resources/list and resources/templates/list. */
#ifndef TRUNKD_MCP_LISTING_H
#define TRUNKD_MCP_LISTING_H

#include "mcp/client.h"

/* True: the request is for a list; exchange and one use of the session are taken over. */
bool listing_take(struct client *client, struct exchange *exchange, const struct message *message);

#endif
