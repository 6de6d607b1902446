/* SPDX-License-Identifier: MIT
 * test_manager.c - generate, create, validate and get of the session manager, each with what its
 * store and its backends may do to it. */
#include "unit/session/rig.h"

/* generate */

static void test_generate_stores_a_placeholder_with_all_that_creation_needs(void **state) {
    struct rig *rig = *state;
    struct record record = {0};
    rig_generate(rig);
    assert_true(id_is_valid(rig->id));
    assert_int_equal(cue_storage_count_calls(rig->store, "put"), 1);
    assert_true(rig_read_record(rig, &record));
    assert_false(record.is_active);
    assert_false(record.is_terminated);
    assert_false(record.is_initialized);
    assert_string_equal(record.principal, PRINCIPAL_ANONYMOUS);
    assert_string_equal(record.owner, "test");
    assert_string_equal(record.protocol, "2025-06-18");
    assert_string_equal(record.client, "{\"name\":\"t\"}");
    assert_string_equal(record.capabilities, "{}");
    assert_int_equal(record.epoch, 0);
    assert_int_equal(record.nlegs, 0);
    record_clear(&record);
    uint64_t expires_ms = cue_storage_find(rig->store, rig->key)->expires_ms;
    uint64_t left_ms = expires_ms - clock_wall_ms(&rig->clock);
    assert_true(left_ms >= rig->options.leg_timeout_ms && left_ms <= RIG_TTL_MS);
    assert_string_equal(cue_factory_transcript(rig->factory), "");
}

/* The first try is answered with status; gives how the second, which is done, came out. */
static void generate_with_a_bad_first_try(struct rig *rig, int32_t status) {
    struct outcome outcome = {0};
    char first_key[RECORD_KEY_SIZE];
    cue_storage_hold(rig->store, "put");
    rig_start_generate(rig, &outcome);
    rig_until_held(rig, "put");
    (void)snprintf(first_key, sizeof first_key, "%s", cue_storage_held_key(rig->store, "put"));
    cue_storage_answer_next(rig->store, "put", status, false);
    rig_until_held(rig, "put");
    assert_int_equal(outcome.calls, 0);
    assert_string_not_equal(cue_storage_held_key(rig->store, "put"), first_key);
    (void)snprintf(rig->key, sizeof rig->key, "%s", cue_storage_held_key(rig->store, "put"));
    cue_storage_release_next(rig->store, "put");
    rig_finish(rig, &outcome, TRUNK_OK);
    assert_string_equal(outcome.id, rig->key + 2);
    assert_int_equal(cue_storage_count_records(rig->store), 1);
}

static void test_generate_tries_once_more_with_a_new_id_after_a_collision(void **state) {
    generate_with_a_bad_first_try(*state, TRUNK_EXISTS);
}

static void test_generate_tries_once_more_with_a_new_id_after_a_store_error(void **state) {
    generate_with_a_bad_first_try(*state, TRUNK_UNAVAILABLE);
}

static void test_generate_tries_once_more_with_a_new_id_after_a_lost_answer(void **state) {
    generate_with_a_bad_first_try(*state, TRUNK_UNCERTAIN);
}

