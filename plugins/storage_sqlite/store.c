/* SPDX-License-Identifier: MIT
 * store.c - ops and brackets. An op outside a bracket is a transaction by itself. Inside one, what
 * fails alone is undone alone; when sqlite has rolled the whole transaction back (a full disk), the
 * rest of the bracket must not go on in transactions of its own. */
#include "store.h"

#include <stdio.h>

#include <trunk/plugin_util.h>

#include "connection.h"
#include "schema.h"

static sqlite3_stmt *statement_of(const struct store *store, enum statement_id id) {
    return store->statements.of[id];
}

static int32_t start_checkpointer(struct store *store, struct trunk_error *error) {
    sqlite3 *db = NULL;
    int32_t status = connection_open(store->path, store->is_full, &db, error);
    if (status != TRUNK_OK) {
        return status;
    }
    store->checkpointer = checkpointer_new(store->host, db, store->db);
    if (store->checkpointer == NULL) {
        (void)sqlite3_close(db);
        return trunk_fail(error, TRUNK_UNAVAILABLE, "", "no memory or thread for checkpoints");
    }
    return TRUNK_OK;
}

static int32_t prepare(struct store *store, struct trunk_error *error) {
    int32_t status = schema_prepare(store->db, store->path, error);
    if (status != TRUNK_OK) {
        return status;
    }
    int code = statements_prepare(&store->statements, store->db);
    if (code != SQLITE_OK) {
        return connection_fail(store->db, store->path, code, error);
    }
    return start_checkpointer(store, error);
}

int32_t store_connect(struct store *store, struct trunk_error *error) {
    if (store->db != NULL) {
        return TRUNK_OK;
    }
    int32_t status = connection_open(store->path, store->is_full, &store->db, error);
    if (status == TRUNK_OK) {
        status = prepare(store, error);
    }
    if (status != TRUNK_OK) {
        store_disconnect(store);
    }
    return status;
}

void store_disconnect(struct store *store) {
    checkpointer_free(store->checkpointer, store->db);
    store->checkpointer = NULL;
    statements_finalize(&store->statements);
    (void)sqlite3_close(store->db);
    store->db = NULL;
}

void store_complete(const struct store *store, trunk_op op, int32_t status) {
    static const char *const texts[] = {
        [TRUNK_NOT_FOUND] = "no such record",
        [TRUNK_EXISTS] = "the record exists",
        [TRUNK_CONFLICT] = "the record has changed, or the log is further on",
        [TRUNK_INVALID] = "no such mode, or not a cursor of this driver",
        [TRUNK_TOO_LARGE] = "the value is too large",
        [TRUNK_UNAVAILABLE] = "the database is not open, or its transaction was rolled back",
    };
    trunk_complete(store->host, op, status, status == TRUNK_OK ? NULL : texts[status]);
}

void store_complete_failed(const struct store *store, trunk_op op, int code, int writes) {
    char text[160];
    trunk_complete(store->host, op, connection_status(code, writes && !store->is_in_bracket),
                   connection_text(store->db, text, sizeof text));
}

static int is_rolled_back(const struct store *store) {
    return store->is_in_bracket && sqlite3_get_autocommit(store->db);
}

sqlite3_stmt *store_use(struct store *store, enum statement_id id, struct trunk_slice key,
                        trunk_op op) {
    if (store->db == NULL || is_rolled_back(store)) {
        store_complete(store, op, TRUNK_UNAVAILABLE);
        return NULL;
    }
    sqlite3_stmt *statement = statement_of(store, id);
    (void)sqlite3_bind_text(statement, 1, key.data, (int)key.len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)store->host->wall_ms(store->host->ctx));
    return statement;
}

int store_run(struct store *store, sqlite3_stmt *statement, int *out_changes) {
    int code = sqlite3_step(statement);
    if (out_changes != NULL) {
        *out_changes = sqlite3_changes(store->db);
    }
    (void)sqlite3_reset(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int run(struct store *store, enum statement_id id) {
    return store_run(store, statement_of(store, id), NULL);
}

int store_begin_step(struct store *store) {
    return run(store, store->is_in_bracket ? STATEMENT_SAVE : STATEMENT_BEGIN);
}

int store_end_step(struct store *store, int code) {
    enum statement_id keep = store->is_in_bracket ? STATEMENT_RELEASE : STATEMENT_COMMIT;
    if (code == SQLITE_OK) {
        code = run(store, keep);
    }
    if (code != SQLITE_OK && !sqlite3_get_autocommit(store->db)) {
        (void)run(store, store->is_in_bracket ? STATEMENT_ROLLBACK_TO : STATEMENT_ROLLBACK);
        if (store->is_in_bracket) {
            (void)run(store, STATEMENT_RELEASE);
        }
    }
    return code;
}

int32_t store_begin(struct store *store, int writes, struct trunk_error *error) {
    if (store->db == NULL) {
        return trunk_fail(error, TRUNK_UNAVAILABLE, "", "the database is not open");
    }
    int code = run(store, writes ? STATEMENT_BEGIN : STATEMENT_BEGIN_READ);
    if (code != SQLITE_OK) {
        char text[160];
        return trunk_fail(error, TRUNK_UNAVAILABLE, "", "%s",
                          connection_text(store->db, text, sizeof text));
    }
    store->is_in_bracket = 1;
    return TRUNK_OK;
}

int32_t store_commit(struct store *store, struct trunk_error *error) {
    int was_rolled_back = is_rolled_back(store);
    store->is_in_bracket = 0;
    if (was_rolled_back) {
        return trunk_fail(error, TRUNK_UNAVAILABLE, "",
                          "the database or its disk is full, or cannot be written: rolled back");
    }
    int code = run(store, STATEMENT_COMMIT);
    if (code == SQLITE_OK) {
        return TRUNK_OK;
    }
    char text[160];
    int32_t status =
        connection_status(code, 1) == TRUNK_UNAVAILABLE ? TRUNK_UNAVAILABLE : TRUNK_UNCERTAIN;
    (void)trunk_fail(error, status, "", "%s", connection_text(store->db, text, sizeof text));
    if (!sqlite3_get_autocommit(store->db)) {
        (void)run(store, STATEMENT_ROLLBACK);
    }
    return status;
}
