/* SPDX-License-Identifier: MIT
 * test_loader.c - a good plugin is loaded; each bad one is refused with a text of its own. */
#include "plugin/loader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"

#define BAD_DIR TEST_BINARY_DIR "/bad_plugins"
#define MAX_LISTED 64

/* A directory of the test's own, and a loader that searches BAD_DIR. */
struct fixture {
    char dir[256];
    struct loader *loader;
};

static int set_up(void **state) {
    static const char *const dirs[] = {BAD_DIR};
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    (void)snprintf(fixture->dir, sizeof fixture->dir, "%s/test_loader_XXXXXX", TEST_BINARY_DIR);
    fixture->loader = loader_new(NULL, dirs, 1, NULL);
    *state = fixture;
    return mkdtemp(fixture->dir) == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    char *command = xasprintf("rm -rf '%s'", fixture->dir);
    int status = system(command); /* NOLINT(cert-env33-c): a test's own directory */
    free(command);
    loader_free(fixture->loader);
    free(fixture);
    return status;
}

static char *copy_good(const struct fixture *fixture, const char *name) {
    char *path = xasprintf("%s/%s", fixture->dir, name);
    FILE *from = fopen(BAD_DIR "/storage-good.so", "rb");
    FILE *to = fopen(path, "wb");
    char bytes[4096];
    size_t len;
    assert_non_null(from);
    assert_non_null(to);
    while ((len = fread(bytes, 1, sizeof bytes, from)) > 0) {
        assert_int_equal(fwrite(bytes, 1, len, to), len);
    }
    (void)fclose(from);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

/* Refused with this status and with a text that has each of the parts. */
static void assert_refused(struct loader *loader, uint32_t kind, const char *driver, int32_t status,
                           const char *problem, const char *remedy) {
    const struct plugin *plugin = NULL;
    struct trunk_error error = {0};
    int32_t given = loader_load(loader, kind, driver, &plugin, &error);
    if (given != status || strstr(error.text, problem) == NULL ||
        strstr(error.text, remedy) == NULL) {
        fail_msg("%s: status %d, \"%s\"; wanted %d, \"%s\" and \"%s\"", driver, given, error.text,
                 status, problem, remedy);
    }
    assert_int_equal(error.status, status);
    assert_string_equal(error.key, "driver");
    assert_true(strlen(error.text) < sizeof error.text - 1); /* nothing was cut off */
}

static void test_short_name_and_path_give_the_same_plugin(void **state) {
    struct fixture *fixture = *state;
    struct trunk_error error = {0};
    const struct plugin *by_name = NULL;
    const struct plugin *by_path = NULL;
    assert_int_equal(loader_load(fixture->loader, TRUNK_KIND_STORAGE, "good", &by_name, &error),
                     TRUNK_OK);
    assert_int_equal(loader_load(fixture->loader, LOADER_ANY_KIND,
                                 BAD_DIR "/../bad_plugins/storage-good.so", &by_path, &error),
                     TRUNK_OK);
    assert_ptr_equal(by_name, by_path);
    assert_string_equal(by_name->desc.name, "good");
    assert_int_equal(by_name->path[0], '/');
    assert_non_null(by_name->ops.storage.load);
}

static void test_each_bad_plugin_is_refused_with_its_own_text(void **state) {
    static const struct {
        const char *name;
        int32_t status;
        const char *problem;
        const char *remedy;
    } cases[] = {
        {"wrong-magic", TRUNK_INVALID, "its magic is 0x4b4e5254", "TRUNK_PLUGIN"},
        {"wrong-major", TRUNK_UNSUPPORTED,
         "was built for ABI 7.0, this trunkd has 1.0 for a storage", "rebuild it with"},
        {"early-abi", TRUNK_UNSUPPORTED, "was built for ABI 0.9, this trunkd has 1.0 for a storage",
         "rebuild it with"},
        {"later-symbol", TRUNK_UNSUPPORTED, "was built for ABI 3, which", "rebuild it with"},
        {"no-symbol", TRUNK_INVALID, "exports neither trunk_plugin_v1 nor trunk_plugin_v0",
         "build it with"},
        {"small-descriptor", TRUNK_INVALID, "its descriptor has", "rebuild it with"},
        {"small-ops", TRUNK_INVALID, "its table of functions has", "set its struct_size"},
        {"no-ops", TRUNK_INVALID, "its table of functions is NULL", "set ops"},
        {"unknown-kind", TRUNK_INVALID, "its kind is 7", "correct its descriptor"},
        {"is-factory", TRUNK_INVALID, "is a factory driver, a storage driver", "name one"},
        {"unknown-cap", TRUNK_UNSUPPORTED, "capability bit 20", "install a newer trunkd"},
        {"newer-host", TRUNK_UNSUPPORTED, "needs a host of ABI 1.1", "install a newer trunkd"},
        {"no-load", TRUNK_INVALID, "lacks the mandatory function load", "add it"},
        {"bad-name", TRUNK_INVALID, "its name \"Bad Name\"", "rename it"},
        {"no-version", TRUNK_INVALID, "its version is NULL", "set it"},
        {"no-summary", TRUNK_INVALID, "its summary is NULL", "set it"},
        {"untyped-param", TRUNK_INVALID, "parameter \"wait\" has type 0", "TRUNK_PARAM_"},
        {"no-log-functions", TRUNK_INVALID, "LOG without the function log_append", "remove LOG"},
        {"begin-alone", TRUNK_INVALID, "begin without commit", "set both"},
        {"parallel-alone", TRUNK_INVALID, "PARALLEL without BLOCKING", "set both"},
        {"undefined-symbol", TRUNK_INVALID, "undefined symbol: found_nowhere", "link it"},
        {"not-elf", TRUNK_INVALID, "is no shared object", "name one"},
        {"writable", TRUNK_DENIED, "the plugin may be written by others", "chmod o-w"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(fixture->loader, TRUNK_KIND_STORAGE, cases[i].name, cases[i].status,
                       cases[i].problem, cases[i].remedy);
    }
    assert_refused(fixture->loader, TRUNK_KIND_FACTORY, "blocking", TRUNK_INVALID,
                   "is a factory with BLOCKING", "remove");
}

static void test_kind_is_checked_of_a_plugin_that_was_loaded_already(void **state) {
    struct fixture *fixture = *state;
    const struct plugin *plugin = NULL;
    struct trunk_error error = {0};
    assert_int_equal(
        loader_load(fixture->loader, LOADER_ANY_KIND, BAD_DIR "/storage-good.so", &plugin, &error),
        TRUNK_OK);
    assert_refused(fixture->loader, TRUNK_KIND_FACTORY, BAD_DIR "/storage-good.so", TRUNK_INVALID,
                   "is a storage driver, a factory driver is needed", "name one");
}

static void test_directory_writable_by_others_is_refused(void **state) {
    struct fixture *fixture = *state;
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, BAD_DIR "/writable_dir/storage-good.so",
                   TRUNK_DENIED, "the plugin's directory may be written by others", "writable_dir");
}

static void test_link_is_refused_where_others_could_turn_it(void **state) {
    struct fixture *fixture = *state;
    const struct plugin *plugin = NULL;
    struct trunk_error error = {0};
    char *link = xasprintf("%s/storage-link.so", fixture->dir);
    assert_int_equal(symlink(BAD_DIR "/storage-good.so", link), 0);
    assert_int_equal(loader_load(fixture->loader, TRUNK_KIND_STORAGE, link, &plugin, &error),
                     TRUNK_OK);
    assert_int_equal(chmod(fixture->dir, 0757), 0);
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, link, TRUNK_DENIED,
                   "the plugin's directory may be written by others", "chmod o-w");
    assert_int_equal(chmod(fixture->dir, 0700), 0);
    free(link);

    link = xasprintf("%s/storage-inward.so", fixture->dir);
    assert_int_equal(symlink(BAD_DIR "/writable_dir/storage-good.so", link), 0);
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, link, TRUNK_DENIED,
                   "the plugin's directory may be written by others", "writable_dir");
    free(link);
}

