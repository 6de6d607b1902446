/* SPDX-License-Identifier: MIT
 * connection.h - a connection to the database file, and what an error of sqlite means to a host. */
#ifndef STORAGE_SQLITE_CONNECTION_H
#define STORAGE_SQLITE_CONNECTION_H

#include <stdint.h>

#include <sqlite3.h>

#include <trunk/types.h>

/* Opens the file, made with mode 0600 if there is none, in WAL mode; for one thread at a time.
 * is_full: synchronous=FULL, else NORMAL.
 * Returns OK, with *out; INVALID, DENIED, INTERNAL: no file that can be used; UNAVAILABLE: may be
 * had later (locked, disk full). With error filled, and nothing left open, when not OK. */
int32_t connection_open(const char *path, int is_full, sqlite3 **out, struct trunk_error *error);

/* The status of a call that failed with sqlite's result code. may_be_applied: it was to write and
 * its transaction ends with it, so that an input or output error leaves it open whether it did. */
int32_t connection_status(int code, int may_be_applied);
/* A text for people about the connection's last error; valid until its next call. */
const char *connection_text(sqlite3 *db, char *buffer, size_t size);
/* Fills error with the connection's last error, for the file of `path`; returns the status. */
int32_t connection_fail(sqlite3 *db, const char *path, int code, struct trunk_error *error);

#endif
