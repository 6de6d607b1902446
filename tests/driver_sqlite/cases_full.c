/* SPDX-License-Identifier: MIT
 * cases_full.c - a database that may not grow, and a disk without room: what cannot be stored is
 * surely not stored, and the rest goes on. */
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

static const struct trunk_slice FROM_START = {NULL, 0};

static void limit_pages(struct kit_store *store, sqlite3_int64 more) {
    char sql[64];
    sqlite3 *db = rig_inside(store)->db;
    (void)snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld",
                   rig_number(db, "PRAGMA page_count") + more);
    (void)rig_number(db, sql);
}

/* Puts until it is refused; how many were not. */
static unsigned put_until_refused(struct kit_store *store, const char *prefix,
                                  int32_t *out_status) {
    char key[32];
    char value[1000];
    memset(value, 'v', sizeof value);
    for (unsigned count = 0;; count++) {
        (void)snprintf(key, sizeof key, "%s%u", prefix, count);
        const struct kit_result *result = kit_put_bytes(
            store, TRUNK_PUT_CREATE, key, (struct trunk_slice){value, sizeof value}, 1000);
        if (result->status != TRUNK_OK || count == 10000) {
            assert_non_null(result->message);
            assert_non_null(strstr(result->message, "full"));
            *out_status = result->status;
            return count;
        }
    }
}

static void test_a_full_database_refuses_and_keeps_what_it_has(void **state) {
    struct rig *rig = *state;
    char key[32];
    int32_t status = TRUNK_OK;
    struct kit_store *store = rig_open(rig);
    rig_fill(store, 0, 100);
    limit_pages(store, 10);
    unsigned stored = put_until_refused(store, "f", &status);
    assert_int_equal(status, TRUNK_UNAVAILABLE);
    assert_true(stored > 0);
    (void)snprintf(key, sizeof key, "f%u", stored);
    assert_status(kit_load(store, key, 0), TRUNK_NOT_FOUND);
    assert_status(kit_load(store, "f0", 5000), TRUNK_OK);
    assert_status(kit_load(store, "k99", 0), TRUNK_OK);
    assert_status(kit_touch(store, "k1", 5000), TRUNK_OK);
    assert_int_equal(kit_scan(store, "f", FROM_START, 20000, 0)->nitems, stored);
    kit_advance(store, 1000);
    assert_true(kit_sweep(store, 20000)->nitems > 90); /* makes room */
    assert_status(kit_put(store, TRUNK_PUT_CREATE, key, "now", 0), TRUNK_OK);
    rig_close(store);
}

static void test_a_bracket_that_does_not_fit_is_rolled_back_whole(void **state) {
    struct rig *rig = *state;
    struct trunk_error error = {.status = TRUNK_OK};
    int32_t status = TRUNK_OK;
    struct kit_store *store = rig_open(rig);
    rig_fill(store, 0, 10);
    limit_pages(store, 10);
    assert_int_equal(store->driver->ops.begin(store->self, 1, &error), TRUNK_OK);
    unsigned stored = put_until_refused(store, "f", &status);
    assert_int_equal(status, TRUNK_UNAVAILABLE);
    (void)kit_put(store, TRUNK_PUT_CREATE, "after", "one", 0);
    status = store->driver->ops.commit(store->self, &error);
    if (status == TRUNK_OK) { /* sqlite undid the one op only */
        assert_int_equal(kit_scan(store, "f", FROM_START, 20000, 0)->nitems, stored);
    } else {
        assert_int_equal(status, TRUNK_UNAVAILABLE);
        assert_told(&error, "rolled back");
        assert_int_equal(kit_scan(store, "f", FROM_START, 20000, 0)->nitems, 0);
        assert_status(kit_load(store, "after", 0), TRUNK_NOT_FOUND);
    }
    assert_status(kit_load(store, "k9", 0), TRUNK_OK);
    assert_status(kit_touch(store, "k9", 1000), TRUNK_OK);
    rig_close(store);
}

/* In a child, on a small file system that nobody else sees. */
static void fill_small_disk(struct rig *rig) {
    char filler[96];
    int32_t status = TRUNK_OK;
    (void)snprintf(filler, sizeof filler, "%s/filler", rig->directory);
    rig_write_file(filler, filler, sizeof filler);
    struct kit_store *store = rig_open(rig);
    rig_fill(store, 0, 10);
    unsigned stored = put_until_refused(store, "f", &status);
    assert_int_equal(status, TRUNK_UNAVAILABLE);
    assert_true(stored > 0);
    assert_status(kit_load(store, "k9", 0), TRUNK_OK);
    assert_status(kit_load(store, "f0", 0), TRUNK_OK);
    assert_int_equal(kit_store_close(store), 0);
    store = rig_open(rig); /* what was told to be stored is */
    assert_int_equal(kit_scan(store, "f", FROM_START, 20000, 0)->nitems, stored);
    assert_int_equal(kit_store_close(store), 0);
}

static void test_a_full_disk_refuses_and_keeps_what_it_has(void **state) {
    struct rig *rig = *state;
    enum { CANNOT = 77 };
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("none", rig->directory, "tmpfs", 0, "size=1m") != 0) {
            _exit(CANNOT);
        }
        fill_small_disk(rig);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT) {
        (void)fputs("# no file system could be mounted here: skipped\n", stderr);
        skip();
    }
    assert_int_equal(status, 0);
}

int run_full_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_a_full_database_refuses_and_keeps_what_it_has),
        RIG_CASE(test_a_bracket_that_does_not_fit_is_rolled_back_whole),
        RIG_CASE(test_a_full_disk_refuses_and_keeps_what_it_has),
    };
    return cmocka_run_group_tests_name("sqlite: no room", cases, NULL, NULL);
}
