/* SPDX-License-Identifier: MIT
 * test_restore.c - what a session finds again after a restart, and what it does not (design.md
 * section 5). */
#include "unit/session/restore_rig.h"

static void test_a_leg_goes_on_with_the_session_that_the_record_names(void **state) {
    struct rig *rig = *state;
    restore_rig_leave(rig);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_settle(rig);
    assert_int_equal(restore_rig_count(rig, "a make\n"), 1);
    assert_int_equal(restore_rig_count(rig, "a initialize\n"), 0);
    assert_int_equal(restore_rig_count(rig, "b initialize\n"), 1);
    assert_int_equal(rig->backends.count, 2);
}

static void test_a_session_that_the_backend_has_lost_is_opened_anew(void **state) {
    struct rig *rig = *state;
    restore_rig_leave(rig);
    cue_backends_end(&rig->backends, 1);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_settle(rig);
    assert_int_equal(restore_rig_count(rig, "a make\n"), 2);
    assert_int_equal(restore_rig_count(rig, "a initialize\n"), 1);
    assert_int_equal(rig->backends.count, 2);
}

static void test_a_leg_whose_backend_has_another_config_now_is_opened_anew(void **state) {
    struct rig *rig = *state;
    char number[24];
    rig_store_active(rig);
    restore_rig_begin(rig, number);
    restore_rig_add_leg(rig, "a", number, "0123456789abcdef");
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_settle(rig);
    assert_int_equal(restore_rig_count(rig, "a make\n"), 1);
    assert_int_equal(restore_rig_count(rig, "a initialize\n"), 1);
    assert_non_null(cue_backends_find(&rig->backends, 1)); /* of another server, perhaps */
}

static void
test_a_leg_of_a_backend_that_is_not_configured_any_more_leaves_the_record(void **state) {
    struct rig *rig = *state;
    struct record record = {0};
    rig_store_active(rig);
    restore_rig_add_leg(rig, "gone", "1", "0123456789abcdef");
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_settle(rig);
    assert_true(rig_read_record(rig, &record));
    assert_int_equal(record.nlegs, 2);
    assert_string_equal(record.legs[0].backend, "a");
    assert_string_equal(record.legs[1].backend, "b");
    record_clear(&record);
}

static void test_what_ended_sessions_left_is_closed_once_the_store_can_be_searched(void **state) {
    struct rig *rig = *state;
    restore_rig_leave(rig);
    rig_flag_record(rig);
    cue_storage_hold(rig->store, "scan");
    manager_recover(rig->manager);
    rig_until_held(rig, "scan");
    cue_storage_answer_next(rig->store, "scan", TRUNK_UNAVAILABLE, false);
    rig_until_held(rig, "scan");
    assert_int_equal(rig->backends.count, 1);
    cue_storage_let(rig->store, "scan");
    rig_settle(rig);
    assert_int_equal(rig->backends.count, 0);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_a_leg_that_could_not_outlive_the_process_is_opened_anew(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig);
    restore_rig_add_leg(rig, "a", "", restore_rig_config(rig));
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_settle(rig);
    assert_int_equal(restore_rig_count(rig, "a make\n"), 1);
    assert_int_equal(restore_rig_count(rig, "a initialize\n"), 1);
}

static void test_a_session_whose_backend_cannot_be_reached_is_not_given_up(void **state) {
    struct rig *rig = *state;
    struct outcome restored = {0};
    struct outcome used = {0};
    restore_rig_leave(rig);
    cue_factory_hold(rig->factory, "a", "make");
    rig_start_get(rig, &restored);
    rig_finish(rig, &restored, TRUNK_OK);
    rig_until_leg_held(rig, "a", "make");
    cue_factory_complete_next(rig->factory, "a", "make", TRUNK_UNAVAILABLE, "nobody is there");
    rig_settle(rig);
    cue_factory_let_all(rig->factory);
    clock_advance(&rig->clock, 100); /* the leg pauses */
    struct leg *leg =
        multi_session_guess_leg(session_multi(restored.session), LIST_TOOLS, slice_cstr("a_echo"));
    assert_non_null(leg);
    (void)leg_use(leg, rig_on_status, &used);
    rig_finish(rig, &used, TRUNK_OK);
    assert_int_equal(restore_rig_count(rig, "a make\n"), 2);
    assert_int_equal(restore_rig_count(rig, "a initialize\n"), 0);
    rig_use_end(restored.session);
}

static void test_initialized_and_the_log_level_are_there_again(void **state) {
    struct rig *rig = *state;
    struct record record = {0};
    struct outcome restored = {0};
    restore_rig_leave(rig);
    assert_true(rig_read_record(rig, &record));
    record.is_initialized = true;
    free(record.log_level);
    record.log_level = xstrdup("error");
    rig_write_record(rig, &record);
    record_clear(&record);
    rig_start_get(rig, &restored);
    rig_finish(rig, &restored, TRUNK_OK);
    rig_settle(rig);
    assert_true(session_record(restored.session)->is_initialized);
    assert_string_equal(session_log_level(restored.session), "error");
    assert_non_null(strstr(cue_factory_last(rig->factory, "a", "logging/setLevel"), "error"));
    rig_use_end(restored.session);
    rig_settle(rig);
    assert_true(rig_read_record(rig, &record));
    assert_true(record.is_initialized);
    assert_string_equal(record.log_level, "error");
    assert_int_equal(record.epoch, 4);
    record_clear(&record);
}

static void test_requests_on_a_session_that_goes_on_have_ids_of_the_new_epoch(void **state) {
    struct rig *rig = *state;
    restore_rig_leave(rig);
    cue_backends_find(&rig->backends, 1)->last_id = (UINT64_C(4) << 20) - 1;
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_settle(rig);
    assert_int_equal(rig->backends.mistakes, 0);
    assert_true(cue_backends_find(&rig->backends, 1)->last_id > UINT64_C(4) << 20);
}

#define RESTORE(TEST) cmocka_unit_test_setup_teardown(TEST, restore_rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        RESTORE(test_a_leg_goes_on_with_the_session_that_the_record_names),
        RESTORE(test_a_session_that_the_backend_has_lost_is_opened_anew),
        RESTORE(test_a_leg_whose_backend_has_another_config_now_is_opened_anew),
        RESTORE(test_a_leg_of_a_backend_that_is_not_configured_any_more_leaves_the_record),
        RESTORE(test_what_ended_sessions_left_is_closed_once_the_store_can_be_searched),
        RESTORE(test_a_leg_that_could_not_outlive_the_process_is_opened_anew),
        RESTORE(test_a_session_whose_backend_cannot_be_reached_is_not_given_up),
        RESTORE(test_initialized_and_the_log_level_are_there_again),
        RESTORE(test_requests_on_a_session_that_goes_on_have_ids_of_the_new_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
