/* SPDX-License-Identifier: MIT
 * test_storage.c - the front to a storage driver: order, bounds, deadlines, workers, stop. */
#include "unit/session/rig.h"

#include <pthread.h>
#include <stdatomic.h>

struct fixture {
    struct loop *loop;
    struct clock clock;
    struct host_env env;
    struct cue_storage *store;
    struct storage *storage;
    struct loop_timer *watchdog;
    bool is_late;
    bool is_closed;
};

/* What one call was told. */
struct told {
    size_t calls;
    int32_t status;
    char value[64];
    uint64_t version;
    size_t items;
    char last_key[64];
    char last_value[64];
};

static void on_told(void *ctx, const struct trunk_reply *reply) {
    struct told *told = ctx;
    told->calls++;
    told->status = reply->status;
    told->version = reply->version;
    (void)snprintf(told->value, sizeof told->value, "%.*s", (int)reply->value.len,
                   reply->value.len > 0 ? (const char *)reply->value.data : "");
    assert_true(reply->status == TRUNK_OK || reply->message != NULL);
}

static void on_item(void *ctx, const struct trunk_item *item) {
    struct told *told = ctx;
    assert_int_equal(told->calls, 0);
    told->items++;
    (void)snprintf(told->last_key, sizeof told->last_key, "%.*s", (int)item->key.len,
                   (const char *)item->key.data);
    (void)snprintf(told->last_value, sizeof told->last_value, "%.*s", (int)item->value.len,
                   (const char *)item->value.data);
}

static void on_watchdog(void *arg) {
    struct fixture *fixture = arg;
    fixture->is_late = true;
}

static struct fixture *fixture_new(void) {
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    fixture->loop = loop_new();
    clock_init(&fixture->clock);
    fixture->env =
        (struct host_env){fixture->loop, NULL, &fixture->clock, op_table_new(fixture->loop, NULL)};
    fixture->watchdog = loop_timer_new(fixture->loop, on_watchdog, fixture);
    return fixture;
}

static void open_store(void **state, uint32_t max_inflight, uint64_t timeout_ms) {
    struct fixture *fixture = fixture_new();
    fixture->store = cue_storage_new(&fixture->env, TRUNK_CAP_PERSISTENT, max_inflight);
    fixture->storage = storage_new(cue_storage_driver(fixture->store), timeout_ms);
    *state = fixture;
}

static int set_up(void **state) {
    open_store(state, 0, RIG_STORE_TIMEOUT_MS);
    return 0;
}

static int set_up_narrow(void **state) {
    open_store(state, 2, RIG_STORE_TIMEOUT_MS);
    return 0;
}

static int set_up_impatient(void **state) {
    open_store(state, 0, 20);
    return 0;
}

static int set_up_narrow_and_impatient(void **state) {
    open_store(state, 1, 20);
    return 0;
}

static void settle(struct fixture *fixture) {
    for (int i = 0; i < 20; i++) {
        loop_turn(fixture->loop, false);
    }
}

static void fixture_free(struct fixture *fixture) {
    settle(fixture);
    assert_int_equal(storage_count_pending(fixture->storage), 0);
    storage_free(fixture->storage);
    assert_int_equal(op_count_pending(fixture->env.ops, NULL), 0);
    op_table_free(fixture->env.ops);
    loop_timer_free(fixture->watchdog);
    loop_free(fixture->loop);
    free(fixture);
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(op_count_mistakes(fixture->env.ops), 0);
    storage_stop(fixture->storage);
    if (!fixture->is_closed) {
        driver_free(cue_storage_driver(fixture->store));
    }
    cue_storage_free(fixture->store);
    fixture_free(fixture);
    return 0;
}

static void put(struct fixture *fixture, uint32_t mode, const char *key, const char *value,
                uint64_t version, struct told *told) {
    storage_put(fixture->storage, mode, key, slice_cstr(value), 1000, version, on_told, told);
}

static void load(struct fixture *fixture, const char *key, struct told *told) {
    storage_load(fixture->storage, key, 0, on_told, told);
}

/* What it passes on */

