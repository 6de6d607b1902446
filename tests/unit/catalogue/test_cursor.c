/* SPDX-License-Identifier: MIT
 * test_cursor.c - cursors: what was written is read, and nothing else. */
#include "unit/wire/fixture.h"

#include "catalogue/cursor.h"

static const struct cursor some = {'t', 1000, UINT64_C(0xfedcba9876543210), UINT64_C(0x1)};

static void test_cursor_is_read_as_it_was_written(void **state) {
    static const struct cursor cursors[] = {
        {'a', 0, 0, 0},
        {'z', UINT32_MAX, UINT64_MAX, UINT64_MAX},
        {'t', 1000, UINT64_C(0xfedcba9876543210), UINT64_C(0x0123456789abcdef)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        struct buffer text = {0};
        struct cursor read;
        cursor_append(&text, &cursors[i]);
        assert_true(cursor_parse(buffer_slice(&text), &read));
        assert_int_equal(read.kind, cursors[i].kind);
        assert_int_equal(read.position, cursors[i].position);
        assert_true(read.generation == cursors[i].generation);
        assert_true(read.key == cursors[i].key);
        buffer_free(&text);
    }
}

/* Clients may keep one over an update of trunkd, and nodes may differ. */
static void test_text_of_a_cursor_never_changes(void **state) {
    (void)state;
    struct buffer text = {0};
    cursor_append(&text, &some);
    assert_buffer(&text, "t000003e8fedcba9876543210000000000000000100555090");
}

static void test_changed_cursor_is_refused(void **state) {
    (void)state;
    struct buffer text = {0};
    struct cursor read;
    cursor_append(&text, &some);
    for (size_t i = 0; i < text.len; i++) {
        for (int byte = 0; byte < 256; byte++) {
            char good = text.data[i];
            text.data[i] = (char)(unsigned char)byte;
            assert_int_equal(cursor_parse(buffer_slice(&text), &read), text.data[i] == good);
            text.data[i] = good;
        }
    }
    buffer_free(&text);
}

static void test_other_text_is_refused(void **state) {
    static const char *const texts[] = {
        "", "t", "0", "cursor", "page2", "MjA=", "t000003e8fedcba98765432100000000000000001"};
    (void)state;
    struct buffer text = {0};
    struct cursor read;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(cursor_parse(slice_cstr(texts[i]), &read));
    }
    assert_false(cursor_parse(slice_of(NULL, 0), &read));
    cursor_append(&text, &some);
    assert_false(cursor_parse(slice_of(text.data, text.len - 1), &read));
    assert_false(cursor_parse(slice_of(text.data + 1, text.len - 1), &read));
    buffer_append_cstr(&text, "0");
    assert_false(cursor_parse(buffer_slice(&text), &read));
    buffer_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor_is_read_as_it_was_written),
        cmocka_unit_test(test_text_of_a_cursor_never_changes),
        cmocka_unit_test(test_changed_cursor_is_refused),
        cmocka_unit_test(test_other_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
