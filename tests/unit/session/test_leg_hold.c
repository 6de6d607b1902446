/* SPDX-License-Identifier: MIT
 * test_leg_hold.c - a backend held up while clients read slowly: pauses that the driver is told. */
#include "unit/session/leg_rig.h"

#define LOG "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}"

static void expect_transcript(struct fixture *fixture, const char *text) {
    assert_string_equal(cue_factory_transcript(fixture->factory), text);
    cue_factory_clear_transcript(fixture->factory);
}

static void open_held(struct fixture *fixture) {
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    cue_factory_clear_transcript(fixture->factory);
}

static void test_a_stream_is_paused_once_and_goes_on_when_all_let_go(void **state) {
    struct fixture *fixture = *state;
    struct leg_holds one = LIST_HEAD_INITIALIZER(one);
    struct leg_holds other = LIST_HEAD_INITIALIZER(other);
    open_held(fixture);
    say(fixture, 0, LOG);
    assert_ptr_equal(fixture->from.leg, fixture->leg);
    assert_int_equal(fixture->from.number, 0);
    assert_true(leg_hold(&fixture->from, &one));
    assert_true(leg_hold(&fixture->from, &one));
    assert_true(leg_hold(&fixture->from, &other));
    expect_transcript(fixture, "a pause 0\n");
    leg_release(&one);
    leg_release(&one);
    expect_transcript(fixture, "");
    leg_release(&other);
    expect_transcript(fixture, "a go_on 0\n");
    assert_true(leg_hold(&fixture->from, &one));
    leg_release(&one);
    expect_transcript(fixture, "a pause 0\na go_on 0\n");
}

static void test_streams_of_requests_are_held_one_by_one(void **state) {
    struct fixture *fixture = *state;
    struct leg_holds holds[2] = {{NULL}, {NULL}};
    open_held(fixture);
    uint64_t first = start_silent_call(fixture, &fixture->heard[0]);
    uint64_t second = start_silent_call(fixture, &fixture->heard[1]);
    cue_factory_clear_transcript(fixture->factory);
    say(fixture, first, LOG);
    say(fixture, second, LOG);
    assert_int_equal(fixture->heard[0].from.number, first);
    assert_true(leg_hold(&fixture->heard[0].from, &holds[0]));
    assert_true(leg_hold(&fixture->heard[1].from, &holds[1]));
    leg_release(&holds[0]);
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted,
                   "a pause %" PRIu64 "\na pause %" PRIu64 "\na go_on %" PRIu64 "\n", first, second,
                   first);
    expect_transcript(fixture, wanted);
    leg_release(&holds[1]);
}

