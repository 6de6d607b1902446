/* SPDX-License-Identifier: MIT
 * test_multi_session.c - legs as one: merged tools, routes, what is told when, and how long anybody
 * waits. */
#include "session/leg_hold.h"
#include "unit/session/rig.h"

struct fixture {
    struct loop *loop;
    struct clock clock;
    struct host_env host_env;
    struct cue_factory *factory;
    struct backend_registry registry;
    struct session_options options;
    struct leg_env env;
    struct multi_session *multi;
    struct loop_timer *watchdog;
    bool is_late;
    bool admits; /* at once */
    size_t opened;
    size_t tools_changed;
    size_t notices;
    size_t closed;
    size_t ready; /* of tools */
    size_t required;
    int32_t required_status;
    char required_text[256];
};

static void on_record_due(void *ctx) {
    struct fixture *fixture = ctx;
    struct record record = {0};
    fixture->opened++;
    if (fixture->admits) {
        multi_session_fill_record(fixture->multi, &record);
        multi_session_admit(fixture->multi);
        record_clear(&record);
    }
}

static void on_list_changed(void *ctx, enum list_kind kind) {
    struct fixture *fixture = ctx;
    fixture->tools_changed += kind == LIST_TOOLS ? 1 : 0;
}

static void on_notice(void *ctx, const struct leg_source *from, const struct message *notice) {
    struct fixture *fixture = ctx;
    assert_string_equal(leg_backend(from->leg)->name, "c");
    assert_true(message_is(notice, "notifications/message"));
    fixture->notices++;
}

static void on_closed(void *ctx, bool is_left) {
    struct fixture *fixture = ctx;
    assert_false(is_left);
    fixture->closed++;
}

static void on_ready(void *ctx) {
    struct fixture *fixture = ctx;
    fixture->ready++;
}

static void on_required(void *ctx, int32_t status, const char *text) {
    struct fixture *fixture = ctx;
    fixture->required++;
    fixture->required_status = status;
    (void)snprintf(fixture->required_text, sizeof fixture->required_text, "%s", text);
}

static void on_watchdog(void *arg) {
    struct fixture *fixture = arg;
    fixture->is_late = true;
}

static void add_backend(struct fixture *fixture, const char *name, bool is_disabled,
                        bool is_required) {
    struct param_list none = {0};
    backend_registry_add(&fixture->registry, name, cue_factory_driver(fixture->factory), &none,
                         is_disabled, is_required, 0, 0);
}

/* Backends c, a and a disabled one, and one more, which may be required; NULL: none. */
static struct fixture *fixture_new(const char *more, bool is_required) {
    static const struct multi_session_events events = {on_record_due, on_list_changed, on_notice,
                                                       leg_refuse_request};
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    fixture->loop = loop_new();
    clock_init(&fixture->clock);
    fixture->host_env =
        (struct host_env){fixture->loop, NULL, &fixture->clock, op_table_new(fixture->loop, NULL)};
    fixture->factory = cue_factory_new(&fixture->host_env);
    fixture->watchdog = loop_timer_new(fixture->loop, on_watchdog, fixture);
    fixture->options = (struct session_options){
        .leg_timeout_ms = 20000, .list_wait_ms = 20000, .naming = {.prefix_format = "{backend}_"}};
    fixture->env = (struct leg_env){
        .loop = fixture->loop, .clock = &fixture->clock, .options = &fixture->options};
    add_backend(fixture, "c", false, false);
    add_backend(fixture, "b", true, true);
    add_backend(fixture, "a", false, false);
    if (more != NULL) {
        add_backend(fixture, more, false, is_required);
    }
    fixture->multi =
        multi_session_new(&fixture->env, &fixture->registry, "tag", PRINCIPAL_ANONYMOUS,
                          &(struct record){.epoch = 1}, &events, fixture);
    fixture->admits = true;
    return fixture;
}

static int set_up(void **state) {
    *state = fixture_new(NULL, false);
    return 0;
}

static int set_up_with_required(void **state) {
    *state = fixture_new("r", true);
    return 0;
}

static int set_up_with_a_longer_name(void **state) {
    *state = fixture_new("a_b", false);
    return 0;
}

