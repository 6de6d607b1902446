/* SPDX-License-Identifier: MIT
 * test_list_pages.c - lists in pages: complete, distinct, and sure of their cursors. */
#include "unit/catalogue/list_rig.h"

#include "catalogue/cursor.h"

#define PROMPTS(...) ((const struct part[]){{"b", "[" __VA_ARGS__ "]"}, {0}})
#define P(name) "{\"name\":\"" name "\"}"

/* Appends the names of a page, each with a space behind it; the cursor of the next, plain. False:
 * this was the last. */
static bool read_page(struct rig *rig, struct buffer *cursor, size_t page_size,
                      struct buffer *names) {
    struct trunk_slice given = buffer_slice(cursor);
    struct json_error error;
    buffer_clear(&rig->page);
    assert_true(list_append_page(rig->list, given.len > 0 ? &given : NULL, page_size, &rig->page));
    assert_int_equal(check(buffer_slice(&rig->page), &error), TRUNK_OK);
    struct json_value items = json_find(buffer_slice(&rig->page), "prompts");
    struct json_value item;
    size_t at = 0;
    size_t count = 0;
    while (json_array_next(items.text, &at, &item)) {
        json_string_decode(json_find(item.text, "name").text, names);
        buffer_append_cstr(names, " ");
        count++;
    }
    assert_true(page_size == 0 || count <= page_size);
    struct json_value next = json_find(buffer_slice(&rig->page), "nextCursor");
    buffer_clear(cursor);
    if (next.type == JSON_STRING) {
        json_string_decode(next.text, cursor);
    }
    return next.type != JSON_NONE;
}

static void test_pages_hold_everything_once(void **state) {
    (void)state;
    for (size_t size = 1; size <= 6; size++) {
        struct rig rig;
        struct buffer cursor = {0};
        struct buffer names = {0};
        size_t pages = 1;
        rig_start(&rig, LIST_PROMPTS);
        rig_merge(&rig, &conflict_naming,
                  PROMPTS(P("v") "," P("w") "," P("x") "," P("y") "," P("z")));
        while (read_page(&rig, &cursor, size, &names)) {
            pages++;
        }
        assert_buffer(&names, "v w x y z ");
        assert_int_equal(pages, (5 + size - 1) / size);
        buffer_free(&cursor);
        rig_end(&rig);
    }
}

static void test_page_goes_on_behind_its_last_element_when_the_list_changes(void **state) {
    (void)state;
    struct rig rig;
    struct buffer cursor = {0};
    struct buffer names = {0};
    rig_start(&rig, LIST_PROMPTS);
    rig_merge(&rig, &conflict_naming, PROMPTS(P("v") "," P("w") "," P("x") "," P("y")));
    assert_true(read_page(&rig, &cursor, 2, &names));
    rig_merge(&rig, &conflict_naming,
              PROMPTS(P("t") "," P("u") "," P("v") "," P("w") "," P("x2") "," P("y")));
    assert_false(read_page(&rig, &cursor, 2, &names));
    assert_buffer(&names, "v w x2 y ");
    buffer_free(&cursor);
    rig_end(&rig);
}

static void test_page_goes_on_at_its_place_when_its_last_element_is_gone(void **state) {
    (void)state;
    struct rig rig;
    struct buffer cursor = {0};
    struct buffer again = {0};
    struct buffer names = {0};
    rig_start(&rig, LIST_PROMPTS);
    rig_merge(&rig, &conflict_naming, PROMPTS(P("v") "," P("w") "," P("x") "," P("y")));
    assert_true(read_page(&rig, &cursor, 2, &names));
    buffer_append_slice(&again, buffer_slice(&cursor));
    rig_merge(&rig, &conflict_naming, PROMPTS(P("v") "," P("x") "," P("y")));
    assert_false(read_page(&rig, &cursor, 2, &names));
    rig_merge(&rig, &conflict_naming, PROMPTS(P("v")));
    assert_false(read_page(&rig, &again, 2, &names));
    assert_buffer(&names, "v w y ");
    buffer_free(&cursor);
    buffer_free(&again);
    rig_end(&rig);
}

static void test_cursor_means_the_same_in_another_process(void **state) {
    (void)state;
    struct rig rigs[2];
    struct buffer cursors[2] = {{0}, {0}};
    struct buffer names = {0};
    for (size_t i = 0; i < 2; i++) {
        rig_start(&rigs[i], LIST_PROMPTS);
        rig_merge(&rigs[i], &conflict_naming, PROMPTS(P("v") "," P("w") "," P("x")));
        assert_true(read_page(&rigs[i], &cursors[i], 1, &names));
    }
    assert_true(slice_equal(buffer_slice(&cursors[0]), buffer_slice(&cursors[1])));
    for (size_t i = 0; i < 2; i++) {
        buffer_free(&cursors[i]);
        rig_end(&rigs[i]);
    }
    buffer_free(&names);
}

