/* SPDX-License-Identifier: MIT
 * test_json_text.c - readers of checked JSON text, and writers. */
#include "fixture.h"

static void assert_elements(const char *array, const char *const *expected, size_t count) {
    struct json_value element;
    size_t cursor = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(json_array_next(slice_cstr(array), &cursor, &element));
        assert_slice(element.text, expected[i]);
        assert_int_equal(element.count, 1);
    }
    assert_false(json_array_next(slice_cstr(array), &cursor, &element));
    assert_false(json_array_next(slice_cstr(array), &cursor, &element));
}

static void test_array_is_walked_in_order_over_any_white_space(void **state) {
    (void)state;
    static const char *const elements[] = {"1",       "\"],[\\\"\"", "{\"a\":[1,{}],\"b\":\"}\"}",
                                           "[[],[]]", "true",        "false",
                                           "null",    "-1.5e+3"};
    assert_elements("[1,\"],[\\\"\",{\"a\":[1,{}],\"b\":\"}\"},[[],[]],true,false,null,-1.5e+3]",
                    elements, 8);
    assert_elements(
        "[ 1 ,\n\"],[\\\"\"\t, {\"a\":[1,{}],\"b\":\"}\"} ,[[],[]] , true\r,false ,null , "
        "-1.5e+3 ]",
        elements, 8);
    assert_elements("[]", NULL, 0);
    assert_elements("[ \n ]", NULL, 0);
}

static void test_kinds_of_elements_are_told(void **state) {
    (void)state;
    static const enum json_kind kinds[] = {JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_ARRAY,
                                           JSON_TRUE,   JSON_FALSE,  JSON_NULL,   JSON_NUMBER};
    struct json_value element;
    size_t cursor = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_true(
            json_array_next(slice_cstr("[0,\"\",{},[],true,false,null,-1]"), &cursor, &element));
        assert_int_equal(element.type, kinds[i]);
    }
}

static void test_object_is_walked_with_keys_in_quotes(void **state) {
    (void)state;
    struct trunk_slice object = slice_cstr("{ \"a\\\"}\" : 1 ,\"\":{\"x\":[]}, \"c\":\"d\" }");
    struct trunk_slice key;
    struct json_value value;
    size_t cursor = 0;
    assert_true(json_object_next(object, &cursor, &key, &value));
    assert_slice(key, "\"a\\\"}\"");
    assert_slice(value.text, "1");
    assert_true(json_object_next(object, &cursor, &key, &value));
    assert_slice(key, "\"\"");
    assert_slice(value.text, "{\"x\":[]}");
    assert_true(json_object_next(object, &cursor, &key, &value));
    assert_slice(key, "\"c\"");
    assert_slice(value.text, "\"d\"");
    assert_false(json_object_next(object, &cursor, &key, &value));
    cursor = 0;
    assert_false(json_object_next(slice_cstr("{ }"), &cursor, &key, &value));
}

static void test_find_takes_the_first_and_counts_all(void **state) {
    (void)state;
    struct trunk_slice object =
        slice_cstr("{\"x\":{\"a\":0},\"\\u0061\":1,\"a\":2,\"aa\":3,\"a\":4}");
    struct json_value value = json_find(object, "a");
    assert_slice(value.text, "1");
    assert_int_equal(value.type, JSON_NUMBER);
    assert_int_equal(value.count, 3);
    value = json_find(object, "b");
    assert_int_equal(value.type, JSON_NONE);
    assert_int_equal(value.count, 0);
}

