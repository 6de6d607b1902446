/* SPDX-License-Identifier: MIT
 * test_versions.c - the MCP revisions that trunkd speaks. */
#include "fixture.h"

#include "wire/versions.h"

static const char *const supported[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
static const char *const others[] = {
    "", "2024-10-07", "2026-07-28", "2025-11-2", "2025-11-25 ", "2025-11-250", "1.0", "latest"};

static void test_supported_versions_are_answered_with_themselves(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof supported / sizeof supported[0]; i++) {
        assert_true(version_is_supported(slice_cstr(supported[i])));
        assert_string_equal(version_negotiate(slice_cstr(supported[i])), supported[i]);
    }
}

static void test_other_versions_are_answered_with_the_latest(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(version_is_supported(slice_cstr(others[i])));
        assert_string_equal(version_negotiate(slice_cstr(others[i])), MCP_VERSION_LATEST);
    }
    assert_false(version_is_supported(slice_of(NULL, 0)));
    assert_string_equal(version_negotiate(slice_of(NULL, 0)), MCP_VERSION_LATEST);
}

static void test_versions_are_ordered_by_date(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof supported / sizeof supported[0]; i++) {
        for (size_t k = 0; k < sizeof supported / sizeof supported[0]; k++) {
            assert_int_equal(version_at_least(supported[i], supported[k]), i >= k);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supported_versions_are_answered_with_themselves),
        cmocka_unit_test(test_other_versions_are_answered_with_the_latest),
        cmocka_unit_test(test_versions_are_ordered_by_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
