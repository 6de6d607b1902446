/* SPDX-License-Identifier: MIT
 * test_leg_open.c - the way of a leg to its use, and its lists. */
#include "unit/session/leg_rig.h"

/* Opening */

static void test_a_new_leg_is_closed_and_does_nothing(void **state) {
    struct fixture *fixture = *state;
    size_t pages = 1;
    settle(fixture);
    assert_int_equal(leg_state(fixture->leg), LEG_CLOSED);
    assert_null(leg_error(fixture->leg));
    assert_null(leg_protocol(fixture->leg));
    assert_false(leg_has_list(fixture->leg, LIST_TOOLS));
    (void)leg_list_pages(fixture->leg, LIST_TOOLS, &pages);
    assert_int_equal(pages, 0);
    assert_string_equal(cue_factory_transcript(fixture->factory), "");
}

static void test_a_leg_opens_step_by_step(void **state) {
    struct fixture *fixture = *state;
    size_t pages = 0;
    open_ready(fixture);
    assert_string_equal(
        cue_factory_transcript(fixture->factory),
        "a make\na initialize\na notifications/initialized\na listen\na tools/list\n");
    assert_string_equal(leg_protocol(fixture->leg), "2025-11-25");
    assert_true(
        slice_equal_cstr(leg_server_info(fixture->leg), "{\"name\":\"cue\",\"version\":\"1\"}"));
    const struct trunk_slice *items = leg_list_pages(fixture->leg, LIST_TOOLS, &pages);
    assert_int_equal(pages, 1);
    assert_true(
        slice_equal_cstr(items[0], "[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}]"));
    assert_int_equal(fixture->opened, 1);
    assert_int_equal(fixture->tools_changed, 1);
    assert_int_equal(fixture->env.transports, 1);
    assert_non_null(strstr(cue_factory_last(fixture->factory, "a", "initialize"),
                           "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}"));
}

static void test_nothing_is_sent_before_initialized_was_taken(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "initialize");
    cue_factory_hold(fixture->factory, NULL, "notifications/initialized");
    leg_open(fixture->leg);
    until_held(fixture, "initialize");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    assert_string_equal(cue_factory_transcript(fixture->factory), "a make\na initialize\n");
    cue_factory_release_next(fixture->factory, NULL, "initialize");
    until_held(fixture, "notifications/initialized");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"roots/list\"}");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    assert_string_equal(cue_factory_transcript(fixture->factory),
                        "a make\na initialize\na notifications/initialized\n");
    cue_factory_release_next(fixture->factory, NULL, "notifications/initialized");
    RIG_UNTIL(fixture, leg_state(fixture->leg) == LEG_READY);
    assert_string_equal(
        cue_factory_transcript(fixture->factory),
        "a make\na initialize\na notifications/initialized\na listen\na answer\na answer\n"
        "a tools/list\n");
    assert_non_null(
        strstr(cue_factory_last(fixture->factory, "a", "answer"), "\"id\":\"s\",\"error\""));
}

static void test_what_a_backend_asks_before_initialized_is_bounded(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "initialize");
    leg_open(fixture->leg);
    until_held(fixture, "initialize");
    for (int i = 0; i < 1000; i++) {
        (void)cue_factory_say(fixture->factory, "a",
                              "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}", 0);
    }
    cue_factory_release_next(fixture->factory, NULL, "initialize");
    RIG_UNTIL(fixture, leg_state(fixture->leg) == LEG_READY);
    size_t answers = cue_factory_count(fixture->factory, "a", "answer");
    assert_true(answers > 0 && answers < 200);
}

static void test_ids_start_with_the_epoch_and_never_repeat(void **state) {
    struct fixture *fixture = *state;
    open_ready(fixture);
    assert_non_null(
        strstr(cue_factory_last(fixture->factory, "a", "initialize"), "\"id\":2097153,"));
    assert_non_null(
        strstr(cue_factory_last(fixture->factory, "a", "tools/list"), "\"id\":2097154,"));
    leg_close(fixture->leg, "for the test");
    open_ready(fixture);
    assert_non_null(
        strstr(cue_factory_last(fixture->factory, "a", "initialize"), "\"id\":2097155,"));
}

