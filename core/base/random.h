/* SPDX-License-Identifier: MIT
 * random.h - unguessable bytes by getrandom(2). */
#ifndef TRUNKD_BASE_RANDOM_H
#define TRUNKD_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out,
                  size_t len); /* aborts when the kernel has none: nothing safe can go on */
uint64_t random_u64(void);
void random_hex(char *out, size_t bytes); /* 2 * bytes lower-case digits and a NUL */

#endif
