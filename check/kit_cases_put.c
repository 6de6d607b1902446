/* SPDX-License-Identifier: MIT
 * kit_cases_put.c - rule 9, "put has a mode", versions, keys and values; load and remove without
 * regard to life. */
#include "kit_case.h"

#include <stdlib.h>

static void create_stores_an_absent_record(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_absent(store, "a");
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_OK);
    assert_record(store, "a", "one");
}

static void create_of_a_present_record_is_exists_and_changes_nothing(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 1000)->version;
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "two", 5000), TRUNK_EXISTS);
    assert_record(store, "a", "one");
    assert_int_equal(kit_load(store, "a", 0)->version, version);
    kit_advance(store, 1000);
    assert_absent(store, "a");
}

static void update_of_absent_key_does_not_create_it(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_put(store, TRUNK_PUT_UPDATE, "a", "one", 0), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    assert_int_equal(kit_scan(store, "", (struct trunk_slice){NULL, 0}, 10, 0)->nitems, 0);
}

static void update_replaces_a_present_record(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_put(store, TRUNK_PUT_UPDATE, "a", "another", 0), TRUNK_OK);
    assert_record(store, "a", "another");
}

static void upsert_creates_an_absent_and_replaces_a_present_record(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_put(store, TRUNK_PUT_UPSERT, "a", "one", 0), TRUNK_OK);
    assert_record(store, "a", "one");
    assert_status(kit_put(store, TRUNK_PUT_UPSERT, "a", "two", 0), TRUNK_OK);
    assert_record(store, "a", "two");
}

static void cas_replaces_the_version_it_names(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0)->version;
    const struct kit_result *result = kit_cas(store, "a", "two", 0, version);
    assert_status(result, TRUNK_OK);
    assert_record(store, "a", "two");
    assert_status(kit_cas(store, "a", "three", 0, result->version), TRUNK_OK);
    assert_record(store, "a", "three");
}

static void cas_on_another_version_is_conflict_and_changes_nothing(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t first = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0)->version;
    uint64_t second = kit_put(store, TRUNK_PUT_UPDATE, "a", "two", 1000)->version;
    assert_status(kit_cas(store, "a", "three", 0, first), TRUNK_CONFLICT);
    assert_status(kit_cas(store, "a", "three", 0, second ^ 1), TRUNK_CONFLICT);
    assert_status(kit_cas(store, "a", "three", 0, second ^ (uint64_t)1 << 63), TRUNK_CONFLICT);
    assert_record(store, "a", "two");
    assert_int_equal(kit_load(store, "a", 0)->version, second);
    kit_advance(store, 1000);
    assert_absent(store, "a");
}

static void cas_of_absent_key_is_not_found_and_does_not_create_it(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_cas(store, "a", "one", 0, 1), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0)->version;
    (void)kit_remove(store, "a");
    assert_status(kit_cas(store, "a", "two", 0, version), TRUNK_NOT_FOUND);
    assert_absent(store, "a");
}

static void cas_with_the_version_of_a_removed_record_is_conflict(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t version = kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0)->version;
    (void)kit_remove(store, "a");
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_cas(store, "a", "two", 0, version), TRUNK_CONFLICT);
    assert_record(store, "a", "one");
}

static void unknown_mode_is_invalid_and_changes_nothing(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_put(store, 0, "a", "two", 0), TRUNK_INVALID);
    assert_status(kit_put(store, 99, "b", "two", 0), TRUNK_INVALID);
    assert_record(store, "a", "one");
    assert_absent(store, "b");
}

static void a_put_that_succeeds_tells_the_version_that_load_tells(struct kit *kit) {
    struct kit_store *store = kit->store;
    static const uint32_t modes[] = {TRUNK_PUT_CREATE, TRUNK_PUT_UPDATE, TRUNK_PUT_UPSERT};
    uint64_t version = 0;
    for (size_t i = 0; i < 3; i++) {
        uint64_t next = kit_put(store, modes[i], "a", "same", 0)->version;
        assert_int_not_equal(next, 0);
        assert_int_not_equal(next, version);
        assert_int_equal(kit_load(store, "a", 0)->version, next);
        version = next;
    }
    uint64_t last = kit_cas(store, "a", "same", 0, version)->version;
    assert_int_not_equal(last, 0);
    assert_int_not_equal(last, version);
    assert_int_equal(kit_load(store, "a", 0)->version, last);
}

static int compare_versions(const void *one, const void *other) {
    uint64_t left = *(const uint64_t *)one;
    uint64_t right = *(const uint64_t *)other;
    return (left > right) - (left < right);
}

