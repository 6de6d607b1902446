/* SPDX-License-Identifier: MIT
 * test_leg_lists.c - the four lists of a backend, and what backends do to them; ids beyond an
 * epoch. */
#include "leg_rig.h"

#define WITH(capabilities)                                                                         \
    "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{" capabilities "}}"
#define ALL_LISTS "\"tools\":{},\"prompts\":{},\"resources\":{}"

static const char *list_of(struct fixture *fixture, enum list_kind kind) {
    static char text[256];
    size_t count = 0;
    const struct trunk_slice *pages = leg_list_pages(fixture->leg, kind, &count);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(text);
        (void)snprintf(text + at, sizeof text - at, "%.*s;", (int)pages[i].len,
                       (const char *)pages[i].data);
    }
    return text;
}

static uint64_t take(struct fixture *fixture, const char *method) {
    until_held(fixture, method);
    uint64_t number = cue_factory_held_number(fixture->factory, NULL, method);
    cue_factory_complete_next(fixture->factory, NULL, method, TRUNK_OK, NULL);
    settle(fixture);
    return number;
}

static void refuse(struct fixture *fixture, uint64_t number, int code) {
    say(fixture, number,
        "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"error\":{\"code\":%d,\"message\":\"no\"}}",
        number, code);
}

static void test_lists_that_are_declared_are_asked_for_and_no_others(void **state) {
    struct fixture *fixture = *state;
    cue_factory_push_result(fixture->factory, "initialize", WITH("\"resources\":{}"));
    cue_factory_push_result(fixture->factory, "resources/list", "{\"resources\":[1]}");
    cue_factory_push_result(fixture->factory, "resources/templates/list",
                            "{\"resourceTemplates\":[2]}");
    open_ready(fixture);
    assert_string_equal(list_of(fixture, LIST_RESOURCES), "[1];");
    assert_string_equal(list_of(fixture, LIST_TEMPLATES), "[2];");
    assert_string_equal(list_of(fixture, LIST_TOOLS), "");
    assert_true(leg_has_list(fixture->leg, LIST_TOOLS));
    assert_true(leg_has_list(fixture->leg, LIST_PROMPTS));
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), 0);
    assert_int_equal(cue_factory_count(fixture->factory, "a", "prompts/list"), 0);
}

static void test_templates_that_are_no_method_are_none(void **state) {
    struct fixture *fixture = *state;
    cue_factory_push_result(fixture->factory, "initialize", WITH("\"resources\":{}"));
    cue_factory_push_result(fixture->factory, "resources/list", "{\"resources\":[1]}");
    cue_factory_hold(fixture->factory, NULL, "resources/templates/list");
    leg_open(fixture->leg);
    refuse(fixture, take(fixture, "resources/templates/list"), -32601);
    RIG_UNTIL(fixture, leg_state(fixture->leg) == LEG_READY);
    assert_string_equal(list_of(fixture, LIST_RESOURCES), "[1];");
    assert_string_equal(list_of(fixture, LIST_TEMPLATES), "");
}

static void test_bad_list_beside_the_tools_costs_only_itself(void **state) {
    struct fixture *fixture = *state;
    cue_factory_push_result(fixture->factory, "initialize", WITH(ALL_LISTS));
    cue_factory_push_result(fixture->factory, "prompts/list", "{\"prompts\":null}");
    cue_factory_push_result(fixture->factory, "resources/list",
                            "{\"resources\":[],\"resources\":[1]}");
    cue_factory_push_result(fixture->factory, "resources/templates/list",
                            "{\"resourceTemplates\":[],\"nextCursor\":\"again\"}");
    open_ready(fixture);
    assert_string_equal(list_of(fixture, LIST_PROMPTS), "");
    assert_string_equal(list_of(fixture, LIST_RESOURCES), "");
    assert_string_equal(list_of(fixture, LIST_TEMPLATES), "");
    assert_string_not_equal(list_of(fixture, LIST_TOOLS), "");
}

static void test_answers_with_wrong_ids_are_waited_past(void **state) {
    struct fixture *fixture = *state;
    cue_factory_hold(fixture->factory, NULL, "tools/list");
    leg_open(fixture->leg);
    uint64_t number = take(fixture, "tools/list");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":\"%" PRIu64 "\",\"result\":{\"tools\":[1]}}",
        number);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{\"tools\":[2]}}",
        number + 1);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"tools\":[3]}}");
    assert_int_equal(leg_state(fixture->leg), LEG_STARTING);
    for (int i = 4; i < 6; i++) { /* the second is doubled */
        say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{\"tools\":[%d]}}",
            number, i);
    }
    assert_int_equal(leg_state(fixture->leg), LEG_READY);
    assert_string_equal(list_of(fixture, LIST_TOOLS), "[4];");
}

static void test_list_that_changes_while_it_is_fetched_is_fetched_once_more(void **state) {
    struct fixture *fixture = *state;
    open_ready(fixture);
    size_t before = cue_factory_count(fixture->factory, "a", "tools/list");
    cue_factory_hold(fixture->factory, NULL, "tools/list");
    for (int i = 0; i < 5; i++) {
        say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    }
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), before + 1);
    cue_factory_let_all(fixture->factory);
    settle(fixture);
    assert_int_equal(cue_factory_count(fixture->factory, "a", "tools/list"), before + 2);
}

static void test_known_list_stays_when_it_cannot_be_fetched_again(void **state) {
    struct fixture *fixture = *state;
    open_ready(fixture);
    char before[256];
    size_t changed = fixture->tools_changed;
    (void)snprintf(before, sizeof before, "%s", list_of(fixture, LIST_TOOLS));
    cue_factory_hold(fixture->factory, NULL, "tools/list");
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    refuse(fixture, take(fixture, "tools/list"), -32603);
    assert_int_equal(leg_state(fixture->leg), LEG_READY);
    assert_string_equal(list_of(fixture, LIST_TOOLS), before);
    assert_int_equal(fixture->tools_changed, changed);
}

static void test_record_is_told_of_the_next_epoch_long_before_its_ids(void **state) {
    struct fixture *fixture = *state;
    const uint64_t half = UINT64_C(1) << 19;
    open_ready(fixture);
    size_t changed = fixture->changed;
    uint64_t number = 0;
    while (number < 2 * half * 2 + half - 2) {
        number = leg_next_number(fixture->leg);
    }
    assert_int_equal(leg_epoch(fixture->leg), 2);
    assert_int_equal(fixture->changed, changed);
    for (int i = 0; i < 4; i++) {
        (void)leg_next_number(fixture->leg);
    }
    assert_int_equal(leg_epoch(fixture->leg), 3);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    assert_int_equal(fixture->changed, changed + 1);
    say(fixture, 0, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    assert_int_equal(fixture->changed, changed + 1); /* told once */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LEG(test_lists_that_are_declared_are_asked_for_and_no_others),
        LEG(test_templates_that_are_no_method_are_none),
        LEG(test_bad_list_beside_the_tools_costs_only_itself),
        LEG(test_answers_with_wrong_ids_are_waited_past),
        LEG(test_list_that_changes_while_it_is_fetched_is_fetched_once_more),
        LEG(test_known_list_stays_when_it_cannot_be_fetched_again),
        LEG(test_record_is_told_of_the_next_epoch_long_before_its_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
