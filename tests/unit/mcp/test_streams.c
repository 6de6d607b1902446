/* SPDX-License-Identifier: MIT
 * test_streams.c - streams that outlive their connections: how they begin, how they are resumed,
 * and what waits for whom. */
#include "cue_rig.h"

#define CALL_WITH_TOKEN(id)                                                                        \
    REQUEST(id, "tools/call", "{\"name\":\"a_echo\",\"_meta\":{\"progressToken\":\"p\"}}")

static void progress(struct cue_rig *self, uint64_t number, int step) {
    say(self, "a", number,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
        "\"progressToken\":%" PRIu64 ",\"progress\":%d}}",
        number, step);
}

/* A call that runs at backend `a`, which has told its first step. */
static struct fake *start_call(struct cue_rig *self, uint64_t *out_number) {
    struct fake *call = start(self, CALL_WITH_TOKEN("1"));
    *out_number = take(self, "a", "tools/call");
    progress(self, *out_number, 1);
    return call;
}

static void begin(struct cue_rig *self) {
    open_session(self, "2025-11-25", "{}");
    cue_factory_hold(self->cue, NULL, "tools/call");
}

static const char *events_of(struct fake *fake) {
    return buffer_cstr(&fake->events);
}

static void expect_refused(struct fake *fake, int status) {
    assert_true(fake->is_ended);
    assert_int_equal(fake->status, status);
    assert_non_null(strstr(buffer_cstr(&fake->body), "\"error\""));
    fake_free(fake);
}

static void test_stream_of_a_new_client_begins_with_an_event_without_a_message(void **state) {
    struct cue_rig *self = *state;
    uint64_t number;
    begin(self);
    struct fake *call = start_call(self, &number);
    assert_int_equal(call->nevents, 2);
    assert_int_equal(events_of(call)[0], '\n');
    assert_int_not_equal(call->retry_ms, 0);
    answer(self, "a", number, "{}");
    fake_free(call);
}

static void test_stream_of_an_older_client_begins_with_a_message(void **state) {
    struct cue_rig *self = *state;
    uint64_t number;
    open_session(self, "2025-06-18", "{}");
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *call = start_call(self, &number);
    assert_int_equal(call->nevents, 1);
    assert_int_equal(call->retry_ms, 0);
    assert_string_not_equal(call->last_id, "");
    answer(self, "a", number, "{}");
    fake_free(call);
}

static void test_answer_without_anything_before_it_is_no_stream(void **state) {
    struct cue_rig *self = *state;
    begin(self);
    struct fake *call = start(self, CALL_WITH_TOKEN("1"));
    answer(self, "a", take(self, "a", "tools/call"), "{}");
    assert_false(call->exchange.is_streaming);
    expect_body(call, RESULT("1", "{}"));
    fake_free(call);
}

static void test_stream_that_goes_on_is_resumed_where_it_was_lost(void **state) {
    struct cue_rig *self = *state;
    char id[128];
    uint64_t number;
    begin(self);
    struct fake *call = start_call(self, &number);
    (void)snprintf(id, sizeof id, "%s", call->last_id);
    fake_leave(call);
    progress(self, number, 2);
    struct fake *again = get(self, id);
    assert_non_null(strstr(events_of(again), "\"progress\":2"));
    assert_null(strstr(events_of(again), "\"progress\":1"));
    progress(self, number, 3);
    (void)snprintf(id, sizeof id, "%s", again->last_id);
    fake_leave(again);
    struct fake *third = get(self, id);
    assert_int_equal(third->nevents, 0);
    answer(self, "a", number, "{\"n\":1}");
    expect_events(third, RESULT("1", "{\"n\":1}") "\n");
    assert_true(third->is_ended);
    assert_true(call->is_ended);
    fake_free(call);
    fake_free(again);
    fake_free(third);
}

static void test_stream_that_is_over_is_replayed_to_its_end_and_then_complete(void **state) {
    struct cue_rig *self = *state;
    char id[128];
    uint64_t number;
    begin(self);
    struct fake *call = start_call(self, &number);
    (void)snprintf(id, sizeof id, "%s", call->last_id);
    fake_leave(call);
    progress(self, number, 2);
    answer(self, "a", number, "{}");
    struct fake *again = get(self, id);
    assert_int_equal(again->nevents, 2);
    assert_true(again->is_ended);
    assert_non_null(strstr(events_of(again), RESULT("1", "{}")));
    (void)snprintf(id, sizeof id, "%s", again->last_id);
    expect_refused(get(self, id), 405);
    fake_free(again);
    fake_free(call);
}

