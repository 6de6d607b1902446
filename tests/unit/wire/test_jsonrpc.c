/* SPDX-License-Identifier: MIT
 * test_jsonrpc.c - cutting of messages: what is one, and what a refusal says. Writing:
 * test_jsonrpc_write.c. */
#include "fixture.h"

#include <stdio.h>

#include "wire/jsonrpc.h"

static struct message parse(const char *text) {
    struct message message;
    struct message_error error;
    if (message_parse(slice_cstr(text), &message, &error) != TRUNK_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return message;
}

static void assert_value(const struct json_value *value, enum json_kind type, const char *text) {
    assert_int_equal(value->type, type);
    assert_slice(value->text, text);
}

static void test_request_is_cut_into_its_members(void **state) {
    (void)state;
    struct message message = parse(
        " {\"jsonrpc\":\"2.0\", \"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"a_b\","
        "\"uri\":\"u:1\",\"cursor\":\"c\",\"arguments\":{\"name\":1},\"_meta\":{"
        "\"progressToken\":\"t\"}},\"extra\":1}\n");
    assert_int_equal(message.kind, MESSAGE_REQUEST);
    assert_int_equal(((const char *)message.text.data)[0], '{');
    assert_int_equal(((const char *)message.text.data)[message.text.len - 1], '}');
    assert_value(&message.id, JSON_NUMBER, "7");
    assert_value(&message.method, JSON_STRING, "\"tools/call\"");
    assert_int_equal(message.params.type, JSON_OBJECT);
    assert_value(&message.name, JSON_STRING, "\"a_b\"");
    assert_value(&message.uri, JSON_STRING, "\"u:1\"");
    assert_value(&message.cursor, JSON_STRING, "\"c\"");
    assert_value(&message.meta, JSON_OBJECT, "{\"progressToken\":\"t\"}");
    assert_value(&message.meta_token, JSON_STRING, "\"t\"");
    assert_int_equal(message.progress_token.type, JSON_NONE);
    assert_int_equal(message.result.type, JSON_NONE);
    assert_int_equal(message.error.type, JSON_NONE);
}

static void test_initialize_and_its_answer_are_cut(void **state) {
    (void)state;
    struct message message = parse(
        "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"method\":\"initialize\",\"params\":{"
        "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\"}}}");
    assert_value(&message.protocol_version, JSON_STRING, "\"2025-11-25\"");
    assert_value(&message.capabilities, JSON_OBJECT, "{}");
    assert_value(&message.client_info, JSON_OBJECT, "{\"name\":\"c\"}");
    message =
        parse("{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"result\":{\"protocolVersion\":\"2025-06-18\","
              "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"s\"},"
              "\"instructions\":\"do\",\"tools\":[1],\"nextCursor\":\"n\"}}");
    assert_int_equal(message.kind, MESSAGE_RESULT);
    assert_value(&message.result_protocol_version, JSON_STRING, "\"2025-06-18\"");
    assert_value(&message.result_capabilities, JSON_OBJECT, "{\"tools\":{}}");
    assert_value(&message.result_server_info, JSON_OBJECT, "{\"name\":\"s\"}");
    assert_value(&message.result_instructions, JSON_STRING, "\"do\"");
    assert_value(&message.result_cursor, JSON_STRING, "\"n\"");
    assert_int_equal(message.protocol_version.type, JSON_NONE);
}

static void test_notifications_are_cut(void **state) {
    (void)state;
    struct message message = parse("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
                                   "\"params\":{\"progressToken\":5,\"progress\":1}}");
    assert_int_equal(message.kind, MESSAGE_NOTIFICATION);
    assert_int_equal(message.id.type, JSON_NONE);
    assert_value(&message.progress_token, JSON_NUMBER, "5");
    message = parse("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
                    "\"requestId\":\"r\"}}");
    assert_value(&message.request_id, JSON_STRING, "\"r\"");
    message = parse("{\"method\":\"notifications/initialized\",\"jsonrpc\":\"2.0\"}");
    assert_int_equal(message.kind, MESSAGE_NOTIFICATION);
    assert_int_equal(message.params.type, JSON_NONE);
}

static void test_errors_may_lack_an_id_or_have_a_null_one(void **state) {
    (void)state;
    struct message message =
        parse("{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32601,\"message\":\"no\"}}");
    assert_int_equal(message.kind, MESSAGE_ERROR);
    assert_value(&message.id, JSON_NUMBER, "3");
    assert_value(&message.error, JSON_OBJECT, "{\"code\":-32601,\"message\":\"no\"}");
    assert_value(&message.error_code, JSON_NUMBER, "-32601");
    assert_value(&message.error_message, JSON_STRING, "\"no\"");
    message = parse("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}");
    assert_int_equal(message.kind, MESSAGE_ERROR);
    assert_int_equal(message.id.type, JSON_NONE);
    message = parse("{\"jsonrpc\":\"2.0\",\"error\":{}}");
    assert_int_equal(message.id.type, JSON_NONE);
}

static void test_result_may_be_any_object(void **state) {
    (void)state;
    struct message message = parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    assert_value(&message.result, JSON_OBJECT, "{}");
    message = parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"nextCursor\":null}}");
    assert_value(&message.result_cursor, JSON_NULL, "null");
}

