/* SPDX-License-Identifier: MIT
 * test_random.c - the shape of random bytes and digits. */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void test_bytes_fill_exactly_what_was_asked_for(void **state) {
    (void)state;
    unsigned char bytes[66] = {0};
    unsigned char seen[64] = {0};
    for (int round = 0; round < 20;
         round++) { /* each byte is 0 in all of them by 1 chance in 2^160 */
        random_bytes(bytes + 1, sizeof bytes - 2);
        for (size_t i = 0; i < sizeof seen; i++) {
            seen[i] |= bytes[i + 1];
        }
    }
    for (size_t i = 0; i < sizeof seen; i++) {
        assert_int_not_equal(seen[i], 0);
    }
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[65], 0);
    random_bytes(bytes, 0);
    assert_int_equal(bytes[0], 0);
}

static void test_more_bytes_than_one_system_call_gives(void **state) {
    (void)state;
    static unsigned char many[100000];
    random_bytes(many, sizeof many);
    unsigned char zero[16] = {0};
    assert_memory_not_equal(many + sizeof many - sizeof zero, zero, sizeof zero);
}

static void test_numbers_differ(void **state) {
    (void)state;
    assert_true(random_u64() != random_u64());
}

static void test_hex_is_lower_case_digits_and_a_nul(void **state) {
    (void)state;
    char seen[256] = {0};
    for (int round = 0; round < 200; round++) {
        char text[34];
        memset(text, '#', sizeof text);
        random_hex(text, 16);
        assert_int_equal(strlen(text), 32);
        assert_int_equal(strspn(text, "0123456789abcdef"), 32);
        assert_int_equal(text[33], '#');
        for (size_t i = 0; i < 32; i++) {
            seen[(unsigned char)text[i]] = 1;
        }
    }
    for (const char *digit = "0123456789abcdef"; *digit != '\0'; digit++) {
        assert_int_equal(seen[(unsigned char)*digit], 1);
    }
}

static void test_hex_of_no_bytes_is_empty(void **state) {
    (void)state;
    char text[1] = {'#'};
    random_hex(text, 0);
    assert_string_equal(text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_fill_exactly_what_was_asked_for),
        cmocka_unit_test(test_more_bytes_than_one_system_call_gives),
        cmocka_unit_test(test_numbers_differ),
        cmocka_unit_test(test_hex_is_lower_case_digits_and_a_nul),
        cmocka_unit_test(test_hex_of_no_bytes_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
