/* SPDX-License-Identifier: MIT
 * params.h - a driver's or backend's keys, typed by the driver's spec (ABI rule 10). */
#ifndef TRUNKD_PLUGIN_PARAMS_H
#define TRUNKD_PLUGIN_PARAMS_H

#include <stdbool.h>
struct json_object; /* json-c */
#include <trunk/types.h>
#include "base/slice.h"

/* What a driver is given: strings in normal form. Owned by the list. */
struct param_list {
    struct trunk_param *items;
    size_t count;
};

/* Called for each problem found; path is the full path in the config ("mcpServers.files.args"), problem what is wrong and
 * what to do. */
typedef void (*param_problem_fn)(void *ctx, const char *path, const char *problem);

/* Reads the members of object (NULL counts as empty) that spec names: those with TRUNK_PARAM_BACKEND when backend is true,
 * the others when false. Durations become ms, sizes bytes, bools "true"/"false", ints decimal; lists repeated keys (`args`,
 * `args`), maps `env.PATH`. Absent keys get the spec's fallback, when it has one; absent REQUIRED ones are a problem.
 * Every member that spec does not name is a problem with the nearest known key, unless also_known (NULL-terminated, may be NULL)
 * has it: the core's own keys of the same object. Returns the number of problems; *out is valid (maybe partial) in any case. */
size_t params_parse(const struct trunk_param_spec *spec, bool backend, struct json_object *object,
                    const char *path, const char *const *also_known, struct param_list *out,
                    param_problem_fn problem, void *ctx);
void params_free(struct param_list *list); /* leaves {0} */

/* "30s", "15m", "24h", "500ms", "0"; TRUNK_OK or TRUNK_INVALID. Overflow is invalid. */
int32_t duration_parse(const char *text, uint64_t *out_ms);
/* "8MiB", "64KiB", "1GiB", "512B", "0"; a bare number is bytes. */
int32_t size_parse(const char *text, uint64_t *out_bytes);
/* The word of known[0..count) nearest to word by edit distance, if near enough to be a slip (distance <= 2 and < its length); else NULL. */
const char *nearest_word(const char *word, const char *const *known, size_t count);

#endif
