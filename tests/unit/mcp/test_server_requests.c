/* SPDX-License-Identifier: MIT
 * test_server_requests.c - what backends ask of clients, and the way back. */
#include "cue_rig.h"

#define ALL "{\"sampling\":{},\"elicitation\":{},\"roots\":{}}"

/* The id under which the client was asked last on this stream. */
static uint64_t asked_id(const struct fake *fake) {
    const char *at = buffer_cstr((struct buffer *)(uintptr_t)&fake->events);
    const char *last = NULL;
    while ((at = strstr(at, "\"id\":")) != NULL) {
        last = at + strlen("\"id\":");
        at = last;
    }
    assert_non_null(last);
    return strtoull(last, NULL, 10);
}

__attribute__((format(printf, 2, 3))) static void tell_client_says(struct cue_rig *self,
                                                                   const char *format, ...) {
    char body[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(body, sizeof body, format, args);
    va_end(args);
    tell(self, body);
}

static const char *last_answer(struct cue_rig *self, const char *backend) {
    return cue_factory_last(self->cue, backend, "answer");
}

static void test_request_of_a_call_goes_on_its_stream_and_the_answer_back(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", ALL);
    struct fake *unasked = get(self, NULL);
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *call = start(self, CALL("1", "a_echo"));
    uint64_t number = take(self, "a", "tools/call");
    say(self, "a", number, "%s",
        REQUEST("\"1.50\"", "sampling/createMessage", "{\"maxTokens\":1.50,\"x\":null}"));
    assert_int_equal(call->nevents, 1);
    assert_int_equal(unasked->nevents, 0);
    uint64_t id = asked_id(call);
    assert_non_null(strstr(buffer_cstr(&call->events),
                           "\"method\":\"sampling/createMessage\",\"params\":{\"maxTokens\":1.50,"
                           "\"x\":null}}"));
    tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{\"n\":1.0}}", id);
    assert_string_equal(last_answer(self, "a"), RESULT("\"1.50\"", "{\"n\":1.0}"));
    answer(self, "a", number, "{}");
    assert_true(call->is_ended);
    fake_free(call);
    leave(unasked);
}

static void test_ids_of_backends_come_back_in_their_own_type_and_text(void **state) {
    struct cue_rig *self = *state;
    static const char *const ids[] = {"0",     "-1",   "18446744073709551617",
                                      "\"7\"", "\"\"", "\"\\u0041\""};
    open_session(self, "2025-06-18", ALL);
    struct fake *unasked = get(self, NULL);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char wanted[128];
        say(self, "a", 0, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"roots/list\"}", ids[i]);
        tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}",
                         asked_id(unasked));
        (void)snprintf(wanted, sizeof wanted, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}",
                       ids[i]);
        assert_string_equal(last_answer(self, "a"), wanted);
    }
    leave(unasked);
}

static void test_error_of_the_client_comes_as_it_is(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", ALL);
    struct fake *unasked = get(self, NULL);
    say(self, "b", 0, "%s", REQUEST("5", "roots/list", "{}"));
    tell_client_says(self,
                     "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
                     ",\"error\":{\"code\":-1,\"message\":\"no\",\"data\":[1.0]}}",
                     asked_id(unasked));
    assert_string_equal(
        last_answer(self, "b"),
        "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-1,\"message\":\"no\",\"data\":[1.0]}}");
    leave(unasked);
}

static void test_progress_of_the_client_gets_the_backends_token_back(void **state) {
    struct cue_rig *self = *state;
    static const char *const tokens[] = {"\"3\"", "3", "0.5"};
    open_session(self, "2025-06-18", ALL);
    struct fake *unasked = get(self, NULL);
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        char wanted[64];
        say(self, "a", 0,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{"
            "\"_meta\":{\"progressToken\":%s}}}",
            tokens[i]);
        uint64_t id = asked_id(unasked);
        tell_client_says(self,
                         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                         "\"progress\":1,\"progressToken\":%" PRIu64 "}}",
                         id);
        (void)snprintf(wanted, sizeof wanted, "\"params\":{\"progress\":1,\"progressToken\":%s}}",
                       tokens[i]);
        assert_non_null(strstr(cue_factory_last(self->cue, "a", "notifications/progress"), wanted));
        tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", id);
    }
    tell(self, NOTICE("notifications/progress", "{\"progress\":2,\"progressToken\":99}"));
    assert_int_equal(cue_factory_count(self->cue, "a", "notifications/progress"), 3);
    leave(unasked);
}