static void test_result_is_kept_when_everything_else_is_evicted(void **state) {
    struct cue_rig *self = *state;
    char first[128];
    uint64_t number;
    self->rig->options.replay_events = 2;
    begin(self);
    struct fake *call = start_call(self, &number);
    (void)snprintf(first, sizeof first, "%s", call->last_id);
    fake_leave(call);
    for (int step = 2; step < 9; step++) {
        progress(self, number, step);
    }
    answer(self, "a", number, "{}");
    struct fake *again = get(self, first);
    assert_int_equal(again->nevents, 3); /* the newest two, and the result */
    assert_non_null(strstr(events_of(again), RESULT("1", "{}")));
    fake_free(call);
    /* Delivered, it is an event like others, which more of them push out. */
    call = start_call(self, &number);
    for (int step = 2; step < 9; step++) {
        progress(self, number, step);
    }
    answer(self, "a", number, "{}");
    fake_free(call);
    expect_refused(get(self, first), 400);
    fake_free(again);
}

static void test_ids_of_no_event_of_this_session_are_refused(void **state) {
    struct cue_rig *self = *state;
    char foreign[128];
    char future[160];
    uint64_t number;
    begin(self);
    struct fake *call = start_call(self, &number);
    (void)snprintf(foreign, sizeof foreign, "%s", call->last_id);
    answer(self, "a", number, "{}");
    fake_free(call);
    open_session(self, "2025-11-25", "{}");
    call = start_call(self, &number);
    (void)snprintf(future, sizeof future, "%s9", call->last_id);
    expect_refused(get(self, foreign), 400);
    expect_refused(get(self, future), 400);
    expect_refused(get(self, "nonsense"), 400);
    expect_refused(get(self, ""), 400);
    assert_int_equal(call->nevents, 2); /* it was not disturbed */
    answer(self, "a", number, "{}");
    fake_free(call);
}

static void test_unasked_stream_of_which_nothing_is_kept_is_opened_anew(void **state) {
    struct cue_rig *self = *state;
    char id[128];
    self->rig->options.replay_events = 1;
    begin(self);
    struct fake *first = get(self, NULL);
    (void)snprintf(id, sizeof id, "%s", first->last_id);
    say(self, "a", 0, "%s", NOTICE("notifications/message", "{\"level\":\"info\",\"data\":1}"));
    struct fake *second = get(self, NULL);
    say(self, "a", 0, "%s", NOTICE("notifications/message", "{\"level\":\"info\",\"data\":2}"));
    struct fake *third = get(self, id);
    assert_true(second->is_ended);
    assert_int_equal(third->nevents, 1);
    assert_false(third->is_ended);
    leave(first);
    leave(second);
    leave(third);
}

static void test_of_ten_get_streams_the_newest_alone_is_open(void **state) {
    struct cue_rig *self = *state;
    struct fake *streams[10];
    begin(self);
    for (size_t i = 0; i < 10; i++) {
        streams[i] = get(self, NULL);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(streams[i]->last_id, streams[j]->last_id);
        }
    }
    say(self, "a", 0, "%s", NOTICE("notifications/message", "{\"level\":\"info\",\"data\":1}"));
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(streams[i]->is_ended, i < 9);
        assert_int_equal(streams[i]->nevents, i < 9 ? 1 : 2);
        leave(streams[i]);
    }
}

/* It may leave while its session is being restored. */
static void test_get_of_a_client_that_has_left_opens_no_stream(void **state) {
    struct cue_rig *self = *state;
    begin(self);
    struct fake *fake = fake_new(EXCHANGE_GET, self->rig->id, "");
    fake->exchange.is_closed = true;
    endpoint_handle(self->rig->endpoint, &fake->exchange);
    assert_true(fake->is_ended);
    assert_int_equal(fake->nevents, 0);
    say(self, "a", 0, "%s", NOTICE("notifications/message", "{\"level\":\"info\",\"data\":1}"));
    struct fake *next = get(self, NULL);
    say(self, "a", 0, "%s", NOTICE("notifications/message", "{\"level\":\"info\",\"data\":2}"));
    assert_int_equal(next->nevents, 2);
    fake_free(fake);
    leave(next);
}

