/* SPDX-License-Identifier: MIT
 * test_terminate.c - terminate of the session manager, and the drain. */
#include "unit/session/rig.h"

static void test_terminate_is_idempotent(void **state) {
    struct rig *rig = *state;
    (void)rig_open(rig);
    rig_terminate(rig);
    rig_terminate(rig);
    RIG_UNTIL(rig, rig->closed == 1);
    rig_terminate(rig);
    assert_int_equal(rig->ended, 1);
    id_generate(rig->id);
    rig_terminate(rig);
    (void)snprintf(rig->id, sizeof rig->id, "%s", "no id");
    rig_terminate(rig);
}

static void test_two_terminates_at_once_store_one_flag_and_are_both_told(void **state) {
    struct rig *rig = *state;
    struct outcome first = {0};
    struct outcome second = {0};
    (void)rig_open(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_terminate(rig, &first);
    rig_start_terminate(rig, &second);
    rig_until_held(rig, "put");
    assert_int_equal(first.calls + second.calls, 0);
    size_t puts = cue_storage_count_calls(rig->store, "put");
    cue_storage_let_all(rig->store);
    rig_finish(rig, &first, TRUNK_OK);
    rig_finish(rig, &second, TRUNK_OK);
    assert_int_equal(cue_storage_count_calls(rig->store, "put"), puts);
}

static void
test_a_terminated_session_is_gone_at_once_and_its_record_when_its_legs_are_closed(void **state) {
    struct rig *rig = *state;
    struct record record = {0};
    (void)rig_open(rig);
    cue_factory_hold(rig->factory, "b", "finish");
    rig_terminate(rig);
    assert_null(manager_find_live(rig->manager, rig->id, PRINCIPAL_ANONYMOUS));
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    assert_int_equal(rig_validity(rig), VALIDITY_TERMINATED);
    rig_until_leg_held(rig, "b", "finish");
    rig_settle(rig);
    assert_true(rig_read_record(rig, &record));
    assert_true(record.is_terminated);
    assert_int_equal(record.nlegs, 2);
    record_clear(&record);
    cue_factory_release_next(rig->factory, "b", "finish");
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
}

static void test_terminate_leaves_a_placeholder_to_its_ttl(void **state) {
    struct rig *rig = *state;
    rig_generate(rig);
    rig_terminate(rig);
    assert_true(rig_is_flagged(rig));
    uint64_t expires_ms = cue_storage_find(rig->store, rig->key)->expires_ms;
    assert_true(expires_ms > clock_wall_ms(&rig->clock));
    assert_true(expires_ms <= clock_wall_ms(&rig->clock) + RIG_TTL_MS);
    clock_advance(&rig->clock, RIG_TTL_MS);
    rig_sweep(rig);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_terminate_of_another_principal_leaves_the_session_unharmed(void **state) {
    struct rig *rig = *state;
    struct outcome live = {0};
    struct outcome stored = {0};
    (void)rig_open(rig);
    manager_terminate(rig->manager, rig->id, "mallory", rig_on_status, &live);
    rig_finish(rig, &live, TRUNK_OK);
    assert_false(rig_is_flagged(rig));
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_store_active(rig);
    manager_terminate(rig->manager, rig->id, "mallory", rig_on_status, &stored);
    rig_finish(rig, &stored, TRUNK_OK);
    assert_false(rig_is_flagged(rig));
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
}

static void test_terminate_while_the_store_is_down_leaves_the_session_usable(void **state) {
    struct rig *rig = *state;
    struct outcome terminated = {0};
    struct session *session = rig_open(rig);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    rig_start_terminate(rig, &terminated);
    rig_finish(rig, &terminated, TRUNK_UNAVAILABLE);
    assert_int_equal(session_state(session), SESSION_ACTIVE);
    assert_int_equal(rig->ended, 0);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    cue_storage_set_status(rig->store, TRUNK_OK);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_terminate(rig);
    RIG_UNTIL(rig, rig->closed == 1);
}

static void
test_terminate_of_a_stored_session_while_the_store_is_down_is_unavailable(void **state) {
    struct rig *rig = *state;
    struct outcome terminated = {0};
    rig_store_active(rig);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    rig_start_terminate(rig, &terminated);
    rig_finish(rig, &terminated, TRUNK_UNAVAILABLE);
    cue_storage_set_status(rig->store, TRUNK_OK);
    rig_terminate(rig);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_terminate_whose_answer_is_lost_looks_before_it_answers(void **state) {
    struct rig *rig = *state;
    for (int is_applied = 0; is_applied <= 1; is_applied++) {
        struct outcome terminated = {0};
        (void)rig_open(rig);
        size_t loads = cue_storage_count_calls(rig->store, "load");
        cue_storage_hold(rig->store, "put");
        rig_start_terminate(rig, &terminated);
        rig_until_held(rig, "put");
        cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, is_applied == 1);
        RIG_UNTIL(rig, cue_storage_count_calls(rig->store, "load") == loads + 1);
        rig_settle(rig);
        assert_int_equal(terminated.calls, is_applied);
        assert_int_equal(cue_storage_count_held(rig->store, "put"), 1 - is_applied);
        cue_storage_let_all(rig->store);
        rig_finish(rig, &terminated, TRUNK_OK);
        RIG_UNTIL(rig, cue_storage_count_records(rig->store) == 0);
    }
}

static void
test_terminate_of_a_stored_session_whose_answer_is_lost_looks_before_it_answers(void **state) {
    struct rig *rig = *state;
    for (int is_applied = 0; is_applied <= 1; is_applied++) {
        struct outcome terminated = {0};
        rig_store_active(rig);
        cue_storage_hold(rig->store, "put");
        rig_start_terminate(rig, &terminated);
        rig_until_held(rig, "put");
        cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, is_applied == 1);
        rig_settle(rig);
        assert_int_equal(terminated.calls, is_applied);
        cue_storage_let_all(rig->store);
        rig_finish(rig, &terminated, TRUNK_OK);
        assert_int_not_equal(rig_get_status(rig), TRUNK_OK);
    }
}

static void test_a_flag_that_was_stored_unseen_ends_the_session_at_its_next_write(void **state) {
    struct rig *rig = *state;
    struct outcome terminated = {0};
    (void)rig_open(rig);
    cue_storage_hold(rig->store, "put");
    cue_storage_hold(rig->store, "load");
    rig_start_terminate(rig, &terminated);
    rig_until_held(rig, "put");
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, true);
    rig_until_held(rig, "load");
    cue_storage_answer_next(rig->store, "load", TRUNK_UNAVAILABLE, false);
    rig_finish(rig, &terminated, TRUNK_UNAVAILABLE);
    assert_int_equal(rig->ended, 0);
    cue_storage_let_all(rig->store);
    RIG_UNTIL(rig, rig->closed == 1); /* the writer tries again by itself */
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_the_drain_lets_a_running_call_end(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    rig->options.drain_ms = 60000;
    rig_use_begin(session);
    rig_terminate(rig);
    rig_settle(rig);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(rig->cut, 0);
    assert_non_null(session_multi(session));
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    assert_int_equal(cue_factory_count_finished(rig->factory), 0);
    rig_use_end(session);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
}

static void test_a_call_that_runs_longer_than_the_drain_is_cut(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    rig->options.drain_ms = 20;
    rig_use_begin(session);
    rig_use_begin(session);
    rig_terminate(rig);
    assert_int_equal(rig->cut, 0);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->cut, 1);
}

