/* SPDX-License-Identifier: MIT
 * names.h - the names that a client sees: strategy `prefix`, every tool as `{backend}_name`
 * (design.md section 8). */
#ifndef TRUNKD_CATALOGUE_NAMES_H
#define TRUNKD_CATALOGUE_NAMES_H

#include "base/slice.h"

/* Appends the client's name of a backend's tool, both plain (unescaped). */
void names_append(struct buffer *out, const char *backend, struct trunk_slice tool);
/* Could name belong to a tool of this backend? (It has the backend's prefix.) */
bool names_may_belong(struct trunk_slice name, const char *backend);

#endif