static void test_generate_gives_up_after_two_tries(void **state) {
    struct rig *rig = *state;
    struct outcome outcome = {0};
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    rig_start_generate(rig, &outcome);
    rig_finish(rig, &outcome, TRUNK_UNAVAILABLE);
    assert_non_null(strstr(outcome.text, "store"));
    assert_int_equal(cue_storage_count_calls(rig->store, "put"), 2);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_a_real_collision_is_no_failure(void **state) {
    struct rig *rig = *state;
    struct outcome outcome = {0};
    cue_storage_hold(rig->store, "put");
    rig_start_generate(rig, &outcome);
    rig_until_held(rig, "put");
    cue_storage_write(rig->store, cue_storage_held_key(rig->store, "put"),
                      slice_cstr("of another"));
    cue_storage_let_all(rig->store);
    rig_finish(rig, &outcome, TRUNK_OK);
    assert_int_equal(cue_storage_count_records(rig->store), 2);
}

/* create */

static void expect_no_creation(struct rig *rig, const char *id, const char *principal,
                               int32_t status) {
    struct outcome created = {0};
    manager_create_session(rig->manager, id, principal, rig_on_session, &created);
    assert_int_equal(created.calls, 0);
    rig_finish(rig, &created, status);
    assert_true(created.text[0] != '\0');
    assert_int_equal(cue_factory_count_made(rig->factory), 0);
}

static void test_create_without_a_placeholder_calls_no_factory(void **state) {
    struct rig *rig = *state;
    char id[SESSION_ID_SIZE];
    id_generate(id);
    expect_no_creation(rig, id, PRINCIPAL_ANONYMOUS, TRUNK_NOT_FOUND);
    expect_no_creation(rig, "no id", PRINCIPAL_ANONYMOUS, TRUNK_NOT_FOUND);
    expect_no_creation(rig, "", PRINCIPAL_ANONYMOUS, TRUNK_NOT_FOUND);
}

static void test_create_of_an_expired_placeholder_calls_no_factory(void **state) {
    struct rig *rig = *state;
    rig_generate(rig);
    cue_storage_expire(rig->store, rig->key);
    expect_no_creation(rig, rig->id, PRINCIPAL_ANONYMOUS, TRUNK_NOT_FOUND);
}

static void
test_create_of_another_principals_placeholder_calls_no_factory_and_leaves_it_alone(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig_generate(rig);
    uint64_t version = cue_storage_find(rig->store, rig->key)->version;
    expect_no_creation(rig, rig->id, "mallory", TRUNK_NOT_FOUND);
    assert_int_equal(cue_storage_find(rig->store, rig->key)->version, version);
    rig_start_create(rig, &created);
    rig_finish(rig, &created, TRUNK_OK);
    rig_use_end(created.session);
}

static void test_create_of_a_placeholder_that_cannot_be_read_calls_no_factory(void **state) {
    struct rig *rig = *state;
    rig_generate(rig);
    cue_storage_write(rig->store, rig->key, slice_cstr("{\"format\":\"99\"}"));
    expect_no_creation(rig, rig->id, PRINCIPAL_ANONYMOUS, TRUNK_NOT_FOUND);
}

static void test_create_while_the_store_is_down_is_unavailable(void **state) {
    struct rig *rig = *state;
    rig_generate(rig);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    expect_no_creation(rig, rig->id, PRINCIPAL_ANONYMOUS, TRUNK_UNAVAILABLE);
    cue_storage_set_status(rig->store, TRUNK_OK);
    assert_false(rig_is_flagged(rig));
}

static void test_create_of_an_active_session_is_refused_and_leaves_it_unharmed(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    struct session *session = rig_open(rig);
    rig_start_create(rig, &created);
    rig_finish(rig, &created, TRUNK_CONFLICT);
    assert_int_equal(cue_factory_count_made(rig->factory), 2);
    assert_int_equal(session_state(session), SESSION_ACTIVE);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
}

static void test_of_two_creations_of_one_placeholder_one_wins(void **state) {
    struct rig *rig = *state;
    struct outcome first = {0};
    struct outcome second = {0};
    cue_storage_hold(rig->store, "load");
    rig_generate(rig);
    rig_start_create(rig, &first);
    rig_start_create(rig, &second);
    for (int i = 0; i < 4; i++) { /* each loads twice before any writes */
        rig_until_held(rig, "load");
        cue_storage_release_next(rig->store, "load");
        rig_settle(rig);
    }
    cue_storage_let_all(rig->store);
    rig_finish(rig, &first, TRUNK_OK);
    rig_finish(rig, &second, TRUNK_CONFLICT);
    assert_int_equal(manager_count_live(rig->manager), 1);
    RIG_UNTIL(rig, cue_factory_count_made(rig->factory) == 4);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    rig_use_end(first.session);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
}

static void test_create_gives_an_active_session_whose_record_is_stored(void **state) {
    struct rig *rig = *state;
    struct record record = {0};
    struct outcome created = {0};
    rig_generate(rig);
    rig_start_create(rig, &created);
    rig_finish(rig, &created, TRUNK_OK);
    assert_int_equal(session_state(created.session), SESSION_ACTIVE);
    assert_string_equal(session_id(created.session), rig->id);
    assert_int_equal(session_count_uses(created.session), 1);
    assert_int_equal(rig->opened, 1);
    assert_true(rig_read_record(rig, &record));
    assert_true(record.is_active);
    assert_string_equal(record.client, "{\"name\":\"t\"}");
    record_clear(&record);
    assert_ptr_equal(manager_find_live(rig->manager, rig->id, PRINCIPAL_ANONYMOUS),
                     created.session);
    assert_null(manager_find_live(rig->manager, rig->id, "mallory"));
    assert_null(manager_find_live(rig->manager, "no id", PRINCIPAL_ANONYMOUS));
    rig_use_end(created.session);
}

static void test_create_waits_for_required_backends_only(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig_add_backend(rig, "needed", true);
    cue_factory_hold(rig->factory, "a", "make");
    cue_factory_hold(rig->factory, "b", "initialize");
    cue_factory_hold(rig->factory, "needed", "initialize");
    rig_generate(rig);
    rig_start_create(rig, &created);
    rig_until_leg_held(rig, "needed", "initialize");
    rig_settle(rig);
    assert_int_equal(created.calls, 0);
    cue_factory_release_next(rig->factory, "needed", "initialize");
    rig_finish(rig, &created, TRUNK_OK);
    assert_non_null(
        strstr(cue_storage_find(rig->store, rig->key)->value, "\"backends\":\"needed\""));
    rig_use_end(created.session);
}

static void test_a_required_backend_that_fails_fails_the_creation_by_name(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig_add_backend(rig, "needed", true);
    cue_factory_hold(rig->factory, "needed", "make");
    cue_factory_hold(rig->factory, "a", "finish");
    rig_generate(rig);
    rig_start_create(rig, &created);
    rig_until_leg_held(rig, "needed", "make");
    cue_factory_complete_next(rig->factory, "needed", "make", TRUNK_UNAVAILABLE,
                              "backend needed: command \"needd\" was not found in PATH");
    rig_until_leg_held(rig, "a", "finish");
    rig_settle(rig);
    assert_int_equal(created.calls, 0); /* not before every leg is closed */
    cue_factory_release_next(rig->factory, "a", "finish");
    rig_finish(rig, &created, TRUNK_INTERNAL);
    assert_non_null(strstr(created.text, "required"));
    assert_non_null(
        strstr(created.text, "backend needed: command \"needd\" was not found in PATH"));
    assert_int_equal(cue_factory_count_made(rig->factory), 2);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    assert_true(rig_is_flagged(rig));
    assert_int_equal(rig_validity(rig), VALIDITY_TERMINATED);
    assert_int_equal(manager_count_live(rig->manager), 0);
}

static void test_a_required_backend_that_hangs_fails_the_creation_by_name_in_time(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig->options.leg_timeout_ms = 20;
    rig_add_backend(rig, "needed", true);
    cue_factory_hold(rig->factory, "needed", "initialize");
    rig_generate(rig);
    rig_start_create(rig, &created);
    rig_finish(rig, &created, TRUNK_INTERNAL);
    assert_non_null(strstr(created.text, "backend needed was not ready within 20 ms"));
    assert_int_equal(cue_factory_count_finished(rig->factory), 3);
    assert_true(rig_is_flagged(rig));
}

static void test_a_failed_build_is_told_though_its_placeholder_cannot_be_marked(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig_add_backend(rig, "needed", true);
    cue_factory_hold(rig->factory, "needed", "make");
    rig_generate(rig);
    rig_start_create(rig, &created);
    rig_until_leg_held(rig, "needed", "make");
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    cue_factory_complete_next(rig->factory, "needed", "make", TRUNK_DENIED,
                              "backend needed: denied");
    rig_finish(rig, &created, TRUNK_INTERNAL);
    assert_non_null(strstr(created.text, "backend needed: denied"));
    cue_storage_set_status(rig->store, TRUNK_OK);
}

/* Brings a creation to its CAS, which is held. */
static void start_create_until_its_cas(struct rig *rig, struct outcome *created) {
    rig_generate(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_create(rig, created);
    rig_until_held(rig, "put");
}

static void test_a_cas_that_was_stored_though_its_answer_is_lost_creates_the_session(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    start_create_until_its_cas(rig, &created);
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, true);
    rig_finish(rig, &created, TRUNK_OK);
    assert_int_equal(session_state(created.session), SESSION_ACTIVE);
    rig_use_end(created.session);
    cue_storage_let_all(rig->store); /* what the legs write goes on the version that was found */
    rig_settle(rig);
    struct record record = {0};
    assert_true(rig_read_record(rig, &record));
    assert_int_equal(record.nlegs, 2);
    record_clear(&record);
}

static void test_a_cas_whose_answer_is_lost_and_that_was_not_stored_creates_nothing(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    start_create_until_its_cas(rig, &created);
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, false);
    rig_finish(rig, &created, TRUNK_UNAVAILABLE);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    assert_int_equal(rig->opened, 0);
}

