/* SPDX-License-Identifier: MIT
 * json_check.c - the one-pass checker that cuts out the members asked for. */
#include "wire/json.h"

#include <endian.h>

/* A slot says where a value goes: an index of paths, JSON_ROOT for the document itself, or: */
#define NOT_WANTED (-2)

struct level {
    bool is_object;
    int8_t slot;
};

struct parser {
    const unsigned char *at;
    const unsigned char *end;
    const unsigned char *start;
    const struct json_path *paths;
    size_t npaths;
    struct json_value *values;
    struct json_value *root;
    struct json_error *error;
    uint32_t parents; /* bit i: path i is the parent of another path */
    int slot;         /* of the value that comes next */
    size_t depth;
    struct level stack[JSON_MAX_DEPTH]; /* our own, so that no input can use up the thread's */
};

static int32_t fail(struct parser *parser, const unsigned char *where, const char *what) {
    parser->error->offset = (size_t)(where - parser->start);
    parser->error->what = what;
    return TRUNK_INVALID;
}

static bool is_next(const struct parser *parser, unsigned char byte) {
    return parser->at < parser->end && *parser->at == byte;
}

static bool is_digit_next(const struct parser *parser) {
    return parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9';
}

static void skip_space(struct parser *parser) {
    const unsigned char *at = parser->at;
    while (at < parser->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    parser->at = at;
}

static bool is_within(unsigned char byte, unsigned char low, unsigned char high) {
    return byte >= low && byte <= high;
}

/* Length of the UTF-8 sequence at `at` (RFC 3629: no overlong forms, no surrogates, up to
 * U+10FFFF); 0: none. */
static size_t utf8_length(const unsigned char *at, const unsigned char *end) {
    size_t left = (size_t)(end - at);
    unsigned char lead = at[0];
    if (is_within(lead, 0xc2, 0xdf)) {
        return left >= 2 && is_within(at[1], 0x80, 0xbf) ? 2 : 0;
    }
    if (is_within(lead, 0xe0, 0xef)) {
        unsigned char low = lead == 0xe0 ? 0xa0 : 0x80;
        unsigned char high = lead == 0xed ? 0x9f : 0xbf;
        return left >= 3 && is_within(at[1], low, high) && is_within(at[2], 0x80, 0xbf) ? 3 : 0;
    }
    if (is_within(lead, 0xf0, 0xf4)) {
        unsigned char low = lead == 0xf0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xf4 ? 0x8f : 0xbf;
        bool is_good = left >= 4 && is_within(at[1], low, high) && is_within(at[2], 0x80, 0xbf) &&
                       is_within(at[3], 0x80, 0xbf);
        return is_good ? 4 : 0;
    }
    return 0;
}

/* Eight bytes at once: the first of them that is a quote, a backslash, a control byte or not ASCII
 * has its highest bit set in the result, and those before it have not. A byte that borrows from the
 * next one is odd itself, so only bits behind the first odd byte can be wrong. */
static uint64_t find_odd_bytes(const unsigned char *at) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    bytes = le64toh(bytes);
    uint64_t quote = bytes ^ (ones * '"');
    uint64_t escape = bytes ^ (ones * '\\');
    return ((bytes - ones * 0x20) | (quote - ones) | (escape - ones) | bytes) & high;
}

/* May stop at a plain byte near the end, never beyond an odd one. */
static const unsigned char *skip_plain(const unsigned char *at, const unsigned char *end) {
    while (end - at >= 8) {
        uint64_t odd = find_odd_bytes(at);
        if (odd != 0) {
            return at + __builtin_ctzll(odd) / 8;
        }
        at += 8;
    }
    return at;
}

/* At the byte behind the backslash. */
static int32_t check_escape(struct parser *parser) {
    if (parser->at == parser->end) {
        return TRUNK_OK; /* check_string says that the string does not end */
    }
    unsigned char kind = *parser->at;
    if (kind == '\0' || strchr("\"\\/bfnrtu", kind) == NULL) {
        return fail(parser, parser->at, "unknown escape in a string");
    }
    parser->at++;
    for (int i = 0; kind == 'u' && i < 4; i++) {
        if (parser->at == parser->end || *parser->at == '\0' ||
            strchr("0123456789abcdefABCDEF", *parser->at) == NULL) {
            return fail(parser, parser->at, "\\u without four hex digits");
        }
        parser->at++;
    }
    return TRUNK_OK;
}