static void test_every_call_reaches_the_driver_and_is_told_on_the_loop(void **state) {
    struct fixture *fixture = *state;
    struct told told[8] = {0};
    storage_ping(fixture->storage, on_told, &told[0]);
    put(fixture, TRUNK_PUT_CREATE, "k", "one", 0, &told[1]);
    load(fixture, "k", &told[2]);
    storage_touch(fixture->storage, "k", 500, on_told, &told[3]);
    assert_int_equal(storage_count_pending(fixture->storage), 4);
    assert_int_equal(told[0].calls + told[1].calls, 0); /* never inside the call */
    RIG_UNTIL(fixture, told[0].calls == 1 && told[3].calls == 1);
    assert_int_equal(told[0].status, TRUNK_OK);
    assert_int_equal(told[1].status, TRUNK_OK);
    assert_int_equal(told[2].status, TRUNK_OK);
    assert_string_equal(told[2].value, "one");
    assert_int_equal(told[2].version, told[1].version);
    assert_int_equal(told[3].status, TRUNK_OK);
    put(fixture, TRUNK_PUT_CAS, "k", "two", told[1].version, &told[4]);
    put(fixture, TRUNK_PUT_CAS, "k", "three", told[1].version, &told[5]);
    storage_remove(fixture->storage, "k", on_told, &told[6]);
    load(fixture, "k", &told[7]);
    RIG_UNTIL(fixture, told[7].calls == 1);
    assert_int_equal(told[4].status, TRUNK_OK);
    assert_int_equal(told[5].status, TRUNK_CONFLICT);
    assert_int_equal(told[6].status, TRUNK_OK);
    assert_int_equal(told[7].status, TRUNK_NOT_FOUND);
    assert_true(storage_is_persistent(fixture->storage));
}

static void test_what_a_call_needs_is_copied(void **state) {
    struct fixture *fixture = *state;
    struct told stored = {0};
    char key[] = "key";
    char value[] = "value";
    cue_storage_hold(fixture->store, "load");
    load(fixture, key, &(struct told){0}); /* so that the put has to wait */
    storage_put(fixture->storage, TRUNK_PUT_UPSERT, key, slice_cstr(value), 0, 0, on_told, &stored);
    memset(key, 'x', sizeof key - 1);
    memset(value, 'x', sizeof value - 1);
    cue_storage_let_all(fixture->store);
    RIG_UNTIL(fixture, stored.calls == 1);
    assert_string_equal(cue_storage_find(fixture->store, "key")->value, "value");
}

static void test_a_load_restarts_the_life_when_it_is_told_to(void **state) {
    struct fixture *fixture = *state;
    struct told told[2] = {0};
    put(fixture, TRUNK_PUT_UPSERT, "k", "v", 0, &told[0]);
    storage_load(fixture->storage, "k", 100000, on_told, &told[1]);
    RIG_UNTIL(fixture, told[1].calls == 1);
    assert_true(cue_storage_find(fixture->store, "k")->expires_ms >
                clock_wall_ms(&fixture->clock) + 50000);
}

static void test_a_sweep_gives_each_expired_record_before_it_is_told(void **state) {
    struct fixture *fixture = *state;
    struct told swept = {0};
    cue_storage_write(fixture->store, "a", slice_cstr("1"));
    cue_storage_write(fixture->store, "b", slice_cstr("2"));
    cue_storage_write(fixture->store, "c", slice_cstr("3"));
    cue_storage_expire(fixture->store, "a");
    cue_storage_expire(fixture->store, "b");
    storage_sweep(fixture->storage, 10, on_item, on_told, &swept);
    RIG_UNTIL(fixture, swept.calls == 1);
    assert_int_equal(swept.items, 2);
    assert_int_equal(cue_storage_count_records(fixture->store), 1);
}

static void test_a_scan_gives_the_living_records_of_a_prefix_page_by_page(void **state) {
    struct fixture *fixture = *state;
    static const char *const keys[] = {"n:a", "s:1", "s:2", "s:3", "t:a"};
    struct told page = {0};
    size_t items = 0;
    size_t pages = 0;
    for (size_t i = 0; i < 5; i++) {
        cue_storage_write(fixture->store, keys[i], slice_cstr(keys[i]));
    }
    cue_storage_expire(fixture->store, "s:2");
    do {
        char cursor[sizeof page.value];
        memcpy(cursor, page.value, sizeof cursor);
        page = (struct told){0};
        storage_scan(fixture->storage, "s:", slice_cstr(cursor), 2, on_item, on_told, &page);
        memset(cursor, 'x', sizeof cursor); /* it was copied */
        RIG_UNTIL(fixture, page.calls == 1);
        assert_int_equal(page.status, TRUNK_OK);
        items += page.items;
        pages++;
    } while (page.value[0] != '\0');
    assert_int_equal(items, 2);
    assert_int_equal(pages, 3);
}

