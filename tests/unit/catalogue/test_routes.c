/* SPDX-License-Identifier: MIT
 * test_routes.c - the table of routes. */
#include "unit/wire/fixture.h"

#include <stdio.h>

#include "catalogue/routes.h"

static void test_route_is_found_by_its_name_only(void **state) {
    (void)state;
    int leg = 0;
    struct route route = {.leg = &leg, .original = slice_cstr("\"read\"")};
    struct routes *routes = routes_new();
    assert_int_equal(routes_count(routes), 0);
    assert_null(routes_find(routes, slice_cstr("files_read")));
    assert_non_null(routes_add(routes, slice_cstr("files_read"), &route));
    const struct route *found = routes_find(routes, slice_cstr("files_read"));
    assert_non_null(found);
    assert_ptr_equal(found->leg, &leg);
    assert_slice(found->original, "\"read\"");
    assert_slice(found->name, "files_read");
    assert_null(routes_find(routes, slice_cstr("files_rea")));
    assert_null(routes_find(routes, slice_cstr("files_read2")));
    assert_null(routes_find(routes, slice_cstr("")));
    assert_null(routes_find(routes, slice_of(NULL, 0)));
    assert_int_equal(routes_count(routes), 1);
    routes_free(routes);
}

static void test_name_and_original_are_copied(void **state) {
    (void)state;
    char name[] = "files_read";
    char original[] = "\"read\"";
    struct route route = {.leg = NULL, .original = slice_cstr(original)};
    struct routes *routes = routes_new();
    assert_non_null(routes_add(routes, slice_cstr(name), &route));
    memset(name, 'x', sizeof name - 1);
    memset(original, 'x', sizeof original - 1);
    assert_slice(routes_find(routes, slice_cstr("files_read"))->original, "\"read\"");
    assert_null(routes_find(routes, slice_cstr(name)));
    routes_free(routes);
}

static void test_second_route_of_a_name_is_refused_and_the_first_stays(void **state) {
    (void)state;
    int legs[2] = {0};
    struct route first = {.leg = &legs[0], .original = slice_cstr("\"a\"")};
    struct route second = {.leg = &legs[1], .original = slice_cstr("\"b\"")};
    struct routes *routes = routes_new();
    assert_non_null(routes_add(routes, slice_cstr("n"), &first));
    assert_null(routes_add(routes, slice_cstr("n"), &second));
    assert_ptr_equal(routes_find(routes, slice_cstr("n"))->leg, &legs[0]);
    assert_int_equal(routes_count(routes), 1);
    routes_free(routes);
}

static void test_names_may_be_empty_and_hold_any_byte(void **state) {
    (void)state;
    int legs[2] = {0};
    struct route empty = {.leg = &legs[0], .original = slice_cstr("\"\"")};
    struct route nul = {.leg = &legs[1], .original = slice_cstr("\"a\\u0000b\"")};
    struct routes *routes = routes_new();
    assert_non_null(routes_add(routes, slice_cstr(""), &empty));
    assert_non_null(routes_add(routes, slice_of("a\0b", 3), &nul));
    assert_ptr_equal(routes_find(routes, slice_of(NULL, 0))->leg, &legs[0]);
    assert_ptr_equal(routes_find(routes, slice_of("a\0b", 3))->leg, &legs[1]);
    assert_null(routes_find(routes, slice_cstr("a")));
    routes_free(routes);
}

static void test_many_routes_are_all_found(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    static char legs[COUNT];
    char text[32];
    struct routes *routes = routes_new();
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(text, sizeof text, "backend_tool_%zu", i);
        struct route route = {.leg = &legs[i], .original = slice_cstr("\"t\"")};
        assert_non_null(routes_add(routes, slice_cstr(text), &route));
    }
    assert_int_equal(routes_count(routes), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(text, sizeof text, "backend_tool_%zu", i);
        assert_ptr_equal(routes_find(routes, slice_cstr(text))->leg, &legs[i]);
    }
    routes_free(routes);
}

static void test_no_routes_are_freed_too(void **state) {
    (void)state;
    routes_free(routes_new());
    routes_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route_is_found_by_its_name_only),
        cmocka_unit_test(test_name_and_original_are_copied),
        cmocka_unit_test(test_second_route_of_a_name_is_refused_and_the_first_stays),
        cmocka_unit_test(test_names_may_be_empty_and_hold_any_byte),
        cmocka_unit_test(test_many_routes_are_all_found),
        cmocka_unit_test(test_no_routes_are_freed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
