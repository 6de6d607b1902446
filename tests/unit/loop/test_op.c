/* SPDX-License-Identifier: MIT
 * test_op.c - completion tokens: delivery, order, forgetting, counting, threads. */
#include "op_fixture.h"

enum { WORKERS = 4, OPS_PER_WORKER = 2000 };

static void test_reply_is_copied_and_delivered_on_the_next_turn(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    trunk_op op = begin_load(fixture, &seen);
    assert_true(op != 0);
    assert_true(op_is_pending(fixture->table, op));
    char value[] = "{\"state\":1}";
    char message[] = "as told";
    struct trunk_reply reply = {.struct_size = sizeof reply,
                                .status = TRUNK_CONFLICT,
                                .message = message,
                                .value = {value, strlen(value)},
                                .version = 42,
                                .last_seq = 43,
                                .leg = &seen};
    op_complete(fixture->table, MEMORY, op, &reply);
    assert_int_equal(seen.replies, 0);
    assert_false(op_is_pending(fixture->table, op));
    memset(value, '#', sizeof value);
    memset(message, '#', sizeof message);
    loop_turn(fixture->loop, false);
    assert_int_equal(seen.replies, 1);
    assert_string_equal(seen.value, "{\"state\":1}");
    assert_string_equal(seen.message, "as told");
    assert_int_equal(seen.reply.struct_size, sizeof reply);
    assert_int_equal(seen.reply.status, TRUNK_CONFLICT);
    assert_int_equal(seen.reply.version, 42);
    assert_int_equal(seen.reply.last_seq, 43);
    assert_ptr_equal(seen.reply.leg, &seen);
    assert_logged(fixture, NULL);
    assert_int_equal(op_count_mistakes(fixture->table), 0);
}

static void test_reply_without_value_and_message_is_fine(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    op_complete(fixture->table, MEMORY, begin_load(fixture, &seen), &ok);
    loop_turn(fixture->loop, false);
    assert_int_equal(seen.replies, 1);
    assert_int_equal(seen.reply.status, TRUNK_OK);
    assert_int_equal(seen.reply.value.len, 0);
    assert_null(seen.reply.message);
}

static void test_items_come_before_the_reply_in_their_order(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    trunk_op op = begin_scan(fixture, &seen);
    char key[] = "a";
    struct trunk_item item = make_item(key, "1");
    op_emit(fixture->table, MEMORY, op, &item);
    key[0] = '#';
    item = make_item("b", "2");
    op_emit(fixture->table, MEMORY, op, &item);
    op_complete(fixture->table, MEMORY, op, &ok);
    assert_string_equal(seen.trace, "");
    loop_turn(fixture->loop, false);
    assert_string_equal(seen.trace, "a1b2!");
    assert_logged(fixture, NULL);
}

static void test_shorter_reply_is_read_no_further_than_its_size(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    size_t short_bytes = offsetof(struct trunk_reply, version);
    struct trunk_reply *reply = xmalloc(short_bytes); /* reading on is an error under ASan */
    struct trunk_reply full = {.struct_size = short_bytes, .status = TRUNK_OK, .value = {"v", 1}};
    memcpy(reply, &full, short_bytes);
    op_complete(fixture->table, MEMORY, begin_load(fixture, &seen), reply);
    free(reply);
    loop_turn(fixture->loop, false);
    assert_string_equal(seen.value, "v");
    assert_int_equal(seen.reply.version, 0);
    assert_null(seen.reply.leg);
    assert_int_equal(seen.reply.struct_size, sizeof seen.reply);
}

static void test_longer_reply_of_a_newer_driver_is_cut(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    struct {
        struct trunk_reply reply;
        uint64_t newer;
    } longer = {{.struct_size = sizeof longer, .version = 9}, 1};
    op_complete(fixture->table, MEMORY, begin_load(fixture, &seen), &longer.reply);
    loop_turn(fixture->loop, false);
    assert_int_equal(seen.reply.version, 9);
    assert_int_equal(seen.reply.struct_size, sizeof seen.reply);
}

