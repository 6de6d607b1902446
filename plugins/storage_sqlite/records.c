/* SPDX-License-Identifier: MIT
 * records.c - rows that RETURNING gives are copied and the statement ended before anything is told:
 * only then it is known that the change is kept. */
#include "records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "store.h"

enum { SWEEP_AT_ONCE = 64, KEY_MOST = 256 };

static const struct trunk_slice NO_KEY = {"", 0};

static sqlite3_int64 end_of_life(const struct store *store, uint64_t ttl_ms) {
    uint64_t now = store->host->wall_ms(store->host->ctx);
    return ttl_ms == 0 ? 0 : (sqlite3_int64)(now + ttl_ms);
}

static struct trunk_slice column_slice(sqlite3_stmt *statement, int column) {
    const void *data = sqlite3_column_blob(statement, column);
    return (struct trunk_slice){data, (size_t)sqlite3_column_bytes(statement, column)};
}

static void *copy_slice(struct trunk_slice slice) {
    void *copy = malloc(slice.len + 1);
    if (copy != NULL && slice.len > 0) {
        memcpy(copy, slice.data, slice.len);
    }
    return copy;
}

/* Load */

void records_load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    struct store *store = self;
    struct trunk_reply reply = {.struct_size = sizeof reply};
    void *value = NULL;
    sqlite3_stmt *statement =
        store_use(store, touch_ttl_ms != 0 ? STATEMENT_LOAD_TOUCH : STATEMENT_LOAD, key, op);
    if (statement == NULL) {
        return;
    }
    if (touch_ttl_ms != 0) {
        (void)sqlite3_bind_int64(statement, 3, end_of_life(store, touch_ttl_ms));
    }
    int code = sqlite3_step(statement);
    int is_found = code == SQLITE_ROW;
    if (is_found) {
        reply.value = column_slice(statement, 0);
        reply.version = (uint64_t)sqlite3_column_int64(statement, 1);
        reply.last_seq = (uint64_t)sqlite3_column_int64(statement, 2);
        value = copy_slice(reply.value);
        reply.value.data = value;
        code = value != NULL ? sqlite3_step(statement) : SQLITE_NOMEM;
    }
    (void)sqlite3_reset(statement);
    if (code != SQLITE_DONE) {
        store_complete_failed(store, op, code, 0);
    } else if (!is_found) {
        store_complete(store, op, TRUNK_NOT_FOUND);
    } else {
        store->host->complete(store->host->ctx, op, &reply);
    }
    free(value);
}

/* Put */

static uint64_t draw_version(void) {
    uint64_t version = 0;
    while (version == 0) {
        if (getrandom(&version, sizeof version, 0) != (ssize_t)sizeof version) {
            version = 0;
        }
    }
    return version;
}

/* A record that is expired stands in the way of CREATE and UPSERT: it goes, with its log, in the
 * same step. */
static int replace_expired(struct store *store, sqlite3_stmt *put, sqlite3_stmt *drop,
                           int *out_changes) {
    int code = store_begin_step(store);
    if (code != SQLITE_OK) {
        return code;
    }
    code = store_run(store, drop, NULL);
    if (code == SQLITE_OK) {
        code = store_run(store, put, out_changes);
    }
    return store_end_step(store, code);
}

/* Why UPDATE or CAS have changed nothing. */
static int32_t explain_refusal(struct store *store, uint32_t mode, struct trunk_slice key,
                               trunk_op op, int *out_code) {
    if (mode == TRUNK_PUT_CREATE) {
        return TRUNK_EXISTS;
    }
    if (mode == TRUNK_PUT_UPDATE) {
        return TRUNK_NOT_FOUND;
    }
    sqlite3_stmt *statement = store_use(store, STATEMENT_LAST_SEQ, key, op);
    *out_code = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    if (*out_code == SQLITE_ROW || *out_code == SQLITE_DONE) {
        int32_t status = *out_code == SQLITE_ROW ? TRUNK_CONFLICT : TRUNK_NOT_FOUND;
        *out_code = SQLITE_OK;
        return status;
    }
    return TRUNK_INTERNAL;
}