static void test_file_of_another_user_is_refused(void **state) {
    struct fixture *fixture = *state;
    if (geteuid() != 0) {
        skip(); /* only root can give files away */
    }
    char *path = copy_good(fixture, "storage-foreign.so");
    assert_int_equal(chown(path, 12345, 0), 0);
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, path, TRUNK_DENIED,
                   "the plugin belongs to user 12345", "chown root");
    assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(chown(fixture->dir, 12345, 0), 0);
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, path, TRUNK_DENIED,
                   "the plugin's directory belongs to user 12345", "chown root");
    assert_int_equal(chown(fixture->dir, 0, 0), 0);
    free(path);
}

static void test_names_that_are_no_names_and_relative_paths_are_refused(void **state) {
    struct fixture *fixture = *state;
    struct loader *loader = fixture->loader;
    assert_refused(loader, TRUNK_KIND_STORAGE, "", TRUNK_INVALID, "no driver name", "write a");
    assert_refused(loader, TRUNK_KIND_STORAGE, "Good", TRUNK_INVALID, "\"Good\" is no driver name",
                   "write a short name");
    assert_refused(loader, TRUNK_KIND_STORAGE, "./storage-good.so", TRUNK_INVALID,
                   "is a relative path", "short name");
    assert_refused(loader, LOADER_ANY_KIND, "storage-good.so", TRUNK_INVALID, "is a relative path",
                   "write it from / on");
}

