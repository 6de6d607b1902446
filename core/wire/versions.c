/* SPDX-License-Identifier: MIT
 * versions.c - the MCP revisions that trunkd speaks. */
#include "wire/versions.h"

#include <string.h>

#include "base/slice.h"

static const char *const versions[] = {MCP_VERSION_LATEST, "2025-06-18", "2025-03-26",
                                       "2024-11-05"};

static const char *find(struct trunk_slice version) {
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        if (slice_equal_cstr(version, versions[i])) {
            return versions[i];
        }
    }
    return NULL;
}

bool version_is_supported(struct trunk_slice version) {
    return find(version) != NULL;
}

const char *version_negotiate(struct trunk_slice asked) {
    const char *version = find(asked);
    return version != NULL ? version : MCP_VERSION_LATEST;
}

/* Dates in this form sort as text. */
bool version_at_least(const char *version, const char *other) {
    return strcmp(version, other) >= 0;
}
