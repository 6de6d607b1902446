/* SPDX-License-Identifier: MIT
 * test_host.c - the table that a driver is given: watches, timers, posts, clocks, completions, and
 * what is said when it is used wrongly. */
#include "plugin/host.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"

struct fixture {
    struct clock clock;
    struct host_env env;
    struct host *host;
    const struct trunk_host *table;
    int log_pipe[2];
};

static int set_up(void **state) {
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    if (pipe2(fixture->log_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    clock_init(&fixture->clock);
    fixture->env.loop = loop_new();
    fixture->env.log = log_new(fixture->log_pipe[1], TRUNK_LOG_DEBUG, LOG_LOGFMT);
    fixture->env.clock = &fixture->clock;
    fixture->env.ops = op_table_new(fixture->env.loop, fixture->env.log);
    fixture->host = host_new(&fixture->env, "storage memory");
    fixture->table = host_table(fixture->host);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    host_free(fixture->host);
    loop_turn(fixture->env.loop, false);
    op_table_free(fixture->env.ops);
    loop_free(fixture->env.loop);
    log_free(fixture->env.log);
    (void)close(fixture->log_pipe[0]);
    (void)close(fixture->log_pipe[1]);
    free(fixture);
    return 0;
}

/* The log since the last call has wanted; NULL: it is empty. */
static void assert_logged(const struct fixture *fixture, const char *wanted) {
    char text[4096];
    ssize_t len = read(fixture->log_pipe[0], text, sizeof text - 1);
    text[len > 0 ? len : 0] = '\0';
    if (wanted == NULL ? text[0] != '\0' : strstr(text, wanted) == NULL) {
        fail_msg("log \"%s\", wanted \"%s\"", text, wanted == NULL ? "(nothing)" : wanted);
    }
}

/* What happened to a driver's functions. */
struct seen {
    const struct trunk_host *table;
    struct trunk_watch *watch;
    struct trunk_timer *timer;
    size_t calls;
    uint32_t ready;
};

static void on_ready(void *arg, uint32_t ready) {
    struct seen *seen = arg;
    seen->calls++;
    seen->ready = ready;
}

static void on_call(void *arg) {
    struct seen *seen = arg;
    seen->calls++;
}

static void free_watch_on_ready(void *arg, uint32_t ready) {
    struct seen *seen = arg;
    on_ready(arg, ready);
    seen->table->watch_free(seen->watch);
    seen->watch = NULL;
}

static void free_timer_on_call(void *arg) {
    struct seen *seen = arg;
    on_call(arg);
    seen->table->timer_free(seen->timer);
    seen->timer = NULL;
}

static void test_table_tells_its_size_and_minor(void **state) {
    const struct fixture *fixture = *state;
    assert_int_equal(fixture->table->struct_size, sizeof(struct trunk_host));
    assert_int_equal(fixture->table->abi_minor, TRUNK_ABI_MINOR);
    assert_string_equal(host_name(fixture->host), "storage memory");
}

static void test_watch_reports_what_is_wanted_as_long_as_it_lasts(void **state) {
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    struct seen seen = {0};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    struct trunk_watch *watch = table->watch_new(table->ctx, ends[0], on_ready, &seen);
    assert_non_null(watch);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 0); /* nothing was wanted yet */

    table->watch_set(watch, TRUNK_READ | TRUNK_WRITE);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.ready, TRUNK_WRITE);
    table->watch_set(watch, TRUNK_READ);
    seen.calls = 0;
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_turn(fixture->env.loop, false);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 2); /* level-triggered: it was not read */
    assert_int_equal(seen.ready, TRUNK_READ);
    table->watch_set(watch, 0);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 2);
    table->watch_free(watch);
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_logged(fixture, NULL);
}

static void test_hang_up_is_readable_and_writable(void **state) {
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    static const uint32_t wanted[] = {TRUNK_READ, TRUNK_WRITE, TRUNK_READ | TRUNK_WRITE};
    int ends[2];
    struct seen seen = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    (void)close(ends[1]);
    struct trunk_watch *watch = table->watch_new(table->ctx, ends[0], on_ready, &seen);
    for (size_t i = 0; i < 3; i++) {
        table->watch_set(watch, wanted[i]);
        loop_turn(fixture->env.loop, false);
        assert_int_equal(seen.ready, wanted[i]);
    }
    table->watch_free(watch);
    (void)close(ends[0]);
}

static void test_watch_and_timer_may_be_freed_inside_their_own_function(void **state) {
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    struct seen seen = {.table = table};
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    seen.watch = table->watch_new(table->ctx, ends[0], free_watch_on_ready, &seen);
    table->watch_set(seen.watch, TRUNK_READ);
    loop_turn(fixture->env.loop, false);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 1);
    assert_null(seen.watch);

    seen.timer = table->timer_new(table->ctx, free_timer_on_call, &seen);
    table->timer_set(seen.timer, 0);
    assert_int_equal(seen.calls, 1); /* never inside the call */
    loop_turn(fixture->env.loop, true);
    assert_int_equal(seen.calls, 2);
    assert_null(seen.timer);
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_logged(fixture, NULL);
}