static void test_without_a_drain_calls_are_cut_at_once_but_after_the_answer(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    rig_use_begin(session);
    rig_terminate(rig);
    assert_int_equal(rig->cut, 0);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->cut, 1);
}

#define WITH_LEGS(TEST) cmocka_unit_test_setup_teardown(TEST, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LEGS(test_terminate_is_idempotent),
        WITH_LEGS(test_two_terminates_at_once_store_one_flag_and_are_both_told),
        WITH_LEGS(
            test_a_terminated_session_is_gone_at_once_and_its_record_when_its_legs_are_closed),
        WITH_LEGS(test_terminate_leaves_a_placeholder_to_its_ttl),
        WITH_LEGS(test_terminate_of_another_principal_leaves_the_session_unharmed),
        WITH_LEGS(test_terminate_while_the_store_is_down_leaves_the_session_usable),
        WITH_LEGS(test_terminate_of_a_stored_session_while_the_store_is_down_is_unavailable),
        WITH_LEGS(test_terminate_whose_answer_is_lost_looks_before_it_answers),
        WITH_LEGS(test_terminate_of_a_stored_session_whose_answer_is_lost_looks_before_it_answers),
        WITH_LEGS(test_a_flag_that_was_stored_unseen_ends_the_session_at_its_next_write),
        WITH_LEGS(test_the_drain_lets_a_running_call_end),
        WITH_LEGS(test_a_call_that_runs_longer_than_the_drain_is_cut),
        WITH_LEGS(test_without_a_drain_calls_are_cut_at_once_but_after_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
