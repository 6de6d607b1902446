/* SPDX-License-Identifier: MIT
 * alloc.h - small fixed allocations that abort when memory is out; sizes that a peer chooses are
 * limited before they come here. */
#ifndef TRUNKD_BASE_ALLOC_H
#define TRUNKD_BASE_ALLOC_H

#include <stddef.h>

/* Each returns memory that the caller frees with free(); on failure it writes one line to stderr
 * and aborts. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
void *xmemdup(const void *data, size_t len);
char *xstrdup(const char *text);
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *format, ...);

#endif