static void a_version_never_repeats_for_a_key_also_not_after_remove_and_create(struct kit *kit) {
    struct kit_store *store = kit->store;
    enum { PUTS = 1000 };
    static const uint32_t modes[] = {TRUNK_PUT_CREATE, TRUNK_PUT_UPDATE, TRUNK_PUT_UPSERT};
    uint64_t *versions = calloc(PUTS, sizeof *versions);
    assert_non_null(versions);
    for (size_t i = 0; i < PUTS; i++) {
        if (i % 3 == 0) {
            (void)kit_remove(store, "a");
        }
        versions[i] = kit_put(store, modes[i % 3], "a", "one", 0)->version;
    }
    qsort(versions, PUTS, sizeof *versions, compare_versions);
    size_t repeated = versions[0] == 0;
    for (size_t i = 1; i < PUTS; i++) {
        repeated += versions[i] == versions[i - 1];
    }
    free(versions);
    assert_int_equal(repeated, 0);
}

static void all_64_bits_of_a_version_are_random(struct kit *kit) {
    struct kit_store *store = kit->store;
    uint64_t ones = 0;
    uint64_t zeros = 0;
    for (int i = 0; i < 256; i++) { /* a random bit stays the same once in 2^255 runs */
        uint64_t version = kit_put(store, TRUNK_PUT_UPSERT, "a", "one", 0)->version;
        ones |= version;
        zeros |= ~version;
    }
    assert_true(ones == UINT64_MAX);
    assert_true(zeros == UINT64_MAX);
}

static void keys_are_1_to_256_visible_ascii_bytes(struct kit *kit) {
    struct kit_store *store = kit->store;
    char longest[257];
    for (size_t i = 0; i < 256; i++) {
        longest[i] = (char)('!' + i % 94);
    }
    longest[256] = '\0';
    assert_status(kit_put(store, TRUNK_PUT_CREATE, longest, "long", 0), TRUNK_OK);
    assert_record(store, longest, "long");
    for (int c = '!'; c <= '~'; c++) {
        const char key[] = {(char)c, '\0'};
        assert_status(kit_put(store, TRUNK_PUT_CREATE, key, key, 0), TRUNK_OK);
    }
    for (int c = '!'; c <= '~'; c++) {
        const char key[] = {(char)c, '\0'};
        assert_record(store, key, key);
    }
    assert_record(store, longest, "long");
}

static void keys_that_are_alike_name_different_records(struct kit *kit) {
    struct kit_store *store = kit->store;
    static const char *const keys[] = {"s:a", "s:A",  "s:",   "s:aa", "s:a%",  "s:a*", "s:a_",
                                       "s:?", "s:a'", "s:\"", "s:\\", "s:{a}", "s:[a]"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_status(kit_put(store, TRUNK_PUT_CREATE, keys[i], keys[i], 0), TRUNK_OK);
    }
    (void)kit_remove(store, "s:?");
    (void)kit_remove(store, "s:a*");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i], "s:?") == 0 || strcmp(keys[i], "s:a*") == 0) {
            assert_absent(store, keys[i]);
        } else {
            assert_record(store, keys[i], keys[i]);
        }
    }
}

static void values_are_any_bytes(struct kit *kit) {
    struct kit_store *store = kit->store;
    unsigned char bytes[512];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)i;
    }
    assert_status(
        kit_put_bytes(store, TRUNK_PUT_CREATE, "a", (struct trunk_slice){bytes, sizeof bytes}, 0),
        TRUNK_OK);
    const struct kit_result *result = kit_load(store, "a", 0);
    assert_int_equal(result->value.len, sizeof bytes);
    assert_memory_equal(result->value.data, bytes, sizeof bytes);
}

static void a_value_may_be_empty(struct kit *kit) {
    struct kit_store *store = kit->store;
    struct trunk_slice none = {NULL, 0};
    assert_status(kit_put_bytes(store, TRUNK_PUT_CREATE, "a", none, 0), TRUNK_OK);
    assert_record(store, "a", "");
    assert_status(kit_put(store, TRUNK_PUT_UPDATE, "a", "one", 0), TRUNK_OK);
    assert_record(store, "a", "one");
    assert_status(kit_put_bytes(store, TRUNK_PUT_UPDATE, "a", none, 0), TRUNK_OK);
    assert_record(store, "a", "");
}

static void store_large(struct kit_store *store, size_t bytes) {
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = (char)('a' + i % 23);
    }
    text[bytes] = '\0';
    int32_t status = kit_put(store, TRUNK_PUT_CREATE, "a", text, 0)->status;
    const struct kit_result *result = kit_load(store, "a", 0);
    bool is_whole = result->status == TRUNK_OK && kit_slice_is(result->value, text);
    bool is_absent = result->status == TRUNK_NOT_FOUND;
    free(text);
    assert_true(status == TRUNK_OK ? is_whole : status == TRUNK_TOO_LARGE && is_absent);
}