static void test_a_leg_waits_to_be_admitted(void **state) {
    struct fixture *fixture = *state;
    struct outcome used = {0};
    fixture->admits = false;
    (void)leg_use(fixture->leg, rig_on_status, &used);
    RIG_UNTIL(fixture, fixture->opened == 1);
    settle(fixture);
    assert_int_equal(used.calls, 0);
    leg_admit(fixture->leg);
    assert_int_equal(leg_state(fixture->leg), LEG_STARTING);
    RIG_UNTIL(fixture, used.calls == 1);
    assert_int_equal(used.status, TRUNK_OK);
    leg_admit(fixture->leg);
    (void)leg_use(fixture->leg, rig_on_status, &used);
    assert_int_equal(used.calls, 1); /* never inside the call */
    RIG_UNTIL(fixture, used.calls == 2);
}

static void test_a_cancelled_wait_is_told_nothing(void **state) {
    struct fixture *fixture = *state;
    struct outcome early = {0};
    struct outcome late = {0};
    struct leg_wait *wait = leg_use(fixture->leg, rig_on_status, &early);
    leg_wait_cancel(wait);
    open_ready(fixture);
    wait = leg_use(fixture->leg, rig_on_status, &late);
    leg_wait_cancel(wait); /* its telling is on its way */
    settle(fixture);
    assert_int_equal(early.calls + late.calls, 0);
}

static void test_a_make_that_fails_fails_the_opening_and_its_waiters(void **state) {
    struct fixture *fixture = *state;
    struct outcome used = {0};
    cue_factory_hold(fixture->factory, NULL, "make");
    (void)leg_use(fixture->leg, rig_on_status, &used);
    until_held(fixture, "make");
    cue_factory_complete_next(fixture->factory, NULL, "make", TRUNK_UNAVAILABLE,
                              "backend a: command \"npx\" was not found in PATH");
    expect_failure(fixture, "command \"npx\" was not found in PATH");
    RIG_UNTIL(fixture, used.calls == 1);
    assert_int_equal(used.status, TRUNK_UNAVAILABLE);
    assert_string_equal(used.text, fixture->failure);
    RIG_UNTIL(fixture, fixture->idle == 1);
}

static void use(struct fixture *fixture, struct outcome *used) {
    *used = (struct outcome){0};
    (void)leg_use(fixture->leg, rig_on_status, used);
    RIG_UNTIL(fixture, used->calls == 1);
}

static void test_openings_that_fail_come_after_pauses_that_grow(void **state) {
    struct fixture *fixture = *state;
    struct outcome used;
    size_t made = 1;
    cue_factory_push_result(fixture->factory, "initialize", "{}");
    use(fixture, &used);
    for (uint64_t pause_ms = 100; made < 12; pause_ms = pause_ms < 5000 ? pause_ms * 2 : 10000) {
        clock_advance(&fixture->clock, pause_ms / 2);
        use(fixture, &used);
        assert_int_equal(used.status, TRUNK_UNAVAILABLE);
        assert_string_equal(used.text, fixture->failure);
        assert_int_equal(cue_factory_count_made(fixture->factory), made);
        clock_advance(&fixture->clock, pause_ms / 2);
        use(fixture, &used);
        assert_int_equal(cue_factory_count_made(fixture->factory), ++made);
        assert_int_equal(fixture->failed, made);
    }
}

static void die(struct fixture *fixture) {
    size_t failed = fixture->failed;
    cue_factory_close_leg(fixture->factory, "a", TRUNK_UNAVAILABLE, "backend a exited");
    RIG_UNTIL(fixture, fixture->failed == failed + 1);
}

static void
test_a_leg_that_dies_soon_pauses_the_second_time_and_one_that_lasted_does_not(void **state) {
    struct fixture *fixture = *state;
    struct outcome used;
    open_ready(fixture);
    die(fixture);
    use(fixture, &used);
    assert_int_equal(used.status, TRUNK_OK);
    die(fixture);
    use(fixture, &used);
    assert_int_equal(used.status, TRUNK_UNAVAILABLE);
    assert_string_equal(used.text, "backend a exited");
    clock_advance(&fixture->clock, 200);
    use(fixture, &used);
    assert_int_equal(used.status, TRUNK_OK);
    clock_advance(&fixture->clock, 1000);
    die(fixture);
    use(fixture, &used);
    assert_int_equal(used.status, TRUNK_OK);
}

