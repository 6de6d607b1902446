/* SPDX-License-Identifier: MIT
 * log.c - lines in logfmt or JSON, each built on the stack and written at once, so that no lock is
 * needed. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
    LINE_BYTES = 4096,
    CLOSING_BYTES = 3, /* kept free for a quote, a brace and the line's end */
    LIMIT_MS = 5000
};

struct log {
    int fd;
    int32_t level;
    enum log_format format;
};

struct line {
    char data[LINE_BYTES];
    size_t len;
    bool is_full; /* something did not fit: nothing more goes in */
};

/* How the bytes of a text are made harmless: bare escapes what could break a line, quoted also what
 * could end the quote. */
enum escaping { ESCAPE_BARE, ESCAPE_QUOTED, ESCAPE_JSON };

static void append(struct line *line, const char *data, size_t len) {
    if (line->is_full || len > LINE_BYTES - CLOSING_BYTES - line->len) {
        line->is_full = true;
        return;
    }
    memcpy(line->data + line->len, data, len);
    line->len += len;
}

static void append_cstr(struct line *line, const char *text) {
    append(line, text, strlen(text));
}

static void append_closing(struct line *line, const char *text) {
    for (; *text != '\0' && line->len < LINE_BYTES; text++) {
        line->data[line->len++] = *text;
    }
}

static bool is_continuation(unsigned char byte) {
    return (byte & 0xc0) == 0x80;
}

/* The length of the well-formed UTF-8 character at text (which ends with NUL), or 0. */
static size_t measure_character(const unsigned char *text) {
    unsigned char lead = text[0];
    if (lead < 0x80) {
        return 1;
    }
    if (!is_continuation(text[1])) {
        return 0;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (!is_continuation(text[2])) {
        return 0;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        bool is_overlong = lead == 0xe0 && text[1] < 0xa0;
        bool is_surrogate = lead == 0xed && text[1] >= 0xa0;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4 && is_continuation(text[3])) {
        bool is_overlong = lead == 0xf0 && text[1] < 0x90;
        bool is_beyond = lead == 0xf4 && text[1] >= 0x90;
        return is_overlong || is_beyond ? 0 : 4;
    }
    return 0;
}

static void append_escape(struct line *line, unsigned char byte, enum escaping escaping) {
    char escape[8];
    const char *format = escaping == ESCAPE_JSON ? "\\\\x%02x" : "\\x%02x";
    if (byte == '\n' || byte == '\r' || byte == '\t') {
        (void)snprintf(escape, sizeof escape, "\\%c",
                       byte == '\n'   ? 'n'
                       : byte == '\r' ? 'r'
                                      : 't');
    } else {
        if (escaping == ESCAPE_JSON && byte < 0x80) {
            format = "\\u%04x";
        }
        (void)snprintf(escape, sizeof escape, format, byte);
    }
    append_cstr(line, escape);
}

/* Control characters (U+0080 to U+009F among them: terminals obey those too) and bytes that are not
 * UTF-8 are escaped. */
static void append_escaped(struct line *line, const char *text, size_t len,
                           enum escaping escaping) {
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + len;
    while (at < end && !line->is_full) {
        size_t size = measure_character(at);
        bool is_control =
            size == 1 ? *at < 0x20 || *at == 0x7f : size == 2 && *at == 0xc2 && at[1] < 0xa0;
        if (size == 0 || is_control) {
            append_escape(line, *at, escaping);
            if (size == 2) {
                append_escape(line, at[1], escaping);
            }
        } else if (escaping != ESCAPE_BARE && (*at == '"' || *at == '\\')) {
            char pair[2] = {'\\', (char)*at};
            append(line, pair, sizeof pair);
        } else {
            append(line, (const char *)at, size);
        }
        at += size > 0 ? size : 1;
    }
}

static const char *level_name(int32_t level) {
    switch (level) {
    case TRUNK_LOG_ERROR:
        return "error";
    case TRUNK_LOG_WARN:
        return "warn";
    case TRUNK_LOG_INFO:
        return "info";
    default:
        return "debug";
    }
}

static void append_time(struct line *line) {
    struct timespec now;
    struct tm parts;
    char text[40];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + len, sizeof text - len, ".%03ldZ", now.tv_nsec / 1000000);
    append_cstr(line, text);
}

