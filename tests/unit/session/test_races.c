/* SPDX-License-Identifier: MIT
 * test_races.c - the races of design.md section 5 that one node can have, each forced by drivers
 * that wait for their cue. */
#include "unit/session/rig.h"

/* Terminate against creation */

static void test_terminate_between_generate_and_create_leaves_nothing_to_build(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig_generate(rig);
    rig_terminate(rig);
    rig_start_create(rig, &created);
    rig_finish(rig, &created, TRUNK_CONFLICT);
    assert_non_null(strstr(created.text, "terminated"));
    assert_int_equal(cue_factory_count_made(rig->factory), 0);
    assert_string_equal(cue_factory_transcript(rig->factory), "");
    assert_true(rig_is_flagged(rig)); /* left to its TTL */
    assert_int_equal(rig_validity(rig), VALIDITY_TERMINATED);
}

static void test_terminate_while_legs_are_opened_closes_each_of_them(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig_add_backend(rig, "needed", true);
    cue_factory_hold(rig->factory, "b", "make");
    cue_factory_hold(rig->factory, "needed", "initialize");
    rig_generate(rig);
    rig_start_create(rig, &created);
    rig_until_leg_held(rig, "needed", "initialize");
    rig_until_leg_held(rig, "b", "make");
    rig_terminate(rig);
    assert_int_equal(created.calls, 0);
    cue_factory_release_next(rig->factory, "needed", "initialize");
    rig_settle(rig);
    assert_int_equal(created.calls,
                     0); /* b is still being made: nothing may be left when it is told */
    cue_factory_release_next(rig->factory, "b", "make");
    rig_finish(rig, &created, TRUNK_CONFLICT);
    assert_int_equal(cue_factory_count_made(rig->factory), 3);
    assert_int_equal(cue_factory_count_finished(rig->factory), 3);
    assert_int_equal(manager_count_live(rig->manager), 0);
    assert_true(rig_is_flagged(rig));
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
}

/* Brings a creation to its second load, with a terminate that loaded before it; both then want to
 * write. */
static void bring_both_to_their_cas(struct rig *rig, struct outcome *created,
                                    struct outcome *terminated) {
    cue_factory_hold(rig->factory, "needed", "initialize");
    rig_add_backend(rig, "needed", true);
    rig_generate(rig);
    rig_start_create(rig, created);
    rig_until_leg_held(rig, "needed", "initialize");
    cue_storage_hold(rig->store, "load");
    cue_storage_hold(rig->store, "put");
    rig_start_terminate(rig, terminated);
    rig_until_held(rig, "load");
    cue_factory_release_next(rig->factory, "needed", "initialize");
    rig_settle(rig); /* the second load waits behind it for the key */
    cue_storage_release_next(rig->store, "load");
    rig_until_held(rig, "load");
    cue_storage_release_next(rig->store, "load");
    rig_until_held(rig, "put");
}

static void test_terminate_between_the_second_load_and_the_cas_wins(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    struct outcome terminated = {0};
    bring_both_to_their_cas(rig, &created, &terminated);
    cue_storage_release_next(rig->store, "put"); /* the flag */
    rig_finish(rig, &terminated, TRUNK_OK);
    assert_int_equal(created.calls, 0);
    rig_until_held(rig, "put");
    cue_storage_release_next(rig->store, "put"); /* of another version by now */
    rig_finish(rig, &created, TRUNK_CONFLICT);
    assert_int_equal(cue_factory_count_made(rig->factory), 3);
    assert_int_equal(cue_factory_count_finished(rig->factory), 3);
    assert_int_equal(rig->opened, 0);
    assert_true(rig_is_flagged(rig));
    cue_storage_let_all(rig->store);
    assert_int_equal(rig_validity(rig), VALIDITY_TERMINATED);
}

static void test_the_flag_in_the_store_alone_makes_the_cas_of_a_creation_fail(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig_generate(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_create(rig, &created);
    rig_until_held(rig, "put");
    rig_flag_record(rig);
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &created, TRUNK_CONFLICT);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    assert_true(rig_is_flagged(rig));
}

