/* SPDX-License-Identifier: MIT
 * streams.h - which message goes on which stream: the GET stream of a session carries what belongs
 * to no request. */
#ifndef TRUNKD_MCP_STREAMS_H
#define TRUNKD_MCP_STREAMS_H

#include "mcp/client.h"

/* Takes over exchange, a GET. A newer stream replaces the older one (protocol.md 2.6: a half-dead
 * connection must not lock the client out). */
void streams_open(struct client *client, struct exchange *exchange);
void streams_close(struct client *client);
/* A list_changed that finds no stream is owed to the next one; log messages without a stream are
 * dropped. */
void streams_tools_changed(struct client *client);
void streams_notice(struct client *client, const struct leg_source *from,
                    const struct message *notice);
/* One event. While the client reads so slowly that too much waits for it, from is held up in holds,
 * which its owner releases at on_drained, at on_close, and at the end of the exchange. False where
 * that cannot be done: then it is dropped. */
bool streams_send(struct exchange *exchange, const struct leg_source *from, struct leg_holds *holds,
                  struct trunk_slice json);

#endif
