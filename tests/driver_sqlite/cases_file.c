/* SPDX-License-Identifier: MIT
 * cases_file.c - files that are no database, not ours, of another version, cut short or damaged. No
 * crash, and no byte of a foreign file is changed. */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "schema.h"

static const struct trunk_slice FROM_START = {NULL, 0};

static void assert_refused_and_unchanged(struct rig *rig, const char *part) {
    struct trunk_error error;
    size_t before_len = 0;
    size_t after_len = 0;
    char *before = rig_read_file(rig->path, &before_len);
    assert_int_equal(rig_try(rig, &error), TRUNK_INVALID);
    assert_string_equal(error.key, "path");
    assert_told(&error, part);
    char *after = rig_read_file(rig->path, &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, after_len);
    free(before);
    free(after);
}

static void test_an_empty_file_becomes_a_database(void **state) {
    struct rig *rig = *state;
    rig_write_file(rig->path, "", 0);
    struct kit_store *store = rig_open(rig);
    rig_fill(store, 0, 3);
    assert_int_equal(rig_number(rig_inside(store)->db, "PRAGMA user_version"), SCHEMA_VERSION);
    rig_close(store);
    store = rig_open(rig);
    assert_status(kit_load(store, "k2", 0), TRUNK_OK);
    rig_close(store);
}

static void test_a_file_that_is_no_database_is_refused(void **state) {
    struct rig *rig = *state;
    static const char text[] = "{\"this\": \"is a config file, long enough to be looked at by "
                               "sqlite, which wants a hundred bytes for its header at least\"}\n";
    rig_write_file(rig->path, text, sizeof text - 1);
    assert_refused_and_unchanged(rig, "is no sqlite database; name another file");
    rig_write_file(rig->path, "x", 1);
    assert_refused_and_unchanged(rig, "is no sqlite database; name another file");
}

static void test_a_database_of_another_program_is_refused(void **state) {
    struct rig *rig = *state;
    sqlite3 *db = rig_sqlite(rig->path);
    rig_execute(db, "PRAGMA journal_mode = WAL; CREATE TABLE bookmarks (url); "
                    "PRAGMA user_version = 1");
    (void)sqlite3_close(db);
    assert_refused_and_unchanged(rig, "is a database of another program; name another file");
}

static void test_a_database_of_a_newer_trunkd_is_refused_with_both_versions(void **state) {
    struct rig *rig = *state;
    rig_close(rig_open(rig));
    sqlite3 *db = rig_sqlite(rig->path);
    rig_execute(db, "PRAGMA user_version = 7");
    (void)sqlite3_close(db);
    assert_refused_and_unchanged(rig, "is of schema version 7, this trunkd knows versions up to 1");
}

static void test_a_database_is_readable_with_sqlite(void **state) {
    struct rig *rig = *state;
    struct kit_store *store = rig_open(rig);
    (void)kit_put(store, TRUNK_PUT_CREATE, "s:1", "{\"state\":\"active\"}", 0);
    (void)kit_log_append(store, "s:1", 4, "an event");
    sqlite3 *db = rig_sqlite(rig->path);
    assert_int_equal(rig_number(db, "SELECT count(*) FROM records WHERE key = 's:1' AND "
                                    "CAST(value AS TEXT) ->> 'state' = 'active' AND "
                                    "version <> 0 AND expires_ms = 0"),
                     1);
    assert_int_equal(rig_number(db, "SELECT seq FROM log WHERE key = 's:1' AND value = "
                                    "CAST('an event' AS BLOB)"),
                     4);
    rig_execute(db, "DELETE FROM records"); /* by hand: the log goes too */
    assert_int_equal(rig_number(db, "SELECT count(*) FROM log"), 0);
    (void)sqlite3_close(db);
    rig_close(store);
}

/* Whatever the file has become: calls end, with a status that fits. */
static void use_damaged(struct rig *rig) {
    char key[16];
    struct trunk_error error;
    int32_t status = rig_try(rig, &error);
    if (status != TRUNK_OK) {
        assert_true(status == TRUNK_INTERNAL || status == TRUNK_INVALID);
        assert_string_equal(error.key, "path");
        return;
    }
    struct kit_store *store = rig_open(rig);
    for (unsigned i = 0; i < 500; i += 7) {
        (void)snprintf(key, sizeof key, "k%u", i);
        status = kit_load(store, key, i % 2 == 0 ? 0 : 5000)->status;
        assert_true(status == TRUNK_OK || status == TRUNK_NOT_FOUND || status == TRUNK_INTERNAL);
    }
    status = kit_put(store, TRUNK_PUT_UPSERT, "k3", "new", 0)->status;
    assert_true(status == TRUNK_OK || status == TRUNK_INTERNAL);
    status = kit_remove(store, "k4")->status;
    assert_true(status == TRUNK_OK || status == TRUNK_INTERNAL);
    status = kit_scan(store, "k", FROM_START, 1000, 1)->status;
    assert_true(status == TRUNK_OK || status == TRUNK_INTERNAL);
    kit_advance(store, 6000);
    status = kit_sweep(store, 1000)->status;
    assert_true(status == TRUNK_OK || status == TRUNK_INTERNAL);
    rig_close(store);
}

static void make_database(struct rig *rig) {
    struct kit_store *store = rig_open(rig);
    rig_fill(store, 0, 500);
    rig_close(store);
}

