/* SPDX-License-Identifier: MIT
 * server.h - one session of the demo backend: MCP's messages, whatever transport they come by. */
#ifndef DEMO_SERVER_H
#define DEMO_SERVER_H

#include "cue.h"
#include "options.h"
#include "output.h"

struct server;

/* options, cue, ops and ctx outlive the session. NULL, and the reason on stderr: the count file
 * cannot be written. */
struct server *server_new(const struct demo_options *options, const struct cue *cue,
                          const struct output_ops *ops, void *ctx);
/* Ends the streams of what was not answered. */
void server_free(struct server *server);

/* message is borrowed. stream: what the transport's functions get for what is said about this
 * request; belongs to it until its end was called, which may be inside this call. Of a message that
 * is no request: NULL, and not kept. */
void server_take(struct server *server, struct json_object *message, void *stream);
/* Says what is due. The ms until the next is; -1: nothing waits for the clock. To be called after
 * server_take and once the cue has come, too. */
int server_send_due(struct server *server);

bool server_knows_version(const char *version);

#endif
