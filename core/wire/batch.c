/* SPDX-License-Identifier: MIT
 * batch.c - cutting of JSON arrays into messages. */
#include "wire/batch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

bool batch_is_array(struct trunk_slice text) {
    const char *bytes = text.data;
    size_t at = 0;
    while (at < text.len &&
           (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t')) {
        at++;
    }
    return at < text.len && bytes[at] == '[';
}

static int32_t refuse(struct message_error *error, int code, const char *text) {
    *error = (struct message_error){.code = code};
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    return TRUNK_INVALID;
}

static void parse_item(struct trunk_slice text, struct batch_item *out) {
    out->is_valid = message_parse(text, &out->message, &out->error) == TRUNK_OK;
    if (out->is_valid && message_is(&out->message, "initialize")) {
        out->is_valid = false;
        (void)refuse(&out->error, JSONRPC_INVALID_REQUEST, "initialize must not be in a batch");
        out->error.id = out->message.id.text;
    }
}

int32_t batch_parse(struct trunk_slice text, size_t max_messages, struct batch_item **out_items,
                    size_t *out_count, struct message_error *out_error) {
    struct json_value root;
    struct json_value value;
    struct json_error error;
    size_t cursor = 0;
    int32_t status = json_cut(text, NULL, 0, NULL, &root, &error);
    if (status != TRUNK_OK) {
        *out_error = (struct message_error){
            .code = status == TRUNK_TOO_LARGE ? JSONRPC_INVALID_REQUEST : JSONRPC_PARSE_ERROR};
        (void)snprintf(out_error->text, sizeof out_error->text, "%s at byte %zu", error.what,
                       error.offset);
        return TRUNK_INVALID;
    }
    if (root.type != JSON_ARRAY) {
        return refuse(out_error, JSONRPC_INVALID_REQUEST, "not a batch");
    }
    size_t count = 0;
    while ((max_messages == 0 || count <= max_messages) &&
           json_array_next(root.text, &cursor, &value)) {
        count++;
    }
    if (count == 0 || (max_messages != 0 && count > max_messages)) {
        return refuse(out_error, JSONRPC_INVALID_REQUEST,
                      count == 0 ? "the batch is empty" : "too many messages in a batch");
    }
    *out_items = xcalloc(count, sizeof **out_items);
    *out_count = count;
    cursor = 0;
    for (size_t i = 0; i < count && json_array_next(root.text, &cursor, &value); i++) {
        parse_item(value.text, &(*out_items)[i]);
    }
    return TRUNK_OK;
}