static void expect_refused(struct cue_rig *self, const char *method, const char *params,
                           const char *code) {
    say(self, "a", 0, "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"%s\",\"params\":%s}", method,
        params);
    if (strstr(last_answer(self, "a"), "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"error\":{\"code\":") ==
            NULL ||
        strstr(last_answer(self, "a"), code) == NULL) {
        fail_msg("%s: %s", method, last_answer(self, "a"));
    }
}

static void test_what_the_client_has_not_declared_is_refused(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-11-25", "{}");
    struct fake *unasked = get(self, NULL);
    size_t before = unasked->nevents;
    expect_refused(self, "sampling/createMessage", "{}", "-32601");
    expect_refused(self, "elicitation/create", "{}", "-32601");
    expect_refused(self, "roots/list", "{}", "-32601");
    expect_refused(self, "tasks/get", "{}", "-32601");
    assert_int_equal(unasked->nevents, before);
    leave(unasked);
}

static void test_what_the_client_has_declared_in_part_is_refused_in_part(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-11-25", "{\"sampling\":{},\"elicitation\":{\"url\":{}}}");
    struct fake *unasked = get(self, NULL);
    expect_refused(self, "sampling/createMessage", "{\"tools\":[]}", "-32602");
    expect_refused(self, "sampling/createMessage", "{\"toolChoice\":{}}", "-32602");
    expect_refused(self, "elicitation/create", "{\"message\":\"m\"}", "-32602");
    size_t before = unasked->nevents;
    say(self, "a", 0, "%s", REQUEST("1", "elicitation/create", "{\"mode\":\"url\"}"));
    say(self, "a", 0, "%s", REQUEST("2", "sampling/createMessage", "{}"));
    assert_int_equal(unasked->nevents, before + 2);
    leave(unasked);
    open_session(self, "2025-11-25", "{\"elicitation\":{}}");
    unasked = get(self, NULL);
    expect_refused(self, "elicitation/create", "{\"mode\":\"url\"}", "-32602");
    before = unasked->nevents;
    say(self, "a", 0, "%s", REQUEST("1", "elicitation/create", "{\"mode\":\"form\"}"));
    assert_int_equal(unasked->nevents, before + 1);
    leave(unasked);
}

static void test_task_of_a_request_is_left_out(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-11-25", ALL);
    struct fake *unasked = get(self, NULL);
    say(self, "a", 0, "%s",
        REQUEST("1", "elicitation/create", "{\"task\":{\"ttl\":1},\"message\":\"m\"}"));
    assert_non_null(strstr(buffer_cstr(&unasked->events), "\"params\":{\"message\":\"m\"}}"));
    leave(unasked);
}

static void test_older_clients_are_asked_with_content_that_they_know(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2024-11-05", ALL);
    struct fake *unasked = get(self, NULL);
    say(self, "a", 0, "%s",
        REQUEST("1", "sampling/createMessage",
                "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"audio\",\"data\":\"\","
                "\"mimeType\":\"audio/wav\"}}]}"));
    assert_non_null(strstr(buffer_cstr(&unasked->events), "\"content\":{\"type\":\"text\""));
    leave(unasked);
}

static void test_clients_with_equal_ids_get_only_their_own(void **state) {
    struct cue_rig *self = *state;
    char first_id[64];
    open_session(self, "2025-06-18", ALL);
    struct fake *first = get(self, NULL);
    say(self, "a", 0, "%s", REQUEST("1", "elicitation/create", "{\"message\":\"for the first\"}"));
    (void)snprintf(first_id, sizeof first_id, "%s", self->rig->id);
    open_session(self, "2025-06-18", ALL);
    struct fake *second = get(self, NULL);
    say(self, "a", 0, "%s", REQUEST("1", "elicitation/create", "{\"message\":\"for the second\"}"));
    assert_int_equal(first->nevents, 1);
    assert_int_equal(second->nevents, 1);
    assert_int_equal(asked_id(first), asked_id(second));
    assert_non_null(strstr(buffer_cstr(&second->events), "for the second"));
    tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{\"x\":2}}",
                     asked_id(second));
    assert_string_equal(last_answer(self, "a"), RESULT("1", "{\"x\":2}"));
    assert_int_equal(cue_factory_count(self->cue, "a", "answer"), 1);
    (void)snprintf(self->rig->id, sizeof self->rig->id, "%s", first_id);
    tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{\"x\":1}}",
                     asked_id(first));
    assert_string_equal(last_answer(self, "a"), RESULT("1", "{\"x\":1}"));
    leave(first);
    leave(second);
}

