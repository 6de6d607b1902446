/* SPDX-License-Identifier: MIT
 * cases_path.c - parameters, and paths at which no database can be. */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

static unsigned mode_of(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void assert_refused(struct rig *rig, int32_t status, const char *part) {
    struct trunk_error error;
    assert_int_equal(rig_try(rig, &error), status);
    assert_int_equal(error.status, status);
    assert_string_equal(error.key, "path");
    assert_told(&error, part);
}

static void test_the_files_are_for_their_owner_alone(void **state) {
    struct rig *rig = *state;
    char beside[128];
    mode_t before = umask(0);
    struct kit_store *store = rig_open(rig);
    (void)umask(before);
    rig_fill(store, 0, 1);
    assert_int_equal(mode_of(rig->path), 0600);
    (void)snprintf(beside, sizeof beside, "%s-wal", rig->path);
    assert_int_equal(mode_of(beside), 0600);
    (void)snprintf(beside, sizeof beside, "%s-shm", rig->path);
    assert_int_equal(mode_of(beside), 0600);
    rig_close(store);
}

static void test_check_makes_nothing(void **state) {
    struct rig *rig = *state;
    assert_int_equal(rig->driver.ops.check(rig->params, 2, NULL), TRUNK_OK);
    assert_int_not_equal(access(rig->path, F_OK), 0);
}

static void test_synchronous_is_normal_or_full_and_takes_effect(void **state) {
    struct rig *rig = *state;
    struct trunk_error error;
    struct kit_store *store = rig_open(rig);
    assert_int_equal(rig_number(rig_inside(store)->db, "PRAGMA synchronous"), 1);
    rig_close(store);
    rig->params[1].value = "full";
    store = rig_open(rig);
    assert_int_equal(rig_number(rig_inside(store)->db, "PRAGMA synchronous"), 2);
    rig_close(store);
    rig->params[1].value = "off";
    assert_int_equal(rig_try(rig, &error), TRUNK_INVALID);
    assert_string_equal(error.key, "synchronous");
    assert_told(&error, "\"off\" is neither \"normal\" nor \"full\"");
}

static void test_a_path_means_a_file_whatever_it_looks_like(void **state) {
    struct rig *rig = *state;
    static const char *const paths[] = {":memory:", "file:x?mode=memory", "-wal"};
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(rig->directory), 0);
    for (size_t i = 0; i < 3; i++) {
        rig->params[0].value = paths[i];
        struct kit_store *store = rig_open(rig);
        rig_fill(store, 0, 1);
        rig_close(store);
        assert_int_equal(access(paths[i], F_OK), 0);
    }
    assert_int_equal(chdir(before), 0);
}

static void test_a_path_that_is_too_long_is_refused(void **state) {
    struct rig *rig = *state;
    struct trunk_error error;
    char path[PATH_MAX + 2];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    rig->params[0].value = path;
    assert_int_equal(rig->driver.ops.check(rig->params, 2, &error), TRUNK_INVALID);
    assert_string_equal(error.key, "path");
    path[300] = '\0'; /* longer than a name may be */
    assert_refused(rig, TRUNK_INVALID, "cannot be made: File name too long");
}

static void test_a_directory_is_no_database(void **state) {
    struct rig *rig = *state;
    rig->params[0].value = rig->directory;
    assert_refused(rig, TRUNK_INVALID, "is a directory; name a file");
}

static void test_a_fifo_is_no_database(void **state) {
    struct rig *rig = *state;
    assert_int_equal(mkfifo(rig->path, 0600), 0);
    assert_refused(rig, TRUNK_INVALID, "is no regular file; name a file");
}

static void test_a_directory_that_does_not_exist_is_told(void **state) {
    struct rig *rig = *state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/absent/sessions.db", rig->directory);
    rig->params[0].value = path;
    assert_refused(rig, TRUNK_INVALID, "its directory does not exist; make it");
    rig_write_file(rig->path, "", 0);
    (void)snprintf(path, sizeof path, "%s/sessions.db", rig->path);
    assert_refused(rig, TRUNK_INVALID, "its directory does not exist; make it");
}

/* Rights do not bind root: then it is tried by a child that is nobody. */
static void assert_denied(struct rig *rig, const char *part) {
    struct trunk_error error;
    if (geteuid() != 0) {
        assert_refused(rig, TRUNK_DENIED, part);
        return;
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool is_right = setresuid(65534, 65534, 65534) == 0 &&
                        rig_try(rig, &error) == TRUNK_DENIED && strstr(error.text, part) != NULL;
        if (!is_right) {
            (void)fprintf(stderr, "told: %s\n", error.text);
        }
        _exit(is_right ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_a_directory_that_may_not_be_written_is_told(void **state) {
    struct rig *rig = *state;
    assert_int_equal(chmod(rig->directory, 0555), 0);
    assert_denied(rig, "cannot be made: its directory may not be written by user");
}

static void test_a_file_that_may_not_be_read_is_told(void **state) {
    struct rig *rig = *state;
    rig_close(rig_open(rig));
    assert_int_equal(chmod(rig->path, 0000), 0);
    assert_int_equal(chmod(rig->directory, 0777), 0);
    assert_denied(rig, "may not be opened by user");
}

static void test_a_file_that_may_not_be_written_is_told(void **state) {
    struct rig *rig = *state;
    rig_close(rig_open(rig));
    assert_int_equal(chmod(rig->path, 0444), 0);
    assert_int_equal(chmod(rig->directory, 0777), 0);
    assert_denied(rig, "may not be written by user");
}

static void test_a_directory_without_room_for_the_wal_is_told(void **state) {
    struct rig *rig = *state;
    rig_close(rig_open(rig));
    assert_int_equal(chmod(rig->path, 0666), 0);
    assert_int_equal(chmod(rig->directory, 0555), 0);
    assert_denied(rig, "-wal cannot be made");
}

int run_path_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_the_files_are_for_their_owner_alone),
        RIG_CASE(test_check_makes_nothing),
        RIG_CASE(test_synchronous_is_normal_or_full_and_takes_effect),
        RIG_CASE(test_a_path_means_a_file_whatever_it_looks_like),
        RIG_CASE(test_a_path_that_is_too_long_is_refused),
        RIG_CASE(test_a_directory_is_no_database),
        RIG_CASE(test_a_fifo_is_no_database),
        RIG_CASE(test_a_directory_that_does_not_exist_is_told),
        RIG_CASE(test_a_directory_that_may_not_be_written_is_told),
        RIG_CASE(test_a_file_that_may_not_be_read_is_told),
        RIG_CASE(test_a_file_that_may_not_be_written_is_told),
        RIG_CASE(test_a_directory_without_room_for_the_wal_is_told),
    };
    return cmocka_run_group_tests_name("sqlite: paths", cases, NULL, NULL);
}
