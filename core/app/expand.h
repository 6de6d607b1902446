/* SPDX-License-Identifier: MIT
 * expand.h - ${NAME} and ${NAME:-default} in the config's strings, from the environment. */
#ifndef TRUNKD_APP_EXPAND_H
#define TRUNKD_APP_EXPAND_H

#include <json-c/json_object.h>
#include "app/problems.h"

/* Appends text to out with each ${NAME} replaced by its value, each ${NAME:-default} by its value
 * or, where that is unset or empty, by the default (taken as it stands, up to the next '}'), and
 * each $${ by a literal ${. A lone $ stays. TRUNK_OK, or TRUNK_INVALID with *error saying what to
 * do; a value never enters it. */
int32_t expand_text(const char *text, struct buffer *out, struct trunk_error *error);
/* Expands every string value (not the keys) in value, in place; value stands at path in the config,
 * "" for the root. A string that cannot be expanded stays and is a problem. */
void expand_tree(struct json_object *value, const char *path, struct problems *problems);

#endif
