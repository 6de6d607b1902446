/* SPDX-License-Identifier: MIT
 * cors.c - what a page of an allowed origin may send and read. */
#include "http/cors.h"

#include <strings.h>

#define PARAM_PREFIX "mcp-param-"

static bool is_allowed(const char *name, size_t len) {
    static const char *const names[] = {
        "content-type",         "accept",        "authorization", "mcp-session-id",
        "mcp-protocol-version", "last-event-id", "mcp-method",    "mcp-name",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0) {
            return true;
        }
    }
    size_t prefix_len = strlen(PARAM_PREFIX);
    if (len <= prefix_len || strncasecmp(name, PARAM_PREFIX, prefix_len) != 0) {
        return false;
    }
    /* Copied into an answer: nothing but what a header's name may be made of. */
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") >= len;
}

void cors_append_allowed_headers(struct buffer *out, const char *requested) {
    size_t start = out->len;
    const char *rest = requested != NULL ? requested : "";
    while (*(rest += strspn(rest, ", \t")) != '\0') {
        size_t len = strcspn(rest, ", \t");
        if (is_allowed(rest, len)) {
            buffer_append_cstr(out, out->len > start ? ", " : "");
            buffer_append(out, rest, len);
        }
        rest += len;
    }
}