/* Order and bounds */

static void test_one_op_per_key_at_a_time_in_the_order_of_the_calls(void **state) {
    struct fixture *fixture = *state;
    struct told told[4] = {0};
    cue_storage_hold(fixture->store, "load");
    load(fixture, "k", &told[0]);
    put(fixture, TRUNK_PUT_CREATE, "k", "v", 0, &told[1]);
    load(fixture, "k", &told[2]);
    storage_remove(fixture->storage, "k", on_told, &told[3]);
    settle(fixture);
    assert_int_equal(cue_storage_count_calls(fixture->store, "put"), 0);
    cue_storage_release_next(fixture->store, "load");
    RIG_UNTIL(fixture, told[1].calls == 1);
    assert_int_equal(told[0].status, TRUNK_NOT_FOUND);
    assert_int_equal(cue_storage_count_calls(fixture->store, "remove"), 0);
    cue_storage_release_next(fixture->store, "load");
    RIG_UNTIL(fixture, told[3].calls == 1);
    assert_string_equal(told[2].value, "v");
    assert_int_equal(cue_storage_most_pending(fixture->store), 1);
}

static void test_different_keys_go_in_parallel_and_end_in_any_order(void **state) {
    struct fixture *fixture = *state;
    struct told told[4] = {0};
    cue_storage_hold(fixture->store, "load");
    cue_storage_hold(fixture->store, "put");
    load(fixture, "a", &told[0]);
    put(fixture, TRUNK_PUT_UPSERT, "b", "v", 0, &told[1]);
    load(fixture, "c", &told[2]);
    storage_sweep(fixture->storage, 10, on_item, on_told, &told[3]);
    RIG_UNTIL(fixture, told[3].calls == 1);
    assert_int_equal(cue_storage_most_pending(fixture->store), 4);
    cue_storage_release_next(fixture->store, "put");
    RIG_UNTIL(fixture, told[1].calls == 1);
    assert_int_equal(told[0].calls + told[2].calls, 0);
    cue_storage_let_all(fixture->store);
    RIG_UNTIL(fixture, told[0].calls == 1 && told[2].calls == 1);
}

static void test_no_more_than_max_inflight_are_under_way_and_the_rest_wait(void **state) {
    struct fixture *fixture = *state;
    static const char *const keys[] = {"a", "b", "c", "d", "a", "b"};
    struct told told[8] = {0};
    cue_storage_hold(fixture->store, "load");
    for (size_t i = 0; i < 6; i++) {
        load(fixture, keys[i], &told[i]);
    }
    storage_ping(fixture->storage, on_told, &told[6]);
    storage_sweep(fixture->storage, 1, on_item, on_told, &told[7]);
    settle(fixture);
    assert_int_equal(cue_storage_count_held(fixture->store, "load"), 2);
    assert_int_equal(cue_storage_count_calls(fixture->store, "ping"), 0);
    for (size_t i = 0; i < 6; i++) {
        RIG_UNTIL(fixture, cue_storage_count_held(fixture->store, "load") > 0);
        cue_storage_release_next(fixture->store, "load");
    }
    for (size_t i = 0; i < 8; i++) {
        RIG_UNTIL(fixture, told[i].calls == 1);
    }
    assert_int_equal(cue_storage_most_pending(fixture->store), 2);
    assert_int_equal(storage_count_pending(fixture->storage), 0);
}

struct chain {
    struct fixture *fixture;
    size_t left;
};

static void load_again(void *ctx, const struct trunk_reply *reply) {
    struct chain *chain = ctx;
    assert_int_equal(reply->status, TRUNK_NOT_FOUND);
    if (--chain->left > 0) {
        storage_load(chain->fixture->storage, "k", 0, load_again, chain);
    }
}

