/* SPDX-License-Identifier: MIT
 * sse.c - the text of server-sent events. */
#include "http/sse.h"

#include "wire/json.h"

void sse_append_event(struct buffer *out, struct trunk_slice json) {
    buffer_append_cstr(out, "event: message\ndata: ");
    json_append_one_line(out, json);
    buffer_append_cstr(out, "\n\n");
}

void sse_append_comment(struct buffer *out, const char *text) {
    buffer_append_cstr(out, ": ");
    buffer_append_cstr(out, text);
    buffer_append_cstr(out, "\n\n");
}
