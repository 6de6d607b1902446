/* SPDX-License-Identifier: MIT
 * params.h - a driver's or backend's keys, typed by the driver's spec (ABI rule 10). */
#ifndef TRUNKD_PLUGIN_PARAMS_H
#define TRUNKD_PLUGIN_PARAMS_H

#include <stdbool.h>
struct json_object; /* json-c */
#include <trunk/types.h>
#include "base/slice.h"
#include "plugin/param_text.h"

/* What a driver is given: strings in normal form. Owned by the list. */
struct param_list {
    struct trunk_param *items;
    size_t count;
};

/* Called for each problem found; path is the full path in the config ("mcpServers.files.args"),
 * problem what is wrong and what to do. The values of SECRET params never appear in it. */
typedef void (*param_problem_fn)(void *ctx, const char *path, const char *problem);

/* Reads the members of object (NULL counts as empty) that spec (NULL counts as empty too) names:
 * those with TRUNK_PARAM_BACKEND when backend is true, the others when false. Durations become ms,
 * sizes bytes, bools "true"/"false", ints decimal; lists repeated keys (`args`, `args`), maps
 * `env.PATH`. A PATH that is not REQUIRED and written as "" counts as absent. Absent keys get the
 * spec's fallback, when it has one; absent REQUIRED ones are a problem. Every member that spec does
 * not name is a problem with the nearest known key, unless also_known (NULL-terminated, may be
 * NULL) has it: the core's own keys of the same object. Returns the number of problems; *out is
 * valid (maybe partial) in any case. */
size_t params_parse(const struct trunk_param_spec *spec, bool backend, struct json_object *object,
                    const char *path, const char *const *also_known, struct param_list *out,
                    param_problem_fn problem, void *ctx);
/* Is it a value of a TRUNK_PARAM_SECRET param of spec? key: of what a driver is given. */
bool params_is_secret(const struct trunk_param_spec *spec, const char *key);
void params_free(struct param_list *list); /* leaves {0} */

/* Is a driver's table of parameters itself good: keys, types and fallbacks? OK, or INVALID with a
 * text for its author. spec may be NULL. */
int32_t params_check_spec(const struct trunk_param_spec *spec, struct trunk_error *error);
/* "string", "duration", ...; NULL for a number that is no TRUNK_PARAM_... type. */
const char *params_type_name(uint32_t type);

#endif