static void test_timer_fires_once_can_be_moved_and_stopped(void **state) {
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    struct seen seen = {0};
    struct seen later = {0};
    struct trunk_timer *timer = table->timer_new(table->ctx, on_call, &seen);
    struct trunk_timer *later_timer = table->timer_new(table->ctx, on_call, &later);
    table->timer_set(timer, 3600000);
    table->timer_set(timer, 1);
    table->timer_set(later_timer, 20);
    while (later.calls == 0) {
        loop_turn(fixture->env.loop, true);
    }
    assert_int_equal(seen.calls, 1);
    table->timer_set(timer, 1);
    table->timer_stop(timer);
    table->timer_set(later_timer, 20);
    while (later.calls == 1) {
        loop_turn(fixture->env.loop, true);
    }
    assert_int_equal(seen.calls, 1);
    table->timer_free(timer);
    table->timer_free(later_timer);
}

static void test_descriptor_that_cannot_be_waited_for_is_named_in_the_log(void **state) {
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    struct seen seen = {0};
    int fd = open(TEST_SOURCE_DIR "/LICENSE", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct trunk_watch *watch = table->watch_new(table->ctx, fd, on_ready, &seen);
    table->watch_set(watch, TRUNK_READ);
    assert_logged(fixture, "cannot wait for a descriptor");
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 0);
    table->watch_free(watch);
    (void)close(fd);
}

static void test_posted_function_runs_on_the_loop_and_never_inside_post(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    assert_int_equal(fixture->table->post(fixture->table->ctx, on_call, &seen), TRUNK_OK);
    assert_int_equal(seen.calls, 0);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 1);
}

static void test_post_is_dropped_once_the_host_is_freed(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    assert_int_equal(fixture->table->post(fixture->table->ctx, on_call, &seen), TRUNK_OK);
    assert_int_equal(fixture->table->post(fixture->table->ctx, on_call, &seen), TRUNK_OK);
    host_free(fixture->host);
    fixture->host = NULL;
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 0);
}

