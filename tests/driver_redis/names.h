/* SPDX-License-Identifier: MIT
 * names.h - a name whose addresses the test chooses: getaddrinfo of this program, which the driver
 * finds before that of the C library. All else that it is asked for goes to the real one. */
#ifndef TEST_REDIS_NAMES_H
#define TEST_REDIS_NAMES_H

#include <stdbool.h>

#define TEST_NAME "cache.test"

/* Addresses as digits, in their order, separated by one space; at most 15 bytes each. NULL: the
 * name is not known, as at the beginning. Outlives the next call. */
void names_set(const char *addresses);
/* As long as it is held, who asks for the name gets no answer. */
void names_hold(bool is_held);
/* Waits until somebody is held. */
void names_wait_until_asked(void);

#endif
