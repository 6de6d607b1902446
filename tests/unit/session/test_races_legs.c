/* SPDX-License-Identifier: MIT
 * test_races_legs.c - the races of sessions whose backends hold sessions of their own: restored,
 * closed from the record, kept over a stop (design.md section 5, Hygiene). */
#include "unit/session/rig.h"

static int set_up(void **state) {
    struct rig *rig = rig_new_with(TRUNK_CAP_PERSISTENT, TRUNK_CAP_RESTORE);
    rig_add_backend(rig, "a", false);
    rig_add_backend(rig, "b", false);
    *state = rig;
    return 0;
}

/* As a process that was killed leaves it: an ACTIVE record that names a session of backend a. */
static void leave_record(struct rig *rig, bool is_terminated) {
    struct record record = {0};
    char tag[SESSION_TAG_SIZE];
    char number[24];
    rig_store_active(rig);
    id_tag(rig->id, tag);
    struct cue_session *session = cue_backends_begin(&rig->backends, "a", tag);
    session->is_initialized = true;
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)session->number);
    assert_true(rig_read_record(rig, &record));
    struct record_leg leg = {.backend = "a",
                             .session = number,
                             .protocol = "2025-11-25",
                             .capabilities = "{}",
                             .config = backend_registry_find(&rig->registry, "a")->config_hash};
    record_set_leg(&record, &leg);
    record.is_terminated = is_terminated;
    rig_write_record(rig, &record);
    record_clear(&record);
}

static size_t count_lines(struct rig *rig, const char *line) {
    size_t count = 0;
    const char *at = cue_factory_transcript(rig->factory);
    while ((at = strstr(at, line)) != NULL) {
        count++;
        at += strlen(line);
    }
    return count;
}

static void test_a_restored_session_goes_on_with_the_session_of_its_backend(void **state) {
    struct rig *rig = *state;
    leave_record(rig, false);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    rig_settle(rig);
    assert_int_equal(count_lines(rig, "a make\n"), 1);
    assert_int_equal(count_lines(rig, "a initialize\n"), 0);
    assert_int_equal(count_lines(rig, "b initialize\n"), 1);
    assert_int_equal(rig->backends.count, 2);
    rig_terminate(rig);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->backends.count, 0);
}

static void
test_a_restore_that_a_terminate_overtakes_closes_the_session_it_went_on_with(void **state) {
    struct rig *rig = *state;
    leave_record(rig, false);
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
    leave_record(rig, true);
    cue_factory_hold(rig->factory, "a", "make");
    assert_int_equal(rig_validity(rig), VALIDITY_TERMINATED);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    rig_terminate(rig);
    rig_until_leg_held(rig, "a", "make");
    rig_settle(rig);
    assert_int_equal(count_lines(rig, "a make\n"), 1);
    assert_int_equal(cue_storage_count_records(rig->store), 1);
    cue_factory_let_all(rig->factory);
    RIG_UNTIL(rig, cue_storage_count_records(rig->store) == 0);
    assert_int_equal(rig->backends.count, 0);
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
}

static void test_an_expired_record_is_closed_by_the_sweep_that_takes_it(void **state) {
    struct rig *rig = *state;
    leave_record(rig, false);
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
    assert_int_equal(count_lines(rig, "a make\n"), 1);
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

#define RACE(TEST) cmocka_unit_test_setup_teardown(TEST, set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        RACE(test_a_restored_session_goes_on_with_the_session_of_its_backend),
        RACE(test_a_restore_that_a_terminate_overtakes_closes_the_session_it_went_on_with),
        RACE(test_a_terminated_record_that_several_find_is_closed_once),
        RACE(test_an_expired_record_is_closed_by_the_sweep_that_takes_it),
        RACE(test_a_terminated_record_under_a_live_session_ends_the_session),
        RACE(test_a_flag_right_behind_the_look_of_an_uncertain_creation_ends_its_session),
        RACE(test_a_stop_keeps_the_sessions_of_backends_for_the_next_start),
        RACE(test_a_sweep_before_a_stop_leaves_the_legs_closes_them),
        RACE(test_a_sweep_while_a_stop_leaves_the_legs_closes_them_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
