/* SPDX-License-Identifier: MIT
 * log_level.h - the levels of MCP's log messages (2025-11-25, Logging: Log Levels). */
#ifndef TRUNKD_WIRE_LOG_LEVEL_H
#define TRUNKD_WIRE_LOG_LEVEL_H

#include <stdbool.h>

#include <trunk/types.h>

/* The level of this plain name, as static text; NULL: there is none. */
const char *log_level_find(struct trunk_slice name);
/* Is a message of this level to be shown to a client that asked for messages from `least` on? Both
 * as log_level_find gives them; NULL for least: it never asked, for level: an unknown one. */
bool log_level_is_shown(const char *level, const char *least);

#endif
