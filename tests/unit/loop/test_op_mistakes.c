/* SPDX-License-Identifier: MIT
 * test_op_mistakes.c - each mistake that a driver can make with a completion token is caught and
 * named. */
#include "op_fixture.h"

enum { RACERS = 4 };

static void test_missing_or_sizeless_reply_completes_with_internal(void **state) {
    struct fixture *fixture = *state;
    struct trunk_reply sizeless = {.status = TRUNK_OK};
    struct trunk_reply without_status = {.struct_size = sizeof(size_t)};
    const struct trunk_reply *replies[] = {NULL, &sizeless, &without_status};
    for (unsigned i = 0; i < 3; i++) {
        struct seen seen = {0};
        op_complete(fixture->table, MEMORY, begin_load(fixture, &seen), replies[i]);
        loop_turn(fixture->loop, false);
        assert_int_equal(seen.replies, 1);
        assert_int_equal(seen.reply.status, TRUNK_INTERNAL);
        assert_string_equal(seen.message, "the driver gave no reply");
        assert_logged(fixture, "msg=\"completed without a reply: load\" driver=\"storage memory\"");
        assert_int_equal(op_count_mistakes(fixture->table), i + 1);
    }
}

static void test_second_completion_is_caught_before_the_delivery(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    trunk_op op = begin_load(fixture, &seen);
    op_complete(fixture->table, MEMORY, op, &ok);
    op_complete(fixture->table, MEMORY, op, &ok);
    assert_logged(fixture, "level=error module=op msg=\"completed twice: load\" "
                           "driver=\"storage memory\"");
    assert_int_equal(op_count_mistakes(fixture->table), 1);
    loop_turn(fixture->loop, false);
    assert_int_equal(seen.replies, 1);
}

struct nested {
    struct fixture *fixture;
    trunk_op op;
};

static void complete_again(void *ctx, const struct trunk_reply *reply) {
    struct nested *nested = ctx;
    op_complete(nested->fixture->table, MEMORY, nested->op, reply);
}

static void test_second_completion_is_caught_during_the_delivery(void **state) {
    struct fixture *fixture = *state;
    struct nested nested = {.fixture = fixture};
    nested.op = op_begin(fixture->table, &memory, "put", NULL, complete_again, &nested);
    op_complete(fixture->table, MEMORY, nested.op, &ok);
    loop_turn(fixture->loop, false);
    assert_logged(fixture, "msg=\"completed twice: put\"");
    assert_int_equal(op_count_pending(fixture->table, NULL), 0);
}

static void test_late_completion_is_caught_also_after_the_slot_was_used_again(void **state) {
    struct fixture *fixture = *state;
    struct seen first = {0};
    struct seen second = {0};
    trunk_op op = begin_load(fixture, &first);
    op_complete(fixture->table, MEMORY, op, &ok);
    loop_turn(fixture->loop, false);
    op_complete(fixture->table, MEMORY, op, &ok);
    assert_logged(fixture, "msg=\"completed late\" driver=\"storage memory\"");

    trunk_op next = begin_load(fixture, &second);
    assert_int_equal((uint32_t)next, (uint32_t)op); /* the same slot */
    assert_true(next != op);
    op_complete(fixture->table, MEMORY, op, &ok);
    assert_logged(fixture, "completed late");
    loop_turn(fixture->loop, false);
    assert_int_equal(first.replies, 1);
    assert_int_equal(second.replies, 0);
    assert_true(op_is_pending(fixture->table, next));
    op_complete(fixture->table, MEMORY, next, &ok);
    loop_turn(fixture->loop, false);
    assert_int_equal(second.replies, 1);
    assert_int_equal(op_count_mistakes(fixture->table), 2);
}

static void test_tokens_never_issued_are_unknown(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    struct trunk_item item = make_item("a", "1");
    trunk_op op = begin_load(fixture, &seen);
    const trunk_op unknown[] = {0, UINT64_MAX, op + 1, op + (1ULL << 32), op & UINT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        op_complete(fixture->table, MEMORY, unknown[i], &ok);
        assert_logged(fixture, "msg=\"completed an unknown token\"");
        op_emit(fixture->table, MEMORY, unknown[i], &item);
        assert_logged(fixture, "msg=\"emitted for an unknown token\"");
        assert_false(op_is_pending(fixture->table, unknown[i]));
        op_forget(fixture->table, unknown[i]);
    }
    assert_int_equal(op_count_mistakes(fixture->table), 10);
    op_complete(fixture->table, MEMORY, op, &ok);
    loop_turn(fixture->loop, false);
    assert_int_equal(seen.replies, 1);
    /* The token that the free slot will have next was not issued yet either. */
    op_complete(fixture->table, MEMORY, op + (1ULL << 32), &ok);
    assert_logged(fixture, "msg=\"completed an unknown token\"");
}

