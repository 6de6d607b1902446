/* SPDX-License-Identifier: MIT
 * alloc.c - allocations that abort when memory is out. */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *memory, size_t size) {
    if (memory == NULL) {
        (void)fprintf(stderr, "trunkd: out of memory (%zu bytes)\n", size);
        abort();
    }
    return memory;
}

void *xmalloc(size_t size) {
    return check(malloc(size > 0 ? size : 1), size);
}

void *xcalloc(size_t count, size_t size) {
    return check(calloc(count > 0 ? count : 1, size > 0 ? size : 1), size);
}

void *xrealloc(void *old, size_t size) {
    return check(realloc(old, size > 0 ? size : 1), size);
}

void *xmemdup(const void *data, size_t len) {
    void *copy = xmalloc(len);
    if (len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

char *xstrdup(const char *text) {
    return xmemdup(text, strlen(text) + 1);
}

char *xasprintf(const char *format, ...) {
    va_list args;
    char *text = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
    }
    va_end(args);
    return check(text, strlen(format));
}