static void test_what_is_told_may_call_again_at_once(void **state) {
    struct chain chain = {*state, 100};
    storage_load(chain.fixture->storage, "k", 0, load_again, &chain);
    storage_load(chain.fixture->storage, "k", 0, load_again, &(struct chain){*state, 1});
    RIG_UNTIL(chain.fixture, chain.left == 0);
}

/* Deadlines */

static void test_a_read_that_is_not_answered_in_time_is_unavailable(void **state) {
    struct fixture *fixture = *state;
    struct told loaded = {0};
    struct told pinged = {0};
    cue_storage_hold(fixture->store, "load");
    cue_storage_hold(fixture->store, "ping");
    load(fixture, "k", &loaded);
    storage_ping(fixture->storage, on_told, &pinged);
    RIG_UNTIL(fixture, loaded.calls == 1 && pinged.calls == 1);
    assert_int_equal(loaded.status, TRUNK_UNAVAILABLE);
    assert_int_equal(pinged.status, TRUNK_UNAVAILABLE);
    assert_int_equal(storage_count_pending(fixture->storage), 2); /* until the driver completes */
    cue_storage_let_all(fixture->store);
    settle(fixture);
    assert_int_equal(loaded.calls + pinged.calls, 2);
}

static void
test_a_write_that_is_not_answered_in_time_is_uncertain_and_its_late_end_is_harmless(void **state) {
    struct fixture *fixture = *state;
    struct told told[3] = {0};
    struct told after = {0};
    cue_storage_hold(fixture->store, "put");
    cue_storage_hold(fixture->store, "touch");
    cue_storage_hold(fixture->store, "remove");
    put(fixture, TRUNK_PUT_UPSERT, "a", "v", 0, &told[0]);
    storage_touch(fixture->storage, "b", 1, on_told, &told[1]);
    storage_remove(fixture->storage, "c", on_told, &told[2]);
    for (size_t i = 0; i < 3; i++) {
        RIG_UNTIL(fixture, told[i].calls == 1);
        assert_int_equal(told[i].status, TRUNK_UNCERTAIN);
    }
    cue_storage_let_all(fixture->store);
    settle(fixture);
    load(fixture, "a", &after); /* the key is free again, and what was late has happened */
    RIG_UNTIL(fixture, after.calls == 1);
    assert_string_equal(after.value, "v");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(told[i].calls, 1);
    }
}

/* What it takes off the store is known to nobody else. */
static void test_a_sweep_is_waited_for_as_long_as_it_takes(void **state) {
    struct fixture *fixture = *state;
    struct told swept = {0};
    struct told late = {0};
    cue_storage_write(fixture->store, "a", slice_cstr("1"));
    cue_storage_expire(fixture->store, "a");
    cue_storage_hold(fixture->store, "sweep");
    cue_storage_hold(fixture->store, "load");
    storage_sweep(fixture->storage, 10, on_item, on_told, &swept);
    load(fixture, "k", &late);
    RIG_UNTIL(fixture, late.calls == 1);
    assert_int_equal(late.status, TRUNK_UNAVAILABLE);
    assert_int_equal(swept.calls, 0);
    cue_storage_let_all(fixture->store);
    RIG_UNTIL(fixture, swept.calls == 1);
    assert_int_equal(swept.status, TRUNK_OK);
    assert_int_equal(swept.items, 1);
}

static void test_a_call_that_waits_for_its_key_too_long_is_surely_not_done(void **state) {
    struct fixture *fixture = *state;
    struct told told[4] = {0};
    cue_storage_hold(fixture->store, "load");
    load(fixture, "k", &told[0]);
    put(fixture, TRUNK_PUT_UPSERT, "k", "v", 0, &told[1]);
    storage_remove(fixture->storage, "k", on_told, &told[2]);
    for (size_t i = 0; i < 3; i++) {
        RIG_UNTIL(fixture, told[i].calls == 1);
        assert_int_equal(told[i].status, TRUNK_UNAVAILABLE);
    }
    cue_storage_let_all(fixture->store);
    settle(fixture);
    assert_int_equal(cue_storage_count_calls(fixture->store, "put"), 0);
    assert_int_equal(cue_storage_count_calls(fixture->store, "remove"), 0);
    load(fixture, "k", &told[3]);
    RIG_UNTIL(fixture, told[3].calls == 1);
    assert_int_equal(told[3].status, TRUNK_NOT_FOUND);
}

