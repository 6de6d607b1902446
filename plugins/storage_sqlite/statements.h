/* SPDX-License-Identifier: MIT
 * statements.h - what the driver says to sqlite, prepared once per connection. */
#ifndef STORAGE_SQLITE_STATEMENTS_H
#define STORAGE_SQLITE_STATEMENTS_H

#include <sqlite3.h>

/* ?1 is the key, ?2 the time now, where there is one. */
enum statement_id {
    STATEMENT_BEGIN,
    STATEMENT_BEGIN_READ,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_SAVE,
    STATEMENT_RELEASE,
    STATEMENT_ROLLBACK_TO,
    STATEMENT_LOAD,       /* value, version, last_seq */
    STATEMENT_LOAD_TOUCH, /* the same; ?3 the new end of life */
    STATEMENT_CREATE,     /* ?3 value, ?4 version, ?5 end of life: likewise of the next three */
    STATEMENT_UPDATE,
    STATEMENT_UPSERT,
    STATEMENT_CAS,          /* ?6 the version expected */
    STATEMENT_DROP_EXPIRED, /* of this key */
    STATEMENT_TOUCH,        /* ?3 the new end of life */
    STATEMENT_REMOVE,
    STATEMENT_SWEEP, /* key, value, version, expires_ms; ?1 the most */
    STATEMENT_SCAN,  /* the same, of the keys from ?1 to before ?3; ?4 with values?, ?5 the most */
    STATEMENT_LAST_SEQ, /* last_seq; no row: no record */
    STATEMENT_APPEND,   /* ?3 seq, ?4 value */
    STATEMENT_READ_LOG, /* seq, value; ?2 after this seq, ?3 the most */
    STATEMENT_TRIM,     /* ?2 up to this seq, but the last one */
    STATEMENT_BLANK,    /* ?2 up to this seq: the last one */
    STATEMENT_COUNT
};

struct statements {
    sqlite3_stmt *of[STATEMENT_COUNT];
};

/* An sqlite result code; not OK: none is left prepared. */
int statements_prepare(struct statements *statements, sqlite3 *db);
void statements_finalize(struct statements *statements);

#endif
