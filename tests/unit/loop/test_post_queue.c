/* SPDX-License-Identifier: MIT
 * test_post_queue.c - order, wake-up and bound of posted functions. */
#include "loop/post_queue.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"

enum { WRITERS = 4, POSTS_PER_WRITER = 5000 };

struct fixture {
    struct event_base *base;
    struct post_queue *queue;
    unsigned runs;
    unsigned order[16];
};

static int set_up(void **state) {
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    fixture->base = event_base_new();
    fixture->queue = post_queue_new(fixture->base);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    post_queue_free(fixture->queue);
    event_base_free(fixture->base);
    free(fixture);
    return 0;
}

static void turn(struct fixture *fixture) {
    (void)event_base_loop(fixture->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void count_run(void *arg) {
    struct fixture *fixture = arg;
    fixture->runs++;
}

struct numbered {
    struct fixture *fixture;
    unsigned number;
};

static void note_number(void *arg) {
    struct numbered *numbered = arg;
    numbered->fixture->order[numbered->fixture->runs++] = numbered->number;
}

static void test_posted_function_runs_in_the_next_turn_and_not_inside_post(void **state) {
    struct fixture *fixture = *state;
    post_queue_post(fixture->queue, count_run, fixture);
    assert_int_equal(fixture->runs, 0);
    turn(fixture);
    assert_int_equal(fixture->runs, 1);
    turn(fixture);
    assert_int_equal(fixture->runs, 1);
}

static void test_order_is_that_of_the_posts(void **state) {
    struct fixture *fixture = *state;
    struct numbered numbered[10];
    for (unsigned i = 0; i < 10; i++) {
        numbered[i] = (struct numbered){fixture, i};
        post_queue_post(fixture->queue, note_number, &numbered[i]);
    }
    turn(fixture);
    assert_int_equal(fixture->runs, 10);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(fixture->order[i], i);
    }
}

static void *post_number(void *arg) {
    struct numbered *numbered = arg;
    post_queue_post(numbered->fixture->queue, note_number, numbered);
    return NULL;
}

static void test_order_holds_over_threads(void **state) {
    struct fixture *fixture = *state;
    struct numbered numbered[10];
    for (unsigned i = 0; i < 10; i++) {
        numbered[i] = (struct numbered){fixture, i};
        if (i % 3 == 0) {
            (void)post_number(&numbered[i]);
            continue;
        }
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, post_number, &numbered[i]), 0);
        (void)pthread_join(thread, NULL);
    }
    turn(fixture);
    assert_int_equal(fixture->runs, 10);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(fixture->order[i], i);
    }
}

static void test_another_thread_wakes_a_sleeping_loop(void **state) {
    struct fixture *fixture = *state;
    struct numbered numbered = {fixture, 7};
    pthread_t thread;
    for (unsigned round = 1; round <= 10; round++) {
        assert_int_equal(pthread_create(&thread, NULL, post_number, &numbered), 0);
        while (fixture->runs < round) {
            (void)event_base_loop(fixture->base, EVLOOP_ONCE);
        }
        (void)pthread_join(thread, NULL);
    }
    assert_int_equal(fixture->runs, 10);
}

struct writer {
    struct post_queue *queue;
    unsigned sent;
    unsigned received;
    bool is_in_order;
    struct message {
        struct writer *writer;
        unsigned number;
    } messages[POSTS_PER_WRITER];
};

static void receive_message(void *arg) {
    struct message *message = arg;
    struct writer *writer = message->writer;
    writer->is_in_order = writer->is_in_order && message->number == writer->received;
    writer->received++;
}

static void *write_messages(void *arg) {
    struct writer *writer = arg;
    for (unsigned i = 0; i < POSTS_PER_WRITER; i++) {
        writer->messages[i] = (struct message){writer, i};
        post_queue_post(writer->queue, receive_message, &writer->messages[i]);
    }
    return NULL;
}