static void test_watches_and_timers_that_are_left_are_freed_and_named(void **state) {
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    struct seen seen = {0};
    char wanted[64];
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    table->watch_set(table->watch_new(table->ctx, ends[0], on_ready, &seen), TRUNK_READ);
    table->timer_set(table->timer_new(table->ctx, on_call, &seen), 0);
    host_free(fixture->host);
    fixture->host = NULL;
    (void)snprintf(wanted, sizeof wanted, "\"the driver left a watch at its close\" fd=%d\n",
                   ends[0]);
    char text[4096];
    ssize_t len = read(fixture->log_pipe[0], text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = '\0';
    assert_non_null(strstr(text, "level=error"));
    assert_non_null(strstr(text, "storage memory"));
    assert_non_null(strstr(text, wanted));
    assert_non_null(strstr(text, "the driver left a timer at its close"));
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void test_clocks_are_those_of_the_host(void **state) {
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    uint64_t mono = table->mono_ms(table->ctx);
    uint64_t wall = table->wall_ms(table->ctx);
    clock_advance(&fixture->clock, 3600000);
    assert_true(table->mono_ms(table->ctx) >= mono + 3600000);
    assert_true(table->wall_ms(table->ctx) >= wall + 3600000);
    assert_true(wall > 1600000000000ull); /* ms since 1970 */
}

static void test_log_line_carries_the_name_and_a_known_level(void **state) {
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    table->log(table->ctx, TRUNK_LOG_WARN, "100%s done");
    assert_logged(fixture, "storage memory");
    table->log(table->ctx, TRUNK_LOG_WARN, "100%s done");
    assert_logged(fixture, "msg=\"100%s done\"");
    table->log(table->ctx, TRUNK_LOG_WARN, "again");
    assert_logged(fixture, "level=warn");
    table->log(table->ctx, -7, "a");
    assert_logged(fixture, "level=error");
    table->log(table->ctx, 77, NULL);
    assert_logged(fixture, "level=debug");
}

struct result {
    size_t done;
    size_t items;
    int32_t status;
    uint64_t version;
};

static void on_done(void *ctx, const struct trunk_reply *reply) {
    struct result *result = ctx;
    result->done++;
    result->status = reply->status;
    result->version = reply->version;
}

static void on_item(void *ctx, const struct trunk_item *item) {
    struct result *result = ctx;
    result->items++;
    result->version = item->version;
}

static void test_completion_and_item_arrive_on_the_loop(void **state) {
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    struct result result = {0};
    struct trunk_item item = {.struct_size = sizeof item, .version = 5};
    struct trunk_reply reply = {.struct_size = sizeof reply, .status = TRUNK_OK, .version = 6};
    trunk_op op = op_begin(fixture->env.ops, fixture->host, "sweep", on_item, on_done, &result);
    table->emit(table->ctx, op, &item);
    table->complete(table->ctx, op, &reply);
    assert_int_equal(result.items + result.done, 0);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(result.items, 1);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.version, 6);
    table->complete(table->ctx, op, &reply);
    assert_logged(fixture, "driver=\"storage memory\"");
}

static void test_op_of_another_host_is_not_completed(void **state) {
    struct fixture *fixture = *state;
    struct result result = {0};
    struct trunk_reply reply = {.struct_size = sizeof reply, .status = TRUNK_OK};
    struct host *other = host_new(&fixture->env, "factory stdio");
    trunk_op op = op_begin(fixture->env.ops, fixture->host, "load", NULL, on_done, &result);
    host_table(other)->complete(host_table(other)->ctx, op, &reply);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(result.done, 0);
    assert_logged(fixture, "driver=\"factory stdio\"");
    host_free(other);
    assert_int_equal(op_cancel_left(fixture->env.ops, fixture->host, "storage memory"), 1);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(result.status, TRUNK_CANCELLED);
}

/* What a thread of a driver does to the host. */
struct worker {
    const struct trunk_host *table;
    struct trunk_watch *watch;
    struct trunk_timer *timer;
    struct seen *seen;
    trunk_op op;
    bool was_refused;
};

static void *misuse_watch_and_timer(void *arg) {
    struct worker *worker = arg;
    const struct trunk_host *table = worker->table;
    worker->was_refused = table->watch_new(table->ctx, 0, on_ready, worker->seen) == NULL &&
                          table->timer_new(table->ctx, on_call, worker->seen) == NULL;
    table->watch_set(worker->watch, TRUNK_READ);
    table->timer_set(worker->timer, 0);
    table->timer_stop(worker->timer);
    table->watch_free(worker->watch);
    table->timer_free(worker->timer);
    return NULL;
}

static void test_watch_and_timer_calls_off_the_loop_are_refused_and_named(void **state) {
    static const char *const calls[] = {"watch_new",  "watch_set", "watch_free", "timer_new",
                                        "timer_stop", "timer_set", "timer_free"};
    struct fixture *fixture = *state;
    const struct trunk_host *table = fixture->table;
    struct seen seen = {0};
    int ends[2];
    pthread_t thread;
    char text[4096];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    struct worker worker = {.table = table,
                            .watch = table->watch_new(table->ctx, ends[0], on_ready, &seen),
                            .timer = table->timer_new(table->ctx, on_call, &seen),
                            .seen = &seen};
    assert_int_equal(pthread_create(&thread, NULL, misuse_watch_and_timer, &worker), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(worker.was_refused);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(seen.calls, 0);
    ssize_t len = read(fixture->log_pipe[0], text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = '\0';
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char wanted[64];
        (void)snprintf(wanted, sizeof wanted, "call=%s\n", calls[i]);
        assert_non_null(strstr(text, wanted));
    }
    table->watch_free(worker.watch); /* still there */
    table->timer_free(worker.timer);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void *use_what_any_thread_may(void *arg) {
    struct worker *worker = arg;
    const struct trunk_host *table = worker->table;
    struct trunk_reply reply = {
        .struct_size = sizeof reply, .status = TRUNK_OK, .version = table->wall_ms(table->ctx)};
    table->log(table->ctx, TRUNK_LOG_INFO, "from a thread");
    (void)table->mono_ms(table->ctx);
    table->complete(table->ctx, worker->op, &reply);
    (void)table->post(table->ctx, on_call, worker->seen);
    return NULL;
}

static void test_complete_log_post_and_clocks_may_be_called_on_any_thread(void **state) {
    struct fixture *fixture = *state;
    struct seen seen = {0};
    struct result result = {0};
    pthread_t thread;
    struct worker worker = {.table = fixture->table, .seen = &seen};
    worker.op = op_begin(fixture->env.ops, fixture->host, "ping", NULL, on_done, &result);
    assert_int_equal(pthread_create(&thread, NULL, use_what_any_thread_may, &worker), 0);
    while (seen.calls == 0) {
        loop_turn(fixture->env.loop, true);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(result.done, 1);
    assert_logged(fixture, "from a thread");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_table_tells_its_size_and_minor),
        TEST(test_watch_reports_what_is_wanted_as_long_as_it_lasts),
        TEST(test_hang_up_is_readable_and_writable),
        TEST(test_watch_and_timer_may_be_freed_inside_their_own_function),
        TEST(test_timer_fires_once_can_be_moved_and_stopped),
        TEST(test_descriptor_that_cannot_be_waited_for_is_named_in_the_log),
        TEST(test_posted_function_runs_on_the_loop_and_never_inside_post),
        TEST(test_post_is_dropped_once_the_host_is_freed),
        TEST(test_watches_and_timers_that_are_left_are_freed_and_named),
        TEST(test_clocks_are_those_of_the_host),
        TEST(test_log_line_carries_the_name_and_a_known_level),
        TEST(test_completion_and_item_arrive_on_the_loop),
        TEST(test_op_of_another_host_is_not_completed),
        TEST(test_watch_and_timer_calls_off_the_loop_are_refused_and_named),
        TEST(test_complete_log_post_and_clocks_may_be_called_on_any_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
