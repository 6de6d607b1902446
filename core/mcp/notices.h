/* SPDX-License-Identifier: MIT
 * notices.h - what backends tell of no request in particular. */
#ifndef TRUNKD_MCP_NOTICES_H
#define TRUNKD_MCP_NOTICES_H

#include "mcp/client.h"

void notices_take(struct client *client, const struct leg_source *from,
                  const struct message *notice);

#endif
