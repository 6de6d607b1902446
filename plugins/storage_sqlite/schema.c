/* SPDX-License-Identifier: MIT
 * schema.c - migrations, each in one transaction with all before it: a database is of one version
 * or the other. */
#include "schema.h"

#include <stdio.h>

#include <trunk/plugin_util.h>

#include "connection.h"

/* migrations[v] leads from version v to v + 1. A record's log goes with it, whoever removes it. */
static const char *const migrations[SCHEMA_VERSION] = {
    "CREATE TABLE records (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL,"
    " version INTEGER NOT NULL, expires_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX records_by_expiry ON records (expires_ms) WHERE expires_ms > 0;"
    "CREATE TABLE log (key TEXT NOT NULL, seq INTEGER NOT NULL, value BLOB,"
    " PRIMARY KEY (key, seq));"
    "CREATE TRIGGER log_goes_with_record AFTER DELETE ON records"
    " BEGIN DELETE FROM log WHERE key = old.key; END;",
};

struct identity {
    sqlite3_int64 application;
    sqlite3_int64 version;
    sqlite3_int64 tables;
};

static int read_number(sqlite3 *db, const char *sql, sqlite3_int64 *out) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        *out = sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

static int read_identity(sqlite3 *db, struct identity *out) {
    int code = read_number(db, "PRAGMA application_id", &out->application);
    if (code == SQLITE_OK) {
        code = read_number(db, "PRAGMA user_version", &out->version);
    }
    if (code == SQLITE_OK) {
        code = read_number(db, "SELECT count(*) FROM sqlite_schema", &out->tables);
    }
    return code;
}

static int32_t check_identity(const struct identity *identity, const char *path,
                              struct trunk_error *error) {
    if (identity->application == 0 && identity->version == 0 && identity->tables == 0) {
        return TRUNK_OK;
    }
    if (identity->application != SCHEMA_APPLICATION_ID) {
        return trunk_fail(error, TRUNK_INVALID, "path",
                          "%s is a database of another program; name another file", path);
    }
    if (identity->version > SCHEMA_VERSION) {
        return trunk_fail(error, TRUNK_INVALID, "path",
                          "%s is of schema version %lld, this trunkd knows versions up to %d; use "
                          "the newer trunkd, or another file",
                          path, (long long)identity->version, (int)SCHEMA_VERSION);
    }
    return TRUNK_OK;
}

static int migrate(sqlite3 *db, sqlite3_int64 from) {
    char stamp[96];
    int code = SQLITE_OK;
    for (sqlite3_int64 version = from; version < SCHEMA_VERSION && code == SQLITE_OK; version++) {
        code = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
    }
    (void)snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   (int)SCHEMA_APPLICATION_ID, (int)SCHEMA_VERSION);
    return code == SQLITE_OK ? sqlite3_exec(db, stamp, NULL, NULL, NULL) : code;
}

/* Inside a transaction that writes: no other process migrates meanwhile. */
static int32_t prepare_alone(sqlite3 *db, const char *path, struct trunk_error *error) {
    struct identity identity = {0};
    int code = read_identity(db, &identity);
    if (code != SQLITE_OK) {
        return connection_fail(db, path, code, error);
    }
    int32_t status = check_identity(&identity, path, error);
    if (status != TRUNK_OK || identity.version == SCHEMA_VERSION) {
        return status;
    }
    code = migrate(db, identity.version);
    return code == SQLITE_OK ? TRUNK_OK : connection_fail(db, path, code, error);
}

int32_t schema_prepare(sqlite3 *db, const char *path, struct trunk_error *error) {
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        return connection_fail(db, path, code, error);
    }
    int32_t status = prepare_alone(db, path, error);
    if (status == TRUNK_OK) {
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        status = code == SQLITE_OK ? TRUNK_OK : connection_fail(db, path, code, error);
    }
    if (!sqlite3_get_autocommit(db)) {
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}
