/* SPDX-License-Identifier: MIT
 * output.c - messages and garbage on stdout. */
#include "output.h"

#include <json-c/json.h>
#include <stdio.h>

static struct json_object *new_message(void) {
    struct json_object *message = json_object_new_object();
    json_object_object_add(message, "jsonrpc", json_object_new_string("2.0"));
    return message;
}

static void send_message(struct json_object *message) {
    (void)puts(json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN |
                                                           JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(message);
}

void output_answer(struct json_object *id, const char *member, struct json_object *body) {
    struct json_object *message = new_message();
    json_object_object_add(message, "id", json_object_get(id));
    json_object_object_add(message, member, body);
    send_message(message);
}

void output_notify(const char *method, struct json_object *params) {
    struct json_object *message = new_message();
    json_object_object_add(message, "method", json_object_new_string(method));
    if (params != NULL) {
        json_object_object_add(message, "params", params);
    }
    send_message(message);
}

void output_log(const struct output *output, const char *text) {
    if (output->is_quiet) {
        return;
    }
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "level", json_object_new_string("info"));
    json_object_object_add(params, "logger", json_object_new_string("demo"));
    json_object_object_add(params, "data", json_object_new_string(text));
    output_notify("notifications/message", params);
}

void output_progress(struct json_object *token, uint64_t number, uint64_t count) {
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "progressToken", json_object_get(token));
    json_object_object_add(params, "progress", json_object_new_uint64(number));
    json_object_object_add(params, "total", json_object_new_uint64(count));
    output_notify("notifications/progress", params);
}

#define DEEP "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["

void output_garbage(uint64_t lines) {
    static const char *const garbage[] = {
        "this is not JSON",
        "{\"jsonrpc\":\"2.0\",\"method\":",
        "[1,2,3]",
        "{\"jsonrpc\":\"1.0\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"pong\"}",
        "[[[[" DEEP DEEP DEEP DEEP "]]]]",
        "\xff\xfe no UTF-8 \xc0\x80",
        "",
    };
    _Static_assert(sizeof garbage / sizeof garbage[0] == OUTPUT_GARBAGE_KINDS, "all kinds");
    for (uint64_t i = 0; i < lines; i++) {
        (void)puts(garbage[i % OUTPUT_GARBAGE_KINDS]);
    }
}

void output_flush(void) {
    (void)fflush(stdout);
}