static void test_slot_is_not_used_again_before_its_delivery(void **state) {
    struct fixture *fixture = *state;
    struct seen seen[2] = {0};
    trunk_op op = begin_load(fixture, &seen[0]);
    op_complete(fixture->table, MEMORY, op, &ok);
    trunk_op next = begin_load(fixture, &seen[1]);
    assert_int_not_equal((uint32_t)next, (uint32_t)op);
    op_complete(fixture->table, MEMORY, next, &ok);
    loop_turn(fixture->loop, false);
    assert_int_equal(seen[0].replies, 1);
    assert_int_equal(seen[1].replies, 1);
}

static void test_forgotten_op_ends_into_the_void_without_a_mistake(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    struct trunk_item item = make_item("a", "1");
    trunk_op op = begin_scan(fixture, &seen);
    op_emit(fixture->table, MEMORY, op, &item);
    op_forget(fixture->table, op);
    op_emit(fixture->table, MEMORY, op, &item);
    assert_true(op_is_pending(fixture->table, op)); /* the driver still owes it */
    assert_int_equal(op_count_pending(fixture->table, &memory), 1);
    op_complete(fixture->table, MEMORY, op, &ok);
    loop_turn(fixture->loop, false);
    assert_int_equal(seen.items + seen.replies, 0);
    assert_int_equal(op_count_pending(fixture->table, &memory), 0);
    assert_logged(fixture, NULL);
}

static void test_forgetting_between_completion_and_delivery_is_honoured(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    trunk_op op = begin_load(fixture, &seen);
    op_complete(fixture->table, MEMORY, op, &ok);
    op_forget(fixture->table, op);
    loop_turn(fixture->loop, false);
    assert_int_equal(seen.replies, 0);
}

static void test_forgetting_an_old_token_does_not_touch_the_slots_next_op(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    trunk_op op = begin_load(fixture, &seen);
    op_complete(fixture->table, MEMORY, op, &ok);
    loop_turn(fixture->loop, false);
    trunk_op next = begin_load(fixture, &seen);
    op_forget(fixture->table, op);
    op_complete(fixture->table, MEMORY, next, &ok);
    loop_turn(fixture->loop, false);
    assert_int_equal(seen.replies, 2);
}

struct nested {
    struct fixture *fixture;
    trunk_op op;
    trunk_op begun[200];
    size_t pending;
    struct seen seen;
};

static void begin_many(void *ctx, const struct trunk_reply *reply) {
    struct nested *nested = ctx;
    struct fixture *fixture = nested->fixture;
    (void)reply;
    nested->pending = op_count_pending(fixture->table, &memory);
    for (size_t i = 0; i < 200; i++) {
        nested->begun[i] = begin_load(fixture, &nested->seen);
        op_complete(fixture->table, MEMORY, nested->begun[i], &ok);
    }
    assert_int_equal(nested->seen.replies, 0);
}

static void test_delivery_may_begin_ops_that_make_the_table_grow(void **state) {
    struct fixture *fixture = *state;
    struct nested nested = {.fixture = fixture};
    nested.op = op_begin(fixture->table, &memory, "load", NULL, begin_many, &nested);
    op_complete(fixture->table, MEMORY, nested.op, &ok);
    while (op_count_pending(fixture->table, NULL) > 0) {
        loop_turn(fixture->loop, true);
    }
    assert_int_equal(nested.pending, 0); /* what is being delivered is not pending */
    assert_int_equal(nested.seen.replies, 200);
    assert_int_equal(op_count_mistakes(fixture->table), 0);
}

