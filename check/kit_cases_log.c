/* SPDX-License-Identifier: MIT
 * kit_cases_log.c - rule 9, "log (CAP_LOG): one append-only log per record". */
#include "kit_case.h"

static void make_record(struct kit_store *store, const char *key, uint64_t ttl_ms) {
    assert_status(kit_put(store, TRUNK_PUT_CREATE, key, "value", ttl_ms), TRUNK_OK);
}

/* Entries 1, 2, 5 of "a": "one", "two", "five". */
static void make_log(struct kit_store *store) {
    assert_status(kit_log_append(store, "a", 1, "one"), TRUNK_OK);
    assert_status(kit_log_append(store, "a", 2, "two"), TRUNK_OK);
    assert_status(kit_log_append(store, "a", 5, "five"), TRUNK_OK);
}

static void log_begins_empty(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_status(log, TRUNK_OK);
    assert_int_equal(log->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 0);
}

static void entries_are_read_in_rising_order_with_their_numbers(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_log(store);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_status(log, TRUNK_OK);
    assert_int_equal(log->nitems, 3);
    assert_int_equal(log->items[0].seq, 1);
    assert_slice(log->items[0].value, "one");
    assert_int_equal(log->items[1].seq, 2);
    assert_slice(log->items[1].value, "two");
    assert_int_equal(log->items[2].seq, 5);
    assert_slice(log->items[2].value, "five");
}

static void reading_begins_after_a_number_and_ends_at_the_limit(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_log(store);
    const struct kit_result *log = kit_log_read(store, "a", 1, 10);
    assert_int_equal(log->nitems, 2);
    assert_int_equal(log->items[0].seq, 2);
    log = kit_log_read(store, "a", 3, 10);
    assert_int_equal(log->nitems, 1);
    assert_int_equal(log->items[0].seq, 5);
    log = kit_log_read(store, "a", 0, 2);
    assert_int_equal(log->nitems, 2);
    assert_int_equal(log->items[1].seq, 2);
    log = kit_log_read(store, "a", 5, 10);
    assert_status(log, TRUNK_OK);
    assert_int_equal(log->nitems, 0);
}

static void load_tells_the_last_seq(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_log(store);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
    assert_int_equal(kit_load(store, "a", 1000)->last_seq, 5);
}

static void append_to_an_absent_record_is_not_found_and_stores_nothing(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_log_append(store, "a", 1, "one"), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    make_record(store, "a", 0);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
}

static void the_same_seq_again_is_ok_and_stored_once(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_log(store);
    assert_status(kit_log_append(store, "a", 5, "five"), TRUNK_OK);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 3);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
}

static void a_lower_seq_is_conflict_and_stores_nothing(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_log(store);
    assert_status(kit_log_append(store, "a", 4, "four"), TRUNK_CONFLICT);
    assert_status(kit_log_append(store, "a", 2, "two"), TRUNK_CONFLICT);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_int_equal(log->nitems, 3);
    assert_int_equal(log->items[2].seq, 5);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
}

static void the_highest_seq_and_an_empty_value_are_kept(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    assert_status(kit_log_append(store, "a", INT64_MAX, ""), TRUNK_OK);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_int_equal(log->nitems, 1);
    assert_int_equal(log->items[0].seq, INT64_MAX);
    assert_int_equal(log->items[0].value.len, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, INT64_MAX);
}

static void trim_removes_up_to_a_number_and_leaves_the_last_seq(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_log(store);
    assert_status(kit_log_trim(store, "a", 3), TRUNK_OK);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_int_equal(log->nitems, 1);
    assert_int_equal(log->items[0].seq, 5);
    assert_status(kit_log_trim(store, "a", 100), TRUNK_OK);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
    assert_status(kit_log_trim(store, "a", 100), TRUNK_OK);
}