static void test_expiry_between_the_second_load_and_the_cas_makes_the_creation_fail(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig_generate(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_create(rig, &created);
    rig_until_held(rig, "put");
    cue_storage_expire(rig->store, rig->key);
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &created, TRUNK_CONFLICT);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    rig_sweep(rig);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void
test_the_cas_of_the_creation_first_then_terminate_ends_the_active_session(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    struct outcome terminated = {0};
    rig_generate(rig);
    cue_storage_hold(rig->store, "load");
    cue_storage_hold(rig->store, "put");
    rig_start_create(rig, &created);
    rig_until_held(rig, "load");
    cue_storage_release_next(rig->store, "load");
    rig_until_held(rig, "load"); /* the second one */
    rig_start_terminate(rig, &terminated);
    cue_storage_release_next(rig->store, "load");
    rig_until_held(rig, "load"); /* terminate's: it still sees the placeholder */
    cue_storage_release_next(rig->store, "load");
    rig_until_held(rig, "put");
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &created, TRUNK_OK);
    assert_int_equal(session_state(created.session), SESSION_ACTIVE);
    rig_use_end(created.session);
    cue_storage_let_all(rig->store);
    rig_finish(rig, &terminated, TRUNK_OK);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    RIG_UNTIL(rig, cue_factory_count_finished(rig->factory) == 2);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

/* Terminate against expiry */

static void test_a_record_that_is_swept_while_its_terminate_is_under_way_ends_once(void **state) {
    struct rig *rig = *state;
    struct outcome terminated = {0};
    (void)rig_open(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_terminate(rig, &terminated);
    rig_until_held(rig, "put");
    cue_storage_expire(rig->store, rig->key);
    rig_sweep(rig);
    rig_finish(rig, &terminated, TRUNK_OK);
    assert_int_equal(rig->ended, 1);
    cue_storage_release_next(rig->store, "put"); /* NOT_FOUND: it revives nothing */
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(terminated.calls, 1);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
}

static void
test_a_record_that_expires_while_its_terminate_is_under_way_is_as_good_as_terminated(void **state) {
    struct rig *rig = *state;
    struct outcome terminated = {0};
    (void)rig_open(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_terminate(rig, &terminated);
    rig_until_held(rig, "put");
    cue_storage_expire(rig->store, rig->key);
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &terminated, TRUNK_OK);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->ended, 1);
    rig_sweep(rig);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void
test_the_terminate_of_a_record_without_a_live_session_loses_against_expiry(void **state) {
    struct rig *rig = *state;
    struct outcome terminated = {0};
    rig_store_active(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_terminate(rig, &terminated);
    rig_until_held(rig, "put");
    cue_storage_expire(rig->store, rig->key);
    rig_sweep(rig);
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &terminated, TRUNK_OK);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

/* Restores */

static void test_two_restores_at_once_are_one(void **state) {
    struct rig *rig = *state;
    struct outcome first = {0};
    struct outcome second = {0};
    struct record record = {0};
    rig_store_active(rig);
    cue_storage_hold(rig->store, "load");
    rig_start_get(rig, &first);
    rig_start_get(rig, &second);
    rig_until_held(rig, "load");
    rig_settle(rig);
    assert_int_equal(cue_storage_count_calls(rig->store, "load"), 1);
    cue_storage_release_next(rig->store, "load");
    rig_finish(rig, &first, TRUNK_OK);
    rig_finish(rig, &second, TRUNK_OK);
    assert_ptr_equal(first.session, second.session);
    assert_int_equal(session_count_uses(first.session), 2);
    assert_int_equal(manager_count_live(rig->manager), 1);
    assert_int_equal(rig->opened, 1);
    rig_settle(rig);
    assert_int_equal(cue_storage_count_calls(rig->store, "load"), 1);
    assert_int_equal(cue_factory_count_made(rig->factory), 2);
    assert_true(rig_read_record(rig, &record));
    assert_int_equal(record.epoch, 4);
    assert_string_equal(record.owner, "test");
    record_clear(&record);
    rig_use_end(first.session);
    rig_use_end(second.session);
    cue_storage_let_all(rig->store);
}

static void test_a_get_that_comes_while_the_epoch_is_raised_joins_that_restore(void **state) {
    struct rig *rig = *state;
    struct outcome first = {0};
    struct outcome second = {0};
    rig_store_active(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_get(rig, &first);
    rig_until_held(rig, "put");
    rig_start_get(rig, &second);
    cue_storage_let_all(rig->store);
    rig_finish(rig, &first, TRUNK_OK);
    rig_finish(rig, &second, TRUNK_OK);
    assert_ptr_equal(first.session, second.session);
    assert_int_equal(session_record(first.session)->epoch, 4);
    rig_use_end(first.session);
    rig_use_end(second.session);
}

static void test_a_waiter_of_another_principal_gets_nothing_of_a_restore(void **state) {
    struct rig *rig = *state;
    struct outcome owner = {0};
    struct outcome other = {0};
    rig_store_active(rig);
    cue_storage_hold(rig->store, "load");
    manager_get_multi_session(rig->manager, rig->id, "mallory", rig_on_session, &other);
    rig_start_get(rig, &owner);
    rig_until_held(rig, "load");
    cue_storage_let_all(rig->store);
    rig_finish(rig, &owner, TRUNK_OK);
    rig_finish(rig, &other, TRUNK_NOT_FOUND);
    rig_use_end(owner.session);
}

/* Restore and terminate, both loaded; the terminate's CAS comes first when it asked first. */
static void start_both_on_a_record(struct rig *rig, bool is_terminate_first,
                                   struct outcome *restored, struct outcome *terminated) {
    rig_store_active(rig);
    cue_storage_hold(rig->store, "load");
    cue_storage_hold(rig->store, "put");
    if (is_terminate_first) {
        rig_start_terminate(rig, terminated);
        rig_start_get(rig, restored);
    } else {
        rig_start_get(rig, restored);
        rig_start_terminate(rig, terminated);
    }
    for (int i = 0; i < 2; i++) {
        rig_until_held(rig, "load");
        cue_storage_release_next(rig->store, "load");
    }
    rig_until_held(rig, "put");
}

static void test_restore_against_terminate_when_terminate_writes_first(void **state) {
    struct rig *rig = *state;
    struct outcome restored = {0};
    struct outcome terminated = {0};
    start_both_on_a_record(rig, true, &restored, &terminated);
    cue_storage_let_all(rig->store);
    rig_finish(rig, &terminated, TRUNK_OK);
    rig_finish(rig, &restored, TRUNK_NOT_FOUND);
    assert_int_equal(rig->opened, 0);
    assert_int_equal(cue_factory_count_made(rig->factory), 0);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_restore_against_terminate_when_restore_writes_first(void **state) {
    struct rig *rig = *state;
    struct outcome restored = {0};
    struct outcome terminated = {0};
    start_both_on_a_record(rig, false, &restored, &terminated);
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &restored, TRUNK_OK);
    rig_use_end(restored.session);
    cue_storage_let_all(rig->store);
    rig_finish(rig, &terminated, TRUNK_OK);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(cue_factory_count_made(rig->factory), 2);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
}

/* Sweep against use */

static void test_a_sweep_that_takes_the_record_of_a_session_in_use_ends_it_for_good(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    rig_use_begin(session);
    session_stream_begin(session);
    cue_storage_expire(rig->store, rig->key);
    rig_sweep(rig);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(rig->cut, 1); /* which ended the use */
    assert_int_equal(session_count_uses(session), 0);
    assert_null(session_multi(session));
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    assert_int_equal(rig->closed, 0); /* the stream still holds it */
    session_use_begin(session);       /* what is late touches and writes nothing */
    session_set_initialized(session);
    session_use_end(session);
    session_stream_end(session);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_a_sweep_takes_the_record_while_a_touch_of_it_is_under_way(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    cue_storage_hold(rig->store, "touch");
    clock_advance(&rig->clock, RIG_TTL_MS / 10);
    rig_use_begin(session);
    rig_until_held(rig, "touch");
    cue_storage_expire(rig->store, rig->key);
    rig_sweep(rig);
    assert_int_equal(rig->ended, 1);
    cue_storage_release_next(rig->store, "touch");
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_a_touch_finds_that_the_record_is_gone_and_the_session_ends(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    cue_storage_drop(rig->store, rig->key);
    clock_advance(&rig->clock, RIG_TTL_MS / 10);
    rig_use_begin(session);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->cut, 1);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
}

static void test_a_sweep_takes_the_record_while_a_restore_raises_its_epoch(void **state) {
    struct rig *rig = *state;
    struct outcome restored = {0};
    rig_store_active(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_get(rig, &restored);
    rig_until_held(rig, "put");
    cue_storage_expire(rig->store, rig->key);
    rig_sweep(rig);
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &restored, TRUNK_NOT_FOUND);
    assert_int_equal(cue_factory_count_made(rig->factory), 0);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

/* Late completions */

static void test_a_leg_that_is_made_after_its_session_was_terminated_is_finished(void **state) {
    struct rig *rig = *state;
    cue_factory_hold(rig->factory, "b", "make");
    (void)rig_open(rig);
    rig_until_leg_held(rig, "b", "make");
    rig_terminate(rig);
    RIG_UNTIL(rig, cue_factory_count_finished(rig->factory) == 1);
    rig_settle(rig);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    assert_true(rig_is_flagged(rig)); /* the record stays as long as a leg may be open */
    cue_factory_release_next(rig->factory, "b", "make");
    RIG_UNTIL(rig, cue_factory_count_finished(rig->factory) == 2);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
    assert_null(strstr(cue_factory_transcript(rig->factory), "b initialize"));
}

static void test_a_make_that_fails_after_its_session_was_terminated_is_harmless(void **state) {
    struct rig *rig = *state;
    cue_factory_hold(rig->factory, "b", "make");
    (void)rig_open(rig);
    rig_until_leg_held(rig, "b", "make");
    rig_terminate(rig);
    rig_settle(rig);
    cue_factory_complete_next(rig->factory, "b", "make", TRUNK_UNAVAILABLE,
                              "backend b is not there");
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_factory_count_made(rig->factory), 1);
}

static void test_messages_and_an_end_that_come_while_a_leg_is_finished_are_dropped(void **state) {
    struct rig *rig = *state;
    cue_factory_hold(rig->factory, NULL, "finish");
    cue_factory_hold(rig->factory, "b", "tools/list");
    (void)rig_open(rig);
    rig_until_leg_held(rig, "b", "tools/list");
    uint64_t number = cue_factory_held_number(rig->factory, "b", "tools/list");
    rig_terminate(rig);
    rig_until_leg_held(rig, "b", "finish");
    char *json = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":{\"tools\":[]}}",
                           (unsigned long long)number);
    (void)cue_factory_say(rig->factory, "b", json, 0);
    (void)cue_factory_say(rig->factory, "b",
                          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}", 0);
    (void)cue_factory_say(rig->factory, "b", "no JSON", 0);
    cue_factory_close_leg(rig->factory, "b", TRUNK_UNAVAILABLE, "backend b exited with status 1");
    rig_settle(rig);
    free(json);
    assert_int_equal(rig->notices, 0);
    assert_int_equal(rig->closed, 0);
    cue_factory_release_next(rig->factory, "a", "finish");
    cue_factory_complete_next(rig->factory, "b", "finish", TRUNK_UNCERTAIN, NULL);
    RIG_UNTIL(rig, rig->closed == 1);
}

static void test_a_call_that_a_driver_completes_only_after_finish_is_harmless(void **state) {
    struct rig *rig = *state;
    cue_factory_forget_at_finish(rig->factory);
    cue_factory_hold(rig->factory, "b", "tools/list");
    (void)rig_open(rig);
    rig_until_leg_held(rig, "b", "tools/list");
    rig_terminate(rig);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    cue_factory_complete_next(rig->factory, "b", "tools/list", TRUNK_CANCELLED, NULL);
    rig_settle(rig);
}

static void test_store_answers_that_come_after_the_session_are_harmless(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    cue_storage_hold(rig->store, "put");
    session_set_initialized(session);
    rig_until_held(rig, "put");
    cue_storage_expire(rig->store, rig->key);
    rig_sweep(rig);
    assert_int_equal(rig->ended, 1);
    RIG_UNTIL(rig, cue_factory_count_finished(rig->factory) == 2);
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, false);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(cue_storage_count_calls(rig->store, "load"), 2); /* creation's; nobody looks */
}

#define RACE(TEST) cmocka_unit_test_setup_teardown(TEST, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        RACE(test_terminate_between_generate_and_create_leaves_nothing_to_build),
        RACE(test_terminate_while_legs_are_opened_closes_each_of_them),
        RACE(test_terminate_between_the_second_load_and_the_cas_wins),
        RACE(test_the_flag_in_the_store_alone_makes_the_cas_of_a_creation_fail),
        RACE(test_expiry_between_the_second_load_and_the_cas_makes_the_creation_fail),
        RACE(test_the_cas_of_the_creation_first_then_terminate_ends_the_active_session),
        RACE(test_a_record_that_is_swept_while_its_terminate_is_under_way_ends_once),
        RACE(test_a_record_that_expires_while_its_terminate_is_under_way_is_as_good_as_terminated),
        RACE(test_the_terminate_of_a_record_without_a_live_session_loses_against_expiry),
        RACE(test_two_restores_at_once_are_one),
        RACE(test_a_get_that_comes_while_the_epoch_is_raised_joins_that_restore),
        RACE(test_a_waiter_of_another_principal_gets_nothing_of_a_restore),
        RACE(test_restore_against_terminate_when_terminate_writes_first),
        RACE(test_restore_against_terminate_when_restore_writes_first),
        RACE(test_a_sweep_that_takes_the_record_of_a_session_in_use_ends_it_for_good),
        RACE(test_a_sweep_takes_the_record_while_a_touch_of_it_is_under_way),
        RACE(test_a_touch_finds_that_the_record_is_gone_and_the_session_ends),
        RACE(test_a_sweep_takes_the_record_while_a_restore_raises_its_epoch),
        RACE(test_a_leg_that_is_made_after_its_session_was_terminated_is_finished),
        RACE(test_a_make_that_fails_after_its_session_was_terminated_is_harmless),
        RACE(test_messages_and_an_end_that_come_while_a_leg_is_finished_are_dropped),
        RACE(test_a_call_that_a_driver_completes_only_after_finish_is_harmless),
        RACE(test_store_answers_that_come_after_the_session_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
