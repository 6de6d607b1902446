/* SPDX-License-Identifier: MIT
 * slice.h - borrowed bytes (struct trunk_slice) and the growable buffer that owns bytes. */
#ifndef TRUNKD_BASE_SLICE_H
#define TRUNKD_BASE_SLICE_H

#include <stdbool.h>
#include <string.h>

#include <trunk/types.h>

static inline struct trunk_slice slice_of(const void *data, size_t len) {
    return (struct trunk_slice){data, len};
}
static inline struct trunk_slice slice_cstr(const char *text) {
    return (struct trunk_slice){text, strlen(text)};
}
static inline bool slice_equal(struct trunk_slice a, struct trunk_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
static inline bool slice_equal_cstr(struct trunk_slice a, const char *text) {
    return slice_equal(a, slice_cstr(text));
}
/* A NUL-terminated copy, freed by the caller. */
char *slice_strdup(struct trunk_slice slice);

/* Bytes that grow. Start with {0}; data is NULL while nothing was appended. Not NUL-terminated
 * unless buffer_cstr is used. */
struct buffer {
    char *data;
    size_t len;
    size_t capacity;
};
void buffer_reserve(struct buffer *buffer, size_t more); /* room for that many further bytes */
void buffer_append(struct buffer *buffer, const void *data, size_t len);
void buffer_append_slice(struct buffer *buffer, struct trunk_slice slice);
void buffer_append_cstr(struct buffer *buffer, const char *text);
void buffer_append_u64(struct buffer *buffer, uint64_t value); /* decimal */
__attribute__((format(printf, 2, 3))) void buffer_printf(struct buffer *buffer, const char *format,
                                                         ...);
const char *
buffer_cstr(struct buffer *buffer);       /* adds a NUL behind len; valid until the next change */
void buffer_clear(struct buffer *buffer); /* len = 0, keeps the memory */
void buffer_free(struct buffer *buffer);  /* frees, and leaves {0} */
static inline struct trunk_slice buffer_slice(const struct buffer *buffer) {
    return (struct trunk_slice){buffer->data, buffer->len};
}

#endif