static void settle(struct fixture *fixture) {
    for (int i = 0; i < 20; i++) {
        loop_turn(fixture->loop, false);
    }
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    cue_factory_let_all(fixture->factory);
    if (fixture->multi != NULL) {
        multi_session_close(fixture->multi, false, on_closed, fixture);
    }
    RIG_UNTIL(fixture, fixture->closed == 1);
    settle(fixture);
    assert_int_equal(fixture->closed, 1);
    assert_int_equal(cue_factory_count_made(fixture->factory),
                     cue_factory_count_finished(fixture->factory));
    assert_int_equal(op_count_mistakes(fixture->host_env.ops), 0);
    driver_free(cue_factory_driver(fixture->factory));
    settle(fixture);
    cue_factory_free(fixture->factory);
    backend_registry_clear(&fixture->registry);
    op_table_free(fixture->host_env.ops);
    loop_timer_free(fixture->watchdog);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void until_held(struct fixture *fixture, const char *backend, const char *what) {
    RIG_UNTIL(fixture, cue_factory_count_held(fixture->factory, backend, what) > 0);
}

static void expect_given(struct fixture *fixture) {
    struct buffer page = {0};
    assert_true(multi_session_list(fixture->multi, LIST_TOOLS, NULL, &page));
    buffer_free(&page);
}

static void expect_tools(struct fixture *fixture, const char *wanted) {
    struct buffer page = {0};
    assert_true(multi_session_list(fixture->multi, LIST_TOOLS, NULL, &page));
    char *tools = slice_strdup(buffer_slice(&page));
    buffer_free(&page);
    assert_string_equal(tools, wanted);
    free(tools);
}

#define ECHO_OF(BACKEND) "{\"name\":\"" BACKEND "_echo\",\"inputSchema\":{\"type\":\"object\"}}"

static void test_nothing_is_opened_unasked(void **state) {
    struct fixture *fixture = *state;
    settle(fixture);
    assert_string_equal(cue_factory_transcript(fixture->factory), "");
    expect_tools(fixture, "{\"tools\":[]}");
}

static void
test_the_tools_of_enabled_backends_are_merged_in_the_order_of_their_names(void **state) {
    struct fixture *fixture = *state;
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 2);
    expect_tools(fixture, "{\"tools\":[" ECHO_OF("a") "," ECHO_OF("c") "]}");
    assert_null(strstr(cue_factory_transcript(fixture->factory), "b make"));
}

static void test_a_route_leads_to_the_sessions_own_leg_and_the_backends_own_name(void **state) {
    struct fixture *fixture = *state;
    cue_factory_push_result(fixture->factory, "tools/list",
                            "{\"tools\":[{\"name\":\"tw\\u006f\",\"inputSchema\":{\"type\":"
                            "\"object\"}},{\"name\":\"c_echo\",\"inputSchema\":{\"type\":"
                            "\"object\"}}]}");
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 2);
    const struct route *route =
        multi_session_route(fixture->multi, LIST_TOOLS, slice_cstr("c_two"));
    assert_non_null(route);
    assert_true(slice_equal_cstr(route->original, "\"tw\\u006f\""));
    assert_string_equal(leg_backend(route->leg)->name, "c");
    route = multi_session_route(fixture->multi, LIST_TOOLS, slice_cstr("a_c_echo"));
    assert_non_null(route);
    assert_string_equal(leg_backend(route->leg)->name, "a");
    assert_null(multi_session_route(fixture->multi, LIST_TOOLS, slice_cstr("c_one")));
    assert_null(multi_session_route(fixture->multi, LIST_TOOLS, slice_cstr("c_echo")));
    assert_null(multi_session_route(fixture->multi, LIST_TOOLS, slice_cstr("")));
}

static void test_a_name_may_belong_to_a_leg_whose_tools_are_not_known(void **state) {
    struct fixture *fixture = *state;
    struct leg *leg = multi_session_guess_leg(fixture->multi, LIST_TOOLS, slice_cstr("c_anything"));
    assert_non_null(leg);
    assert_string_equal(leg_backend(leg)->name, "c");
    assert_null(
        multi_session_guess_leg(fixture->multi, LIST_TOOLS, slice_cstr("b_echo"))); /* disabled */
    assert_null(multi_session_guess_leg(fixture->multi, LIST_TOOLS, slice_cstr("nobody_echo")));
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 2);
    assert_null(multi_session_guess_leg(fixture->multi, LIST_TOOLS, slice_cstr("c_anything")));
}

static const char *guess(struct fixture *fixture, const char *name) {
    struct leg *leg = multi_session_guess_leg(fixture->multi, LIST_TOOLS, slice_cstr(name));
    return leg != NULL ? leg_backend(leg)->name : "";
}

