/* SPDX-License-Identifier: MIT
 * json_check.c - the one-pass checker that cuts out the members asked for. */
#include "wire/json.h"

struct parser {
    const unsigned char *at;
    const unsigned char *end;
    const unsigned char *start;
    const struct json_path *paths;
    size_t npaths;
    struct json_value *values;
    uint32_t parents;            /* bit i: path i is the parent of another path */
    struct json_error *error;
};

struct frame {
    bool is_object;
    int path;     /* the object at this index of paths, JSON_ROOT for the root object, or NOT_WANTED */
    int slot;     /* where the container's own text goes when it ends; NOT_WANTED: nowhere */
    const unsigned char *begin;
};

#define NOT_WANTED (-2)

static int32_t fail(struct parser *parser, const unsigned char *where, const char *what) {
    parser->error->offset = (size_t)(where - parser->start);
    parser->error->what = what;
    return TRUNK_INVALID;
}

static void skip_space(struct parser *parser) {
    while (parser->at < parser->end &&
           (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\r' || *parser->at == '\t')) {
        parser->at++;
    }
}

static bool is_tail(const unsigned char *at, unsigned char low, unsigned char high) {
    return *at >= low && *at <= high;
}

/* Length of the well-formed UTF-8 sequence at `at` (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF); 0: none. */
static size_t utf8_length(const unsigned char *at, const unsigned char *end) {
    size_t left = (size_t)(end - at);
    unsigned char lead = at[0];
    if (lead >= 0xc2 && lead <= 0xdf) {
        return left >= 2 && is_tail(at + 1, 0x80, 0xbf) ? 2 : 0;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        unsigned char low = lead == 0xe0 ? 0xa0 : 0x80;
        unsigned char high = lead == 0xed ? 0x9f : 0xbf;
        return left >= 3 && is_tail(at + 1, low, high) && is_tail(at + 2, 0x80, 0xbf) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        unsigned char low = lead == 0xf0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xf4 ? 0x8f : 0xbf;
        return left >= 4 && is_tail(at + 1, low, high) && is_tail(at + 2, 0x80, 0xbf) &&
                       is_tail(at + 3, 0x80, 0xbf)
                   ? 4
                   : 0;
    }
    return 0;
}

/* Eight plain bytes at once: none of them a quote, a backslash, a control byte or beyond ASCII. */
static bool are_plain(const unsigned char *at) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    uint64_t quote = bytes ^ (ones * '"');
    uint64_t escape = bytes ^ (ones * '\\');
    uint64_t odd = (bytes - ones * 0x20) | (quote - ones) | (escape - ones) | bytes;
    return (odd & high) == 0;
}

static bool is_hex(unsigned char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* Behind the backslash. */
static int32_t check_escape(struct parser *parser) {
    const unsigned char *at = parser->at;
    if (at == parser->end) {
        return fail(parser, at, "string without end");
    }
    switch (*at) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        parser->at = at + 1;
        return TRUNK_OK;
    case 'u':
        if (parser->end - at < 5 || !is_hex(at[1]) || !is_hex(at[2]) || !is_hex(at[3]) || !is_hex(at[4])) {
            return fail(parser, at, "\\u without four hex digits");
        }
        parser->at = at + 5;
        return TRUNK_OK;
    default:
        return fail(parser, at, "unknown escape");
    }
}

