/* SPDX-License-Identifier: MIT
 * test_uri_set.c - the URIs that a client has subscribed to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "session/uri_set.h"

static bool covers(const struct uri_set *set, const char *uri) {
    return uri_set_covers(set, slice_cstr(uri));
}

static void test_a_uri_is_there_once_until_it_is_removed(void **state) {
    struct uri_set set = {0};
    (void)state;
    assert_true(uri_set_add(&set, slice_cstr("x:1")));
    assert_true(uri_set_add(&set, slice_cstr("x:1")));
    assert_true(uri_set_add(&set, slice_cstr("x:2")));
    assert_int_equal(set.count, 2);
    uri_set_remove(&set, slice_cstr("x:1"));
    uri_set_remove(&set, slice_cstr("x:1"));
    assert_false(covers(&set, "x:1"));
    assert_true(covers(&set, "x:2"));
    uri_set_clear(&set);
    assert_int_equal(set.count, 0);
}

static void test_parts_of_a_resource_are_covered_and_neighbours_are_not(void **state) {
    struct uri_set set = {0};
    (void)state;
    (void)uri_set_add(&set, slice_cstr("file:///dir"));
    (void)uri_set_add(&set, slice_cstr("x://y/"));
    (void)uri_set_add(&set, slice_cstr(""));
    assert_true(covers(&set, "file:///dir/a"));
    assert_true(covers(&set, "file:///dir#a"));
    assert_true(covers(&set, "file:///dir?a"));
    assert_true(covers(&set, "x://y/z"));
    assert_true(covers(&set, ""));
    assert_false(covers(&set, "file:///dire"));
    assert_false(covers(&set, "file:///di"));
    assert_false(covers(&set, "x://y"));
    uri_set_clear(&set);
}

static void test_set_is_bounded(void **state) {
    struct uri_set set = {0};
    char uri[32];
    (void)state;
    for (int i = 0; i < URI_SET_MAX; i++) {
        (void)snprintf(uri, sizeof uri, "x:%d", i);
        assert_true(uri_set_add(&set, slice_cstr(uri)));
    }
    assert_false(uri_set_add(&set, slice_cstr("one more")));
    assert_true(uri_set_add(&set, slice_cstr("x:7")));
    uri_set_clear(&set);
}

static void test_set_is_stored_and_read_again(void **state) {
    struct uri_set set = {0};
    struct uri_set again;
    struct buffer text = {0};
    (void)state;
    uri_set_encode(&set, &text);
    assert_string_equal(buffer_cstr(&text), "[]");
    buffer_clear(&text);
    (void)uri_set_add(&set, slice_cstr("x:\"1\\"));
    (void)uri_set_add(&set, slice_cstr("y:2"));
    uri_set_encode(&set, &text);
    assert_string_equal(buffer_cstr(&text), "[\"x:\\\"1\\\\\",\"y:2\"]");
    uri_set_decode(buffer_slice(&text), &again);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.items[0], "x:\"1\\");
    assert_string_equal(again.items[1], "y:2");
    uri_set_clear(&again);
    uri_set_decode(slice_cstr("[1,\"z:3\",null,\"z:3\"]"), &again);
    assert_int_equal(again.count, 1);
    uri_set_clear(&again);
    uri_set_clear(&set);
    buffer_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_uri_is_there_once_until_it_is_removed),
        cmocka_unit_test(test_parts_of_a_resource_are_covered_and_neighbours_are_not),
        cmocka_unit_test(test_set_is_bounded),
        cmocka_unit_test(test_set_is_stored_and_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
