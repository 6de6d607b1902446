/* SPDX-License-Identifier: MIT
 * test_record.c - the stored form of a session: what goes in comes out, and nothing else does. */
#include "session/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

/* Without its opening brace, and with it. */
#define MEMBERS                                                                                    \
    "\"format\":\"1\",\"state\":\"placeholder\",\"principal\":\"\",\"created\":\"5\",\"owner\":"   \
    "\"n\","                                                                                       \
    "\"epoch\":\"0\",\"protocol\":\"2025-06-18\",\"client\":\"{\\\"name\\\":\\\"t\\\"}\","         \
    "\"capabilities\":\"{}\",\"initialized\":\"false\",\"log_level\":\"\",\"subscriptions\":\"[]"  \
    "\",\"backends\":"                                                                             \
    "\"\"}"
#define PLACEHOLDER "{" MEMBERS

static struct record make_record(void) {
    return (struct record){.principal = xstrdup(""),
                           .created_ms = 5,
                           .owner = xstrdup("n"),
                           .protocol = xstrdup("2025-06-18"),
                           .client = xstrdup("{\"name\":\"t\"}"),
                           .capabilities = xstrdup("{}"),
                           .log_level = xstrdup(""),
                           .subscriptions = xstrdup("[]")};
}

static void expect_text(const struct record *record, const char *wanted) {
    struct buffer text = {0};
    record_encode(record, &text);
    assert_string_equal(buffer_cstr(&text), wanted);
    buffer_free(&text);
}

static struct record decode(const char *text) {
    struct record record = {0};
    const char *what = NULL;
    assert_int_equal(record_decode(slice_cstr(text), &record, &what), TRUNK_OK);
    assert_null(what);
    return record;
}

static void expect_refusal(struct trunk_slice text) {
    struct record record = {.epoch = 7};
    const char *what = NULL;
    assert_int_equal(record_decode(text, &record, &what), TRUNK_INVALID);
    assert_non_null(what);
    assert_memory_equal(&record, &(struct record){0}, sizeof record);
}

static void test_a_key_is_the_id_behind_its_prefix(void **state) {
    char key[RECORD_KEY_SIZE];
    (void)state;
    record_key("0123456789abcdef0123456789abcdef", key);
    assert_string_equal(key, "s:0123456789abcdef0123456789abcdef");
}

static void set_leg(struct record *record, const char *backend, const char *session,
                    const char *protocol, const char *config) {
    record_set_leg(record, &(struct record_leg){backend, session, protocol, "{}", config});
}

static void test_a_record_is_a_flat_object_of_strings(void **state) {
    struct record record = make_record();
    (void)state;
    expect_text(&record, PLACEHOLDER);
    record_clear(&record);
    assert_memory_equal(&record, &(struct record){0}, sizeof record);
}

static void test_legs_are_sorted_by_backend_and_replaced(void **state) {
    struct record record = make_record();
    (void)state;
    set_leg(&record, "web", "", "2025-03-26", "h1");
    set_leg(&record, "a.b-c", "snap/shot", "2025-11-25", "h2");
    set_leg(&record, "m_1", "", "2025-06-18", "h3");
    set_leg(&record, "m_1", "s", "2025-11-25", "h4");
    assert_int_equal(record.nlegs, 3);
    assert_string_equal(record.legs[0].backend, "a.b-c");
    assert_string_equal(record.legs[1].backend, "m_1");
    assert_string_equal(record.legs[1].session, "s");
    assert_string_equal(record.legs[1].protocol, "2025-11-25");
    assert_string_equal(record.legs[1].config, "h4");
    assert_string_equal(record.legs[2].backend, "web");
    struct buffer text = {0};
    record_encode(&record, &text);
    assert_non_null(strstr(buffer_cstr(&text), "\"backend.a.b-c.session\":\"snap/shot\""));
    assert_non_null(strstr(buffer_cstr(&text), "\"backends\":\"a.b-c,m_1,web\"}"));
    buffer_free(&text);
    record_clear(&record);
}

static void test_what_is_encoded_is_decoded_again(void **state) {
    struct record record = make_record();
    struct buffer text = {0};
    (void)state;
    record.is_active = true;
    record.is_terminated = true;
    record.is_initialized = true;
    record.epoch = UINT64_MAX;
    record.created_ms = 1795000000000;
    free(record.principal);
    record.principal = xstrdup("issuer\" \\ \xc3\xa9/subject");
    set_leg(&record, "a", "1", "2", "3");
    set_leg(&record, "b", "", "5", "6");
    record_encode(&record, &text);
    struct record again = decode(buffer_cstr(&text));
    expect_text(&again, buffer_cstr(&text));
    assert_true(again.is_active && again.is_terminated && again.is_initialized);
    assert_true(again.epoch == UINT64_MAX);
    assert_true(again.created_ms == 1795000000000);
    assert_string_equal(again.principal, record.principal);
    assert_int_equal(again.nlegs, 2);
    assert_string_equal(again.legs[1].config, "6");
    buffer_free(&text);
    record_clear(&again);
    record_clear(&record);
}