static void test_a_file_that_was_cut_short_crashes_nobody(void **state) {
    struct rig *rig = *state;
    size_t len = 0;
    make_database(rig);
    char *whole = rig_read_file(rig->path, &len);
    const size_t cuts[] = {1, 99, 100, 1000, 4096, 4097, 8192, len / 2, len - 4096, len - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        rig_write_file(rig->path, whole, cuts[i]);
        use_damaged(rig);
    }
    free(whole);
}

static void test_bytes_that_were_changed_crash_nobody(void **state) {
    struct rig *rig = *state;
    size_t len = 0;
    uint64_t random = 88172645463325252;
    make_database(rig);
    char *whole = rig_read_file(rig->path, &len);
    char *damaged = malloc(len);
    assert_non_null(damaged);
    for (unsigned round = 0; round < 60; round++) {
        memcpy(damaged, whole, len);
        for (unsigned i = 0; i < 1 + round * 4; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            damaged[random % len] = (char)(random >> 32);
        }
        rig_write_file(rig->path, damaged, len);
        use_damaged(rig);
    }
    free(damaged);
    free(whole);
}

/* A page of records that other pages do not hang on. */
static char *find_leaf(char *bytes, size_t len) {
    enum { PAGE = 4096, INDEX_LEAF = 10 };
    for (size_t at = PAGE; at + PAGE <= len; at += PAGE) {
        if (bytes[at] == INDEX_LEAF && memmem(bytes + at, PAGE, "vvvvvvvv", 8) != NULL) {
            return bytes + at;
        }
    }
    fail();
    return NULL;
}

static void test_a_damaged_page_costs_its_own_records_only(void **state) {
    struct rig *rig = *state;
    char key[16];
    size_t len = 0;
    unsigned lost = 0;
    make_database(rig);
    char *bytes = rig_read_file(rig->path, &len);
    memset(find_leaf(bytes, len), 0xff, 4096);
    rig_write_file(rig->path, bytes, len);
    free(bytes);
    struct kit_store *store = rig_open(rig);
    for (unsigned i = 0; i < 500; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        int32_t status = kit_load(store, key, 0)->status;
        assert_true(status == TRUNK_OK || status == TRUNK_INTERNAL);
        lost += status != TRUNK_OK;
    }
    assert_in_range(lost, 1, 20);
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "z", "new", 0), TRUNK_OK);
    rig_close(store);
}

/* A host that is killed leaves its WAL. */
static void fill_and_die(struct rig *rig) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kit_store *store = kit_store_open(&rig->driver);
        rig_fill(store, 0, 200);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_a_wal_that_was_cut_short_or_damaged_keeps_what_is_before(void **state) {
    struct rig *rig = *state;
    char wal[128];
    size_t len = 0;
    (void)snprintf(wal, sizeof wal, "%s-wal", rig->path);
    fill_and_die(rig);
    char *bytes = rig_read_file(wal, &len);
    size_t db_len = 0;
    char *db = rig_read_file(rig->path, &db_len);
    for (unsigned round = 0; round < 2; round++) {
        rig_write_file(rig->path, db, db_len);
        if (round == 0) {
            rig_write_file(wal, bytes, len / 2);
        } else {
            bytes[len / 2] = (char)~bytes[len / 2];
            rig_write_file(wal, bytes, len);
        }
        struct kit_store *store = rig_open(rig);
        assert_status(kit_load(store, "k0", 0), TRUNK_OK);
        assert_status(kit_load(store, "k199", 0), TRUNK_NOT_FOUND);
        assert_status(kit_put(store, TRUNK_PUT_CREATE, "k199", "again", 0), TRUNK_OK);
        rig_close(store);
    }
    free(db);
    free(bytes);
}

static void test_hosts_that_make_the_database_at_once_make_one(void **state) {
    struct rig *rig = *state;
    enum { HOSTS = 4 };
    pid_t children[HOSTS];
    for (unsigned i = 0; i < HOSTS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct kit_store *store = kit_store_open(&rig->driver);
            char key[2] = {(char)('a' + i), '\0'};
            bool is_good = store != NULL &&
                           kit_put(store, TRUNK_PUT_CREATE, key, "one", 0)->status == TRUNK_OK &&
                           kit_store_close(store) == 0;
            _exit(is_good ? 0 : 1);
        }
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct kit_store *store = rig_open(rig);
    assert_int_equal(kit_scan(store, "", FROM_START, 100, 0)->nitems, HOSTS);
    rig_close(store);
}

int run_file_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_an_empty_file_becomes_a_database),
        RIG_CASE(test_a_file_that_is_no_database_is_refused),
        RIG_CASE(test_a_database_of_another_program_is_refused),
        RIG_CASE(test_a_database_of_a_newer_trunkd_is_refused_with_both_versions),
        RIG_CASE(test_a_database_is_readable_with_sqlite),
        RIG_CASE(test_a_file_that_was_cut_short_crashes_nobody),
        RIG_CASE(test_bytes_that_were_changed_crash_nobody),
        RIG_CASE(test_a_damaged_page_costs_its_own_records_only),
        RIG_CASE(test_a_wal_that_was_cut_short_or_damaged_keeps_what_is_before),
        RIG_CASE(test_hosts_that_make_the_database_at_once_make_one),
    };
    return cmocka_run_group_tests_name("sqlite: files", cases, NULL, NULL);
}