static void test_a_call_that_waits_for_room_too_long_is_surely_not_done(void **state) {
    struct fixture *fixture = *state;
    struct told told[5] = {0};
    cue_storage_hold(fixture->store, "load");
    load(fixture, "a", &told[0]);
    put(fixture, TRUNK_PUT_UPSERT, "b", "v", 0, &told[1]);
    put(fixture, TRUNK_PUT_UPSERT, "b", "w", 0, &told[2]);
    storage_ping(fixture->storage, on_told, &told[3]);
    for (size_t i = 0; i < 4; i++) {
        RIG_UNTIL(fixture, told[i].calls == 1);
        assert_int_equal(told[i].status, TRUNK_UNAVAILABLE);
    }
    cue_storage_let_all(fixture->store);
    settle(fixture);
    assert_int_equal(cue_storage_count_calls(fixture->store, "put"), 0);
    assert_int_equal(cue_storage_count_calls(fixture->store, "ping"), 0);
    put(fixture, TRUNK_PUT_UPSERT, "b", "x", 0, &told[4]);
    RIG_UNTIL(fixture, told[4].calls == 1);
    assert_int_equal(told[4].status, TRUNK_OK);
}

/* Stop */

static void test_after_a_stop_what_waits_and_what_comes_is_cancelled(void **state) {
    struct fixture *fixture = *state;
    struct told told[5] = {0};
    cue_storage_hold(fixture->store, "load");
    load(fixture, "a", &told[0]);
    load(fixture, "b", &told[1]);
    load(fixture, "c", &told[2]); /* waits for room */
    load(fixture, "a", &told[3]); /* waits for its key */
    storage_stop(fixture->storage);
    storage_ping(fixture->storage, on_told, &told[4]);
    assert_int_equal(told[2].calls + told[4].calls, 0);
    RIG_UNTIL(fixture, told[2].calls == 1 && told[4].calls == 1);
    assert_int_equal(told[2].status, TRUNK_CANCELLED);
    assert_int_equal(told[4].status, TRUNK_CANCELLED);
    cue_storage_release_next(fixture->store, "load");
    RIG_UNTIL(fixture, told[0].calls == 1 && told[3].calls == 1);
    assert_int_equal(told[0].status, TRUNK_NOT_FOUND); /* it was under way, so it ends as it ends */
    assert_int_equal(told[3].status, TRUNK_CANCELLED);
    driver_free(cue_storage_driver(fixture->store));
    fixture->is_closed = true;
    RIG_UNTIL(fixture, told[1].calls == 1);
    assert_int_equal(told[1].status, TRUNK_CANCELLED);
    assert_int_equal(storage_count_pending(fixture->storage), 0);
}

/* BLOCKING drivers */

struct blocker {
    struct plugin plugin;
    struct driver *driver;
    const struct trunk_host *host;
    pthread_t loop_thread;
    pthread_mutex_t lock; /* a load waits while the test has it */
    atomic_uint running;
    atomic_uint overlaps;
    atomic_uint on_loop_thread;
    atomic_bool forgets; /* touch returns without completing */
    trunk_op forgotten;  /* written and read on the worker */
};

static void enter(struct blocker *blocker) {
    if (atomic_fetch_add(&blocker->running, 1) > 0) {
        atomic_fetch_add(&blocker->overlaps, 1);
    }
    if (pthread_equal(pthread_self(), blocker->loop_thread)) {
        atomic_fetch_add(&blocker->on_loop_thread, 1);
    }
}

static void leave(struct blocker *blocker, trunk_op op, int32_t status) {
    struct trunk_reply reply = {
        .struct_size = sizeof reply, .status = status, .message = "blocked"};
    atomic_fetch_sub(&blocker->running, 1);
    if (op != 0) {
        blocker->host->complete(blocker->host->ctx, op, &reply);
    }
}

static int32_t blocker_check(const struct trunk_param *params, size_t nparams,
                             struct trunk_error *error) {
    (void)params;
    (void)nparams;
    (void)error;
    return TRUNK_OK;
}

