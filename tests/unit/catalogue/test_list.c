/* SPDX-License-Identifier: MIT
 * test_list.c - lists of several backends as one: bytes, names, what is left out. */
#include "unit/catalogue/list_rig.h"

#define SCHEMA "\"inputSchema\":{\"type\":\"object\"}"
#define TOOL(name) "{\"name\":\"" name "\"," SCHEMA "}"

static void test_lists_know_their_methods(void **state) {
    (void)state;
    assert_string_equal(list_info(LIST_TOOLS)->method, "tools/list");
    assert_string_equal(list_info(LIST_PROMPTS)->member, "prompts");
    assert_string_equal(list_info(LIST_RESOURCES)->changed, "notifications/resources/list_changed");
    assert_string_equal(list_info(LIST_TEMPLATES)->method, "resources/templates/list");
    assert_string_equal(list_info(LIST_TEMPLATES)->member, "resourceTemplates");
}

static void test_elements_of_all_pages_and_backends_come_in_order(void **state) {
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_TOOLS);
    struct trunk_slice a[] = {slice_cstr("[" TOOL("z") "," TOOL("y") "]"), slice_cstr("[]"),
                              slice_cstr("[" TOOL("x") "]")};
    struct trunk_slice b[] = {slice_cstr("[" TOOL("y") "]")};
    struct list_source sources[] = {{"a", NULL, a, 3}, {"none", NULL, NULL, 0}, {"b", NULL, b, 1}};
    assert_true(list_merge(rig.list, sources, 3, &prefix_naming, rig.log));
    rig_assert_list(
        &rig, "{\"tools\":[" TOOL("a_z") "," TOOL("a_y") "," TOOL("a_x") "," TOOL("b_y") "]}");
    assert_int_equal(list_count(rig.list), 4);
    assert_slice(list_at(rig.list, 3)->name, "b_y");
    assert_string_equal(rig_log(&rig), "");
    rig_end(&rig);
}

static void test_nothing_gives_an_empty_list(void **state) {
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_TEMPLATES);
    rig_assert_list(&rig, "{\"resourceTemplates\":[]}");
    assert_false(list_merge(rig.list, NULL, 0, &prefix_naming, rig.log));
    rig_assert_list(&rig, "{\"resourceTemplates\":[]}");
    assert_null(list_find(rig.list, slice_cstr("a")));
    rig_end(&rig);
}

static void test_bytes_of_an_element_stay_but_for_its_name(void **state) {
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_TOOLS);
    rig_merge(&rig, &prefix_naming,
              (const struct part[]){
                  {"b", "[ { \"x\" : 95.50 , \"inputSchema\":{\"type\":\"object\",\"name\":\"n\","
                        "\"max\":9007199254740993},\"n\\u0061me\" : \"\\u0074\\\"\\u4e2d\" ,\n"
                        "\"description\":\"\\u0061\\n\", \"x\":1e2 } ]"},
                  {0}});
    rig_assert_list(&rig,
                    "{\"tools\":[{ \"x\" : 95.50 , \"inputSchema\":{\"type\":\"object\",\"name\":"
                    "\"n\",\"max\":9007199254740993},\"n\\u0061me\" : \"b_t\\\"\xe4\xb8\xad\" , "
                    "\"description\":\"\\u0061\\n\", \"x\":1e2 }]}");
    rig_assert_route(&rig, "b_t\"\xe4\xb8\xad", "b", "\"\\u0074\\\"\\u4e2d\"");
    rig_end(&rig);
}

static void test_merge_tells_whether_the_list_differs(void **state) {
    static const struct part one[] = {{"a", "[" TOOL("x") "]"}, {0}};
    static const struct part two[] = {{"a", "[" TOOL("x") "," TOOL("y") "]"}, {0}};
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_TOOLS);
    assert_true(rig_merge(&rig, &prefix_naming, one));
    assert_false(rig_merge(&rig, &prefix_naming, one));
    assert_true(rig_merge(&rig, &prefix_naming, two));
    assert_true(rig_merge(&rig, &prefix_naming, one));
    assert_null(list_find(rig.list, slice_cstr("a_y")));
    assert_true(rig_merge(&rig, &prefix_naming, (const struct part[]){{0}}));
    assert_int_equal(list_count(rig.list), 0);
    rig_end(&rig);
}

static void test_conflict_prefixes_only_what_several_backends_have(void **state) {
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_PROMPTS);
    rig_merge(&rig, &conflict_naming,
              (const struct part[]){{"a", "[{\"name\":\"x\"},{\"name\":\"\\u0079\"}]"},
                                    {"b", "[{\"name\":\"y\"},{\"name\":\"z\"}]"},
                                    {0}});
    rig_assert_list(&rig, "{\"prompts\":[{\"name\":\"x\"},{\"name\":\"a_y\"},{\"name\":\"b_y\"},"
                          "{\"name\":\"z\"}]}");
    rig_assert_route(&rig, "a_y", "a", "\"\\u0079\"");
    rig_assert_route(&rig, "z", "b", "\"z\"");
    assert_null(list_find(rig.list, slice_cstr("y")));
    assert_string_equal(rig_log(&rig), "");
    rig_end(&rig);
}