static void test_a_cas_that_the_store_refuses_creates_nothing(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    start_create_until_its_cas(rig, &created);
    cue_storage_answer_next(rig->store, "put", TRUNK_UNAVAILABLE, false);
    rig_finish(rig, &created, TRUNK_UNAVAILABLE);
    assert_int_equal(cue_factory_count_finished(rig->factory), 2);
    assert_int_equal(rig->opened, 0);
}

static void test_the_tools_of_the_session_have_the_names_that_the_client_sees(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    struct buffer tools = {0};
    assert_true(manager_get_adapted_tools(session, NULL, &tools));
    assert_true(
        slice_equal_cstr(buffer_slice(&tools),
                         "{\"tools\":[{\"name\":\"a_echo\",\"inputSchema\":{\"type\":\"object\"}},"
                         "{\"name\":\"b_echo\",\"inputSchema\":{\"type\":\"object\"}}]}"));
    buffer_free(&tools);
}

/* validate */

static void test_validate_tells_a_live_session_from_memory(void **state) {
    struct rig *rig = *state;
    (void)rig_open(rig);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    size_t loads = cue_storage_count_calls(rig->store, "load");
    assert_int_equal(rig_validity(rig), VALIDITY_OK);
    assert_int_equal(cue_storage_count_calls(rig->store, "load"), loads);
}

