/* SPDX-License-Identifier: MIT
 * test_loop.c - turns, timers, signals and the end of a loop. */
#include "loop/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"

struct fixture {
    struct loop *loop;
    struct clock clock;
    struct loop_timer *timer;
    struct loop_signal *signal;
    unsigned runs;
    char order[16];
};

static int set_up(void **state) {
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    fixture->loop = loop_new();
    clock_init(&fixture->clock);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    loop_timer_free(fixture->timer);
    loop_signal_free(fixture->signal);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void count_run(void *arg) {
    struct fixture *fixture = arg;
    fixture->runs++;
}

static void stop_loop(void *arg) {
    struct fixture *fixture = arg;
    fixture->runs++;
    loop_stop(fixture->loop);
}

static void test_loop_uses_epoll(void **state) {
    struct fixture *fixture = *state;
    assert_string_equal(event_base_get_method(loop_base(fixture->loop)), "epoll (with changelist)");
}

static void test_loop_runs_until_stopped_and_can_run_again(void **state) {
    struct fixture *fixture = *state;
    for (unsigned i = 1; i <= 3; i++) {
        loop_post(fixture->loop, stop_loop, fixture);
        loop_run(fixture->loop);
        assert_int_equal(fixture->runs, i);
    }
}

static void test_stop_before_run_ends_it_at_once(void **state) {
    struct fixture *fixture = *state;
    loop_stop(fixture->loop);
    loop_run(fixture->loop);
}

static void *stop_from_thread(void *arg) {
    struct fixture *fixture = arg;
    if (!loop_is_here(fixture->loop)) {
        loop_post(fixture->loop, count_run, fixture);
    }
    loop_stop(fixture->loop);
    return NULL;
}

static void test_another_thread_stops_a_loop_without_events(void **state) {
    struct fixture *fixture = *state;
    pthread_t thread;
    assert_true(loop_is_here(fixture->loop));
    assert_int_equal(pthread_create(&thread, NULL, stop_from_thread, fixture), 0);
    loop_run(fixture->loop);
    (void)pthread_join(thread, NULL);
    assert_int_equal(fixture->runs, 1);
}

static void test_turn_without_block_returns_at_once(void **state) {
    struct fixture *fixture = *state;
    fixture->timer = loop_timer_new(fixture->loop, count_run, fixture);
    loop_timer_set(fixture->timer, 3600000);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 0);
}

static void test_turn_with_block_waits_for_an_event(void **state) {
    struct fixture *fixture = *state;
    fixture->timer = loop_timer_new(fixture->loop, count_run, fixture);
    loop_timer_set(fixture->timer, 20);
    loop_turn(fixture->loop, true);
    assert_int_equal(fixture->runs, 1);
}

static void test_free_runs_what_is_still_posted(void **state) {
    struct fixture *fixture = *state;
    struct loop *loop = loop_new();
    loop_post(loop, count_run, fixture);
    loop_free(loop);
    assert_int_equal(fixture->runs, 1);
    loop_free(NULL);
}

static void test_timer_runs_once_after_its_time(void **state) {
    struct fixture *fixture = *state;
    fixture->timer = loop_timer_new(fixture->loop, stop_loop, fixture);
    uint64_t start_ms = clock_mono_ms(&fixture->clock);
    loop_timer_set(fixture->timer, 50);
    loop_run(fixture->loop);
    assert_true(clock_mono_ms(&fixture->clock) - start_ms >= 40); /* the coarse clock's tick less */
    assert_int_equal(fixture->runs, 1);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 1);
}

static void test_timer_of_0_ms_runs_in_the_next_turn_and_not_inside_set(void **state) {
    struct fixture *fixture = *state;
    fixture->timer = loop_timer_new(fixture->loop, count_run, fixture);
    loop_timer_set(fixture->timer, 0);
    assert_int_equal(fixture->runs, 0);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 1);
}

static void set_again(void *arg) {
    struct fixture *fixture = arg;
    unsigned runs = ++fixture->runs;
    loop_timer_set(fixture->timer, 0);
    assert_int_equal(fixture->runs, runs);
}

static void test_timer_of_0_ms_set_in_its_own_callback_runs_once_per_turn(void **state) {
    struct fixture *fixture = *state;
    fixture->timer = loop_timer_new(fixture->loop, set_again, fixture);
    loop_timer_set(fixture->timer, 0);
    for (unsigned i = 1; i <= 5; i++) {
        loop_turn(fixture->loop, false);
        assert_int_equal(fixture->runs, i);
    }
}

static void test_setting_again_moves_a_timer(void **state) {
    struct fixture *fixture = *state;
    fixture->timer = loop_timer_new(fixture->loop, count_run, fixture);
    loop_timer_set(fixture->timer, 0);
    loop_timer_set(fixture->timer, 3600000);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 0);
    loop_timer_set(fixture->timer, 0);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 1);
}

static void test_stopped_timer_does_not_run_until_set_again(void **state) {
    struct fixture *fixture = *state;
    fixture->timer = loop_timer_new(fixture->loop, count_run, fixture);
    loop_timer_stop(fixture->timer);
    loop_timer_set(fixture->timer, 0);
    loop_timer_stop(fixture->timer);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 0);
    loop_timer_set(fixture->timer, 0);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 1);
}

