/* SPDX-License-Identifier: MIT
 * test_registry.c - the life of a driver: check, open, close, on the thread that it asks for, with
 * whatever it says. */
#include "plugin/registry.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"

struct fixture {
    struct clock clock;
    struct host_env env;
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
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    loop_turn(fixture->env.loop, false);
    op_table_free(fixture->env.ops);
    loop_free(fixture->env.loop);
    log_free(fixture->env.log);
    (void)close(fixture->log_pipe[0]);
    (void)close(fixture->log_pipe[1]);
    free(fixture);
    return 0;
}

/* The driver under test. It is told what to do by its params, and where to write what happened by
 * "script". */
struct script {
    int32_t check_status;
    int32_t open_status;
    bool gives_no_self;
    bool fills_no_error;
    bool fills_error_to_the_brim;
    trunk_op complete_at_close;
    size_t posts_run;
    const struct trunk_host *host;
    pthread_t check_thread;
    pthread_t open_thread;
    pthread_t close_thread;
    size_t closes;
    atomic_int running; /* jobs on the workers */
    int running_at_close;
};

static struct script *find_script(const struct trunk_param *params, size_t nparams) {
    struct script *script = NULL;
    for (size_t i = 0; i < nparams; i++) {
        if (strcmp(params[i].key, "script") == 0) {
            (void)sscanf(params[i].value, "%p", (void **)&script);
        }
    }
    assert_non_null(script);
    return script;
}

static int32_t answer(const struct script *script, int32_t status, struct trunk_error *error) {
    assert_non_null(error);
    if (status != TRUNK_OK && script->fills_error_to_the_brim) {
        memset(error->key, 'k', sizeof error->key);
        memset(error->text, 't', sizeof error->text);
    } else if (status != TRUNK_OK && !script->fills_no_error) {
        error->status = status;
        strcpy(error->key, "path");
        strcpy(error->text, "no such folder");
    }
    return status;
}

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    struct script *script = find_script(params, nparams);
    script->check_thread = pthread_self();
    return answer(script, script->check_status, error);
}

static int32_t open_scripted(const struct trunk_host *host, const struct trunk_param *params,
                             size_t nparams, void **self, struct trunk_error *error) {
    struct script *script = find_script(params, nparams);
    script->open_thread = pthread_self();
    script->host = host;
    *self = script->gives_no_self ? NULL : script;
    return answer(script, script->open_status, error);
}

static void run_posted(void *arg) {
    struct script *script = arg;
    script->posts_run++;
}

static void close_scripted(void *self) {
    struct script *script = self;
    script->close_thread = pthread_self();
    script->closes++;
    script->running_at_close = atomic_load(&script->running);
    (void)script->host->post(script->host->ctx, run_posted, script);
    if (script->complete_at_close != 0) {
        struct trunk_reply reply = {.struct_size = sizeof reply, .status = TRUNK_CANCELLED};
        script->host->complete(script->host->ctx, script->complete_at_close, &reply);
    }
}

static struct plugin make_storage(uint32_t caps) {
    return (struct plugin){
        .desc = {.kind = TRUNK_KIND_STORAGE, .name = "scripted"},
        .ops.storage = {
            .caps = caps, .check = check, .open = open_scripted, .close = close_scripted}};
}

static struct plugin make_factory(void) {
    return (struct plugin){
        .desc = {.kind = TRUNK_KIND_FACTORY, .name = "scripted"},
        .ops.factory = {.check = check, .open = open_scripted, .close = close_scripted}};
}

static struct param_list make_params(struct script *script) {
    struct param_list list = {xcalloc(1, sizeof *list.items), 1};
    list.items[0] = (struct trunk_param){xstrdup("script"), xasprintf("%p", (void *)script)};
    return list;
}

static struct driver *make_driver(const struct fixture *fixture, const struct plugin *plugin,
                                  struct script *script) {
    struct param_list params = make_params(script);
    struct driver *driver = driver_new(&fixture->env, "mine", plugin, &params);
    assert_null(params.items);
    assert_int_equal(params.count, 0);
    assert_null(driver->self);
    return driver;
}