static void test_validate_tells_a_stored_session(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig);
    assert_int_equal(rig_validity(rig), VALIDITY_OK);
    assert_int_equal(manager_count_live(rig->manager), 0);
}

static void test_validate_tells_a_terminated_session(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig);
    rig_flag_record(rig);
    assert_int_equal(rig_validity(rig), VALIDITY_TERMINATED);
}

static void test_validate_knows_no_unknown_expired_or_unreadable_session(void **state) {
    struct rig *rig = *state;
    id_generate(rig->id);
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
    rig_store_active(rig);
    cue_storage_write(rig->store, rig->key, slice_cstr("{"));
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
    rig_store_active(rig);
    cue_storage_expire(rig->store, rig->key);
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
    (void)snprintf(rig->id, sizeof rig->id, "%s", "no id");
    assert_int_equal(rig_validity(rig), VALIDITY_NOT_FOUND);
}

static void test_validate_of_another_principal_is_not_found(void **state) {
    struct rig *rig = *state;
    struct outcome stored = {0};
    struct outcome live = {0};
    rig_store_active(rig);
    manager_validate(rig->manager, rig->id, "mallory", rig_on_validity, &stored);
    RIG_UNTIL(rig, stored.calls == 1);
    assert_int_equal(stored.validity, VALIDITY_NOT_FOUND);
    (void)rig_open(rig);
    manager_validate(rig->manager, rig->id, "mallory", rig_on_validity, &live);
    RIG_UNTIL(rig, live.calls == 1);
    assert_int_equal(live.validity, VALIDITY_NOT_FOUND);
}

static void test_validate_cannot_tell_while_the_store_does_not_answer(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    assert_int_equal(rig_validity(rig), VALIDITY_CANNOT_TELL);
    cue_storage_set_status(rig->store, TRUNK_OK);
    assert_int_equal(rig_validity(rig), VALIDITY_OK);
}

/* get_multi_session */

