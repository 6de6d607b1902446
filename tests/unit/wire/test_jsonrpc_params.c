/* SPDX-License-Identifier: MIT
 * test_jsonrpc_params.c - what the methods of MCP need of their params. */
#include "fixture.h"

#include "wire/jsonrpc.h"

static struct message parse(const char *text) {
    struct message message;
    struct message_error error;
    if (message_parse(slice_cstr(text), &message, &error) != TRUNK_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return message;
}

#define REQUEST(method, params)                                                                    \
    parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":" params "}")

static void test_what_each_method_names_is_cut(void **state) {
    (void)state;
    struct message message = REQUEST("resources/subscribe", "{\"uri\":\"u:1\"}");
    assert_slice(message.uri.text, "\"u:1\"");
    message = REQUEST("prompts/get", "{\"name\":\"p\",\"arguments\":{\"name\":\"x\"}}");
    assert_slice(message.name.text, "\"p\"");
    message = REQUEST("resources/templates/list", "{\"cursor\":\"c\"}");
    assert_slice(message.cursor.text, "\"c\"");
    message = REQUEST("notifications/cancelled", "{\"requestId\":\"7\",\"reason\":\"r\"}");
    assert_slice(message.request_id.text, "\"7\"");
    message = REQUEST("notifications/progress", "{\"progressToken\":7,\"progress\":0.5}");
    assert_slice(message.progress_token.text, "7");
    message = parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[],"
                    "\"structuredContent\":[1]}}");
    assert_int_equal(message.result_structured.type, JSON_ARRAY);
    assert_slice(message.result_structured.text, "[1]");
}

static void test_further_param_is_found_once_and_of_its_kind(void **state) {
    (void)state;
    struct message message =
        REQUEST("logging/setLevel", "{\"level\":\"info\",\"x\":1,\"x\":2,\"_meta\":{\"level\":1}}");
    struct json_value value;
    assert_int_equal(message_param(&message, "level", JSON_STRING, &value), TRUNK_OK);
    assert_slice(value.text, "\"info\"");
    assert_int_equal(message_param(&message, "level", JSON_NUMBER, &value), TRUNK_INVALID);
    assert_int_equal(message_param(&message, "x", JSON_NUMBER, &value), TRUNK_INVALID);
    assert_int_equal(message_param(&message, "y", JSON_NUMBER, &value), TRUNK_NOT_FOUND);
    assert_int_equal(value.type, JSON_NONE);
    message = parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
    assert_int_equal(message_param(&message, "level", JSON_STRING, &value), TRUNK_NOT_FOUND);
}

static void test_ref_of_a_completion_names_a_prompt_or_a_resource(void **state) {
    (void)state;
    bool is_prompt = false;
    struct trunk_slice target;
    struct message message =
        REQUEST("completion/complete", "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"},"
                                       "\"argument\":{\"name\":\"a\",\"value\":\"\"}}");
    assert_int_equal(message_ref(&message, &is_prompt, &target), TRUNK_OK);
    assert_true(is_prompt);
    assert_slice(target, "\"p\"");
    message = REQUEST("completion/complete",
                      "{\"ref\":{\"uri\":\"u:{x}\",\"type\":\"ref\\/resource\",\"name\":1}}");
    assert_int_equal(message_ref(&message, &is_prompt, &target), TRUNK_OK);
    assert_false(is_prompt);
    assert_slice(target, "\"u:{x}\"");
}

static void test_other_refs_are_refused(void **state) {
    static const char *const params[] = {
        "{}",
        "{\"ref\":1}",
        "{\"ref\":{}}",
        "{\"ref\":{\"type\":\"ref/tool\",\"name\":\"t\"}}",
        "{\"ref\":{\"type\":\"ref/prompt\"}}",
        "{\"ref\":{\"type\":\"ref/prompt\",\"name\":1}}",
        "{\"ref\":{\"type\":\"ref/prompt\",\"type\":1,\"name\":\"a\"}}",
        "{\"ref\":{\"type\":\"ref/resource\",\"name\":\"a\"}}"};
    (void)state;
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        struct buffer text = {0};
        bool is_prompt;
        struct trunk_slice target;
        buffer_printf(&text,
                      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\","
                      "\"params\":%s}",
                      params[i]);
        struct message message = parse(buffer_cstr(&text));
        assert_int_equal(message_ref(&message, &is_prompt, &target), TRUNK_INVALID);
        buffer_free(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_each_method_names_is_cut),
        cmocka_unit_test(test_further_param_is_found_once_and_of_its_kind),
        cmocka_unit_test(test_ref_of_a_completion_names_a_prompt_or_a_resource),
        cmocka_unit_test(test_other_refs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
