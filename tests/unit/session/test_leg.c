/* SPDX-License-Identifier: MIT
 * test_leg.c - the requests of a leg, and its death. */
#include "unit/session/leg_rig.h"

/* Requests */

static void test_an_answer_goes_to_its_request(void **state) {
    struct fixture *fixture = *state;
    struct heard *first = &fixture->heard[0];
    struct heard *second = &fixture->heard[1];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    uint64_t one = start_silent_call(fixture, first);
    uint64_t two = start_silent_call(fixture, second);
    assert_int_equal(leg_count_requests(fixture->leg), 2);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{\"n\":2}}", two);
    assert_int_equal(first->answers, 0);
    assert_int_equal(second->answers, 1);
    assert_non_null(strstr(second->json, "{\"n\":2}"));
    say(fixture, 0,
        "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"error\":{\"code\":1,\"message\":\"m\"}}", one);
    assert_int_equal(first->answers, 1);
    assert_int_equal(first->failures, 0);
    assert_int_equal(leg_count_requests(fixture->leg), 0);
}

static void test_late_double_and_foreign_answers_are_dropped(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    uint64_t number = start_silent_call(fixture, heard);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", number + 1);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":\"%" PRIu64 "\",\"result\":{}}", number);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":-%" PRIu64 ",\"result\":{}}", number);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"m\"}}");
    assert_int_equal(heard->answers, 0);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", number);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", number);
    assert_int_equal(heard->answers, 1);
}

static void test_the_driver_is_told_which_message_was_the_last_of_its_stream(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    char json[128];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    uint64_t number = start_silent_call(fixture, heard);
    (void)snprintf(json, sizeof json, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}",
                   number);
    assert_int_equal(cue_factory_say(fixture->factory, "a", json, number + 1), 0);
    assert_int_equal(cue_factory_say(fixture->factory, "a", json, 0), 0);
    assert_int_equal(cue_factory_say(fixture->factory, "a", "garbage", number), 0);
    assert_int_equal(cue_factory_say(fixture->factory, "a", json, number), 1);
    settle(fixture);
    assert_int_equal(heard->answers, 1);
}

static void test_a_batch_is_taken_message_by_message(void **state) {
    struct fixture *fixture = *state;
    char json[512];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    uint64_t number = start_silent_call(fixture, &fixture->heard[0]);
    (void)snprintf(json, sizeof json,
                   " [{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                   "{\"progressToken\":%" PRIu64 ",\"progress\":1}},7,"
                   "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{\"x\":1}},"
                   "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}]",
                   number, number);
    assert_int_equal(cue_factory_say(fixture->factory, "a", json, number), 1);
    settle(fixture);
    assert_int_equal(fixture->heard[0].notices, 1);
    assert_int_equal(fixture->heard[0].answers, 1);
    assert_non_null(strstr(fixture->heard[0].json, "{\"x\":1}"));
    assert_non_null(strstr(cue_factory_last(fixture->factory, "a", "answer"), "\"p\""));
    assert_int_equal(cue_factory_say(fixture->factory, "a", json, 0), 0);
    assert_int_equal(cue_factory_say(fixture->factory, "a", "[]", number), 0);
    assert_int_equal(cue_factory_say(fixture->factory, "a", "[", number), 0);
    settle(fixture);
    assert_int_equal(leg_state(fixture->leg), LEG_READY);
}

static void test_garbage_harms_no_request(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    uint64_t number = start_silent_call(fixture, heard);
    say(fixture, 0, "{");
    say(fixture, 0, "[]");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{},\"result\":{}}", number);
    assert_int_equal(heard->answers + heard->failures, 0);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", number);
    assert_int_equal(heard->answers, 1);
}

