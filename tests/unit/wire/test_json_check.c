/* SPDX-License-Identifier: MIT
 * test_json_check.c - what json_cut takes for JSON: RFC 8259, its corners, and json-c beside it. */
#include "fixture.h"

#include <json.h>
#include <stdio.h>

struct bad {
    struct trunk_slice text;
    const char *what;
    size_t offset;
};

/* json-c in strict mode must agree with each of these. */
static const struct trunk_slice both_accept[] = {
    TEXT("{}"),
    TEXT("[]"),
    TEXT("\"\""),
    TEXT("0"),
    TEXT("-0"),
    TEXT("-1"),
    TEXT("10"),
    TEXT("1.5"),
    TEXT("0.0"),
    TEXT("-0.10"),
    TEXT("1e5"),
    TEXT("1E5"),
    TEXT("1e+5"),
    TEXT("1e-5"),
    TEXT("1.25e10"),
    TEXT("0e0"),
    TEXT("true"),
    TEXT("false"),
    TEXT("null"),
    TEXT(" \t\r\n{ \t\r\n} \t\r\n"),
    TEXT("[ 1 , 2 ]"),
    TEXT("{ \"a\" : 1 , \"b\" : [ ] }"),
    TEXT("{\"a\":{\"b\":{\"c\":[{},[],\"\",null]}}}"),
    TEXT("{\"a\":1,\"a\":2}"),
    TEXT("{\"\":0}"),
    TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    TEXT("\"\\u0041\\u00e9\\uFFFF\\uabCD\""),
    TEXT("\"\\ud83d\\ude00\""),
    TEXT("\"\x7f\""),
    TEXT("\"\xc2\x80\xdf\xbf\""),
    TEXT("\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
    TEXT("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
    TEXT("{\"\xd0\xba\":\"\xe4\xb8\xad\"}"),
    TEXT("[1,[2,[3,[4,[5]]]]]"),
    TEXT("\"12345678\""),
    TEXT("\"// no comment /* either */\""),
};

static const struct bad both_refuse[] = {
    {TEXT(""), "the text ends where a value should be", 0},
    {TEXT(" \n\t"), "the text ends where a value should be", 3},
    {TEXT("{"), "member without a key in quotes", 1},
    {TEXT("["), "the text ends where a value should be", 1},
    {TEXT("}"), "not a JSON value", 0},
    {TEXT("]"), "not a JSON value", 0},
    {TEXT("[1"), "the text ends inside an array or object", 2},
    {TEXT("{\"a\":1"), "the text ends inside an array or object", 6},
    {TEXT("{\"a\":"), "the text ends where a value should be", 5},
    {TEXT("{\"a\""), "member without a colon", 4},
    {TEXT("{\"a\" 1}"), "member without a colon", 5},
    {TEXT("{a:1}"), "member without a key in quotes", 1},
    {TEXT("{1:1}"), "member without a key in quotes", 1},
    {TEXT("{,}"), "member without a key in quotes", 1},
    {TEXT("{\"a\":}"), "not a JSON value", 5},
    {TEXT("{\"a\":1,,\"b\":2}"), "member without a key in quotes", 7},
    {TEXT("{\"a\":1 \"b\":2}"), "neither comma nor end of the array or object", 7},
    {TEXT("[1 2]"), "neither comma nor end of the array or object", 3},
    {TEXT("[1}"), "neither comma nor end of the array or object", 2},
    {TEXT("{\"a\":1]"), "neither comma nor end of the array or object", 6},
    {TEXT("[,1]"), "not a JSON value", 1},
    {TEXT("[1,,2]"), "not a JSON value", 3},
    {TEXT("[1,]"), "trailing comma", 2},
    {TEXT("[1 , ]"), "trailing comma", 3},
    {TEXT("{\"a\":1,}"), "trailing comma", 6},
    {TEXT("[1,"), "the text ends where a value should be", 3},
    {TEXT("{} {}"), "something follows the JSON text", 3},
    {TEXT("{}x"), "something follows the JSON text", 2},
    {TEXT("1 2"), "something follows the JSON text", 2},
    {TEXT("{}}"), "something follows the JSON text", 2},
    {TEXT("\"a\"b"), "something follows the JSON text", 3},
    {TEXT("01"), "digit behind a leading zero", 1},
    {TEXT(".5"), "not a JSON value", 0},
    {TEXT("+1"), "not a JSON value", 0},
    {TEXT("-"), "number without digits", 1},
    {TEXT("-a"), "number without digits", 1},
    {TEXT("1e"), "number without digits in the exponent", 2},
    {TEXT("1e+"), "number without digits in the exponent", 3},
    {TEXT("0x10"), "something follows the JSON text", 1},
    {TEXT("1a"), "something follows the JSON text", 1},
    {TEXT("tru"), "not a JSON value", 0},
    {TEXT("nul"), "not a JSON value", 0},
    {TEXT("[truf]"), "not a JSON value", 1},
    {TEXT("undefined"), "not a JSON value", 0},
    {TEXT("\"abc"), "string without end", 0},
    {TEXT("\"12345678"), "string without end", 0},
    {TEXT("[\"abc\\\"]"), "string without end", 1},
    {TEXT("\"\\"), "string without end", 0},
    {TEXT("\"\\x41\""), "unknown escape in a string", 2},
    {TEXT("\"\\'\""), "unknown escape in a string", 2},
    {TEXT("\"\\u12g4\""), "\\u without four hex digits", 5},
    {TEXT("\"\\u123\""), "\\u without four hex digits", 6},
    {TEXT("\"\\u12"), "\\u without four hex digits", 5},
    {TEXT("\"\\U0041\""), "unknown escape in a string", 2},
    {TEXT("\xef\xbb\xbf{}"), "not a JSON value", 0},
    {TEXT("\"\x80\""), "invalid UTF-8", 1},
    {TEXT("\"ab\xff\""), "invalid UTF-8", 3},
    {TEXT("\"\xc3\""), "invalid UTF-8", 1},
    {TEXT("\"\xe4\xb8\""), "invalid UTF-8", 1},
    {TEXT("\"\xf8\x88\x80\x80\x80\""), "invalid UTF-8", 1},
    {TEXT("{\"\xfe\":1}"), "invalid UTF-8", 2},
    {TEXT("/* c */ {}"), "not a JSON value", 0},
    {TEXT("// c\n{}"), "not a JSON value", 0},
    {TEXT("[1]// c"), "something follows the JSON text", 3},
};

/* json-c 0.16 takes most of these in strict mode, which is why there is a checker of our own. */
static const struct bad refused[] = {
    {TEXT("\"a\nb\""), "line break in a string", 2},
    {TEXT("\"a\rb\""), "line break in a string", 2},
    {TEXT("{\"a\n\":1}"), "line break in a string", 3},
    {TEXT("{'a':1}"), "member without a key in quotes", 1},
    {TEXT("NaN"), "not a JSON value", 0},
    {TEXT("[NaN]"), "not a JSON value", 1},
    {TEXT("Infinity"), "not a JSON value", 0},
    {TEXT("-Infinity"), "number without digits", 1},
    {TEXT("\"\xc0\x80\""), "invalid UTF-8", 1},
    {TEXT("\"\xc1\xbf\""), "invalid UTF-8", 1},
    {TEXT("\"\xe0\x9f\xbf\""), "invalid UTF-8", 1},
    {TEXT("\"\xf0\x8f\xbf\xbf\""), "invalid UTF-8", 1},
    {TEXT("\"\xed\xa0\x80\""), "invalid UTF-8", 1},
    {TEXT("\"\xed\xbf\xbf\""), "invalid UTF-8", 1},
    {TEXT("\"\xf4\x90\x80\x80\""), "invalid UTF-8", 1},
    {TEXT("-01"), "digit behind a leading zero", 2},
    {TEXT("[00]"), "digit behind a leading zero", 2},
    {TEXT("1.e5"), "number without digits behind the point", 2},
    {TEXT("\"\xf5\x80\x80\x80\""), "invalid UTF-8", 1},
    {TEXT("'a'"), "not a JSON value", 0},
    {TEXT("True"), "not a JSON value", 0},
    {TEXT("NULL"), "not a JSON value", 0},
    {TEXT("nan"), "not a JSON value", 0},
    {TEXT("1."), "number without digits behind the point", 2},
    {TEXT("-.5"), "number without digits", 1},
    {TEXT("\"a\tb\""), "control byte in a string", 2},
    {TEXT("\"\x1f\""), "control byte in a string", 1},
    {TEXT("\"\0\""), "control byte in a string", 1},
    {TEXT("\"\\u0\0zz\""), "\\u without four hex digits", 4},
    {TEXT("\"\\\0\""), "unknown escape in a string", 2},
    {TEXT("{}\0"), "something follows the JSON text", 2},
    {TEXT("\0{}"), "not a JSON value", 0},
    {TEXT("[1\0]"), "neither comma nor end of the array or object", 2},
    {TEXT("{\0}"), "member without a key in quotes", 1},
    {TEXT("[1,\v2]"), "not a JSON value", 3},
    {TEXT("[1,\f2]"), "not a JSON value", 3},
    {TEXT("[1,\302\2402]"), "not a JSON value", 3},
    {TEXT("\xff\xfe{\0}\0"), "not a JSON value", 0},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static bool json_c_takes(struct trunk_slice text) {
    struct json_tokener *tokener = json_tokener_new_ex(256);
    assert_non_null(tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(tokener, text.data, (int)text.len);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error == json_tokener_continue) { /* a NUL says that a number at the end does not go on */
        object = json_tokener_parse_ex(tokener, "", 1);
        error = json_tokener_get_error(tokener);
    }
    json_object_put(object);
    json_tokener_free(tokener);
    return error == json_tokener_success;
}

static void assert_refused(const struct bad *bad) {
    struct json_error error;
    int32_t status = check(bad->text, &error);
    if (status != TRUNK_INVALID || strcmp(error.what, bad->what) != 0 ||
        error.offset != bad->offset) {
        fail_msg("%s: status %d, %s at %zu", (const char *)bad->text.data, (int)status, error.what,
                 error.offset);
    }
}

static void test_what_the_rfc_allows_is_accepted_as_by_json_c(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(both_accept); i++) {
        const char *text = both_accept[i].data;
        struct json_error error;
        if (check(both_accept[i], &error) != TRUNK_OK) {
            fail_msg("%s: %s at %zu", text, error.what, error.offset);
        }
        if (!json_c_takes(both_accept[i])) {
            fail_msg("%s: json-c refuses it", text);
        }
    }
}

static void test_what_the_rfc_forbids_is_refused_as_by_json_c(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(both_refuse); i++) {
        assert_refused(&both_refuse[i]);
        if (json_c_takes(both_refuse[i].text)) {
            fail_msg("%s: json-c takes it", (const char *)both_refuse[i].text.data);
        }
    }
}

static void test_what_only_json_c_lets_through_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_refused(&refused[i]);
    }
}

