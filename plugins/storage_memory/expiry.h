/* SPDX-License-Identifier: MIT
 * expiry.h - which record ends next: a binary heap over the ends of the lives that end. Changing
 * and removing cost O(log n), looking at the first O(1). */
#ifndef STORAGE_MEMORY_EXPIRY_H
#define STORAGE_MEMORY_EXPIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Part of a record; zero-initialised is a life that never ends. */
struct life {
    uint64_t expires_ms; /* 0: never */
    size_t place;        /* in the heap, from 1; 0: not in it */
};

/* Zero-initialised is empty. Borrows the lives in it. */
struct expiry {
    struct life **heap; /* heap[0] is not used */
    size_t count;
    size_t capacity;
};

void expiry_free(struct expiry *expiry);
/* Sets when the life ends, 0: never. False: out of memory, nothing changed. With 0, or for a life
 * that ends already, it cannot fail. */
bool expiry_set(struct expiry *expiry, struct life *life, uint64_t expires_ms);
/* The life that ends first, or NULL when none ends. */
struct life *expiry_first(const struct expiry *expiry);

/* Is it over at now_ms? */
static inline bool life_is_over(const struct life *life, uint64_t now_ms) {
    return life->expires_ms != 0 && life->expires_ms <= now_ms;
}

#endif
