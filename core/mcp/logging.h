/* SPDX-License-Identifier: MIT
 * logging.h - the client's level of log messages (MCP 2025-11-25, Logging). */
#ifndef TRUNKD_MCP_LOGGING_H
#define TRUNKD_MCP_LOGGING_H

#include "mcp/client.h"

/* `logging/setLevel`: takes over exchange and one use of the session. Answered when the level is
 * stored, so that a restart does not forget it. */
void logging_set_level(struct client *client, struct exchange *exchange,
                       const struct message *message);
/* Is this `notifications/message` at or above the client's level? Backends that keep to no level
 * are kept to it here. */
bool logging_is_shown(const struct client *client, const struct message *notice);

#endif