static void test_pending_ops_are_counted_by_owner_until_their_delivery(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    trunk_op first = begin_load(fixture, &seen);
    trunk_op second = begin_load(fixture, &seen);
    trunk_op other = op_begin(fixture->table, &stdio, "make", NULL, note_reply, &seen);
    assert_int_equal(op_count_pending(fixture->table, &memory), 2);
    assert_int_equal(op_count_pending(fixture->table, &stdio), 1);
    assert_int_equal(op_count_pending(fixture->table, NULL), 3);
    op_complete(fixture->table, MEMORY, first, &ok);
    op_complete(fixture->table, MEMORY, second, &ok);
    op_complete(fixture->table, STDIO, other, &ok);
    assert_int_equal(op_count_pending(fixture->table, NULL), 3);
    loop_turn(fixture->loop, false);
    assert_int_equal(op_count_pending(fixture->table, NULL), 0);
}

/* One op of many that are completed on other threads. */

struct remote {
    struct fixture *fixture;
    trunk_op op;
    unsigned items;
    unsigned replies;
    bool is_right;
};

static void note_remote_item(void *ctx, const struct trunk_item *item) {
    struct remote *remote = ctx;
    remote->items++;
    remote->is_right = item->seq == remote->op && remote->replies == 0;
}

static void note_remote_reply(void *ctx, const struct trunk_reply *reply) {
    struct remote *remote = ctx;
    remote->replies++;
    remote->is_right = remote->is_right && reply->version == remote->op && remote->items == 1;
}

static void *complete_many(void *arg) {
    struct remote *remotes = arg;
    struct op_table *table = remotes->fixture->table;
    for (size_t i = 0; i < OPS_PER_WORKER; i++) {
        struct trunk_item item = make_item("key", "value");
        struct trunk_reply reply = {.struct_size = sizeof reply, .version = remotes[i].op};
        item.seq = remotes[i].op;
        op_emit(table, MEMORY, remotes[i].op, &item);
        op_complete(table, MEMORY, remotes[i].op, &reply);
    }
    return NULL;
}

static void test_ops_are_completed_from_many_threads_while_others_begin(void **state) {
    struct fixture *fixture = *state;
    struct remote *remotes = xcalloc((size_t)WORKERS * OPS_PER_WORKER, sizeof *remotes);
    pthread_t threads[WORKERS];
    for (size_t i = 0; i < WORKERS; i++) {
        struct remote *mine = &remotes[i * OPS_PER_WORKER];
        for (size_t j = 0; j < OPS_PER_WORKER; j++) {
            mine[j].fixture = fixture;
            mine[j].op = op_begin(fixture->table, &memory, "scan", note_remote_item,
                                  note_remote_reply, &mine[j]);
        }
        assert_int_equal(pthread_create(&threads[i], NULL, complete_many, mine), 0);
    }
    while (op_count_pending(fixture->table, NULL) > 0) {
        loop_turn(fixture->loop, true);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < (size_t)WORKERS * OPS_PER_WORKER; i++) {
        assert_int_equal(remotes[i].replies, 1);
        assert_true(remotes[i].is_right);
    }
    assert_int_equal(op_count_mistakes(fixture->table), 0);
    free(remotes);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_reply_is_copied_and_delivered_on_the_next_turn),
        TEST(test_reply_without_value_and_message_is_fine),
        TEST(test_items_come_before_the_reply_in_their_order),
        TEST(test_shorter_reply_is_read_no_further_than_its_size),
        TEST(test_longer_reply_of_a_newer_driver_is_cut),
        TEST(test_slot_is_not_used_again_before_its_delivery),
        TEST(test_forgotten_op_ends_into_the_void_without_a_mistake),
        TEST(test_forgetting_between_completion_and_delivery_is_honoured),
        TEST(test_forgetting_an_old_token_does_not_touch_the_slots_next_op),
        TEST(test_delivery_may_begin_ops_that_make_the_table_grow),
        TEST(test_pending_ops_are_counted_by_owner_until_their_delivery),
        TEST(test_ops_are_completed_from_many_threads_while_others_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
