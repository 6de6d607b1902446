/* SPDX-License-Identifier: MIT
 * timestamp.h - times in ISO 8601, as clients take them in annotations. */
#ifndef TRUNKD_CATALOGUE_TIMESTAMP_H
#define TRUNKD_CATALOGUE_TIMESTAMP_H

#include "base/slice.h"

/* quoted: JSON text of a string, e.g. "2025-01-12T15:00:58Z"; seconds and their fraction may be
 * absent, the offset not. */
bool timestamp_is_valid(struct trunk_slice quoted);

#endif