static void test_another_drivers_token_stays_pending(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    struct trunk_item item = make_item("a", "1");
    trunk_op op = begin_scan(fixture, &seen);
    op_complete(fixture->table, STDIO, op, &ok);
    assert_logged(fixture,
                  "msg=\"completed another driver's call: scan\" driver=\"factory stdio\"");
    op_emit(fixture->table, STDIO, op, &item);
    assert_logged(fixture, "msg=\"emitted for another driver's call: scan\"");
    assert_true(op_is_pending(fixture->table, op));
    op_complete(fixture->table, MEMORY, op, &ok);
    loop_turn(fixture->loop, false);
    assert_string_equal(seen.trace, "!");
    assert_int_equal(op_count_mistakes(fixture->table), 2);
}

static void test_items_after_completion_or_for_a_call_that_emits_nothing_are_dropped(void **state) {
    struct fixture *fixture = *state;
    struct seen scan = {0};
    struct seen load = {0};
    struct trunk_item item = make_item("a", "1");
    struct trunk_item sizeless = {0};
    trunk_op scan_op = begin_scan(fixture, &scan);
    trunk_op load_op = begin_load(fixture, &load);
    op_emit(fixture->table, MEMORY, load_op, &item);
    assert_logged(fixture, "msg=\"emitted for a call that emits nothing: load\"");
    op_emit(fixture->table, MEMORY, scan_op, NULL);
    assert_logged(fixture, "msg=\"emitted no item: scan\"");
    op_emit(fixture->table, MEMORY, scan_op, &sizeless);
    assert_logged(fixture, "msg=\"emitted no item: scan\"");
    op_complete(fixture->table, MEMORY, scan_op, &ok);
    op_complete(fixture->table, MEMORY, load_op, &ok);
    op_emit(fixture->table, MEMORY, scan_op, &item);
    assert_logged(fixture, "msg=\"emitted after completion: scan\"");
    loop_turn(fixture->loop, false);
    op_emit(fixture->table, MEMORY, scan_op, &item);
    assert_logged(fixture, "msg=\"emitted late\"");
    loop_turn(fixture->loop, false);
    assert_int_equal(scan.items + load.items, 0);
    assert_int_equal(scan.replies, 1);
    assert_int_equal(load.replies, 1);
    assert_int_equal(op_count_mistakes(fixture->table), 5);
}

static void test_what_a_driver_left_is_cancelled_and_named(void **state) {
    struct fixture *fixture = *state;
    struct seen left = {0};
    struct seen other = {0};
    struct seen completed = {0};
    trunk_op completed_op = begin_load(fixture, &completed);
    trunk_op left_op = begin_load(fixture, &left);
    trunk_op other_op = op_begin(fixture->table, &stdio, "make", NULL, note_reply, &other);
    op_complete(fixture->table, MEMORY, completed_op, &ok);
    assert_int_equal(op_cancel_left(fixture->table, MEMORY), 1);
    assert_int_equal(left.replies, 0);
    assert_logged(fixture, "msg=\"never completed: load\" driver=\"storage memory\"");
    assert_int_equal(op_cancel_left(fixture->table, MEMORY), 0);

    op_complete(fixture->table, MEMORY, left_op, &ok);
    assert_logged(fixture, "msg=\"completed late: load\"");
    loop_turn(fixture->loop, false);
    op_complete(fixture->table, MEMORY, left_op, &ok);
    assert_logged(fixture, "msg=\"completed late\"");

    assert_int_equal(left.replies, 1);
    assert_int_equal(left.reply.status, TRUNK_CANCELLED);
    assert_int_equal(completed.replies, 1);
    assert_int_equal(completed.reply.status, TRUNK_OK);
    assert_int_equal(other.replies, 0);
    op_complete(fixture->table, STDIO, other_op, &ok);
    loop_turn(fixture->loop, false);
    assert_int_equal(other.reply.status, TRUNK_OK);
}

struct racer {
    struct fixture *fixture;
    trunk_op op;
};

static void *complete_one(void *arg) {
    const struct racer *racer = arg;
    op_complete(racer->fixture->table, MEMORY, racer->op, &ok);
    return NULL;
}

static void test_of_racing_completions_exactly_one_is_delivered(void **state) {
    struct fixture *fixture = *state;
    for (unsigned round = 1; round <= 50; round++) {
        struct seen seen = {0};
        struct racer racer = {fixture, begin_load(fixture, &seen)};
        pthread_t threads[RACERS];
        for (size_t i = 0; i < RACERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, complete_one, &racer), 0);
        }
        for (size_t i = 0; i < RACERS; i++) {
            (void)pthread_join(threads[i], NULL);
        }
        loop_turn(fixture->loop, false);
        assert_int_equal(seen.replies, 1);
        assert_int_equal(op_count_mistakes(fixture->table), round * (RACERS - 1));
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_missing_or_sizeless_reply_completes_with_internal),
        TEST(test_second_completion_is_caught_before_the_delivery),
        TEST(test_second_completion_is_caught_during_the_delivery),
        TEST(test_late_completion_is_caught_also_after_the_slot_was_used_again),
        TEST(test_tokens_never_issued_are_unknown),
        TEST(test_another_drivers_token_stays_pending),
        TEST(test_items_after_completion_or_for_a_call_that_emits_nothing_are_dropped),
        TEST(test_what_a_driver_left_is_cancelled_and_named),
        TEST(test_of_racing_completions_exactly_one_is_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
