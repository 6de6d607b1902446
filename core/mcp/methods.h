/* SPDX-License-Identifier: MIT
 * methods.h - what trunkd answers itself, and the choice among methods. */
#ifndef TRUNKD_MCP_METHODS_H
#define TRUNKD_MCP_METHODS_H

#include "mcp/client.h"

/* Takes over exchange: `initialize`, from generate to the answer with the session's id. */
void methods_initialize(struct manager *manager, struct exchange *exchange,
                        const struct message *message);
/* Takes over exchange and one use of the session: any other message. */
void methods_dispatch(struct client *client, struct exchange *exchange,
                      const struct message *message);
/* Answers 200 with a JSON-RPC result. id and result raw. */
void methods_answer(struct exchange *exchange, struct trunk_slice id, struct trunk_slice result);
/* Answers what the session manager could not do: 404 for NOT_FOUND, else 503 with Retry-After. */
void methods_refuse_status(struct exchange *exchange, struct trunk_slice id, int32_t status,
                           const char *text);
/* Answers with a JSON-RPC error in the body. id raw, or empty. retry_after_s 0: no such header. */
void methods_refuse(struct exchange *exchange, int status, struct trunk_slice id, int code,
                    const char *text, unsigned retry_after_s);

#endif
