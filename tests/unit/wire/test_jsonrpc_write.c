/* SPDX-License-Identifier: MIT
 * test_jsonrpc_write.c - writing of messages around untouched bytes. */
#include "fixture.h"

#include "wire/jsonrpc.h"

static const struct trunk_slice nothing = {NULL, 0};

static void test_requests_are_written(void **state) {
    (void)state;
    struct buffer out = {0};
    jsonrpc_write_request(&out, UINT64_MAX, "tools/call", slice_cstr("{\"a\":\r\n1.50}"));
    assert_buffer(&out,
                  "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551615,\"method\":\"tools/call\","
                  "\"params\":{\"a\":  1.50}}");
}

static void test_notifications_are_written_with_and_without_params(void **state) {
    (void)state;
    struct buffer out = {0};
    jsonrpc_write_notification(&out, "notifications/initialized", nothing);
    assert_buffer(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    jsonrpc_write_notification(&out, "notifications/progress",
                               slice_cstr("{\n\"progressToken\":1}"));
    assert_buffer(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{ "
                        "\"progressToken\":1}}");
}

static void test_results_keep_the_bytes_of_id_and_result(void **state) {
    (void)state;
    struct buffer out = {0};
    jsonrpc_write_result(&out, slice_cstr("\"\\u0031\""),
                         slice_cstr("{ \"x\" : 95.50 ,\n\"x\":1e2}"));
    assert_buffer(
        &out, "{\"jsonrpc\":\"2.0\",\"id\":\"\\u0031\",\"result\":{ \"x\" : 95.50 , \"x\":1e2}}");
}

static void test_errors_are_written_with_an_encoded_text_and_omit_an_empty_id(void **state) {
    (void)state;
    struct buffer out = {0};
    jsonrpc_write_error(&out, slice_cstr("7"), JSONRPC_INVALID_PARAMS, "no \"tool\"\n");
    assert_buffer(&out, "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32602,\"message\":"
                        "\"no \\\"tool\\\"\\u000a\"}}");
    jsonrpc_write_error(&out, nothing, JSONRPC_PARSE_ERROR, "x");
    assert_buffer(&out, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"x\"}}");
}

static void test_error_objects_of_backends_are_written_as_they_are(void **state) {
    (void)state;
    struct buffer out = {0};
    jsonrpc_write_error_object(
        &out, slice_cstr("7"),
        slice_cstr("{\"data\":[1, 2],\n\"code\":-1,\"message\":\"\\u0061\"}"));
    assert_buffer(&out, "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"data\":[1, 2], \"code\":-1,"
                        "\"message\":\"\\u0061\"}}");
}

static void test_writers_append(void **state) {
    (void)state;
    struct buffer out = {0};
    buffer_append_cstr(&out, "a\n");
    jsonrpc_write_notification(&out, "b", nothing);
    assert_buffer(&out, "a\n{\"jsonrpc\":\"2.0\",\"method\":\"b\"}");
}

static void assert_spliced(const char *text, const struct splice *splices, size_t count,
                           const char *expected) {
    struct buffer out = {0};
    splice_append(&out, slice_cstr(text), splices, count);
    assert_buffer(&out, expected);
}

static void test_splices_replace_and_keep_what_lies_between(void **state) {
    (void)state;
    const char *text = "{\"a\":1,\"b\":22,\"c\":3}";
    struct splice splices[] = {
        {slice_of(strchr(text, '1'), 1), slice_cstr("\"long\"")},
        {slice_of(strchr(text, '2'), 2), slice_cstr("")},
        {slice_of(strchr(text, '3'), 1), slice_cstr("4")},
    };
    assert_spliced(text, splices, 3, "{\"a\":\"long\",\"b\":,\"c\":4}");
    assert_spliced(text, splices, 1, "{\"a\":\"long\",\"b\":22,\"c\":3}");
    assert_spliced(text, NULL, 0, text);
}

static void test_empty_old_text_inserts_and_ends_of_the_text_are_places_too(void **state) {
    (void)state;
    const char *text = "{}";
    struct splice splices[] = {
        {slice_of(text, 0), slice_cstr("<")},
        {slice_of(text + 1, 0), slice_cstr("\"a\":1")},
        {slice_of(text + 2, 0), slice_cstr(">")},
    };
    assert_spliced(text, splices, 3, "<{\"a\":1}>");
    splices[0] = (struct splice){slice_of(text, 2), slice_cstr("[]")};
    assert_spliced(text, splices, 1, "[]");
}

static void test_spliced_text_is_on_one_line(void **state) {
    (void)state;
    const char *text = "{\n\"a\":1\r\n}\n";
    struct splice splice = {slice_of(strchr(text, '1'), 1), slice_cstr("[\n2]")};
    assert_spliced(text, &splice, 1, "{ \"a\":[ 2]  } ");
}

/* What the relay does with a tools/call, whatever the order of name and token. */
static void test_a_call_is_relayed_with_a_new_id_name_and_token(void **state) {
    (void)state;
    const char *text =
        "{\"id\":\"x\",\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"_meta\":{"
        "\"progressToken\":\"t\",\"k\":1},\n \"arguments\":{\"n\":95.50},\"name\":\"files_read\"}}";
    struct message message;
    struct message_error error;
    struct buffer params = {0};
    struct buffer out = {0};
    assert_int_equal(message_parse(slice_cstr(text), &message, &error), TRUNK_OK);
    struct splice splices[] = {{message.meta_token.text, slice_cstr("1048577")},
                               {message.name.text, slice_cstr("\"read\"")}};
    splice_append(&params, message.params.text, splices, 2);
    jsonrpc_write_request(&out, 1048577, "tools/call", buffer_slice(&params));
    buffer_free(&params);
    assert_int_equal(message_parse(buffer_slice(&out), &message, &error), TRUNK_OK);
    assert_buffer(&out,
                  "{\"jsonrpc\":\"2.0\",\"id\":1048577,\"method\":\"tools/call\",\"params\":{"
                  "\"_meta\":{\"progressToken\":1048577,\"k\":1},  \"arguments\":{\"n\":95.50},"
                  "\"name\":\"read\"}}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_written),
        cmocka_unit_test(test_notifications_are_written_with_and_without_params),
        cmocka_unit_test(test_results_keep_the_bytes_of_id_and_result),
        cmocka_unit_test(test_errors_are_written_with_an_encoded_text_and_omit_an_empty_id),
        cmocka_unit_test(test_error_objects_of_backends_are_written_as_they_are),
        cmocka_unit_test(test_writers_append),
        cmocka_unit_test(test_splices_replace_and_keep_what_lies_between),
        cmocka_unit_test(test_empty_old_text_inserts_and_ends_of_the_text_are_places_too),
        cmocka_unit_test(test_spliced_text_is_on_one_line),
        cmocka_unit_test(test_a_call_is_relayed_with_a_new_id_name_and_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