/* How the next initializes end, F or G each. */
static void script_initialize(struct fixture *fixture, const char *ends) {
    for (; *ends != '\0'; ends++) {
        cue_factory_push_result(
            fixture->factory, "initialize",
            *ends == 'G' ? "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}" : "{}");
    }
}

static void use_expecting(struct fixture *fixture, int32_t status) {
    struct outcome used;
    use(fixture, &used);
    assert_int_equal(used.status, status);
}

static void test_a_leg_that_was_asked_for_in_its_pause_opens_when_that_is_over(void **state) {
    struct fixture *fixture = *state;
    script_initialize(fixture, "FG");
    use_expecting(fixture, TRUNK_UNAVAILABLE);
    use_expecting(fixture, TRUNK_UNAVAILABLE);
    assert_int_equal(cue_factory_count_made(fixture->factory), 1);
    RIG_UNTIL(fixture, fixture->ready == 1);
    assert_int_equal(cue_factory_count_made(fixture->factory), 2);
}

static void test_a_lost_session_of_a_leg_that_lasted_brings_back_no_long_pause(void **state) {
    struct fixture *fixture = *state;
    script_initialize(fixture, "FFFFFFGFG");
    for (int i = 0; i < 6; i++) {
        use_expecting(fixture, TRUNK_UNAVAILABLE);
        clock_advance(&fixture->clock, 10000);
    }
    use_expecting(fixture, TRUNK_OK);
    clock_advance(&fixture->clock, 1000);
    cue_factory_hold(fixture->factory, NULL, "tools/call");
    (void)start_call(fixture, &fixture->heard[0], 0, NULL);
    until_held(fixture, "tools/call");
    cue_factory_complete_next(fixture->factory, NULL, "tools/call", TRUNK_NOT_FOUND, "gone");
    RIG_UNTIL(fixture, fixture->heard[0].failures == 1);
    use_expecting(fixture, TRUNK_UNAVAILABLE);
    clock_advance(&fixture->clock, 100);
    use_expecting(fixture, TRUNK_OK);
}

static void test_an_initialize_that_is_refused_fails_the_opening(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "initialize");
    leg_open(fixture->leg);
    until_held(fixture, "initialize");
    uint64_t number = cue_factory_held_number(fixture->factory, NULL, "initialize");
    say(fixture, 0,
        "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
        ",\"error\":{\"code\":-32000,\"message\":\"no \\u0041\"}}",
        number);
    expect_failure(fixture, "backend a refused initialize: no A");
}

static void test_a_protocol_version_that_trunkd_does_not_speak_fails_the_opening(void **state) {
    struct fixture *fixture = *state;
    cue_factory_push_result(fixture->factory, "initialize",
                            "{\"protocolVersion\":\"1999-01-01\",\"capabilities\":{}}");
    leg_open(fixture->leg);
    expect_failure(fixture, "\"1999-01-01\"");
}

static void test_a_result_without_a_protocol_version_fails_the_opening(void **state) {
    struct fixture *fixture = *state;
    cue_factory_push_result(fixture->factory, "initialize", "{}");
    leg_open(fixture->leg);
    expect_failure(fixture, "protocol version");
}

static void test_a_backend_that_does_not_take_initialized_fails_the_opening(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "notifications/initialized");
    leg_open(fixture->leg);
    until_held(fixture, "notifications/initialized");
    cue_factory_complete_next(fixture->factory, NULL, "notifications/initialized", TRUNK_UNCERTAIN,
                              "backend a: broken pipe");
    expect_failure(fixture, "broken pipe");
}

static void test_a_backend_without_tools_is_opened_without_a_list(void **state) {
    struct fixture *fixture = *state;
    cue_factory_push_result(
        fixture->factory, "initialize",
        "{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{\"prompts\":{}}}");
    open_ready(fixture);
    assert_string_equal(leg_protocol(fixture->leg), "2025-03-26");
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), 0);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), 0);
}