static void test_get_of_unknown_and_malformed_ids_is_not_found(void **state) {
    struct rig *rig = *state;
    id_generate(rig->id);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    (void)snprintf(rig->id, sizeof rig->id, "%s", "../../etc/passwd");
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
}

static void test_get_of_a_placeholder_is_not_found_and_leaves_it_alone(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    rig_generate(rig);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    rig_start_create(rig, &created);
    rig_finish(rig, &created, TRUNK_OK);
    rig_use_end(created.session);
}

/* A crash left it: it is cleared away by who finds it. */
static void test_get_of_a_terminated_session_is_not_found(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig);
    rig_flag_record(rig);
    assert_int_equal(rig_get_status(rig), TRUNK_NOT_FOUND);
    RIG_UNTIL(rig, cue_storage_find(rig->store, rig->key) == NULL);
    assert_int_equal(cue_factory_count_made(rig->factory), 0);
}

static void expect_not_found_for_mallory(struct rig *rig) {
    struct outcome outcome = {0};
    manager_get_multi_session(rig->manager, rig->id, "mallory", rig_on_session, &outcome);
    assert_int_equal(outcome.calls, 0);
    rig_finish(rig, &outcome, TRUNK_NOT_FOUND);
}

static void
test_get_of_another_principals_session_is_not_found_and_leaves_it_unharmed(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig);
    uint64_t version = cue_storage_find(rig->store, rig->key)->version;
    expect_not_found_for_mallory(rig);
    assert_int_equal(cue_storage_find(rig->store, rig->key)->version, version);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    expect_not_found_for_mallory(rig); /* live by now */
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
}

static void test_get_while_the_store_is_down_is_unavailable_and_drops_nothing(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    assert_int_equal(rig_get_status(rig), TRUNK_UNAVAILABLE);
    cue_storage_set_status(rig->store, TRUNK_OK);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
}

static void test_a_live_session_is_given_while_the_store_is_down(void **state) {
    struct rig *rig = *state;
    struct session *session = rig_open(rig);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    assert_int_equal(session_state(session), SESSION_ACTIVE);
    assert_int_equal(session_count_uses(session), 0);
}

static void
test_a_restore_whose_epoch_was_stored_though_the_answer_is_lost_looks_and_goes_on(void **state) {
    struct rig *rig = *state;
    struct outcome restored = {0};
    rig_store_active(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_get(rig, &restored);
    rig_until_held(rig, "put");
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, true);
    rig_until_held(rig, "put");
    cue_storage_let_all(rig->store);
    rig_finish(rig, &restored, TRUNK_OK);
    assert_int_equal(session_record(restored.session)->epoch,
                     5); /* ids never repeat: raised again */
    rig_use_end(restored.session);
}

static void test_a_restore_that_cannot_store_its_epoch_twice_is_unavailable(void **state) {
    struct rig *rig = *state;
    struct outcome restored = {0};
    rig_store_active(rig);
    cue_storage_hold(rig->store, "put");
    rig_start_get(rig, &restored);
    rig_until_held(rig, "put");
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, false);
    rig_until_held(rig, "put");
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, false);
    rig_finish(rig, &restored, TRUNK_UNAVAILABLE);
    assert_int_equal(cue_factory_count_made(rig->factory), 0);
    cue_storage_let_all(rig->store);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
}

static void test_a_restored_session_numbers_its_requests_by_its_epoch(void **state) {
    struct rig *rig = *state;
    rig_store_active(rig);
    assert_int_equal(rig_get_status(rig), TRUNK_OK);
    RIG_UNTIL(rig, cue_factory_count(rig->factory, "a", "initialize") == 1);
    assert_non_null(strstr(cue_factory_last(rig->factory, "a", "initialize"), "\"id\":4194305,"));
}

