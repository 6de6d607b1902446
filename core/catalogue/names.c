/* SPDX-License-Identifier: MIT
 * names.c - strategy `prefix`. */
#include "catalogue/names.h"

void names_append(struct buffer *out, const char *backend, struct trunk_slice tool) {
    buffer_append_cstr(out, backend);
    buffer_append_cstr(out, "_");
    buffer_append_slice(out, tool);
}

bool names_may_belong(struct trunk_slice name, const char *backend) {
    size_t len = strlen(backend);
    const char *text = name.data;
    return name.len > len && memcmp(text, backend, len) == 0 && text[len] == '_';
}
