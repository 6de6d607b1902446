/* SPDX-License-Identifier: MIT
 * sse.c - the text of server-sent events. */
#include "http/sse.h"

#include "wire/json.h"

void sse_append_event(struct buffer *out, const struct exchange_event *event) {
    if (event->id.len > 0) {
        buffer_append_cstr(out, "id: ");
        buffer_append_slice(out, event->id);
        buffer_append_cstr(out, "\n");
    }
    if (event->retry_ms != 0) {
        buffer_printf(out, "retry: %u\n", event->retry_ms);
    }
    if (event->json.len > 0) {
        buffer_append_cstr(out, "event: message\n");
    }
    buffer_append_cstr(out, "data: ");
    json_append_one_line(out, event->json);
    buffer_append_cstr(out, "\n\n");
}

void sse_append_comment(struct buffer *out, const char *text) {
    buffer_append_cstr(out, ": ");
    buffer_append_cstr(out, text);
    buffer_append_cstr(out, "\n\n");
}
