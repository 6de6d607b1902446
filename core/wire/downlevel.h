/* SPDX-License-Identifier: MIT
 * downlevel.h - what backends say, for clients that would not understand it (protocol.md 5.2,
 * 5.10): content of types that an older revision does not know, and what strict clients refuse.
 * Only slices are read and written; what need not change is not copied. */
#ifndef TRUNKD_WIRE_DOWNLEVEL_H
#define TRUNKD_WIRE_DOWNLEVEL_H

#include "base/slice.h"

/* Each takes one checked JSON object and appends another to out, or appends nothing and gives
 * false: it can stay as it is. */

/* Does a session of this revision need downlevel_content at all? */
bool downlevel_is_needed(const char *version);
/* A result of tools/call or prompts/get, or the params of sampling/createMessage: content blocks
 * that the revision does not have (audio before 2025-03-26, resource_link before 2025-06-18) become
 * text that says what they were. */
bool downlevel_content(const char *version, struct trunk_slice object, struct buffer *out);
/* A result of tools/call: without a structuredContent that is not an object; its text stays. */
bool downlevel_structured(struct trunk_slice result, struct buffer *out);
/* A result of completion/complete: its first 100 values; of a total that the backend told nothing
 * is changed, and `hasMore` becomes true if it is there. */
bool downlevel_completion(struct trunk_slice result, struct buffer *out);

#endif
