/* SPDX-License-Identifier: MIT
 * test_names.c - the names that a client sees. */
#include "unit/wire/fixture.h"

#include "catalogue/names.h"

static const struct naming prefix = {.prefix_format = "{backend}_"};

static void assert_generated(const struct naming *naming, const char *backend, const char *name,
                             const char *expected) {
    struct buffer out = {0};
    buffer_append_cstr(&out, ">");
    names_generate(&out, naming, backend, slice_cstr(name));
    assert_slice(slice_of(out.data + 1, out.len - 1), expected);
    buffer_free(&out);
}

static void test_prefix_is_written_as_its_format_says(void **state) {
    static const struct naming client = {.prefix_format = "mcp__{backend}__"};
    static const struct naming twice = {.prefix_format = "{backend}.{backend}/"};
    static const struct naming fixed = {.prefix_format = "all-"};
    (void)state;
    assert_generated(&prefix, "files", "read", "files_read");
    assert_generated(&prefix, "files", "", "files_");
    assert_generated(&client, "files", "read", "mcp__files__read");
    assert_generated(&twice, "a", "read", "a.a/read");
    assert_generated(&fixed, "files", "read", "all-read");
}

/* The digits are written down here because they must never change: clients remember names. */
static void test_long_name_is_cut_to_64_bytes_with_a_lasting_hash(void **state) {
    (void)state;
    const char *fits = "a23456789012345678901234567890123456789012345678901234567890";
    assert_generated(&prefix, "bac", fits,
                     "bac_a23456789012345678901234567890123456789012345678901234567890");
    struct buffer one = {0};
    struct buffer other = {0};
    names_generate(&one, &prefix, "back", slice_cstr(fits));
    names_generate(&other, &prefix, "back",
                   slice_cstr("a23456789012345678901234567890123456789012345678901234567891"));
    assert_slice(buffer_slice(&one),
                 "back_a2345678901234567890123456789012345678901234567890_312e4942");
    assert_int_equal(one.len, NAMES_MAX_BYTES);
    assert_int_equal(other.len, NAMES_MAX_BYTES);
    assert_memory_equal(one.data, other.data, NAMES_MAX_BYTES - 8);
    assert_memory_not_equal(one.data, other.data, NAMES_MAX_BYTES);
    buffer_free(&one);
    buffer_free(&other);
}

static void test_no_character_is_cut_in_two(void **state) {
    (void)state;
    struct buffer out = {0};
    struct buffer name = {0};
    struct json_error error;
    for (size_t begin = 0; begin < 4; begin++) {
        buffer_append(&name, "xxx", begin);
        while (name.len < 80) {
            buffer_append_cstr(&name, "\xf0\x9f\x98\x80");
        }
        names_generate(&out, &prefix, "b", buffer_slice(&name));
        assert_true(out.len <= NAMES_MAX_BYTES);
        buffer_clear(&name);
        buffer_append_cstr(&name, "\"");
        buffer_append_slice(&name, buffer_slice(&out));
        buffer_append_cstr(&name, "\"");
        assert_int_equal(check(buffer_slice(&name), &error), TRUNK_OK);
        buffer_clear(&name);
        buffer_clear(&out);
    }
    buffer_free(&name);
    buffer_free(&out);
}

static void test_name_could_be_of_the_backend_whose_prefix_it_has(void **state) {
    (void)state;
    const char *longest = "b234567890123456789012345678901234567890123456789012345678901234567890";
    struct buffer name = {0};
    assert_true(names_could_be(&prefix, slice_cstr("files_read"), "files"));
    assert_false(names_could_be(&prefix, slice_cstr("files-read"), "files"));
    assert_false(names_could_be(&prefix, slice_cstr("file"), "files"));
    assert_false(names_could_be(&prefix, slice_of(NULL, 0), "files"));
    names_generate(&name, &prefix, longest, slice_cstr("read"));
    assert_int_equal(name.len, NAMES_MAX_BYTES);
    assert_true(names_could_be(&prefix, buffer_slice(&name), longest));
    buffer_free(&name);
}

static void test_bare_name_could_be_of_any_backend(void **state) {
    static const struct naming conflict = {NAMING_CONFLICT, "{backend}_", NULL, 0};
    static const struct naming priority = {NAMING_PRIORITY, "{backend}_", NULL, 0};
    (void)state;
    assert_true(names_could_be(&conflict, slice_cstr("read"), "files"));
    assert_true(names_could_be(&priority, slice_cstr("read"), "files"));
}

static void test_rank_is_the_place_in_priority_then_the_place_among_all(void **state) {
    static const char *const order[] = {"z", "m"};
    static const struct naming naming = {NAMING_PRIORITY, "{backend}_", order, 2};
    (void)state;
    assert_int_equal(names_rank(&naming, "z", 25), 0);
    assert_int_equal(names_rank(&naming, "m", 12), 1);
    assert_int_equal(names_rank(&naming, "a", 0), 2);
    assert_int_equal(names_rank(&naming, "b", 1), 3);
    assert_int_equal(names_rank(&prefix, "b", 1), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_is_written_as_its_format_says),
        cmocka_unit_test(test_long_name_is_cut_to_64_bytes_with_a_lasting_hash),
        cmocka_unit_test(test_no_character_is_cut_in_two),
        cmocka_unit_test(test_name_could_be_of_the_backend_whose_prefix_it_has),
        cmocka_unit_test(test_bare_name_could_be_of_any_backend),
        cmocka_unit_test(test_rank_is_the_place_in_priority_then_the_place_among_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