/* At the quote that opens it. */
static int32_t check_string(struct parser *parser) {
    const unsigned char *begin = parser->at++;
    for (;;) {
        parser->at = skip_plain(parser->at, parser->end);
        if (parser->at == parser->end) {
            return fail(parser, begin, "string without end");
        }
        unsigned char byte = *parser->at;
        if (byte == '"') {
            parser->at++;
            return TRUNK_OK;
        }
        if (byte == '\\') {
            parser->at++;
            int32_t status = check_escape(parser);
            if (status != TRUNK_OK) {
                return status;
            }
        } else if (byte == '\n' || byte == '\r') {
            return fail(parser, parser->at, "line break in a string");
        } else if (byte < 0x20) {
            return fail(parser, parser->at, "control byte in a string");
        } else if (byte < 0x80) {
            parser->at++;
        } else {
            size_t len = utf8_length(parser->at, parser->end);
            if (len == 0) {
                return fail(parser, parser->at, "invalid UTF-8");
            }
            parser->at += len;
        }
    }
}

static bool skip_digits(struct parser *parser) {
    const unsigned char *begin = parser->at;
    while (is_digit_next(parser)) {
        parser->at++;
    }
    return parser->at > begin;
}

static int32_t check_number(struct parser *parser) {
    if (*parser->at == '-') {
        parser->at++;
    }
    if (is_next(parser, '0')) {
        parser->at++;
        if (is_digit_next(parser)) {
            return fail(parser, parser->at, "digit behind a leading zero");
        }
    } else if (!skip_digits(parser)) {
        return fail(parser, parser->at, "number without digits");
    }
    if (is_next(parser, '.')) {
        parser->at++;
        if (!skip_digits(parser)) {
            return fail(parser, parser->at, "number without digits behind the point");
        }
    }
    if (is_next(parser, 'e') || is_next(parser, 'E')) {
        parser->at++;
        if (is_next(parser, '+') || is_next(parser, '-')) {
            parser->at++;
        }
        if (!skip_digits(parser)) {
            return fail(parser, parser->at, "number without digits in the exponent");
        }
    }
    return TRUNK_OK;
}

static int32_t check_word(struct parser *parser, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(parser->end - parser->at) < len || memcmp(parser->at, word, len) != 0) {
        return fail(parser, parser->at, "not a JSON value");
    }
    parser->at += len;
    return TRUNK_OK;
}

static struct json_value *value_of(const struct parser *parser, int slot) {
    if (slot >= 0) {
        return &parser->values[slot];
    }
    return slot == JSON_ROOT ? parser->root : NULL;
}

static void note_begin(struct parser *parser, int slot, enum json_kind type) {
    struct json_value *value = value_of(parser, slot);
    if (value != NULL) {
        value->text.data = parser->at;
        value->type = type;
    }
}

static void note_end(struct parser *parser, int slot) {
    struct json_value *value = value_of(parser, slot);
    if (value != NULL) {
        value->text.len = (size_t)(parser->at - (const unsigned char *)value->text.data);
    }
}

static bool is_parent(const struct parser *parser, int slot) {
    return slot == JSON_ROOT || (slot >= 0 && (parser->parents >> slot & 1) != 0);
}

static bool is_named(struct trunk_slice raw_name, const char *name) {
    return strncmp(raw_name.data, name, raw_name.len) == 0 && name[raw_name.len] == '\0';
}

/* Counts the member and gives the slot of its value: none for a second one. */
static int find_slot(struct parser *parser, int parent, struct trunk_slice key) {
    struct trunk_slice raw_name = slice_of((const char *)key.data + 1, key.len - 2);
    bool is_escaped = memchr(raw_name.data, '\\', raw_name.len) != NULL;
    for (size_t i = 0; i < parser->npaths; i++) {
        const struct json_path *path = &parser->paths[i];
        if (path->parent == parent && (is_escaped ? json_string_equal(key, slice_cstr(path->name))
                                                  : is_named(raw_name, path->name))) {
            return ++parser->values[i].count == 1 ? (int)i : NOT_WANTED;
        }
    }
    return NOT_WANTED;
}

/* A member's key and colon. */
static int32_t check_key(struct parser *parser, int parent) {
    const unsigned char *begin = parser->at;
    if (!is_next(parser, '"')) {
        return fail(parser, parser->at, "member without a key in quotes");
    }
    int32_t status = check_string(parser);
    if (status != TRUNK_OK) {
        return status;
    }
    if (is_parent(parser, parent)) {
        struct trunk_slice key = slice_of(begin, (size_t)(parser->at - begin));
        parser->slot = find_slot(parser, parent, key);
    }
    skip_space(parser);
    if (!is_next(parser, ':')) {
        return fail(parser, parser->at, "member without a colon");
    }
    parser->at++;
    skip_space(parser);
    return TRUNK_OK;
}

