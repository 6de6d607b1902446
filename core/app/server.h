/* SPDX-License-Identifier: MIT
 * server.h - one trunkd as configured: everything that a serving process holds hangs off struct
 * server. */
#ifndef TRUNKD_APP_SERVER_H
#define TRUNKD_APP_SERVER_H

#include "app/config.h"

/* trunkd serve: prints `ready mcp=URL` on stdout when it serves; runs until SIGTERM or SIGINT, ends
 * the sessions, and returns the exit code: 0, or 1 when it could not start (told on stderr). A
 * second signal ends at once. */
int serve_command(struct config *config, struct log *log);

#endif
