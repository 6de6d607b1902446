/* SPDX-License-Identifier: MIT
 * test_endpoint.c - which session, which message: statuses and bodies of protocol.md section 2.1
 * that the mcp room gives. */
#include "rig.h"

#define OTHER_ID "0123456789abcdef0123456789abcdef"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}"

static void test_initialize_answers_with_the_version_asked_for(void **state) {
    struct fake *fake = rig_post(*state, NULL, RIG_INITIALIZE);
    assert_int_equal(fake->status, 200);
    assert_non_null(strstr(buffer_cstr(&fake->body), "\"protocolVersion\":\"2025-06-18\""));
    assert_non_null(strstr(buffer_cstr(&fake->body), "\"tools\":{\"listChanged\":true}"));
    fake_free(fake);
}

static void test_initialize_with_an_unknown_version_is_offered_the_latest(void **state) {
    struct fake *fake =
        rig_post(*state, NULL,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
                 "\"protocolVersion\":\"1999-01-01\","
                 "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}");
    assert_non_null(strstr(buffer_cstr(&fake->body), "\"protocolVersion\":\"2025-11-25\""));
    fake_free(fake);
}

static void test_initialize_without_its_params_is_invalid(void **state) {
    struct fake *fake =
        rig_post(*state, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}");
    assert_int_equal(fake->status, 200);
    assert_non_null(strstr(buffer_cstr(&fake->body), "-32602"));
    assert_string_equal(fake->session_id, "");
    fake_free(fake);
}

static void test_initialize_of_a_client_that_says_too_much_is_invalid(void **state) {
    struct buffer body = {0};
    buffer_append_cstr(&body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
                              "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
                              "\"clientInfo\":{\"version\":\"1\",\"name\":\"");
    for (int i = 0; i < 64 << 10; i++) {
        buffer_append_cstr(&body, "n");
    }
    buffer_append_cstr(&body, "\"}}}");
    struct fake *fake = rig_post(*state, NULL, buffer_cstr(&body));
    assert_int_equal(fake->status, 200);
    assert_non_null(strstr(buffer_cstr(&fake->body), "-32602"));
    assert_non_null(strstr(buffer_cstr(&fake->body), "64 KiB"));
    assert_string_equal(fake->session_id, "");
    fake_free(fake);
    buffer_free(&body);
}

static void test_initialize_on_a_live_session_is_refused(void **state) {
    struct rig *rig = *state;
    struct fake *fake = rig_post(rig, rig->id, RIG_INITIALIZE);
    assert_int_equal(fake->status, 400);
    assert_non_null(strstr(buffer_cstr(&fake->body), "-32600"));
    fake_free(fake);
}

static void test_initialize_with_an_unknown_session_starts_a_new_one(void **state) {
    struct fake *fake = rig_post(*state, OTHER_ID, RIG_INITIALIZE);
    assert_int_equal(fake->status, 200);
    assert_string_not_equal(fake->session_id, OTHER_ID);
    fake_free(fake);
}

static void test_client_that_leaves_during_initialize_leaves_no_session(void **state) {
    struct rig *rig = *state;
    struct fake *fake = rig_start(rig, EXCHANGE_POST, NULL, RIG_INITIALIZE);
    fake->exchange.is_closed = true;
    rig_wait_end(rig, fake);
    while (manager_count_live(rig->manager) > 1) {
        loop_turn(rig->loop, true);
    }
    fake_free(fake);
}

static void test_request_without_a_session_id_is_refused(void **state) {
    struct fake *fake = rig_post(*state, NULL, PING);
    assert_int_equal(fake->status, 400);
    fake_free(fake);
}

static void test_unknown_session_is_404_with_the_request_id(void **state) {
    rig_expect(*state, OTHER_ID, PING, 404,
               "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"error\":{\"code\":-32001,\"message\":\"Session "
               "not found\"}}");
    rig_expect(*state, "../../etc", PING, 404,
               "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"error\":{\"code\":-32001,\"message\":\"Session "
               "not found\"}}");
}

static void
test_unsupported_version_header_is_refused_and_another_supported_one_is_not(void **state) {
    struct rig *rig = *state;
    struct fake *fake = fake_new(EXCHANGE_POST, rig->id, PING);
    fake->exchange.protocol_version = "1999-01-01";
    endpoint_handle(rig->endpoint, &fake->exchange);
    assert_int_equal(fake->status, 400);
    fake_free(fake);
    fake = fake_new(EXCHANGE_POST, rig->id, PING);
    fake->exchange.protocol_version = "2025-03-26";
    endpoint_handle(rig->endpoint, &fake->exchange);
    assert_int_equal(fake->status, 200);
    fake_free(fake);
}

