/* SPDX-License-Identifier: MIT
 * versions.c - 256 bytes at a time: so many getrandom gives whole, without being interrupted. */
#include "versions.h"

#include <sys/random.h>

uint64_t versions_draw(struct versions *versions) {
    uint64_t version = 0;
    while (version == 0) {
        if (versions->left == 0) {
            if (getrandom(versions->fetched, sizeof versions->fetched, 0) !=
                (ssize_t)sizeof versions->fetched) {
                return 0;
            }
            versions->left = sizeof versions->fetched / sizeof versions->fetched[0];
        }
        version = versions->fetched[--versions->left];
    }
    return version;
}