static void test_lone_surrogate_escapes_are_accepted(void **state) {
    (void)state;
    static const struct trunk_slice lone[] = {
        TEXT("\"\\ud800\""),        TEXT("\"\\udfff\""),     TEXT("\"\\ud800\\u0041\""),
        TEXT("\"\\udc00\\ud800\""), TEXT("{\"\\ud83d\":1}"), TEXT("\"\\u0000\"")};
    struct json_error error;
    for (size_t i = 0; i < COUNT(lone); i++) {
        assert_int_equal(check(lone[i], &error), TRUNK_OK);
    }
}

static void append_levels(struct buffer *out, const char *opening, const char *closing,
                          size_t levels) {
    for (size_t i = 0; i < levels; i++) {
        buffer_append_cstr(out, opening);
    }
    buffer_append_cstr(out, "1");
    for (size_t i = 0; i < levels; i++) {
        buffer_append_cstr(out, closing);
    }
}

static int32_t check_levels(const char *opening, const char *closing, size_t levels,
                            struct json_error *out_error) {
    struct buffer text = {0};
    append_levels(&text, opening, closing, levels);
    int32_t status = check(buffer_slice(&text), out_error);
    buffer_free(&text);
    return status;
}

static void test_128_levels_are_accepted_and_129_are_too_large(void **state) {
    (void)state;
    struct json_error error;
    assert_int_equal(check_levels("[", "]", 128, &error), TRUNK_OK);
    assert_int_equal(check_levels("{\"a\":", "}", 128, &error), TRUNK_OK);
    assert_int_equal(check_levels("[", "]", 129, &error), TRUNK_TOO_LARGE);
    assert_string_equal(error.what, "more than 128 levels");
    assert_int_equal(error.offset, 128);
    assert_int_equal(check_levels("{\"a\":", "}", 129, &error), TRUNK_TOO_LARGE);
    assert_int_equal(error.offset, 128 * 5);
    assert_int_equal(check_levels("[", "]", 1000000, &error), TRUNK_TOO_LARGE);
}

