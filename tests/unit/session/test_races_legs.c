/* SPDX-License-Identifier: MIT
 * test_races_legs.c - the races of sessions whose backends hold sessions of their own: restored,
 * closed from the record, kept over a stop (design.md section 5, Hygiene). */
#include "unit/session/restore_rig.h"

/* A process that was killed while it ended the session. */
static void leave_terminated_record(struct rig *rig) {
    restore_rig_leave(rig);
    rig_flag_record(rig);
}

static void
test_a_restore_that_a_terminate_overtakes_closes_the_session_it_went_on_with(void **state) {
    struct rig *rig = *state;
    restore_rig_leave(rig);
    cue_factory_hold(rig->factory, "a", "make");
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_until_leg_held(rig, "a", "make");
    rig_terminate(rig);
    rig_settle(rig);
    assert_true(rig_is_flagged(rig)); /* its leg is not closed yet */
    cue_factory_let_all(rig->factory);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->backends.count, 0);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_a_terminated_record_that_several_find_is_closed_once(void **state) {
    struct rig *rig = *state;
    leave_terminated_record(rig);
    cue_factory_hold(rig->factory, "a", "make");
    assert_int_equal(rig_validity(rig), VALIDITY_TERMINATED);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    rig_terminate(rig);
    rig_until_leg_held(rig, "a", "make");
    rig_settle(rig);
    assert_int_equal(restore_rig_count(rig, "a make\n"), 1);
    assert_int_equal(cue_storage_count_records(rig->store), 1);
    cue_factory_let_all(rig->factory);
    RIG_UNTIL(rig, cue_storage_count_records(rig->store) == 0);
    assert_int_equal(rig->backends.count, 0);
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
}

static void fail_a_try(struct rig *rig) {
    leave_terminated_record(rig);
    cue_factory_hold(rig->factory, "a", "make");
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    rig_until_leg_held(rig, "a", "make");
    cue_factory_complete_next(rig->factory, "a", "make", TRUNK_UNAVAILABLE, "backend a is away");
    rig_settle(rig);
    assert_int_equal(cue_storage_count_records(rig->store), 1);
}

static void test_a_backend_that_is_away_is_tried_again(void **state) {
    struct rig *rig = *state;
    fail_a_try(rig);
    rig_until_leg_held(rig, "a", "make");
    cue_factory_let_all(rig->factory);
    RIG_UNTIL(rig, cue_storage_count_records(rig->store) == 0);
    assert_int_equal(rig->backends.count, 0);
}

static void test_a_stop_does_not_wait_for_a_backend_that_is_away(void **state) {
    struct rig *rig = *state;
    fail_a_try(rig);
    manager_stop(rig->manager, rig_on_stopped, rig);
    RIG_UNTIL(rig, rig->is_stopped);
    assert_true(rig_is_flagged(rig)); /* for the next start */
}

/* The session ends, and backend a cannot be told. */
static void end_while_a_is_away(struct rig *rig, int32_t status) {
    (void)rig_open(rig);
    cue_factory_hold(rig->factory, "a", "finish");
    rig_terminate(rig);
    rig_until_leg_held(rig, "a", "finish");
    cue_factory_complete_next(rig->factory, "a", "finish", status, "backend a is away");
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->backends.count, 1);
    assert_true(rig_is_flagged(rig));
}

static void test_a_backend_that_was_away_at_the_end_of_its_session_is_told_later(void **state) {
    static const int32_t statuses[] = {TRUNK_UNAVAILABLE, TRUNK_UNCERTAIN};
    struct rig *rig = *state;
    for (size_t i = 0; i < 2; i++) {
        end_while_a_is_away(rig, statuses[i]);
        rig_until_leg_held(rig, "a", "finish");
        cue_factory_complete_next(rig->factory, "a", "finish", statuses[i], "backend a is away");
        rig_settle(rig);
        assert_int_equal(rig->backends.count, 1);
        assert_true(rig_is_flagged(rig));
        cue_factory_let_all(rig->factory);
        RIG_UNTIL(rig, cue_storage_count_records(rig->store) == 0);
        assert_int_equal(rig->backends.count, 0);
        rig->closed = 0;
        rig->opened = 0;
    }
}

static void
test_a_backend_that_is_away_at_the_end_and_the_stop_is_left_to_the_next_start(void **state) {
    struct rig *rig = *state;
    end_while_a_is_away(rig, TRUNK_UNAVAILABLE);
    rig_until_leg_held(rig, "a", "finish");
    manager_stop(rig->manager, rig_on_stopped, rig);
    cue_factory_complete_next(rig->factory, "a", "finish", TRUNK_UNCERTAIN, "backend a is away");
    RIG_UNTIL(rig, rig->is_stopped);
    assert_true(rig_is_flagged(rig));
    assert_int_equal(rig->backends.count, 1);
}

