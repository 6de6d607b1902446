/* SPDX-License-Identifier: MIT
 * test_params.c - typed keys reach the driver in normal form; every bad one is told by path,
 * problem and remedy. */
#include "plugin/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <json-c/json.h>

#define MAX_TOLD 16
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct trunk_param_spec spec[] = {
    {.key = "command",
     .type = TRUNK_PARAM_STRING,
     .flags = TRUNK_PARAM_REQUIRED | TRUNK_PARAM_BACKEND,
     .help = "the program to run"},
    {.key = "args", .type = TRUNK_PARAM_LIST, .flags = TRUNK_PARAM_BACKEND},
    {.key = "env", .type = TRUNK_PARAM_MAP, .flags = TRUNK_PARAM_BACKEND | TRUNK_PARAM_SECRET},
    {.key = "cwd", .type = TRUNK_PARAM_PATH, .flags = TRUNK_PARAM_BACKEND},
    {.key = "count", .type = TRUNK_PARAM_INT, .flags = TRUNK_PARAM_BACKEND},
    {.key = "tls", .type = TRUNK_PARAM_BOOL, .flags = TRUNK_PARAM_BACKEND},
    {.key = "limit", .type = TRUNK_PARAM_SIZE, .flags = TRUNK_PARAM_BACKEND},
    {.key = "wait", .type = TRUNK_PARAM_DURATION, .flags = TRUNK_PARAM_BACKEND},
    {.key = "hidden",
     .type = TRUNK_PARAM_DURATION,
     .flags = TRUNK_PARAM_BACKEND | TRUNK_PARAM_SECRET},
    {.key = "stop_wait", .type = TRUNK_PARAM_DURATION, .fallback = "2s"},
    {.key = "depth", .type = TRUNK_PARAM_INT, .fallback = "007"},
    {.key = "room", .type = TRUNK_PARAM_SIZE, .fallback = "1KiB"},
    {.key = "word", .type = TRUNK_PARAM_STRING},
    {.key = NULL},
};

struct told {
    size_t count;
    char path[MAX_TOLD][128];
    char problem[MAX_TOLD][256];
};

static void remember(void *ctx, const char *path, const char *problem) {
    struct told *told = ctx;
    assert_true(told->count < MAX_TOLD);
    (void)snprintf(told->path[told->count], sizeof told->path[0], "%s", path);
    (void)snprintf(told->problem[told->count], sizeof told->problem[0], "%s", problem);
    told->count++;
}

static size_t parse(const char *json, bool backend, const char *const *also_known,
                    struct param_list *out, struct told *told) {
    struct json_object *object = json == NULL ? NULL : json_tokener_parse(json);
    assert_true(json == NULL || object != NULL);
    *told = (struct told){0};
    size_t count = params_parse(spec, backend, object, backend ? "mcpServers.files" : "params",
                                also_known, out, remember, told);
    assert_int_equal(count, told->count);
    json_object_put(object);
    return count;
}

static void assert_param(const struct param_list *list, size_t i, const char *key,
                         const char *value) {
    assert_true(i < list->count);
    assert_string_equal(list->items[i].key, key);
    assert_string_equal(list->items[i].value, value);
}

/* The one member beside "command" is refused with this problem. */
static void assert_problem(const char *member, const char *path, const char *problem) {
    struct param_list list;
    struct told told;
    char json[512];
    (void)snprintf(json, sizeof json, "{\"command\": \"x\", %s}", member);
    if (parse(json, true, NULL, &list, &told) != 1) {
        fail_msg("%s: %zu problems", member, told.count);
    }
    assert_string_equal(told.path[0], path);
    assert_string_equal(told.problem[0], problem);
    params_free(&list);
}

