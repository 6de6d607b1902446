/* SPDX-License-Identifier: MIT
 * fixture.h - cmocka, and json_cut on a copy of exactly the text's size, so that the sanitizer sees
 * each byte read beyond it. */
#ifndef TRUNKD_TESTS_WIRE_FIXTURE_H
#define TRUNKD_TESTS_WIRE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "wire/json.h"

/* The number of bytes of a text that may hold NUL bytes. */
#define TEXT(literal)                                                                              \
    { (literal), sizeof(literal) - 1 }

static inline int32_t check(struct trunk_slice text, struct json_error *out_error) {
    struct json_value root;
    char *copy = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.len > 0 ? text.data : "", text.len);
    int32_t status = json_cut(slice_of(copy, text.len), NULL, 0, NULL, &root, out_error);
    free(copy);
    return status;
}

static inline void assert_slice(struct trunk_slice slice, const char *expected) {
    if (!slice_equal_cstr(slice, expected)) {
        fail_msg("'%.*s' is not '%s'", (int)slice.len, (const char *)slice.data, expected);
    }
}

static inline void assert_buffer(struct buffer *buffer, const char *expected) {
    assert_slice(buffer_slice(buffer), expected);
    buffer_free(buffer);
}

#endif