static void test_absent_plugin_is_not_found(void **state) {
    struct fixture *fixture = *state;
    char *dangling = xasprintf("%s/storage-dangling.so", fixture->dir);
    assert_int_equal(symlink("/nowhere/storage-x.so", dangling), 0);
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, "absent", TRUNK_NOT_FOUND,
                   "there is no storage-absent.so in ", "plugin_dirs");
    assert_refused(fixture->loader, TRUNK_KIND_FACTORY, "good", TRUNK_NOT_FOUND,
                   "there is no factory-good.so in ", "install it");
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, "/nowhere/storage-x.so", TRUNK_NOT_FOUND,
                   "there is no file /nowhere/storage-x.so", "correct the path");
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, dangling, TRUNK_NOT_FOUND,
                   "there is no file", "correct the path");
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, BAD_DIR, TRUNK_INVALID, "is not a file",
                   "name the shared object");
    free(dangling);
}

static void test_long_paths_are_cut_at_the_left(void **state) {
    struct fixture *fixture = *state;
    char *dir = xasprintf("%s/%0150d", fixture->dir, 0);
    char *path = xasprintf("%s/storage-x.so", dir);
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, path, TRUNK_NOT_FOUND, "no file ...000",
                   "/storage-x.so");
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(symlink(BAD_DIR "/storage-small-ops.so", path), 0);
    assert_refused(fixture->loader, TRUNK_KIND_STORAGE, path, TRUNK_INVALID,
                   "storage-small-ops.so: its table of functions has", "struct_size");
    free(path);
    free(dir);
}

static void test_relative_plugin_dir_is_refused_when_it_is_reached(void **state) {
    static const char *const dirs[] = {BAD_DIR, "plugins"};
    struct loader *loader = loader_new(NULL, dirs, 2, NULL);
    const struct plugin *plugin = NULL;
    (void)state;
    assert_int_equal(loader_load(loader, TRUNK_KIND_STORAGE, "good", &plugin, NULL), TRUNK_OK);
    assert_refused(loader, TRUNK_KIND_STORAGE, "absent", TRUNK_INVALID,
                   "the plugin directory \"plugins\" is a relative path", "write it from / on");
    loader_free(loader);
}

static void test_dirs_are_searched_in_order_and_then_the_default(void **state) {
    struct fixture *fixture = *state;
    const char *const dirs[] = {"/nowhere", fixture->dir};
    struct loader *loader = loader_new(NULL, dirs, 2, BAD_DIR);
    const struct plugin *plugin = NULL;
    free(copy_good(fixture, "storage-good.so"));
    assert_int_equal(loader_load(loader, TRUNK_KIND_STORAGE, "good", &plugin, NULL), TRUNK_OK);
    assert_int_equal(strncmp(plugin->path, fixture->dir, strlen(fixture->dir)), 0);
    assert_int_equal(unlink(plugin->path), 0);
    loader_free(loader);
    loader = loader_new(NULL, dirs, 2, BAD_DIR);
    assert_int_equal(loader_load(loader, TRUNK_KIND_STORAGE, "good", &plugin, NULL), TRUNK_OK);
    assert_string_equal(plugin->path, BAD_DIR "/storage-good.so");
    loader_free(loader);
}

struct listed {
    size_t count;
    char *paths[MAX_LISTED];
};

static void remember(void *ctx, const char *path) {
    struct listed *listed = ctx;
    assert_true(listed->count < MAX_LISTED);
    listed->paths[listed->count++] = xstrdup(path);
}

static void test_list_is_sorted_and_the_first_find_of_a_name_wins(void **state) {
    struct fixture *fixture = *state;
    const char *const dirs[] = {fixture->dir, "relative", "/nowhere"};
    struct loader *loader = loader_new(NULL, dirs, 3, BAD_DIR);
    struct listed listed = {0};
    size_t good = 0;
    free(copy_good(fixture, "storage-good.so"));
    free(copy_good(fixture, "other.so"));
    loader_list(loader, remember, &listed);
    assert_true(listed.count > 20);
    for (size_t i = 0; i < listed.count; i++) {
        const char *name = strrchr(listed.paths[i], '/') + 1;
        assert_true(i == 0 || strcmp(strrchr(listed.paths[i - 1], '/') + 1, name) < 0);
        if (strcmp(name, "storage-good.so") == 0) {
            good++;
            assert_int_equal(strncmp(listed.paths[i], fixture->dir, strlen(fixture->dir)), 0);
        }
        assert_string_not_equal(name, "other.so");
    }
    assert_int_equal(good, 1);
    assert_string_equal(strrchr(listed.paths[0], '/') + 1, "factory-blocking.so");
    for (size_t i = 0; i < listed.count; i++) {
        free(listed.paths[i]);
    }
    loader_free(loader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_short_name_and_path_give_the_same_plugin, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_each_bad_plugin_is_refused_with_its_own_text, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_kind_is_checked_of_a_plugin_that_was_loaded_already,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_directory_writable_by_others_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_link_is_refused_where_others_could_turn_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file_of_another_user_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_are_no_names_and_relative_paths_are_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_absent_plugin_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_paths_are_cut_at_the_left, set_up, tear_down),
        cmocka_unit_test(test_relative_plugin_dir_is_refused_when_it_is_reached),
        cmocka_unit_test_setup_teardown(test_dirs_are_searched_in_order_and_then_the_default,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_list_is_sorted_and_the_first_find_of_a_name_wins,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
