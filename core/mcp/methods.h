/* SPDX-License-Identifier: MIT
 * methods.h - what trunkd answers itself, and the choice among methods. */
#ifndef TRUNKD_MCP_METHODS_H
#define TRUNKD_MCP_METHODS_H

#include "mcp/client.h"

/* Takes over exchange: `initialize`, from generate to the answer with the session's id. */
void methods_initialize(struct manager *manager, struct exchange *exchange,
                        const struct message *message);
/* Takes over exchange and one use of the session: any other message. */
void methods_dispatch(struct client *client, const struct session_options *options,
                      struct exchange *exchange, const struct message *message);
/* Answers with a JSON-RPC error in the body. id raw, or empty. retry_after_s 0: no such header. */
void methods_refuse(struct exchange *exchange, int status, struct trunk_slice id, int code,
                    const char *text, unsigned retry_after_s);

#endif
