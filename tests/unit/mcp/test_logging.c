/* SPDX-License-Identifier: MIT
 * test_logging.c - logging/setLevel: what is answered, and which log messages a client then sees.
 */
#include "rig.h"

#define SET(LEVEL)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logging/setLevel\",\"params\":" LEVEL "}"

static void expect_invalid(struct rig *rig, const char *body) {
    struct fake *fake = rig_post(rig, rig->id, body);
    assert_int_equal(fake->status, 200);
    assert_non_null(strstr(buffer_cstr(&fake->body), "-32602"));
    assert_non_null(strstr(buffer_cstr(&fake->body), "emergency"));
    fake_free(fake);
}

static void test_logging_is_declared(void **state) {
    struct fake *fake = rig_post(*state, NULL, RIG_INITIALIZE);
    assert_non_null(strstr(buffer_cstr(&fake->body), "\"logging\":{}"));
    fake_free(fake);
}

static void test_a_level_is_answered_with_an_empty_result_once_it_is_stored(void **state) {
    struct rig *rig = *state;
    rig_expect(rig, rig->id, SET("{\"level\":\"warning\"}"), 200,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    struct session *session = manager_find_live(rig->manager, rig->id, "");
    assert_string_equal(session_record(session)->log_level, "warning");
    rig_expect(rig, rig->id, SET("{\"level\":\"\\u0064ebug\"}"), 200,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    assert_string_equal(session_record(session)->log_level, "debug");
}

static void test_what_is_no_level_is_refused_and_changes_nothing(void **state) {
    struct rig *rig = *state;
    rig_expect(rig, rig->id, SET("{\"level\":\"notice\"}"), 200,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    expect_invalid(rig, SET("{\"level\":\"loud\"}"));
    expect_invalid(rig, SET("{\"level\":\"Debug\"}"));
    expect_invalid(rig, SET("{\"level\":7}"));
    expect_invalid(rig, SET("{}"));
    expect_invalid(rig, SET("{\"level\":\"debug\",\"level\":\"info\"}"));
    expect_invalid(rig, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logging/setLevel\"}");
    struct session *session = manager_find_live(rig->manager, rig->id, "");
    assert_string_equal(session_record(session)->log_level, "notice");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_logging_is_declared),
        TEST(test_a_level_is_answered_with_an_empty_result_once_it_is_stored),
        TEST(test_what_is_no_level_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
