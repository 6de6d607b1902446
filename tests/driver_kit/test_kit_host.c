/* SPDX-License-Identifier: MIT
 * test_kit_host.c - the kit's own host: a mistake that it would overlook, no driver would ever be
 * told of. */
#include "kit_host.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state) {
    *state = kit_host_new();
    return 0;
}

static int teardown(void **state) {
    kit_host_free(*state);
    return 0;
}

static void complete(struct kit_host *host, trunk_op op, int32_t status) {
    const struct trunk_host *table = kit_host_table(host);
    struct trunk_reply reply = {.struct_size = sizeof reply, .status = status};
    table->complete(table->ctx, op, &reply);
}

static void emit(struct kit_host *host, trunk_op op) {
    const struct trunk_host *table = kit_host_table(host);
    struct trunk_item item = {.struct_size = sizeof item, .key = {"k", 1}};
    table->emit(table->ctx, op, &item);
}

static void assert_one_fault(struct kit_host *host, const char *part) {
    assert_int_equal(kit_host_count_faults(host), 1);
    assert_non_null(strstr(kit_host_fault_text(host, 0), part));
}

static void test_an_op_completed_once_is_no_fault(void **state) {
    struct kit_host *host = *state;
    trunk_op op = kit_host_begin(host, "scan", true, NULL, 0);
    emit(host, op);
    complete(host, op, TRUNK_OK);
    const struct kit_result *result = kit_host_wait(host, op, 1000);
    assert_non_null(result);
    assert_int_equal(result->nitems, 1);
    kit_host_end(host);
    assert_int_equal(kit_host_count_faults(host), 0);
}

static void test_a_second_completion_is_a_fault_and_changes_nothing(void **state) {
    struct kit_host *host = *state;
    trunk_op op = kit_host_begin(host, "load", false, NULL, 0);
    complete(host, op, TRUNK_NOT_FOUND);
    complete(host, op, TRUNK_OK);
    assert_one_fault(host, "load: complete of an op that is completed");
    assert_int_equal(kit_host_wait(host, op, 1000)->status, TRUNK_NOT_FOUND);
}

static void test_an_op_never_issued_is_a_fault(void **state) {
    struct kit_host *host = *state;
    complete(host, 7, TRUNK_OK);
    assert_one_fault(host, "never issued");
}

static void test_an_item_after_completion_is_a_fault(void **state) {
    struct kit_host *host = *state;
    trunk_op op = kit_host_begin(host, "sweep", true, NULL, 0);
    complete(host, op, TRUNK_OK);
    emit(host, op);
    assert_one_fault(host, "sweep: emit of an op that is completed");
}

static void test_an_item_of_a_call_that_has_none_is_a_fault(void **state) {
    struct kit_host *host = *state;
    trunk_op op = kit_host_begin(host, "load", false, NULL, 0);
    emit(host, op);
    assert_one_fault(host, "load: emit for a call that has no items");
}

static void test_a_status_that_is_none_is_a_fault(void **state) {
    struct kit_host *host = *state;
    complete(host, kit_host_begin(host, "load", false, NULL, 0), 77);
    assert_one_fault(host, "status");
}

static void test_an_op_left_at_the_end_is_a_fault(void **state) {
    struct kit_host *host = *state;
    (void)kit_host_begin(host, "put", false, NULL, 0);
    kit_host_end(host);
    assert_one_fault(host, "put: close has returned");
}

static void fail_if_called(void *arg) {
    (void)arg;
    fail();
}

static void test_a_timer_left_at_the_end_is_a_fault(void **state) {
    struct kit_host *host = *state;
    const struct trunk_host *table = kit_host_table(host);
    (void)table->timer_new(table->ctx, fail_if_called, NULL);
    kit_host_end(host);
    assert_one_fault(host, "a watch or a timer");
}

static void test_an_op_that_is_not_completed_in_time_is_told(void **state) {
    struct kit_host *host = *state;
    trunk_op op = kit_host_begin(host, "put", false, NULL, 0);
    assert_null(kit_host_wait(host, op, 20));
}

/* An op that a callback of the loop completes. */
struct pending {
    struct kit_host *host;
    trunk_op op;
    struct trunk_watch *watch;
    struct trunk_timer *timer;
    int fd;
    unsigned calls;
};

static struct pending begin(struct kit_host *host) {
    return (struct pending){.host = host, .op = kit_host_begin(host, "ping", false, NULL, 0)};
}

static void complete_pending(void *arg) {
    struct pending *pending = arg;
    pending->calls++;
    complete(pending->host, pending->op, TRUNK_OK);
    if (pending->timer != NULL) {
        kit_host_table(pending->host)->timer_free(pending->timer);
    }
}

static void test_a_timer_runs_once_when_due_and_may_be_freed_inside(void **state) {
    struct kit_host *host = *state;
    const struct trunk_host *table = kit_host_table(host);
    struct pending pending = begin(host);
    pending.timer = table->timer_new(table->ctx, complete_pending, &pending);
    table->timer_set(pending.timer, 3600000);
    assert_null(kit_host_wait(host, pending.op, 20));
    kit_host_advance(host, 3600000);
    assert_non_null(kit_host_wait(host, pending.op, 1000));
    kit_host_run(host, 20);
    assert_int_equal(pending.calls, 1);
    kit_host_end(host);
    assert_int_equal(kit_host_count_faults(host), 0);
}

static void test_a_stopped_timer_does_not_run(void **state) {
    struct kit_host *host = *state;
    const struct trunk_host *table = kit_host_table(host);
    struct trunk_timer *timer = table->timer_new(table->ctx, fail_if_called, NULL);
    table->timer_set(timer, 0);
    table->timer_stop(timer);
    kit_host_run(host, 20);
    table->timer_free(timer);
}