static void test_conflict_never_takes_a_name_that_a_backend_gave(void **state) {
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_PROMPTS);
    rig_merge(&rig, &conflict_naming,
              (const struct part[]){{"a", "[{\"name\":\"x\"}]"},
                                    {"b", "[{\"name\":\"x\"},{\"name\":\"a_x\"}]"},
                                    {0}});
    rig_assert_list(&rig, "{\"prompts\":[{\"name\":\"b_x\"},{\"name\":\"a_x\"}]}");
    rig_assert_route(&rig, "a_x", "b", "\"a_x\"");
    assert_non_null(strstr(rig_log(&rig), "\"a prompt is left out: its name is taken\" backend=a "
                                          "prompt=\"x\"\n"));
    rig_end(&rig);
}

static void test_a_name_with_the_longer_prefix_of_another_backend_is_left_out(void **state) {
    static const struct part before[] = {
        {"git", "[" TOOL("x") "]"}, {"git_hub", "[" TOOL("y") "]"}, {0}};
    static const struct part after[] = {
        {"git", "[" TOOL("hub_y") "," TOOL("hub_z") "," TOOL("hub") "]"},
        {"git_hub", "[" TOOL("y") "]"},
        {0}};
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_TOOLS);
    rig_merge(&rig, &prefix_naming, before);
    rig_assert_route(&rig, "git_hub_y", "git_hub", "\"y\"");
    assert_string_equal(rig_log(&rig), "");
    rig_merge(&rig, &prefix_naming, after);
    rig_assert_list(&rig, "{\"tools\":[" TOOL("git_hub") "," TOOL("git_hub_y") "]}");
    rig_assert_route(&rig, "git_hub", "git", "\"hub\"");
    rig_assert_route(&rig, "git_hub_y", "git_hub", "\"y\"");
    assert_non_null(strstr(rig_log(&rig),
                           "\"a tool is left out: its name begins like those of backend git_hub\" "
                           "backend=git tool=\"hub_z\"\n"));
    rig_end(&rig);
}

static void test_a_backend_whose_list_is_not_known_keeps_its_names(void **state) {
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_TOOLS);
    struct trunk_slice page = slice_cstr("[" TOOL("hub_y") "]");
    struct list_source sources[] = {{"git", NULL, &page, 1}, {"git_hub", NULL, NULL, 0}};
    assert_false(list_merge(rig.list, sources, 2, &prefix_naming, rig.log));
    assert_int_equal(list_count(rig.list), 0);
    assert_true(list_merge(rig.list, sources, 1, &prefix_naming, rig.log));
    assert_int_equal(list_count(rig.list), 1);
    rig_end(&rig);
}

static void test_conflict_keeps_to_the_longer_prefix_with_names_it_makes(void **state) {
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_PROMPTS);
    rig_merge(&rig, &conflict_naming,
              (const struct part[]){{"git", "[{\"name\":\"hub_y\"},{\"name\":\"git_hub_own\"}]"},
                                    {"git_hub", "[{\"name\":\"z\"}]"},
                                    {"k", "[{\"name\":\"hub_y\"}]"},
                                    {0}});
    rig_assert_list(&rig, "{\"prompts\":[{\"name\":\"git_hub_own\"},{\"name\":\"z\"},"
                          "{\"name\":\"k_hub_y\"}]}");
    rig_end(&rig);
}

static void test_priority_hides_what_a_backend_before_has(void **state) {
    static const char *const order[] = {"c", "gone", "b"};
    static const struct naming naming = {NAMING_PRIORITY, "{backend}_", order, 3};
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_PROMPTS);
    rig_merge(&rig, &naming,
              (const struct part[]){{"a", "[{\"name\":\"x\"},{\"name\":\"y\"},{\"name\":\"z\"}]"},
                                    {"a2", "[{\"name\":\"y\"}]"},
                                    {"b", "[{\"name\":\"x\"}]"},
                                    {"c", "[{\"name\":\"x\"},{\"name\":\"z\"}]"},
                                    {0}});
    rig_assert_list(&rig, "{\"prompts\":[{\"name\":\"y\"},{\"name\":\"x\"},{\"name\":\"z\"}]}");
    rig_assert_route(&rig, "x", "c", "\"x\"");
    rig_assert_route(&rig, "y", "a", "\"y\"");
    rig_assert_route(&rig, "z", "c", "\"z\"");
    assert_int_equal(rig_count_log(&rig, "a prompt is hidden: a backend that comes first"), 4);
    assert_non_null(strstr(rig_log(&rig), " backend=b prompt=\"x\"\n"));
    rig_end(&rig);
}

