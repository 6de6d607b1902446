/* SPDX-License-Identifier: MIT
 * test_batch.c - several messages in one body. */
#include "fixture.h"

#include "wire/batch.h"

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"

static void assert_refused(const char *text, int code, const char *problem) {
    struct batch_item *items = NULL;
    size_t count = 0;
    struct message_error error;
    assert_int_equal(batch_parse(slice_cstr(text), BATCH_MAX_MESSAGES, &items, &count, &error),
                     TRUNK_INVALID);
    assert_null(items);
    assert_int_equal(error.code, code);
    assert_int_equal(error.id.len, 0);
    if (strstr(error.text, problem) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.text, problem);
    }
}

static void test_array_is_told_by_its_first_byte(void **state) {
    (void)state;
    assert_true(batch_is_array(slice_cstr("[]")));
    assert_true(batch_is_array(slice_cstr(" \t\r\n[")));
    assert_false(batch_is_array(slice_cstr("{\"a\":[]}")));
    assert_false(batch_is_array(slice_cstr(" ")));
    assert_false(batch_is_array(slice_of(NULL, 0)));
}

static void test_messages_are_cut_in_order(void **state) {
    (void)state;
    struct batch_item *items = NULL;
    size_t count = 0;
    struct message_error error;
    assert_int_equal(
        batch_parse(slice_cstr(" [ " PING("1") " ,\n" PING(
                        "\"x\"") ",{\"jsonrpc\":\"2.0\","
                                 "\"method\":\"n\"},{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}]"),
                    BATCH_MAX_MESSAGES, &items, &count, &error),
        TRUNK_OK);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        assert_true(items[i].is_valid);
    }
    assert_slice(items[0].message.text, PING("1"));
    assert_slice(items[1].message.id.text, "\"x\"");
    assert_int_equal(items[2].message.kind, MESSAGE_NOTIFICATION);
    assert_int_equal(items[3].message.kind, MESSAGE_RESULT);
    free(items);
}

static void test_bad_message_spoils_no_other(void **state) {
    (void)state;
    struct batch_item *items = NULL;
    size_t count = 0;
    struct message_error error;
    assert_int_equal(batch_parse(slice_cstr("[1,{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":7}," PING(
                                     "6") ",[" PING("7") "]]"),
                                 BATCH_MAX_MESSAGES, &items, &count, &error),
                     TRUNK_OK);
    assert_int_equal(count, 4);
    assert_false(items[0].is_valid);
    assert_int_equal(items[0].error.code, JSONRPC_INVALID_REQUEST);
    assert_string_equal(items[0].error.text, "not a JSON object");
    assert_false(items[1].is_valid);
    assert_slice(items[1].error.id, "5");
    assert_true(items[2].is_valid);
    assert_false(items[3].is_valid);
    free(items);
}

static void test_initialize_is_not_taken_in_a_batch(void **state) {
    (void)state;
    struct batch_item *items = NULL;
    size_t count = 0;
    struct message_error error;
    assert_int_equal(batch_parse(slice_cstr("[{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":"
                                            "\"initial\\u0069ze\",\"params\":{}}]"),
                                 BATCH_MAX_MESSAGES, &items, &count, &error),
                     TRUNK_OK);
    assert_int_equal(count, 1);
    assert_false(items[0].is_valid);
    assert_int_equal(items[0].error.code, JSONRPC_INVALID_REQUEST);
    assert_slice(items[0].error.id, "5");
    free(items);
}

static void test_wrong_body_is_refused_as_a_whole(void **state) {
    (void)state;
    assert_refused("[]", JSONRPC_INVALID_REQUEST, "empty");
    assert_refused("[ \n ]", JSONRPC_INVALID_REQUEST, "empty");
    assert_refused(PING("1"), JSONRPC_INVALID_REQUEST, "not a batch");
    assert_refused("[" PING("1") ",]", JSONRPC_PARSE_ERROR, "trailing comma at byte");
    assert_refused("[" PING("1"), JSONRPC_PARSE_ERROR, "ends inside");
    assert_refused("", JSONRPC_PARSE_ERROR, "at byte 0");
}

static void test_number_of_messages_is_bounded(void **state) {
    (void)state;
    struct buffer text = {0};
    struct batch_item *items = NULL;
    size_t count = 0;
    struct message_error error;
    buffer_append_cstr(&text, "[");
    for (int i = 0; i < BATCH_MAX_MESSAGES; i++) {
        buffer_append_cstr(&text, i > 0 ? "," : "");
        buffer_append_cstr(&text, PING("1"));
    }
    buffer_append_cstr(&text, "]");
    assert_int_equal(batch_parse(buffer_slice(&text), BATCH_MAX_MESSAGES, &items, &count, &error),
                     TRUNK_OK);
    assert_int_equal(count, BATCH_MAX_MESSAGES);
    free(items);
    text.len--;
    buffer_append_cstr(&text, ",1]");
    assert_refused(buffer_cstr(&text), JSONRPC_INVALID_REQUEST, "too many messages");
    assert_int_equal(batch_parse(buffer_slice(&text), 0, &items, &count, &error), TRUNK_OK);
    assert_int_equal(count, BATCH_MAX_MESSAGES + 1);
    free(items);
    buffer_free(&text);
}

static void test_too_deep_a_batch_is_an_invalid_request(void **state) {
    (void)state;
    struct buffer text = {0};
    for (int i = 0; i < 200; i++) {
        buffer_append_cstr(&text, "[");
    }
    assert_refused(buffer_cstr(&text), JSONRPC_INVALID_REQUEST, "128 levels");
    buffer_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_array_is_told_by_its_first_byte),
        cmocka_unit_test(test_messages_are_cut_in_order),
        cmocka_unit_test(test_bad_message_spoils_no_other),
        cmocka_unit_test(test_initialize_is_not_taken_in_a_batch),
        cmocka_unit_test(test_wrong_body_is_refused_as_a_whole),
        cmocka_unit_test(test_number_of_messages_is_bounded),
        cmocka_unit_test(test_too_deep_a_batch_is_an_invalid_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
