/* SPDX-License-Identifier: MIT
 * test_log_level.c - names and order of the levels of log messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "wire/log_level.h"

static const char *find(const char *name) {
    return log_level_find(slice_cstr(name));
}

static void test_levels_are_known_by_their_exact_name(void **state) {
    (void)state;
    assert_string_equal(find("debug"), "debug");
    assert_string_equal(find("emergency"), "emergency");
    assert_null(find(""));
    assert_null(find("DEBUG"));
    assert_null(find("debugs"));
}

static void test_messages_below_the_level_are_not_shown(void **state) {
    (void)state;
    assert_true(log_level_is_shown(find("info"), find("info")));
    assert_true(log_level_is_shown(find("alert"), find("critical")));
    assert_false(log_level_is_shown(find("debug"), find("info")));
    assert_false(log_level_is_shown(find("alert"), find("emergency")));
}

static void test_without_a_level_everything_is_shown(void **state) {
    (void)state;
    assert_true(log_level_is_shown(find("debug"), NULL));
    assert_true(log_level_is_shown(NULL, find("emergency")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_are_known_by_their_exact_name),
        cmocka_unit_test(test_messages_below_the_level_are_not_shown),
        cmocka_unit_test(test_without_a_level_everything_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
