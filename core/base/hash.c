/* SPDX-License-Identifier: MIT
 * hash.c - the seeded hash of every table. */
#include "base/hash.h"

#include <pthread.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/random.h"

/* uthash gives its hash function no context, so the seed is the one value that is the process's own. Written once. */
static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void draw_seed(void) {
    seed = random_u64();
}

unsigned hash_bytes(const void *data, size_t len) {
    (void)pthread_once(&seed_once, draw_seed);
    return (unsigned)XXH3_64bits_withSeed(data, len, seed);
}