static void test_strings_are_compared_after_unescaping(void **state) {
    (void)state;
    assert_true(json_string_equal(slice_cstr("\"\""), slice_cstr("")));
    assert_true(json_string_equal(slice_cstr("\"abc\""), slice_cstr("abc")));
    assert_true(json_string_equal(slice_cstr("\"\\u0061b\\u0063\""), slice_cstr("abc")));
    assert_true(json_string_equal(slice_cstr("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
                                  slice_cstr("\"\\/\b\f\n\r\t")));
    assert_true(
        json_string_equal(slice_cstr("\"\\ud83d\\uDE00\""), slice_cstr("\xf0\x9f\x98\x80")));
    assert_true(json_string_equal(slice_cstr("\"a\\u0000b\""), slice_of("a\0b", 3)));
    assert_false(json_string_equal(slice_cstr("\"a\\u0000b\""), slice_cstr("a")));
    assert_false(json_string_equal(slice_cstr("\"abc\""), slice_cstr("ab")));
    assert_false(json_string_equal(slice_cstr("\"ab\""), slice_cstr("abc")));
    assert_false(json_string_equal(slice_cstr("\"\\u00e9\""), slice_cstr("\xc3")));
    assert_false(json_string_equal(slice_cstr("\"\""), slice_cstr("a")));
}

static void assert_decoded(const char *quoted, const char *expected) {
    struct buffer out = {0};
    json_string_decode(slice_cstr(quoted), &out);
    assert_buffer(&out, expected);
}

static void test_strings_are_decoded(void **state) {
    (void)state;
    assert_decoded("\"\"", "");
    assert_decoded("\"plain \xe4\xb8\xad\"", "plain \xe4\xb8\xad");
    assert_decoded("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
    assert_decoded("\"\\u0041\\u00e9\\u4E2d\\uFFFF\"", "A\xc3\xa9\xe4\xb8\xad\xef\xbf\xbf");
    assert_decoded("\"\\ud800\\udc00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    assert_decoded("\"\\u007f\\u0080\\u07ff\\u0800\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80");
}

static void test_a_lone_surrogate_becomes_a_replacement_character(void **state) {
    (void)state;
    assert_decoded("\"\\ud800\"", "\xef\xbf\xbd");
    assert_decoded("\"\\udc00x\"", "\xef\xbf\xbdx");
    assert_decoded("\"\\ud800\\u0041\"", "\xef\xbf\xbd"
                                         "A");
    assert_decoded("\"\\ud800\\n\"", "\xef\xbf\xbd\n");
    assert_decoded("\"\\ud800abcdef\"", "\xef\xbf\xbd"
                                        "abcdef");
    assert_decoded("\"\\ud800\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80");
    assert_decoded("\"\\udc00\\ud800\"", "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_only_plain_non_negative_integers_of_64_bits_are_numbers(void **state) {
    (void)state;
    static const char *const others[] = {"-0",
                                         "-1",
                                         "1.0",
                                         "1e2",
                                         "18446744073709551616",
                                         "",
                                         "\"1\"",
                                         "null",
                                         "99999999999999999999999"};
    uint64_t value = 7;
    assert_true(json_number_u64(slice_cstr("0"), &value));
    assert_int_equal(value, 0);
    assert_true(json_number_u64(slice_cstr("9007199254740993"), &value));
    assert_int_equal(value, UINT64_C(9007199254740993));
    assert_true(json_number_u64(slice_cstr("18446744073709551615"), &value));
    assert_int_equal(value, UINT64_MAX);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(json_number_u64(slice_cstr(others[i]), &value));
    }
}

static void assert_encoded(struct trunk_slice plain, const char *expected) {
    struct buffer out = {0};
    json_string_encode(&out, plain);
    assert_buffer(&out, expected);
}

static void test_strings_are_encoded_with_what_must_be_escaped(void **state) {
    (void)state;
    assert_encoded(slice_of(NULL, 0), "\"\"");
    assert_encoded(slice_cstr("plain / text"), "\"plain / text\"");
    assert_encoded(slice_cstr("\"a\\b\""), "\"\\\"a\\\\b\\\"\"");
    assert_encoded(slice_cstr("\x01\n\x1f\x7f"), "\"\\u0001\\u000a\\u001f\x7f\"");
    assert_encoded(slice_of("a\0b", 3), "\"a\\u0000b\"");
    assert_encoded(slice_cstr("\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80"),
                   "\"\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80\"");
}

static void test_bad_bytes_are_encoded_as_replacement_characters(void **state) {
    (void)state;
    assert_encoded(slice_cstr("\xff"), "\"\xef\xbf\xbd\"");
    assert_encoded(slice_cstr("a\xe4\xb8"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_encoded(slice_cstr("\xc3\"x"), "\"\xef\xbf\xbd\\\"x\"");
    assert_encoded(slice_cstr("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_encoded(slice_cstr("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_whatever_is_encoded_passes_the_checker_and_decodes_to_itself(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[3] = {'a', (char)(unsigned char)byte, 'b'};
        struct buffer quoted = {0};
        struct buffer plain = {0};
        struct json_error error;
        json_string_encode(&quoted, slice_of(text, sizeof text));
        assert_int_equal(check(buffer_slice(&quoted), &error), TRUNK_OK);
        json_string_decode(buffer_slice(&quoted), &plain);
        if (byte < 0x80) {
            assert_int_equal(plain.len, sizeof text);
            assert_memory_equal(plain.data, text, sizeof text);
        } else {
            assert_slice(buffer_slice(&plain), "a\xef\xbf\xbd"
                                               "b");
        }
        buffer_free(&quoted);
        buffer_free(&plain);
    }
}

static void test_raw_line_breaks_become_spaces_and_nothing_else_changes(void **state) {
    (void)state;
    struct buffer out = {0};
    buffer_append_cstr(&out, "kept\n");
    json_append_one_line(&out, slice_cstr("{\r\n\"a\\n\":\r[\n\n1]\n}\r"));
    json_append_one_line(&out, slice_of(NULL, 0));
    json_append_one_line(&out, slice_cstr("[\t2 ]"));
    assert_buffer(&out, "kept\n{  \"a\\n\": [  1] } [\t2 ]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_array_is_walked_in_order_over_any_white_space),
        cmocka_unit_test(test_kinds_of_elements_are_told),
        cmocka_unit_test(test_object_is_walked_with_keys_in_quotes),
        cmocka_unit_test(test_find_takes_the_first_and_counts_all),
        cmocka_unit_test(test_strings_are_compared_after_unescaping),
        cmocka_unit_test(test_strings_are_decoded),
        cmocka_unit_test(test_a_lone_surrogate_becomes_a_replacement_character),
        cmocka_unit_test(test_only_plain_non_negative_integers_of_64_bits_are_numbers),
        cmocka_unit_test(test_strings_are_encoded_with_what_must_be_escaped),
        cmocka_unit_test(test_bad_bytes_are_encoded_as_replacement_characters),
        cmocka_unit_test(test_whatever_is_encoded_passes_the_checker_and_decodes_to_itself),
        cmocka_unit_test(test_raw_line_breaks_become_spaces_and_nothing_else_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