/* Where the pairs begin: the length of text before its first " key=". */
static size_t find_pairs(const char *text) {
    for (const char *space = strchr(text, ' '); space != NULL; space = strchr(space + 1, ' ')) {
        size_t key = strspn(space + 1, "abcdefghijklmnopqrstuvwxyz0123456789_.");
        if (key > 0 && space[1 + key] == '=') {
            return (size_t)(space - text);
        }
    }
    return strlen(text);
}

/* A driver's is its name in the config, which may hold anything. */
static void append_module(struct line *line, const char *module) {
    if (module[strspn(module, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0') {
        append_cstr(line, module);
        return;
    }
    append_cstr(line, "\"");
    append_escaped(line, module, strlen(module), ESCAPE_QUOTED);
    append_cstr(line, "\"");
}

static void write_logfmt(struct line *line, int32_t level, const char *module, const char *text) {
    size_t message = find_pairs(text);
    append_cstr(line, "time=");
    append_time(line);
    append_cstr(line, " level=");
    append_cstr(line, level_name(level));
    append_cstr(line, " module=");
    append_module(line, module);
    append_cstr(line, " msg=\"");
    append_escaped(line, text, message, ESCAPE_QUOTED);
    if (line->is_full) {
        append_closing(line, "\"\n");
        return;
    }
    append_cstr(line, "\"");
    append_escaped(line, text + message, strlen(text + message), ESCAPE_BARE);
    append_closing(line, "\n");
}

static void write_json(struct line *line, int32_t level, const char *module, const char *text) {
    append_cstr(line, "{\"time\":\"");
    append_time(line);
    append_cstr(line, "\",\"level\":\"");
    append_cstr(line, level_name(level));
    append_cstr(line, "\",\"module\":\"");
    append_escaped(line, module, strlen(module), ESCAPE_JSON);
    append_cstr(line, "\",\"msg\":\"");
    append_escaped(line, text, strlen(text), ESCAPE_JSON);
    append_closing(line, "\"}\n");
}

static void write_text(const struct log *log, int32_t level, const char *module, const char *text) {
    struct line line;
    line.len = 0;
    line.is_full = false;
    if (log->format == LOG_JSON) {
        write_json(&line, level, module, text);
    } else {
        write_logfmt(&line, level, module, text);
    }
    while (write(log->fd, line.data, line.len) < 0 && errno == EINTR) {
    }
}

struct log *log_new(int fd, int32_t level, enum log_format format) {
    struct log *log = xmalloc(sizeof *log);
    *log = (struct log){fd, level, format};
    return log;
}

void log_free(struct log *log) {
    free(log);
}

bool log_enabled(const struct log *log, int32_t level) {
    return log != NULL && level <= log->level;
}

void log_write(struct log *log, int32_t level, const char *module, const char *format, ...) {
    if (!log_enabled(log, level)) {
        return;
    }
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    write_text(log, level, module, text);
}

void log_write_limited(struct log *log, struct log_limit *limit, int32_t level, const char *module,
                       const char *format, ...) {
    if (!log_enabled(log, level)) {
        return;
    }
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t last_ms = atomic_load(&limit->last_ms);
    if ((last_ms != 0 && now_ms < last_ms + LIMIT_MS) ||
        !atomic_compare_exchange_strong(&limit->last_ms, &last_ms, now_ms)) {
        (void)atomic_fetch_add(&limit->left_out, 1);
        return;
    }
    uint64_t left_out = atomic_exchange(&limit->left_out, 0);
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (left_out > 0 && len >= 0 && (size_t)len < sizeof text) {
        (void)snprintf(text + len, sizeof text - (size_t)len, " repeated=%llu",
                       (unsigned long long)left_out);
    }
    write_text(log, level, module, text);
}
