/* SPDX-License-Identifier: MIT
 * cors.h - what a page of an allowed origin may send and read (protocol.md 2.9). */
#ifndef TRUNKD_HTTP_CORS_H
#define TRUNKD_HTTP_CORS_H

#include "base/slice.h"

#define CORS_METHODS "GET, POST, DELETE"
#define CORS_EXPOSED_HEADERS "Mcp-Session-Id, WWW-Authenticate"
#define CORS_MAX_AGE_S "600"

/* Appends those of the requested header names (a comma-separated list, NULL: none) that MCP has, as
 * they were written. */
void cors_append_allowed_headers(struct buffer *out, const char *requested);

#endif
