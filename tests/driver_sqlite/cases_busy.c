/* SPDX-License-Identifier: MIT
 * cases_busy.c - another program that holds the database's lock, and the checkpoints beside the
 * driver's own work. */
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"

static const struct trunk_slice FROM_START = {NULL, 0};

static void assert_locked(const struct kit_result *result) {
    assert_status(result, TRUNK_UNAVAILABLE);
    assert_non_null(strstr(result->message, "locked by another program"));
}

static void test_a_database_that_is_locked_is_read_and_not_written(void **state) {
    struct rig *rig = *state;
    struct trunk_error error = {.status = TRUNK_OK};
    struct kit_store *store = rig_open(rig);
    rig_fill(store, 0, 3);
    sqlite3 *other = rig_sqlite(rig->path);
    rig_execute(other, "BEGIN IMMEDIATE");
    assert_status(kit_load(store, "k1", 0), TRUNK_OK);
    assert_int_equal(kit_scan(store, "", FROM_START, 10, 1)->nitems, 3);
    assert_locked(kit_put(store, TRUNK_PUT_CREATE, "new", "one", 0));
    assert_locked(kit_ping(store));
    assert_int_equal(store->driver->ops.begin(store->self, 1, &error), TRUNK_UNAVAILABLE);
    assert_told(&error, "locked by another program");
    rig_execute(other, "COMMIT");
    assert_status(kit_ping(store), TRUNK_OK);
    assert_status(kit_load(store, "new", 0), TRUNK_NOT_FOUND);
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "new", "one", 0), TRUNK_OK);
    (void)sqlite3_close(other);
    rig_close(store);
}

static void test_a_database_that_is_locked_at_open_is_had_later_by_ping(void **state) {
    struct rig *rig = *state;
    struct kit_host *host = kit_host_new();
    void *self = NULL;
    sqlite3 *other = rig_sqlite(rig->path);
    rig_execute(other, "BEGIN EXCLUSIVE");
    assert_int_equal(rig->driver.ops.open(kit_host_table(host), rig->params, 2, &self, NULL),
                     TRUNK_OK);
    struct kit_store store = {.driver = &rig->driver, .host = host, .self = self};
    assert_locked(kit_ping(&store));
    assert_status(kit_load(&store, "a", 0), TRUNK_UNAVAILABLE);
    assert_status(kit_put(&store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_UNAVAILABLE);
    assert_status(kit_sweep(&store, 1), TRUNK_UNAVAILABLE);
    assert_status(kit_log_read(&store, "a", 0, 1), TRUNK_UNAVAILABLE);
    rig_execute(other, "COMMIT");
    (void)sqlite3_close(other);
    assert_status(kit_ping(&store), TRUNK_OK);
    assert_status(kit_put(&store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_OK);
    rig->driver.ops.close(self);
    assert_int_equal(kit_host_count_faults(host), 0);
    kit_host_free(host);
}

static off_t size_of(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : 0;
}

static void test_the_wal_is_carried_over_while_the_store_is_in_use(void **state) {
    struct rig *rig = *state;
    struct kit_store *store = rig_open(rig);
    unsigned records = 0;
    while (size_of(rig->path) < 1 << 20 &&
           records < 100000) { /* nothing but checkpoints adds to it */
        rig_fill(store, records, records + 500);
        records += 500;
    }
    assert_true(size_of(rig->path) >= 1 << 20);
    assert_status(kit_load(store, "k0", 0), TRUNK_OK);
    rig_close(store);
}

static void test_a_wal_that_somebody_reads_grows_and_is_cut_later(void **state) {
    struct rig *rig = *state;
    char wal[128];
    enum { LONG = 70 << 20, CUT = 8 << 20 };
    (void)snprintf(wal, sizeof wal, "%s-wal", rig->path);
    struct kit_store *store = rig_open(rig);
    unsigned records = 0;
    sqlite3 *reader = rig_sqlite(rig->path);
    rig_fill(store, 0, 1);
    rig_execute(reader, "BEGIN; SELECT count(*) FROM records");
    char value[100000];
    memset(value, 'v', sizeof value);
    while (size_of(wal) < LONG) {
        assert_status(kit_put_bytes(store, TRUNK_PUT_UPSERT, "big",
                                    (struct trunk_slice){value, sizeof value}, 0),
                      TRUNK_OK);
    }
    rig_execute(reader, "COMMIT");
    (void)sqlite3_close(reader);
    while (size_of(wal) > CUT && records < 100000) {
        rig_fill(store, 1 + records, 1 + records + 500);
        records += 500;
    }
    assert_true(size_of(wal) <= CUT);
    assert_status(kit_load(store, "k1", 0), TRUNK_OK);
    rig_close(store);
}

int run_busy_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_a_database_that_is_locked_is_read_and_not_written),
        RIG_CASE(test_a_database_that_is_locked_at_open_is_had_later_by_ping),
        RIG_CASE(test_the_wal_is_carried_over_while_the_store_is_in_use),
        RIG_CASE(test_a_wal_that_somebody_reads_grows_and_is_cut_later),
    };
    return cmocka_run_group_tests_name("sqlite: other programs, checkpoints", cases, NULL, NULL);
}
