/* SPDX-License-Identifier: MIT
 * schema.h - the tables, and their versions:
 *
 *   records(key, value, version, expires_ms)   expires_ms 0: never
 *   log(key, seq, value)                       value NULL: trimmed, and kept since its seq is the
 *                                              last one
 */
#ifndef STORAGE_SQLITE_SCHEMA_H
#define STORAGE_SQLITE_SCHEMA_H

#include <stdint.h>

#include <sqlite3.h>

#include <trunk/types.h>

enum { SCHEMA_VERSION = 1, SCHEMA_APPLICATION_ID = 0x54524e4b /* "TRNK" */ };

/* Brings a database, a new one too, to SCHEMA_VERSION. Refuses, with INVALID, one that is not
 * trunkd's and one of a newer version. */
int32_t schema_prepare(sqlite3 *db, const char *path, struct trunk_error *error);

#endif
