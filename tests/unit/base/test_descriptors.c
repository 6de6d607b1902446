/* SPDX-License-Identifier: MIT
 * test_descriptors.c - the limit is raised as far as it goes, and scarcity is seen before the end.
 */
#include "base/descriptors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct rlimit get_limit(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit;
}

static void test_limit_is_raised_to_the_hard_one(void **state) {
    (void)state;
    struct rlimit before = get_limit();
    struct rlimit low = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(descriptors_raise_limit(), before.rlim_max);
    assert_int_equal(get_limit().rlim_cur, before.rlim_max);
    assert_int_equal(get_limit().rlim_max, before.rlim_max);
    assert_int_equal(descriptors_raise_limit(), before.rlim_max); /* again is fine */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_fewer_than_16_are_scarce_wherever_they_are(void **state) {
    (void)state;
    struct rlimit before = get_limit();
    struct rlimit low = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    int held[64];
    size_t count = 0;
    memset(held, 0xff, sizeof held);
    assert_false(descriptors_are_scarce());
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while ((held[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
        count++;
    }
    assert_true(count > 32);
    assert_true(descriptors_are_scarce());
    for (size_t i = 0; i < 16; i++) {
        assert_true(descriptors_are_scarce());
        assert_int_equal(close(held[2 * i]), 0); /* every other one */
        held[2 * i] = -1;
    }
    assert_false(descriptors_are_scarce());
    assert_false(descriptors_are_scarce()); /* it takes none */
    for (size_t i = 0; i < count; i++) {
        assert_true(held[i] < 0 || close(held[i]) == 0);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_is_raised_to_the_hard_one),
        cmocka_unit_test(test_fewer_than_16_are_scarce_wherever_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
