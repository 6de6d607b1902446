/* SPDX-License-Identifier: MIT
 * cursor.h - trunkd's own cursors of lists: opaque to clients, self-describing to us, so that they
 * outlive a restart and mean the same on every node. */
#ifndef TRUNKD_CATALOGUE_CURSOR_H
#define TRUNKD_CATALOGUE_CURSOR_H

#include "base/slice.h"

/* What a client got last. */
struct cursor {
    char kind;           /* of the list: a lower-case letter */
    uint32_t position;   /* how many elements came before the next page */
    uint64_t generation; /* of the list's keys when the page was given */
    uint64_t key;        /* hash of the key of the last element given */
};

void cursor_append(struct buffer *out, const struct cursor *cursor);
/* text: plain. False: not a cursor that cursor_append wrote. */
bool cursor_parse(struct trunk_slice text, struct cursor *out);

#endif
