/* SPDX-License-Identifier: MIT
 * log.h - one line per event: time, level, module, text, then key=value pairs that the caller
 * writes into the text. Any thread. Control bytes are escaped, so nothing a peer sends can forge a
 * line. */
#ifndef TRUNKD_BASE_LOG_H
#define TRUNKD_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <trunk/types.h>

enum log_format { LOG_LOGFMT, LOG_JSON };

struct log;
/* Writes to fd (not closed by log_free), one write(2) per line, lines cut at 4 KiB. level:
 * TRUNK_LOG_*. */
struct log *log_new(int fd, int32_t level, enum log_format format);
void log_free(struct log *log);
bool log_enabled(const struct log *log, int32_t level);
/* logfmt: `time=2026-11-24T00:00:00.000Z level=info module=session msg="session created"
 * id=1a2b3c4d`: the text up to the first " key=" goes into msg, quoted; what follows stays. json:
 * {"time":..,"level":..,"module":..,"msg":"whole text"}. log may be NULL: nothing happens. */
__attribute__((format(printf, 4, 5))) void log_write(struct log *log, int32_t level,
                                                     const char *module, const char *format, ...);

/* At most one line in 5 s through one limit; the next line that passes tells how many were left out
 * (` repeated=N`). Starts with {0}. */
struct log_limit {
    _Atomic uint64_t last_ms;
    _Atomic uint64_t left_out;
};
__attribute__((format(printf, 5, 6))) void log_write_limited(struct log *log,
                                                             struct log_limit *limit, int32_t level,
                                                             const char *module, const char *format,
                                                             ...);

#define log_error(log, ...) log_write((log), TRUNK_LOG_ERROR, __VA_ARGS__)
#define log_warn(log, ...) log_write((log), TRUNK_LOG_WARN, __VA_ARGS__)
#define log_info(log, ...) log_write((log), TRUNK_LOG_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_write((log), TRUNK_LOG_DEBUG, __VA_ARGS__)

#endif
