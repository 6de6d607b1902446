/* SPDX-License-Identifier: MIT
 * output.c - builds messages and garbage. */
#include "output.h"

#include <json-c/json.h>
#include <string.h>

typedef void (*say_fn)(void *ctx, void *stream, struct trunk_slice text);

static struct json_object *new_message(void) {
    struct json_object *message = json_object_new_object();
    json_object_object_add(message, "jsonrpc", json_object_new_string("2.0"));
    return message;
}

/* message is taken over. */
static void say_message(const struct output *output, say_fn say, void *stream,
                        struct json_object *message) {
    size_t len = 0;
    const char *text = json_object_to_json_string_length(
        message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    say(output->ctx, stream, (struct trunk_slice){text, len});
    json_object_put(message);
}

/* params is taken over. */
static struct json_object *new_notification(const char *method, struct json_object *params) {
    struct json_object *message = new_message();
    json_object_object_add(message, "method", json_object_new_string(method));
    if (params != NULL) {
        json_object_object_add(message, "params", params);
    }
    return message;
}

void output_answer(const struct output *output, void *stream, struct json_object *id,
                   const char *member, struct json_object *body) {
    struct json_object *message = new_message();
    json_object_object_add(message, "id", json_object_get(id));
    json_object_object_add(message, member, body);
    say_message(output, output->ops->end, stream, message);
}

void output_end(const struct output *output, void *stream) {
    output->ops->end(output->ctx, stream, (struct trunk_slice){NULL, 0});
}

void output_log(const struct output *output, void *stream, const char *text) {
    if (output->is_quiet) {
        return;
    }
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "level", json_object_new_string("info"));
    json_object_object_add(params, "logger", json_object_new_string("demo"));
    json_object_object_add(params, "data", json_object_new_string(text));
    say_message(output, output->ops->say, stream,
                new_notification("notifications/message", params));
}

void output_progress(const struct output *output, void *stream, struct json_object *token,
                     uint64_t number, uint64_t count) {
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "progressToken", json_object_get(token));
    json_object_object_add(params, "progress", json_object_new_uint64(number));
    json_object_object_add(params, "total", json_object_new_uint64(count));
    say_message(output, output->ops->say, stream,
                new_notification("notifications/progress", params));
}

void output_tools_changed(const struct output *output, void *stream) {
    say_message(output, output->ops->say_unasked, stream,
                new_notification("notifications/tools/list_changed", NULL));
}

#define DEEP "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["

void output_garbage(const struct output *output, void *stream, uint64_t lines) {
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
        const char *line = garbage[i % OUTPUT_GARBAGE_KINDS];
        output->ops->say(output->ctx, stream, (struct trunk_slice){line, strlen(line)});
    }
}
