/* SPDX-License-Identifier: MIT
 * test_life.c - how long sessions live, what keeps them, and how they end with trunkd. */
#include "unit/session/rig.h"

/* Lives */

static void use_once(struct session *session) {
    session_use_begin(session);
    session_use_end(session);
}

static void test_a_use_touches_the_record_at_most_every_tenth_of_the_ttl(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    use_once(session);
    use_once(session);
    rig_settle(rig);
    assert_int_equal(cue_storage_count_calls(rig->store, "touch"), 1); /* of the first use */
    clock_advance(&rig->clock, RIG_TTL_MS / 10);
    use_once(session);
    use_once(session);
    rig_settle(rig);
    use_once(session);
    rig_settle(rig);
    assert_int_equal(cue_storage_count_calls(rig->store, "touch"), 2);
    uint64_t left_ms =
        cue_storage_find(rig->store, rig->key)->expires_ms - clock_wall_ms(&rig->clock);
    assert_true(left_ms > RIG_TTL_MS && left_ms <= RIG_TTL_MS + RIG_TTL_MS / 10);
    clock_advance(&rig->clock, RIG_TTL_MS / 10);
    use_once(session);
    rig_settle(rig);
    assert_int_equal(cue_storage_count_calls(rig->store, "touch"), 3);
}

static void test_a_touch_that_failed_is_tried_again_by_the_next_use(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    rig_settle(rig);
    clock_advance(&rig->clock, RIG_TTL_MS / 10);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    use_once(session);
    rig_settle(rig);
    cue_storage_set_status(rig->store, TRUNK_OK);
    use_once(session);
    rig_settle(rig);
    assert_int_equal(cue_storage_count_calls(rig->store, "touch"), 3);
    assert_int_equal(session_state(session), SESSION_ACTIVE);
}

static void test_the_life_slides_on_use(void **state) {
    struct rig *rig = *state;
    (void)rig_open(rig);
    for (int i = 0; i < 5; i++) {
        clock_advance(&rig->clock, RIG_TTL_MS - 1000);
        rig_sweep(rig);
        assert_int_equal(rig_get_status(rig), TRUNK_OK);
    }
    assert_int_equal(rig->ended, 0);
}

static void test_an_idle_session_expires_and_nothing_is_left_of_it(void **state) {
    struct rig *rig = *state;
    (void)rig_open(rig);
    clock_advance(&rig->clock, RIG_TTL_MS);
    rig_sweep(rig);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
}

static void test_a_session_whose_id_was_never_used_lives_as_long_as_a_placeholder(void **state) {
    struct rig *rig = *state;
    (void)rig_open_unconfirmed(rig);
    clock_advance(&rig->clock, RIG_TTL_MS - 11000); /* leg_timeout and 30 s, less a second */
    rig_sweep(rig);
    assert_int_equal(rig->closed, 0);
    clock_advance(&rig->clock, 2000);
    assert_null(manager_find_live(rig->manager, rig->id, PRINCIPAL_ANONYMOUS));
    rig_sweep(rig);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_an_expired_session_is_gone_before_any_sweep_and_is_never_revived(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    size_t touches = cue_storage_count_calls(rig->store, "touch");
    clock_advance(&rig->clock, RIG_TTL_MS);
    assert_null(manager_find_live(rig->manager, rig->id, PRINCIPAL_ANONYMOUS));
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
    assert_int_equal(session_state(session), SESSION_ACTIVE);
    assert_int_equal(cue_storage_count_calls(rig->store, "touch"), touches);
    rig_sweep(rig);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
}

static void test_a_stored_session_that_is_expired_is_not_restored(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig);
    cue_storage_expire(rig->store, rig->key);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    rig_sweep(rig);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
    assert_int_equal(cue_factory_count_made(rig->factory), 0);
}