static void test_progress_goes_by_its_token(void **state) {
    struct fixture *fixture = *state;
    struct heard *first = &fixture->heard[0];
    struct heard *second = &fixture->heard[1];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    (void)start_silent_call(fixture, first);
    uint64_t two = start_silent_call(fixture, second);
    say(fixture, 0,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
        "progress\",\"params\":{\"progressToken\":%" PRIu64 "}}",
        two);
    say(fixture, 0,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
        "progress\",\"params\":{\"progressToken\":\"x\"}}");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}");
    assert_int_equal(first->notices, 0);
    assert_int_equal(second->notices, 1);
    assert_int_equal(fixture->notices, 0);
}

static void test_a_log_notice_goes_to_the_only_request_or_to_that_of_its_stream(void **state) {
    struct fixture *fixture = *state;
    struct heard *first = &fixture->heard[0];
    struct heard *second = &fixture->heard[1];
    static const char notice[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
                                 "message\",\"params\":{\"level\":\"info\"}}";
    open_ready(fixture);
    say(fixture, 0, "%s", notice);
    assert_int_equal(fixture->notices, 1);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    (void)start_silent_call(fixture, first);
    say(fixture, 0, "%s", notice);
    assert_int_equal(first->notices, 1);
    uint64_t two = start_silent_call(fixture, second);
    say(fixture, 0, "%s", notice); /* of which, nobody knows */
    assert_int_equal(fixture->notices, 2);
    say(fixture, two, "%s", notice);
    assert_int_equal(first->notices, 1);
    assert_int_equal(second->notices, 1);
    say(fixture, two + 1, "%s", notice);
    assert_int_equal(fixture->notices, 3);
}

static void test_a_log_notice_during_a_list_is_of_no_request(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "tools/list");
    leg_open(fixture->leg);
    until_held(fixture, "tools/list");
    say(fixture, cue_factory_held_number(fixture->factory, NULL, "tools/list"),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}");
    assert_int_equal(fixture->notices, 1);
}

static void test_requests_of_the_backend_are_answered(void **state) {
    struct fixture *fixture = *state;
    open_ready(fixture);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":\"p-1\",\"method\":\"ping\"}");
    assert_string_equal(cue_factory_last(fixture->factory, "a", "answer"),
                        "{\"jsonrpc\":\"2.0\",\"id\":\"p-1\",\"result\":{}}");
    say(fixture, 0,
        "{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"sampling/createMessage\",\"params\":{}}");
    const char *answer = cue_factory_last(fixture->factory, "a", "answer");
    assert_non_null(strstr(answer, "\"id\":12,"));
    assert_non_null(strstr(answer, "\"code\":-32601"));
}

static void test_a_request_that_takes_too_long_is_cancelled_at_the_backend(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    char wanted[128];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    cue_factory_clear_transcript(fixture->factory);
    uint64_t number = start_call(fixture, heard, 20, NULL);
    RIG_UNTIL(fixture, heard->failures == 1);
    assert_int_equal(heard->status, TRUNK_TIMEOUT);
    assert_string_equal(heard->text, "backend a did not answer in time (timeout 20 ms)");
    (void)snprintf(wanted, sizeof wanted,
                   "a tools/call\na notifications/cancelled\na cancel_request %" PRIu64 "\n",
                   number);
    assert_string_equal(cue_factory_transcript(fixture->factory), wanted);
    (void)snprintf(wanted, sizeof wanted, "{\"requestId\":%" PRIu64 ",\"reason\":\"timed out\"}",
                   number);
    assert_non_null(
        strstr(cue_factory_last(fixture->factory, "a", "notifications/cancelled"), wanted));
    cue_factory_let_all(fixture->factory); /* the late answer */
    settle(fixture);
    assert_int_equal(heard->answers, 0);
    assert_int_equal(heard->failures, 1);
    assert_int_equal(leg_state(fixture->leg), LEG_READY);
}

static void test_a_cancelled_request_is_told_nothing_and_the_backend_is(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    struct leg_request *request = NULL;
    char wanted[128];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    uint64_t number = start_call(fixture, heard, 0, &request);
    leg_request_cancel(request, slice_cstr("no \"need\""));
    (void)snprintf(wanted, sizeof wanted,
                   "{\"requestId\":%" PRIu64 ",\"reason\":\"no \\\"need\\\"\"}", number);
    assert_non_null(
        strstr(cue_factory_last(fixture->factory, "a", "notifications/cancelled"), wanted));
    cue_factory_let_all(fixture->factory);
    settle(fixture);
    assert_int_equal(heard->answers + heard->failures + heard->notices, 0);
    assert_int_equal(leg_count_requests(fixture->leg), 0);
}

