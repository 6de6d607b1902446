/* SPDX-License-Identifier: MIT
 * random.c - unguessable bytes by getrandom(2). */
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void random_bytes(void *out, size_t len) {
    unsigned char *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            (void)fprintf(stderr, "trunkd: getrandom: %s\n", strerrordesc_np(errno));
            abort();
        }
        at += got;
        len -= (size_t)got;
    }
}

uint64_t random_u64(void) {
    uint64_t value = 0;
    random_bytes(&value, sizeof value);
    return value;
}

void random_hex(char *out, size_t bytes) {
    static const char digits[] = "0123456789abcdef";
    /* Drawn into the second half: the digits written from the front never overtake what is still to
     * be read. */
    unsigned char *drawn = (unsigned char *)out + bytes;
    random_bytes(drawn, bytes);
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = drawn[i];
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
    out[2 * bytes] = '\0';
}