static void test_of_the_backends_whose_name_begins_it_the_longest_is_guessed(void **state) {
    struct fixture *fixture = *state;
    assert_string_equal(guess(fixture, "a_b_c"), "a_b");
    assert_string_equal(guess(fixture, "a_b_"), "a_b");
    assert_string_equal(guess(fixture, "a_b"), "a");
    assert_string_equal(guess(fixture, "a_bc"), "a");
    assert_string_equal(guess(fixture, "ab_c"), "");
    cue_factory_hold(fixture->factory, "a", "tools/list");
    multi_session_open(fixture->multi);
    until_held(fixture, "a", "tools/list");
    RIG_UNTIL(fixture, fixture->opened == 3);
    assert_string_equal(guess(fixture, "a_b_c"), ""); /* a_b is known not to have it */
    assert_string_equal(guess(fixture, "a_c"), "a");
}

/* list_changed */

static void test_nobody_is_told_of_changes_before_tools_were_given(void **state) {
    struct fixture *fixture = *state;
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 2);
    assert_int_equal(fixture->tools_changed, 0);
}

static void test_a_leg_that_comes_after_tools_were_given_is_told(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, "c", "make");
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 1);
    expect_tools(fixture, "{\"tools\":[" ECHO_OF("a") "]}");
    cue_factory_let_all(fixture->factory);
    RIG_UNTIL(fixture, fixture->opened == 2);
    assert_int_equal(fixture->tools_changed, 1);
    expect_tools(fixture, "{\"tools\":[" ECHO_OF("a") "," ECHO_OF("c") "]}");
}

static void test_only_a_change_that_the_client_can_see_is_told(void **state) {
    struct fixture *fixture = *state;
    static const char changed[] =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}";
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 2);
    expect_given(fixture);
    (void)cue_factory_say(fixture->factory, "a", changed, 0);
    settle(fixture);
    assert_int_equal(fixture->tools_changed, 0);
    cue_factory_push_result(fixture->factory, "tools/list", "{\"tools\":[]}");
    (void)cue_factory_say(fixture->factory, "a", changed, 0);
    settle(fixture);
    assert_int_equal(fixture->tools_changed, 1);
    expect_tools(fixture, "{\"tools\":[" ECHO_OF("c") "]}");
    assert_null(multi_session_route(fixture->multi, LIST_TOOLS, slice_cstr("a_echo")));
}

static void test_the_tools_of_a_leg_that_died_stay(void **state) {
    struct fixture *fixture = *state;
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 2);
    expect_given(fixture);
    cue_factory_close_leg(fixture->factory, "a", TRUNK_UNAVAILABLE, "backend a exited");
    settle(fixture);
    assert_int_equal(fixture->tools_changed, 0);
    expect_tools(fixture, "{\"tools\":[" ECHO_OF("a") "," ECHO_OF("c") "]}");
}

static void test_a_notice_of_no_request_is_passed_on(void **state) {
    struct fixture *fixture = *state;
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 2);
    (void)cue_factory_say(fixture->factory, "c",
                          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}", 0);
    settle(fixture);
    assert_int_equal(fixture->notices, 1);
}

/* Waiting for tools */

static void test_a_wait_for_tools_opens_legs_and_ends_when_all_have_opened(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "tools/list");
    (void)multi_session_wait_lists(fixture->multi, on_ready, fixture);
    until_held(fixture, "a", "tools/list");
    until_held(fixture, "c", "tools/list");
    cue_factory_release_next(fixture->factory, "a", "tools/list");
    settle(fixture);
    assert_int_equal(fixture->ready, 0);
    cue_factory_release_next(fixture->factory, "c", "tools/list");
    RIG_UNTIL(fixture, fixture->ready == 1);
    expect_tools(fixture, "{\"tools\":[" ECHO_OF("a") "," ECHO_OF("c") "]}");
}

static void test_a_wait_with_nothing_to_wait_for_ends_at_once_but_not_inside(void **state) {
    struct fixture *fixture = *state;
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 2);
    (void)multi_session_wait_lists(fixture->multi, on_ready, fixture);
    assert_int_equal(fixture->ready, 0);
    settle(fixture);
    assert_int_equal(fixture->ready, 1);
}

static void test_a_backend_that_fails_ends_the_wait_for_it(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, "c", "make");
    (void)multi_session_wait_lists(fixture->multi, on_ready, fixture);
    until_held(fixture, "c", "make");
    cue_factory_complete_next(fixture->factory, "c", "make", TRUNK_UNAVAILABLE, "backend c: no");
    RIG_UNTIL(fixture, fixture->ready == 1);
    expect_tools(fixture, "{\"tools\":[" ECHO_OF("a") "]}");
}

