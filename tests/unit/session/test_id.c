/* SPDX-License-Identifier: MIT
 * test_id.c - session ids: their form, that no two are equal, and tags that give no way back. */
#include "session/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IDS = 1000 };

static int compare(const void *a, const void *b) {
    return strcmp(a, b);
}

static void test_an_id_is_32_lower_case_hex_digits(void **state) {
    char id[SESSION_ID_SIZE];
    (void)state;
    id_generate(id);
    assert_int_equal(strlen(id), 32);
    assert_int_equal(strspn(id, "0123456789abcdef"), 32);
    assert_true(id_is_valid(id));
}

static void test_no_two_ids_are_equal_and_every_digit_varies(void **state) {
    static char ids[IDS][SESSION_ID_SIZE];
    size_t differing = 0;
    (void)state;
    for (size_t i = 0; i < IDS; i++) {
        id_generate(ids[i]);
    }
    for (size_t digit = 0; digit < SESSION_ID_SIZE - 1; digit++) {
        size_t i = 1;
        while (i < IDS && ids[i][digit] == ids[0][digit]) {
            i++;
        }
        differing += i < IDS ? 1 : 0;
    }
    assert_int_equal(differing, SESSION_ID_SIZE - 1);
    qsort(ids, IDS, sizeof ids[0], compare);
    for (size_t i = 1; i < IDS; i++) {
        assert_string_not_equal(ids[i - 1], ids[i]);
    }
}

static void test_what_is_no_id_is_not_valid(void **state) {
    (void)state;
    assert_true(id_is_valid("0123456789abcdef0123456789abcdef"));
    assert_false(id_is_valid(""));
    assert_false(id_is_valid("0123456789abcdef0123456789abcde"));
    assert_false(id_is_valid("0123456789abcdef0123456789abcdef0"));
    assert_false(id_is_valid("0123456789ABCDEF0123456789ABCDEF"));
    assert_false(id_is_valid("0123456789abcdef0123456789abcdeg"));
    assert_false(id_is_valid("0123456789abcdef 123456789abcdef"));
    assert_false(id_is_valid("0123456789abcdef0123456789abcdef\n"));
}

static void test_a_tag_is_the_same_for_the_same_id_and_another_for_another(void **state) {
    char one[SESSION_TAG_SIZE];
    char again[SESSION_TAG_SIZE];
    char other[SESSION_TAG_SIZE];
    (void)state;
    id_tag("0123456789abcdef0123456789abcdef", one);
    id_tag("0123456789abcdef0123456789abcdef", again);
    id_tag("0123456789abcdef0123456789abcdee", other);
    assert_int_equal(strlen(one), 8);
    assert_int_equal(strspn(one, "0123456789abcdef"), 8);
    assert_string_equal(one, again);
    assert_string_not_equal(one, other);
    assert_null(strstr("0123456789abcdef0123456789abcdef", one)); /* no piece of the credential */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_is_32_lower_case_hex_digits),
        cmocka_unit_test(test_no_two_ids_are_equal_and_every_digit_varies),
        cmocka_unit_test(test_what_is_no_id_is_not_valid),
        cmocka_unit_test(test_a_tag_is_the_same_for_the_same_id_and_another_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
