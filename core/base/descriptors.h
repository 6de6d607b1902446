/* SPDX-License-Identifier: MIT
 * descriptors.h - how many descriptors the process may open. Who begins new work looks here first,
 * so that there are some left for what runs already. */
#ifndef TRUNKD_BASE_DESCRIPTORS_H
#define TRUNKD_BASE_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

/* Raises RLIMIT_NOFILE as far as it may be. Returns what it is then. */
uint64_t descriptors_raise_limit(void);
/* Are fewer than 16 left, in the process or the system? */
bool descriptors_are_scarce(void);

#endif