static void test_values_arrive_in_normal_form_in_the_order_of_the_spec(void **state) {
    struct param_list list;
    struct told told;
    (void)state;
    assert_int_equal(parse("{\"wait\": \"2m\", \"limit\": \"8MiB\", \"tls\": false, \"count\": "
                           "-9223372036854775807, \"cwd\": \"srv\", \"env\": {\"PATH\": \"/bin\", "
                           "\"EMPTY\": \"\"}, \"args\": [\"-y\", \"\"], \"command\": \"npx\"}",
                           true, NULL, &list, &told),
                     0);
    assert_int_equal(list.count, 10);
    assert_param(&list, 0, "command", "npx");
    assert_param(&list, 1, "args", "-y");
    assert_param(&list, 2, "args", "");
    assert_param(&list, 3, "env.PATH", "/bin");
    assert_param(&list, 4, "env.EMPTY", "");
    assert_param(&list, 5, "cwd", "srv");
    assert_param(&list, 6, "count", "-9223372036854775807");
    assert_param(&list, 7, "tls", "false");
    assert_param(&list, 8, "limit", "8388608");
    assert_param(&list, 9, "wait", "120000");
    params_free(&list);
    assert_null(list.items);
    assert_int_equal(list.count, 0);
}

static void test_path_left_empty_counts_as_absent_unless_it_is_required(void **state) {
    static const struct trunk_param_spec required[] = {
        {.key = "path", .type = TRUNK_PARAM_PATH, .flags = TRUNK_PARAM_REQUIRED}, {.key = NULL}};
    struct param_list list;
    struct told told;
    (void)state;
    assert_int_equal(parse("{\"command\": \"x\", \"cwd\": \"\"}", true, NULL, &list, &told), 0);
    assert_int_equal(list.count, 1);
    params_free(&list);
    told = (struct told){0};
    struct json_object *object = json_tokener_parse("{\"path\": \"\"}");
    assert_int_equal(
        params_parse(required, false, object, "storage.params", NULL, &list, remember, &told), 1);
    assert_string_equal(told.problem[0], "must not be empty; write a path");
    params_free(&list);
    (void)json_object_put(object);
}

static void test_absent_keys_get_their_fallback_in_normal_form(void **state) {
    struct param_list list;
    struct told told;
    (void)state;
    assert_int_equal(parse(NULL, false, NULL, &list, &told), 0);
    assert_int_equal(list.count, 3);
    assert_param(&list, 0, "stop_wait", "2000");
    assert_param(&list, 1, "depth", "7");
    assert_param(&list, 2, "room", "1024");
    params_free(&list);
    assert_int_equal(parse("{\"stop_wait\": \"0\", \"room\": 12}", false, NULL, &list, &told), 0);
    assert_param(&list, 0, "stop_wait", "0");
    assert_param(&list, 2, "room", "12");
    params_free(&list);
}

static void test_driver_without_params_takes_none(void **state) {
    struct param_list list;
    struct told told = {0};
    struct json_object *object = json_tokener_parse("{\"a\": 1}");
    (void)state;
    assert_int_equal(
        params_parse(NULL, false, NULL, "storage.params", NULL, &list, remember, &told), 0);
    assert_int_equal(
        params_parse(NULL, false, object, "storage.params", NULL, &list, remember, &told), 1);
    assert_string_equal(told.path[0], "storage.params.a");
    assert_string_equal(told.problem[0], "unknown key \"a\"; remove it, there are no keys here");
    assert_int_equal(list.count, 0);
    params_free(&list);
    json_object_put(object);
}

static void test_missing_required_key_is_told(void **state) {
    struct param_list list;
    struct told told;
    (void)state;
    assert_int_equal(parse(NULL, true, NULL, &list, &told), 1);
    assert_string_equal(told.path[0], "mcpServers.files.command");
    assert_string_equal(told.problem[0], "is missing; add it: a string, the program to run");
    params_free(&list);
}

static void test_unknown_key_is_told_with_the_nearest_known_one(void **state) {
    (void)state;
    assert_problem("\"agrs\": []", "mcpServers.files.agrs",
                   "unknown key \"agrs\"; did you mean \"args\"?");
    assert_problem("\"colour\": 1", "mcpServers.files.colour",
                   "unknown key \"colour\"; remove it, the keys here are: command, args, env, cwd, "
                   "count, tls, limit, wait, hidden");
}

static void test_key_of_the_other_place_is_told_where_it_belongs(void **state) {
    struct param_list list;
    struct told told;
    (void)state;
    assert_problem(
        "\"stop_wait\": \"1s\"", "mcpServers.files.stop_wait",
        "\"stop_wait\" is a key of the driver's own \"params\", not of a backend; move it there");
    assert_int_equal(parse("{\"command\": \"x\"}", false, NULL, &list, &told), 1);
    assert_string_equal(
        told.problem[0],
        "\"command\" is a key of each backend, not of the driver's own \"params\"; move it there");
    params_free(&list);
}

