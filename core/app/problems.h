/* SPDX-License-Identifier: MIT
 * problems.h - collects what is wrong with a config: every problem is told, each place once. */
#ifndef TRUNKD_APP_PROBLEMS_H
#define TRUNKD_APP_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/slice.h"

/* where: "FILE", "FILE:LINE:COLUMN" or "FILE: mcpServers.files.args"; problem: what is wrong, then
 * "; ", then what to do. */
typedef void (*config_problem_fn)(void *ctx, const char *where, const char *problem);

struct problem_path;
struct problems {
    const char *file; /* borrowed */
    config_problem_fn report;
    void *ctx;
    size_t count;
    struct problem_path *paths; /* those that a problem was told for */
};

void problems_init(struct problems *problems, const char *file, config_problem_fn report,
                   void *ctx);
/* A problem of the key at path; "" for the whole file. A second one at the same path is left out:
 * it follows from the first. */
__attribute__((format(printf, 3, 4))) void problems_add(struct problems *problems, const char *path,
                                                        const char *format, ...);
/* A problem of the byte at offset of text, told by line and column (both from 1, columns in
 * characters). */
__attribute__((format(printf, 4, 5))) void problems_add_at(struct problems *problems,
                                                           struct trunk_slice text, size_t offset,
                                                           const char *format, ...);
/* The same as problems_add, in the shape of param_problem_fn; ctx is the struct problems. */
void problems_add_param(void *ctx, const char *path, const char *problem);
void problems_clear(struct problems *problems); /* frees the paths */

/* Paths: "a.b" and "a.b[2]". Each appends to path; the caller cuts path->len back. */
void path_append_member(struct buffer *path, const char *key);
void path_append_index(struct buffer *path, size_t index);

#endif
