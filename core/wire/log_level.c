/* SPDX-License-Identifier: MIT
 * log_level.c - the levels of MCP's log messages, the least severe first. */
#include "wire/log_level.h"

#include <stddef.h>

#include "base/slice.h"

static const char *const levels[] = {"debug", "info",     "notice", "warning",
                                     "error", "critical", "alert",  "emergency"};
#define LEVEL_COUNT (sizeof levels / sizeof levels[0])

const char *log_level_find(struct trunk_slice name) {
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (slice_equal_cstr(name, levels[i])) {
            return levels[i];
        }
    }
    return NULL;
}

static size_t rank(const char *level) {
    size_t i = 0;
    while (levels[i] != level) {
        i++;
    }
    return i;
}

bool log_level_is_shown(const char *level, const char *least) {
    return level == NULL || least == NULL || rank(level) >= rank(least);
}