static void test_what_no_connection_took_goes_to_the_next_get(void **state) {
    struct cue_rig *self = *state;
    begin(self);
    struct fake *lost = get(self, NULL);
    say(self, "a", 0, "%s", NOTICE("notifications/message", "{\"level\":\"info\",\"data\":1}"));
    fake_leave(lost);
    say(self, "a", 0, "%s", NOTICE("notifications/message", "{\"level\":\"info\",\"data\":2}"));
    struct fake *next = get(self, NULL);
    expect_events(next,
                  "\n" NOTICE("notifications/message", "{\"level\":\"info\",\"data\":2}") "\n");
    char id[128];
    (void)snprintf(id, sizeof id, "%s", lost->last_id);
    expect_refused(get(self, id), 405); /* not on two streams */
    fake_leave(next);
    struct fake *resumed = get(self, id);
    say(self, "a", 0, "%s", NOTICE("notifications/message", "{\"level\":\"info\",\"data\":3}"));
    assert_int_equal(resumed->nevents, 2);
    fake_free(lost);
    fake_free(next);
    leave(resumed);
}

static void test_update_before_the_first_get_waits_for_it(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", "{}");
    cue_factory_push_result(self->cue, "resources/list",
                            "{\"resources\":[{\"uri\":\"x:1\",\"name\":\"n\"}]}");
    say(self, "a", 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/list_changed\"}");
    rig_expect(self->rig, self->rig->id, REQUEST("1", "resources/subscribe", "{\"uri\":\"x:1\"}"),
               200, RESULT("1", "{}"));
    say(self, "a", 0, "%s", NOTICE("notifications/message", "{\"level\":\"info\",\"data\":1}"));
    say(self, "a", 0, "%s", NOTICE("notifications/resources/updated", "{\"uri\":\"x:1\"}"));
    say(self, "a", 0, "%s", NOTICE("notifications/resources/updated", "{\"uri\":\"x:2\"}"));
    struct fake *unasked = get(self, NULL);
    assert_non_null(strstr(events_of(unasked), "{\"uri\":\"x:1\"}"));
    assert_null(strstr(events_of(unasked), "{\"uri\":\"x:2\"}"));
    assert_null(strstr(events_of(unasked), "\"data\":1"));
    leave(unasked);
}

static void test_what_comes_on_the_stream_of_a_call_stays_on_it(void **state) {
    struct cue_rig *self = *state;
    uint64_t number;
    open_session(self, "2025-06-18", "{}");
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *unasked = get(self, NULL);
    struct fake *call = start_call(self, &number);
    say(self, "a", number, "%s",
        NOTICE("notifications/elicitation/complete", "{\"elicitationId\":\"e\"}"));
    assert_int_equal(call->nevents, 2);
    assert_int_equal(unasked->nevents, 0);
    say(self, "a", 0, "%s",
        NOTICE("notifications/elicitation/complete", "{\"elicitationId\":\"f\"}"));
    assert_int_equal(unasked->nevents, 1);
    say(self, "a", 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}");
    say(self, "a", 0, "%s", NOTICE("notifications/unheard_of", "{}"));
    assert_int_equal(unasked->nevents + call->nevents, 3);
    answer(self, "a", number, "{}");
    progress(self, number, 9); /* of a call that is over */
    assert_int_equal(unasked->nevents, 1);
    fake_free(call);
    leave(unasked);
}

static void test_slow_reader_of_a_resumed_stream_holds_its_backend(void **state) {
    struct cue_rig *self = *state;
    char id[128];
    char wanted[64];
    uint64_t number;
    begin(self);
    struct fake *call = start_call(self, &number);
    (void)snprintf(id, sizeof id, "%s", call->last_id);
    fake_leave(call);
    struct fake *again = get(self, id);
    again->backlog = EXCHANGE_HIGH_BYTES + 1;
    progress(self, number, 2);
    (void)snprintf(wanted, sizeof wanted, "a pause %" PRIu64 "\n", number);
    assert_non_null(strstr(cue_factory_transcript(self->cue), wanted));
    fake_drain(again);
    (void)snprintf(wanted, sizeof wanted, "a go_on %" PRIu64 "\n", number);
    assert_non_null(strstr(cue_factory_transcript(self->cue), wanted));
    answer(self, "a", number, "{}");
    fake_free(call);
    fake_free(again);
}