static void test_driver_that_does_not_block_is_called_on_the_loop_thread(void **state) {
    struct fixture *fixture = *state;
    struct plugin plugins[] = {make_storage(0), make_factory()};
    for (size_t i = 0; i < 2; i++) {
        struct script script = {0};
        struct trunk_error error = {0};
        struct driver *driver = make_driver(fixture, &plugins[i], &script);
        assert_null(driver->workers);
        assert_string_equal(driver->name, "mine");
        assert_string_equal(host_name(driver->host), i == 0 ? "storage scripted" : "factory mine");
        assert_int_equal(driver_check(driver, &error), TRUNK_OK);
        assert_int_equal(driver_open(driver, &error), TRUNK_OK);
        assert_ptr_equal(driver->self, &script);
        driver_free(driver);
        assert_int_equal(script.closes, 1);
        assert_true(pthread_equal(script.check_thread, pthread_self()));
        assert_true(pthread_equal(script.open_thread, pthread_self()));
        assert_true(pthread_equal(script.close_thread, pthread_self()));
    }
}

static void test_blocking_driver_lives_on_one_worker(void **state) {
    struct fixture *fixture = *state;
    struct plugin plugin = make_storage(TRUNK_CAP_BLOCKING);
    struct script script = {0};
    struct driver *driver = make_driver(fixture, &plugin, &script);
    assert_non_null(driver->workers);
    assert_int_equal(driver_check(driver, NULL), TRUNK_OK);
    assert_int_equal(driver_open(driver, NULL), TRUNK_OK);
    driver_free(driver);
    assert_false(pthread_equal(script.open_thread, pthread_self()));
    assert_true(pthread_equal(script.open_thread, script.check_thread));
    assert_true(pthread_equal(script.open_thread, script.close_thread));
}

static void run_job(void *arg) {
    struct script *script = arg;
    for (int i = 0; i < 1000; i++) {
        (void)sched_yield();
    }
    atomic_fetch_sub(&script->running, 1);
}

static void test_close_of_a_parallel_driver_waits_for_its_calls(void **state) {
    struct fixture *fixture = *state;
    struct plugin plugin = make_storage(TRUNK_CAP_BLOCKING | TRUNK_CAP_PARALLEL);
    struct script script = {.running_at_close = -1};
    struct driver *driver = make_driver(fixture, &plugin, &script);
    assert_int_equal(driver_open(driver, NULL), TRUNK_OK);
    atomic_store(&script.running, 20);
    for (int i = 0; i < 20; i++) {
        worker_pool_add(driver->workers, run_job, &script);
    }
    driver_free(driver);
    assert_int_equal(script.closes, 1);
    assert_int_equal(script.running_at_close, 0);
    assert_false(pthread_equal(script.close_thread, pthread_self()));
}

static void test_refusals_of_the_driver_come_with_key_and_text(void **state) {
    struct fixture *fixture = *state;
    struct plugin plugin = make_storage(TRUNK_CAP_BLOCKING);
    struct script script = {.check_status = TRUNK_INVALID, .open_status = TRUNK_DENIED};
    struct trunk_error error = {0};
    struct driver *driver = make_driver(fixture, &plugin, &script);
    assert_int_equal(driver_check(driver, &error), TRUNK_INVALID);
    assert_int_equal(error.status, TRUNK_INVALID);
    assert_string_equal(error.key, "path");
    assert_string_equal(error.text, "no such folder");
    memset(&error, 0, sizeof error);
    assert_int_equal(driver_open(driver, &error), TRUNK_DENIED);
    assert_int_equal(error.status, TRUNK_DENIED);
    assert_string_equal(error.text, "no such folder");
    assert_null(driver->self);
    driver_free(driver);
    assert_int_equal(script.closes, 0); /* never opened */
}

static void test_refusal_without_a_text_gets_one(void **state) {
    struct fixture *fixture = *state;
    struct plugin plugin = make_factory();
    struct script script = {
        .check_status = TRUNK_INVALID, .open_status = 99, .fills_no_error = true};
    struct trunk_error error = {0};
    struct driver *driver = make_driver(fixture, &plugin, &script);
    assert_int_equal(driver_check(driver, &error), TRUNK_INVALID);
    assert_string_equal(error.text, "the driver gave no reason for its INVALID");
    assert_int_equal(driver_open(driver, &error), TRUNK_INTERNAL);
    assert_string_equal(error.text, "the driver gave status 99, which is none; it is broken");
    driver_free(driver);
}

