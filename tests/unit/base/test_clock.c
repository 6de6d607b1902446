/* SPDX-License-Identifier: MIT
 * test_clock.c - both clocks advance together, and by hand. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

static void test_wall_clock_starts_at_the_system_time(void **state) {
    (void)state;
    struct clock clock;
    clock_init(&clock);
    uint64_t system_ms = (uint64_t)time(NULL) * 1000;
    assert_in_range(clock_wall_ms(&clock), system_ms - 2000, system_ms + 2000);
}

static void test_wall_clock_follows_the_monotonic_one_and_not_the_system(void **state) {
    (void)state;
    struct clock clock;
    clock_init(&clock);
    clock.wall_anchor_ms = 1000; /* as if the system's time had jumped since */
    uint64_t before_ms = clock_mono_ms(&clock) - clock.mono_anchor_ms;
    uint64_t wall_ms = clock_wall_ms(&clock);
    uint64_t after_ms = clock_mono_ms(&clock) - clock.mono_anchor_ms;
    assert_in_range(wall_ms, 1000 + before_ms, 1000 + after_ms);
}

static void test_advance_moves_both_clocks(void **state) {
    (void)state;
    struct clock clock;
    clock_init(&clock);
    uint64_t mono_ms = clock_mono_ms(&clock);
    uint64_t wall_ms = clock_wall_ms(&clock);
    clock_advance(&clock, 86400000);
    clock_advance(&clock, 1000);
    assert_in_range(clock_mono_ms(&clock), mono_ms + 86401000, mono_ms + 86461000);
    assert_in_range(clock_wall_ms(&clock), wall_ms + 86401000, wall_ms + 86461000);
}

static void test_monotonic_clock_never_goes_back(void **state) {
    (void)state;
    struct clock clock;
    clock_init(&clock);
    uint64_t last_ms = clock_mono_ms(&clock);
    for (int i = 0; i < 1000; i++) {
        uint64_t now_ms = clock_mono_ms(&clock);
        assert_true(now_ms >= last_ms);
        last_ms = now_ms;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wall_clock_starts_at_the_system_time),
        cmocka_unit_test(test_wall_clock_follows_the_monotonic_one_and_not_the_system),
        cmocka_unit_test(test_advance_moves_both_clocks),
        cmocka_unit_test(test_monotonic_clock_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