static bool is_taken(const struct list *list, const struct cursor *cursor) {
    struct buffer text = {0};
    struct buffer out = {0};
    cursor_append(&text, cursor);
    struct trunk_slice given = buffer_slice(&text);
    bool is_good = list_append_page(list, &given, 2, &out);
    assert_int_equal(out.len > 0, is_good);
    buffer_free(&text);
    buffer_free(&out);
    return is_good;
}

static void test_bad_cursor_is_refused_and_nothing_written(void **state) {
    (void)state;
    struct rig rig;
    struct buffer cursor = {0};
    struct buffer names = {0};
    struct cursor good;
    struct trunk_slice bad = slice_cstr("page2");
    struct trunk_slice empty = slice_cstr("");
    rig_start(&rig, LIST_PROMPTS);
    rig_merge(&rig, &conflict_naming, PROMPTS(P("v") "," P("w") "," P("x")));
    assert_true(read_page(&rig, &cursor, 1, &names));
    assert_true(cursor_parse(buffer_slice(&cursor), &good));
    buffer_clear(&rig.page);
    assert_false(list_append_page(rig.list, &bad, 1, &rig.page));
    assert_false(list_append_page(rig.list, &empty, 1, &rig.page));
    assert_int_equal(rig.page.len, 0);
    assert_true(is_taken(rig.list, &good));
    struct cursor of_tools = good;
    of_tools.kind = 't';
    struct cursor without_place = good;
    without_place.position = 0;
    struct cursor beyond = good;
    beyond.position = 4;
    struct cursor elsewhere = good;
    elsewhere.position = 2;
    assert_false(is_taken(rig.list, &of_tools));
    assert_false(is_taken(rig.list, &without_place));
    assert_false(is_taken(rig.list, &beyond));
    assert_false(is_taken(rig.list, &elsewhere));
    buffer_free(&cursor);
    buffer_free(&names);
    rig_end(&rig);
}

/* 250 tools of each of 20 backends, a bad one among them. */
static void test_thousands_of_tools_are_complete_by_pages(void **state) {
    enum { BACKENDS = 20, TOOLS = 250, PAGE = 100 };
    (void)state;
    struct list_source sources[BACKENDS];
    struct buffer pages[BACKENDS] = {{0}};
    struct trunk_slice slices[BACKENDS];
    char names[BACKENDS][8];
    struct list *list = list_new(LIST_TOOLS);
    struct buffer page = {0};
    struct buffer cursor = {0};
    for (size_t i = 0; i < BACKENDS; i++) {
        (void)snprintf(names[i], sizeof names[i], "b%02zu", i);
        for (size_t k = 0; k < TOOLS; k++) {
            buffer_printf(&pages[i],
                          "%c{\"name\":\"tool_%zu\",\"inputSchema\":{\"type\":\"object\","
                          "\"properties\":{\"a\":{\"type\":\"string\"}}}}",
                          k == 0 ? '[' : ',', k);
        }
        buffer_append_cstr(&pages[i], i == 7 ? ",{\"name\":null}]" : "]");
        slices[i] = buffer_slice(&pages[i]);
        sources[i] = (struct list_source){names[i], NULL, &slices[i], 1};
    }
    assert_true(list_merge(list, sources, BACKENDS, &prefix_naming, NULL));
    size_t seen = 0;
    do {
        struct trunk_slice given = buffer_slice(&cursor);
        struct json_value item;
        size_t at = 0;
        buffer_clear(&page);
        assert_true(list_append_page(list, given.len > 0 ? &given : NULL, PAGE, &page));
        struct json_value items = json_find(buffer_slice(&page), "tools");
        while (json_array_next(items.text, &at, &item)) {
            char expected[32];
            (void)snprintf(expected, sizeof expected, "\"b%02zu_tool_%zu\"", seen / TOOLS,
                           seen % TOOLS);
            assert_slice(json_find(item.text, "name").text, expected);
            seen++;
        }
        struct json_value next = json_find(buffer_slice(&page), "nextCursor");
        buffer_clear(&cursor);
        if (next.type == JSON_STRING) {
            json_string_decode(next.text, &cursor);
        }
    } while (cursor.len > 0);
    assert_int_equal(seen, BACKENDS * TOOLS);
    for (size_t i = 0; i < BACKENDS; i++) {
        buffer_free(&pages[i]);
    }
    buffer_free(&page);
    buffer_free(&cursor);
    list_free(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_hold_everything_once),
        cmocka_unit_test(test_page_goes_on_behind_its_last_element_when_the_list_changes),
        cmocka_unit_test(test_page_goes_on_at_its_place_when_its_last_element_is_gone),
        cmocka_unit_test(test_cursor_means_the_same_in_another_process),
        cmocka_unit_test(test_bad_cursor_is_refused_and_nothing_written),
        cmocka_unit_test(test_thousands_of_tools_are_complete_by_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
