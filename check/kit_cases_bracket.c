/* SPDX-License-Identifier: MIT
 * kit_cases_bracket.c - rule 9, begin and commit: the ops between them share one transaction. */
#include "kit_case.h"

#include <stdio.h>

static const struct trunk_slice FROM_START = {NULL, 0};

static void begin(struct kit_store *store, uint32_t writes) {
    struct trunk_error error = {.status = TRUNK_OK};
    int32_t status = store->driver->ops.begin(store->self, writes, &error);
    if (status != TRUNK_OK) {
        KIT_FAIL("begin: %s", error.text);
    }
}

static void commit(struct kit_store *store) {
    struct trunk_error error = {.status = TRUNK_OK};
    int32_t status = store->driver->ops.commit(store->self, &error);
    if (status != TRUNK_OK) {
        KIT_FAIL("commit: %s", error.text);
    }
}

static void an_empty_bracket_is_ok(struct kit *kit) {
    struct kit_store *store = kit->store;
    begin(store, 0);
    commit(store);
    begin(store, 1);
    commit(store);
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_OK);
}

static void what_a_bracket_wrote_is_there_after_it(struct kit *kit) {
    struct kit_store *store = kit->store;
    char key[16];
    begin(store, 1);
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        assert_status(kit_put(store, TRUNK_PUT_CREATE, key, key, 0), TRUNK_OK);
    }
    assert_status(kit_remove(store, "k7"), TRUNK_OK);
    commit(store);
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        if (i == 7) {
            assert_absent(store, key);
        } else {
            assert_record(store, key, key);
        }
    }
}

static void the_ops_of_a_bracket_see_each_other(struct kit *kit) {
    struct kit_store *store = kit->store;
    begin(store, 1);
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    assert_record(store, "a", "one");
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "two", 0), TRUNK_EXISTS);
    assert_status(kit_cas(store, "a", "two", 1000, version), TRUNK_OK);
    assert_non_null(kit_find_item(kit_scan(store, "", FROM_START, 10, 0), "a"));
    assert_status(kit_touch(store, "a", 2000), TRUNK_OK);
    kit_advance(store, 2000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
    assert_absent(store, "a");
    commit(store);
    assert_absent(store, "a");
}

static void an_op_that_is_refused_leaves_the_rest_of_its_bracket(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    begin(store, 1);
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "b", "one", 0), TRUNK_OK);
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "two", 0), TRUNK_EXISTS);
    assert_status(kit_put(store, TRUNK_PUT_UPDATE, "c", "two", 0), TRUNK_NOT_FOUND);
    assert_status(kit_cas(store, "b", "two", 0, 1), TRUNK_CONFLICT);
    assert_status(kit_touch(store, "c", 0), TRUNK_NOT_FOUND);
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "d", "one", 0), TRUNK_OK);
    commit(store);
    assert_record(store, "a", "one");
    assert_record(store, "b", "one");
    assert_absent(store, "c");
    assert_record(store, "d", "one");
}

static void a_bracket_that_only_reads_reads(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    begin(store, 0);
    assert_status(kit_ping(store), TRUNK_OK);
    assert_record(store, "a", "one");
    assert_absent(store, "b");
    assert_int_equal(kit_scan(store, "", FROM_START, 10, 1)->nitems, 1);
    commit(store);
    assert_status(kit_put(store, TRUNK_PUT_UPDATE, "a", "two", 0), TRUNK_OK);
    assert_record(store, "a", "two");
}

static void another_host_sees_a_bracket_whole_or_not_at_all(struct kit *kit) {
    struct kit_store *one = kit->store;
    struct kit_store *other = kit_store_open_at(one->driver, kit_now_ms(one));
    assert_non_null(other);
    begin(one, 1);
    (void)kit_put(one, TRUNK_PUT_CREATE, "a", "one", 0);
    (void)kit_put(one, TRUNK_PUT_CREATE, "b", "two", 0);
    assert_absent(other, "a");
    commit(one);
    assert_record(other, "a", "one");
    assert_record(other, "b", "two");
    assert_int_equal(kit_store_close(other), 0);
}

static const struct kit_case cases[] = {
    KIT_CASE(an_empty_bracket_is_ok, KIT_NEEDS_BRACKET,
             "storage.h, commit: Closes the bracket, in every case."),
    KIT_CASE(what_a_bracket_wrote_is_there_after_it, KIT_NEEDS_BRACKET,
             "storage.h, commit: Returns OK: all of it is stored"),
    KIT_CASE(
        the_ops_of_a_bracket_see_each_other, KIT_NEEDS_BRACKET,
        "storage.h, begin: the ops that come on this thread until commit share one transaction"),
    KIT_CASE(
        an_op_that_is_refused_leaves_the_rest_of_its_bracket, KIT_NEEDS_BRACKET,
        "storage.h, begin: the ops that come on this thread until commit share one transaction"),
    KIT_CASE(a_bracket_that_only_reads_reads, KIT_NEEDS_BRACKET,
             "storage.h, begin: writes: 1 if there are writing ones among them, else 0."),
    KIT_CASE(
        another_host_sees_a_bracket_whole_or_not_at_all, KIT_NEEDS_BRACKET | KIT_NEEDS_SHARED,
        "storage.h, begin: the ops that come on this thread until commit share one transaction"),
};
const struct kit_group kit_bracket_cases = KIT_GROUP("bracket", cases);