static void after_a_trim_the_order_still_holds(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_log(store);
    (void)kit_log_trim(store, "a", 5);
    assert_status(kit_log_append(store, "a", 4, "four"), TRUNK_CONFLICT);
    assert_status(kit_log_append(store, "a", 5, "five"), TRUNK_OK);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_status(kit_log_append(store, "a", 6, "six"), TRUNK_OK);
    const struct kit_result *log = kit_log_read(store, "a", 0, 10);
    assert_int_equal(log->nitems, 1);
    assert_slice(log->items[0].value, "six");
}

static void reading_and_trimming_an_absent_record_is_not_found(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_log_read(store, "a", 0, 10), TRUNK_NOT_FOUND);
    assert_status(kit_log_trim(store, "a", 10), TRUNK_NOT_FOUND);
}

static void logs_of_different_records_are_apart(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_record(store, "ab", 0);
    make_log(store);
    assert_status(kit_log_append(store, "ab", 1, "other"), TRUNK_OK);
    (void)kit_log_trim(store, "a", 5);
    const struct kit_result *log = kit_log_read(store, "ab", 0, 10);
    assert_int_equal(log->nitems, 1);
    assert_slice(log->items[0].value, "other");
    assert_int_equal(kit_load(store, "ab", 0)->last_seq, 1);
}

static void the_log_stays_when_a_living_record_is_put(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_log(store);
    (void)kit_put(store, TRUNK_PUT_UPDATE, "a", "two", 0);
    uint64_t version = kit_put(store, TRUNK_PUT_UPSERT, "a", "three", 0)->version;
    (void)kit_cas(store, "a", "four", 0, version);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "five", 0);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 3);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 5);
}

static void the_log_changes_neither_life_nor_version(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 1000);
    uint64_t version = kit_load(store, "a", 0)->version;
    kit_advance(store, 900);
    make_log(store);
    (void)kit_log_read(store, "a", 0, 10);
    (void)kit_log_trim(store, "a", 1);
    assert_int_equal(kit_load(store, "a", 0)->version, version);
    kit_advance(store, 100);
    assert_absent(store, "a");
}

static void touch_acts_on_record_and_log_together(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 1000);
    make_log(store);
    (void)kit_touch(store, "a", 5000);
    kit_advance(store, 4999);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 3);
    kit_advance(store, 1);
    assert_status(kit_log_read(store, "a", 0, 10), TRUNK_NOT_FOUND);
}

static void remove_takes_the_log_with_the_record(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 0);
    make_log(store);
    (void)kit_remove(store, "a");
    assert_status(kit_log_read(store, "a", 0, 10), TRUNK_NOT_FOUND);
    make_record(store, "a", 0);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 0);
    assert_status(kit_log_append(store, "a", 1, "one"), TRUNK_OK);
}

static void an_expired_record_has_no_log(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 1000);
    make_log(store);
    kit_advance(store, 1000);
    assert_status(kit_log_append(store, "a", 6, "six"), TRUNK_NOT_FOUND);
    assert_status(kit_log_read(store, "a", 0, 10), TRUNK_NOT_FOUND);
    assert_status(kit_log_trim(store, "a", 10), TRUNK_NOT_FOUND);
}

static void sweep_takes_the_log_with_the_record(struct kit *kit) {
    struct kit_store *store = kit->store;
    make_record(store, "a", 1000);
    make_log(store);
    kit_advance(store, 1000);
    assert_int_equal(kit_sweep(store, 10)->nitems, 1);
    make_record(store, "a", 0);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 0);
}

/* By CREATE and by UPSERT. */
static void replace_expired(struct kit_store *store, uint32_t mode) {
    make_record(store, "a", 1000);
    make_log(store);
    kit_advance(store, 1000);
    assert_status(kit_put(store, mode, "a", "new", 0), TRUNK_OK);
    assert_int_equal(kit_log_read(store, "a", 0, 10)->nitems, 0);
    assert_int_equal(kit_load(store, "a", 0)->last_seq, 0);
    assert_status(kit_log_append(store, "a", 1, "one"), TRUNK_OK);
}

static void create_over_an_expired_record_begins_with_an_empty_log(struct kit *kit) {
    replace_expired(kit->store, TRUNK_PUT_CREATE);
}

