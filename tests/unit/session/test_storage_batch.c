/* SPDX-License-Identifier: MIT
 * test_storage_batch.c - group commit: which calls share a bracket, and what they are told when. */
#include "unit/session/rig.h"

#include <pthread.h>
#include <stdatomic.h>

enum { MOST_CALLS = 700 };

/* A BLOCKING driver with brackets; its calls stop where the test says. All but `lock` and the
 * atomics belong to the worker, and to the test when nothing is under way. */
struct ledger {
    struct plugin plugin;
    const struct trunk_host *host;
    pthread_mutex_t gate;        /* a load of "gate" waits while the test has it */
    pthread_mutex_t commit_gate; /* commit likewise */
    atomic_uint at_gate;
    atomic_uint puts;
    atomic_uint commits_begun;
    int32_t begin_status;
    int32_t commit_status;
    bool is_in_bracket;
    unsigned brackets;
    unsigned writing_brackets;
    unsigned in_brackets; /* ops that came in one */
    unsigned alone;       /* ops that came in none */
};

struct told {
    size_t calls;
    int32_t status;
    uint64_t version;
    char value[32];
    char message[64];
};

struct fixture {
    struct loop *loop;
    struct clock clock;
    struct host_env env;
    struct ledger ledger;
    struct driver *driver;
    struct storage *storage;
    struct loop_timer *watchdog;
    bool is_late;
    struct told told[MOST_CALLS];
};

/* The driver */

static void do_nothing(void *arg) {
    (void)arg;
}

/* Tells the test, whose loop may sleep, that the worker is at this gate. */
static void pass(const struct ledger *ledger, atomic_uint *count, pthread_mutex_t *gate) {
    atomic_fetch_add(count, 1);
    (void)ledger->host->post(ledger->host->ctx, do_nothing, NULL);
    (void)pthread_mutex_lock(gate);
    (void)pthread_mutex_unlock(gate);
}

static void complete(struct ledger *ledger, trunk_op op, const struct trunk_reply *reply) {
    struct trunk_reply whole = *reply;
    whole.struct_size = sizeof whole;
    *(ledger->is_in_bracket ? &ledger->in_brackets : &ledger->alone) += 1;
    ledger->host->complete(ledger->host->ctx, op, &whole);
}

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    (void)params;
    (void)nparams;
    (void)error;
    return TRUNK_OK;
}

static int32_t open_ledger(const struct trunk_host *host, const struct trunk_param *params,
                           size_t nparams, void **self, struct trunk_error *error) {
    struct ledger *ledger = NULL;
    (void)nparams;
    (void)error;
    (void)sscanf(params[0].value, "%p", (void **)&ledger);
    ledger->host = host;
    *self = ledger;
    return TRUNK_OK;
}

static void close_ledger(void *self) {
    (void)self;
}

static void load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    struct ledger *ledger = self;
    (void)touch_ttl_ms;
    if (slice_equal_cstr(key, "gate")) {
        pass(ledger, &ledger->at_gate, &ledger->gate);
    }
    complete(ledger, op, &(struct trunk_reply){.value = slice_cstr("value"), .version = 7});
}

/* Of "refused" it is refused. */
static void put(void *self, const struct trunk_put *what, trunk_op op) {
    struct ledger *ledger = self;
    atomic_fetch_add(&ledger->puts, 1);
    if (slice_equal_cstr(what->key, "refused")) {
        complete(ledger, op,
                 &(struct trunk_reply){.status = TRUNK_EXISTS, .message = "the record exists"});
    } else {
        complete(ledger, op, &(struct trunk_reply){.version = 9});
    }
}

static void sweep(void *self, uint32_t limit, trunk_op op) {
    struct ledger *ledger = self;
    struct trunk_item item = {.struct_size = sizeof item, .key = slice_cstr("swept")};
    (void)limit;
    ledger->host->emit(ledger->host->ctx, op, &item);
    complete(ledger, op, &(struct trunk_reply){.status = TRUNK_OK});
}

static int32_t begin(void *self, uint32_t writes, struct trunk_error *error) {
    struct ledger *ledger = self;
    (void)snprintf(error->text, sizeof error->text, "begin says no");
    if (ledger->begin_status == TRUNK_OK) {
        ledger->is_in_bracket = true;
        ledger->brackets++;
        ledger->writing_brackets += writes;
    }
    return ledger->begin_status;
}

