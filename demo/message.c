/* SPDX-License-Identifier: MIT
 * message.c - a strict parser, and members that may be absent. */
#include "message.h"

#include <json-c/json.h>

#define MAX_DEPTH 128

struct json_object *message_parse(struct trunk_slice text) {
    if (text.len > MAX_MESSAGE_BYTES) {
        return NULL;
    }
    struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *message = json_tokener_parse_ex(tokener, text.data, (int)text.len);
    json_tokener_free(tokener);
    if (!json_object_is_type(message, json_type_object)) {
        json_object_put(message);
        return NULL;
    }
    return message;
}

struct json_object *message_get(struct json_object *object, const char *key) {
    return json_object_is_type(object, json_type_object) ? json_object_object_get(object, key)
                                                         : NULL;
}

const char *message_get_string(struct json_object *object, const char *key) {
    struct json_object *value = message_get(object, key);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}