static void test_a_restore_that_meets_its_own_creation_is_the_same_session(void **state) {
    struct rig *rig = *state;
    struct outcome created = {0};
    struct outcome restored = {0};
    start_create_until_its_cas(rig, &created);
    cue_storage_hold(rig->store, "load");
    rig_start_get(rig, &restored); /* its load waits behind the CAS */
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, true);
    rig_until_held(rig, "load");
    cue_storage_release_next(rig->store, "load"); /* restore sees the ACTIVE record */
    rig_until_held(rig, "load");
    cue_storage_release_next(rig->store, "load"); /* creation sees that it was stored */
    rig_finish(rig, &created, TRUNK_OK);
    cue_storage_let_all(rig->store);
    rig_finish(rig, &restored, TRUNK_OK);
    assert_ptr_equal(restored.session, created.session);
    assert_int_equal(manager_count_live(rig->manager), 1);
    rig_use_end(created.session);
    rig_use_end(restored.session);
}

#define BARE(TEST) cmocka_unit_test_setup_teardown(TEST, rig_set_up_bare, rig_tear_down)
#define WITH_LEGS(TEST) cmocka_unit_test_setup_teardown(TEST, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LEGS(test_generate_stores_a_placeholder_with_all_that_creation_needs),
        BARE(test_generate_tries_once_more_with_a_new_id_after_a_collision),
        BARE(test_generate_tries_once_more_with_a_new_id_after_a_store_error),
        BARE(test_generate_tries_once_more_with_a_new_id_after_a_lost_answer),
        BARE(test_generate_gives_up_after_two_tries),
        BARE(test_a_real_collision_is_no_failure),
        WITH_LEGS(test_create_without_a_placeholder_calls_no_factory),
        WITH_LEGS(test_create_of_an_expired_placeholder_calls_no_factory),
        WITH_LEGS(
            test_create_of_another_principals_placeholder_calls_no_factory_and_leaves_it_alone),
        WITH_LEGS(test_create_of_a_placeholder_that_cannot_be_read_calls_no_factory),
        WITH_LEGS(test_create_while_the_store_is_down_is_unavailable),
        WITH_LEGS(test_create_of_an_active_session_is_refused_and_leaves_it_unharmed),
        WITH_LEGS(test_of_two_creations_of_one_placeholder_one_wins),
        WITH_LEGS(test_create_gives_an_active_session_whose_record_is_stored),
        WITH_LEGS(test_create_waits_for_required_backends_only),
        WITH_LEGS(test_a_required_backend_that_fails_fails_the_creation_by_name),
        WITH_LEGS(test_a_required_backend_that_hangs_fails_the_creation_by_name_in_time),
        WITH_LEGS(test_a_failed_build_is_told_though_its_placeholder_cannot_be_marked),
        WITH_LEGS(test_a_cas_that_was_stored_though_its_answer_is_lost_creates_the_session),
        WITH_LEGS(test_a_cas_whose_answer_is_lost_and_that_was_not_stored_creates_nothing),
        WITH_LEGS(test_a_cas_that_the_store_refuses_creates_nothing),
        WITH_LEGS(test_the_tools_of_the_session_have_the_names_that_the_client_sees),
        WITH_LEGS(test_validate_tells_a_live_session_from_memory),
        WITH_LEGS(test_validate_tells_a_stored_session),
        WITH_LEGS(test_validate_tells_a_terminated_session),
        WITH_LEGS(test_validate_knows_no_unknown_expired_or_unreadable_session),
        WITH_LEGS(test_validate_of_another_principal_is_not_found),
        WITH_LEGS(test_validate_cannot_tell_while_the_store_does_not_answer),
        WITH_LEGS(test_get_of_unknown_and_malformed_ids_is_not_found),
        WITH_LEGS(test_get_of_a_placeholder_is_not_found_and_leaves_it_alone),
        WITH_LEGS(test_get_of_a_terminated_session_is_not_found),
        WITH_LEGS(test_get_of_another_principals_session_is_not_found_and_leaves_it_unharmed),
        WITH_LEGS(test_get_while_the_store_is_down_is_unavailable_and_drops_nothing),
        WITH_LEGS(test_a_live_session_is_given_while_the_store_is_down),
        WITH_LEGS(
            test_a_restore_whose_epoch_was_stored_though_the_answer_is_lost_looks_and_goes_on),
        WITH_LEGS(test_a_restore_that_cannot_store_its_epoch_twice_is_unavailable),
        WITH_LEGS(test_a_restored_session_numbers_its_requests_by_its_epoch),
        WITH_LEGS(test_a_restore_that_meets_its_own_creation_is_the_same_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