static void upsert_over_an_expired_record_begins_with_an_empty_log(struct kit *kit) {
    replace_expired(kit->store, TRUNK_PUT_UPSERT);
}

static const struct kit_case cases[] = {
    KIT_CASE(log_begins_empty, KIT_NEEDS_LOG,
             "storage.h, log: it begins empty when the record is created"),
    KIT_CASE(entries_are_read_in_rising_order_with_their_numbers, KIT_NEEDS_LOG,
             "storage.h, log_read: in rising order: item.seq, item.value"),
    KIT_CASE(reading_begins_after_a_number_and_ends_at_the_limit, KIT_NEEDS_LOG,
             "storage.h, log_read: Emits the first entries with seq > after_seq, at most limit"),
    KIT_CASE(load_tells_the_last_seq, KIT_NEEDS_LOG,
             "storage.h, log: last_seq is the highest seq ever appended to the record"),
    KIT_CASE(append_to_an_absent_record_is_not_found_and_stores_nothing, KIT_NEEDS_LOG,
             "storage.h, log_append: NOT_FOUND: no such record, nothing is stored"),
    KIT_CASE(the_same_seq_again_is_ok_and_stored_once, KIT_NEEDS_LOG,
             "storage.h, log_append: or seq == last_seq, which was stored before (also when it is "
             "trimmed by now): nothing changes"),
    KIT_CASE(a_lower_seq_is_conflict_and_stores_nothing, KIT_NEEDS_LOG,
             "storage.h, log_append: CONFLICT: seq < last_seq, nothing is stored"),
    KIT_CASE(the_highest_seq_and_an_empty_value_are_kept, KIT_NEEDS_LOG,
             "storage.h, log: entries of a sequence number (seq, 1..2^63-1) and a value"),
    KIT_CASE(trim_removes_up_to_a_number_and_leaves_the_last_seq, KIT_NEEDS_LOG,
             "storage.h, log_trim: Removes the entries with seq <= upto_seq. last_seq stays."),
    KIT_CASE(after_a_trim_the_order_still_holds, KIT_NEEDS_LOG,
             "storage.h, log: trimming does not lower it"),
    KIT_CASE(reading_and_trimming_an_absent_record_is_not_found, KIT_NEEDS_LOG,
             "storage.h, log_read: also when there was none; NOT_FOUND: no such record"),
    KIT_CASE(logs_of_different_records_are_apart, KIT_NEEDS_LOG,
             "storage.h, log_append: Appends an entry to the record's log."),
    KIT_CASE(the_log_stays_when_a_living_record_is_put, KIT_NEEDS_LOG,
             "storage.h, put: The log of a living record stays."),
    KIT_CASE(
        the_log_changes_neither_life_nor_version, KIT_NEEDS_LOG,
        "storage.h, log_append: None of them restarts the record's life or changes its version."),
    KIT_CASE(touch_acts_on_record_and_log_together, KIT_NEEDS_LOG,
             "storage.h, log: The log has no life of its own"),
    KIT_CASE(remove_takes_the_log_with_the_record, KIT_NEEDS_LOG,
             "storage.h, remove: Removes a record and its log."),
    KIT_CASE(an_expired_record_has_no_log, KIT_NEEDS_LOG,
             "storage.h, EXPIRY: An expired record is absent to every function at once, and "
             "nothing revives it"),
    KIT_CASE(sweep_takes_the_log_with_the_record, KIT_NEEDS_LOG,
             "storage.h, sweep: Removes up to limit (1..2^32-1) expired records and their logs"),
    KIT_CASE(create_over_an_expired_record_begins_with_an_empty_log, KIT_NEEDS_LOG,
             "storage.h, EXPIRY: makes a new record in its place: with a new version, an empty "
             "log, and without the old value"),
    KIT_CASE(upsert_over_an_expired_record_begins_with_an_empty_log, KIT_NEEDS_LOG,
             "storage.h, EXPIRY: makes a new record in its place: with a new version, an empty "
             "log, and without the old value"),
};
const struct kit_group kit_log_cases = KIT_GROUP("log", cases);