static void test_answers_that_nobody_asked_for_or_late_ones_are_dropped(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", ALL);
    struct fake *unasked = get(self, NULL);
    tell(self, RESULT("1", "{}"));
    tell(self, RESULT("\"1\"", "{}"));
    tell(self, RESULT("99999999999999999999999", "{}"));
    tell(self, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"\"}}");
    say(self, "a", 0, "%s", REQUEST("1", "roots/list", "{}"));
    for (int i = 0; i < 2; i++) {
        tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}",
                         asked_id(unasked));
    }
    assert_int_equal(cue_factory_count(self->cue, NULL, "answer"), 1);
    leave(unasked);
}

static void test_backend_takes_its_request_back(void **state) {
    struct cue_rig *self = *state;
    char wanted[128];
    open_session(self, "2025-06-18", ALL);
    struct fake *unasked = get(self, NULL);
    say(self, "a", 0, "%s", REQUEST("\"q\"", "elicitation/create", "{}"));
    uint64_t id = asked_id(unasked);
    say(self, "b", 0, "%s", NOTICE("notifications/cancelled", "{\"requestId\":\"q\"}"));
    say(self, "a", 0, "%s", NOTICE("notifications/cancelled", "{\"requestId\":\"other\"}"));
    assert_int_equal(unasked->nevents, 1);
    say(self, "a", 0, "%s",
        NOTICE("notifications/cancelled", "{\"requestId\":\"q\",\"reason\":\"late\"}"));
    assert_int_equal(unasked->nevents, 2);
    (void)snprintf(wanted, sizeof wanted, "{\"requestId\":%" PRIu64 ",\"reason\":\"late\"}", id);
    assert_non_null(strstr(buffer_cstr(&unasked->events), wanted));
    tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", id);
    assert_int_equal(cue_factory_count(self->cue, NULL, "answer"), 0);
    leave(unasked);
}

static void test_request_ends_with_its_call_and_both_sides_are_told(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", ALL);
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *call = start(self, CALL("1", "a_echo"));
    uint64_t number = take(self, "a", "tools/call");
    say(self, "a", number, "%s", REQUEST("8", "elicitation/create", "{}"));
    answer(self, "a", number, "{}");
    assert_int_equal(call->nevents, 3);
    assert_non_null(strstr(buffer_cstr(&call->events), "notifications/cancelled"));
    assert_non_null(strstr(last_answer(self, "a"), "\"id\":8,\"error\":{\"code\":-32603"));
    fake_free(call);
}

static void test_request_on_a_single_pipe_outlives_the_call_that_it_seemed_to_be_of(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", ALL);
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *call = start(self, CALL("1", "a_echo"));
    uint64_t number = take(self, "a", "tools/call");
    say(self, "a", 0, "%s", REQUEST("8", "roots/list", "{}"));
    uint64_t id = asked_id(call);
    answer(self, "a", number, "{}");
    assert_true(call->is_ended);
    assert_int_equal(call->nevents, 2);
    tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", id);
    assert_string_equal(last_answer(self, "a"), RESULT("8", "{}"));
    fake_free(call);
}

static void test_more_than_the_bound_are_refused_and_harm_nobody(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", ALL);
    struct fake *unasked = get(self, NULL);
    for (unsigned i = 0; i < 64; i++) {
        say(self, "a", 0, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"roots/list\"}", i);
    }
    assert_int_equal(unasked->nevents, 64);
    expect_refused(self, "roots/list", "{}", "-32603");
    fake_free(rig_post(self->rig, self->rig->id, CALL("1", "b_echo")));
    tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}",
                     asked_id(unasked));
    say(self, "a", 0, "%s", REQUEST("64", "roots/list", "{}"));
    assert_int_equal(unasked->nevents, 65);
    leave(unasked);
}