static void test_a_copy_shares_nothing(void **state) {
    struct record record = make_record();
    struct record copy = {0};
    (void)state;
    set_leg(&record, "a", "1", "2", "3");
    record_copy(&record, &copy);
    struct buffer text = {0};
    record_encode(&record, &text);
    record_clear(&record);
    expect_text(&copy, buffer_cstr(&text));
    buffer_free(&text);
    record_clear(&copy);
}

static void test_encoding_appends(void **state) {
    struct record record = make_record();
    struct buffer text = {0};
    (void)state;
    buffer_append_cstr(&text, "before ");
    record_encode(&record, &text);
    assert_string_equal(buffer_cstr(&text), "before " PLACEHOLDER);
    buffer_free(&text);
    record_clear(&record);
}

static void test_members_that_are_not_known_are_ignored(void **state) {
    struct record record = decode("{\"later\":{\"x\":[1]}," MEMBERS);
    (void)state;
    record_clear(&record);
}

/* The placeholder's text with one piece replaced. */
static void expect_refusal_of(const char *piece, const char *other) {
    const char *at = strstr(PLACEHOLDER, piece);
    assert_non_null(at);
    char *text =
        xasprintf("%.*s%s%s", (int)(at - PLACEHOLDER), PLACEHOLDER, other, at + strlen(piece));
    expect_refusal(slice_cstr(text));
    free(text);
}

static void test_what_is_no_record_is_refused(void **state) {
    static const char *const members[] = {"principal", "created",  "owner",       "epoch",
                                          "protocol",  "client",   "state",       "initialized",
                                          "format",    "backends", "capabilities"};
    (void)state;
    expect_refusal(slice_cstr(""));
    expect_refusal(slice_cstr("{"));
    expect_refusal(slice_cstr("[]"));
    expect_refusal(slice_cstr("null"));
    expect_refusal(slice_cstr("{}"));
    expect_refusal(slice_cstr(PLACEHOLDER "x"));
    expect_refusal(slice_of(PLACEHOLDER, strlen(PLACEHOLDER) - 1));
    expect_refusal(slice_of("{\0}", 3));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char *piece = xasprintf("\"%s\":\"", members[i]);
        char *other = xasprintf("\"no_%s\":\"", members[i]);
        expect_refusal_of(piece, other);
        free(piece);
        free(other);
    }
}

static void test_values_of_the_wrong_kind_are_refused(void **state) {
    (void)state;
    expect_refusal_of("\"format\":\"1\"", "\"format\":\"2\"");
    expect_refusal_of("\"format\":\"1\"", "\"format\":1");
    expect_refusal_of("placeholder", "hibernated");
    expect_refusal_of("\"created\":\"5\"", "\"created\":5");
    expect_refusal_of("\"created\":\"5\"", "\"created\":\"-5\"");
    expect_refusal_of("\"created\":\"5\"", "\"created\":\"5x\"");
    expect_refusal_of("\"created\":\"5\"", "\"created\":\"\"");
    expect_refusal_of("\"epoch\":\"0\"", "\"epoch\":\" 0\"");
    expect_refusal_of("\"principal\":\"\"", "\"principal\":null");
}

static void test_only_the_word_true_terminates(void **state) {
    struct record flagged = decode("{\"terminated\":\"true\"," MEMBERS);
    (void)state;
    assert_true(flagged.is_terminated);
    record_clear(&flagged);
    struct record not_flagged = decode("{\"terminated\":\"\"," MEMBERS);
    assert_false(not_flagged.is_terminated);
    record_clear(&not_flagged);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_the_id_behind_its_prefix),
        cmocka_unit_test(test_a_record_is_a_flat_object_of_strings),
        cmocka_unit_test(test_legs_are_sorted_by_backend_and_replaced),
        cmocka_unit_test(test_what_is_encoded_is_decoded_again),
        cmocka_unit_test(test_a_copy_shares_nothing),
        cmocka_unit_test(test_encoding_appends),
        cmocka_unit_test(test_members_that_are_not_known_are_ignored),
        cmocka_unit_test(test_what_is_no_record_is_refused),
        cmocka_unit_test(test_values_of_the_wrong_kind_are_refused),
        cmocka_unit_test(test_only_the_word_true_terminates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
