/* SPDX-License-Identifier: MIT
 * id.c - session ids and their tags. */
#include "session/id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/random.h"

void id_generate(char out_id[SESSION_ID_SIZE]) {
    random_hex(out_id, (SESSION_ID_SIZE - 1) / 2);
}

bool id_is_valid(const char *id) {
    return strspn(id, "0123456789abcdef") == SESSION_ID_SIZE - 1 && id[SESSION_ID_SIZE - 1] == '\0';
}

void id_tag(const char *id, char out_tag[SESSION_TAG_SIZE]) {
    uint64_t hash = XXH3_64bits(id, strlen(id));
    (void)snprintf(out_tag, SESSION_TAG_SIZE, "%08" PRIx32, (uint32_t)(hash >> 32));
}