static void test_cancelled_call_gets_no_answer_and_its_stream_is_complete(void **state) {
    struct cue_rig *self = *state;
    char id[128];
    uint64_t number;
    begin(self);
    struct fake *call = start_call(self, &number);
    tell(self, NOTICE("notifications/cancelled", "{\"requestId\":1,\"reason\":\"why\"}"));
    assert_true(call->is_ended);
    assert_int_equal(call->nevents, 2);
    assert_non_null(
        strstr(cue_factory_last(self->cue, "a", "notifications/cancelled"), "\"reason\":\"why\""));
    answer(self, "a", number, "{}"); /* too late */
    (void)snprintf(id, sizeof id, "%s", call->last_id);
    expect_refused(get(self, id), 405);
    tell(self, NOTICE("notifications/cancelled", "{\"requestId\":1}"));
    tell(self, NOTICE("notifications/cancelled", "{}"));
    assert_int_equal(cue_factory_count(self->cue, "a", "notifications/cancelled"), 1);
    fake_free(call);
}

static void test_subscription_is_renewed_with_the_leg_and_told_of_once(void **state) {
    struct cue_rig *self = *state;
    cue_factory_push_result(self->cue, "resources/list",
                            "{\"resources\":[{\"uri\":\"x:1\",\"name\":\"n\"}]}");
    open_session(self, "2025-06-18", "{}");
    rig_expect(self->rig, self->rig->id, REQUEST("1", "resources/subscribe", "{\"uri\":\"x:1\"}"),
               200, RESULT("1", "{}"));
    struct fake *unasked = get(self, NULL);
    cue_factory_close_leg(self->cue, "a", TRUNK_UNAVAILABLE, "gone");
    settle(self);
    fake_free(rig_post(self->rig, self->rig->id, CALL("2", "a_echo")));
    settle(self);
    assert_int_equal(cue_factory_count(self->cue, "a", "resources/subscribe"), 2);
    assert_int_equal(cue_factory_count(self->cue, "b", "resources/subscribe"), 0);
    expect_events(unasked, NOTICE("notifications/resources/updated", "{\"uri\":\"x:1\"}") "\n");
    leave(unasked);
}

static void test_subscription_in_a_session_that_was_lost_meanwhile_is_made_again(void **state) {
    struct cue_rig *self = *state;
    cue_factory_push_result(self->cue, "resources/list",
                            "{\"resources\":[{\"uri\":\"x:1\",\"name\":\"n\"}]}");
    open_session(self, "2025-06-18", "{}");
    cue_factory_hold(self->cue, "a", "resources/subscribe");
    struct fake *subscribe = start(self, REQUEST("1", "resources/subscribe", "{\"uri\":\"x:1\"}"));
    settle(self);
    cue_factory_hold(self->cue, "a", "tools/call");
    struct fake *call = start(self, CALL("2", "a_echo"));
    settle(self);
    cue_factory_complete_next(self->cue, "a", "tools/call", TRUNK_NOT_FOUND, "gone");
    settle(self);
    assert_int_equal(cue_factory_count(self->cue, "a", "initialize"), 2);
    cue_factory_let_all(self->cue);
    rig_wait_end(self->rig, subscribe);
    rig_wait_end(self->rig, call);
    settle(self);
    assert_non_null(strstr(buffer_cstr(&subscribe->body), RESULT("1", "{}")));
    assert_int_equal(cue_factory_count(self->cue, "a", "resources/subscribe"), 2);
    fake_free(subscribe);
    fake_free(call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CUE_TEST(test_stream_of_a_new_client_begins_with_an_event_without_a_message),
        CUE_TEST(test_stream_of_an_older_client_begins_with_a_message),
        CUE_TEST(test_answer_without_anything_before_it_is_no_stream),
        CUE_TEST(test_stream_that_goes_on_is_resumed_where_it_was_lost),
        CUE_TEST(test_stream_that_is_over_is_replayed_to_its_end_and_then_complete),
        CUE_TEST(test_result_is_kept_when_everything_else_is_evicted),
        CUE_TEST(test_ids_of_no_event_of_this_session_are_refused),
        CUE_TEST(test_unasked_stream_of_which_nothing_is_kept_is_opened_anew),
        CUE_TEST(test_of_ten_get_streams_the_newest_alone_is_open),
        CUE_TEST(test_get_of_a_client_that_has_left_opens_no_stream),
        CUE_TEST(test_what_no_connection_took_goes_to_the_next_get),
        CUE_TEST(test_update_before_the_first_get_waits_for_it),
        CUE_TEST(test_what_comes_on_the_stream_of_a_call_stays_on_it),
        CUE_TEST(test_slow_reader_of_a_resumed_stream_holds_its_backend),
        CUE_TEST(test_subscription_is_renewed_with_the_leg_and_told_of_once),
        CUE_TEST(test_subscription_in_a_session_that_was_lost_meanwhile_is_made_again),
        CUE_TEST(test_cancelled_call_gets_no_answer_and_its_stream_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