static void test_a_request_that_could_not_be_sent_fails_alone(void **state) {
    struct fixture *fixture = *state;
    struct heard *first = &fixture->heard[0];
    struct heard *second = &fixture->heard[1];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    uint64_t one = start_silent_call(fixture, first);
    (void)start_call(fixture, second, 0, NULL);
    until_held(fixture, "tools/call");
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_UNAVAILABLE,
                              "backend a: full");
    RIG_UNTIL(fixture, second->failures == 1);
    assert_int_equal(second->status, TRUNK_UNAVAILABLE);
    assert_string_equal(second->text, "backend a: full");
    assert_int_equal(leg_state(fixture->leg), LEG_READY);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", one);
    assert_int_equal(first->answers, 1);
}

/* Death */

static void
test_a_leg_that_dies_fails_its_requests_with_a_text_that_names_the_backend(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = fixture->heard;
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    for (size_t i = 0; i < 3; i++) {
        (void)start_silent_call(fixture, &heard[i]);
    }
    cue_factory_close_leg(fixture->factory, "a", TRUNK_UNAVAILABLE,
                          "backend a exited with status 3");
    RIG_UNTIL(fixture, fixture->failed == 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(heard[i].failures, 1);
        assert_int_equal(heard[i].status, TRUNK_UNCERTAIN); /* it may have run */
        assert_string_equal(heard[i].text, "backend a exited with status 3");
    }
    assert_string_equal(leg_error(fixture->leg), "backend a exited with status 3");
    assert_int_equal(leg_count_requests(fixture->leg), 0);
    assert_true(leg_has_list(fixture->leg, LIST_TOOLS)); /* what was known stays */
    RIG_UNTIL(fixture, fixture->idle == 1);
}

/* Ends another request, as a client that goes away does. */
static void cancel_the_other(void *ctx, int32_t status, const char *text) {
    struct leg_request **other = ctx;
    (void)status;
    (void)text;
    leg_request_cancel(*other, slice_cstr("gone"));
}

static void test_a_request_that_fails_with_the_leg_may_cancel_another(void **state) {
    static const struct leg_request_events events = {on_answer, on_request_notice,
                                                     leg_refuse_request, cancel_the_other};
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    struct leg_request *other = NULL;
    struct buffer json = {0};
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    uint64_t number = leg_next_number(fixture->leg);
    jsonrpc_write_request(&json, number, "tools/call", slice_cstr("{}"));
    (void)leg_request(fixture->leg, number, &json, 0, &events, (void *)&other);
    (void)start_call(fixture, heard, 0, &other);
    for (int i = 0; i < 2; i++) { /* sent, and waiting for their answers */
        until_held(fixture, "tools/call");
        cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_OK, NULL);
    }
    settle(fixture);
    cue_factory_close_leg(fixture->factory, "a", TRUNK_UNAVAILABLE, "backend a exited");
    RIG_UNTIL(fixture, fixture->failed == 1);
    settle(fixture);
    assert_int_equal(heard->failures, 0);
    assert_int_equal(leg_count_requests(fixture->leg), 0);
    assert_string_equal(cue_factory_last(fixture->factory, "a", "notifications/cancelled"), "");
}

