/* SPDX-License-Identifier: MIT
 * store.h - an open instance of the driver: its connection, and the ways in and out of an op and of
 * a bracket. All on the one thread that the host calls on. */
#ifndef STORAGE_SQLITE_STORE_H
#define STORAGE_SQLITE_STORE_H

#include <trunk/plugin.h>

#include "checkpoint.h"
#include "statements.h"

struct store {
    const struct trunk_host *host;
    char *path;
    int is_full; /* synchronous */
    sqlite3 *db; /* NULL: could not be had yet; ping tries again */
    struct statements statements;
    struct checkpointer *checkpointer;
    int is_in_bracket;
};

/* Connects, unless it is connected. As connection_open and schema_prepare say. */
int32_t store_connect(struct store *store, struct trunk_error *error);
/* Likewise backwards. */
void store_disconnect(struct store *store);

/* The statement, with the key bound as ?1 and the time now as ?2. NULL: the store cannot be used at
 * the moment, and op is completed. */
sqlite3_stmt *store_use(struct store *store, enum statement_id id, struct trunk_slice key,
                        trunk_op op);
/* Runs a statement that gives no rows, and makes it ready for the next use. Returns sqlite's code,
 * SQLITE_OK when done; *out_changes (may be NULL): how many rows it has changed. */
int store_run(struct store *store, sqlite3_stmt *statement, int *out_changes);

/* Makes what follows one step: a transaction, or a part of the bracket's. */
int store_begin_step(struct store *store);
/* Ends it: code is how it went so far; not SQLITE_OK: nothing of it is kept. Returns how it went in
 * the end. */
int store_end_step(struct store *store, int code);

int32_t store_begin(struct store *store, int writes, struct trunk_error *error);
int32_t store_commit(struct store *store, struct trunk_error *error);

/* Completes op without a value. */
void store_complete(const struct store *store, trunk_op op, int32_t status);
/* Completes op, which failed with sqlite's code, with its status and text. */
void store_complete_failed(const struct store *store, trunk_op op, int code, int writes);

#endif
