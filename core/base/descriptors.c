/* SPDX-License-Identifier: MIT
 * descriptors.c - how many descriptors the process may open. */
#include "base/descriptors.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define RESERVE 16

uint64_t descriptors_raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

/* By trying: a count of those that are open costs a walk through all of them. */
bool descriptors_are_scarce(void) {
    int held[RESERVE];
    int count = 0;
    held[0] = eventfd(0, EFD_CLOEXEC);
    while (held[count] >= 0 && ++count < RESERVE) {
        held[count] = fcntl(held[0], F_DUPFD_CLOEXEC, 0);
    }
    for (int i = 0; i < count; i++) {
        (void)close(held[i]);
    }
    return count < RESERVE;
}
