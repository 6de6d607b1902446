/* SPDX-License-Identifier: MIT
 * test_json_cut.c - the members that json_cut cuts out. */
#include "fixture.h"

enum { ID, PARAMS, NAME, META, TOKEN, RESULT, COUNT };

static const struct json_path paths[COUNT] = {
    [ID] = {JSON_ROOT, "id"},   [PARAMS] = {JSON_ROOT, "params"},  [NAME] = {PARAMS, "name"},
    [META] = {PARAMS, "_meta"}, [TOKEN] = {META, "progressToken"}, [RESULT] = {JSON_ROOT, "result"},
};

struct cut {
    struct json_value values[COUNT];
    struct json_value root;
};

static struct cut cut(const char *text) {
    struct cut cut;
    struct json_error error;
    if (json_cut(slice_cstr(text), paths, COUNT, cut.values, &cut.root, &error) != TRUNK_OK) {
        fail_msg("%s: %s at %zu", text, error.what, error.offset);
    }
    return cut;
}

static void assert_value(const struct json_value *value, enum json_kind type, const char *text) {
    assert_int_equal(value->type, type);
    assert_int_equal(value->count, 1);
    assert_slice(value->text, text);
}

static void assert_absent(const struct json_value *value) {
    assert_int_equal(value->type, JSON_NONE);
    assert_int_equal(value->count, 0);
    assert_int_equal(value->text.len, 0);
}

static void test_values_keep_their_bytes_and_lie_within_the_text(void **state) {
    (void)state;
    const char *text =
        " { \"id\" : 1.50e+01 ,\n\"params\":{ \"name\" : \"a\\u0062\\n\" , \"x\":[ 1 ] },"
        "\"result\":[ {} , 2 ] } ";
    struct cut got = cut(text);
    assert_value(&got.values[ID], JSON_NUMBER, "1.50e+01");
    assert_value(&got.values[PARAMS], JSON_OBJECT, "{ \"name\" : \"a\\u0062\\n\" , \"x\":[ 1 ] }");
    assert_value(&got.values[NAME], JSON_STRING, "\"a\\u0062\\n\"");
    assert_value(&got.values[RESULT], JSON_ARRAY, "[ {} , 2 ]");
    assert_absent(&got.values[META]);
    assert_absent(&got.values[TOKEN]);
    assert_ptr_equal(got.values[ID].text.data, strstr(text, "1.50"));
}

static void test_root_is_the_document_without_white_space_around_it(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum json_kind type;
        const char *root;
    } table[] = {
        {"\t{ }\r\n", JSON_OBJECT, "{ }"}, {" [1] ", JSON_ARRAY, "[1]"},
        {" \"a\" ", JSON_STRING, "\"a\""}, {" -1 ", JSON_NUMBER, "-1"},
        {" true", JSON_TRUE, "true"},      {"false ", JSON_FALSE, "false"},
        {"null\n", JSON_NULL, "null"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct cut got = cut(table[i].text);
        assert_value(&got.root, table[i].type, table[i].root);
    }
}

static void test_each_kind_of_value_is_told(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum json_kind type;
    } table[] = {
        {"{\"id\":{}}", JSON_OBJECT},   {"{\"id\":[]}", JSON_ARRAY},
        {"{\"id\":\"\"}", JSON_STRING}, {"{\"id\":0}", JSON_NUMBER},
        {"{\"id\":-1}", JSON_NUMBER},   {"{\"id\":true}", JSON_TRUE},
        {"{\"id\":false}", JSON_FALSE}, {"{\"id\":null}", JSON_NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct cut got = cut(table[i].text);
        assert_int_equal(got.values[ID].type, table[i].type);
        assert_int_equal(got.values[ID].text.len, strlen(table[i].text) - strlen("{\"id\":}"));
    }
}

static void test_members_are_found_only_below_their_own_parent(void **state) {
    (void)state;
    struct cut got = cut("{\"name\":1,\"progressToken\":2,\"x\":{\"id\":3,\"params\":{\"name\":4}},"
                         "\"params\":{\"id\":5,\"params\":{\"name\":6},\"progressToken\":7,"
                         "\"x\":{\"_meta\":{\"progressToken\":8}}}}");
    assert_absent(&got.values[ID]);
    assert_absent(&got.values[NAME]);
    assert_absent(&got.values[META]);
    assert_absent(&got.values[TOKEN]);
    assert_int_equal(got.values[PARAMS].count, 1);
}

static void test_members_of_objects_in_arrays_are_not_taken(void **state) {
    (void)state;
    struct cut got = cut("[{\"id\":1,\"params\":{\"name\":2}}]");
    assert_absent(&got.values[ID]);
    assert_absent(&got.values[PARAMS]);
    got = cut("{\"params\":[{\"name\":1},{\"name\":2}],\"id\":[{\"id\":3}]}");
    assert_int_equal(got.values[PARAMS].type, JSON_ARRAY);
    assert_absent(&got.values[NAME]);
    assert_value(&got.values[ID], JSON_ARRAY, "[{\"id\":3}]");
}

