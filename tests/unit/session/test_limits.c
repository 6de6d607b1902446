/* SPDX-License-Identifier: MIT
 * test_limits.c - max_sessions, max_per_principal and max_lifetime: what counts, when it stops to
 * count, and what a client of one session too many is told. */
#include "unit/session/rig.h"

#include "session/limits.h"
#include "session/manager_private.h"

#define LIFE_MS 600000u

/* ---- the count alone ---- */

static void test_session_counts_until_it_is_removed_or_has_passed(void **state) {
    (void)state;
    struct session_options options = {.max_sessions = 3, .max_per_principal = 2};
    struct limits *limits = limits_new(&options);
    char ids[4][SESSION_ID_SIZE];
    for (int i = 0; i < 4; i++) {
        id_generate(ids[i]);
    }
    assert_null(limits_find_obstacle(limits, "a", 0));
    limits_add(limits, ids[0], "a", 100);
    limits_add(limits, ids[1], "a", 200);
    assert_string_equal(limits_find_obstacle(limits, "a", 0),
                        "too many sessions of this principal (session.max_per_principal)");
    assert_null(limits_find_obstacle(limits, "b", 0));
    limits_add(limits, ids[2], "b", 0);
    assert_string_equal(limits_find_obstacle(limits, "b", 0),
                        "too many sessions (session.max_sessions)");
    limits_add(limits, ids[0], "a", 0); /* it stays, and is still one */
    assert_int_equal(limits_count(limits), 3);
    assert_non_null(limits_find_obstacle(limits, "b", 199));
    assert_null(limits_find_obstacle(limits, "b", 200));
    assert_int_equal(limits_count(limits), 2);
    limits_remove(limits, ids[1]);
    limits_remove(limits, ids[3]);
    assert_int_equal(limits_count(limits), 2);
    limits_remove(limits, ids[0]);
    limits_remove(limits, ids[2]);
    assert_int_equal(limits_count(limits), 0);
    limits_add(limits, ids[3], "c", 1000);
    limits_free(limits);
}

static void test_without_a_limit_nothing_is_kept(void **state) {
    (void)state;
    struct session_options options = {0};
    struct limits *limits = limits_new(&options);
    char id[SESSION_ID_SIZE];
    for (int i = 0; i < 1000; i++) {
        id_generate(id);
        limits_add(limits, id, "", 0);
    }
    assert_int_equal(limits_count(limits), 0);
    assert_null(limits_find_obstacle(limits, "", 0));
    limits_free(limits);
}

/* ---- in the manager ---- */

static void refuse_generate(struct rig *rig, const char *text) {
    struct outcome outcome = {0};
    rig_start_generate(rig, &outcome);
    assert_int_equal(outcome.calls, 0);
    rig_finish(rig, &outcome, TRUNK_UNAVAILABLE);
    assert_non_null(strstr(outcome.text, text));
}

static void test_placeholders_and_sessions_count_until_they_are_gone(void **state) {
    struct rig *rig = *state;
    rig->options.max_sessions = 2;
    rig_open(rig);
    char first[SESSION_ID_SIZE];
    memcpy(first, rig->id, sizeof first);
    rig_generate(rig); /* a placeholder */
    refuse_generate(rig, "session.max_sessions");
    rig_terminate(rig);
    rig_generate(rig);
    refuse_generate(rig, "session.max_sessions");
    memcpy(rig->id, first, sizeof first);
    rig_terminate(rig);
    rig_generate(rig);
    refuse_generate(rig, "session.max_sessions");
    clock_advance(&rig->clock, manager_placeholder_ttl_ms(rig->manager));
    rig_open(rig); /* both placeholders have expired */
    rig_generate(rig);
    refuse_generate(rig, "session.max_sessions");
}

static void test_as_many_at_once_are_not_too_many(void **state) {
    struct rig *rig = *state;
    struct outcome outcomes[4] = {{0}};
    size_t opened = 0;
    rig->options.max_sessions = 2;
    for (int i = 0; i < 4; i++) {
        rig_start_generate(rig, &outcomes[i]);
    }
    for (int i = 0; i < 4; i++) {
        RIG_UNTIL(rig, outcomes[i].calls == 1);
        opened += outcomes[i].status == TRUNK_OK;
    }
    assert_int_equal(opened, 2);
}

static void test_generate_that_the_store_refused_does_not_count(void **state) {
    struct rig *rig = *state;
    struct outcome outcome = {0};
    rig->options.max_sessions = 1;
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    rig_start_generate(rig, &outcome);
    rig_finish(rig, &outcome, TRUNK_UNAVAILABLE);
    cue_storage_set_status(rig->store, TRUNK_OK);
    rig_open(rig);
    refuse_generate(rig, "session.max_sessions");
}

