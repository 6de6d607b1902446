/* SPDX-License-Identifier: MIT
 * message.h - reading a JSON-RPC message. */
#ifndef DEMO_MESSAGE_H
#define DEMO_MESSAGE_H

#include <trunk/types.h>

struct json_object;

#define MAX_MESSAGE_BYTES ((size_t)64 << 20)

/* For the caller to put. NULL: no JSON object of at most MAX_MESSAGE_BYTES. */
struct json_object *message_parse(struct trunk_slice text);
/* Borrowed. NULL: object is none, or has no such member. */
struct json_object *message_get(struct json_object *object, const char *key);
/* Likewise of a member that is a string. */
const char *message_get_string(struct json_object *object, const char *key);

#endif