static void test_members_behind_nested_values_are_found(void **state) {
    (void)state;
    struct cut got = cut("{\"x\":{\"y\":[{}]},\"params\":{\"x\":[[]],\"_meta\":{\"y\":{},"
                         "\"progressToken\":\"t\"},\"name\":\"n\"},\"id\":9}");
    assert_value(&got.values[TOKEN], JSON_STRING, "\"t\"");
    assert_value(&got.values[NAME], JSON_STRING, "\"n\"");
    assert_value(&got.values[ID], JSON_NUMBER, "9");
}

static void test_keys_are_compared_after_unescaping(void **state) {
    (void)state;
    struct cut got = cut("{\"\\u0069d\":1,\"p\\u0061rams\":{\"\\u006e\\u0061\\u006d\\u0065\":2,"
                         "\"\\u005fmeta\":{\"progress\\u0054oken\":3}}}");
    assert_value(&got.values[ID], JSON_NUMBER, "1");
    assert_value(&got.values[NAME], JSON_NUMBER, "2");
    assert_value(&got.values[TOKEN], JSON_NUMBER, "3");
}

static void test_keys_that_only_begin_alike_are_others(void **state) {
    (void)state;
    struct cut got =
        cut("{\"i\":1,\"id2\":2,\"ID\":3,\"\":4,\"id\\u0000\":5,\"\\u0069\":6,\" id\":7,"
            "\"\\\\u0069d\":8}");
    assert_absent(&got.values[ID]);
}

static void test_second_member_is_counted_and_the_first_is_kept(void **state) {
    (void)state;
    struct cut got = cut("{\"id\":1,\"id\":\"2\",\"\\u0069d\":[3]}");
    assert_int_equal(got.values[ID].count, 3);
    assert_int_equal(got.values[ID].type, JSON_NUMBER);
    assert_slice(got.values[ID].text, "1");
}

static void test_members_of_a_second_parent_are_not_taken(void **state) {
    (void)state;
    struct cut got = cut("{\"params\":{\"name\":1},\"params\":{\"name\":2,\"_meta\":{}}}");
    assert_int_equal(got.values[PARAMS].count, 2);
    assert_slice(got.values[PARAMS].text, "{\"name\":1}");
    assert_value(&got.values[NAME], JSON_NUMBER, "1");
    assert_absent(&got.values[META]);
}

static void test_values_of_an_earlier_cut_are_cleared(void **state) {
    (void)state;
    struct cut got = cut("{\"id\":1,\"id\":1}");
    struct json_error error = {7, "x"};
    assert_int_equal(json_cut(slice_cstr("{}"), paths, COUNT, got.values, &got.root, &error),
                     TRUNK_OK);
    assert_absent(&got.values[ID]);
    assert_string_equal(error.what, "");
}

static void test_a_full_table_of_paths_is_served(void **state) {
    (void)state;
    struct json_path chain[JSON_MAX_PATHS];
    struct json_value values[JSON_MAX_PATHS];
    struct json_value root;
    struct json_error error;
    struct buffer text = {0};
    for (int i = 0; i < JSON_MAX_PATHS; i++) {
        chain[i] = (struct json_path){i - 1, "a"};
        buffer_append_cstr(&text, "{\"a\":");
    }
    buffer_append_cstr(&text, "7");
    for (int i = 0; i < JSON_MAX_PATHS; i++) {
        buffer_append_cstr(&text, "}");
    }
    assert_int_equal(json_cut(buffer_slice(&text), chain, JSON_MAX_PATHS, values, &root, &error),
                     TRUNK_OK);
    for (int i = 0; i < JSON_MAX_PATHS; i++) {
        assert_int_equal(values[i].count, 1);
    }
    assert_slice(values[JSON_MAX_PATHS - 1].text, "7");
    buffer_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_keep_their_bytes_and_lie_within_the_text),
        cmocka_unit_test(test_root_is_the_document_without_white_space_around_it),
        cmocka_unit_test(test_each_kind_of_value_is_told),
        cmocka_unit_test(test_members_are_found_only_below_their_own_parent),
        cmocka_unit_test(test_members_of_objects_in_arrays_are_not_taken),
        cmocka_unit_test(test_members_behind_nested_values_are_found),
        cmocka_unit_test(test_keys_are_compared_after_unescaping),
        cmocka_unit_test(test_keys_that_only_begin_alike_are_others),
        cmocka_unit_test(test_second_member_is_counted_and_the_first_is_kept),
        cmocka_unit_test(test_members_of_a_second_parent_are_not_taken),
        cmocka_unit_test(test_values_of_an_earlier_cut_are_cleared),
        cmocka_unit_test(test_a_full_table_of_paths_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
