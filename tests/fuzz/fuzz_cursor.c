/* SPDX-License-Identifier: MIT
 * fuzz_cursor.c - what is read as a cursor is written back as the same text, and a cursor of any
 * content is read as it was written. */
#include <stdint.h>
#include <stdlib.h>

#include "catalogue/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buffer text = {0};
    struct cursor cursor = {.kind = 'a'};
    struct cursor read;
    if (cursor_parse(slice_of(data, size), &read)) {
        cursor_append(&text, &read);
        expect(slice_equal(buffer_slice(&text), slice_of(data, size)));
        buffer_clear(&text);
    }
    if (size >= 20) {
        memcpy(&cursor.position, data, 4);
        memcpy(&cursor.generation, data + 4, 8);
        memcpy(&cursor.key, data + 12, 8);
        cursor.kind = (char)('a' + data[size - 1] % 26);
    }
    cursor_append(&text, &cursor);
    expect(cursor_parse(buffer_slice(&text), &read));
    expect(read.kind == cursor.kind && read.position == cursor.position &&
           read.generation == cursor.generation && read.key == cursor.key);
    buffer_free(&text);
    return 0;
}