/* To the next value of the innermost array or object. */
static int32_t enter_value(struct parser *parser) {
    const struct level *level = &parser->stack[parser->depth - 1];
    parser->slot = NOT_WANTED;
    return level->is_object ? check_key(parser, level->slot) : TRUNK_OK;
}

static void close_level(struct parser *parser) {
    parser->at++;
    parser->depth--;
    note_end(parser, parser->stack[parser->depth].slot);
}

static int32_t open_level(struct parser *parser, bool is_object, bool *out_is_value_next) {
    if (parser->depth == JSON_MAX_DEPTH) {
        (void)fail(parser, parser->at, "more than 128 levels");
        return TRUNK_TOO_LARGE;
    }
    parser->stack[parser->depth++] = (struct level){is_object, (int8_t)parser->slot};
    parser->at++;
    skip_space(parser);
    if (is_next(parser, is_object ? '}' : ']')) {
        close_level(parser);
        return TRUNK_OK;
    }
    *out_is_value_next = true;
    return enter_value(parser);
}

static enum json_kind kind_of(unsigned char byte) {
    switch (byte) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return byte == '-' || is_within(byte, '0', '9') ? JSON_NUMBER : JSON_NONE;
    }
}

/* *out_is_value_next is set when the value is an array or object that holds another. */
static int32_t check_value(struct parser *parser, bool *out_is_value_next) {
    int slot = parser->slot;
    int32_t status;
    if (parser->at == parser->end) {
        return fail(parser, parser->at, "the text ends where a value should be");
    }
    enum json_kind kind = kind_of(*parser->at);
    note_begin(parser, slot, kind);
    switch (kind) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return open_level(parser, kind == JSON_OBJECT, out_is_value_next);
    case JSON_STRING:
        status = check_string(parser);
        break;
    case JSON_NUMBER:
        status = check_number(parser);
        break;
    case JSON_TRUE:
        status = check_word(parser, "true");
        break;
    case JSON_FALSE:
        status = check_word(parser, "false");
        break;
    case JSON_NULL:
        status = check_word(parser, "null");
        break;
    default:
        return fail(parser, parser->at, "not a JSON value");
    }
    note_end(parser, slot);
    return status;
}

/* Behind a value of the innermost array or object: a comma and the next, or its end. */
static int32_t go_on(struct parser *parser, bool *out_is_value_next) {
    unsigned char close = parser->stack[parser->depth - 1].is_object ? '}' : ']';
    skip_space(parser);
    if (parser->at == parser->end) {
        return fail(parser, parser->at, "the text ends inside an array or object");
    }
    if (*parser->at == close) {
        close_level(parser);
        return TRUNK_OK;
    }
    if (*parser->at != ',') {
        return fail(parser, parser->at, "neither comma nor end of the array or object");
    }
    const unsigned char *comma = parser->at++;
    skip_space(parser);
    if (is_next(parser, close)) {
        return fail(parser, comma, "trailing comma");
    }
    *out_is_value_next = true;
    return enter_value(parser);
}

static int32_t check_document(struct parser *parser) {
    int32_t status;
    do {
        bool is_value_next = false;
        status = check_value(parser, &is_value_next);
        while (status == TRUNK_OK && !is_value_next && parser->depth > 0) {
            status = go_on(parser, &is_value_next);
        }
    } while (status == TRUNK_OK && parser->depth > 0);
    return status;
}

int32_t json_cut(struct trunk_slice text, const struct json_path *paths, size_t npaths,
                 struct json_value *values, struct json_value *out_root,
                 struct json_error *out_error) {
    struct parser parser; /* not zeroed: its stack is filled as it is used */
    parser.start = text.len > 0 ? text.data : (const void *)"";
    parser.at = parser.start;
    parser.end = parser.start + text.len;
    parser.paths = paths;
    parser.npaths = npaths;
    parser.values = values;
    parser.root = out_root;
    parser.error = out_error;
    parser.parents = 0;
    parser.slot = JSON_ROOT;
    parser.depth = 0;
    for (size_t i = 0; i < npaths; i++) {
        values[i] = (struct json_value){0};
        if (paths[i].parent >= 0) {
            parser.parents |= UINT32_C(1) << paths[i].parent;
        }
    }
    *out_error = (struct json_error){0, ""};
    *out_root = (struct json_value){.count = 1};
    skip_space(&parser);
    int32_t status = check_document(&parser);
    if (status != TRUNK_OK) {
        return status;
    }
    skip_space(&parser);
    if (parser.at != parser.end) {
        return fail(&parser, parser.at, "something follows the JSON text");
    }
    return TRUNK_OK;
}
