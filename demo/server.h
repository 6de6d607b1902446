/* SPDX-License-Identifier: MIT
 * server.h - the demo backend's side of MCP on stdin and stdout: one thread, one session per
 * process. */
#ifndef DEMO_SERVER_H
#define DEMO_SERVER_H

#include "options.h"

/* Serves until stdin ends; the exit code. */
int server_run(const struct demo_options *options);

#endif
