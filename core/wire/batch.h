/* SPDX-License-Identifier: MIT
 * batch.h - several messages in one body: JSON arrays, which revision 2025-03-26 alone has
 * (protocol.md 1.2). */
#ifndef TRUNKD_WIRE_BATCH_H
#define TRUNKD_WIRE_BATCH_H

#include "wire/jsonrpc.h"

#define BATCH_MAX_MESSAGES 100

/* Is text an array, if it is JSON at all? */
bool batch_is_array(struct trunk_slice text);

struct batch_item {
    bool is_valid;
    struct message message;     /* valid; slices into the text */
    struct message_error error; /* not valid: what is to be answered */
};

/* Cuts an array into its messages, each of which is valid or not for itself; `initialize` is not.
 * TRUNK_OK: *out_items, freed by the caller, has *out_count items. TRUNK_INVALID, with *out_error
 * filled, for the body as a whole: not JSON (-32700), or not an array, empty, or of more than
 * max_messages (-32600). max_messages 0: any number. */
int32_t batch_parse(struct trunk_slice text, size_t max_messages, struct batch_item **out_items,
                    size_t *out_count, struct message_error *out_error);

#endif
