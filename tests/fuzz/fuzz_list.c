/* SPDX-License-Identifier: MIT
 * fuzz_list.c - any JSON as the lists of two backends, and as results for older clients: what comes
 * out is JSON, by pages the same as at once, and what is shown would be taken by strict clients
 * again. */
#include <stdint.h>
#include <stdlib.h>

#include "catalogue/list.h"
#include "wire/downlevel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
    if (!holds) {
        abort();
    }
}

static struct json_value check(struct trunk_slice text) {
    struct json_value root;
    struct json_error error;
    expect(json_cut(text, NULL, 0, NULL, &root, &error) == TRUNK_OK);
    return root;
}

static void check_elements(enum list_kind kind, struct trunk_slice page) {
    struct json_value items = json_find(page, list_info(kind)->member);
    struct json_value item;
    size_t cursor = 0;
    expect(items.type == JSON_ARRAY && items.count == 1);
    while (json_array_next(items.text, &cursor, &item)) {
        struct element element;
        expect(element_read(kind, &item, &element) && element.nstrips == 0);
    }
}

/* The elements of all pages of one, without what stands around them. */
static void read_by_ones(const struct list *list, struct buffer *out) {
    struct buffer cursor = {0};
    bool is_more = true;
    size_t pages = 0;
    while (is_more) {
        struct buffer page = {0};
        struct trunk_slice given = buffer_slice(&cursor);
        expect(list_append_page(list, given.len > 0 ? &given : NULL, 1, &page));
        struct json_value root = check(buffer_slice(&page));
        struct trunk_slice key;
        struct json_value items;
        size_t at = 0;
        expect(json_object_next(root.text, &at, &key, &items) && ++pages <= list_count(list) + 1);
        buffer_append_cstr(out, out->len > 0 && items.text.len > 2 ? "," : "");
        buffer_append(out, (const char *)items.text.data + 1, items.text.len - 2);
        struct json_value next = json_find(root.text, "nextCursor");
        is_more = next.type == JSON_STRING;
        buffer_clear(&cursor);
        if (is_more) {
            json_string_decode(next.text, &cursor);
        }
        buffer_free(&page);
    }
    buffer_free(&cursor);
}

static void merge(enum list_kind kind, enum naming_strategy strategy, struct trunk_slice array) {
    const struct naming naming = {strategy, "{backend}_", NULL, 0};
    const struct list_source sources[] = {{"a", NULL, &array, 1}, {"a_b", NULL, &array, 1}};
    struct list *list = list_new(kind);
    struct buffer page = {0};
    struct buffer ones = {0};
    (void)list_merge(list, sources, 2, &naming, NULL);
    expect(!list_merge(list, sources, 2, &naming, NULL));
    expect(list_append_page(list, NULL, 0, &page));
    check_elements(kind, check(buffer_slice(&page)).text);
    for (size_t i = 0; i < list_count(list); i++) {
        expect(list_find(list, list_at(list, i)->name) == list_at(list, i));
    }
    read_by_ones(list, &ones);
    size_t around = strlen(list_info(kind)->member) + strlen("{\"\":[]}");
    expect(ones.len + around == page.len);
    expect(ones.len == 0 || memcmp(ones.data, page.data + around - 2, ones.len) == 0);
    buffer_free(&ones);
    buffer_free(&page);
    list_free(list);
}

static void downlevel(struct trunk_slice object) {
    struct buffer out = {0};
    struct buffer again = {0};
    if (downlevel_content("2024-11-05", object, &out)) {
        expect(!downlevel_content("2024-11-05", check(buffer_slice(&out)).text, &again));
        buffer_clear(&out);
    }
    if (downlevel_structured(object, &out)) {
        expect(!downlevel_structured(check(buffer_slice(&out)).text, &again));
        buffer_clear(&out);
    }
    if (downlevel_completion(object, &out)) {
        (void)check(buffer_slice(&out));
    }
    buffer_free(&out);
    buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct json_value root;
    struct json_error error;
    if (json_cut(slice_of(data, size), NULL, 0, NULL, &root, &error) != TRUNK_OK) {
        return 0;
    }
    if (root.type == JSON_OBJECT) {
        downlevel(root.text);
    }
    for (int kind = 0; root.type == JSON_ARRAY && kind < LIST_KINDS; kind++) {
        for (int strategy = NAMING_PREFIX; strategy <= NAMING_PRIORITY; strategy++) {
            merge((enum list_kind)kind, (enum naming_strategy)strategy, root.text);
        }
    }
    return 0;
}