static int32_t blocker_open(const struct trunk_host *host, const struct trunk_param *params,
                            size_t nparams, void **self, struct trunk_error *error) {
    struct blocker *blocker = NULL;
    (void)nparams;
    (void)error;
    (void)sscanf(params[0].value, "%p", (void **)&blocker);
    blocker->host = host;
    *self = blocker;
    return TRUNK_OK;
}

static void blocker_close(void *self) {
    (void)self;
}

static void blocker_load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    struct blocker *blocker = self;
    (void)key;
    (void)touch_ttl_ms;
    enter(blocker);
    (void)pthread_mutex_lock(&blocker->lock);
    (void)pthread_mutex_unlock(&blocker->lock);
    leave(blocker, op, TRUNK_NOT_FOUND);
}

static void blocker_put(void *self, const struct trunk_put *what, trunk_op op) {
    struct blocker *blocker = self;
    enter(blocker);
    leave(blocker, op, slice_equal_cstr(what->value, "v") ? TRUNK_OK : TRUNK_INVALID);
}

static void blocker_touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    struct blocker *blocker = self;
    (void)key;
    (void)ttl_ms;
    enter(blocker);
    if (atomic_load(&blocker->forgets)) {
        blocker->forgotten = op;
        leave(blocker, 0, TRUNK_OK);
    } else {
        leave(blocker, op, TRUNK_OK);
    }
}

/* Completes late what touch forgot. */
static void blocker_remove(void *self, struct trunk_slice key, trunk_op op) {
    struct blocker *blocker = self;
    (void)key;
    enter(blocker);
    struct trunk_reply late = {.struct_size = sizeof late};
    blocker->host->complete(blocker->host->ctx, blocker->forgotten, &late);
    leave(blocker, op, TRUNK_OK);
}

static struct blocker *blocker_new(struct fixture *fixture, uint64_t timeout_ms) {
    struct blocker *blocker = xcalloc(1, sizeof *blocker);
    struct param_list params = {.items = xcalloc(1, sizeof *params.items), .count = 1};
    blocker->loop_thread = pthread_self();
    (void)pthread_mutex_init(&blocker->lock, NULL);
    blocker->plugin = (struct plugin){.desc = {.kind = TRUNK_KIND_STORAGE, .name = "blocker"},
                                      .ops.storage = {.caps = TRUNK_CAP_BLOCKING,
                                                      .check = blocker_check,
                                                      .open = blocker_open,
                                                      .close = blocker_close,
                                                      .load = blocker_load,
                                                      .put = blocker_put,
                                                      .touch = blocker_touch,
                                                      .remove = blocker_remove}};
    params.items[0] = (struct trunk_param){xstrdup("blocker"), xasprintf("%p", (void *)blocker)};
    blocker->driver = driver_new(&fixture->env, "storage", &blocker->plugin, &params);
    assert_int_equal(driver_open(blocker->driver, NULL), TRUNK_OK);
    fixture->storage = storage_new(blocker->driver, timeout_ms);
    return blocker;
}

static void blocker_free(struct fixture *fixture, struct blocker *blocker) {
    storage_stop(fixture->storage);
    driver_free(blocker->driver);
    assert_int_equal(atomic_load(&blocker->overlaps), 0);
    assert_int_equal(atomic_load(&blocker->on_loop_thread), 0);
    (void)pthread_mutex_destroy(&blocker->lock);
    fixture_free(fixture);
    free(blocker);
}

static void test_a_blocking_driver_is_called_on_its_worker_one_call_at_a_time(void **state) {
    struct fixture *fixture = fixture_new();
    struct blocker *blocker = blocker_new(fixture, RIG_STORE_TIMEOUT_MS);
    struct told told[40] = {0};
    char key[8];
    (void)state;
    for (size_t i = 0; i < 40; i += 2) {
        (void)snprintf(key, sizeof key, "%zu", i % 7);
        put(fixture, TRUNK_PUT_UPSERT, key, "v", 0, &told[i]);
        load(fixture, key, &told[i + 1]);
    }
    for (size_t i = 0; i < 40; i++) {
        RIG_UNTIL(fixture, told[i].calls == 1);
        assert_int_equal(told[i].status, i % 2 == 0 ? TRUNK_OK : TRUNK_NOT_FOUND);
    }
    blocker_free(fixture, blocker);
}