static void test_an_expired_session_that_cannot_be_flagged_ends_at_a_later_sweep(void **state) {
    struct rig *rig = *state;
    (void)rig_open(rig);
    clock_advance(&rig->clock, RIG_TTL_MS);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    rig_sweep(rig);
    assert_int_equal(rig->ended, 0);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    cue_storage_set_status(rig->store, TRUNK_OK);
    rig_sweep(rig);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_an_open_stream_keeps_a_session_and_its_record_alive(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    session_stream_begin(session);
    for (int i = 0; i < 8; i++) {
        clock_advance(&rig->clock, RIG_TTL_MS / 2);
        rig_sweep(rig);
    }
    assert_int_equal(session_state(session), SESSION_ACTIVE);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    session_stream_end(session);
    clock_advance(&rig->clock, RIG_TTL_MS / 2);
    rig_sweep(rig);
    assert_int_equal(rig->ended, 0);
    clock_advance(&rig->clock, RIG_TTL_MS / 2);
    rig_sweep(rig);
    RIG_UNTIL(rig, rig->closed == 1);
}

static void test_a_running_call_keeps_a_session_and_its_record_alive(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    rig_use_begin(session);
    for (int i = 0; i < 8; i++) {
        clock_advance(&rig->clock, RIG_TTL_MS / 2);
        rig_sweep(rig);
    }
    assert_int_equal(session_state(session), SESSION_ACTIVE);
    rig_use_end(session);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
}

static void test_a_sweep_takes_all_that_is_expired_however_much_it_is(void **state) {
    struct rig *rig = *state;
    char keys[150][RECORD_KEY_SIZE];
    for (size_t i = 0; i < 150; i++) {
        rig_store_active(rig);
        memcpy(keys[i], rig->key, sizeof keys[i]);
    }
    (void)rig_open(rig);
    for (size_t i = 0; i < 150; i++) {
        cue_storage_expire(rig->store, keys[i]);
    }
    rig_sweep(rig);
    assert_int_equal(cue_storage_count_records(rig->store), 1);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
}

static void test_a_sweep_that_the_store_refuses_drops_nothing(void **state) {
    struct rig *rig = *state;
    (void)rig_open(rig);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    rig_sweep(rig);
    cue_storage_set_status(rig->store, TRUNK_OK);
    assert_int_equal(rig->ended, 0);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
}

/* stop */

static void test_stop_ends_live_sessions_and_closes_all_that_is_left(void **state) {
    struct rig *rig = *state;
    (void)rig_open(rig);
    struct session *session = rig_open(rig);
    rig_use_begin(session);
    session_stream_begin(session);
    session_stream_end(session);
    rig_stop(rig);
    assert_int_equal(rig->ended, 2);
    assert_int_equal(rig->closed, 2);
    assert_int_equal(cue_factory_count_finished(rig->factory), 4);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_stop_waits_for_calls_builds_and_restores_under_way(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    struct outcome restored = {0};
    struct outcome late = {0};
    rig_add_backend(rig, "needed", true);
    cue_factory_hold(rig->factory, NULL, "make");
    rig_generate(rig);
    rig_start_create(rig, &created);
    rig_until_leg_held(rig, "needed", "make");
    cue_storage_hold(rig->store, "load");
    rig_store_active(rig);
    rig_start_get(rig, &restored);
    rig_until_held(rig, "load");
    manager_stop(rig->manager, rig_on_stopped, rig);
    rig_settle(rig);
    assert_false(rig->is_stopped);
    cue_storage_let_all(rig->store);
    rig_finish(rig, &restored, TRUNK_UNAVAILABLE);
    rig_settle(rig);
    assert_false(rig->is_stopped);
    cue_factory_let_all(rig->factory);
    RIG_UNTIL(rig, rig->is_stopped);
    assert_int_equal(created.calls, 1);
    assert_int_equal(cue_factory_count_made(rig->factory), 3);
    assert_int_equal(cue_factory_count_finished(rig->factory), 3);
    rig_start_generate(rig, &late);
    rig_finish(rig, &late, TRUNK_UNAVAILABLE);
}

static void test_stop_gives_running_calls_the_drain(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    rig->options.drain_ms = 60000;
    rig_use_begin(session);
    manager_stop(rig->manager, rig_on_stopped, rig);
    rig_settle(rig);
    assert_false(rig->is_stopped);
    assert_int_equal(rig->cut, 0);
    rig_use_end(session);
    RIG_UNTIL(rig, rig->is_stopped);
}

static int set_up_persistent(void **state) {
    struct rig *rig = rig_new(TRUNK_CAP_PERSISTENT);
    rig_add_backend(rig, "a", false);
    *state = rig;
    return 0;
}

static void test_stop_keeps_the_records_of_a_persistent_store(void **state) {
    struct rig *rig = *state;
    struct record record = {0};
    (void)rig_open(rig);
    rig_stop(rig);
    assert_int_equal(cue_factory_count_finished(rig->factory), 1);
    assert_true(rig_read_record(rig, &record));
    assert_true(record.is_active);
    assert_false(record.is_terminated);
    record_clear(&record);
}

static void test_a_terminate_that_a_stop_overtakes_is_not_told_that_it_is_done(void **state) {
    struct rig *rig = *state;
    struct outcome terminated = {0};
    (void)rig_open(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_terminate(rig, &terminated);
    rig_until_held(rig, "put");
    manager_stop(rig->manager, rig_on_stopped, rig);
    rig_finish(rig, &terminated, TRUNK_UNAVAILABLE);
    cue_storage_answer_next(rig->store, "put", TRUNK_UNAVAILABLE, false);
    RIG_UNTIL(rig, rig->is_stopped);
    assert_false(rig_is_flagged(rig));
}

#define WITH_LEGS(TEST) cmocka_unit_test_setup_teardown(TEST, rig_set_up, rig_tear_down)
#define PERSISTENT(TEST) cmocka_unit_test_setup_teardown(TEST, set_up_persistent, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LEGS(test_a_use_touches_the_record_at_most_every_tenth_of_the_ttl),
        WITH_LEGS(test_a_touch_that_failed_is_tried_again_by_the_next_use),
        WITH_LEGS(test_the_life_slides_on_use),
        WITH_LEGS(test_a_session_whose_id_was_never_used_lives_as_long_as_a_placeholder),
        WITH_LEGS(test_an_idle_session_expires_and_nothing_is_left_of_it),
        WITH_LEGS(test_an_expired_session_is_gone_before_any_sweep_and_is_never_revived),
        WITH_LEGS(test_a_stored_session_that_is_expired_is_not_restored),
        WITH_LEGS(test_an_expired_session_that_cannot_be_flagged_ends_at_a_later_sweep),
        WITH_LEGS(test_an_open_stream_keeps_a_session_and_its_record_alive),
        WITH_LEGS(test_a_running_call_keeps_a_session_and_its_record_alive),
        WITH_LEGS(test_a_sweep_takes_all_that_is_expired_however_much_it_is),
        WITH_LEGS(test_a_sweep_that_the_store_refuses_drops_nothing),
        WITH_LEGS(test_stop_ends_live_sessions_and_closes_all_that_is_left),
        WITH_LEGS(test_stop_waits_for_calls_builds_and_restores_under_way),
        WITH_LEGS(test_stop_gives_running_calls_the_drain),
        PERSISTENT(test_stop_keeps_the_records_of_a_persistent_store),
        PERSISTENT(test_a_terminate_that_a_stop_overtakes_is_not_told_that_it_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
