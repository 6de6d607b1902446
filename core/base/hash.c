/* SPDX-License-Identifier: MIT
 * hash.c - the seeded hash of all tables. */
#include "base/hash.h"

#include <pthread.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/random.h"

/* The only state of the process: a hash without an argument for its seed is what uthash can call.
 */
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed;

static void draw_seed(void) {
    seed = random_u64();
}

unsigned hash_bytes(const void *data, size_t len) {
    (void)pthread_once(&seed_once, draw_seed);
    return (unsigned)XXH3_64bits_withSeed(data, len, seed);
}