static void test_levels_are_counted_by_depth_and_not_by_number(void **state) {
    (void)state;
    struct json_error error;
    struct buffer text = {0};
    buffer_append_cstr(&text, "[[]");
    for (int i = 0; i < 1000; i++) {
        buffer_append_cstr(&text, ",[{}]");
    }
    buffer_append_cstr(&text, "]");
    assert_int_equal(check(buffer_slice(&text), &error), TRUNK_OK);
    buffer_free(&text);
}

static void test_every_cut_off_text_is_refused(void **state) {
    (void)state;
    static const char text[] =
        "{\"a\":[1.5e+3,-0,true,false,null,\"\xe4\xb8\xad\\u00e9\\\\plain words\"],"
        "\"b\":{\"c\":{}}}";
    struct json_error error;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        if (check(slice_of(text, len), &error) != TRUNK_INVALID) {
            fail_msg("%.*s", (int)len, text);
        }
        assert_true(error.offset <= len);
    }
    assert_int_equal(check(slice_of(text, sizeof text - 1), &error), TRUNK_OK);
}

/* The scan takes eight bytes at a time: each byte must be seen at each place of it. */
static void test_every_byte_is_judged_alike_at_every_place_of_a_string(void **state) {
    (void)state;
    char text[40];
    struct json_error error;
    for (size_t len = 1; len <= 20; len++) {
        for (size_t place = 0; place < len; place++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memset(text, 'a', sizeof text);
                text[0] = '"';
                text[1 + place] = (char)(unsigned char)byte;
                text[1 + len] = '"';
                bool is_good = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
                int32_t status = check(slice_of(text, len + 2), &error);
                if ((status == TRUNK_OK) != is_good) {
                    fail_msg("byte %u at %zu of %zu", byte, place, len);
                }
            }
        }
    }
}