static void test_ids_are_strings_or_integers_and_keep_their_text(void **state) {
    (void)state;
    static const char *const good[] = {
        "0",    "-1",    "-0",          "9007199254740993", "1234567890123456789012",
        "\"\"", "\"1\"", "\"\\u0031\"", "\"a b\""};
    static const char *const bad[] = {"1.0",  "1e5",  "1E0", "0.5", "-1.0",
                                      "null", "true", "[]",  "{}"};
    char text[128];
    struct message message;
    struct message_error error;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"ping\"}",
                       good[i]);
        message = parse(text);
        assert_int_equal(message.kind, MESSAGE_REQUEST);
        assert_slice(message.id.text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"ping\"}",
                       bad[i]);
        assert_int_equal(message_parse(slice_cstr(text), &message, &error), TRUNK_INVALID);
        assert_int_equal(error.code, JSONRPC_INVALID_REQUEST);
        assert_string_equal(error.text, "id is neither a string nor an integer");
        assert_int_equal(error.id.len, 0);
    }
}

struct refusal {
    const char *text;
    int code;
    const char *what;
    const char *id;
};

static const struct refusal refusals[] = {
    {"", JSONRPC_PARSE_ERROR, "the text ends where a value should be at byte 0", ""},
    {"{\"jsonrpc\":\"a\nb\"}", JSONRPC_PARSE_ERROR, "line break in a string at byte 13", ""},
    {"{\"id\":1,}", JSONRPC_PARSE_ERROR, "trailing comma at byte 7", ""},
    {"\xff", JSONRPC_PARSE_ERROR, "not a JSON value at byte 0", ""},
    {"{\"id\":\"\xff\"}", JSONRPC_PARSE_ERROR, "invalid UTF-8 at byte 7", ""},
    {"[]", JSONRPC_INVALID_REQUEST, "batches are not accepted", ""},
    {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", JSONRPC_INVALID_REQUEST,
     "batches are not accepted", ""},
    {"1", JSONRPC_INVALID_REQUEST, "not a JSON object", ""},
    {"\"a\"", JSONRPC_INVALID_REQUEST, "not a JSON object", ""},
    {"null", JSONRPC_INVALID_REQUEST, "not a JSON object", ""},
    {"{}", JSONRPC_INVALID_REQUEST, "jsonrpc is not \"2.0\"", ""},
    {"{\"id\":4,\"method\":\"ping\"}", JSONRPC_INVALID_REQUEST, "jsonrpc is not \"2.0\"", "4"},
    {"{\"jsonrpc\":2.0,\"id\":4,\"method\":\"ping\"}", JSONRPC_INVALID_REQUEST,
     "jsonrpc is not \"2.0\"", "4"},
    {"{\"jsonrpc\":\"1.0\",\"id\":\"x\",\"method\":\"ping\"}", JSONRPC_INVALID_REQUEST,
     "jsonrpc is not \"2.0\"", "\"x\""},
    {"{\"jsonrpc\":\"2.0\",\"id\":4}", JSONRPC_INVALID_REQUEST, "neither method, result nor error",
     "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":1}", JSONRPC_INVALID_REQUEST,
     "method is not a string", "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":null}", JSONRPC_INVALID_REQUEST,
     "method is not a string", "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"params\":[]}", JSONRPC_INVALID_REQUEST,
     "params is not an object", "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"params\":null}", JSONRPC_INVALID_REQUEST,
     "params is not an object", "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"result\":{}}", JSONRPC_INVALID_REQUEST,
     "method together with result or error", "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"error\":{}}", JSONRPC_INVALID_REQUEST,
     "method together with result or error", "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{},\"error\":{}}", JSONRPC_INVALID_REQUEST,
     "result together with error", "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":null}", JSONRPC_INVALID_REQUEST,
     "result is not an object", "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":[]}", JSONRPC_INVALID_REQUEST,
     "result is not an object", "4"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":\"e\"}", JSONRPC_INVALID_REQUEST,
     "error is not an object", "4"},
    {"{\"jsonrpc\":\"2.0\",\"result\":{}}", JSONRPC_INVALID_REQUEST,
     "a result needs an id, a string or an integer", ""},
    {"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}", JSONRPC_INVALID_REQUEST,
     "a result needs an id, a string or an integer", ""},
    {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"error\":{}}", JSONRPC_INVALID_REQUEST,
     "id is neither a string nor an integer", ""},
};