static void test_request_without_a_stream_waits_for_one(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", ALL);
    say(self, "a", 0, "%s", REQUEST("1", "roots/list", "{}"));
    struct fake *unasked = get(self, NULL);
    assert_int_equal(unasked->nevents, 1);
    leave(unasked);
}

static void test_request_waits_until_the_client_is_initialized(void **state) {
    struct cue_rig *self = *state;
    fake_free(rig_post(self->rig, NULL, RIG_INITIALIZE));
    settle(self);
    static const char *const firsts[] = {INITIALIZED, REQUEST("1", "tools/list", "{}")};
    for (size_t i = 0; i < 2; i++) {
        struct fake *opened =
            rig_post(self->rig, NULL,
                     "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                     "\"protocolVersion\":\"2025-06-18\",\"capabilities\":" ALL
                     ",\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}");
        (void)snprintf(self->rig->id, sizeof self->rig->id, "%s", opened->session_id);
        fake_free(opened);
        settle(self);
        struct fake *unasked = get(self, NULL);
        say(self, "a", 0, "%s", REQUEST("1", "roots/list", "{}"));
        fake_free(rig_post(self->rig, self->rig->id, REQUEST("0", "ping", "{}")));
        assert_int_equal(unasked->nevents, 0);
        fake_free(rig_post(self->rig, self->rig->id, firsts[i]));
        assert_int_equal(unasked->nevents, 1);
        leave(unasked);
    }
}

static void test_request_that_a_lost_stream_carried_is_asked_again(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", ALL);
    struct fake *lost = get(self, NULL);
    say(self, "a", 0, "%s", REQUEST("1", "roots/list", "{}"));
    uint64_t id = asked_id(lost);
    leave(lost);
    struct fake *next = get(self, NULL);
    assert_int_equal(next->nevents, 1);
    assert_int_equal(asked_id(next), id);
    struct fake *third = get(self, NULL); /* the one before was there and has it */
    assert_true(next->is_ended);
    assert_int_equal(third->nevents, 0);
    tell_client_says(self, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", id);
    assert_string_equal(last_answer(self, "a"), RESULT("1", "{}"));
    leave(next);
    leave(third);
}

static void test_ping_of_a_backend_is_answered_here(void **state) {
    struct cue_rig *self = *state;
    open_session(self, "2025-06-18", "{}");
    struct fake *unasked = get(self, NULL);
    say(self, "a", 0, "%s", REQUEST("\"p\"", "ping", "{}"));
    assert_string_equal(last_answer(self, "a"), RESULT("\"p\"", "{}"));
    assert_int_equal(unasked->nevents, 0);
    leave(unasked);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CUE_TEST(test_request_of_a_call_goes_on_its_stream_and_the_answer_back),
        CUE_TEST(test_ids_of_backends_come_back_in_their_own_type_and_text),
        CUE_TEST(test_error_of_the_client_comes_as_it_is),
        CUE_TEST(test_progress_of_the_client_gets_the_backends_token_back),
        CUE_TEST(test_what_the_client_has_not_declared_is_refused),
        CUE_TEST(test_what_the_client_has_declared_in_part_is_refused_in_part),
        CUE_TEST(test_task_of_a_request_is_left_out),
        CUE_TEST(test_older_clients_are_asked_with_content_that_they_know),
        CUE_TEST(test_clients_with_equal_ids_get_only_their_own),
        CUE_TEST(test_answers_that_nobody_asked_for_or_late_ones_are_dropped),
        CUE_TEST(test_backend_takes_its_request_back),
        CUE_TEST(test_request_ends_with_its_call_and_both_sides_are_told),
        CUE_TEST(test_request_on_a_single_pipe_outlives_the_call_that_it_seemed_to_be_of),
        CUE_TEST(test_more_than_the_bound_are_refused_and_harm_nobody),
        CUE_TEST(test_request_without_a_stream_waits_for_one),
        CUE_TEST(test_request_waits_until_the_client_is_initialized),
        CUE_TEST(test_request_that_a_lost_stream_carried_is_asked_again),
        CUE_TEST(test_ping_of_a_backend_is_answered_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
