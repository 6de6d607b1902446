/* SPDX-License-Identifier: MIT
 * peer.h - an MCP server over HTTP that this program starts, one for each case, so that a case may
 * end it. */
#ifndef TRUNKD_CHECK_PEER_H
#define TRUNKD_CHECK_PEER_H

#include <stdbool.h>
#include <sys/types.h>

struct peer {
    pid_t pid;
    int output; /* its stdout, kept open, since it may write there; not read after the first line */
    char url[256];
};

/* Runs "COMMAND --http 0" by a shell that becomes it, and reads "ready URL", its first line. It
 * ends with this process at the latest. False, and the reason on stderr, when there is no such line
 * within limit_s. */
bool peer_start(struct peer *out_peer, const char *command, unsigned limit_s);
/* Ends it, by SIGTERM or else SIGKILL, unless it has ended by itself. */
void peer_end(struct peer *peer);

#endif