static void test_uris_stay_and_the_first_backend_has_a_doubled_one(void **state) {
    static const char *const order[] = {"b"};
    static const struct naming naming = {NAMING_PREFIX, "{backend}_", order, 1};
    static const struct part parts[] = {
        {"a", "[{\"uri\":\"u:1\",\"name\":\"a1\"},{\"uri\":\"u:2\",\"name\":\"a2\"}]"},
        {"b", "[{\"uri\":\"u:1\",\"name\":\"b1\"}]"},
        {0}};
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_RESOURCES);
    rig_merge(&rig, &prefix_naming, parts);
    rig_assert_list(&rig, "{\"resources\":[{\"uri\":\"u:1\",\"name\":\"a1\"},{\"uri\":\"u:2\","
                          "\"name\":\"a2\"}]}");
    rig_merge(&rig, &naming, parts);
    rig_assert_list(&rig, "{\"resources\":[{\"uri\":\"u:2\",\"name\":\"a2\"},{\"uri\":\"u:1\","
                          "\"name\":\"b1\"}]}");
    rig_assert_route(&rig, "u:1", "b", "\"u:1\"");
    assert_int_equal(rig_count_log(&rig, "a resource is hidden"), 2);
    rig_end(&rig);
}

static void test_unusable_elements_hide_no_other_and_are_logged(void **state) {
    (void)state;
    struct rig rig;
    rig_start(&rig, LIST_TOOLS);
    rig_merge(&rig, &prefix_naming,
              (const struct part[]){
                  {"b", "[1,{\"name\":\"no schema\"}," TOOL("good") "," TOOL(
                            "\\u0067ood") ","
                                          "{\"name\":\"out\"," SCHEMA ",\"outputSchema\":{}},"
                                          "{\"outputSchema\":1," SCHEMA ",\"name\":\"first\"}]"},
                  {0}});
    rig_assert_list(&rig, "{\"tools\":[" TOOL("b_good") "," TOOL(
                              "b_out") ",{" SCHEMA ",\"name\":\"b_first\"}]}");
    const char *logged = rig_log(&rig);
    assert_non_null(strstr(logged, "level=warn module=catalogue "));
    assert_non_null(
        strstr(logged, "msg=\"a tool is left out: it is not an object\" backend=b tool=\"\"\n"));
    assert_non_null(strstr(logged, "inputSchema is missing\" backend=b tool=\"no schema\"\n"));
    assert_non_null(
        strstr(logged, "the backend has another of that name\" backend=b tool=\"\\u0067ood\"\n"));
    assert_non_null(strstr(logged, "a tool is shown without its outputSchema: outputSchema.type is "
                                   "missing\" backend=b tool=\"out\"\n"));
    rig_end(&rig);
}

static void test_log_of_one_backend_is_bounded(void **state) {
    (void)state;
    struct rig rig;
    struct buffer page = {0};
    buffer_append_cstr(&page, "[1");
    for (int i = 0; i < 999; i++) {
        buffer_append_cstr(&page, ",1");
    }
    buffer_append_cstr(&page, "]");
    rig_start(&rig, LIST_TOOLS);
    rig_merge(&rig, &prefix_naming,
              (const struct part[]){{"a", "[1]"}, {"b", buffer_cstr(&page)}, {0}});
    assert_int_equal(rig_count_log(&rig, "\n"), 10);
    assert_non_null(
        strstr(rig_log(&rig), "\"more of its tools are left out\" backend=b count=992\n"));
    assert_true(
        rig_merge(&rig, &prefix_naming, (const struct part[]){{"a", "[" TOOL("t") "]"}, {0}}));
    rig_end(&rig);
    buffer_free(&page);
}

static void test_log_may_be_absent(void **state) {
    (void)state;
    struct list *list = list_new(LIST_TOOLS);
    struct trunk_slice page = slice_cstr("[1," TOOL("t") "]");
    struct list_source source = {"b", NULL, &page, 1};
    assert_true(list_merge(list, &source, 1, &prefix_naming, NULL));
    assert_int_equal(list_count(list), 1);
    list_free(list);
    list_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_know_their_methods),
        cmocka_unit_test(test_elements_of_all_pages_and_backends_come_in_order),
        cmocka_unit_test(test_nothing_gives_an_empty_list),
        cmocka_unit_test(test_bytes_of_an_element_stay_but_for_its_name),
        cmocka_unit_test(test_merge_tells_whether_the_list_differs),
        cmocka_unit_test(test_conflict_prefixes_only_what_several_backends_have),
        cmocka_unit_test(test_conflict_never_takes_a_name_that_a_backend_gave),
        cmocka_unit_test(test_a_name_with_the_longer_prefix_of_another_backend_is_left_out),
        cmocka_unit_test(test_a_backend_whose_list_is_not_known_keeps_its_names),
        cmocka_unit_test(test_conflict_keeps_to_the_longer_prefix_with_names_it_makes),
        cmocka_unit_test(test_priority_hides_what_a_backend_before_has),
        cmocka_unit_test(test_uris_stay_and_the_first_backend_has_a_doubled_one),
        cmocka_unit_test(test_unusable_elements_hide_no_other_and_are_logged),
        cmocka_unit_test(test_log_of_one_backend_is_bounded),
        cmocka_unit_test(test_log_may_be_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
