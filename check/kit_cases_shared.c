/* SPDX-License-Identifier: MIT
 * kit_cases_shared.c - TRUNK_CAP_SHARED, rule 9: "atomic against other hosts", "to exactly one
 * caller of all hosts". Several processes at the same time, each with a host of its own. */
#include "kit_case.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit_process.h"

enum { KEYS = 300, ROUNDS = 100, SWEEP_LIMIT = 7 };

static void name_key(char key[16], unsigned i) {
    (void)snprintf(key, 16, "k%u", i);
}

static void what_one_host_writes_another_sees_at_once(struct kit *kit) {
    struct kit_store *one = kit->store;
    struct kit_store *other = kit_store_open_at(one->driver, kit_now_ms(one));
    assert_non_null(other);
    uint64_t version = kit_put(one, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    const struct kit_result *loaded = kit_load(other, "a", 0);
    assert_status(loaded, TRUNK_OK);
    assert_slice(loaded->value, "one");
    assert_int_equal(loaded->version, version);
    assert_status(kit_put(other, TRUNK_PUT_CREATE, "a", "two", 0), TRUNK_EXISTS);
    uint64_t next = kit_cas(other, "a", "two", 1000, version)->version;
    assert_status(kit_cas(one, "a", "three", 0, version), TRUNK_CONFLICT);
    assert_int_equal(kit_load(one, "a", 0)->version, next);
    assert_status(kit_touch(one, "a", 2000), TRUNK_OK);
    kit_advance(other, 1999);
    assert_record(other, "a", "two");
    assert_status(kit_remove(other, "a"), TRUNK_OK);
    assert_absent(one, "a");
    assert_int_equal(kit_store_close(other), 0);
}

static void a_log_is_one_for_all_hosts(struct kit *kit) {
    struct kit_store *one = kit->store;
    struct kit_store *other = kit_store_open_at(one->driver, kit_now_ms(one));
    assert_non_null(other);
    (void)kit_put(one, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_log_append(one, "a", 1, "first"), TRUNK_OK);
    assert_status(kit_log_append(other, "a", 2, "second"), TRUNK_OK);
    assert_status(kit_log_append(one, "a", 1, "late"), TRUNK_CONFLICT);
    assert_int_equal(kit_log_read(one, "a", 0, 10)->nitems, 2);
    (void)kit_remove(other, "a");
    assert_status(kit_log_append(one, "a", 3, "third"), TRUNK_NOT_FOUND);
    assert_int_equal(kit_store_close(other), 0);
}

/* counters[i]: how many hosts were told that they created key i. */
static void create_all(struct kit_store *store, struct kit_tally *tally, unsigned peer) {
    char key[16];
    char value[16];
    (void)snprintf(value, sizeof value, "%u", peer);
    for (unsigned i = 0; i < KEYS; i++) {
        name_key(key, i);
        const struct kit_result *result = kit_put(store, TRUNK_PUT_CREATE, key, value, 0);
        assert_true(result->status == TRUNK_OK || result->status == TRUNK_EXISTS);
        if (result->status == TRUNK_OK) {
            atomic_fetch_add(&tally->counters[i], 1);
            assert_record(store, key, value);
        }
    }
}

static void of_hosts_that_create_a_key_at_once_one_succeeds(struct kit *kit) {
    struct kit_tally *tally = NULL;
    kit_run_peers(kit, create_all, KIT_PEERS, &tally);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(atomic_load(&tally->counters[i]), 1);
    }
    kit_free_tally(tally);
}

/* Each adds 1 to the number in "a", ROUNDS times. */
static void count_up(struct kit_store *store, struct kit_tally *tally, unsigned peer) {
    (void)tally;
    (void)peer;
    for (unsigned done = 0; done < ROUNDS;) {
        const struct kit_result *loaded = kit_load(store, "a", 0);
        assert_status(loaded, TRUNK_OK);
        char number[24];
        (void)snprintf(number, sizeof number, "%.*s", (int)loaded->value.len,
                       (const char *)loaded->value.data);
        (void)snprintf(number, sizeof number, "%lu", strtoul(number, NULL, 10) + 1);
        const struct kit_result *result = kit_cas(store, "a", number, 0, loaded->version);
        assert_true(result->status == TRUNK_OK || result->status == TRUNK_CONFLICT);
        done += result->status == TRUNK_OK;
    }
}

static void no_cas_of_hosts_at_once_is_lost(struct kit *kit) {
    struct kit_tally *tally = NULL;
    char expected[24];
    (void)kit_put(kit->store, TRUNK_PUT_CREATE, "a", "0", 0);
    kit_run_peers(kit, count_up, KIT_PEERS, &tally);
    kit_free_tally(tally);
    (void)snprintf(expected, sizeof expected, "%d", ROUNDS * KIT_PEERS);
    assert_record(kit->store, "a", expected);
}

