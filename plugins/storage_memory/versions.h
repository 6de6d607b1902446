/* SPDX-License-Identifier: MIT
 * versions.h - record versions: random numbers from the kernel, fetched some dozens at a time. */
#ifndef STORAGE_MEMORY_VERSIONS_H
#define STORAGE_MEMORY_VERSIONS_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is ready. Holds no memory. */
struct versions {
    uint64_t fetched[32];
    size_t left; /* how many of them, from the front, are not given out yet */
};

/* 64 random bits, never 0; 0 when the kernel gives none. */
uint64_t versions_draw(struct versions *versions);

#endif