static void test_refusal_without_an_end_is_ended(void **state) {
    struct fixture *fixture = *state;
    struct plugin plugin = make_factory();
    struct script script = {.check_status = TRUNK_INVALID, .fills_error_to_the_brim = true};
    struct trunk_error error = {0};
    struct driver *driver = make_driver(fixture, &plugin, &script);
    assert_int_equal(driver_check(driver, &error), TRUNK_INVALID);
    assert_int_equal(strnlen(error.key, sizeof error.key), sizeof error.key - 1);
    assert_int_equal(strnlen(error.text, sizeof error.text), sizeof error.text - 1);
    driver_free(driver);
}

static void test_open_that_gives_no_instance_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct plugin plugin = make_storage(0);
    struct script script = {.gives_no_self = true};
    struct trunk_error error = {0};
    struct driver *driver = make_driver(fixture, &plugin, &script);
    assert_int_equal(driver_open(driver, &error), TRUNK_INTERNAL);
    assert_string_equal(error.text,
                        "the driver's open said OK, but gave no instance; it is broken");
    driver_free(driver);
    assert_int_equal(script.closes, 0);
}

static void test_check_backend_is_optional(void **state) {
    struct fixture *fixture = *state;
    struct plugin plugin = make_factory();
    struct script script = {.check_status = TRUNK_INVALID};
    struct param_list params = make_params(&script);
    struct trunk_error error = {0};
    (void)fixture;
    assert_int_equal(driver_check_backend(&plugin, &params, &error), TRUNK_OK);
    plugin.ops.factory.check_backend = check;
    assert_int_equal(driver_check_backend(&plugin, &params, &error), TRUNK_INVALID);
    assert_string_equal(error.key, "path");
    params_free(&params);
}

struct result {
    size_t done;
    int32_t status;
};

static void on_done(void *ctx, const struct trunk_reply *reply) {
    struct result *result = ctx;
    result->done++;
    result->status = reply->status;
}

static void test_what_close_completes_and_what_it_leaves_is_delivered_once(void **state) {
    struct fixture *fixture = *state;
    struct plugin plugin = make_storage(0);
    struct script script = {0};
    struct result completed = {0};
    struct result left = {0};
    char log[4096];
    struct driver *driver = make_driver(fixture, &plugin, &script);
    assert_int_equal(driver_open(driver, NULL), TRUNK_OK);
    script.complete_at_close =
        op_begin(fixture->env.ops, driver->host, "load", NULL, on_done, &completed);
    (void)op_begin(fixture->env.ops, driver->host, "touch", NULL, on_done, &left);
    driver_free(driver);
    assert_int_equal(completed.done + left.done, 0);
    loop_turn(fixture->env.loop, false);
    assert_int_equal(completed.done, 1);
    assert_int_equal(completed.status, TRUNK_CANCELLED);
    assert_int_equal(left.done, 1);
    assert_int_equal(left.status, TRUNK_CANCELLED);
    assert_int_equal(script.posts_run, 0); /* dropped: its instance is gone */
    ssize_t len = read(fixture->log_pipe[0], log, sizeof log - 1);
    assert_true(len > 0);
    log[len] = '\0';
    assert_non_null(strstr(log, "never completed: touch"));
    assert_non_null(strstr(log, "storage scripted"));
    assert_null(strstr(log, ": load"));
}

static void test_freeing_no_driver_is_fine(void **state) {
    (void)state;
    driver_free(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_driver_that_does_not_block_is_called_on_the_loop_thread),
        TEST(test_blocking_driver_lives_on_one_worker),
        TEST(test_close_of_a_parallel_driver_waits_for_its_calls),
        TEST(test_refusals_of_the_driver_come_with_key_and_text),
        TEST(test_refusal_without_a_text_gets_one),
        TEST(test_refusal_without_an_end_is_ended),
        TEST(test_open_that_gives_no_instance_is_refused),
        TEST(test_check_backend_is_optional),
        TEST(test_what_close_completes_and_what_it_leaves_is_delivered_once),
        cmocka_unit_test(test_freeing_no_driver_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
