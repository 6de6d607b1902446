/* SPDX-License-Identifier: MIT
 * test_relay.c - calls on their way to a real backend and back, and what goes on which stream. */
#include "rig.h"

#define CALL_WITH_TOKEN(token)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a_time\","     \
    "\"_meta\":{\"progressToken\":" token "}}}"
#define CALL(id, name, arguments)                                                                  \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"" name    \
    "\",\"arguments\":" arguments "}}"

static void test_list_is_the_union_under_prefixed_names(void **state) {
    struct rig *rig = *state;
    struct fake *fake =
        rig_post(rig, rig->id, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    const char *body = buffer_cstr(&fake->body);
    assert_non_null(strstr(body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":["));
    assert_non_null(strstr(body, "\"name\":\"a_echo\""));
    assert_non_null(strstr(body, "\"name\":\"b_echo\""));
    assert_null(strstr(body, "\"name\":\"echo\""));
    fake_free(fake);
}

static void test_call_before_any_list_waits_for_its_leg(void **state) {
    struct rig *rig = *state;
    struct fake *fake = rig_post(rig, rig->id, CALL("1", "b_add", "{\"a\":40,\"b\":2}"));
    assert_non_null(strstr(buffer_cstr(&fake->body), "42"));
    fake_free(fake);
}

static void test_id_comes_back_in_its_own_type_and_text(void **state) {
    struct rig *rig = *state;
    static const char *const ids[] = {"0", "-7", "18446744073709551617", "\"1\"",
                                      "\"\\u0041\\\"\""};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char body[512];
        char wanted[128];
        (void)snprintf(body, sizeof body,
                       "{ \"id\" : %s ,\r\n\"jsonrpc\":\"2.0\", "
                       "\"method\":\"tools/call\",\n\"params\":{\"name\":\"a_add\","
                       "\"arguments\":{\"a\":1,\n\"b\":2}}}\n",
                       ids[i]);
        (void)snprintf(wanted, sizeof wanted, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{",
                       ids[i]);
        struct fake *fake = rig_post(rig, rig->id, body);
        assert_int_equal(strncmp(buffer_cstr(&fake->body), wanted, strlen(wanted)), 0);
        fake_free(fake);
    }
}

static void test_unknown_tool_is_invalid_params(void **state) {
    struct rig *rig = *state;
    rig_expect(rig, rig->id, CALL("1", "nobody_has", "{}"), 200,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"Unknown "
               "tool: nobody_has\"}}");
    rig_expect(rig, rig->id, CALL("1", "a_nothing", "{}"), 200,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"Unknown "
               "tool: a_nothing\"}}");
}

static void test_call_without_a_name_or_with_an_odd_token_is_invalid_params(void **state) {
    struct rig *rig = *state;
    static const char *const bodies[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":7}}",
        CALL_WITH_TOKEN("{}")};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct fake *fake = rig_post(rig, rig->id, bodies[i]);
        assert_int_equal(fake->status, 200);
        assert_non_null(strstr(buffer_cstr(&fake->body), "-32602"));
        fake_free(fake);
    }
}

static void test_error_of_a_backend_comes_as_it_is(void **state) {
    struct rig *rig = *state;
    struct fake *fake = rig_post(rig, rig->id, CALL("1", "a_error", "{}"));
    assert_non_null(strstr(buffer_cstr(&fake->body), "\"code\":-32050"));
    assert_non_null(strstr(buffer_cstr(&fake->body), "\"data\":"));
    fake_free(fake);
}

