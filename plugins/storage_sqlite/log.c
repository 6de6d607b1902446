/* SPDX-License-Identifier: MIT
 * log.c - the last entry is never removed, only emptied: it tells last_seq. */
#include "log.h"

#include "store.h"

/* The last seq of the record's log. SQLITE_ROW: there is one; SQLITE_DONE: no such record; else an
 * error. */
static int find_last_seq(sqlite3_stmt *statement, uint64_t *out_seq) {
    int code = sqlite3_step(statement);
    *out_seq = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_reset(statement);
    return code;
}

/* Nothing was stored. */
static void explain_refusal(struct store *store, const struct trunk_entry *entry, trunk_op op) {
    uint64_t last_seq = 0;
    sqlite3_stmt *statement = store_use(store, STATEMENT_LAST_SEQ, entry->key, op);
    int code = find_last_seq(statement, &last_seq);
    if (code == SQLITE_ROW && last_seq >= entry->seq) {
        store_complete(store, op, last_seq == entry->seq ? TRUNK_OK : TRUNK_CONFLICT);
    } else if (code == SQLITE_ROW || code == SQLITE_DONE) { /* another process made it meanwhile */
        store_complete(store, op, TRUNK_NOT_FOUND);
    } else {
        store_complete_failed(store, op, code, 0);
    }
}

void log_append(void *self, const struct trunk_entry *entry, trunk_op op) {
    struct store *store = self;
    int changes = 0;
    sqlite3_stmt *statement = store_use(store, STATEMENT_APPEND, entry->key, op);
    if (statement == NULL) {
        return;
    }
    (void)sqlite3_bind_int64(statement, 3, (sqlite3_int64)entry->seq);
    int code = sqlite3_bind_blob64(statement, 4, entry->value.len > 0 ? entry->value.data : "",
                                   entry->value.len, SQLITE_STATIC);
    if (code == SQLITE_OK) {
        code = store_run(store, statement, &changes);
    }
    if (code != SQLITE_OK) {
        store_complete_failed(store, op, code, 1);
    } else if (changes == 0) {
        explain_refusal(store, entry, op);
    } else {
        store_complete(store, op, TRUNK_OK);
    }
}

static void emit_entries(struct store *store, sqlite3_stmt *statement, trunk_op op) {
    int code = 0;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct trunk_item item = {.struct_size = sizeof item};
        item.seq = (uint64_t)sqlite3_column_int64(statement, 0);
        item.value.data = sqlite3_column_blob(statement, 1);
        item.value.len = (size_t)sqlite3_column_bytes(statement, 1);
        store->host->emit(store->host->ctx, op, &item);
    }
    (void)sqlite3_reset(statement);
    if (code != SQLITE_DONE) {
        store_complete_failed(store, op, code, 0);
    } else {
        store_complete(store, op, TRUNK_OK);
    }
}

void log_read(void *self, struct trunk_slice key, uint64_t after_seq, uint32_t limit, trunk_op op) {
    struct store *store = self;
    uint64_t last_seq = 0;
    sqlite3_stmt *statement = store_use(store, STATEMENT_LAST_SEQ, key, op);
    if (statement == NULL) {
        return;
    }
    int code = find_last_seq(statement, &last_seq);
    if (code == SQLITE_DONE) {
        store_complete(store, op, TRUNK_NOT_FOUND);
    } else if (code != SQLITE_ROW) {
        store_complete_failed(store, op, code, 0);
    } else if (after_seq >= last_seq) {
        store_complete(store, op, TRUNK_OK);
    } else {
        statement = store_use(store, STATEMENT_READ_LOG, key, op);
        (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)after_seq);
        (void)sqlite3_bind_int64(statement, 3, limit);
        emit_entries(store, statement, op);
    }
}

/* With the limit of trim bound as ?2, which may be beyond what sqlite can count to. */
static int run_trim(struct store *store, enum statement_id id, struct trunk_slice key,
                    uint64_t upto_seq, trunk_op op) {
    sqlite3_stmt *statement = store_use(store, id, key, op);
    (void)sqlite3_bind_int64(statement, 2,
                             upto_seq > INT64_MAX ? INT64_MAX : (sqlite3_int64)upto_seq);
    return store_run(store, statement, NULL);
}

void log_trim(void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op) {
    struct store *store = self;
    uint64_t last_seq = 0;
    sqlite3_stmt *statement = store_use(store, STATEMENT_LAST_SEQ, key, op);
    if (statement == NULL) {
        return;
    }
    int code = store_begin_step(store);
    int found = SQLITE_DONE;
    if (code == SQLITE_OK) {
        found = find_last_seq(statement, &last_seq);
        code = found == SQLITE_ROW || found == SQLITE_DONE ? SQLITE_OK : found;
        if (found == SQLITE_ROW) {
            code = run_trim(store, STATEMENT_TRIM, key, upto_seq, op);
        }
        if (found == SQLITE_ROW && code == SQLITE_OK) {
            code = run_trim(store, STATEMENT_BLANK, key, upto_seq, op);
        }
        code = store_end_step(store, code);
    }
    if (code != SQLITE_OK) {
        store_complete_failed(store, op, code, 1);
    } else {
        store_complete(store, op, found == SQLITE_ROW ? TRUNK_OK : TRUNK_NOT_FOUND);
    }
}
