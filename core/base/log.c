/* SPDX-License-Identifier: MIT
 * log.c - log lines. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

#define LINE_SIZE 4096
#define LIMIT_MS 5000

struct log {
    int fd;
    int32_t level;
    enum log_format format;
};

struct line {
    char text[LINE_SIZE];
    size_t len;
};

static const char *const level_names[] = {"?", "error", "warn", "info", "debug"};

struct log *log_new(int fd, int32_t level, enum log_format format) {
    struct log *log = xcalloc(1, sizeof *log);
    *log = (struct log){fd, level, format};
    return log;
}

void log_free(struct log *log) {
    free(log);
}

bool log_enabled(const struct log *log, int32_t level) {
    return log != NULL && level <= log->level;
}

/* Two bytes are kept for the end of the line. */
static void put(struct line *line, const char *text, size_t len) {
    size_t room = LINE_SIZE - 4 - line->len;
    len = len < room ? len : room;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_cstr(struct line *line, const char *text) {
    put(line, text, strlen(text));
}

static void put_escaped(struct line *line, const char *text, size_t len, bool is_quoted) {
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        char escape[8];
        if (is_quoted && (byte == '"' || byte == '\\')) {
            (void)snprintf(escape, sizeof escape, "\\%c", byte);
        } else if (byte == '\n') {
            (void)snprintf(escape, sizeof escape, "\\n");
        } else if (byte < 0x20 || byte == 0x7f) {
            (void)snprintf(escape, sizeof escape, "\\u%04x", byte);
        } else {
            put(line, text + i, 1);
            continue;
        }
        if (line->len + strlen(escape) > LINE_SIZE - 4) {
            return;
        }
        put_cstr(line, escape);
    }
}

/* Where the first " key=" begins: what stands before it is the message. */
static size_t find_fields(const char *text) {
    const char *at = text;
    while ((at = strchr(at, ' ')) != NULL) {
        size_t len = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_0123456789");
        if (len > 0 && at[1 + len] == '=') {
            return (size_t)(at - text);
        }
        at++;
    }
    return strlen(text);
}

static void put_time(struct line *line) {
    struct timespec now;
    struct tm parts;
    char text[40];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + len, sizeof text - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
    put_cstr(line, text);
}

static void write_line(const struct log *log, int32_t level, const char *module, const char *text) {
    struct line line = {.len = 0};
    const char *level_name = level >= 1 && level <= 4 ? level_names[level] : level_names[0];
    if (log->format == LOG_JSON) {
        put_cstr(&line, "{\"time\":\"");
        put_time(&line);
        put_cstr(&line, "\",\"level\":\"");
        put_cstr(&line, level_name);
        put_cstr(&line, "\",\"module\":\"");
        put_escaped(&line, module, strlen(module), true);
        put_cstr(&line, "\",\"msg\":\"");
        put_escaped(&line, text, strlen(text), true);
        line.text[line.len++] = '"';
        line.text[line.len++] = '}';
    } else {
        size_t fields = find_fields(text);
        put_cstr(&line, "time=");
        put_time(&line);
        put_cstr(&line, " level=");
        put_cstr(&line, level_name);
        put_cstr(&line, " module=\"");
        put_escaped(&line, module, strlen(module), true);
        put_cstr(&line, "\" msg=\"");
        put_escaped(&line, text, fields, true);
        put_cstr(&line, "\"");
        put_escaped(&line, text + fields, strlen(text + fields), false);
    }
    line.text[line.len++] = '\n';
    if (write(log->fd, line.text, line.len) < 0) {
        return; /* nobody is left to be told */
    }
}

void log_write(struct log *log, int32_t level, const char *module, const char *format, ...) {
    char text[LINE_SIZE];
    va_list args;
    if (!log_enabled(log, level)) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    write_line(log, level, module, text);
}

void log_write_limited(struct log *log, struct log_limit *limit, int32_t level, const char *module,
                       const char *format, ...) {
    char text[LINE_SIZE];
    struct timespec now;
    va_list args;
    if (!log_enabled(log, level)) {
        return;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (limit->last_ms != 0 && now_ms - limit->last_ms < LIMIT_MS) {
        limit->left_out++;
        return;
    }
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (limit->left_out > 0 && len > 0 && (size_t)len < sizeof text) {
        (void)snprintf(text + len, sizeof text - (size_t)len, " repeated=%llu",
                       (unsigned long long)limit->left_out);
    }
    limit->last_ms = now_ms;
    limit->left_out = 0;
    write_line(log, level, module, text);
}
