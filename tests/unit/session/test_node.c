/* SPDX-License-Identifier: MIT
 * test_node.c - one owner of a store: who is let in, who takes over, and a lease that is lost and
 * found. */
#include "session/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "support/cue_storage.h"

#define LEASE_MS 900u
#define PATIENCE_MS 20000u

struct rig {
    struct loop *loop;
    struct clock clock;
    struct host_env env;
    struct cue_storage *store;
    struct storage *storage;
    struct loop_timer *watchdog;
    bool is_late;
};

/* One process, as far as the store sees it. */
struct process {
    struct rig *rig;
    struct node *node;
    size_t claims;
    int32_t status;
    char text[512]; /* of the claim, or of the loss */
    size_t losses;
    size_t releases;
};

static void on_watchdog(void *arg) {
    ((struct rig *)arg)->is_late = true;
}

static int set_up(void **state) {
    struct rig *rig = xcalloc(1, sizeof *rig);
    rig->loop = loop_new();
    clock_init(&rig->clock);
    rig->env = (struct host_env){rig->loop, NULL, &rig->clock, op_table_new(rig->loop, NULL)};
    rig->store = cue_storage_new(&rig->env, 0, 0);
    rig->storage = storage_new(cue_storage_driver(rig->store), 5000);
    rig->watchdog = loop_timer_new(rig->loop, on_watchdog, rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    struct rig *rig = *state;
    assert_int_equal(storage_count_pending(rig->storage), 0);
    assert_int_equal(op_count_mistakes(rig->env.ops), 0);
    storage_stop(rig->storage);
    driver_free(cue_storage_driver(rig->store));
    loop_turn(rig->loop, false);
    storage_free(rig->storage);
    cue_storage_free(rig->store);
    op_table_free(rig->env.ops);
    loop_timer_free(rig->watchdog);
    loop_free(rig->loop);
    free(rig);
    return 0;
}

#define UNTIL(RIG, CONDITION)                                                                      \
    do {                                                                                           \
        loop_timer_set((RIG)->watchdog, PATIENCE_MS);                                              \
        while (!(CONDITION) && !(RIG)->is_late) {                                                  \
            loop_turn((RIG)->loop, true);                                                          \
        }                                                                                          \
        loop_timer_stop((RIG)->watchdog);                                                          \
        assert_true(CONDITION);                                                                    \
    } while (false)

static void on_lost(void *ctx, const char *text) {
    struct process *process = ctx;
    process->losses++;
    (void)snprintf(process->text, sizeof process->text, "%s", text);
}

static void on_claimed(void *ctx, int32_t status, const char *text) {
    struct process *process = ctx;
    process->claims++;
    process->status = status;
    (void)snprintf(process->text, sizeof process->text, "%s", text);
}

static void on_released(void *ctx) {
    ((struct process *)ctx)->releases++;
}

static void begin(struct process *process, struct rig *rig, const char *name) {
    struct node_config config = {.loop = rig->loop,
                                 .clock = &rig->clock,
                                 .storage = rig->storage,
                                 .name = name,
                                 .lease_ms = LEASE_MS,
                                 .on_lost = on_lost,
                                 .ctx = process};
    *process = (struct process){.rig = rig, .node = node_new(&config)};
    node_claim(process->node, on_claimed, process);
    assert_int_equal(process->claims, 0);
}

static void claim(struct process *process, struct rig *rig, const char *name, int32_t status) {
    begin(process, rig, name);
    UNTIL(rig, process->claims == 1);
    assert_int_equal(process->status, status);
}

/* As SIGKILL: the record stays. */
static void crash(struct process *process) {
    while (storage_count_pending(process->rig->storage) > 0) {
        loop_turn(process->rig->loop, true);
    }
    node_free(process->node);
}

static void release(struct process *process) {
    node_release(process->node, on_released, process);
    assert_int_equal(process->releases, 0);
    UNTIL(process->rig, process->releases == 1);
    node_free(process->node);
}

static void await_renewals(struct rig *rig, size_t count) {
    size_t before = cue_storage_count_calls(rig->store, "put");
    UNTIL(rig, cue_storage_count_calls(rig->store, "put") >= before + count);
    while (storage_count_pending(rig->storage) > 0) {
        loop_turn(rig->loop, true);
    }
}

static void
test_claimed_record_is_a_flat_object_of_strings_and_is_removed_at_the_end(void **state) {
    struct rig *rig = *state;
    struct process process;
    claim(&process, rig, "alpha", TRUNK_OK);
    const struct cue_record *record = cue_storage_find(rig->store, "n:alpha");
    assert_non_null(record);
    assert_non_null(
        strstr(record->value, "{\"format\":\"1\",\"name\":\"alpha\",\"incarnation\":\""));
    assert_int_equal(strspn(strstr(record->value, "incarnation\":\"") + 14, "0123456789abcdef"),
                     32);
    assert_true(record->expires_ms > clock_wall_ms(&rig->clock));
    release(&process);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_lease_is_renewed_again_and_again(void **state) {
    struct rig *rig = *state;
    struct process process;
    claim(&process, rig, "alpha", TRUNK_OK);
    uint64_t first_ms = cue_storage_find(rig->store, "n:alpha")->expires_ms;
    await_renewals(rig, 3);
    assert_true(cue_storage_find(rig->store, "n:alpha")->expires_ms > first_ms);
    assert_int_equal(process.losses, 0);
    release(&process);
}

static void test_node_of_another_name_is_refused_with_its_name_and_end(void **state) {
    struct rig *rig = *state;
    struct process first;
    struct process second;
    claim(&first, rig, "alpha", TRUNK_OK);
    claim(&second, rig, "beta", TRUNK_CONFLICT);
    assert_non_null(strstr(second.text, "another node, \"alpha\", whose lease ends in "));
    assert_null(cue_storage_find(rig->store, "n:beta"));
    crash(&second);
    crash(&first);
    cue_storage_expire(rig->store, "n:alpha");
    claim(&second, rig, "beta", TRUNK_OK);
    release(&second);
}

static void test_of_two_that_start_at_once_not_both_are_let_in(void **state) {
    struct rig *rig = *state;
    struct process first;
    struct process second;
    begin(&first, rig, "alpha");
    begin(&second, rig, "beta");
    UNTIL(rig, first.claims == 1 && second.claims == 1);
    assert_true(first.status != TRUNK_OK || second.status != TRUNK_OK);
    for (int i = 0; i < 2; i++) {
        struct process *process = i == 0 ? &first : &second;
        if (process->status == TRUNK_OK) {
            release(process);
        } else {
            assert_int_equal(process->status, TRUNK_CONFLICT);
            crash(process);
        }
    }
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_newer_process_of_the_name_takes_over_and_the_older_one_is_told(void **state) {
    struct rig *rig = *state;
    struct process older;
    struct process newer;
    claim(&older, rig, "alpha", TRUNK_OK);
    claim(&newer, rig, "alpha", TRUNK_OK); /* at once */
    UNTIL(rig, older.losses == 1);
    assert_non_null(strstr(older.text, "another process with the same node.name has taken over"));
    release(&older);
    assert_non_null(cue_storage_find(rig->store, "n:alpha")); /* not the older one's to remove */
    await_renewals(rig, 2);
    assert_int_equal(newer.losses, 0);
    assert_int_equal(older.losses, 1);
    release(&newer);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_older_process_that_stops_first_leaves_the_newer_ones_record(void **state) {
    struct rig *rig = *state;
    struct process older;
    struct process newer;
    claim(&older, rig, "alpha", TRUNK_OK);
    claim(&newer, rig, "alpha", TRUNK_OK);
    release(&older); /* before it has found out */
    assert_int_equal(cue_storage_count_records(rig->store), 1);
    release(&newer);
}

static void test_store_that_does_not_answer_for_a_while_is_no_loss(void **state) {
    struct rig *rig = *state;
    struct process process;
    claim(&process, rig, "alpha", TRUNK_OK);
    cue_storage_set_status(rig->store, TRUNK_UNAVAILABLE);
    await_renewals(rig, 5);
    cue_storage_drop(rig->store, "n:alpha"); /* its lease has ended meanwhile */
    cue_storage_set_status(rig->store, TRUNK_OK);
    UNTIL(rig, cue_storage_find(rig->store, "n:alpha") != NULL);
    await_renewals(rig, 2);
    assert_int_equal(process.losses, 0);
    release(&process);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

static void test_node_that_began_while_there_was_no_lease_keeps_the_store(void **state) {
    struct rig *rig = *state;
    struct process first;
    struct process second;
    claim(&first, rig, "alpha", TRUNK_OK);
    cue_storage_hold(rig->store, "put"); /* it stands still, as a machine that sleeps */
    UNTIL(rig, cue_storage_count_held(rig->store, "put") == 1);
    cue_storage_answer_next(rig->store, "put", TRUNK_UNAVAILABLE, false);
    cue_storage_expire(rig->store, "n:alpha");
    cue_storage_let(rig->store, "put");
    claim(&second, rig, "beta", TRUNK_OK);
    UNTIL(rig, first.losses == 1);
    assert_non_null(strstr(first.text, "another node, \"beta\""));
    UNTIL(rig, cue_storage_find(rig->store, "n:alpha") == NULL);
    await_renewals(rig, 1);
    assert_int_equal(second.losses, 0);
    release(&first);
    release(&second);
}

static void test_write_of_which_nobody_knows_is_looked_for(void **state) {
    struct rig *rig = *state;
    struct process process;
    cue_storage_hold(rig->store, "put");
    begin(&process, rig, "alpha");
    UNTIL(rig, cue_storage_count_held(rig->store, "put") == 1);
    cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, true);
    UNTIL(rig, process.claims == 1);
    assert_int_equal(process.status, TRUNK_OK);
    for (int is_applied = 0; is_applied < 2; is_applied++) { /* of a renewal */
        UNTIL(rig, cue_storage_count_held(rig->store, "put") == 1);
        cue_storage_answer_next(rig->store, "put", TRUNK_UNCERTAIN, is_applied);
    }
    cue_storage_let(rig->store, "put");
    await_renewals(rig, 2);
    assert_int_equal(process.losses, 0);
    release(&process);
}

static void test_store_that_takes_no_record_fails_the_claim_with_its_reason(void **state) {
    struct rig *rig = *state;
    struct process process;
    cue_storage_hold(rig->store, "put");
    begin(&process, rig, "alpha");
    UNTIL(rig, cue_storage_count_held(rig->store, "put") == 1);
    cue_storage_answer_next(rig->store, "put", TRUNK_DENIED, false);
    UNTIL(rig, process.claims == 1);
    assert_int_equal(process.status, TRUNK_UNAVAILABLE);
    assert_non_null(strstr(process.text, "does not take this node's record: "));
    cue_storage_let(rig->store, "put");
    crash(&process);
}

static void test_release_waits_for_a_renewal_under_way(void **state) {
    struct rig *rig = *state;
    struct process process;
    claim(&process, rig, "alpha", TRUNK_OK);
    cue_storage_hold(rig->store, "put");
    UNTIL(rig, cue_storage_count_held(rig->store, "put") == 1);
    node_release(process.node, on_released, &process);
    loop_turn(rig->loop, false);
    assert_int_equal(process.releases, 0);
    cue_storage_let(rig->store, "put");
    UNTIL(rig, process.releases == 1);
    node_free(process.node);
    assert_int_equal(cue_storage_count_records(rig->store), 0);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_claimed_record_is_a_flat_object_of_strings_and_is_removed_at_the_end),
        CASE(test_lease_is_renewed_again_and_again),
        CASE(test_node_of_another_name_is_refused_with_its_name_and_end),
        CASE(test_of_two_that_start_at_once_not_both_are_let_in),
        CASE(test_newer_process_of_the_name_takes_over_and_the_older_one_is_told),
        CASE(test_older_process_that_stops_first_leaves_the_newer_ones_record),
        CASE(test_store_that_does_not_answer_for_a_while_is_no_loss),
        CASE(test_node_that_began_while_there_was_no_lease_keeps_the_store),
        CASE(test_write_of_which_nobody_knows_is_looked_for),
        CASE(test_store_that_takes_no_record_fails_the_claim_with_its_reason),
        CASE(test_release_waits_for_a_renewal_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