static int bind_put(sqlite3_stmt *statement, const struct store *store, const struct trunk_put *put,
                    uint64_t version) {
    const void *value = put->value.len > 0 ? put->value.data : "";
    (void)sqlite3_bind_int64(statement, 4, (sqlite3_int64)version);
    (void)sqlite3_bind_int64(statement, 5, end_of_life(store, put->ttl_ms));
    if (put->mode == TRUNK_PUT_CAS) {
        (void)sqlite3_bind_int64(statement, 6, (sqlite3_int64)put->expect_version);
    }
    return sqlite3_bind_blob64(statement, 3, value, put->value.len, SQLITE_STATIC);
}

static int run_put(struct store *store, const struct trunk_put *put, sqlite3_stmt *statement,
                   trunk_op op, int *out_changes) {
    int code = store_run(store, statement, out_changes);
    int makes_new = put->mode == TRUNK_PUT_CREATE || put->mode == TRUNK_PUT_UPSERT;
    if (code == SQLITE_OK && *out_changes == 0 && makes_new) {
        sqlite3_stmt *drop = store_use(store, STATEMENT_DROP_EXPIRED, put->key, op);
        code = replace_expired(store, statement, drop, out_changes);
    }
    return code;
}

void records_put(void *self, const struct trunk_put *put, trunk_op op) {
    static const enum statement_id statements[] = {[TRUNK_PUT_CREATE] = STATEMENT_CREATE,
                                                   [TRUNK_PUT_UPDATE] = STATEMENT_UPDATE,
                                                   [TRUNK_PUT_UPSERT] = STATEMENT_UPSERT,
                                                   [TRUNK_PUT_CAS] = STATEMENT_CAS};
    struct store *store = self;
    struct trunk_reply reply = {.struct_size = sizeof reply, .version = draw_version()};
    int changes = 0;
    if (put->mode < TRUNK_PUT_CREATE || put->mode > TRUNK_PUT_CAS) {
        store_complete(store, op, TRUNK_INVALID);
        return;
    }
    sqlite3_stmt *statement = store_use(store, statements[put->mode], put->key, op);
    if (statement == NULL) {
        return;
    }
    int code = bind_put(statement, store, put, reply.version);
    if (code == SQLITE_OK) {
        code = run_put(store, put, statement, op, &changes);
    }
    int32_t refusal = TRUNK_OK;
    if (code == SQLITE_OK && changes == 0) {
        refusal = explain_refusal(store, put->mode, put->key, op, &code);
    }
    if (code != SQLITE_OK) {
        store_complete_failed(store, op, code, 1);
    } else if (refusal != TRUNK_OK) {
        store_complete(store, op, refusal);
    } else {
        store->host->complete(store->host->ctx, op, &reply);
    }
}

/* Touch, remove */

void records_touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    struct store *store = self;
    int changes = 0;
    sqlite3_stmt *statement = store_use(store, STATEMENT_TOUCH, key, op);
    if (statement == NULL) {
        return;
    }
    (void)sqlite3_bind_int64(statement, 3, end_of_life(store, ttl_ms));
    int code = store_run(store, statement, &changes);
    if (code != SQLITE_OK) {
        store_complete_failed(store, op, code, 1);
    } else {
        store_complete(store, op, changes > 0 ? TRUNK_OK : TRUNK_NOT_FOUND);
    }
}

void records_remove(void *self, struct trunk_slice key, trunk_op op) {
    struct store *store = self;
    sqlite3_stmt *statement = store_use(store, STATEMENT_REMOVE, key, op);
    if (statement == NULL) {
        return;
    }
    int code = store_run(store, statement, NULL);
    if (code != SQLITE_OK) {
        store_complete_failed(store, op, code, 1);
    } else {
        store_complete(store, op, TRUNK_OK);
    }
}

/* Sweep and scan */

/* Of a row of key, value, version, expires_ms; points into the row. */
static struct trunk_item item_of_row(sqlite3_stmt *row) {
    return (struct trunk_item){.struct_size = sizeof(struct trunk_item),
                               .key = column_slice(row, 0),
                               .value = column_slice(row, 1),
                               .version = (uint64_t)sqlite3_column_int64(row, 2),
                               .expires_ms = (uint64_t)sqlite3_column_int64(row, 3)};
}

/* What a sweep has taken, until it is sure. */
struct taken {
    struct trunk_item items[SWEEP_AT_ONCE];
    size_t count;
};

static void free_taken(struct taken *taken) {
    for (size_t i = 0; i < taken->count; i++) {
        free((void *)taken->items[i].key.data);
        free((void *)taken->items[i].value.data);
    }
    taken->count = 0;
}

