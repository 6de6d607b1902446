/* SPDX-License-Identifier: MIT
 * http.h - the demo backend over Streamable HTTP on 127.0.0.1, path /mcp: one thread, a session for
 * each Mcp-Session-Id, from its initialize to its DELETE. What a client does not read is kept in
 * memory. */
#ifndef DEMO_HTTP_H
#define DEMO_HTTP_H

#include "options.h"

/* Prints "ready URL" when it serves, and does so until SIGTERM or SIGINT; the exit code. */
int http_run(const struct demo_options *options);

#endif
