/* SPDX-License-Identifier: MIT
 * test_downlevel.c - results for older and for strict clients. */
#include "fixture.h"

#include "wire/downlevel.h"

#define LINK "{\"type\":\"resource_link\",\"uri\":\"u:1\",\"name\":\"N\\\"\",\"size\":1}"
#define LINK_TEXT "{\"type\":\"text\",\"text\":\"Resource N\\\": u:1\"}"
#define AUDIO "{\"data\":\"AA==\",\"mimeType\":\"audio/wav\",\"t\\u0079pe\":\"audio\"}"
#define AUDIO_TEXT                                                                                 \
    "{\"type\":\"text\",\"text\":\"Audio audio/wav was left out: this client's protocol revision " \
    "has none\"}"
#define TEXT_BLOCK "{\"type\":\"text\",\"text\":\"audio\",\"_meta\":{\"type\":\"audio\"}}"

/* expected NULL: nothing to change. */
static void assert_changed(bool is_changed, struct buffer *out, const char *expected) {
    struct json_error error;
    assert_int_equal(is_changed, expected != NULL);
    if (expected != NULL) {
        assert_slice(buffer_slice(out), expected);
        assert_int_equal(check(buffer_slice(out), &error), TRUNK_OK);
    } else {
        assert_int_equal(out->len, 0);
    }
    buffer_free(out);
}

static void assert_content(const char *version, const char *object, const char *expected) {
    struct buffer out = {0};
    assert_changed(downlevel_content(version, slice_cstr(object), &out), &out, expected);
}

static void assert_structured(const char *result, const char *expected) {
    struct buffer out = {0};
    assert_changed(downlevel_structured(slice_cstr(result), &out), &out, expected);
}

static void test_only_older_sessions_need_it(void **state) {
    (void)state;
    assert_true(downlevel_is_needed("2024-11-05"));
    assert_true(downlevel_is_needed("2025-03-26"));
    assert_false(downlevel_is_needed("2025-06-18"));
    assert_false(downlevel_is_needed("2025-11-25"));
}

static void test_links_become_text_before_2025_06_18(void **state) {
    (void)state;
    assert_content("2025-03-26", "{\"content\":[" TEXT_BLOCK ", " LINK " ," AUDIO "],\"x\":1.50}",
                   "{\"content\":[" TEXT_BLOCK ", " LINK_TEXT " ," AUDIO "],\"x\":1.50}");
    assert_content("2025-06-18", "{\"content\":[" LINK "," AUDIO "]}", NULL);
    assert_content("2025-03-26",
                   "{\"content\":[{\"type\":\"resource_link\",\"uri\":\"u:2\",\"name\":\"n\","
                   "\"description\":\"what it is\"}]}",
                   "{\"content\":[{\"type\":\"text\",\"text\":\"Resource n: u:2\\u000awhat it "
                   "is\"}]}");
}

static void test_audio_becomes_text_before_2025_03_26(void **state) {
    (void)state;
    assert_content("2024-11-05", "{\"isError\":false,\"content\":[" AUDIO "," LINK "]}",
                   "{\"isError\":false,\"content\":[" AUDIO_TEXT "," LINK_TEXT "]}");
    assert_content("2025-03-26", "{\"content\":[" AUDIO "]}", NULL);
}

static void test_content_of_messages_is_changed_too(void **state) {
    (void)state;
    assert_content("2025-03-26",
                   "{\"description\":\"d\",\"messages\":[{\"role\":\"user\",\"content\":" LINK
                   "},{\"role\":\"user\",\"content\":[" LINK "," TEXT_BLOCK "]}]}",
                   "{\"description\":\"d\",\"messages\":[{\"role\":\"user\",\"content\":" LINK_TEXT
                   "},{\"role\":\"user\",\"content\":[" LINK_TEXT "," TEXT_BLOCK "]}]}");
}

static void test_what_is_not_content_stays(void **state) {
    (void)state;
    assert_content("2024-11-05", "{}", NULL);
    assert_content("2024-11-05", "{\"content\":[" TEXT_BLOCK "]}", NULL);
    assert_content("2024-11-05",
                   "{\"structuredContent\":" AUDIO ",\"_meta\":{\"content\":[" AUDIO "]}}", NULL);
    assert_content("2024-11-05", "{\"content\":[1,null,[],{},{\"type\":1}],\"messages\":[1]}",
                   NULL);
    assert_content("2024-11-05", "{\"content\":\"audio\",\"messages\":{\"content\":1}}", NULL);
    assert_content("2024-11-05",
                   "{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"u:1\",\"text\":"
                   "\"t\"}}]}",
                   NULL);
}

static void test_structured_content_that_is_no_object_goes_with_its_comma(void **state) {
    (void)state;
    assert_structured("{\"content\":[],\"structuredContent\":{\"a\":[1]}}", NULL);
    assert_structured("{\"content\":[]}", NULL);
    assert_structured("{\"content\":[] , \"structuredContent\":[1,{\"a\":2}] ,\"x\":1}",
                      "{\"content\":[] ,\"x\":1}");
    assert_structured("{ \"structuredContent\" : null, \"content\":[]}", "{\"content\":[]}");
    assert_structured("{\"structuredContent\":7}", "{}");
    assert_structured("{\"structuredContent\":7,\"structuredContent\":\"8\"}", "{}");
    assert_structured("{\"content\":[],\"structuredContent\":7}", "{\"content\":[]}");
}

static void append_values(struct buffer *out, int count) {
    for (int i = 0; i < count; i++) {
        buffer_printf(out, "%s\"v%d\"", i > 0 ? ", " : "", i);
    }
}

static void test_completions_are_cut_to_a_hundred(void **state) {
    (void)state;
    struct buffer given = {0};
    struct buffer expected = {0};
    struct buffer out = {0};
    buffer_append_cstr(&given, "{\"completion\":{\"hasMore\":false,\"values\":[");
    append_values(&given, 250);
    buffer_append_cstr(&given, " ],\"total\":250},\"_meta\":{}}");
    buffer_append_cstr(&expected, "{\"completion\":{\"hasMore\":true,\"values\":[");
    append_values(&expected, 100);
    buffer_append_cstr(&expected, "],\"total\":250},\"_meta\":{}}");
    assert_true(downlevel_completion(buffer_slice(&given), &out));
    assert_buffer(&out, buffer_cstr(&expected));
    buffer_free(&given);
    buffer_free(&expected);
}

static void test_other_completions_stay(void **state) {
    (void)state;
    struct buffer given = {0};
    struct buffer out = {0};
    buffer_append_cstr(&given, "{\"completion\":{\"values\":[");
    append_values(&given, 100);
    buffer_append_cstr(&given, "]}}");
    assert_false(downlevel_completion(buffer_slice(&given), &out));
    assert_false(downlevel_completion(slice_cstr("{}"), &out));
    assert_false(downlevel_completion(slice_cstr("{\"completion\":[]}"), &out));
    assert_false(downlevel_completion(slice_cstr("{\"completion\":{\"values\":1}}"), &out));
    assert_int_equal(out.len, 0);
    buffer_free(&given);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_older_sessions_need_it),
        cmocka_unit_test(test_links_become_text_before_2025_06_18),
        cmocka_unit_test(test_audio_becomes_text_before_2025_03_26),
        cmocka_unit_test(test_content_of_messages_is_changed_too),
        cmocka_unit_test(test_what_is_not_content_stays),
        cmocka_unit_test(test_structured_content_that_is_no_object_goes_with_its_comma),
        cmocka_unit_test(test_completions_are_cut_to_a_hundred),
        cmocka_unit_test(test_other_completions_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