static void test_what_is_no_message_is_refused(void **state) {
    struct rig *rig = *state;
    static const struct {
        const char *body;
        const char *code;
    } cases[] = {
        {"{", "-32700"},
        {"", "-32700"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",}", "-32700"},
        {"\"\xff\"", "-32700"},
        {"[]", "-32600"},
        {"[" PING "]", "-32600"},
        {"{\"id\":1,\"method\":\"ping\"}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"method\":\"ping\"}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a_add\","
         "\"n\\u0061me\":\"a_echo\"}}",
         "-32600"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake *fake = rig_post(rig, rig->id, cases[i].body);
        assert_int_equal(fake->status, 400);
        assert_non_null(strstr(buffer_cstr(&fake->body), cases[i].code));
        fake_free(fake);
    }
}

static void test_deleted_session_is_gone_for_every_method(void **state) {
    struct rig *rig = *state;
    struct fake *fake = rig_start(rig, EXCHANGE_DELETE, rig->id, "");
    rig_wait_end(rig, fake);
    assert_int_equal(fake->status, 200);
    fake_free(fake);
    static const enum exchange_method methods[] = {EXCHANGE_POST, EXCHANGE_GET, EXCHANGE_DELETE};
    for (size_t i = 0; i < 3; i++) {
        fake = rig_start(rig, methods[i], rig->id, PING);
        rig_wait_end(rig, fake);
        assert_int_equal(fake->status, 404);
        fake_free(fake);
    }
}

static void test_ping_is_answered_with_an_empty_object(void **state) {
    struct rig *rig = *state;
    rig_expect(rig, rig->id, PING, 200, "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}");
}

static void test_unknown_method_is_a_json_rpc_error_with_status_200(void **state) {
    struct rig *rig = *state;
    rig_expect(rig, rig->id, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tasks/list\"}", 200,
               "{\"jsonrpc\":\"2.0\",\"id\":9,\"error\":{\"code\":-32601,\"message\":\"Method not "
               "found\"}}");
}

static void test_notifications_and_answers_are_accepted_without_a_body(void **state) {
    struct rig *rig = *state;
    rig_expect(rig, rig->id, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", 202,
               "");
    rig_expect(rig, rig->id, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/what\"}", 202, "");
    rig_expect(rig, rig->id, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}", 202, "");
    rig_expect(rig, rig->id,
               "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":1,\"message\":\"m\"}}", 202, "");
}

static void test_initialized_goes_into_the_session(void **state) {
    struct rig *rig = *state;
    struct session *session = manager_find_live(rig->manager, rig->id, "");
    rig_expect(rig, rig->id, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", 202,
               "");
    while (!session_record(session)->is_initialized) {
        loop_turn(rig->loop, true);
    }
}

static void test_cursor_that_trunkd_never_gave_is_invalid(void **state) {
    struct rig *rig = *state;
    rig_expect(
        rig, rig->id,
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\",\"params\":{\"cursor\":\"x\"}}",
        200,
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32602,\"message\":\"Unknown "
        "cursor\"}}");
}

static void test_too_many_requests_in_flight_get_503(void **state) {
    struct rig *rig = *state;
    const char *sleep =
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"a_sleep\","
        "\"arguments\":{\"ms\":600000}}}";
    struct fake *running[4];
    for (size_t i = 0; i < 4; i++) {
        running[i] = rig_start(rig, EXCHANGE_POST, rig->id, sleep);
    }
    struct fake *refused = rig_post(rig, rig->id, sleep);
    assert_int_equal(refused->status, 503);
    assert_int_not_equal(refused->retry_after_s, 0);
    assert_non_null(strstr(buffer_cstr(&refused->body), "-32000"));
    fake_free(refused);
    for (size_t i = 0; i < 4; i++) {
        rig_expect(rig, rig->id,
                   "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
                   "cancelled\",\"params\":{\"requestId\":7}}",
                   202, "");
    }
    for (size_t i = 0; i < 4; i++) {
        rig_wait_end(rig, running[i]);
        assert_int_equal(running[i]->nevents, 0);
        fake_free(running[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_initialize_answers_with_the_version_asked_for),
        TEST(test_initialize_with_an_unknown_version_is_offered_the_latest),
        TEST(test_initialize_without_its_params_is_invalid),
        TEST(test_initialize_of_a_client_that_says_too_much_is_invalid),
        TEST(test_initialize_on_a_live_session_is_refused),
        TEST(test_initialize_with_an_unknown_session_starts_a_new_one),
        TEST(test_client_that_leaves_during_initialize_leaves_no_session),
        TEST(test_request_without_a_session_id_is_refused),
        TEST(test_unknown_session_is_404_with_the_request_id),
        TEST(test_unsupported_version_header_is_refused_and_another_supported_one_is_not),
        TEST(test_what_is_no_message_is_refused),
        TEST(test_deleted_session_is_gone_for_every_method),
        TEST(test_ping_is_answered_with_an_empty_object),
        TEST(test_unknown_method_is_a_json_rpc_error_with_status_200),
        TEST(test_notifications_and_answers_are_accepted_without_a_body),
        TEST(test_initialized_goes_into_the_session),
        TEST(test_cursor_that_trunkd_never_gave_is_invalid),
        TEST(test_too_many_requests_in_flight_get_503),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
