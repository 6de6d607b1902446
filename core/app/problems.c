/* SPDX-License-Identifier: MIT
 * problems.c - collects what is wrong with a config. */
#include "app/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

struct problem_path {
    char *text;
    UT_hash_handle hh;
};

void problems_init(struct problems *problems, const char *file, config_problem_fn report,
                   void *ctx) {
    *problems = (struct problems){.file = file, .report = report, .ctx = ctx};
}

static bool remember_path(struct problems *problems, const char *path) {
    struct problem_path *found = NULL;
    size_t len = strlen(path);
    HASH_FIND(hh, problems->paths, path, len, found);
    if (found != NULL) {
        return false;
    }
    found = xcalloc(1, sizeof *found);
    found->text = xstrdup(path);
    HASH_ADD_KEYPTR(hh, problems->paths, found->text, len, found);
    return true;
}

static void report_formatted(struct problems *problems, const char *where, const char *format,
                             va_list args) {
    char *problem = NULL;
    if (vasprintf(&problem, format, args) < 0) {
        problem = xstrdup(format);
    }
    problems->count++;
    problems->report(problems->ctx, where, problem);
    free(problem);
}

void problems_add(struct problems *problems, const char *path, const char *format, ...) {
    if (!remember_path(problems, path)) {
        return;
    }
    char *where =
        path[0] == '\0' ? xstrdup(problems->file) : xasprintf("%s: %s", problems->file, path);
    va_list args;
    va_start(args, format);
    report_formatted(problems, where, format, args);
    va_end(args);
    free(where);
}

void problems_add_at(struct problems *problems, struct trunk_slice text, size_t offset,
                     const char *format, ...) {
    const unsigned char *bytes = text.data;
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (bytes[i] == '\n') {
            line++;
            column = 1;
        } else if ((bytes[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    char *where = xasprintf("%s:%zu:%zu", problems->file, line, column);
    va_list args;
    va_start(args, format);
    report_formatted(problems, where, format, args);
    va_end(args);
    free(where);
}

void problems_add_param(void *ctx, const char *path, const char *problem) {
    problems_add(ctx, path, "%s", problem);
}

void problems_clear(struct problems *problems) {
    struct problem_path *path = problems->paths;
    HASH_CLEAR(hh, problems->paths); /* the table; the list goes on through hh.next */
    while (path != NULL) {
        struct problem_path *next = path->hh.next;
        free(path->text);
        free(path);
        path = next;
    }
}

void path_append_member(struct buffer *path, const char *key) {
    if (path->len > 0) {
        buffer_append_cstr(path, ".");
    }
    buffer_append_cstr(path, key);
}

void path_append_index(struct buffer *path, size_t index) {
    buffer_printf(path, "[%zu]", index);
}