static void test_nothing_is_lost_or_reordered_under_load(void **state) {
    struct fixture *fixture = *state;
    struct writer *writers = xcalloc(WRITERS, sizeof *writers);
    pthread_t threads[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].queue = fixture->queue;
        writers[i].is_in_order = true;
        assert_int_equal(pthread_create(&threads[i], NULL, write_messages, &writers[i]), 0);
    }
    unsigned received = 0;
    while (received <
           WRITERS * POSTS_PER_WRITER) { /* hangs, and so fails, when a wake-up is lost */
        (void)event_base_loop(fixture->base, EVLOOP_ONCE);
        received = 0;
        for (unsigned i = 0; i < WRITERS; i++) {
            received += writers[i].received;
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].received, POSTS_PER_WRITER);
        assert_true(writers[i].is_in_order);
    }
    free(writers);
}

static void post_again(void *arg) {
    struct fixture *fixture = arg;
    unsigned runs = ++fixture->runs;
    post_queue_post(fixture->queue, post_again, fixture);
    assert_int_equal(fixture->runs, runs); /* not inside the call */
}

static void count_and_end(int fd, short what, void *arg) {
    struct fixture *fixture = arg;
    char byte = 0;
    (void)what;
    assert_int_equal(read(fd, &byte, 1), 1);
    fixture->order[0] = fixture->runs;
}

static void test_a_function_that_posts_itself_does_not_starve_other_events(void **state) {
    struct fixture *fixture = *state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    struct event *event = event_new(fixture->base, fds[0], EV_READ, count_and_end, fixture);
    assert_int_equal(event_add(event, NULL), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);

    post_queue_post(fixture->queue, post_again, fixture);
    turn(fixture);
    assert_int_equal(fixture->runs, 10000);
    turn(fixture);
    assert_int_equal(fixture->runs, 20000);
    assert_in_range(fixture->order[0], 10000, 20000); /* the pipe had its turn */

    event_free(event);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void post_once_more(void *arg) {
    struct fixture *fixture = arg;
    if (++fixture->runs < 5) {
        post_queue_post(fixture->queue, post_once_more, fixture);
    }
}

static void test_run_includes_what_is_posted_meanwhile(void **state) {
    struct fixture *fixture = *state;
    post_queue_post(fixture->queue, post_once_more, fixture);
    assert_true(post_queue_run(fixture->queue));
    assert_int_equal(fixture->runs, 5);
    turn(fixture);
    assert_int_equal(fixture->runs, 5);
}

static void test_run_stops_at_its_bound_and_goes_on_later(void **state) {
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 10001; i++) {
        post_queue_post(fixture->queue, count_run, fixture);
    }
    assert_false(post_queue_run(fixture->queue));
    assert_int_equal(fixture->runs, 10000);
    turn(fixture);
    assert_int_equal(fixture->runs, 10001);
    assert_true(post_queue_run(fixture->queue));
}

static void run_inside(void *arg) {
    struct fixture *fixture = arg;
    post_queue_post(fixture->queue, count_run, fixture);
    assert_true(post_queue_run(fixture->queue));
    assert_int_equal(fixture->runs, 1);
}

static void test_posts_wake_the_loop_after_a_run_inside_a_run(void **state) {
    struct fixture *fixture = *state;
    post_queue_post(fixture->queue, run_inside, fixture);
    turn(fixture);
    post_queue_post(fixture->queue, count_run, fixture);
    turn(fixture);
    assert_int_equal(fixture->runs, 2);
}

static void test_free_drops_what_is_still_posted(void **state) {
    struct fixture *fixture = *state;
    post_queue_post(fixture->queue, count_run, fixture);
    post_queue_free(fixture->queue);
    fixture->queue = NULL;
    turn(fixture);
    assert_int_equal(fixture->runs, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_posted_function_runs_in_the_next_turn_and_not_inside_post),
        TEST(test_order_is_that_of_the_posts),
        TEST(test_order_holds_over_threads),
        TEST(test_another_thread_wakes_a_sleeping_loop),
        TEST(test_nothing_is_lost_or_reordered_under_load),
        TEST(test_a_function_that_posts_itself_does_not_starve_other_events),
        TEST(test_run_includes_what_is_posted_meanwhile),
        TEST(test_run_stops_at_its_bound_and_goes_on_later),
        TEST(test_posts_wake_the_loop_after_a_run_inside_a_run),
        TEST(test_free_drops_what_is_still_posted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