static void test_restored_session_counts_and_is_not_refused(void **state) {
    struct rig *rig = *state;
    rig->options.max_per_principal = 1;
    rig_store_active(rig);
    char id[SESSION_ID_SIZE];
    memcpy(id, rig->id, sizeof id);
    rig_open(rig);
    memcpy(rig->id, id, sizeof id);
    record_key(rig->id, rig->key);
    assert_int_equal(rig_get_status(rig), TRUNK_OK); /* it existed before */
    assert_int_equal(limits_count(rig->manager->limits), 2);
    refuse_generate(rig, "session.max_per_principal");
    rig_terminate(rig);
    refuse_generate(rig, "session.max_per_principal");
    assert_int_equal(limits_count(rig->manager->limits), 1);
}

static void test_expired_session_counts_no_more(void **state) {
    struct rig *rig = *state;
    rig->options.max_sessions = 1;
    rig_open(rig);
    refuse_generate(rig, "session.max_sessions");
    clock_advance(&rig->clock, RIG_TTL_MS + RIG_TTL_MS / 10);
    rig_sweep(rig);
    rig_open(rig);
}

/* ---- an absolute life ---- */

static void test_session_over_its_lifetime_is_gone_however_much_it_is_used(void **state) {
    struct rig *rig = *state;
    rig->options.max_lifetime_ms = LIFE_MS;
    struct session *session = rig_open(rig);
    rig_use_begin(session); /* a call that runs */
    for (uint64_t age_ms = 0; age_ms + RIG_TTL_MS / 2 < LIFE_MS; age_ms += RIG_TTL_MS / 2) {
        assert_int_equal(rig_validity(rig), VALIDITY_OK);
        clock_advance(&rig->clock, RIG_TTL_MS / 2);
        rig_sweep(rig);
    }
    assert_int_equal(rig->ended, 0);
    clock_advance(&rig->clock, RIG_TTL_MS / 2);
    assert_null(manager_find_live(rig->manager, rig->id, PRINCIPAL_ANONYMOUS));
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    rig_sweep(rig);
    RIG_UNTIL(rig, rig->closed == 1);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(cue_factory_count_made(rig->factory),
                     cue_factory_count_finished(rig->factory));
}

static void test_stored_life_never_exceeds_what_is_left(void **state) {
    struct rig *rig = *state;
    rig->options.max_lifetime_ms = RIG_TTL_MS + RIG_TTL_MS / 2;
    struct session *session = rig_open(rig);
    uint64_t end_ms = clock_wall_ms(&rig->clock) + rig->options.max_lifetime_ms;
    clock_advance(&rig->clock, RIG_TTL_MS / 2);
    rig_use_begin(session); /* touches it, for the whole ttl were there no end */
    rig_use_end(session);
    session_set_initialized(session); /* and writes it */
    rig_settle(rig);
    uint64_t stored_ms = cue_storage_find(rig->store, rig->key)->expires_ms;
    uint64_t slack_ms = RIG_TTL_MS / 10; /* what the calls took on a busy machine */
    assert_true(stored_ms <= end_ms + slack_ms && stored_ms + slack_ms > end_ms);
    clock_advance(&rig->clock, RIG_TTL_MS);
    rig_sweep(rig); /* the store gives it out: that is its end */
    assert_int_equal(rig->ended, 1);
}

static void test_record_that_outlived_its_session_is_not_restored_but_cleaned_up(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig); /* of 1970 */
    assert_int_equal(rig_validity(rig), VALIDITY_OK);
    rig->options.max_lifetime_ms = LIFE_MS;
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    RIG_UNTIL(rig, cue_storage_find(rig->store, rig->key) == NULL);
    assert_int_equal(rig->opened, 0);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_counts_until_it_is_removed_or_has_passed),
        cmocka_unit_test(test_without_a_limit_nothing_is_kept),
        CASE(test_placeholders_and_sessions_count_until_they_are_gone),
        CASE(test_as_many_at_once_are_not_too_many),
        CASE(test_generate_that_the_store_refused_does_not_count),
        CASE(test_restored_session_counts_and_is_not_refused),
        CASE(test_expired_session_counts_no_more),
        CASE(test_session_over_its_lifetime_is_gone_however_much_it_is_used),
        CASE(test_stored_life_never_exceeds_what_is_left),
        CASE(test_record_that_outlived_its_session_is_not_restored_but_cleaned_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