static int32_t commit(void *self, struct trunk_error *error) {
    struct ledger *ledger = self;
    pass(ledger, &ledger->commits_begun, &ledger->commit_gate);
    ledger->is_in_bracket = false;
    (void)snprintf(error->text, sizeof error->text, "commit says no");
    return ledger->commit_status;
}

/* The fixture */

static void on_watchdog(void *arg) {
    struct fixture *fixture = arg;
    fixture->is_late = true;
}

static void open_fixture(void **state, uint64_t timeout_ms) {
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    struct ledger *ledger = &fixture->ledger;
    struct param_list params = {.items = xcalloc(1, sizeof *params.items), .count = 1};
    fixture->loop = loop_new();
    clock_init(&fixture->clock);
    fixture->env =
        (struct host_env){fixture->loop, NULL, &fixture->clock, op_table_new(fixture->loop, NULL)};
    fixture->watchdog = loop_timer_new(fixture->loop, on_watchdog, fixture);
    (void)pthread_mutex_init(&ledger->gate, NULL);
    (void)pthread_mutex_init(&ledger->commit_gate, NULL);
    ledger->plugin = (struct plugin){.desc = {.kind = TRUNK_KIND_STORAGE, .name = "ledger"},
                                     .ops.storage = {.caps = TRUNK_CAP_BLOCKING,
                                                     .check = check,
                                                     .open = open_ledger,
                                                     .close = close_ledger,
                                                     .load = load,
                                                     .put = put,
                                                     .sweep = sweep,
                                                     .begin = begin,
                                                     .commit = commit}};
    params.items[0] = (struct trunk_param){xstrdup("ledger"), xasprintf("%p", (void *)ledger)};
    fixture->driver = driver_new(&fixture->env, "storage", &ledger->plugin, &params);
    assert_int_equal(driver_open(fixture->driver, NULL), TRUNK_OK);
    fixture->storage = storage_new(fixture->driver, timeout_ms);
    *state = fixture;
}

static int set_up(void **state) {
    open_fixture(state, RIG_STORE_TIMEOUT_MS);
    return 0;
}

static int set_up_impatient(void **state) {
    open_fixture(state, 20);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    storage_stop(fixture->storage);
    driver_free(fixture->driver);
    for (int i = 0; i < 20; i++) {
        loop_turn(fixture->loop, false);
    }
    assert_int_equal(storage_count_pending(fixture->storage), 0);
    assert_int_equal(op_count_mistakes(fixture->env.ops), 0);
    storage_free(fixture->storage);
    op_table_free(fixture->env.ops);
    loop_timer_free(fixture->watchdog);
    loop_free(fixture->loop);
    (void)pthread_mutex_destroy(&fixture->ledger.gate);
    (void)pthread_mutex_destroy(&fixture->ledger.commit_gate);
    free(fixture);
    return 0;
}

static void on_told(void *ctx, const struct trunk_reply *reply) {
    struct told *told = ctx;
    told->calls++;
    told->status = reply->status;
    told->version = reply->version;
    (void)snprintf(told->value, sizeof told->value, "%.*s", (int)reply->value.len,
                   reply->value.len > 0 ? (const char *)reply->value.data : "");
    (void)snprintf(told->message, sizeof told->message, "%s",
                   reply->message != NULL ? reply->message : "");
}

static void put_key(struct fixture *fixture, const char *key, size_t i) {
    storage_put(fixture->storage, TRUNK_PUT_CREATE, key, slice_cstr("v"), 0, 0, on_told,
                &fixture->told[i]);
}

static void put_many(struct fixture *fixture, size_t from, size_t to) {
    char key[16];
    for (size_t i = from; i < to; i++) {
        (void)snprintf(key, sizeof key, "k%zu", i);
        put_key(fixture, key, i);
    }
}

/* The worker is busy with call 0 from here until the gate is opened: what comes waits together. */
static void close_gate(struct fixture *fixture) {
    unsigned before = atomic_load(&fixture->ledger.at_gate);
    (void)pthread_mutex_lock(&fixture->ledger.gate);
    storage_load(fixture->storage, "gate", 0, on_told, &fixture->told[0]);
    RIG_UNTIL(fixture, atomic_load(&fixture->ledger.at_gate) > before);
}

static void open_gate(struct fixture *fixture) {
    (void)pthread_mutex_unlock(&fixture->ledger.gate);
}

