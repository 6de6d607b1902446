/* SPDX-License-Identifier: MIT
 * legacy_sse.h - the stream of a backend that speaks HTTP+SSE (MCP 2024-11-05): one GET brings all
 * messages, and first of all where to POST ours. The stream is the session. */
#ifndef FACTORY_HTTP_LEGACY_SSE_H
#define FACTORY_HTTP_LEGACY_SSE_H

#include "leg.h"

/* Opens the stream. Completes op with leg when the endpoint was told, else frees leg. */
void legacy_start(struct leg *leg, uint64_t deadline_ms, trunk_op op);
void legacy_pause(struct legacy_stream *stream, bool is_paused);
/* The op of make, if it is still pending: the caller completes it. 0: it is not. */
trunk_op legacy_take_op(struct legacy_stream *stream);
/* Closes the stream without a word. NULL is fine. */
void legacy_free(struct legacy_stream *stream);

#endif