static void test_a_loop_goes_on_while_its_driver_blocks_beyond_the_deadline(void **state) {
    struct fixture *fixture = fixture_new();
    struct blocker *blocker = blocker_new(fixture, 20);
    struct told loaded = {0};
    struct told stored = {0};
    (void)state;
    (void)pthread_mutex_lock(&blocker->lock);
    load(fixture, "a", &loaded);
    put(fixture, TRUNK_PUT_UPSERT, "b", "v", 0, &stored); /* issued: it is in the worker's queue */
    RIG_UNTIL(fixture, loaded.calls == 1 && stored.calls == 1);
    assert_int_equal(loaded.status, TRUNK_UNAVAILABLE);
    assert_int_equal(stored.status, TRUNK_UNCERTAIN);
    (void)pthread_mutex_unlock(&blocker->lock);
    RIG_UNTIL(fixture, storage_count_pending(fixture->storage) == 0);
    assert_int_equal(loaded.calls + stored.calls, 2);
    assert_int_equal(op_count_mistakes(fixture->env.ops), 0);
    blocker_free(fixture, blocker);
}

static void test_a_blocking_driver_that_returns_without_completing_ends_as_uncertain(void **state) {
    struct fixture *fixture = fixture_new();
    struct blocker *blocker = blocker_new(fixture, RIG_STORE_TIMEOUT_MS);
    struct told touched = {0};
    struct told removed = {0};
    (void)state;
    atomic_store(&blocker->forgets, true);
    storage_touch(fixture->storage, "k", 1, on_told, &touched);
    storage_remove(fixture->storage, "k", on_told, &removed);
    RIG_UNTIL(fixture, removed.calls == 1);
    assert_int_equal(touched.calls, 1);
    assert_int_equal(touched.status, TRUNK_UNCERTAIN);
    assert_int_equal(removed.status, TRUNK_OK);
    assert_int_equal(op_count_mistakes(fixture->env.ops), 1); /* the late one, and it was caught */
    blocker_free(fixture, blocker);
}

#define PLAIN(TEST) cmocka_unit_test_setup_teardown(TEST, set_up, tear_down)
#define NARROW(TEST) cmocka_unit_test_setup_teardown(TEST, set_up_narrow, tear_down)
#define IMPATIENT(TEST) cmocka_unit_test_setup_teardown(TEST, set_up_impatient, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        PLAIN(test_every_call_reaches_the_driver_and_is_told_on_the_loop),
        PLAIN(test_what_a_call_needs_is_copied),
        PLAIN(test_a_load_restarts_the_life_when_it_is_told_to),
        PLAIN(test_a_sweep_gives_each_expired_record_before_it_is_told),
        PLAIN(test_a_scan_gives_the_living_records_of_a_prefix_page_by_page),
        PLAIN(test_one_op_per_key_at_a_time_in_the_order_of_the_calls),
        PLAIN(test_different_keys_go_in_parallel_and_end_in_any_order),
        NARROW(test_no_more_than_max_inflight_are_under_way_and_the_rest_wait),
        PLAIN(test_what_is_told_may_call_again_at_once),
        NARROW(test_what_is_told_may_call_again_at_once),
        IMPATIENT(test_a_read_that_is_not_answered_in_time_is_unavailable),
        IMPATIENT(
            test_a_write_that_is_not_answered_in_time_is_uncertain_and_its_late_end_is_harmless),
        IMPATIENT(test_a_sweep_is_waited_for_as_long_as_it_takes),
        IMPATIENT(test_a_call_that_waits_for_its_key_too_long_is_surely_not_done),
        cmocka_unit_test_setup_teardown(test_a_call_that_waits_for_room_too_long_is_surely_not_done,
                                        set_up_narrow_and_impatient, tear_down),
        NARROW(test_after_a_stop_what_waits_and_what_comes_is_cancelled),
        cmocka_unit_test(test_a_blocking_driver_is_called_on_its_worker_one_call_at_a_time),
        cmocka_unit_test(test_a_loop_goes_on_while_its_driver_blocks_beyond_the_deadline),
        cmocka_unit_test(test_a_blocking_driver_that_returns_without_completing_ends_as_uncertain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