static void assert_refusal(const struct refusal *refusal) {
    struct message message;
    struct message_error error;
    assert_int_equal(message_parse(slice_cstr(refusal->text), &message, &error), TRUNK_INVALID);
    if (error.code != refusal->code || strcmp(error.text, refusal->what) != 0) {
        fail_msg("%s: %d %s", refusal->text, error.code, error.text);
    }
    assert_slice(error.id, refusal->id);
}

static void test_refusals_say_what_is_wrong_and_give_the_id_that_could_be_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        assert_refusal(&refusals[i]);
    }
}

static void test_members_that_are_read_may_not_occur_twice(void **state) {
    (void)state;
    static const struct refusal doubled[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"m\\u0065thod\":\"b\"}",
         JSONRPC_INVALID_REQUEST, "member \"method\" occurs twice", "4"},
        {"{\"jsonrpc\":\"2.0\",\"id\":4,\"id\":4,\"method\":\"a\"}", JSONRPC_INVALID_REQUEST,
         "member \"id\" occurs twice", ""},
        {"{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\"}",
         JSONRPC_INVALID_REQUEST, "member \"jsonrpc\" occurs twice", "4"},
        {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"params\":{},\"params\":{}}",
         JSONRPC_INVALID_REQUEST, "member \"params\" occurs twice", "4"},
        {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"params\":{\"name\":\"x\",\"n\\u0061me\":"
         "\"y\"}}",
         JSONRPC_INVALID_REQUEST, "member \"name\" occurs twice", "4"},
        {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"params\":{\"_meta\":{\"progressToken\":"
         "1,"
         "\"progressToken\":2}}}",
         JSONRPC_INVALID_REQUEST, "member \"progressToken\" occurs twice", "4"},
        {"{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"nextCursor\":1,\"nextCursor\":2}}",
         JSONRPC_INVALID_REQUEST, "member \"nextCursor\" occurs twice", "4"},
    };
    for (size_t i = 0; i < sizeof doubled / sizeof doubled[0]; i++) {
        assert_refusal(&doubled[i]);
    }
    (void)parse(
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"x\":1,\"x\":2,\"params\":{\"arguments\":"
        "{\"name\":1,\"name\":2},\"y\":1,\"y\":2}}");
}

static void test_too_deep_a_message_is_an_invalid_request(void **state) {
    (void)state;
    struct buffer text = {0};
    struct message message;
    struct message_error error;
    buffer_append_cstr(&text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":");
    for (int i = 0; i < JSON_MAX_DEPTH; i++) {
        buffer_append_cstr(&text, "[");
    }
    assert_int_equal(message_parse(buffer_slice(&text), &message, &error), TRUNK_INVALID);
    assert_int_equal(error.code, JSONRPC_INVALID_REQUEST);
    assert_non_null(strstr(error.text, "more than 128 levels at byte "));
    assert_int_equal(error.id.len, 0);
    buffer_free(&text);
}

static void test_method_is_compared_after_unescaping(void **state) {
    (void)state;
    struct message message =
        parse("{\"jsonrpc\":\"2\\u002e0\",\"id\":1,\"method\":\"tools\\/c\\u0061ll\"}");
    assert_true(message_is(&message, "tools/call"));
    assert_false(message_is(&message, "tools/calls"));
    assert_false(message_is(&message, "tools/cal"));
    message = parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    assert_false(message_is(&message, ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_is_cut_into_its_members),
        cmocka_unit_test(test_initialize_and_its_answer_are_cut),
        cmocka_unit_test(test_notifications_are_cut),
        cmocka_unit_test(test_errors_may_lack_an_id_or_have_a_null_one),
        cmocka_unit_test(test_result_may_be_any_object),
        cmocka_unit_test(test_ids_are_strings_or_integers_and_keep_their_text),
        cmocka_unit_test(test_refusals_say_what_is_wrong_and_give_the_id_that_could_be_read),
        cmocka_unit_test(test_members_that_are_read_may_not_occur_twice),
        cmocka_unit_test(test_too_deep_a_message_is_an_invalid_request),
        cmocka_unit_test(test_method_is_compared_after_unescaping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