/* At the quote that opens it. */
static int32_t check_string(struct parser *parser) {
    const unsigned char *begin = parser->at++;
    for (;;) {
        while (parser->end - parser->at >= 8 && are_plain(parser->at)) {
            parser->at += 8;
        }
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
        } else if (byte < 0x20) {
            return fail(parser, parser->at,
                        byte == '\n' || byte == '\r' ? "line break in a string" : "control byte in a string");
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
    while (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9') {
        parser->at++;
    }
    return parser->at > begin;
}

static int32_t check_number(struct parser *parser) {
    const unsigned char *begin = parser->at;
    if (*parser->at == '-') {
        parser->at++;
    }
    if (parser->at < parser->end && *parser->at == '0') {
        parser->at++;
        if (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9') {
            return fail(parser, begin, "number with a leading zero");
        }
    } else if (!skip_digits(parser)) {
        return fail(parser, begin, "number without digits");
    }
    if (parser->at < parser->end && *parser->at == '.') {
        parser->at++;
        if (!skip_digits(parser)) {
            return fail(parser, begin, "number without digits behind the point");
        }
    }
    if (parser->at < parser->end && (*parser->at == 'e' || *parser->at == 'E')) {
        parser->at++;
        if (parser->at < parser->end && (*parser->at == '+' || *parser->at == '-')) {
            parser->at++;
        }
        if (!skip_digits(parser)) {
            return fail(parser, begin, "number without digits in the exponent");
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

/* Anything but an array or an object. */
static int32_t check_scalar(struct parser *parser, enum json_kind *out_type) {
    unsigned char byte = *parser->at;
    if (byte == '"') {
        *out_type = JSON_STRING;
        return check_string(parser);
    }
    if (byte == '-' || (byte >= '0' && byte <= '9')) {
        *out_type = JSON_NUMBER;
        return check_number(parser);
    }
    *out_type = byte == 't' ? JSON_TRUE : byte == 'f' ? JSON_FALSE : JSON_NULL;
    return check_word(parser, byte == 't' ? "true" : byte == 'f' ? "false" : "null");
}

static bool is_parent(const struct parser *parser, int path) {
    return path == JSON_ROOT || (path >= 0 && (parser->parents >> path & 1) != 0);
}

/* Counts the member, and gives the path whose value is now to come; a second one is counted only. */
static int find_path(struct parser *parser, int parent, struct trunk_slice key) {
    struct trunk_slice inner = {(const char *)key.data + 1, key.len - 2};
    bool is_escaped = memchr(inner.data, '\\', inner.len) != NULL;
    for (size_t i = 0; i < parser->npaths; i++) {
        const struct json_path *path = &parser->paths[i];
        if (path->parent != parent) {
            continue;
        }
        struct trunk_slice name = slice_cstr(path->name);
        if (is_escaped ? json_string_equal(key, name) : slice_equal(inner, name)) {
            return ++parser->values[i].count == 1 ? (int)i : NOT_WANTED;
        }
    }
    return NOT_WANTED;
}

static void keep(struct parser *parser, int slot, const unsigned char *begin, enum json_kind type) {
    if (slot >= 0) {
        parser->values[slot].text = slice_of(begin, (size_t)(parser->at - begin));
        parser->values[slot].type = type;
    }
}

/* A member's key and colon. *out_slot gets the path of its value. */
static int32_t check_key(struct parser *parser, const struct frame *frame, int *out_slot) {
    if (parser->at == parser->end || *parser->at != '"') {
        return fail(parser, parser->at, "member without a key in quotes");
    }
    const unsigned char *begin = parser->at;
    int32_t status = check_string(parser);
    if (status != TRUNK_OK) {
        return status;
    }
    *out_slot = NOT_WANTED;
    if (is_parent(parser, frame->path)) {
        *out_slot = find_path(parser, frame->path, slice_of(begin, (size_t)(parser->at - begin)));
    }
    skip_space(parser);
    if (parser->at == parser->end || *parser->at != ':') {
        return fail(parser, parser->at, "member without a colon");
    }
    parser->at++;
    skip_space(parser);
    return TRUNK_OK;
}

/* One document. A loop with a stack of its own, so that no depth of input can use up ours. */
static int32_t check_document(struct parser *parser) {
    struct frame stack[JSON_MAX_DEPTH];
    size_t depth = 0;
    int slot = NOT_WANTED;
    int32_t status;
    for (;;) {
        /* a value begins here */
        if (parser->at == parser->end) {
            return fail(parser, parser->at, "the text ends where a value should be");
        }
        unsigned char byte = *parser->at;
        if (byte == '{' || byte == '[') {
            if (depth == JSON_MAX_DEPTH) {
                (void)fail(parser, parser->at, "more than 128 levels");
                return TRUNK_TOO_LARGE;
            }
            bool is_object = byte == '{';
            int path = depth == 0 ? JSON_ROOT : slot;
            stack[depth++] = (struct frame){is_object, is_object ? path : NOT_WANTED, slot, parser->at};
            parser->at++;
            skip_space(parser);
            if (parser->at < parser->end && *parser->at == (is_object ? '}' : ']')) {
                goto close;
            }
            if (is_object) {
                status = check_key(parser, &stack[depth - 1], &slot);
                if (status != TRUNK_OK) {
                    return status;
                }
            } else {
                slot = NOT_WANTED;
            }
            continue;
        }
        const unsigned char *begin = parser->at;
        enum json_kind type = JSON_NONE;
        status = check_scalar(parser, &type);
        if (status != TRUNK_OK) {
            return status;
        }
        keep(parser, slot, begin, type);
    after:
        if (depth == 0) {
            return TRUNK_OK;
        }
        skip_space(parser);
        if (parser->at == parser->end) {
            return fail(parser, parser->at, "the text ends inside an array or object");
        }
        if (*parser->at == ',') {
            parser->at++;
            skip_space(parser);
            slot = NOT_WANTED;
            if (stack[depth - 1].is_object) {
                if (parser->at < parser->end && *parser->at == '}') {
                    return fail(parser, parser->at, "trailing comma");
                }
                status = check_key(parser, &stack[depth - 1], &slot);
                if (status != TRUNK_OK) {
                    return status;
                }
            } else if (parser->at < parser->end && *parser->at == ']') {
                return fail(parser, parser->at, "trailing comma");
            }
            continue;
        }
        if (*parser->at != (stack[depth - 1].is_object ? '}' : ']')) {
            return fail(parser, parser->at, "neither comma nor end of the array or object");
        }
    close:
        parser->at++;
        depth--;
        keep(parser, stack[depth].slot, stack[depth].begin, stack[depth].is_object ? JSON_OBJECT : JSON_ARRAY);
        goto after;
    }
}

static enum json_kind root_type(unsigned char byte) {
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
        return JSON_NUMBER;
    }
}

int32_t json_cut(struct trunk_slice text, const struct json_path *paths, size_t npaths,
                 struct json_value *values, struct json_value *out_root, struct json_error *out_error) {
    struct parser parser = {.at = text.data,
                            .start = text.data,
                            .paths = paths,
                            .npaths = npaths,
                            .values = values,
                            .error = out_error};
    static const unsigned char nothing[1] = "";
    if (text.len == 0) {
        parser.at = nothing;
        parser.start = nothing;
    }
    parser.end = parser.at + text.len;
    for (size_t i = 0; i < npaths; i++) {
        values[i] = (struct json_value){0};
        if (paths[i].parent >= 0) {
            parser.parents |= UINT32_C(1) << paths[i].parent;
        }
    }
    *out_error = (struct json_error){0, ""};
    *out_root = (struct json_value){0};
    skip_space(&parser);
    const unsigned char *begin = parser.at;
    int32_t status = check_document(&parser);
    if (status != TRUNK_OK) {
        return status;
    }
    *out_root = (struct json_value){slice_of(begin, (size_t)(parser.at - begin)), root_type(*begin), 1};
    skip_space(&parser);
    if (parser.at != parser.end) {
        return fail(&parser, parser.at, "something follows the JSON text");
    }
    return TRUNK_OK;
}
