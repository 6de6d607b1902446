/* SPDX-License-Identifier: MIT
 * random.c - unguessable bytes. */
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t len) {
    unsigned char *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno != EINTR) {
            perror("trunkd: getrandom");
            abort();
        }
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

uint64_t random_u64(void) {
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

void random_hex(char *out, size_t bytes) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t value = random_u64();
        for (size_t k = i; k < bytes && k < i + 8; k++) {
            out[2 * k] = digits[value & 15];
            out[2 * k + 1] = digits[(value >> 4) & 15];
            value >>= 8;
        }
    }
    out[2 * bytes] = '\0';
}