static void test_the_longest_timer_can_be_set(void **state) {
    struct fixture *fixture = *state;
    fixture->timer = loop_timer_new(fixture->loop, count_run, fixture);
    loop_timer_set(fixture->timer, UINT64_MAX);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 0);
    loop_post(fixture->loop, stop_loop, fixture);
    loop_run(fixture->loop);
    assert_int_equal(fixture->runs, 1);
}

struct letter {
    struct fixture *fixture;
    struct loop_timer *timer;
    char letter;
};

static void write_letter(void *arg) {
    struct letter *letter = arg;
    size_t at = strlen(letter->fixture->order);
    letter->fixture->order[at] = letter->letter;
    if (letter->letter == 'd') {
        loop_stop(letter->fixture->loop);
    }
}

static void test_timers_run_in_the_order_of_their_times(void **state) {
    struct fixture *fixture = *state;
    static const uint64_t after_ms[] = {60, 20, 40, 80};
    struct letter letters[4];
    for (size_t i = 0; i < 4; i++) {
        letters[i] = (struct letter){fixture, NULL, "cabd"[i]};
        letters[i].timer = loop_timer_new(fixture->loop, write_letter, &letters[i]);
        loop_timer_set(letters[i].timer, after_ms[i]);
    }
    loop_run(fixture->loop);
    assert_string_equal(fixture->order, "abcd");
    for (size_t i = 0; i < 4; i++) {
        loop_timer_free(letters[i].timer);
    }
}

static void free_timer(void *arg) {
    struct fixture *fixture = arg;
    fixture->runs++;
    loop_timer_free(fixture->timer);
    fixture->timer = NULL;
}

static void test_timer_may_be_freed_in_its_own_callback(void **state) {
    struct fixture *fixture = *state;
    fixture->timer = loop_timer_new(fixture->loop, free_timer, fixture);
    loop_timer_set(fixture->timer, 0);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 1);
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 1);
    loop_timer_free(NULL);
}

struct rival {
    struct rival *other;
    struct loop_timer *timer;
    unsigned *runs;
};

static void free_other(void *arg) {
    struct rival *rival = arg;
    (*rival->runs)++;
    loop_timer_free(rival->other->timer);
    rival->other->timer = NULL;
}

static void test_due_timer_that_another_one_freed_does_not_run(void **state) {
    struct fixture *fixture = *state;
    struct rival rivals[2] = {{&rivals[1], NULL, &fixture->runs},
                              {&rivals[0], NULL, &fixture->runs}};
    for (size_t i = 0; i < 2; i++) {
        rivals[i].timer = loop_timer_new(fixture->loop, free_other, &rivals[i]);
        loop_timer_set(rivals[i].timer, 0);
    }
    loop_turn(fixture->loop, false);
    assert_int_equal(fixture->runs, 1);
    loop_timer_free(rivals[0].timer);
    loop_timer_free(rivals[1].timer);
}

static void test_signal_is_handled_on_the_loop(void **state) {
    struct fixture *fixture = *state;
    fixture->signal = loop_signal_new(fixture->loop, SIGUSR1, count_run, fixture);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(raise(SIGUSR1), 0);
        assert_int_equal(fixture->runs, i - 1);
        while (fixture->runs < i) {
            loop_turn(fixture->loop, true);
        }
    }
}

static void free_signal(void *arg) {
    struct fixture *fixture = arg;
    fixture->runs++;
    loop_signal_free(fixture->signal);
    fixture->signal = NULL;
    loop_stop(fixture->loop);
}

static void test_signal_may_be_freed_in_its_own_callback(void **state) {
    struct fixture *fixture = *state;
    fixture->signal = loop_signal_new(fixture->loop, SIGUSR1, free_signal, fixture);
    assert_int_equal(raise(SIGUSR1), 0);
    loop_run(fixture->loop);
    assert_int_equal(fixture->runs, 1);
    loop_signal_free(NULL);
}

static void test_freed_signal_has_its_old_action_again(void **state) {
    struct fixture *fixture = *state;
    struct sigaction action;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    assert_int_equal(sigaction(SIGUSR2, &ignore, NULL), 0);
    loop_signal_free(loop_signal_new(fixture->loop, SIGUSR2, count_run, fixture));
    assert_int_equal(sigaction(SIGUSR2, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_IGN);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_loop_uses_epoll),
        TEST(test_loop_runs_until_stopped_and_can_run_again),
        TEST(test_stop_before_run_ends_it_at_once),
        TEST(test_another_thread_stops_a_loop_without_events),
        TEST(test_turn_without_block_returns_at_once),
        TEST(test_turn_with_block_waits_for_an_event),
        TEST(test_free_runs_what_is_still_posted),
        TEST(test_timer_runs_once_after_its_time),
        TEST(test_timer_of_0_ms_runs_in_the_next_turn_and_not_inside_set),
        TEST(test_timer_of_0_ms_set_in_its_own_callback_runs_once_per_turn),
        TEST(test_setting_again_moves_a_timer),
        TEST(test_stopped_timer_does_not_run_until_set_again),
        TEST(test_the_longest_timer_can_be_set),
        TEST(test_timers_run_in_the_order_of_their_times),
        TEST(test_timer_may_be_freed_in_its_own_callback),
        TEST(test_due_timer_that_another_one_freed_does_not_run),
        TEST(test_signal_is_handled_on_the_loop),
        TEST(test_signal_may_be_freed_in_its_own_callback),
        TEST(test_freed_signal_has_its_old_action_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
