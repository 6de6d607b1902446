/* SPDX-License-Identifier: MIT
 * slice.c - copies of borrowed bytes, and the growable buffer. */
#include "base/slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

enum { SMALLEST_CAPACITY = 64 };

char *slice_strdup(struct trunk_slice slice) {
    char *copy = xmalloc(slice.len + 1);
    if (slice.len > 0) {
        memcpy(copy, slice.data, slice.len);
    }
    copy[slice.len] = '\0';
    return copy;
}

void buffer_reserve(struct buffer *buffer, size_t more) {
    if (more <= buffer->capacity - buffer->len) {
        return;
    }
    if (more > SIZE_MAX / 2 - buffer->len) { /* so that doubling cannot wrap round */
        abort();
    }
    size_t capacity = buffer->capacity < SMALLEST_CAPACITY ? SMALLEST_CAPACITY : buffer->capacity;
    while (capacity - buffer->len < more) {
        capacity *= 2;
    }
    buffer->data = xrealloc(buffer->data, capacity);
    buffer->capacity = capacity;
}

void buffer_append(struct buffer *buffer, const void *data, size_t len) {
    if (len == 0) {
        return;
    }
    buffer_reserve(buffer, len);
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
}

void buffer_append_slice(struct buffer *buffer, struct trunk_slice slice) {
    buffer_append(buffer, slice.data, slice.len);
}

void buffer_append_cstr(struct buffer *buffer, const char *text) {
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_u64(struct buffer *buffer, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buffer_append(buffer, digits + at, sizeof digits - at);
}

void buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len <= 0) {
        return;
    }
    buffer_reserve(buffer, (size_t)len + 1);
    va_start(args, format);
    (void)vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, args);
    va_end(args);
    buffer->len += (size_t)len;
}

const char *buffer_cstr(struct buffer *buffer) {
    buffer_reserve(buffer, 1);
    buffer->data[buffer->len] = '\0';
    return buffer->data;
}

void buffer_clear(struct buffer *buffer) {
    buffer->len = 0;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}