static void wait_for(struct fixture *fixture, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        RIG_UNTIL(fixture, fixture->told[i].calls == 1);
    }
}

/* Brackets */

static void test_what_waits_together_shares_one_bracket(void **state) {
    struct fixture *fixture = *state;
    close_gate(fixture);
    put_many(fixture, 1, 50);
    open_gate(fixture);
    wait_for(fixture, 0, 50);
    for (size_t i = 1; i < 50; i++) {
        assert_int_equal(fixture->told[i].status, TRUNK_OK);
        assert_int_equal(fixture->told[i].version, 9);
    }
    assert_int_equal(fixture->ledger.in_brackets + fixture->ledger.alone, 50);
    assert_in_range(fixture->ledger.in_brackets, 48,
                    50); /* the worker may not have been there yet */
    assert_int_equal(fixture->ledger.brackets, 1);
    assert_int_equal(fixture->ledger.writing_brackets, 1);
}

static void test_a_call_that_waits_alone_has_no_bracket(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 5; i++) {
        put_many(fixture, i, i + 1);
        wait_for(fixture, i, i + 1);
    }
    assert_int_equal(fixture->ledger.brackets, 0);
    assert_int_equal(fixture->ledger.alone, 5);
}

static void test_a_bracket_of_loads_does_not_write_but_with_a_touch_it_does(void **state) {
    struct fixture *fixture = *state;
    static const char *const keys[] = {"a", "b", "c", "d"};
    for (uint64_t ttl_ms = 0; ttl_ms < 2; ttl_ms++) {
        memset(fixture->told, 0, sizeof fixture->told);
        close_gate(fixture);
        for (size_t i = 0; i < 4; i++) {
            storage_load(fixture->storage, keys[i], i == 3 ? ttl_ms : 0, on_told,
                         &fixture->told[i + 1]);
        }
        open_gate(fixture);
        wait_for(fixture, 0, 5);
        assert_string_equal(fixture->told[4].value, "value");
        assert_int_equal(fixture->told[4].version, 7);
        assert_int_equal(fixture->ledger.writing_brackets, ttl_ms);
    }
    assert_int_equal(fixture->ledger.brackets, 2);
}

static void ignore_item(void *ctx, const struct trunk_item *item) {
    size_t *items = ctx;
    (void)item;
    (*items)++;
}

static void count_sweep(void *ctx, const struct trunk_reply *reply) {
    size_t *items = ctx;
    assert_int_equal(reply->status, TRUNK_OK);
    *items += 100;
}

static void test_a_sweep_is_in_no_bracket(void **state) {
    struct fixture *fixture = *state;
    size_t swept = 0;
    close_gate(fixture);
    put_many(fixture, 1, 10);
    storage_sweep(fixture->storage, 1, ignore_item, count_sweep, &swept);
    put_many(fixture, 10, 20);
    open_gate(fixture);
    wait_for(fixture, 0, 20);
    RIG_UNTIL(fixture, swept == 101);
    assert_int_equal(fixture->ledger.alone, 2); /* with the one at the gate */
    assert_int_equal(fixture->ledger.in_brackets, 19);
}

static void test_more_than_one_bracket_takes_are_told_all_the_same(void **state) {
    struct fixture *fixture = *state;
    close_gate(fixture);
    put_many(fixture, 1, MOST_CALLS);
    open_gate(fixture);
    wait_for(fixture, 0, MOST_CALLS);
    assert_int_equal(fixture->ledger.brackets, 3);
}

/* What is told */

static void
test_nothing_is_told_before_the_commit_nor_is_the_next_op_of_a_key_issued(void **state) {
    struct fixture *fixture = *state;
    (void)pthread_mutex_lock(&fixture->ledger.commit_gate);
    close_gate(fixture);
    put_key(fixture, "a", 1);
    put_key(fixture, "refused", 2);
    put_key(fixture, "a", 3);
    put_key(fixture, "b", 4);
    open_gate(fixture);
    RIG_UNTIL(fixture, atomic_load(&fixture->ledger.commits_begun) == 1);
    for (int i = 0; i < 20; i++) {
        loop_turn(fixture->loop, false);
    }
    assert_int_equal(fixture->told[1].calls + fixture->told[2].calls + fixture->told[4].calls, 0);
    assert_int_equal(atomic_load(&fixture->ledger.puts), 3);
    (void)pthread_mutex_unlock(&fixture->ledger.commit_gate);
    wait_for(fixture, 0, 5);
    assert_int_equal(fixture->told[1].status, TRUNK_OK);
    assert_int_equal(fixture->told[2].status, TRUNK_EXISTS);
    assert_string_equal(fixture->told[2].message, "the record exists");
    assert_int_equal(fixture->told[3].status, TRUNK_OK);
}

