/* SPDX-License-Identifier: MIT
 * batches.h - a POST of several messages, which revision 2025-03-26 alone has (protocol.md 1.2).
 * Each request in it gets an exchange of its own; the answers are one JSON array, or one stream if
 * anything has to come before the last of them. */
#ifndef TRUNKD_MCP_BATCHES_H
#define TRUNKD_MCP_BATCHES_H

#include "mcp/client.h"

/* Takes over exchange, whose body is an array, and one use of the session. */
void batches_take(struct client *client, struct exchange *exchange);
/* Is this the exchange of one message of a batch? */
bool batches_is_part(const struct exchange *exchange);
/* The stream that the answer to the whole batch becomes; it stays the batch's. */
struct stream *batches_open_stream(struct exchange *part);

#endif