static void
test_nobody_waits_for_a_backend_that_failed_before_though_it_is_tried_again(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, "c", "make");
    (void)multi_session_wait_lists(fixture->multi, on_ready, fixture);
    until_held(fixture, "c", "make");
    cue_factory_complete_next(fixture->factory, "c", "make", TRUNK_UNAVAILABLE, "backend c: no");
    RIG_UNTIL(fixture, fixture->ready == 1);
    size_t made = cue_factory_count_made(fixture->factory);
    (void)multi_session_wait_lists(fixture->multi, on_ready, fixture);
    RIG_UNTIL(fixture, fixture->ready == 2);
    assert_int_equal(cue_factory_count_made(fixture->factory), made); /* it pauses */
    clock_advance(&fixture->clock, 100);
    (void)multi_session_wait_lists(fixture->multi, on_ready, fixture);
    until_held(fixture, "c", "make");
    RIG_UNTIL(fixture, fixture->ready == 3);
    expect_tools(fixture, "{\"tools\":[" ECHO_OF("a") "]}");
    cue_factory_let_all(fixture->factory);
    RIG_UNTIL(fixture, fixture->tools_changed == 1);
}

static void test_a_wait_for_a_backend_that_hangs_ends_after_list_wait(void **state) {
    struct fixture *fixture = *state;
    fixture->options.list_wait_ms = 20;
    cue_factory_hold(fixture->factory, "c", "initialize");
    (void)multi_session_wait_lists(fixture->multi, on_ready, fixture);
    RIG_UNTIL(fixture, fixture->ready == 1);
    expect_tools(fixture, "{\"tools\":[" ECHO_OF("a") "]}");
}

static void test_a_wait_that_is_cancelled_tells_nothing(void **state) {
    struct fixture *fixture = *state;
    struct lists_wait *wait = multi_session_wait_lists(fixture->multi, on_ready, fixture);
    multi_session_wait_lists_cancel(wait);
    RIG_UNTIL(fixture, fixture->opened == 2);
    settle(fixture);
    assert_int_equal(fixture->ready, 0);
}

/* Required backends */

static void test_without_required_backends_nothing_is_waited_for(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "make");
    multi_session_open(fixture->multi);
    multi_session_wait_required(fixture->multi, on_required, fixture);
    assert_int_equal(fixture->required, 0); /* not inside the call */
    RIG_UNTIL(fixture, fixture->required == 1);
    assert_int_equal(fixture->required_status, TRUNK_OK);
}

static void test_a_required_backend_is_waited_for(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "initialize");
    multi_session_open(fixture->multi);
    multi_session_wait_required(fixture->multi, on_required, fixture);
    until_held(fixture, "r", "initialize");
    settle(fixture);
    assert_int_equal(fixture->required, 0);
    cue_factory_release_next(fixture->factory, "r", "initialize");
    RIG_UNTIL(fixture, fixture->required == 1);
    assert_int_equal(fixture->required_status, TRUNK_OK);
    cue_factory_let_all(fixture->factory);
    RIG_UNTIL(fixture, fixture->opened == 3);
    assert_int_equal(fixture->required, 1);
}

static void test_a_required_backend_that_fails_is_told_with_its_text(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, "r", "make");
    multi_session_open(fixture->multi);
    multi_session_wait_required(fixture->multi, on_required, fixture);
    until_held(fixture, "r", "make");
    cue_factory_complete_next(fixture->factory, "r", "make", TRUNK_DENIED, "backend r: denied");
    RIG_UNTIL(fixture, fixture->required == 1);
    assert_int_equal(fixture->required_status, TRUNK_UNAVAILABLE);
    assert_string_equal(fixture->required_text, "backend r: denied");
}

/* The record */

