/* SPDX-License-Identifier: MIT
 * test_alloc.c - what the aborting allocations return. */
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_calloc_gives_zeroed_memory(void **state) {
    (void)state;
    unsigned char *memory = xcalloc(8, 4);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(memory[i], 0);
    }
    free(memory);
}

static void test_no_bytes_are_memory_too(void **state) {
    (void)state;
    void *memory[] = {xmalloc(0), xcalloc(0, 8), xrealloc(NULL, 0), xmemdup(NULL, 0)};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) {
        assert_non_null(memory[i]);
        free(memory[i]);
    }
}

static void test_realloc_keeps_the_content(void **state) {
    (void)state;
    char *text = xrealloc(xstrdup("trunk"), 1000);
    assert_string_equal(text, "trunk");
    free(text);
}

static void test_copies_are_of_their_own(void **state) {
    (void)state;
    char original[] = "a\0b";
    char *copy = xmemdup(original, sizeof original);
    original[0] = 'x';
    assert_memory_equal(copy, "a\0b", sizeof original);
    free(copy);
}

static void test_asprintf_formats(void **state) {
    (void)state;
    char *text = xasprintf("%s-%d", "storage", 7);
    assert_string_equal(text, "storage-7");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calloc_gives_zeroed_memory),
        cmocka_unit_test(test_no_bytes_are_memory_too),
        cmocka_unit_test(test_realloc_keeps_the_content),
        cmocka_unit_test(test_copies_are_of_their_own),
        cmocka_unit_test(test_asprintf_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
