/* SPDX-License-Identifier: MIT
 * versions.h - the MCP revisions that trunkd speaks (protocol.md 4.2). */
#ifndef TRUNKD_WIRE_VERSIONS_H
#define TRUNKD_WIRE_VERSIONS_H

#include <stdbool.h>
#include <trunk/types.h>

#define MCP_VERSION_LATEST                                                                         \
    "2025-11-25" /* what is offered to backends, and counter-offered to clients */
bool version_is_supported(struct trunk_slice version);
/* The version to answer an initialize with: the one asked for when it is supported, else
 * MCP_VERSION_LATEST. Static text. */
const char *version_negotiate(struct trunk_slice asked);
/* Is version at least as new as other? Both are supported revisions. */
bool version_at_least(const char *version, const char *other);

#endif
