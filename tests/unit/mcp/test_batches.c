/* SPDX-License-Identifier: MIT
 * test_batches.c - several messages in one POST. */
#include "cue_rig.h"

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define PROGRESS(token)                                                                            \
    NOTICE("notifications/progress", "{\"progressToken\":" token ",\"progress\":1}")

static void test_requests_of_a_batch_are_answered_in_one_array(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-03-26", "{}");
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *fake = start(self, " [" CALL("\"x\"", "a_echo") "," INITIALIZED "," PING("2") "]");
    assert_false(fake->is_ended);
    uint64_t number = take(self, "a", "tools/call");
    answer(self, "a", number, "{\"content\":[]}");
    expect_body(fake, "[" RESULT("2", "{}") "," RESULT("\"x\"", "{\"content\":[]}") "]");
    assert_int_equal(fake->status, 200);
    fake_free(fake);
}

static void test_one_message_still_gives_an_array(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-03-26", "{}");
    rig_expect(self->rig, self->rig->id, "[" PING("1") "]", 200, "[" RESULT("1", "{}") "]");
}

static void test_notifications_and_answers_alone_are_accepted(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-03-26", "{}");
    tell(self, "[" INITIALIZED "," RESULT("7", "{}") "]");
}

static void test_what_comes_before_the_last_answer_makes_it_a_stream(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-03-26", "{}");
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *fake = start(
        self,
        "[" PING("1") "," REQUEST(
            "2", "tools/call",
            "{\"name\":\"a_echo\",\"_meta\":{\"progressToken\":\"p\"}}") "," CALL("3",
                                                                                  "b_echo") "]");
    uint64_t first = take(self, "a", "tools/call");
    uint64_t second = take(self, "b", "tools/call");
    say(self, "a", first,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
        "\"progressToken\":%" PRIu64 ",\"progress\":1}}",
        first);
    expect_events(fake, RESULT("1", "{}") "\n" PROGRESS("\"p\"") "\n");
    answer(self, "b", second, "{\"n\":2}");
    assert_false(fake->is_ended);
    answer(self, "a", first, "{\"n\":1}");
    expect_events(fake, RESULT("1", "{}") "\n" PROGRESS("\"p\"") "\n" RESULT(
                            "3", "{\"n\":2}") "\n" RESULT("2", "{\"n\":1}") "\n");
    assert_true(fake->is_ended);
    fake_free(fake);
}

static void test_cancelled_requests_of_a_batch_get_no_answer(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-03-26", "{}");
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *fake = start(self, "[" CALL("1", "a_echo") "," CALL("2", "b_echo") "]");
    (void)take(self, "a", "tools/call");
    (void)take(self, "b", "tools/call");
    tell(self, "[" NOTICE("notifications/cancelled", "{\"requestId\":1}") "," NOTICE(
                   "notifications/cancelled", "{\"requestId\":2}") "]");
    assert_true(fake->is_ended);
    assert_true(fake->exchange.is_streaming);
    assert_int_equal(fake->nevents, 0);
    fake_free(fake);
}

static void test_bad_messages_of_a_batch_are_answered_for_themselves(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-03-26", "{}");
    struct fake *fake = rig_post(self->rig, self->rig->id, "[" RIG_INITIALIZE ",1," PING("3") "]");
    const char *body = buffer_cstr(&fake->body);
    assert_int_equal(fake->status, 200);
    assert_non_null(strstr(body,
                           "\"id\":0,\"error\":{\"code\":-32600,\"message\":\"initialize must "
                           "not be in a batch\"}"));
    assert_non_null(strstr(body, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600"));
    assert_non_null(strstr(body, RESULT("3", "{}")));
    fake_free(fake);
}

static void test_bodies_that_are_no_batch_at_all_are_refused(void **state) {
    struct cue_rig *self = *state;
    static const struct {
        const char *body;
        const char *code;
    } bad[] = {{"[]", "-32600"},
               {"[1,2]", "-32600"},
               {"[" RIG_INITIALIZE "]", "-32600"},
               {"[1", "-32700"}};
    open_session(self, "2025-03-26", "{}");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fake *fake = rig_post(self->rig, self->rig->id, bad[i].body);
        assert_int_equal(fake->status, 400);
        assert_non_null(strstr(buffer_cstr(&fake->body), bad[i].code));
        fake_free(fake);
    }
}

static void test_other_revisions_have_no_batches(void **state) {
    struct cue_rig *self = *state;
    static const char *const versions[] = {"2024-11-05", "2025-06-18", "2025-11-25"};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        open_session(self, versions[i], "{}");
        struct fake *fake = rig_post(self->rig, self->rig->id, "[" PING("1") "]");
        assert_int_equal(fake->status, 400);
        assert_non_null(strstr(buffer_cstr(&fake->body), "-32600"));
        fake_free(fake);
    }
    struct fake *fake = rig_post(self->rig, NULL, "[" PING("1") "]");
    assert_int_equal(fake->status, 400);
    fake_free(fake);
    fake = rig_post(self->rig, "0123456789abcdef0123456789abcdef", "[" PING("1") "]");
    assert_int_equal(fake->status, 404);
    fake_free(fake);
}

static void test_limit_of_requests_in_flight_holds_for_each_of_a_batch(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-03-26", "{}");
    self->rig->options.max_inflight = 2;
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *fake = start(self, "[" CALL("1", "a_echo") "," CALL("2", "a_echo") "," CALL(
                                        "3", "a_echo") "," CALL("4", "a_echo") "]");
    answer(self, "a", take(self, "a", "tools/call"), "{}");
    answer(self, "a", take(self, "a", "tools/call"), "{}");
    const char *body = buffer_cstr(&fake->body);
    size_t refused = 0;
    for (const char *at = body; (at = strstr(at, "max_inflight")) != NULL; at++) {
        refused++;
    }
    assert_int_equal(refused, 2);
    assert_non_null(strstr(body, RESULT("2", "{}")));
    fake_free(fake);
}

static void test_batch_ends_with_its_session(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-03-26", "{}");
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *fake = start(self, "[" CALL("1", "a_echo") "," CALL("2", "b_echo") "]");
    struct fake *end = rig_start(self->rig, EXCHANGE_DELETE, self->rig->id, "");
    rig_wait_end(self->rig, end);
    rig_wait_end(self->rig, fake);
    assert_non_null(strstr(buffer_cstr(&fake->body), "the session has ended"));
    fake_free(fake);
    fake_free(end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CUE_TEST(test_requests_of_a_batch_are_answered_in_one_array),
        CUE_TEST(test_one_message_still_gives_an_array),
        CUE_TEST(test_notifications_and_answers_alone_are_accepted),
        CUE_TEST(test_what_comes_before_the_last_answer_makes_it_a_stream),
        CUE_TEST(test_cancelled_requests_of_a_batch_get_no_answer),
        CUE_TEST(test_bad_messages_of_a_batch_are_answered_for_themselves),
        CUE_TEST(test_bodies_that_are_no_batch_at_all_are_refused),
        CUE_TEST(test_other_revisions_have_no_batches),
        CUE_TEST(test_limit_of_requests_in_flight_holds_for_each_of_a_batch),
        CUE_TEST(test_batch_ends_with_its_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
