/* SPDX-License-Identifier: MIT
 * uri_set.h - the URIs that a client has subscribed to, as they live in a session and as they are
 * stored in its record. */
#ifndef TRUNKD_SESSION_URI_SET_H
#define TRUNKD_SESSION_URI_SET_H

#include <stdbool.h>

#include "base/slice.h"

#define URI_SET_MAX 1000 /* of one session */

struct uri_set {
    char **items; /* in the order in which they came */
    size_t count;
};
void uri_set_clear(struct uri_set *set); /* frees, and leaves {0} */
/* False: the set is full. Nothing, if it is there. */
bool uri_set_add(struct uri_set *set, struct trunk_slice uri);
void uri_set_remove(struct uri_set *set, struct trunk_slice uri); /* nothing, if it is not there */
/* Is the URI in the set, or of a part of a resource that is (MCP 2025-11-25, Resources:
 * Subscriptions)? */
bool uri_set_covers(const struct uri_set *set, struct trunk_slice uri);
void uri_set_encode(const struct uri_set *set, struct buffer *out); /* a JSON array */
/* text has passed json_cut. What is no string is left out. */
void uri_set_decode(struct trunk_slice text, struct uri_set *out);

#endif
