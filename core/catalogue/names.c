/* SPDX-License-Identifier: MIT
 * names.c - the names that a client sees. */
#include "catalogue/names.h"

#include <inttypes.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BACKEND "{backend}"

enum { HASH_TAIL = 9, KEPT_BYTES = NAMES_MAX_BYTES - HASH_TAIL };

void names_append_prefix(struct buffer *out, const struct naming *naming, const char *backend) {
    const char *at = naming->prefix_format;
    const char *place;
    while ((place = strstr(at, BACKEND)) != NULL) {
        buffer_append(out, at, (size_t)(place - at));
        buffer_append_cstr(out, backend);
        at = place + strlen(BACKEND);
    }
    buffer_append_cstr(out, at);
}

/* Cuts the name that begins at `begin`, never inside a UTF-8 character. */
static void shorten(struct buffer *out, size_t begin) {
    uint64_t hash = XXH3_64bits(out->data + begin, out->len - begin);
    size_t end = begin + KEPT_BYTES;
    while (end > begin && ((unsigned char)out->data[end] & 0xc0) == 0x80) {
        end--;
    }
    out->len = end;
    buffer_printf(out, "_%08" PRIx32, (uint32_t)hash);
}

void names_generate(struct buffer *out, const struct naming *naming, const char *backend,
                    struct trunk_slice name) {
    size_t begin = out->len;
    names_append_prefix(out, naming, backend);
    buffer_append_slice(out, name);
    if (out->len - begin > NAMES_MAX_BYTES) {
        shorten(out, begin);
    }
}

bool names_could_be(const struct naming *naming, struct trunk_slice name, const char *backend) {
    if (naming->strategy != NAMING_PREFIX) {
        return true;
    }
    struct buffer prefix = {0};
    names_append_prefix(&prefix, naming, backend);
    size_t len = prefix.len < KEPT_BYTES ? prefix.len : KEPT_BYTES;
    bool has_prefix = name.len >= len && (len == 0 || memcmp(name.data, prefix.data, len) == 0);
    buffer_free(&prefix);
    return has_prefix;
}

size_t names_rank(const struct naming *naming, const char *backend, size_t index) {
    for (size_t i = 0; i < naming->npriority; i++) {
        if (strcmp(naming->priority[i], backend) == 0) {
            return i;
        }
    }
    return naming->npriority + index;
}