static void test_a_backend_without_a_stream_of_unasked_messages_is_fine(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "listen");
    open_ready(fixture);
    cue_factory_complete_next(fixture->factory, NULL, "listen", TRUNK_UNSUPPORTED,
                              "no such stream");
    settle(fixture);
    assert_int_equal(leg_state(fixture->leg), LEG_READY);
}

static void
test_an_opening_that_takes_too_long_fails_and_initialize_is_never_cancelled(void **state) {
    struct fixture *fixture = *state;
    fixture->options.leg_timeout_ms = 20;
    cue_factory_hold(fixture->factory, NULL, "initialize");
    leg_open(fixture->leg);
    expect_failure(fixture, "was not ready within 20 ms");
    settle(fixture);
    assert_string_equal(cue_factory_transcript(fixture->factory),
                        "a make\na initialize\na finish\n");
}

static void test_a_list_that_takes_too_long_fails_the_opening(void **state) {
    struct fixture *fixture = *state;
    fixture->options.leg_timeout_ms = 20;
    cue_factory_hold(fixture->factory, NULL, "tools/list");
    leg_open(fixture->leg);
    expect_failure(fixture, "was not ready within 20 ms");
    assert_false(leg_has_list(fixture->leg, LIST_TOOLS));
}

/* Lists */

static void test_all_pages_are_walked(void **state) {
    struct fixture *fixture = *state;
    size_t pages = 0;
    cue_factory_push_result(fixture->factory, "tools/list",
                            "{\"tools\":[{\"name\":\"one\"}],\"nextCursor\":\"p\\\"2\"}");
    cue_factory_push_result(fixture->factory, "tools/list", "{\"tools\":[],\"nextCursor\":\"\"}");
    cue_factory_push_result(fixture->factory, "tools/list",
                            "{\"tools\":[{\"name\":\"two\"}],\"nextCursor\":null}");
    open_ready(fixture);
    const struct trunk_slice *items = leg_list_pages(fixture->leg, LIST_TOOLS, &pages);
    assert_int_equal(pages, 3);
    assert_true(slice_equal_cstr(items[0], "[{\"name\":\"one\"}]"));
    assert_true(slice_equal_cstr(items[2], "[{\"name\":\"two\"}]"));
    assert_non_null(
        strstr(cue_factory_last(fixture->factory, "a", "tools/list"), "{\"cursor\":\"\"}"));
}

struct page {
    char json[64];
};

/* Into *page, which is borrowed. */
static void push_page(struct fixture *fixture, struct page *page, unsigned next) {
    (void)snprintf(page->json, sizeof page->json, "{\"tools\":[],\"nextCursor\":\"%u\"}", next);
    cue_factory_push_result(fixture->factory, "tools/list", page->json);
}

static void test_a_list_without_end_fails_the_opening(void **state) {
    struct fixture *fixture = *state;
    struct page pages[1000];
    for (unsigned i = 0; i < 1000; i++) {
        push_page(fixture, &pages[i], i);
    }
    leg_open(fixture->leg);
    expect_failure(fixture, "backend a gave a list without end");
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), 1000);
}

static void test_a_circle_of_cursors_fails_the_opening_at_once(void **state) {
    struct fixture *fixture = *state;
    struct page pages[20];
    for (unsigned i = 0; i < 20; i++) {
        push_page(fixture, &pages[i], i < 4 ? i : 4 + i % 3);
    }
    leg_open(fixture->leg);
    expect_failure(fixture, "backend a gave the same cursor twice in a list");
    assert_in_range(cue_factory_count(fixture->factory, "a", "tools/list"), 8, 16);
}

static void test_a_list_beyond_the_limit_of_bytes_fails_the_opening(void **state) {
    struct fixture *fixture = *state;
    fixture->options.max_message_bytes = 60;
    cue_factory_push_result(
        fixture->factory, "tools/list",
        "{\"tools\":[{\"name\":\"twenty bytes and more\"}],\"nextCursor\":\"p\"}");
    leg_open(fixture->leg);
    expect_failure(fixture, "without end");
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), 2);
}