static void test_only_legs_that_were_in_the_record_are_admitted(void **state) {
    struct fixture *fixture = *state;
    struct record record = {0};
    fixture->admits = false;
    cue_factory_hold(fixture->factory, "c", "make");
    struct leg *c = multi_session_guess_leg(fixture->multi, LIST_TOOLS, slice_cstr("c_echo"));
    struct leg *a = multi_session_guess_leg(fixture->multi, LIST_TOOLS, slice_cstr("a_echo"));
    multi_session_open(fixture->multi);
    RIG_UNTIL(fixture, fixture->opened == 1);
    multi_session_fill_record(fixture->multi, &record);
    assert_int_equal(record.nlegs, 1);
    assert_string_equal(record.legs[0].backend, "a");
    assert_string_equal(record.legs[0].protocol, "2025-11-25");
    assert_string_equal(record.legs[0].config, leg_backend(a)->config_hash);
    cue_factory_let_all(fixture->factory);
    RIG_UNTIL(fixture, fixture->opened == 2);
    multi_session_admit(fixture->multi);
    RIG_UNTIL(fixture, leg_state(a) == LEG_READY);
    assert_int_equal(leg_state(c), LEG_OPENED);
    multi_session_fill_record(fixture->multi, &record);
    multi_session_admit(fixture->multi);
    assert_int_equal(record.nlegs, 2);
    RIG_UNTIL(fixture, leg_state(c) == LEG_READY);
    record_clear(&record);
}

/* Close */

static void test_close_is_told_when_the_drivers_are_through_with_every_leg(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, "c", "make");
    cue_factory_hold(fixture->factory, "a", "finish");
    (void)multi_session_wait_lists(fixture->multi, on_ready, fixture);
    multi_session_wait_required(fixture->multi, on_required, fixture);
    RIG_UNTIL(fixture, fixture->opened == 1);
    fixture->required = 0;
    multi_session_close(fixture->multi, false, on_closed, fixture);
    fixture->multi = NULL;
    settle(fixture);
    assert_int_equal(fixture->closed, 0);
    cue_factory_release_next(fixture->factory, "a", "finish");
    settle(fixture);
    assert_int_equal(fixture->closed, 0);
    cue_factory_release_next(fixture->factory, "c", "make");
    RIG_UNTIL(fixture, fixture->closed == 1);
    settle(fixture);
    assert_int_equal(fixture->ready + fixture->required, 0);
    assert_int_equal(fixture->opened, 1);
}

static void test_close_of_a_multi_session_that_opened_nothing_is_told_too(void **state) {
    struct fixture *fixture = *state;
    multi_session_wait_required(fixture->multi, on_required, fixture); /* its check is on its way */
    multi_session_close(fixture->multi, false, on_closed, fixture);
    fixture->multi = NULL;
    assert_int_equal(fixture->closed, 0);
    RIG_UNTIL(fixture, fixture->closed == 1);
    assert_int_equal(fixture->required, 0);
}

#define MULTI(TEST) cmocka_unit_test_setup_teardown(TEST, set_up, tear_down)
#define REQUIRED(TEST) cmocka_unit_test_setup_teardown(TEST, set_up_with_required, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        MULTI(test_nothing_is_opened_unasked),
        MULTI(test_the_tools_of_enabled_backends_are_merged_in_the_order_of_their_names),
        MULTI(test_a_route_leads_to_the_sessions_own_leg_and_the_backends_own_name),
        MULTI(test_a_name_may_belong_to_a_leg_whose_tools_are_not_known),
        cmocka_unit_test_setup_teardown(
            test_of_the_backends_whose_name_begins_it_the_longest_is_guessed,
            set_up_with_a_longer_name, tear_down),
        MULTI(test_nobody_is_told_of_changes_before_tools_were_given),
        MULTI(test_a_leg_that_comes_after_tools_were_given_is_told),
        MULTI(test_only_a_change_that_the_client_can_see_is_told),
        MULTI(test_the_tools_of_a_leg_that_died_stay),
        MULTI(test_a_notice_of_no_request_is_passed_on),
        MULTI(test_a_wait_for_tools_opens_legs_and_ends_when_all_have_opened),
        MULTI(test_a_wait_with_nothing_to_wait_for_ends_at_once_but_not_inside),
        MULTI(test_a_backend_that_fails_ends_the_wait_for_it),
        MULTI(test_nobody_waits_for_a_backend_that_failed_before_though_it_is_tried_again),
        MULTI(test_a_wait_for_a_backend_that_hangs_ends_after_list_wait),
        MULTI(test_a_wait_that_is_cancelled_tells_nothing),
        MULTI(test_without_required_backends_nothing_is_waited_for),
        REQUIRED(test_a_required_backend_is_waited_for),
        REQUIRED(test_a_required_backend_that_fails_is_told_with_its_text),
        MULTI(test_only_legs_that_were_in_the_record_are_admitted),
        MULTI(test_close_is_told_when_the_drivers_are_through_with_every_leg),
        MULTI(test_close_of_a_multi_session_that_opened_nothing_is_told_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
