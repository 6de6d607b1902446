/* SPDX-License-Identifier: MIT
 * log_limit.h - what a backend writes, line by line to the host's log; a flood is counted instead.
 */
#ifndef FACTORY_STDIO_LOG_LIMIT_H
#define FACTORY_STDIO_LOG_LIMIT_H

#include <trunk/plugin.h>

struct log_limit {
    const struct trunk_host *host;
    const char *backend;     /* borrowed */
    const char *prefix;      /* before each line; borrowed */
    int32_t level;           /* TRUNK_LOG_* */
    uint32_t max_per_second; /* lines */
    size_t max_bytes;        /* of a line; the rest is cut off */
    uint64_t window_ms;      /* when the running second began */
    uint32_t shown;          /* in the running second */
    uint64_t left_out;       /* since one was last shown */
};

/* Logs "backend=NAME: " prefix line, or counts it. */
void log_limit_line(struct log_limit *limit, const char *line, size_t len);
/* Logs how many lines were left out, if any; also done by the first line after a flood. */
void log_limit_flush(struct log_limit *limit);

#endif