static void a_value_of_1_mib_is_stored_whole_or_too_large(struct kit *kit) {
    store_large(kit->store, (size_t)1 << 20);
}

static void a_value_of_16_mib_is_stored_whole_or_too_large(struct kit *kit) {
    store_large(kit->store, (size_t)16 << 20);
}

static void remove_removes_the_record_and_no_other(struct kit *kit) {
    struct kit_store *store = kit->store;
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    (void)kit_put(store, TRUNK_PUT_CREATE, "ab", "two", 1000);
    assert_status(kit_remove(store, "a"), TRUNK_OK);
    assert_absent(store, "a");
    assert_record(store, "ab", "two");
    assert_status(kit_put(store, TRUNK_PUT_CREATE, "a", "three", 0), TRUNK_OK);
    assert_record(store, "a", "three");
}

static void remove_of_an_absent_key_is_ok(struct kit *kit) {
    struct kit_store *store = kit->store;
    assert_status(kit_remove(store, "a"), TRUNK_OK);
    (void)kit_put(store, TRUNK_PUT_CREATE, "a", "one", 0);
    assert_status(kit_remove(store, "a"), TRUNK_OK);
    assert_status(kit_remove(store, "a"), TRUNK_OK);
    assert_absent(store, "a");
}

static const struct kit_case cases[] = {
    KIT_CASE(create_stores_an_absent_record, 0, "storage.h, put: only if absent, else EXISTS"),
    KIT_CASE(create_of_a_present_record_is_exists_and_changes_nothing, 0,
             "storage.h, put: by mode EXISTS, NOT_FOUND, CONFLICT, which change nothing"),
    KIT_CASE(update_of_absent_key_does_not_create_it, 0,
             "storage.h, put: only if present, else NOT_FOUND: never creates"),
    KIT_CASE(update_replaces_a_present_record, 0,
             "storage.h, put: Writes a record whole: value, a new version, a new life."),
    KIT_CASE(upsert_creates_an_absent_and_replaces_a_present_record, 0,
             "storage.h, put: either way"),
    KIT_CASE(cas_replaces_the_version_it_names, 0,
             "storage.h, put: only if present (else NOT_FOUND) at expect_version (else CONFLICT)"),
    KIT_CASE(cas_on_another_version_is_conflict_and_changes_nothing, 0,
             "storage.h, put: only if present (else NOT_FOUND) at expect_version (else CONFLICT)"),
    KIT_CASE(cas_of_absent_key_is_not_found_and_does_not_create_it, 0,
             "storage.h, put: only if present (else NOT_FOUND) at expect_version (else CONFLICT)"),
    KIT_CASE(cas_with_the_version_of_a_removed_record_is_conflict, 0,
             "storage.h, put: only if present (else NOT_FOUND) at expect_version (else CONFLICT)"),
    KIT_CASE(unknown_mode_is_invalid_and_changes_nothing, 0,
             "storage.h, put: INVALID (unknown mode)"),
    KIT_CASE(a_put_that_succeeds_tells_the_version_that_load_tells, 0,
             "storage.h, put: Completes with OK: reply.version, the new one"),
    KIT_CASE(
        a_version_never_repeats_for_a_key_also_not_after_remove_and_create, 0,
        "storage.h, version: A version never repeats for a key, also not after remove and CREATE"),
    KIT_CASE(all_64_bits_of_a_version_are_random, 0,
             "storage.h, version: 64 random bits, never 0, drawn anew by every put that succeeds"),
    KIT_CASE(keys_are_1_to_256_visible_ascii_bytes, 0,
             "storage.h, key: 1..256 bytes, each a visible ASCII character (0x21..0x7e)"),
    KIT_CASE(keys_that_are_alike_name_different_records, 0,
             "storage.h, key: Compared byte by byte."),
    KIT_CASE(values_are_any_bytes, 0, "storage.h, value: any bytes, 0 included"),
    KIT_CASE(a_value_may_be_empty, 0,
             "storage.h, value: from none up to the limit in the host's configuration"),
    KIT_CASE(a_value_of_1_mib_is_stored_whole_or_too_large, 0,
             "storage.h, value: a driver whose store takes less gives TRUNK_TOO_LARGE"),
    KIT_CASE(a_value_of_16_mib_is_stored_whole_or_too_large, 0,
             "storage.h, value: a driver whose store takes less gives TRUNK_TOO_LARGE"),
    KIT_CASE(remove_removes_the_record_and_no_other, 0,
             "storage.h, remove: Removes a record and its log."),
    KIT_CASE(remove_of_an_absent_key_is_ok, 0,
             "storage.h, remove: Completes with OK, also when there is none."),
};
const struct kit_group kit_put_cases = KIT_GROUP("put", cases);