static int keep_row(struct taken *taken, sqlite3_stmt *row) {
    struct trunk_item item = item_of_row(row);
    item.key.data = copy_slice(item.key);
    item.value.data = copy_slice(item.value);
    taken->items[taken->count++] = item;
    return item.key.data != NULL && item.value.data != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

/* The row's bytes may have been looked for in vain, for want of memory, or of a page. */
static int take_expired(struct store *store, sqlite3_stmt *statement, struct taken *taken) {
    int code = store_begin_step(store);
    if (code != SQLITE_OK) {
        return code;
    }
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (keep_row(taken, statement) != SQLITE_OK) {
            code = SQLITE_NOMEM;
            break;
        }
    }
    (void)sqlite3_reset(statement);
    return store_end_step(store, code == SQLITE_DONE ? SQLITE_OK : code);
}

void records_sweep(void *self, uint32_t limit, trunk_op op) {
    struct store *store = self;
    struct taken taken = {.count = 0};
    uint32_t most = 0;
    do {
        limit -= most;
        most = limit < SWEEP_AT_ONCE ? limit : SWEEP_AT_ONCE;
        free_taken(&taken);
        sqlite3_stmt *statement = store_use(store, STATEMENT_SWEEP, NO_KEY, op);
        if (statement == NULL) {
            return;
        }
        (void)sqlite3_bind_int64(statement, 1, most);
        int code = take_expired(store, statement, &taken);
        if (code != SQLITE_OK) {
            free_taken(&taken);
            store_complete_failed(store, op, code, 1);
            return;
        }
        for (size_t i = 0; i < taken.count; i++) {
            store->host->emit(store->host->ctx, op, &taken.items[i]);
        }
    } while (taken.count == most && limit > most);
    free_taken(&taken);
    store_complete(store, op, TRUNK_OK);
}

/* Keys are visible ASCII: what is behind all that begin with a prefix is the prefix and a DEL, and
 * what comes next after a key is the key and the smallest byte. */
struct bound {
    char bytes[KEY_MOST + 1];
    int len;
};

static struct bound make_bound(struct trunk_slice key, char behind) {
    struct bound bound = {.len = (int)key.len + 1};
    if (key.len > 0) {
        memcpy(bound.bytes, key.data, key.len);
    }
    bound.bytes[key.len] = behind;
    return bound;
}

static int is_cursor(const struct trunk_scan *how) {
    return how->cursor.len >= how->prefix.len && how->cursor.len <= KEY_MOST &&
           (how->prefix.len == 0 ||
            memcmp(how->cursor.data, how->prefix.data, how->prefix.len) == 0);
}

void records_scan(void *self, const struct trunk_scan *how, trunk_op op) {
    struct store *store = self;
    struct trunk_reply reply = {.struct_size = sizeof reply};
    char last[KEY_MOST];
    uint32_t count = 0;
    if (how->prefix.len > KEY_MOST || (how->cursor.len > 0 && !is_cursor(how))) {
        store_complete(store, op, TRUNK_INVALID);
        return;
    }
    struct bound from = make_bound(how->cursor, '\x01');
    struct bound to = make_bound(how->prefix, '\x7f');
    sqlite3_stmt *statement = store_use(
        store, STATEMENT_SCAN,
        how->cursor.len > 0 ? (struct trunk_slice){from.bytes, (size_t)from.len} : how->prefix, op);
    if (statement == NULL) {
        return;
    }
    (void)sqlite3_bind_text(statement, 3, to.bytes, to.len, SQLITE_STATIC);
    (void)sqlite3_bind_int(statement, 4, how->want_values != 0);
    (void)sqlite3_bind_int64(statement, 5, how->limit);
    int code = 0;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct trunk_item item = item_of_row(statement);
        reply.value = (struct trunk_slice){last, item.key.len < KEY_MOST ? item.key.len : KEY_MOST};
        memcpy(last, item.key.data, reply.value.len);
        store->host->emit(store->host->ctx, op, &item);
        count++;
    }
    (void)sqlite3_reset(statement);
    if (code != SQLITE_DONE) {
        store_complete_failed(store, op, code, 0);
        return;
    }
    if (count < how->limit) {
        reply.value = (struct trunk_slice){NULL, 0};
    }
    store->host->complete(store->host->ctx, op, &reply);
}