static void expect_progress(struct rig *rig, const char *token, bool is_first) {
    char body[512];
    char wanted[64];
    const char *call = is_first ? "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/"
                                  "call\",\"params\":{\"_meta\":{\"progressToken\":"
                                  "%s},\"name\":\"a_progress\",\"arguments\":{\"steps\":3}}}"
                                : "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/"
                                  "call\",\"params\":{\"name\":\"a_progress\","
                                  "\"arguments\":{\"steps\":3},\"_meta\":{\"progressToken\":%s}}}";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(body, sizeof body, call, token);
#pragma GCC diagnostic pop
    (void)snprintf(wanted, sizeof wanted, "\"progressToken\":%s", token);
    struct fake *fake = rig_post(rig, rig->id, body);
    const char *events = buffer_cstr(&fake->events);
    const char *at = events;
    size_t count = 0;
    while ((at = strstr(at, wanted)) != NULL) {
        at++;
        count++;
    }
    assert_int_equal(count, 3);
    assert_true(fake->nevents > 4); /* log messages of the call too */
    assert_non_null(strstr(events, "notifications/message"));
    const char *result = strstr(events, "\"id\":3,\"result\"");
    assert_non_null(result);
    assert_null(strstr(result, "notifications/progress"));
    fake_free(fake);
}

static void test_progress_comes_before_the_result_with_the_clients_own_token(void **state) {
    expect_progress(*state, "\"tok\"", true);
    expect_progress(*state, "17", false);
}

static void test_cancelled_call_gets_no_answer_and_the_backend_goes_on(void **state) {
    struct rig *rig = *state;
    struct fake *call =
        rig_start(rig, EXCHANGE_POST, rig->id, CALL("\"x\"", "a_sleep", "{\"ms\":600000}"));
    rig_expect(rig, rig->id,
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
               "cancelled\",\"params\":{\"requestId\":\"x\",\"reason\":\"why\"}}",
               202, "");
    rig_wait_end(rig, call);
    assert_int_equal(call->status, 200);
    assert_int_equal(call->body.len, 0);
    assert_int_equal(call->nevents, 0);
    fake_free(call);
    struct fake *next = rig_post(rig, rig->id, CALL("2", "a_add", "{\"a\":1,\"b\":1}"));
    assert_non_null(strstr(buffer_cstr(&next->body), "2"));
    fake_free(next);
}

static void test_answer_that_takes_long_becomes_a_stream(void **state) {
    struct rig *rig = *state;
    struct fake *call =
        rig_start(rig, EXCHANGE_POST, rig->id, CALL("4", "a_sleep", "{\"ms\":600000}"));
    while (!call->exchange.is_streaming) {
        loop_turn(rig->loop, true);
    }
    assert_int_equal(call->nevents, 0);
    rig_expect(
        rig, rig->id,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":4}}",
        202, "");
    fake_free(call);
}

static void test_crash_fails_only_the_calls_of_that_backend(void **state) {
    struct rig *rig = *state;
    struct fake *other =
        rig_start(rig, EXCHANGE_POST, rig->id, CALL("5", "b_sleep", "{\"ms\":50}"));
    struct fake *crash = rig_post(rig, rig->id, CALL("6", "a_crash", "{}"));
    assert_non_null(strstr(buffer_cstr(&crash->body), "-32603"));
    fake_free(crash);
    rig_wait_end(rig, other);
    struct buffer *answer = other->nevents > 0 ? &other->events : &other->body;
    assert_non_null(strstr(buffer_cstr(answer), "\"result\""));
    fake_free(other);
    struct fake *again = rig_post(rig, rig->id, CALL("7", "a_counter", "{}"));
    assert_non_null(strstr(buffer_cstr(&again->body), "\"1\""));
    fake_free(again);
}

static void test_call_that_runs_when_the_session_ends_is_answered(void **state) {
    struct rig *rig = *state;
    struct fake *call =
        rig_start(rig, EXCHANGE_POST, rig->id, CALL("8", "a_sleep", "{\"ms\":600000}"));
    struct fake *end = rig_start(rig, EXCHANGE_DELETE, rig->id, "");
    rig_wait_end(rig, end);
    assert_int_equal(end->status, 200);
    rig_wait_end(rig, call);
    struct buffer *answer = call->exchange.is_streaming ? &call->events : &call->body;
    assert_non_null(strstr(buffer_cstr(answer), "the session has ended"));
    fake_free(call);
    fake_free(end);
}

