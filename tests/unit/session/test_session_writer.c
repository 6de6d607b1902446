/* SPDX-License-Identifier: MIT
 * test_session_writer.c - what a live session writes to its record, and what it finds there. */
#include "unit/session/rig.h"

static struct leg *find_leg(struct session *session, const char *tool) {
    const struct route *route =
        multi_session_route(session_multi(session), LIST_TOOLS, slice_cstr(tool));
    return route != NULL
               ? route->leg
               : multi_session_guess_leg(session_multi(session), LIST_TOOLS, slice_cstr(tool));
}

/* A session whose leg to b is just open and wants to be added to the record; that put is held. */
static struct session *open_until_b_wants_in(struct rig *rig) {
    cue_factory_hold(rig->factory, "b", "make");
    struct session *session = rig_open(rig);
    rig_until_leg_held(rig, "b", "make");
    cue_storage_hold(rig->store, "put");
    cue_factory_release_next(rig->factory, "b", "make");
    rig_until_held(rig, "put");
    return session;
}

static void test_a_leg_is_in_the_record_before_its_first_use(void **state) {
    struct rig *rig = *state;
    struct outcome used = {0};
    struct record record = {0};
    struct session *session = open_until_b_wants_in(rig);
    struct leg *leg = find_leg(session, "b_echo");
    assert_int_equal(leg_state(leg), LEG_OPENED);
    (void)leg_use(leg, rig_on_status, &used);
    rig_settle(rig);
    assert_int_equal(used.calls, 0);
    assert_true(rig_read_record(rig, &record));
    assert_int_equal(record.nlegs, 1);
    record_clear(&record);
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &used, TRUNK_OK);
    assert_int_equal(leg_state(leg), LEG_READY);
    assert_true(rig_read_record(rig, &record));
    assert_int_equal(record.nlegs, 2);
    assert_string_equal(record.legs[0].backend, "a");
    assert_string_equal(record.legs[1].backend, "b");
    assert_string_equal(record.legs[1].protocol, "2025-11-25");
    assert_string_equal(record.legs[1].config, leg_backend(leg)->config_hash);
    record_clear(&record);
}

static void test_a_leg_whose_record_is_gone_is_closed(void **state) {
    struct rig *rig = *state;
    struct outcome used = {0};
    struct session *session = open_until_b_wants_in(rig);
    (void)leg_use(find_leg(session, "b_echo"), rig_on_status, &used);
    cue_storage_drop(rig->store, rig->key);
    cue_storage_release_next(rig->store, "put");
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(used.calls, 1);
    assert_int_not_equal(used.status, TRUNK_OK);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_a_leg_whose_record_is_terminated_is_closed(void **state) {
    struct rig *rig = *state;
    (void)open_until_b_wants_in(rig);
    rig_flag_record(rig);
    cue_storage_release_next(rig->store, "put");
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_a_leg_waits_for_a_store_that_is_down_and_is_added_later(void **state) {
    struct rig *rig = *state;
    struct session *session = open_until_b_wants_in(rig);
    struct leg *leg = find_leg(session, "b_echo");
    cue_storage_answer_next(rig->store, "put", TRUNK_UNAVAILABLE, false);
    rig_settle(rig);
    assert_int_equal(leg_state(leg), LEG_OPENED);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    cue_storage_let_all(rig->store);
    RIG_UNTIL(rig, leg_state(leg) == LEG_READY); /* the writer tries again by itself */
}

static void test_a_write_keeps_what_others_changed(void **state) {
    struct rig *rig = *state;
    struct record record = {0};
    struct session *session = rig_open(rig);
    assert_true(rig_read_record(rig, &record));
    free(record.owner);
    record.owner = xstrdup("elsewhere");
    rig_write_record(rig, &record);
    record_clear(&record);
    session_set_initialized(session);
    session_set_initialized(session);
    rig_settle(rig);
    assert_true(rig_read_record(rig, &record));
    assert_true(record.is_initialized);
    assert_string_equal(record.owner, "elsewhere");
    record_clear(&record);
    assert_true(session_record(session)->is_initialized);
}

static void test_a_terminate_that_comes_during_a_write_follows_it(void **state) {
    struct rig *rig = *state;
    struct outcome terminated = {0};
    struct session *session = rig_open(rig);
    cue_storage_hold(rig->store, "put");
    session_set_initialized(session);
    rig_until_held(rig, "put");
    rig_start_terminate(rig, &terminated);
    cue_storage_release_next(rig->store, "put");
    rig_until_held(rig, "put");
    assert_int_equal(terminated.calls, 0);
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &terminated, TRUNK_OK);
    RIG_UNTIL(rig, rig->closed == 1);
}

#define WITH_LEGS(TEST) cmocka_unit_test_setup_teardown(TEST, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LEGS(test_a_leg_is_in_the_record_before_its_first_use),
        WITH_LEGS(test_a_leg_whose_record_is_gone_is_closed),
        WITH_LEGS(test_a_leg_whose_record_is_terminated_is_closed),
        WITH_LEGS(test_a_leg_waits_for_a_store_that_is_down_and_is_added_later),
        WITH_LEGS(test_a_write_keeps_what_others_changed),
        WITH_LEGS(test_a_terminate_that_comes_during_a_write_follows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