/* The stop comes before the driver has given up. */
static void test_a_stop_while_a_leg_is_finished_in_vain_leaves_its_record(void **state) {
    struct rig *rig = *state;
    (void)rig_open(rig);
    cue_factory_hold(rig->factory, "a", "finish");
    rig_terminate(rig);
    rig_until_leg_held(rig, "a", "finish");
    manager_stop(rig->manager, rig_on_stopped, rig);
    cue_factory_complete_next(rig->factory, "a", "finish", TRUNK_UNCERTAIN, "backend a is away");
    RIG_UNTIL(rig, rig->is_stopped);
    assert_true(rig_is_flagged(rig));
}

static void test_an_expired_record_is_closed_by_the_sweep_that_takes_it(void **state) {
    struct rig *rig = *state;
    restore_rig_leave(rig);
    cue_storage_expire(rig->store, rig->key);
    rig_sweep(rig);
    RIG_UNTIL(rig, rig->backends.count == 0);
    assert_int_equal(rig->opened, 0);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
}

/* Its own flag was stored, though it was told that it was not. */
static void test_a_terminated_record_under_a_live_session_ends_the_session(void **state) {
    struct rig *rig = *state;
    struct outcome other = {0};
    (void)rig_open(rig);
    rig_flag_record(rig);
    manager_terminate(rig->manager, rig->id, "mallory", rig_on_status, &other);
    rig_finish(rig, &other, TRUNK_OK);
    assert_int_equal(rig->ended, 1);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(restore_rig_count(rig, "a make\n"), 1);
    assert_int_equal(rig->backends.count, 0);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

/* The creation's CAS is UNCERTAIN; terminate loads before the creation looks, and writes behind it.
 */
static void
test_a_flag_right_behind_the_look_of_an_uncertain_creation_ends_its_session(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    struct outcome terminated = {0};
    rig_generate(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_create(rig, &created);
    rig_until_held(rig, "put");
    cue_storage_hold(rig->store, "load");
    rig_start_terminate(rig, &terminated);
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, true);
    for (int i = 0; i < 2; i++) {
        rig_until_held(rig, "load");
        rig_settle(rig);
        cue_storage_release_next(rig->store, "load");
    }
    rig_finish(rig, &created, TRUNK_OK);
    rig_use_end(created.session);
    assert_int_equal(terminated.calls, 0);
    cue_storage_let_all(rig->store);
    rig_finish(rig, &terminated, TRUNK_OK);
    assert_null(manager_find_live(rig->manager, rig->id, PRINCIPAL_ANONYMOUS));
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(rig->backends.count, 0);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_a_stop_keeps_the_sessions_of_backends_for_the_next_start(void **state) {
    struct rig *rig = *state;
    (void)rig_open(rig);
    rig_stop(rig);
    assert_int_equal(rig->backends.count, 2);
    assert_int_equal(cue_storage_count_records(rig->store), 1);
}

/* A sweep takes the record of a session that is being stopped; when: its legs are being left. */
static void sweep_during_stop(struct rig *rig, bool is_cut) {
    struct outcome swept = {0};
    (void)rig_open(rig);
    cue_storage_hold(rig->store, "sweep");
    manager_sweep(rig->manager, rig_on_swept, &swept);
    rig_until_held(rig, "sweep");
    cue_factory_hold(rig->factory, NULL, "finish");
    cue_storage_expire(rig->store, rig->key);
    manager_stop(rig->manager, rig_on_stopped, rig);
    if (is_cut) {
        rig_until_leg_held(rig, "a", "finish");
    }
    cue_storage_release_next(rig->store, "sweep");
    RIG_UNTIL(rig, swept.calls == 1);
    cue_factory_let_all(rig->factory);
    RIG_UNTIL(rig, rig->is_stopped);
    assert_int_equal(rig->backends.count, 0);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_a_sweep_before_a_stop_leaves_the_legs_closes_them(void **state) {
    sweep_during_stop(*state, false);
}

static void test_a_sweep_while_a_stop_leaves_the_legs_closes_them_too(void **state) {
    sweep_during_stop(*state, true);
}

#define RACE(TEST) cmocka_unit_test_setup_teardown(TEST, restore_rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        RACE(test_a_restore_that_a_terminate_overtakes_closes_the_session_it_went_on_with),
        RACE(test_a_terminated_record_that_several_find_is_closed_once),
        RACE(test_a_backend_that_is_away_is_tried_again),
        RACE(test_a_stop_does_not_wait_for_a_backend_that_is_away),
        RACE(test_a_backend_that_was_away_at_the_end_of_its_session_is_told_later),
        RACE(test_a_backend_that_is_away_at_the_end_and_the_stop_is_left_to_the_next_start),
        RACE(test_a_stop_while_a_leg_is_finished_in_vain_leaves_its_record),
        RACE(test_an_expired_record_is_closed_by_the_sweep_that_takes_it),
        RACE(test_a_terminated_record_under_a_live_session_ends_the_session),
        RACE(test_a_flag_right_behind_the_look_of_an_uncertain_creation_ends_its_session),
        RACE(test_a_stop_keeps_the_sessions_of_backends_for_the_next_start),
        RACE(test_a_sweep_before_a_stop_leaves_the_legs_closes_them),
        RACE(test_a_sweep_while_a_stop_leaves_the_legs_closes_them_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
