/* SPDX-License-Identifier: MIT
 * uri_set.c - a small set of URIs. */
#include "session/uri_set.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "wire/json.h"

void uri_set_clear(struct uri_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        free(set->items[i]);
    }
    free((void *)set->items);
    *set = (struct uri_set){0};
}

static size_t find(const struct uri_set *set, struct trunk_slice uri) {
    size_t i = 0;
    while (i < set->count && !slice_equal_cstr(uri, set->items[i])) {
        i++;
    }
    return i;
}

bool uri_set_add(struct uri_set *set, struct trunk_slice uri) {
    if (find(set, uri) < set->count) {
        return true;
    }
    if (set->count >= URI_SET_MAX) {
        return false;
    }
    set->items = xrealloc((void *)set->items, (set->count + 1) * sizeof *set->items);
    set->items[set->count++] = slice_strdup(uri);
    return true;
}

void uri_set_remove(struct uri_set *set, struct trunk_slice uri) {
    size_t at = find(set, uri);
    if (at < set->count) {
        free(set->items[at]);
        set->count--;
        memmove((void *)&set->items[at], (void *)&set->items[at + 1],
                (set->count - at) * sizeof *set->items);
    }
}

static bool is_part_of(struct trunk_slice uri, const char *whole) {
    const char *text = uri.data;
    size_t len = strlen(whole);
    if (len == 0 || uri.len <= len || memcmp(text, whole, len) != 0) {
        return false;
    }
    return whole[len - 1] == '/' || text[len] == '/' || text[len] == '#' || text[len] == '?';
}

bool uri_set_covers(const struct uri_set *set, struct trunk_slice uri) {
    for (size_t i = 0; i < set->count; i++) {
        if (slice_equal_cstr(uri, set->items[i]) || is_part_of(uri, set->items[i])) {
            return true;
        }
    }
    return false;
}

void uri_set_encode(const struct uri_set *set, struct buffer *out) {
    buffer_append_cstr(out, "[");
    for (size_t i = 0; i < set->count; i++) {
        buffer_append_cstr(out, i > 0 ? "," : "");
        json_string_encode(out, slice_cstr(set->items[i]));
    }
    buffer_append_cstr(out, "]");
}

void uri_set_decode(struct trunk_slice text, struct uri_set *out) {
    struct json_value value;
    size_t cursor = 0;
    *out = (struct uri_set){0};
    while (json_array_next(text, &cursor, &value)) {
        if (value.type == JSON_STRING) {
            struct buffer uri = {0};
            json_string_decode(value.text, &uri);
            (void)uri_set_add(out, buffer_slice(&uri));
            buffer_free(&uri);
        }
    }
}