static void test_client_that_leaves_during_a_call_harms_nothing(void **state) {
    struct rig *rig = *state;
    struct fake *call = rig_start(rig, EXCHANGE_POST, rig->id, CALL("9", "a_sleep", "{\"ms\":20}"));
    fake_leave(call);
    rig_wait_end(rig, call);
    fake_free(call);
}

static void test_get_stream_carries_list_changed_and_a_newer_one_replaces_it(void **state) {
    struct rig *rig = *state;
    struct fake *list =
        rig_post(rig, rig->id, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    struct fake *first = rig_start(rig, EXCHANGE_GET, rig->id, "");
    assert_true(first->exchange.is_streaming);
    struct fake *second = rig_start(rig, EXCHANGE_GET, rig->id, "");
    assert_true(first->is_ended);
    struct fake *call = rig_post(rig, rig->id, CALL("2", "a_add_tool", "{\"name\":\"new\"}"));
    rig_wait_events(rig, second, 1);
    assert_string_equal(buffer_cstr(&second->events),
                        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n");
    fake_leave(second);
    assert_true(second->is_ended);
    fake_free(first);
    fake_free(second);
    fake_free(call);
    fake_free(list);
}

static void test_list_change_without_a_stream_is_owed_to_the_next_one(void **state) {
    struct rig *rig = *state;
    struct fake *list =
        rig_post(rig, rig->id, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    struct fake *call = rig_post(rig, rig->id, CALL("2", "a_add_tool", "{\"name\":\"new\"}"));
    struct fake *named = rig_post(rig, rig->id, CALL("3", "a_new", "{}"));
    while (strstr(buffer_cstr(&named->body), "Unknown tool") !=
           NULL) { /* the new list is still on its way */
        fake_free(named);
        loop_turn(rig->loop, true);
        named = rig_post(rig, rig->id, CALL("3", "a_new", "{}"));
    }
    struct fake *stream = rig_start(rig, EXCHANGE_GET, rig->id, "");
    assert_int_equal(stream->nevents, 1);
    fake_leave(stream);
    fake_free(stream);
    fake_free(named);
    fake_free(call);
    fake_free(list);
}

#define FLOOD "20000" /* log messages, far more than a pipe holds and one turn reads */

/* Turns the loop while the backend could go on, if it were not held. */
static void expect_quiet(struct rig *rig, const struct fake *fake) {
    size_t before = 0;
    do {
        before = fake->nevents;
        struct fake *other = rig_post(rig, rig->id, CALL("9", "b_sleep", "{\"ms\":50}"));
        fake_free(other);
    } while (fake->nevents != before);
    assert_false(fake->is_ended);
}

static void test_slow_reader_of_a_call_holds_its_backend_and_loses_nothing(void **state) {
    struct rig *rig = *state;
    struct fake *call =
        fake_new(EXCHANGE_POST, rig->id, CALL("3", "a_flood", "{\"count\":" FLOOD "}"));
    call->backlog = EXCHANGE_HIGH_BYTES + 1;
    endpoint_handle(rig->endpoint, &call->exchange);
    rig_wait_events(rig, call, 1);
    expect_quiet(rig, call);
    assert_in_range(call->nevents, 1, 19999);
    fake_drain(call);
    rig_wait_end(rig, call);
    assert_int_equal(call->nevents, 20001);
    assert_non_null(strstr(buffer_cstr(&call->events), "\"result\""));
    fake_free(call);
}

static void test_slow_reader_of_the_get_stream_holds_the_backend_that_talks(void **state) {
    struct rig *rig = *state;
    struct fake *stream = rig_start(rig, EXCHANGE_GET, rig->id, "");
    /* Of two calls none is the only one that its log could belong to. */
    struct fake *waiting =
        rig_start(rig, EXCHANGE_POST, rig->id, CALL("2", "a_sleep", "{\"ms\":60000}"));
    stream->backlog = EXCHANGE_HIGH_BYTES + 1;
    struct fake *call =
        rig_start(rig, EXCHANGE_POST, rig->id, CALL("3", "a_flood", "{\"count\":" FLOOD "}"));
    rig_wait_events(rig, stream, 1);
    expect_quiet(rig, stream);
    assert_false(call->is_ended);
    fake_drain(stream);
    rig_wait_end(rig, call);
    assert_int_equal(stream->nevents, 20000);
    struct fake *cancel = rig_post(rig, rig->id,
                                   "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                                   "\"params\":{\"requestId\":2}}");
    rig_wait_end(rig, waiting);
    fake_leave(stream);
    fake_free(stream);
    fake_free(waiting);
    fake_free(call);
    fake_free(cancel);
}

static void test_slow_reader_that_leaves_lets_its_backend_go_on(void **state) {
    struct rig *rig = *state;
    struct fake *call =
        fake_new(EXCHANGE_POST, rig->id, CALL("3", "a_flood", "{\"count\":" FLOOD "}"));
    call->backlog = EXCHANGE_HIGH_BYTES + 1;
    endpoint_handle(rig->endpoint, &call->exchange);
    rig_wait_events(rig, call, 1);
    expect_quiet(rig, call);
    call->backlog = 0;
    fake_leave(call);
    rig_wait_end(rig, call);
    fake_free(call);
}

static void test_list_change_waits_for_a_slow_reader_and_comes_once(void **state) {
    struct rig *rig = *state;
    struct fake *list =
        rig_post(rig, rig->id, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    struct fake *stream = rig_start(rig, EXCHANGE_GET, rig->id, "");
    stream->backlog = EXCHANGE_HIGH_BYTES + 1;
    const char *const names[] = {"new", "newer"};
    for (size_t i = 0; i < 2; i++) {
        char body[256];
        (void)snprintf(body, sizeof body, CALL("2", "a_add_tool", "{\"name\":\"%s\"}"), names[i]);
        fake_free(rig_post(rig, rig->id, body));
        (void)snprintf(body, sizeof body, CALL("3", "a_%s", "{}"), names[i]);
        struct fake *named = rig_post(rig, rig->id, body);
        while (strstr(buffer_cstr(&named->body), "Unknown tool") != NULL) {
            fake_free(named);
            loop_turn(rig->loop, true);
            named = rig_post(rig, rig->id, body);
        }
        fake_free(named);
    }
    assert_int_equal(stream->nevents, 0);
    fake_drain(stream);
    assert_string_equal(buffer_cstr(&stream->events),
                        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n");
    fake_leave(stream);
    fake_free(stream);
    fake_free(list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_list_is_the_union_under_prefixed_names),
        TEST(test_call_before_any_list_waits_for_its_leg),
        TEST(test_id_comes_back_in_its_own_type_and_text),
        TEST(test_unknown_tool_is_invalid_params),
        TEST(test_call_without_a_name_or_with_an_odd_token_is_invalid_params),
        TEST(test_error_of_a_backend_comes_as_it_is),
        TEST(test_progress_comes_before_the_result_with_the_clients_own_token),
        TEST(test_cancelled_call_gets_no_answer_and_the_backend_goes_on),
        TEST(test_answer_that_takes_long_becomes_a_stream),
        TEST(test_crash_fails_only_the_calls_of_that_backend),
        TEST(test_call_that_runs_when_the_session_ends_is_answered),
        TEST(test_client_that_leaves_during_a_call_harms_nothing),
        TEST(test_get_stream_carries_list_changed_and_a_newer_one_replaces_it),
        TEST(test_list_change_without_a_stream_is_owed_to_the_next_one),
        TEST(test_slow_reader_of_a_call_holds_its_backend_and_loses_nothing),
        TEST(test_slow_reader_of_the_get_stream_holds_the_backend_that_talks),
        TEST(test_slow_reader_that_leaves_lets_its_backend_go_on),
        TEST(test_list_change_waits_for_a_slow_reader_and_comes_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