/* RFC 3629 by arithmetic: the bytes of the character at text, 0 if it is none. */
static size_t decode(const unsigned char *text, size_t len) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need = text[0] < 0x80   ? 1
                  : text[0] < 0xc0 ? 0
                  : text[0] < 0xe0 ? 2
                  : text[0] < 0xf0 ? 3
                  : text[0] < 0xf8 ? 4
                                   : 0;
    if (need <= 1 || need > len) {
        return need > len ? 0 : need;
    }
    uint32_t code = text[0] & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3f);
    }
    bool is_good = code >= smallest[need] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return is_good ? need : 0;
}

static bool is_utf8(const unsigned char *text, size_t len) {
    for (size_t at = 0; at < len;) {
        size_t step = decode(text + at, len - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

static void test_utf8_is_judged_as_by_arithmetic(void **state) {
    (void)state;
    static const unsigned char tails[] = {'a',  0x7f, 0x80, 0x8f, 0x90,
                                          0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    unsigned char text[6] = {'"', 0, 0, 0, 0, '"'};
    struct json_value root;
    struct json_error error;
    for (unsigned lead = 0x80; lead < 0x100; lead++) {
        for (unsigned second = 0x7f; second < 0x100; second++) {
            for (size_t i = 0; i < COUNT(tails) * COUNT(tails); i++) {
                text[1] = (unsigned char)lead;
                text[2] = (unsigned char)second;
                text[3] = tails[i / COUNT(tails)];
                text[4] = tails[i % COUNT(tails)];
                int32_t status =
                    json_cut(slice_of(text, sizeof text), NULL, 0, NULL, &root, &error);
                if ((status == TRUNK_OK) != is_utf8(text + 1, 4)) {
                    fail_msg("%02x %02x %02x %02x", text[1], text[2], text[3], text[4]);
                }
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_rfc_allows_is_accepted_as_by_json_c),
        cmocka_unit_test(test_what_the_rfc_forbids_is_refused_as_by_json_c),
        cmocka_unit_test(test_what_only_json_c_lets_through_is_refused),
        cmocka_unit_test(test_lone_surrogate_escapes_are_accepted),
        cmocka_unit_test(test_128_levels_are_accepted_and_129_are_too_large),
        cmocka_unit_test(test_levels_are_counted_by_depth_and_not_by_number),
        cmocka_unit_test(test_every_cut_off_text_is_refused),
        cmocka_unit_test(test_every_byte_is_judged_alike_at_every_place_of_a_string),
        cmocka_unit_test(test_utf8_is_judged_as_by_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