static void test_nothing_is_told_of_a_request_that_is_over(void **state) {
    struct fixture *fixture = *state;
    struct leg_holds holds = LIST_HEAD_INITIALIZER(holds);
    open_held(fixture);
    uint64_t number = start_silent_call(fixture, &fixture->heard[0]);
    say(fixture, number, LOG);
    assert_true(leg_hold(&fixture->heard[0].from, &holds));
    cue_factory_clear_transcript(fixture->factory);
    say(fixture, number, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", number);
    assert_int_equal(fixture->heard[0].answers, 1);
    leg_release(&holds);
    expect_transcript(fixture, "");
}

static void test_nothing_is_told_of_a_leg_that_is_gone(void **state) {
    struct fixture *fixture = *state;
    struct leg_holds holds = LIST_HEAD_INITIALIZER(holds);
    open_held(fixture);
    say(fixture, 0, LOG);
    assert_true(leg_hold(&fixture->from, &holds));
    leg_close(fixture->leg, "the session has ended");
    settle(fixture);
    cue_factory_clear_transcript(fixture->factory);
    open_ready(fixture);
    assert_null(strstr(cue_factory_transcript(fixture->factory), "pause"));
    leg_release(&holds);
    assert_null(strstr(cue_factory_transcript(fixture->factory), "go_on"));
}

static void test_a_transport_that_cannot_pause_is_not_held(void **state) {
    struct fixture *fixture = *state;
    struct leg_holds holds = LIST_HEAD_INITIALIZER(holds);
    cue_factory_offer_no_pause(fixture->factory);
    open_held(fixture);
    say(fixture, 0, LOG);
    assert_false(leg_hold(&fixture->from, &holds));
    assert_true(LIST_EMPTY(&holds));
}

/* A call whose notices are for a client that does not read. */
struct held_call {
    struct heard heard;
    struct leg_holds holds;
    size_t dropped;
};

static void on_notice_for_nobody(void *ctx, const struct leg_source *from,
                                 const struct message *notice) {
    struct held_call *call = ctx;
    (void)notice;
    call->heard.notices++;
    call->dropped += leg_hold(from, &call->holds) ? 0 : 1;
}

/* It is not the transport that goes on which is to be paused: what comes is dropped. */
static void test_what_comes_in_a_lost_session_is_not_held(void **state) {
    static const struct leg_request_events events = {on_answer, on_notice_for_nobody,
                                                     leg_refuse_request, on_request_failed};
    struct fixture *fixture = *state;
    struct held_call call = {.holds = LIST_HEAD_INITIALIZER(call.holds)};
    struct buffer json = {0};
    open_held(fixture);
    uint64_t number = leg_next_number(fixture->leg);
    jsonrpc_write_request(&json, number, "tools/call", slice_cstr("{\"name\":\"echo\"}"));
    (void)leg_request(fixture->leg, number, &json, 0, &events, &call);
    until_held(fixture, "tools/call");
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_OK, NULL);
    settle(fixture);
    say(fixture, number, LOG);
    assert_int_equal(call.heard.notices, 1);
    assert_int_equal(call.dropped, 0);
    leg_release(&call.holds);

    (void)start_call(fixture, &fixture->heard[1], 0, NULL);
    until_held(fixture, "tools/call");
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_NOT_FOUND, "gone");
    RIG_UNTIL(fixture, fixture->heard[1].failures == 1);
    open_ready(fixture);
    (void)cue_factory_say_at(fixture->factory, 0, LOG, number);
    settle(fixture);
    assert_int_equal(call.heard.notices, 2);
    assert_int_equal(call.dropped, 1);
    assert_true(LIST_EMPTY(&call.holds));
    leg_close(fixture->leg, "over");
    assert_int_equal(call.heard.failures, 1);
}

/* The ABI lets nothing but the handshake be called until then. */
static void test_nothing_is_held_before_initialized(void **state) {
    struct fixture *fixture = *state;
    struct leg_holds holds = LIST_HEAD_INITIALIZER(holds);
    cue_factory_hold(fixture->factory, NULL, "notifications/initialized");
    leg_open(fixture->leg);
    until_held(fixture, "notifications/initialized");
    say(fixture, 0, LOG);
    assert_int_equal(fixture->notices, 1);
    assert_false(leg_hold(&fixture->from, &holds));
}

static void test_a_request_that_is_held_does_not_time_out(void **state) {
    struct fixture *fixture = *state;
    struct leg_holds holds = LIST_HEAD_INITIALIZER(holds);
    struct heard *held = &fixture->heard[0];
    struct heard *other = &fixture->heard[1];
    open_held(fixture);
    uint64_t number = start_call(fixture, held, 20, NULL);
    say(fixture, number, LOG);
    assert_true(leg_hold(&held->from, &holds));
    (void)start_call(fixture, other, 200, NULL);
    RIG_UNTIL(fixture, other->failures == 1);
    assert_int_equal(other->status, TRUNK_TIMEOUT);
    assert_int_equal(held->failures, 0);
    leg_release(&holds);
    RIG_UNTIL(fixture, held->failures == 1);
    assert_int_equal(held->status, TRUNK_TIMEOUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LEG(test_a_stream_is_paused_once_and_goes_on_when_all_let_go),
        LEG(test_streams_of_requests_are_held_one_by_one),
        LEG(test_nothing_is_told_of_a_request_that_is_over),
        LEG(test_nothing_is_told_of_a_leg_that_is_gone),
        LEG(test_a_transport_that_cannot_pause_is_not_held),
        LEG(test_what_comes_in_a_lost_session_is_not_held),
        LEG(test_nothing_is_held_before_initialized),
        LEG(test_a_request_that_is_held_does_not_time_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
