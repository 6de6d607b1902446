/* SPDX-License-Identifier: MIT
 * log_limit.c - a backend's lines to the host's log, at most so many in a second. */
#include "log_limit.h"

#include <string.h>

#include <trunk/plugin_util.h>

enum { WINDOW_MS = 1000, MAX_TEXT_BYTES = 4096 };

void log_limit_flush(struct log_limit *limit) {
    if (limit->left_out > 0) {
        trunk_logf(limit->host, TRUNK_LOG_WARN, "backend=%s: %s%llu more lines left out",
                   limit->backend, limit->prefix, (unsigned long long)limit->left_out);
        limit->left_out = 0;
    }
}

void log_limit_line(struct log_limit *limit, const char *line, size_t len) {
    uint64_t now_ms = limit->host->mono_ms(limit->host->ctx);
    if (limit->shown == 0 || now_ms - limit->window_ms >= WINDOW_MS) {
        log_limit_flush(limit);
        limit->window_ms = now_ms;
        limit->shown = 0;
    }
    if (limit->shown >= limit->max_per_second) {
        limit->left_out++;
        return;
    }
    limit->shown++;
    char text[MAX_TEXT_BYTES];
    int head = snprintf(text, sizeof text, "backend=%s: %s", limit->backend, limit->prefix);
    size_t at = head < 0 || (size_t)head >= sizeof text ? 0 : (size_t)head;
    size_t room = sizeof text - 1 - at;
    size_t take = len < limit->max_bytes ? len : limit->max_bytes;
    take = take < room ? take : room;
    for (size_t i = 0; i < take; i++) { /* a NUL would hide the rest of the line */
        text[at + i] = line[i];
        if (line[i] == '\0') {
            text[at + i] = '?';
        }
    }
    text[at + take] = '\0';
    limit->host->log(limit->host->ctx, limit->level, text);
}
