/* SPDX-License-Identifier: MIT
 * test_timestamp.c - times in ISO 8601. */
#include "unit/wire/fixture.h"

#include "catalogue/timestamp.h"

static void test_times_with_an_offset_are_valid(void **state) {
    static const char *const times[] = {
        "\"2025-01-12T15:00:58Z\"",      "\"2025-01-12T15:00Z\"",
        "\"2025-01-12T15:00:58.5Z\"",    "\"2025-01-12T15:00:58.123456+02:00\"",
        "\"2025-01-12T15:00:58-23:59\"", "\"2024-02-29T00:00:00Z\"",
        "\"2000-02-29T00:00:00Z\"",      "\"0000-12-31T23:59:59Z\""};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        if (!timestamp_is_valid(slice_cstr(times[i]))) {
            fail_msg("%s is not valid", times[i]);
        }
    }
}

static void test_other_texts_are_not(void **state) {
    static const char *const times[] = {"\"\"",
                                        "\"2025-01-12\"",
                                        "\"2025-01-12T15:00:58\"",
                                        "\"2025-01-12 15:00:58Z\"",
                                        "\"2025-13-12T15:00:58Z\"",
                                        "\"2025-00-12T15:00:58Z\"",
                                        "\"2025-02-29T15:00:58Z\"",
                                        "\"2100-02-29T15:00:58Z\"",
                                        "\"2025-04-31T15:00:58Z\"",
                                        "\"2025-01-00T15:00:58Z\"",
                                        "\"2025-01-12T24:00:58Z\"",
                                        "\"2025-01-12T15:60:58Z\"",
                                        "\"2025-01-12T15:00:60Z\"",
                                        "\"2025-01-12T15:00:58.Z\"",
                                        "\"2025-01-12T15:00:58Zx\"",
                                        "\"2025-01-12T15:00:58+0200\"",
                                        "\"2025-01-12T15:00:58z\"",
                                        "\"2025-1-12T15:00:58Z\"",
                                        "\"2025-01-12T15:00:58+24:00\"",
                                        "\"yesterday\""};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        if (timestamp_is_valid(slice_cstr(times[i]))) {
            fail_msg("%s is valid", times[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_with_an_offset_are_valid),
        cmocka_unit_test(test_other_texts_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
