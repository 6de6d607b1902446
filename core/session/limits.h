/* SPDX-License-Identifier: MIT
 * limits.h - how many sessions there may be: max_sessions and max_per_principal, counted per node,
 * and whether there are descriptors for one more (design.md section 5, Bounds). */
#ifndef TRUNKD_SESSION_LIMITS_H
#define TRUNKD_SESSION_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "session/options.h"

struct limits;
struct limits *limits_new(const struct session_options *options); /* borrowed */
void limits_free(struct limits *limits);

/* Why no further session is opened for this principal now; static text. NULL: one is. */
const char *limits_find_obstacle(struct limits *limits, const char *principal, uint64_t now_ms);
/* From now on the session counts: until it is removed, or until_ms if that is not 0. Again for the
 * same id: the last word is valid. Without a limit nothing is kept of it. */
void limits_add(struct limits *limits, const char *id, const char *principal, uint64_t until_ms);
/* It is known to be gone. An unknown one is fine. */
void limits_remove(struct limits *limits, const char *id);
size_t limits_count(const struct limits *limits);

#endif