static void test_a_use_after_death_opens_the_leg_again_and_once(void **state) {
    struct fixture *fixture = *state;
    struct outcome first = {0};
    struct outcome second = {0};
    struct heard *heard = &fixture->heard[0];
    open_ready(fixture);
    cue_factory_close_leg(fixture->factory, "a", TRUNK_UNAVAILABLE, "backend a exited");
    RIG_UNTIL(fixture, fixture->failed == 1);
    settle(fixture);
    assert_int_equal(cue_factory_count_made(fixture->factory), 1); /* not by itself */
    (void)leg_use(fixture->leg, rig_on_status, &first);
    (void)leg_use(fixture->leg, rig_on_status, &second);
    RIG_UNTIL(fixture, first.calls == 1 && second.calls == 1);
    assert_int_equal(first.status, TRUNK_OK);
    assert_int_equal(cue_factory_count_made(fixture->factory), 2);
    assert_null(leg_error(fixture->leg));
    assert_int_equal(fixture->tools_changed, 1); /* the same tools */
    (void)start_call(fixture, heard, 0, NULL);
    RIG_UNTIL(fixture, heard->answers == 1);
}

static void test_nothing_is_sent_early_on_a_leg_that_is_opened_again(void **state) {
    struct fixture *fixture = *state;
    open_ready(fixture);
    leg_close(fixture->leg, "for the test");
    settle(fixture);
    cue_factory_hold(fixture->factory, NULL, "initialize");
    cue_factory_clear_transcript(fixture->factory);
    leg_open(fixture->leg);
    until_held(fixture, "initialize");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    assert_string_equal(cue_factory_transcript(fixture->factory), "a make\na initialize\n");
}

static void test_a_backend_that_lost_the_session_closes_the_leg(void **state) {
    struct fixture *fixture = *state;
    struct heard *first = &fixture->heard[0];
    struct heard *second = &fixture->heard[1];
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    (void)start_silent_call(fixture, first);
    (void)start_call(fixture, second, 0, NULL);
    until_held(fixture, "tools/call");
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_NOT_FOUND,
                              "backend a does not know the session");
    RIG_UNTIL(fixture, second->failures == 1);
    assert_int_equal(second->status, TRUNK_NOT_FOUND); /* it did not run */
    assert_int_equal(leg_state(fixture->leg), LEG_CLOSED);
    assert_int_equal(fixture->failed, 1);
    settle(fixture);
    assert_int_equal(first->failures, 0);
}

/* All at once, as after a restart of the backend. */
static void test_each_call_in_a_lost_session_ends_as_its_own_answer_says(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = fixture->heard;
    struct outcome used = {0};
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    for (size_t i = 0; i < 3; i++) {
        (void)start_call(fixture, &heard[i], 0, NULL);
    }
    until_held(fixture, "tools/call");
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_NOT_FOUND, "first");
    RIG_UNTIL(fixture, heard[0].failures == 1);
    assert_int_equal(cue_factory_count_finished(fixture->factory), 0);
    (void)leg_use(fixture->leg, rig_on_status, &used);
    RIG_UNTIL(fixture, used.calls == 1);
    assert_int_equal(used.status, TRUNK_OK);
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_NOT_FOUND, "second");
    RIG_UNTIL(fixture, heard[1].failures == 1);
    assert_int_equal(heard[1].status, TRUNK_NOT_FOUND);
    assert_string_equal(heard[1].text, "second");
    assert_int_equal(heard[2].failures, 0);
    assert_int_equal(cue_factory_count_finished(fixture->factory), 0);
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_OK, NULL);
    settle(fixture);
    cue_factory_close_leg_at(fixture->factory, 0, TRUNK_UNAVAILABLE, "third");
    RIG_UNTIL(fixture, heard[2].failures == 1);
    assert_int_equal(heard[2].status, TRUNK_UNCERTAIN);
    assert_string_equal(heard[2].text, "third");
    assert_int_equal(leg_state(fixture->leg), LEG_READY); /* the next one is unharmed */
    assert_int_equal(fixture->failed, 1);
    RIG_UNTIL(fixture, cue_factory_count_finished(fixture->factory) == 1);
    assert_int_equal(cue_factory_count_made(fixture->factory), 2);
}

