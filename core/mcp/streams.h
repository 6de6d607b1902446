/* SPDX-License-Identifier: MIT
 * streams.h - the SSE streams of a session. A stream is the answer to one POST, or the unasked one
 * of GET; it may outlive its connection, and is then kept for replay until the client resumes it
 * (MCP 2025-11-25, Transports: Resumability and Redelivery). */
#ifndef TRUNKD_MCP_STREAMS_H
#define TRUNKD_MCP_STREAMS_H

#include "mcp/client.h"

/* Opens the exchange's answer as a stream. The exchange stays the caller's, who ends it after
 * stream_end. */
struct stream *stream_open(struct client *client, struct exchange *exchange);
/* One message from a backend. A client that reads too slowly holds the backend's stream up; where
 * that cannot be, the message is dropped, and false given. from NULL: it is never dropped. */
bool stream_send(struct stream *stream, const struct leg_source *from, struct trunk_slice json);
/* The last message of a stream, or empty: none. Frees it. */
void stream_end(struct stream *stream, struct trunk_slice json);

/* A GET: takes over exchange. Opens the unasked stream anew, or resumes the stream that the
 * Last-Event-ID names, or refuses. */
void streams_get(struct client *client, struct exchange *exchange);
/* The unasked stream. If there is none yet one is made that waits for its client. */
struct stream *streams_unasked(struct client *client);
/* Can a message go out on the unasked stream, to a client that is connected and initialized? */
bool streams_is_unasked_ready(const struct client *client);
void streams_go_on(struct client *client); /* it may have become so: what waits is sent */
/* The session has ended: closes what the client has open with GET. */
void streams_close(struct client *client);
/* Ends what streams_close left: the unasked stream. */
void streams_free(struct client *client);

void streams_list_changed(struct client *client, enum list_kind kind);

#endif