/* counters[i]: how often key i was emitted. */
static void sweep_all(struct kit_store *store, struct kit_tally *tally, unsigned peer) {
    (void)peer;
    const struct kit_result *swept = NULL;
    do {
        swept = kit_sweep(store, SWEEP_LIMIT);
        assert_status(swept, TRUNK_OK);
        for (size_t i = 0; i < swept->nitems; i++) {
            char key[16];
            (void)snprintf(key, sizeof key, "%.*s", (int)swept->items[i].key.len,
                           (const char *)swept->items[i].key.data);
            unsigned long number = strtoul(key + 1, NULL, 10);
            assert_in_range(number, 0, KEYS - 1);
            atomic_fetch_add(&tally->counters[number], 1);
        }
    } while (swept->nitems > 0);
}

static void of_hosts_that_sweep_at_once_exactly_one_gets_a_record(struct kit *kit) {
    struct kit_tally *tally = NULL;
    char key[16];
    for (unsigned i = 0; i < KEYS; i++) {
        name_key(key, i);
        (void)kit_put(kit->store, TRUNK_PUT_CREATE, key, key, 1000);
    }
    kit_advance(kit->store, 1000);
    kit_run_peers(kit, sweep_all, KIT_PEERS, &tally);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(atomic_load(&tally->counters[i]), 1);
    }
    kit_free_tally(tally);
}

/* Every peer makes and takes the same keys. counters[0]: creates that succeeded. */
static void create_and_sweep(struct kit_store *store, struct kit_tally *tally, unsigned peer) {
    char key[16];
    for (unsigned i = 0; i < KEYS; i++) {
        name_key(key, (i + peer) % 10);
        const struct kit_result *result = kit_put(store, TRUNK_PUT_CREATE, key, key, 1);
        assert_true(result->status == TRUNK_OK || result->status == TRUNK_EXISTS);
        atomic_fetch_add(&tally->counters[0], result->status == TRUNK_OK);
        kit_advance(store, 1); /* its own clock: each host sees other ends of lives */
        const struct kit_result *swept = kit_sweep(store, 3);
        assert_status(swept, TRUNK_OK);
        for (size_t item = 0; item < swept->nitems; item++) {
            assert_int_equal(swept->items[item].value.len, swept->items[item].key.len);
        }
    }
}

static void creates_and_sweeps_of_hosts_at_once_do_not_disturb_each_other(struct kit *kit) {
    struct kit_tally *tally = NULL;
    kit_run_peers(kit, create_and_sweep, KIT_PEERS, &tally);
    assert_true(atomic_load(&tally->counters[0]) > 0);
    kit_free_tally(tally);
    kit_advance(kit->store, (uint64_t)2 * KEYS);
    assert_in_range(kit_sweep(kit->store, 1000)->nitems, 0, 10);
    assert_int_equal(kit_sweep(kit->store, 1000)->nitems, 0);
}

static const struct kit_case cases[] = {
    KIT_CASE(what_one_host_writes_another_sees_at_once, KIT_NEEDS_SHARED,
             "types.h, TRUNK_CAP_SHARED: other hosts see the same records, at the same time"),
    KIT_CASE(a_log_is_one_for_all_hosts, KIT_NEEDS_SHARED | KIT_NEEDS_LOG,
             "types.h, TRUNK_CAP_SHARED: other hosts see the same records, at the same time"),
    KIT_CASE(of_hosts_that_create_a_key_at_once_one_succeeds, KIT_NEEDS_SHARED,
             "storage.h, put: The condition and the change are one atomic step, with "
             "TRUNK_CAP_SHARED also against other hosts."),
    KIT_CASE(no_cas_of_hosts_at_once_is_lost, KIT_NEEDS_SHARED,
             "storage.h, put: The condition and the change are one atomic step, with "
             "TRUNK_CAP_SHARED also against other hosts."),
    KIT_CASE(of_hosts_that_sweep_at_once_exactly_one_gets_a_record, KIT_NEEDS_SHARED,
             "storage.h, sweep: Each expired record is emitted exactly once, to one caller of all "
             "hosts"),
    KIT_CASE(creates_and_sweeps_of_hosts_at_once_do_not_disturb_each_other, KIT_NEEDS_SHARED,
             "storage.h, sweep: Each expired record is emitted exactly once, to one caller of all "
             "hosts"),
};
const struct kit_group kit_shared_cases = KIT_GROUP("shared", cases);
