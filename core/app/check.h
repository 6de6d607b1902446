/* SPDX-License-Identifier: MIT
 * check.h - `trunkd check`: tells what a config would do. Its problems are told while it is loaded.
 */
#ifndef TRUNKD_APP_CHECK_H
#define TRUNKD_APP_CHECK_H

#include <stdio.h>
#include "app/config.h"

/* Prints warnings about a good config, one per line, then the line "OK: ...". Connects to nothing.
 */
void check_print(const struct config *config, FILE *out);

#endif