static void test_a_closed_leg_ends_the_calls_in_its_lost_session(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = fixture->heard;
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    (void)start_call(fixture, &heard[0], 0, NULL);
    (void)start_call(fixture, &heard[1], 0, NULL);
    until_held(fixture, "tools/call");
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_NOT_FOUND, "gone");
    RIG_UNTIL(fixture, heard[0].failures == 1);
    leg_close(fixture->leg, "the session has ended");
    assert_int_equal(heard[1].failures, 1);
    assert_int_equal(heard[1].status, TRUNK_CANCELLED);
    RIG_UNTIL(fixture, cue_factory_count_finished(fixture->factory) == 1);
}

static void test_a_repeated_request_that_is_not_found_fails_alone(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    struct leg_request *request = NULL;
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    (void)start_call(fixture, heard, 0, &request);
    leg_request_set_repeated(request);
    until_held(fixture, "tools/call");
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_NOT_FOUND,
                              "backend a does not know it");
    RIG_UNTIL(fixture, heard->failures == 1);
    assert_int_equal(heard->status, TRUNK_NOT_FOUND);
    assert_int_equal(leg_state(fixture->leg), LEG_READY);
    assert_int_equal(fixture->failed, 0);
}

static void test_a_death_during_the_handshake_fails_the_opening(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "initialize");
    leg_open(fixture->leg);
    until_held(fixture, "initialize");
    cue_factory_close_leg(fixture->factory, "a", TRUNK_UNAVAILABLE,
                          "backend a exited with status 1");
    RIG_UNTIL(fixture, fixture->failed == 1);
    settle(fixture);
    assert_int_equal(fixture->failed, 1);
    assert_int_equal(fixture->opened, 0);
}

static void test_closing_fails_requests_and_waiters_and_is_no_event(void **state) {
    struct fixture *fixture = *state;
    struct heard *heard = &fixture->heard[0];
    struct outcome used = {0};
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    (void)start_silent_call(fixture, heard);
    leg_close(fixture->leg, "the session has ended");
    assert_int_equal(heard->failures, 1);
    assert_int_equal(heard->status, TRUNK_CANCELLED);
    assert_string_equal(heard->text, "the session has ended");
    cue_factory_hold(fixture->factory, NULL, "make");
    (void)leg_use(fixture->leg, rig_on_status, &used);
    leg_close(fixture->leg, "the session has ended");
    RIG_UNTIL(fixture, used.calls == 1);
    assert_int_equal(used.status, TRUNK_UNAVAILABLE);
    assert_int_equal(fixture->failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LEG(test_an_answer_goes_to_its_request),
        LEG(test_late_double_and_foreign_answers_are_dropped),
        LEG(test_the_driver_is_told_which_message_was_the_last_of_its_stream),
        LEG(test_a_batch_is_taken_message_by_message),
        LEG(test_garbage_harms_no_request),
        LEG(test_progress_goes_by_its_token),
        LEG(test_a_log_notice_goes_to_the_only_request_or_to_that_of_its_stream),
        LEG(test_a_log_notice_during_a_list_is_of_no_request),
        LEG(test_requests_of_the_backend_are_answered),
        LEG(test_a_request_that_takes_too_long_is_cancelled_at_the_backend),
        LEG(test_a_cancelled_request_is_told_nothing_and_the_backend_is),
        LEG(test_a_request_that_could_not_be_sent_fails_alone),
        LEG(test_a_leg_that_dies_fails_its_requests_with_a_text_that_names_the_backend),
        LEG(test_a_request_that_fails_with_the_leg_may_cancel_another),
        LEG(test_a_use_after_death_opens_the_leg_again_and_once),
        LEG(test_nothing_is_sent_early_on_a_leg_that_is_opened_again),
        LEG(test_a_backend_that_lost_the_session_closes_the_leg),
        LEG(test_each_call_in_a_lost_session_ends_as_its_own_answer_says),
        LEG(test_a_closed_leg_ends_the_calls_in_its_lost_session),
        LEG(test_a_repeated_request_that_is_not_found_fails_alone),
        LEG(test_a_death_during_the_handshake_fails_the_opening),
        LEG(test_closing_fails_requests_and_waiters_and_is_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
