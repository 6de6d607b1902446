/* SPDX-License-Identifier: MIT
 * test_expand.c - ${NAME} in the config's strings. */
#include "app/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <json-c/json.h>

static void assert_expands(const char *text, const char *expected) {
    struct buffer out = {0};
    struct trunk_error error = {0};
    assert_int_equal(expand_text(text, &out, &error), TRUNK_OK);
    assert_string_equal(buffer_cstr(&out), expected);
    buffer_free(&out);
}

static void assert_refused(const char *text, const char *problem) {
    struct buffer out = {0};
    struct trunk_error error = {0};
    assert_int_equal(expand_text(text, &out, &error), TRUNK_INVALID);
    if (strstr(error.text, problem) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.text, problem);
    }
    buffer_free(&out);
}

static int set_environment(void **state) {
    (void)state;
    return setenv("T_WORD", "hunter2", 1) | setenv("T_EMPTY", "", 1) |
           setenv("T_NESTED", "${T_WORD}", 1) | unsetenv("T_NONE");
}

static void test_text_without_references_stays(void **state) {
    (void)state;
    assert_expands("", "");
    assert_expands("plain", "plain");
    assert_expands("5$ and $HOME and $$ and }", "5$ and $HOME and $$ and }");
}

static void test_reference_becomes_the_value(void **state) {
    (void)state;
    assert_expands("${T_WORD}", "hunter2");
    assert_expands("a${T_WORD}b${T_WORD}", "ahunter2bhunter2");
    assert_expands("$${T_WORD", "${T_WORD");
    assert_expands("[${T_EMPTY}]", "[]");
}

static void test_default_is_taken_for_unset_and_empty(void **state) {
    (void)state;
    assert_expands("${T_NONE:-fall back}", "fall back");
    assert_expands("${T_EMPTY:-x}", "x");
    assert_expands("${T_NONE:-}", "");
    assert_expands("${T_WORD:-x}", "hunter2");
    assert_expands("${T_NONE:-a:-b}", "a:-b");
}

static void test_doubled_dollar_is_a_literal(void **state) {
    (void)state;
    assert_expands("$${T_WORD}", "${T_WORD}");
    assert_expands("$${T_WORD} ${T_WORD}", "${T_WORD} hunter2");
}

static void test_value_is_not_expanded_again(void **state) {
    (void)state;
    assert_expands("${T_NESTED}", "${T_WORD}");
}

static void test_unset_variable_is_refused_by_its_name(void **state) {
    (void)state;
    assert_refused("${T_NONE}", "environment variable T_NONE is not set");
    assert_refused("${T_NONE}", "${T_NONE:-default}");
}

static void test_broken_reference_is_refused(void **state) {
    (void)state;
    assert_refused("${T_WORD", "without \"}\"");
    assert_refused("${}", "not the name of an environment variable");
    assert_refused("${env:T_WORD}", "not the name of an environment variable");
    assert_refused("${1A}", "not the name of an environment variable");
    assert_refused("${T_WORD-x}", "not the name of an environment variable");
}

struct told {
    size_t count;
    char where[128];
    char problem[256];
};

static void remember(void *ctx, const char *where, const char *problem) {
    struct told *told = ctx;
    told->count++;
    (void)snprintf(told->where, sizeof told->where, "%s", where);
    (void)snprintf(told->problem, sizeof told->problem, "%s", problem);
}

static void test_tree_is_expanded_in_values_and_not_in_keys(void **state) {
    (void)state;
    struct told told = {0};
    struct problems problems;
    problems_init(&problems, "F", remember, &told);
    struct json_object *tree =
        json_tokener_parse("{\"${T_WORD}\": [\"${T_WORD}\", {\"a\": \"<${T_WORD}>\"}, 1, null]}");
    expand_tree(tree, "", &problems);
    assert_string_equal(json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN),
                        "{\"${T_WORD}\":[\"hunter2\",{\"a\":\"<hunter2>\"},1,null]}");
    assert_int_equal(told.count, 0);
    json_object_put(tree);
    problems_clear(&problems);
}

static void test_problem_names_the_path_and_never_a_value(void **state) {
    (void)state;
    struct told told = {0};
    struct problems problems;
    problems_init(&problems, "F", remember, &told);
    struct json_object *tree =
        json_tokener_parse("{\"a\": {\"b\": [\"ok\", \"${T_WORD}${T_NONE}\"]}}");
    expand_tree(tree, "", &problems);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.where, "F: a.b[1]");
    assert_non_null(strstr(told.problem, "T_NONE"));
    assert_null(strstr(told.problem, "hunter2"));
    json_object_put(tree);
    problems_clear(&problems);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_without_references_stays),
        cmocka_unit_test(test_reference_becomes_the_value),
        cmocka_unit_test(test_default_is_taken_for_unset_and_empty),
        cmocka_unit_test(test_doubled_dollar_is_a_literal),
        cmocka_unit_test(test_value_is_not_expanded_again),
        cmocka_unit_test(test_unset_variable_is_refused_by_its_name),
        cmocka_unit_test(test_broken_reference_is_refused),
        cmocka_unit_test(test_tree_is_expanded_in_values_and_not_in_keys),
        cmocka_unit_test(test_problem_names_the_path_and_never_a_value),
    };
    return cmocka_run_group_tests(tests, set_environment, NULL);
}