static void test_a_result_that_is_no_list_fails_the_opening(void **state) {
    struct fixture *fixture = *state;
    cue_factory_push_result(fixture->factory, "tools/list", "{\"tools\":{}}");
    leg_open(fixture->leg);
    expect_failure(fixture, "backend a gave no list (tools/list)");
}

static void test_list_changed_fetches_the_list_again(void **state) {
    struct fixture *fixture = *state;
    size_t pages = 0;
    open_ready(fixture);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), 2);
    assert_int_equal(fixture->tools_changed, 1); /* it is the same */
    cue_factory_push_result(fixture->factory, "tools/list", "{\"tools\":[{\"name\":\"new\"}]}");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    assert_int_equal(fixture->tools_changed, 2);
    assert_true(slice_equal_cstr(leg_list_pages(fixture->leg, LIST_TOOLS, &pages)[0],
                                 "[{\"name\":\"new\"}]"));
    assert_int_equal(fixture->opened, 1);
}

static void test_list_changed_during_a_list_fetches_it_once_more(void **state) {
    struct fixture *fixture = *state;
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/list");
    for (int i = 0; i < 5; i++) {
        say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    }
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), 2);
    cue_factory_let_all(fixture->factory);
    settle(fixture);
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), 3);
}

static void
test_a_list_that_fails_later_leaves_the_one_known_and_the_next_may_succeed(void **state) {
    struct fixture *fixture = *state;
    open_ready(fixture);
    cue_factory_hold(fixture->factory, NULL, "tools/list");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    until_held(fixture, "tools/list");
    cue_factory_complete_next(fixture->factory, NULL, "tools/list", TRUNK_UNAVAILABLE,
                              "backend a: busy");
    settle(fixture);
    assert_int_equal(leg_state(fixture->leg), LEG_READY);
    assert_true(leg_has_list(fixture->leg, LIST_TOOLS));
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"),
                     3); /* it was said twice */
    assert_int_equal(fixture->failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LEG(test_a_new_leg_is_closed_and_does_nothing),
        LEG(test_a_leg_opens_step_by_step),
        LEG(test_nothing_is_sent_before_initialized_was_taken),
        LEG(test_what_a_backend_asks_before_initialized_is_bounded),
        LEG(test_ids_start_with_the_epoch_and_never_repeat),
        LEG(test_a_leg_waits_to_be_admitted),
        LEG(test_a_cancelled_wait_is_told_nothing),
        LEG(test_a_make_that_fails_fails_the_opening_and_its_waiters),
        LEG(test_openings_that_fail_come_after_pauses_that_grow),
        LEG(test_a_leg_that_dies_soon_pauses_the_second_time_and_one_that_lasted_does_not),
        LEG(test_a_leg_that_was_asked_for_in_its_pause_opens_when_that_is_over),
        LEG(test_a_lost_session_of_a_leg_that_lasted_brings_back_no_long_pause),
        LEG(test_an_initialize_that_is_refused_fails_the_opening),
        LEG(test_a_protocol_version_that_trunkd_does_not_speak_fails_the_opening),
        LEG(test_a_result_without_a_protocol_version_fails_the_opening),
        LEG(test_a_backend_that_does_not_take_initialized_fails_the_opening),
        LEG(test_a_backend_without_tools_is_opened_without_a_list),
        LEG(test_a_backend_without_a_stream_of_unasked_messages_is_fine),
        LEG(test_an_opening_that_takes_too_long_fails_and_initialize_is_never_cancelled),
        LEG(test_a_list_that_takes_too_long_fails_the_opening),
        LEG(test_all_pages_are_walked),
        LEG(test_a_list_without_end_fails_the_opening),
        LEG(test_a_circle_of_cursors_fails_the_opening_at_once),
        LEG(test_a_list_beyond_the_limit_of_bytes_fails_the_opening),
        LEG(test_a_result_that_is_no_list_fails_the_opening),
        LEG(test_list_changed_fetches_the_list_again),
        LEG(test_list_changed_during_a_list_fetches_it_once_more),
        LEG(test_a_list_that_fails_later_leaves_the_one_known_and_the_next_may_succeed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
