/* SPDX-License-Identifier: MIT
 * sse.h - the text of server-sent events (protocol.md 2.5): one JSON-RPC message per event, and
 * comments. */
#ifndef TRUNKD_HTTP_SSE_H
#define TRUNKD_HTTP_SSE_H

#include <trunk/types.h>
#include "base/slice.h"
#include "wire/exchange.h"

/* Appends one event. Its message is checked; raw CR and LF in it become spaces, so it fits one data
 * line. */
void sse_append_event(struct buffer *out, const struct exchange_event *event);
/* Appends a comment, which clients ignore. text holds no line break. */
void sse_append_comment(struct buffer *out, const char *text);

#endif
