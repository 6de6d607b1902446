/* SPDX-License-Identifier: MIT
 * test_slice.c - comparison and copies of slices, growth of buffers. */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/alloc.h"

static void test_slices_are_equal_by_their_bytes(void **state) {
    (void)state;
    assert_true(slice_equal(slice_of("a\0b", 3), slice_of("a\0b", 3)));
    assert_false(slice_equal(slice_of("a\0b", 3), slice_of("a\0c", 3)));
    assert_false(slice_equal(slice_cstr("tool"), slice_cstr("tools")));
    assert_true(slice_equal(slice_of(NULL, 0), slice_cstr("")));
    assert_true(slice_equal_cstr(slice_of("tools", 4), "tool"));
    assert_false(slice_equal_cstr(slice_of("tools", 4), "tools"));
}

static void test_strdup_ends_the_copy_with_nul(void **state) {
    (void)state;
    char *copy = slice_strdup(slice_of("tools/list", 5));
    assert_string_equal(copy, "tools");
    free(copy);
    copy = slice_strdup(slice_of(NULL, 0));
    assert_string_equal(copy, "");
    free(copy);
}

static void test_buffer_has_no_memory_while_nothing_was_appended(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append(&buffer, NULL, 0);
    buffer_append_cstr(&buffer, "");
    assert_null(buffer.data);
    assert_int_equal(buffer_slice(&buffer).len, 0);
    buffer_free(&buffer);
}

static void test_buffer_keeps_what_was_appended_over_growth(void **state) {
    (void)state;
    struct buffer buffer = {0};
    for (unsigned i = 0; i < 10000; i++) {
        char byte = (char)(i % 251);
        buffer_append(&buffer, &byte, 1);
    }
    assert_int_equal(buffer.len, 10000);
    for (unsigned i = 0; i < 10000; i++) {
        assert_int_equal(buffer.data[i], (char)(i % 251));
    }
    buffer_free(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
}

static void test_reserved_room_is_not_allocated_again(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append_cstr(&buffer, "x");
    buffer_reserve(&buffer, 100000);
    const char *data = buffer.data;
    char *filling = xcalloc(1, 100000);
    buffer_append(&buffer, filling, 100000);
    assert_ptr_equal(buffer.data, data);
    free(filling);
    buffer_free(&buffer);
}

static void test_numbers_are_appended_in_decimal(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append_u64(&buffer, 0);
    buffer_append_cstr(&buffer, " ");
    buffer_append_u64(&buffer, 1000);
    buffer_append_cstr(&buffer, " ");
    buffer_append_u64(&buffer, UINT64_MAX);
    assert_string_equal(buffer_cstr(&buffer), "0 1000 18446744073709551615");
    buffer_free(&buffer);
}

static void test_printf_appends_texts_of_any_length(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append_slice(&buffer, slice_cstr("<"));
    buffer_printf(&buffer, "%s", "");
    buffer_printf(&buffer, "%*d", 300, 7);
    buffer_printf(&buffer, "%c", '>');
    assert_int_equal(buffer.len, 302);
    assert_memory_equal(buffer.data + 299, " 7>", 3);
    buffer_free(&buffer);
}

static void test_cstr_adds_no_length_and_works_on_an_empty_buffer(void **state) {
    (void)state;
    struct buffer buffer = {0};
    assert_string_equal(buffer_cstr(&buffer), "");
    char bytes[64];
    memset(bytes, 'a', sizeof bytes);
    buffer_append(&buffer, bytes, sizeof bytes); /* just full: the NUL needs room of its own */
    assert_int_equal(strlen(buffer_cstr(&buffer)), sizeof bytes);
    assert_int_equal(buffer.len, sizeof bytes);
    buffer_free(&buffer);
}

static void test_clear_keeps_the_memory(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append_cstr(&buffer, "leg");
    const char *data = buffer.data;
    buffer_clear(&buffer);
    assert_int_equal(buffer.len, 0);
    buffer_append_cstr(&buffer, "op");
    assert_ptr_equal(buffer.data, data);
    assert_string_equal(buffer_cstr(&buffer), "op");
    buffer_free(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices_are_equal_by_their_bytes),
        cmocka_unit_test(test_strdup_ends_the_copy_with_nul),
        cmocka_unit_test(test_buffer_has_no_memory_while_nothing_was_appended),
        cmocka_unit_test(test_buffer_keeps_what_was_appended_over_growth),
        cmocka_unit_test(test_reserved_room_is_not_allocated_again),
        cmocka_unit_test(test_numbers_are_appended_in_decimal),
        cmocka_unit_test(test_printf_appends_texts_of_any_length),
        cmocka_unit_test(test_cstr_adds_no_length_and_works_on_an_empty_buffer),
        cmocka_unit_test(test_clear_keeps_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
