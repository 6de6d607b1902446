/* SPDX-License-Identifier: MIT
 * test_worker_pool.c - order, overlap and end of the jobs of worker threads. */
#include "loop/worker_pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>

enum { JOBS = 1000 };

struct record {
    unsigned count;
    unsigned numbers[JOBS];
    pthread_t threads[JOBS];
};

struct job {
    struct record *record;
    unsigned number;
};

static void note_job(void *arg) {
    const struct job *job = arg;
    struct record *record = job->record;
    record->threads[record->count] = pthread_self();
    record->numbers[record->count++] = job->number;
}

static void test_one_thread_runs_all_jobs_in_order_and_free_waits_for_them(void **state) {
    static struct record record;
    static struct job jobs[JOBS];
    (void)state;
    struct worker_pool *pool = worker_pool_new(1, "one");
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){&record, i};
        worker_pool_add(pool, note_job, &jobs[i]);
    }
    worker_pool_free(pool);
    assert_int_equal(record.count, JOBS);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(record.numbers[i], i);
        assert_true(pthread_equal(record.threads[i], record.threads[0]));
        assert_false(pthread_equal(record.threads[i], pthread_self()));
    }
}

static void meet(void *arg) {
    (void)pthread_barrier_wait(arg);
}

static void test_jobs_overlap_on_several_threads(void **state) {
    (void)state;
    pthread_barrier_t barrier; /* passed only by three jobs that run at the same time */
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 3), 0);
    struct worker_pool *pool = worker_pool_new(3, "three");
    for (int i = 0; i < 9; i++) {
        worker_pool_add(pool, meet, &barrier);
    }
    worker_pool_free(pool);
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

static void set_flag(void *arg) {
    *(bool *)arg = true;
}

static void test_call_returns_after_the_function_and_the_jobs_before_it(void **state) {
    (void)state;
    struct record record = {0};
    struct job job = {&record, 7};
    bool is_called = false;
    struct worker_pool *pool = worker_pool_new(1, "call");
    worker_pool_add(pool, note_job, &job);
    worker_pool_call(pool, set_flag, &is_called);
    assert_true(is_called);
    assert_int_equal(record.count, 1);
    worker_pool_free(pool);
}

struct chain {
    struct worker_pool *pool;
    unsigned left;
};

static void add_next(void *arg) {
    struct chain *chain = arg;
    if (chain->left > 0) {
        chain->left--;
        worker_pool_add(chain->pool, add_next, chain);
    }
}

static void test_job_may_add_a_job_while_the_pool_ends(void **state) {
    (void)state;
    struct worker_pool *pool = worker_pool_new(1, "chain");
    struct chain chain = {pool, 1000};
    worker_pool_add(pool, add_next, &chain);
    worker_pool_free(pool);
    assert_int_equal(chain.left, 0);
}

struct adder {
    struct worker_pool *pool;
    atomic_uint *runs;
};

static void count_run(void *arg) {
    (void)atomic_fetch_add((atomic_uint *)arg, 1);
}

static void *add_many(void *arg) {
    struct adder *adder = arg;
    for (unsigned i = 0; i < JOBS; i++) {
        worker_pool_add(adder->pool, count_run, adder->runs);
    }
    return NULL;
}

static void test_jobs_may_come_from_any_thread(void **state) {
    (void)state;
    atomic_uint runs = 0;
    struct adder adder = {worker_pool_new(4, "many"), &runs};
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &adder), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    worker_pool_free(adder.pool);
    assert_int_equal(atomic_load(&runs), 4 * JOBS);
}

struct view {
    sigset_t mask;
    char name[32];
};

static void view_thread(void *arg) {
    struct view *view = arg;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &view->mask);
    (void)pthread_getname_np(pthread_self(), view->name, sizeof view->name);
}

static void test_workers_block_signals_and_their_maker_keeps_its_mask(void **state) {
    (void)state;
    struct view view = {0};
    sigset_t mask;
    struct worker_pool *pool = worker_pool_new(1, "storage memory of a long name");
    worker_pool_call(pool, view_thread, &view);
    worker_pool_free(pool);
    assert_true(sigismember(&view.mask, SIGTERM));
    assert_true(sigismember(&view.mask, SIGUSR1));
    assert_true(sigismember(&view.mask, SIGCHLD));
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGTERM));
}

static void test_threads_have_the_pools_name_cut_to_15_bytes(void **state) {
    (void)state;
    struct view view = {0};
    struct worker_pool *pool = worker_pool_new(1, "storage memory of a long name");
    worker_pool_call(pool, view_thread, &view);
    worker_pool_free(pool);
    assert_string_equal(view.name, "storage memory ");
}

static void test_free_of_an_idle_pool_and_of_none(void **state) {
    (void)state;
    worker_pool_free(worker_pool_new(2, "idle"));
    worker_pool_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread_runs_all_jobs_in_order_and_free_waits_for_them),
        cmocka_unit_test(test_jobs_overlap_on_several_threads),
        cmocka_unit_test(test_call_returns_after_the_function_and_the_jobs_before_it),
        cmocka_unit_test(test_job_may_add_a_job_while_the_pool_ends),
        cmocka_unit_test(test_jobs_may_come_from_any_thread),
        cmocka_unit_test(test_workers_block_signals_and_their_maker_keeps_its_mask),
        cmocka_unit_test(test_threads_have_the_pools_name_cut_to_15_bytes),
        cmocka_unit_test(test_free_of_an_idle_pool_and_of_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
