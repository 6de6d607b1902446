/* SPDX-License-Identifier: MIT
 * hash.h - uthash with a seeded XXH3. Include this instead of <uthash.h>. */
#ifndef TRUNKD_BASE_HASH_H
#define TRUNKD_BASE_HASH_H

#include <stdint.h>
#include <stddef.h>

/* XXH3 under a seed drawn once per process, which ends hash flooding. */
unsigned hash_bytes(const void *data, size_t len);
#define HASH_FUNCTION(key, len, out) ((out) = hash_bytes((key), (len)))
#include <uthash.h>

#endif
