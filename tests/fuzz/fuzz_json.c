/* SPDX-License-Identifier: MIT
 * fuzz_json.c - any bytes through the JSON checker and through json-c in its strict mode. What the
 * checker accepts, json-c accepts and reads as the same values; what json-c alone accepts holds one
 * of the things that it is known to let through. */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
    if (!holds) {
        abort();
    }
}

/* NULL: json-c refuses the document, or a part of it only is one. json-c's null is told by
 * *out_is_parsed. */
static struct json_object *parse_strictly(struct trunk_slice text, bool *out_is_parsed) {
    struct json_tokener *tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 2);
    expect(tokener != NULL);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *root = json_tokener_parse_ex(tokener, text.data, (int)text.len);
    bool is_whole = json_tokener_get_error(tokener) == json_tokener_success;
    if (json_tokener_get_error(tokener) == json_tokener_continue) {
        /* A number at the very end is only known to be whole by what follows. */
        root = json_tokener_parse_ex(tokener, "", 1);
        is_whole = json_tokener_get_error(tokener) == json_tokener_success;
    } else {
        is_whole = is_whole && json_tokener_get_parse_end(tokener) == text.len;
    }
    json_tokener_free(tokener);
    if (!is_whole) {
        json_object_put(root);
        root = NULL;
    }
    *out_is_parsed = is_whole;
    return root;
}

static bool is_digit(struct trunk_slice text, size_t at) {
    const char *bytes = text.data;
    return at < text.len && bytes[at] >= '0' && bytes[at] <= '9';
}

/* What json-c lets through beyond RFC 8259, measured: single quotes, NaN and Infinity, raw control
 * bytes in strings, UTF-8 that is none, a NUL as the end, and "1.", "-.5" and "00" as numbers. */
static bool holds_what_json_c_lets_through(struct trunk_slice text) {
    const unsigned char *bytes = text.data;
    for (size_t i = 0; i < text.len; i++) {
        bool is_odd_number =
            (bytes[i] == '.' && (i == 0 || !is_digit(text, i - 1) || !is_digit(text, i + 1))) ||
            (bytes[i] == '0' && is_digit(text, i + 1) && (i == 0 || !is_digit(text, i - 1)));
        if (bytes[i] < 0x20 || bytes[i] >= 0x80 || bytes[i] == '\'' || bytes[i] == 'N' ||
            bytes[i] == 'I' || is_odd_number) {
            return true;
        }
    }
    return false;
}

static void compare(struct json_value value, struct json_object *tree);

/* json-c takes a pair of them for a lone one where the code point's lower half looks like one, as
 * in U+1DA0C. */
static bool holds_surrogate_escape(struct trunk_slice text) {
    return memmem(text.data, text.len, "\\ud", 3) != NULL ||
           memmem(text.data, text.len, "\\uD", 3) != NULL;
}

static void compare_string(struct trunk_slice quoted, struct json_object *tree) {
    struct buffer plain = {0};
    json_string_decode(quoted, &plain);
    expect(holds_surrogate_escape(quoted) ||
           slice_equal(buffer_slice(&plain), slice_of(json_object_get_string(tree),
                                                      (size_t)json_object_get_string_len(tree))));
    expect(json_string_equal(quoted, buffer_slice(&plain)));
    buffer_free(&plain);
}

static void compare_number(struct trunk_slice number, struct json_object *tree) {
    uint64_t value = 0;
    enum json_type type = json_object_get_type(tree);
    expect(type == json_type_int || type == json_type_double);
    if (json_number_u64(number, &value)) {
        expect(type == json_type_int && json_object_get_uint64(tree) == value);
    }
}

static void compare_object(struct trunk_slice object, struct json_object *tree) {
    size_t cursor = 0;
    size_t count = 0;
    struct trunk_slice key;
    struct json_value member;
    while (json_object_next(object, &cursor, &key, &member)) {
        struct buffer name = {0};
        struct json_object *found = NULL;
        json_string_decode(key, &name);
        const char *text = buffer_cstr(&name);
        /* json-c's keys end at a NUL, and the last of several members wins. */
        if (strlen(text) == name.len && !holds_surrogate_escape(object) &&
            json_find(object, text).count == 1 &&
            memmem(object.data, object.len, "\\u0000", 6) == NULL) {
            expect(json_object_object_get_ex(tree, text, &found));
            compare(member, found);
        }
        buffer_free(&name);
        count++;
    }
    expect(count >= (size_t)json_object_object_length(tree));
}

static void compare_array(struct trunk_slice array, struct json_object *tree) {
    size_t cursor = 0;
    size_t count = 0;
    struct json_value element;
    while (json_array_next(array, &cursor, &element)) {
        expect(count < json_object_array_length(tree));
        compare(element, json_object_array_get_idx(tree, count++));
    }
    expect(count == json_object_array_length(tree));
}

static void compare(struct json_value value, struct json_object *tree) {
    enum json_type type = json_object_get_type(tree);
    switch (value.type) {
    case JSON_NULL:
        expect(type == json_type_null);
        break;
    case JSON_FALSE:
    case JSON_TRUE:
        expect(type == json_type_boolean &&
               json_object_get_boolean(tree) == (value.type == JSON_TRUE));
        break;
    case JSON_NUMBER:
        compare_number(value.text, tree);
        break;
    case JSON_STRING:
        expect(type == json_type_string);
        compare_string(value.text, tree);
        break;
    case JSON_ARRAY:
        expect(type == json_type_array);
        compare_array(value.text, tree);
        break;
    case JSON_OBJECT:
        expect(type == json_type_object);
        compare_object(value.text, tree);
        break;
    case JSON_NONE:
        abort();
    }
}

/* Members cut out in the one pass are those that are found afterwards. */
static void check_cuts(struct trunk_slice text) {
    static const struct json_path paths[] = {
        {JSON_ROOT, "id"}, {JSON_ROOT, "method"}, {JSON_ROOT, "params"}, {2, "name"}, {2, "_meta"}};
    struct json_value values[5];
    struct json_value root;
    struct json_error error;
    expect(json_cut(text, paths, 5, values, &root, &error) == TRUNK_OK);
    for (size_t i = 0; i < 5; i++) {
        if (values[i].type != JSON_NONE) {
            const char *data = values[i].text.data;
            expect(root.type == JSON_OBJECT && data > (const char *)root.text.data &&
                   data + values[i].text.len < (const char *)root.text.data + root.text.len);
        }
        if (i < 3 && root.type == JSON_OBJECT) {
            struct json_value found = json_find(root.text, paths[i].name);
            expect(found.type == values[i].type && found.count == values[i].count);
            expect(found.type == JSON_NONE || found.text.data == values[i].text.data);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *copy = malloc(size > 0 ? size : 1); /* so that a read past its end is found */
    expect(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    struct trunk_slice text = slice_of(copy, size);
    struct json_value root = {0};
    struct json_error error = {0, NULL};
    bool is_parsed = false;
    int32_t status = json_cut(text, NULL, 0, NULL, &root, &error);
    struct json_object *tree = parse_strictly(text, &is_parsed);
    if (status == TRUNK_OK) {
        expect(is_parsed);
        compare(root, tree);
        check_cuts(text);
    } else {
        expect(error.what != NULL && error.offset <= size);
        expect(!is_parsed || status == TRUNK_TOO_LARGE || holds_what_json_c_lets_through(text));
    }
    json_object_put(tree);
    free(copy);
    return 0;
}
