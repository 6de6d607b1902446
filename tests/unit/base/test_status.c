/* SPDX-License-Identifier: MIT
 * test_status.c - status names and error texts. */
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void test_every_status_has_its_name(void **state) {
    (void)state;
    static const char *const names[] = {
        "OK",          "NOT_FOUND", "EXISTS",  "CONFLICT",  "INVALID", "TOO_LARGE", "UNSUPPORTED",
        "UNAVAILABLE", "UNCERTAIN", "TIMEOUT", "CANCELLED", "DENIED",  "INTERNAL"};
    for (int32_t status = TRUNK_OK; status <= TRUNK_INTERNAL; status++) {
        assert_string_equal(status_name(status), names[status]);
    }
    assert_string_equal(status_name(TRUNK_INTERNAL + 1), "status?");
    assert_string_equal(status_name(-1), "status?");
}

static void test_error_set_fills_all_and_returns_the_status(void **state) {
    (void)state;
    struct trunk_error error = {0};
    assert_int_equal(error_set(&error, TRUNK_INVALID, "path", "no such file: %s", "x.db"),
                     TRUNK_INVALID);
    assert_int_equal(error.status, TRUNK_INVALID);
    assert_string_equal(error.key, "path");
    assert_string_equal(error.text, "no such file: x.db");
}

static void test_error_may_be_null(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, TRUNK_DENIED, "", "no"), TRUNK_DENIED);
}

static void test_error_may_be_wrapped_in_its_own_text(void **state) {
    (void)state;
    struct trunk_error error = {0};
    (void)error_set(&error, TRUNK_INVALID, "path", "no such file");
    (void)error_set(&error, error.status, error.key, "storage: %s", error.text);
    assert_string_equal(error.key, "path");
    assert_string_equal(error.text, "storage: no such file");
}

static void test_text_that_just_fits_is_kept(void **state) {
    (void)state;
    struct trunk_error error = {0};
    (void)error_set(&error, TRUNK_INVALID, "", "%185s\xc3\xa9", "");
    assert_int_equal(strlen(error.text), 187);
    assert_memory_equal(error.text + 185, "\xc3\xa9", 2);
}

static void test_long_text_is_cut_at_a_character(void **state) {
    (void)state;
    struct trunk_error error = {0};
    (void)error_set(&error, TRUNK_INVALID, "", "%186s\xc3\xa9", "");
    assert_int_equal(strlen(error.text), 186);
    (void)error_set(&error, TRUNK_INVALID, "", "%184s\xf0\x9f\x98\x80", "");
    assert_int_equal(strlen(error.text), 184);
    (void)error_set(&error, TRUNK_INVALID, "", "%185s\xe2\x82\xac", "");
    assert_int_equal(strlen(error.text), 185);
    (void)error_set(&error, TRUNK_INVALID, "", "%300s", "x");
    assert_int_equal(strlen(error.text), 187);
}

static void test_long_key_is_cut_at_a_character(void **state) {
    (void)state;
    struct trunk_error error = {0};
    char key[80];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    (void)error_set(&error, TRUNK_INVALID, key, "x");
    assert_int_equal(strlen(error.key), 63);
    memcpy(key + 62, "\xc3\xa9", 2);
    (void)error_set(&error, TRUNK_INVALID, key, "x");
    assert_int_equal(strlen(error.key), 62);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_its_name),
        cmocka_unit_test(test_error_set_fills_all_and_returns_the_status),
        cmocka_unit_test(test_error_may_be_null),
        cmocka_unit_test(test_error_may_be_wrapped_in_its_own_text),
        cmocka_unit_test(test_text_that_just_fits_is_kept),
        cmocka_unit_test(test_long_text_is_cut_at_a_character),
        cmocka_unit_test(test_long_key_is_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
