/* SPDX-License-Identifier: MIT
 * notices.h - what backends tell of no request in particular. */
#ifndef TRUNKD_MCP_NOTICES_H
#define TRUNKD_MCP_NOTICES_H

#include "mcp/client.h"

/* The method under which the client is told; NULL: it is not for the client. */
const char *notices_find_method(const struct client *client, const struct message *notice);
/* On the unasked stream, for which all but log messages wait. */
void notices_take(struct client *client, const struct leg_source *from,
                  const struct message *notice);

#endif
