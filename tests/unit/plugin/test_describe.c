/* SPDX-License-Identifier: MIT
 * test_describe.c - what plugins say of themselves, and that none of them can harm the process that
 * asks. */
#include "plugin/describe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"

#define BAD_DIR TEST_BINARY_DIR "/bad_plugins"
#define LONG_MS 60000

/* What describe_file_within writes, freed by the caller. */
static char *describe(const char *path, uint64_t limit_ms, int32_t *out_status,
                      struct trunk_error *error) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    *out_status = describe_file_within(path, limit_ms, out, error);
    (void)fclose(out);
    return text;
}

static void assert_told(const char *file, uint64_t limit_ms, int32_t status, const char *problem) {
    struct trunk_error error = {0};
    int32_t given;
    char *text = describe(file, limit_ms, &given, &error);
    if (given != status || strstr(error.text, problem) == NULL) {
        fail_msg("%s: status %d, \"%s\"; wanted %d, \"%s\"", file, given, error.text, status,
                 problem);
    }
    assert_string_equal(text, "");
    assert_string_equal(error.key, "driver");
    free(text);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    assert_int_equal(errno, ECHILD);
}

static void test_good_plugin_says_all_of_itself(void **state) {
    struct trunk_error error = {0};
    int32_t status;
    char *text = describe(BAD_DIR "/storage-good.so", LONG_MS, &status, &error);
    (void)state;
    assert_int_equal(status, TRUNK_OK);
    assert_string_equal(text, "kind          storage\n"
                              "name          good\n"
                              "version       1.2.3\n"
                              "ABI           1.0, needs a host of 1.0\n"
                              "capabilities  none\n"
                              "summary       keeps nothing\n"
                              "parameters\n"
                              "  wait           duration, default \"5s\": nothing uses it\n");
    free(text);
}

static void test_relative_path_is_taken_from_the_current_directory(void **state) {
    struct trunk_error error = {0};
    int32_t status;
    (void)state;
    assert_int_equal(chdir(BAD_DIR), 0);
    char *text = describe("storage-good.so", LONG_MS, &status, &error);
    assert_int_equal(status, TRUNK_OK);
    free(text);
}

static void test_refusal_crosses_from_the_child(void **state) {
    (void)state;
    assert_told(BAD_DIR "/storage-wrong-magic.so", LONG_MS, TRUNK_INVALID, "its magic is");
    assert_told(BAD_DIR "/storage-writable.so", LONG_MS, TRUNK_DENIED, "chmod o-w");
    assert_told(BAD_DIR "/storage-absent.so", LONG_MS, TRUNK_NOT_FOUND, "there is no file");
}

static void test_crash_is_told_as_a_crash(void **state) {
    (void)state;
    assert_told(BAD_DIR "/storage-crash.so", LONG_MS, TRUNK_INTERNAL,
                "storage-crash.so crashed while it was loaded (SIGSEGV)");
}

static void test_plugin_that_exits_is_told(void **state) {
    (void)state;
    assert_told(BAD_DIR "/storage-exit.so", LONG_MS, TRUNK_INTERNAL,
                "storage-exit.so crashed or ended the process while it was loaded (exit code 0)");
}

static void test_plugin_that_hangs_is_stopped(void **state) {
    (void)state;
    assert_told(BAD_DIR "/storage-hang.so", 200, TRUNK_TIMEOUT,
                "storage-hang.so did not load within 200 ms");
}

static char *copy_of(const char *from, const char *dir, const char *name) {
    char *command = xasprintf("cp '%s/%s' '%s/%s'", from, name, dir, name);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a test's own directory */
    return command;
}

static void test_list_has_one_line_for_each_plugin_and_counts_the_refused(void **state) {
    static const char *const files[] = {"storage-good.so", "storage-crash.so",
                                        "storage-wrong-major.so"};
    char dir[256];
    char *text = NULL;
    size_t len = 0;
    (void)state;
    (void)snprintf(dir, sizeof dir, "%s/test_describe_XXXXXX", TEST_BINARY_DIR);
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < 3; i++) {
        free(copy_of(BAD_DIR, dir, files[i]));
    }
    const char *const dirs[] = {dir};
    struct loader *loader = loader_new(NULL, dirs, 1, NULL);
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(describe_all(loader, out), 2);
    (void)fclose(out);
    loader_free(loader);

    char *wanted =
        xasprintf("storage  good             1.2.3      ABI 1.0  none  %s/%s\n", dir, files[0]);
    const char *crash = strstr(text, "refused  storage-crash.so crashed");
    const char *good = strstr(text, wanted);
    const char *major = strstr(text, "storage-wrong-major.so: was built for ABI 7.0");
    assert_true(crash == text);
    assert_true(good > crash && major > good);
    assert_int_equal(text[len - 1], '\n');
    free(wanted);
    free(text);
    for (size_t i = 0; i < 3; i++) {
        char *path = xasprintf("%s/%s", dir, files[i]);
        assert_int_equal(unlink(path), 0);
        free(path);
    }
    assert_int_equal(rmdir(dir), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_plugin_says_all_of_itself),
        cmocka_unit_test(test_relative_path_is_taken_from_the_current_directory),
        cmocka_unit_test(test_refusal_crosses_from_the_child),
        cmocka_unit_test(test_crash_is_told_as_a_crash),
        cmocka_unit_test(test_plugin_that_exits_is_told),
        cmocka_unit_test(test_plugin_that_hangs_is_stopped),
        cmocka_unit_test(test_list_has_one_line_for_each_plugin_and_counts_the_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
