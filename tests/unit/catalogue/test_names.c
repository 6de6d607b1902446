/* SPDX-License-Identifier: MIT
 * test_names.c - the names that a client sees. */
#include "unit/wire/fixture.h"

#include "catalogue/names.h"

static void test_name_is_backend_underscore_tool(void **state) {
    (void)state;
    struct buffer out = {0};
    names_append(&out, "files", slice_cstr("read_file"));
    assert_buffer(&out, "files_read_file");
    buffer_append_cstr(&out, ">");
    names_append(&out, "a.b-c", slice_cstr("x\"y"));
    assert_buffer(&out, ">a.b-c_x\"y");
    names_append(&out, "files", slice_of(NULL, 0));
    assert_buffer(&out, "files_");
}

static void test_name_with_the_prefix_may_belong_to_the_backend(void **state) {
    (void)state;
    assert_true(names_may_belong(slice_cstr("files_read"), "files"));
    assert_true(names_may_belong(slice_cstr("files_"), "files"));
    assert_true(names_may_belong(slice_cstr("my_files_read"), "my"));
    assert_true(names_may_belong(slice_cstr("my_files_read"), "my_files"));
}

static void test_name_without_the_prefix_belongs_to_another(void **state) {
    (void)state;
    assert_false(names_may_belong(slice_cstr("files"), "files"));
    assert_false(names_may_belong(slice_cstr("file_read"), "files"));
    assert_false(names_may_belong(slice_cstr("files.read"), "files"));
    assert_false(names_may_belong(slice_cstr("Files_read"), "files"));
    assert_false(names_may_belong(slice_cstr(""), "files"));
    assert_false(names_may_belong(slice_of(NULL, 0), "files"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_is_backend_underscore_tool),
        cmocka_unit_test(test_name_with_the_prefix_may_belong_to_the_backend),
        cmocka_unit_test(test_name_without_the_prefix_belongs_to_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