static void test_keys_of_the_core_are_known_too(void **state) {
    static const char *const also_known[] = {"disabled", "timeout", NULL};
    struct param_list list;
    struct told told;
    (void)state;
    assert_int_equal(parse("{\"command\": \"x\", \"disabled\": 1, \"timeuot\": 2}", true,
                           also_known, &list, &told),
                     1);
    assert_string_equal(told.problem[0], "unknown key \"timeuot\"; did you mean \"timeout\"?");
    assert_int_equal(list.count, 1);
    params_free(&list);
}

static void test_wrong_type_is_told_with_the_right_one(void **state) {
    static const struct {
        const char *member;
        const char *key;
        const char *problem;
    } cases[] = {
        {"\"args\": 5", "args", "must be a list of strings, not a number"},
        {"\"args\": \"-y\"", "args", "must be a list of strings, not a string"},
        {"\"args\": [\"a\", 1]", "args[1]", "must be a string, not a number"},
        {"\"env\": []", "env", "must be an object of strings, not a list"},
        {"\"env\": {\"A\": null}", "env.A", "must be a string, not null"},
        {"\"cwd\": {}", "cwd", "must be a path (a string), not an object"},
        {"\"count\": \"5\"", "count", "must be a whole number, not a string"},
        {"\"count\": 1.5", "count", "must be a whole number, not a number with a fraction"},
        {"\"count\": 9223372036854775808", "count",
         "is too large; write at most 9223372036854775807"},
        {"\"count\": 99999999999999999999999", "count",
         "is too large; write at most 9223372036854775807"},
        {"\"tls\": \"true\"", "tls", "must be true or false, not a string"},
        {"\"tls\": 1", "tls", "must be true or false, not a number"},
        {"\"limit\": -1", "limit",
         "must not be negative; write a number of bytes, or like \"8MiB\""},
        {"\"limit\": \"8MB\"", "limit",
         "\"8MB\" is not a size: write a number with B, KiB, MiB or GiB, like \"8MiB\""},
        {"\"limit\": true", "limit", "must be a size like \"8MiB\", not true or false"},
        {"\"wait\": \"30 sec\"", "wait",
         "\"30 sec\" is not a duration: write a number with ms, s, m, h or d, like \"30s\""},
        {"\"wait\": 30", "wait", "must be a duration like \"30s\", not a number"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "mcpServers.files.%s", cases[i].key);
        assert_problem(cases[i].member, path, cases[i].problem);
    }
}

static void test_string_with_a_nul_is_refused_everywhere(void **state) {
    static const char problem[] = "must not contain the character \\u0000; remove it";
    (void)state;
    assert_problem("\"cwd\": \"a\\u0000b\"", "mcpServers.files.cwd", problem);
    assert_problem("\"args\": [\"\\u0000\"]", "mcpServers.files.args[0]", problem);
    assert_problem("\"env\": {\"A\": \"x\\u0000\"}", "mcpServers.files.env.A", problem);
}

static void test_secret_values_are_never_shown(void **state) {
    (void)state;
    assert_problem("\"hidden\": \"hunter2\"", "mcpServers.files.hidden",
                   "is not a duration: write a number with ms, s, m, h or d, like \"30s\"");
}

static void test_long_values_are_shown_in_part_and_whole_characters(void **state) {
    (void)state;
    assert_problem("\"wait\": \"123456789012345678901234567890123456789\xc3\xa4 and more\"",
                   "mcpServers.files.wait",
                   "\"123456789012345678901234567890123456789...\" is not a duration: write a "
                   "number with ms, s, m, h or d, like \"30s\"");
}

static void test_all_problems_are_told_and_the_good_values_kept(void **state) {
    struct param_list list;
    struct told told;
    (void)state;
    assert_int_equal(parse("{\"args\": [1, \"kept\", 2], \"count\": 3, \"nonsense\": 1}", true,
                           NULL, &list, &told),
                     4);
    assert_int_equal(list.count, 2);
    assert_param(&list, 0, "args", "kept");
    assert_param(&list, 1, "count", "3");
    params_free(&list);
}

