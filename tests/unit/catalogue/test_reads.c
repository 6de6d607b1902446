/* SPDX-License-Identifier: MIT
 * test_reads.c - whose a URI is. */
#include "unit/catalogue/list_rig.h"

#include "catalogue/reads.h"

#define R(uri) "{\"uri\":\"" uri "\",\"name\":\"r\"}"
#define T(pattern) "{\"uriTemplate\":\"" pattern "\",\"name\":\"t\"}"

struct reads {
    struct rig resources;
    struct rig templates;
};

static int start(void **state) {
    static const struct part resources[] = {
        {"a", "[" R("file:///a/one.txt") "," R("test://static") "]"},
        {"b", "[" R("file:///a/b/two.txt") "," R("file:///a/one.txt") "]"},
        {0}};
    static const struct part templates[] = {
        {"c", "[" T("db://{table}/{id}") "," T("test://{+any}") "]"},
        {"d", "[" T("db://users/{id}") "," T("db://users/{other}") "," T("note://{broken") "]"},
        {0}};
    static struct reads reads;
    rig_start(&reads.resources, LIST_RESOURCES);
    rig_start(&reads.templates, LIST_TEMPLATES);
    rig_merge(&reads.resources, &prefix_naming, resources);
    rig_merge(&reads.templates, &prefix_naming, templates);
    *state = &reads;
    return 0;
}

static int end(void **state) {
    struct reads *reads = *state;
    rig_end(&reads->resources);
    rig_end(&reads->templates);
    return 0;
}

static void assert_read(const struct reads *reads, const char *uri, const char *leg,
                        const char *name) {
    const struct route *route =
        reads_find(reads->resources.list, reads->templates.list, slice_cstr(uri));
    if (route == NULL) {
        fail_msg("%s is nobody's", uri);
    } else {
        assert_string_equal((const char *)route->leg, leg);
        assert_slice(route->name, name);
    }
}

static void test_exact_uri_comes_before_templates(void **state) {
    assert_read(*state, "test://static", "a", "test://static");
    assert_read(*state, "file:///a/one.txt", "a", "file:///a/one.txt");
}

static void test_template_with_the_most_literal_text_counts_and_of_equals_the_first(void **state) {
    assert_read(*state, "db://users/7", "d", "db://users/{id}");
    assert_read(*state, "db://orders/7", "c", "db://{table}/{id}");
    assert_read(*state, "test://static/x", "c", "test://{+any}");
}

static void test_else_the_longest_common_beginning_counts(void **state) {
    assert_read(*state, "file:///a/b/three.txt", "b", "file:///a/b/two.txt");
    assert_read(*state, "file:///a/x.txt", "a", "file:///a/one.txt");
    assert_read(*state, "file:", "a", "file:///a/one.txt");
    assert_read(*state, "db://users/7/orders", "d", "db://users/{id}");
    assert_read(*state, "note://1", "d", "note://{broken");
}

static void test_unknown_scheme_is_nobodys(void **state) {
    const struct reads *reads = *state;
    static const char *const uris[] = {"http://x", "", "fil:///a/one.txt", "file", "f"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        assert_null(reads_find(reads->resources.list, reads->templates.list, slice_cstr(uris[i])));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_exact_uri_comes_before_templates, start, end),
        cmocka_unit_test_setup_teardown(
            test_template_with_the_most_literal_text_counts_and_of_equals_the_first, start, end),
        cmocka_unit_test_setup_teardown(test_else_the_longest_common_beginning_counts, start, end),
        cmocka_unit_test_setup_teardown(test_unknown_scheme_is_nobodys, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
