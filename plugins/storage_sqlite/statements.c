/* SPDX-License-Identifier: MIT
 * statements.c - conditions stand in the statement that changes something, so that each is one
 * atomic step against other processes too. */
#include "statements.h"

#include <stddef.h>

#define LIVING "(expires_ms = 0 OR expires_ms > ?2)"
#define LAST_SEQ "(SELECT coalesce(max(seq), 0) FROM log WHERE log.key = ?1)"
#define INSERT                                                                                     \
    "INSERT INTO records (key, value, version, expires_ms) VALUES (?1, ?3, ?4, ?5) ON CONFLICT "   \
    "(key) DO "
#define SET "UPDATE records SET value = ?3, version = ?4, expires_ms = ?5 WHERE key = ?1 AND "

static const char *const texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_BEGIN_READ] = "BEGIN",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_SAVE] = "SAVEPOINT op",
    [STATEMENT_RELEASE] = "RELEASE op",
    [STATEMENT_ROLLBACK_TO] = "ROLLBACK TO op",
    [STATEMENT_LOAD] =
        "SELECT value, version, " LAST_SEQ " FROM records WHERE key = ?1 AND " LIVING,
    [STATEMENT_LOAD_TOUCH] = "UPDATE records SET expires_ms = ?3 WHERE key = ?1 AND " LIVING
                             " RETURNING value, version, " LAST_SEQ,
    [STATEMENT_CREATE] = INSERT "NOTHING",
    [STATEMENT_UPDATE] = SET LIVING,
    [STATEMENT_UPSERT] =
        INSERT "UPDATE SET value = ?3, version = ?4, expires_ms = ?5 WHERE " LIVING,
    [STATEMENT_CAS] = SET LIVING " AND version = ?6",
    [STATEMENT_DROP_EXPIRED] = "DELETE FROM records WHERE key = ?1 AND NOT " LIVING,
    [STATEMENT_TOUCH] = "UPDATE records SET expires_ms = ?3 WHERE key = ?1 AND " LIVING,
    [STATEMENT_REMOVE] = "DELETE FROM records WHERE key = ?1 AND " LIVING,
    [STATEMENT_SWEEP] = "DELETE FROM records WHERE key IN (SELECT key FROM records WHERE "
                        "expires_ms > 0 AND expires_ms <= ?2 ORDER BY expires_ms LIMIT ?1) "
                        "RETURNING key, value, version, expires_ms",
    [STATEMENT_SCAN] =
        "SELECT key, iif(?4, value, NULL), version, expires_ms FROM records WHERE key >= ?1 AND "
        "key < ?3 AND " LIVING " ORDER BY key LIMIT ?5",
    [STATEMENT_LAST_SEQ] = "SELECT " LAST_SEQ " FROM records WHERE key = ?1 AND " LIVING,
    [STATEMENT_APPEND] = "INSERT INTO log (key, seq, value) SELECT ?1, ?3, ?4 FROM records WHERE "
                         "key = ?1 AND " LIVING " AND ?3 > " LAST_SEQ,
    [STATEMENT_READ_LOG] = "SELECT seq, value FROM log WHERE key = ?1 AND seq > ?2 AND value IS "
                           "NOT NULL ORDER BY seq LIMIT ?3",
    [STATEMENT_TRIM] = "DELETE FROM log WHERE key = ?1 AND seq <= ?2 AND seq < " LAST_SEQ,
    [STATEMENT_BLANK] =
        "UPDATE log SET value = NULL WHERE key = ?1 AND seq <= ?2 AND seq = " LAST_SEQ,
};

int statements_prepare(struct statements *statements, sqlite3 *db) {
    for (int id = 0; id < STATEMENT_COUNT; id++) {
        int code = sqlite3_prepare_v3(db, texts[id], -1, SQLITE_PREPARE_PERSISTENT,
                                      &statements->of[id], NULL);
        if (code != SQLITE_OK) {
            statements_finalize(statements);
            return code;
        }
    }
    return SQLITE_OK;
}

void statements_finalize(struct statements *statements) {
    for (int id = 0; id < STATEMENT_COUNT; id++) {
        (void)sqlite3_finalize(statements->of[id]);
        statements->of[id] = NULL;
    }
}