static void test_params_must_be_an_object(void **state) {
    struct param_list list;
    struct told told;
    (void)state;
    assert_int_equal(parse("[]", false, NULL, &list, &told), 1);
    assert_string_equal(told.path[0], "params");
    assert_string_equal(told.problem[0], "must be an object, not a list");
    params_free(&list);
}

static void test_durations_are_digits_with_a_unit(void **state) {
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"0", 0},          {"0s", 0},       {"500ms", 500},
                {"30s", 30000},    {"15m", 900000}, {"24h", 86400000},
                {"7d", 604800000}, {"007s", 7000},  {"18446744073709551615ms", UINT64_MAX}};
    static const char *const bad[] = {"",
                                      "5",
                                      "s",
                                      "-1s",
                                      "+1s",
                                      " 1s",
                                      "1s ",
                                      "1 s",
                                      "1.5s",
                                      "1S",
                                      "1w",
                                      "1ss",
                                      "ms",
                                      "18446744073709551616ms",
                                      "18446744073709551615s"};
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        uint64_t ms = 1;
        assert_int_equal(duration_parse(good[i].text, &ms), TRUNK_OK);
        assert_true(ms == good[i].ms);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint64_t ms = 4711;
        if (duration_parse(bad[i], &ms) != TRUNK_INVALID) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_int_equal(ms, 4711);
    }
}

static void test_sizes_are_digits_with_a_binary_unit_or_none(void **state) {
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"12", 12},
                {"512B", 512},
                {"64KiB", 65536},
                {"8MiB", 8388608},
                {"1GiB", 1073741824},
                {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",   "B",    "8MB",    "8M",   "8 MiB",
                                      "-1", "8mib", "1.5KiB", "1TiB", "18446744073709551615KiB"};
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        uint64_t bytes = 1;
        assert_int_equal(size_parse(good[i].text, &bytes), TRUNK_OK);
        assert_true(bytes == good[i].bytes);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint64_t bytes = 4711;
        if (size_parse(bad[i], &bytes) != TRUNK_INVALID) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_int_equal(bytes, 4711);
    }
}

static void test_nearest_word_is_a_slip_away(void **state) {
    static const char *const known[] = {"args", "env", "command", "cwd"};
    char word[200];
    (void)state;
    assert_string_equal(nearest_word("arg", known, 4), "args");
    assert_string_equal(nearest_word("comand", known, 4), "command");
    assert_string_equal(nearest_word("comnmad", known, 4), "command");
    assert_string_equal(nearest_word("cmnd", known, 4), "cwd");
    assert_null(nearest_word("comannnd", known, 4));
    assert_null(nearest_word("ab", known, 4)); /* two edits of two letters are no slip */
    assert_null(nearest_word("", known, 4));
    assert_null(nearest_word("args", known, 0));
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_null(nearest_word(word, known, 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_arrive_in_normal_form_in_the_order_of_the_spec),
        cmocka_unit_test(test_path_left_empty_counts_as_absent_unless_it_is_required),
        cmocka_unit_test(test_absent_keys_get_their_fallback_in_normal_form),
        cmocka_unit_test(test_driver_without_params_takes_none),
        cmocka_unit_test(test_missing_required_key_is_told),
        cmocka_unit_test(test_unknown_key_is_told_with_the_nearest_known_one),
        cmocka_unit_test(test_key_of_the_other_place_is_told_where_it_belongs),
        cmocka_unit_test(test_keys_of_the_core_are_known_too),
        cmocka_unit_test(test_wrong_type_is_told_with_the_right_one),
        cmocka_unit_test(test_string_with_a_nul_is_refused_everywhere),
        cmocka_unit_test(test_secret_values_are_never_shown),
        cmocka_unit_test(test_long_values_are_shown_in_part_and_whole_characters),
        cmocka_unit_test(test_all_problems_are_told_and_the_good_values_kept),
        cmocka_unit_test(test_params_must_be_an_object),
        cmocka_unit_test(test_durations_are_digits_with_a_unit),
        cmocka_unit_test(test_sizes_are_digits_with_a_binary_unit_or_none),
        cmocka_unit_test(test_nearest_word_is_a_slip_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
