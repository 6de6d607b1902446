/* SPDX-License-Identifier: MIT
 * cursor.c - cursors as a letter, hex digits and a check sum. */
#include "catalogue/cursor.h"

#include <inttypes.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { BODY_BYTES = 1 + 8 + 16 + 16, SUM_BYTES = 8 };

static uint64_t sum(const char *body) {
    return XXH3_64bits(body, BODY_BYTES) & UINT32_MAX;
}

void cursor_append(struct buffer *out, const struct cursor *cursor) {
    size_t begin = out->len;
    buffer_printf(out, "%c%08" PRIx32 "%016" PRIx64 "%016" PRIx64, cursor->kind, cursor->position,
                  cursor->generation, cursor->key);
    buffer_printf(out, "%08" PRIx64, sum(out->data + begin));
}

/* Lower case only: each cursor has one spelling. */
static bool read_hex(const char *text, size_t len, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (!is_digit && (text[i] < 'a' || text[i] > 'f')) {
            return false;
        }
        *out = *out << 4 | (uint64_t)(is_digit ? text[i] - '0' : text[i] - 'a' + 10);
    }
    return true;
}

bool cursor_parse(struct trunk_slice text, struct cursor *out) {
    const char *at = text.data;
    uint64_t position;
    uint64_t given;
    if (text.len != BODY_BYTES + SUM_BYTES || at[0] < 'a' || at[0] > 'z' ||
        !read_hex(at + 1, 8, &position) || !read_hex(at + 9, 16, &out->generation) ||
        !read_hex(at + 25, 16, &out->key) || !read_hex(at + BODY_BYTES, SUM_BYTES, &given) ||
        given != sum(at)) {
        return false;
    }
    out->kind = at[0];
    out->position = (uint32_t)position;
    return true;
}