/* Every call of the bracket is told `told`, when commit says `said`. */
static void fail_commit(struct fixture *fixture, int32_t said, int32_t told) {
    memset(fixture->told, 0, sizeof fixture->told);
    fixture->ledger.commit_status = said;
    close_gate(fixture);
    put_key(fixture, "a", 1);
    put_key(fixture, "refused", 2);
    storage_load(fixture->storage, "b", 0, on_told, &fixture->told[3]);
    open_gate(fixture);
    wait_for(fixture, 0, 4);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(fixture->told[i].status, told);
        assert_string_equal(fixture->told[i].message, "commit says no");
        assert_int_equal(fixture->told[i].version, 0);
    }
}

static void test_a_failed_commit_is_told_to_every_op_of_its_bracket(void **state) {
    fail_commit(*state, TRUNK_UNAVAILABLE, TRUNK_UNAVAILABLE);
    fail_commit(*state, TRUNK_UNCERTAIN, TRUNK_UNCERTAIN);
    fail_commit(*state, TRUNK_INTERNAL, TRUNK_UNCERTAIN); /* commit must not say that */
    fail_commit(*state, 99, TRUNK_UNCERTAIN);
}

static void test_a_refused_begin_is_told_to_every_op_and_none_is_issued(void **state) {
    struct fixture *fixture = *state;
    fixture->ledger.begin_status = TRUNK_UNAVAILABLE;
    close_gate(fixture);
    put_many(fixture, 1, 10);
    open_gate(fixture);
    wait_for(fixture, 0, 10);
    assert_int_equal(atomic_load(&fixture->ledger.puts), 0);
    for (size_t i = 1; i < 10; i++) {
        assert_int_equal(fixture->told[i].status, TRUNK_UNAVAILABLE);
        assert_string_equal(fixture->told[i].message, "begin says no");
    }
}

static void
test_a_commit_beyond_the_deadline_is_uncertain_and_its_late_end_is_harmless(void **state) {
    struct fixture *fixture = *state;
    (void)pthread_mutex_lock(&fixture->ledger.commit_gate);
    close_gate(fixture);
    put_many(fixture, 1, 10);
    open_gate(fixture);
    wait_for(fixture, 1, 10);
    for (size_t i = 1; i < 10; i++) {
        assert_int_equal(fixture->told[i].status, TRUNK_UNCERTAIN);
    }
    assert_true(storage_count_pending(fixture->storage) > 0);
    (void)pthread_mutex_unlock(&fixture->ledger.commit_gate);
    RIG_UNTIL(fixture, storage_count_pending(fixture->storage) == 0);
    for (size_t i = 1; i < 10; i++) {
        assert_int_equal(fixture->told[i].calls, 1);
    }
}

static void test_what_was_issued_before_a_stop_is_committed_and_told(void **state) {
    struct fixture *fixture = *state;
    close_gate(fixture);
    put_many(fixture, 1, 20);
    storage_stop(fixture->storage);
    open_gate(fixture);
    wait_for(fixture, 0, 20);
    for (size_t i = 1; i < 20; i++) {
        assert_int_equal(fixture->told[i].status, TRUNK_OK);
    }
}

int main(void) {
#define CASE(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_what_waits_together_shares_one_bracket),
        CASE(test_a_call_that_waits_alone_has_no_bracket),
        CASE(test_a_bracket_of_loads_does_not_write_but_with_a_touch_it_does),
        CASE(test_a_sweep_is_in_no_bracket),
        CASE(test_more_than_one_bracket_takes_are_told_all_the_same),
        CASE(test_nothing_is_told_before_the_commit_nor_is_the_next_op_of_a_key_issued),
        CASE(test_a_failed_commit_is_told_to_every_op_of_its_bracket),
        CASE(test_a_refused_begin_is_told_to_every_op_and_none_is_issued),
        cmocka_unit_test_setup_teardown(
            test_a_commit_beyond_the_deadline_is_uncertain_and_its_late_end_is_harmless,
            set_up_impatient, tear_down),
        CASE(test_what_was_issued_before_a_stop_is_committed_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