/* The first time it leaves the byte unread: level-triggered, so it is called again. */
static void read_late(void *arg, uint32_t ready) {
    struct pending *pending = arg;
    char byte = 0;
    assert_int_equal(ready, TRUNK_READ);
    if (++pending->calls == 2) {
        assert_int_equal(read(pending->fd, &byte, 1), 1);
        complete(pending->host, pending->op, TRUNK_OK);
        kit_host_table(pending->host)->watch_free(pending->watch);
    }
}

static void test_a_watch_is_level_triggered_and_may_be_freed_inside(void **state) {
    struct kit_host *host = *state;
    const struct trunk_host *table = kit_host_table(host);
    struct pending pending = begin(host);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pending.fd = pair[0];
    pending.watch = table->watch_new(table->ctx, pair[0], read_late, &pending);
    table->watch_set(pending.watch, TRUNK_READ);
    assert_null(kit_host_wait(host, pending.op, 20));
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_non_null(kit_host_wait(host, pending.op, 1000));
    kit_host_end(host);
    assert_int_equal(kit_host_count_faults(host), 0);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void see_hangup(void *arg, uint32_t ready) {
    struct pending *pending = arg;
    assert_int_equal(ready, TRUNK_READ | TRUNK_WRITE);
    complete(pending->host, pending->op, TRUNK_OK);
    kit_host_table(pending->host)->watch_free(pending->watch);
}

static void test_a_hangup_is_readable_and_writable(void **state) {
    struct kit_host *host = *state;
    const struct trunk_host *table = kit_host_table(host);
    struct pending pending = begin(host);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    (void)close(pair[1]);
    pending.watch = table->watch_new(table->ctx, pair[0], see_hangup, &pending);
    table->watch_set(pending.watch, TRUNK_READ | TRUNK_WRITE);
    assert_non_null(kit_host_wait(host, pending.op, 1000));
    (void)close(pair[0]);
}

static void *post_completion(void *arg) {
    struct pending *pending = arg;
    const struct trunk_host *table = kit_host_table(pending->host);
    assert_int_equal(table->post(table->ctx, complete_pending, pending), TRUNK_OK);
    return NULL;
}

static void test_a_post_of_another_thread_runs_on_the_loop(void **state) {
    struct kit_host *host = *state;
    struct pending pending = begin(host);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_completion, &pending), 0);
    assert_non_null(kit_host_wait(host, pending.op, 1000));
    (void)pthread_join(thread, NULL);
    assert_int_equal(pending.calls, 1);
    assert_int_equal(kit_host_count_faults(host), 0);
}

static void *complete_here(void *arg) {
    complete_pending(arg);
    return NULL;
}

static void test_a_completion_of_another_thread_wakes_the_loop(void **state) {
    struct kit_host *host = *state;
    struct pending pending = begin(host);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, complete_here, &pending), 0);
    assert_non_null(kit_host_wait(host, pending.op, 1000));
    (void)pthread_join(thread, NULL);
}

static void *make_timer(void *arg) {
    const struct trunk_host *table = kit_host_table(arg);
    (void)table->timer_new(table->ctx, fail_if_called, NULL);
    return NULL;
}

static void test_a_timer_made_on_another_thread_is_a_fault(void **state) {
    struct kit_host *host = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, make_timer, host), 0);
    (void)pthread_join(thread, NULL);
    assert_one_fault(host, "timer_new on another thread");
}

static void test_inputs_are_freed_inside_complete(void **state) {
    struct kit_host *host = *state;
    void *inputs[] = {malloc(1),
                      malloc(1)}; /* LeakSanitizer and AddressSanitizer say when not, or twice */
    trunk_op op = kit_host_begin(host, "put", false, inputs, 2);
    complete(host, op, TRUNK_OK);
    assert_true(kit_host_is_done(host, op));
}

static void test_the_wall_clock_moves_only_when_told(void **state) {
    struct kit_host *host = *state;
    const struct trunk_host *table = kit_host_table(host);
    uint64_t before_ms = table->wall_ms(table->ctx);
    kit_host_run(host, 20);
    assert_int_equal(table->wall_ms(table->ctx), before_ms);
    kit_host_advance(host, 1234);
    assert_int_equal(table->wall_ms(table->ctx), before_ms + 1234);
}

int main(void) {
#define CASE(function_) cmocka_unit_test_setup_teardown(function_, setup, teardown)
    const struct CMUnitTest cases[] = {
        CASE(test_an_op_completed_once_is_no_fault),
        CASE(test_a_second_completion_is_a_fault_and_changes_nothing),
        CASE(test_an_op_never_issued_is_a_fault),
        CASE(test_an_item_after_completion_is_a_fault),
        CASE(test_an_item_of_a_call_that_has_none_is_a_fault),
        CASE(test_a_status_that_is_none_is_a_fault),
        CASE(test_an_op_left_at_the_end_is_a_fault),
        CASE(test_a_timer_left_at_the_end_is_a_fault),
        CASE(test_an_op_that_is_not_completed_in_time_is_told),
        CASE(test_a_timer_runs_once_when_due_and_may_be_freed_inside),
        CASE(test_a_stopped_timer_does_not_run),
        CASE(test_a_watch_is_level_triggered_and_may_be_freed_inside),
        CASE(test_a_hangup_is_readable_and_writable),
        CASE(test_a_post_of_another_thread_runs_on_the_loop),
        CASE(test_a_completion_of_another_thread_wakes_the_loop),
        CASE(test_a_timer_made_on_another_thread_is_a_fault),
        CASE(test_inputs_are_freed_inside_complete),
        CASE(test_the_wall_clock_moves_only_when_told),
    };
    return cmocka_run_group_tests_name("the kit's host", cases, NULL, NULL);
}
