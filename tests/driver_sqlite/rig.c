/* SPDX-License-Identifier: MIT
 * rig.c - the driver is linked into the test, not loaded. */
#include "rig.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int rig_set_up(void **state) {
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    (void)snprintf(rig->directory, sizeof rig->directory, "/tmp/trunkd-sqlite-XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    (void)snprintf(rig->path, sizeof rig->path, "%s/sessions.db", rig->directory);
    rig->params[0] = (struct trunk_param){"path", rig->path};
    rig->params[1] = (struct trunk_param){"synchronous", "normal"};
    rig->driver.plugin = &TRUNK_SYMBOL;
    rig->driver.ops = *(const struct trunk_storage_ops *)TRUNK_SYMBOL.ops;
    rig->driver.params = rig->params;
    rig->driver.nparams = 2;
    *state = rig;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

int rig_tear_down(void **state) {
    struct rig *rig = *state;
    (void)chmod(rig->directory, 0700);
    int failed = nftw(rig->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(rig);
    return failed;
}

int32_t rig_try(struct rig *rig, struct trunk_error *error) {
    struct trunk_error ignored = {.status = TRUNK_OK};
    struct kit_host *host = kit_host_new();
    void *self = NULL;
    if (error == NULL) {
        error = &ignored;
    }
    *error = (struct trunk_error){.status = TRUNK_OK};
    int32_t status = rig->driver.ops.check(rig->params, 2, error);
    if (status == TRUNK_OK) {
        status = rig->driver.ops.open(kit_host_table(host), rig->params, 2, &self, error);
    }
    if (status == TRUNK_OK) {
        rig->driver.ops.close(self);
    }
    kit_host_free(host);
    return status;
}

struct kit_store *rig_open(struct rig *rig) {
    struct kit_store *store = kit_store_open(&rig->driver);
    assert_non_null(store);
    return store;
}

void rig_close(struct kit_store *store) {
    assert_int_equal(kit_store_close(store), 0);
}

struct store *rig_inside(struct kit_store *store) {
    return store->self;
}

void rig_fill(struct kit_store *store, unsigned from, unsigned to) {
    char key[16];
    char value[400];
    memset(value, 'v', sizeof value);
    for (unsigned i = from; i < to; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        assert_status(kit_put_bytes(store, TRUNK_PUT_CREATE, key,
                                    (struct trunk_slice){value, sizeof value}, 1000),
                      TRUNK_OK);
    }
}

void rig_write_file(const char *path, const void *bytes, size_t len) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

char *rig_read_file(const char *path, size_t *out_len) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    *out_len = (size_t)status.st_size;
    char *bytes = calloc(1, *out_len + 1);
    assert_non_null(bytes);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, *out_len, file), *out_len);
    (void)fclose(file);
    return bytes;
}

sqlite3 *rig_sqlite(const char *path) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

void rig_execute(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
}

sqlite3_int64 rig_number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    sqlite3_int64 number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return number;
}
