/* SPDX-License-Identifier: MIT
 * json_text.c - readers of checked JSON text, and writers. */
#include "wire/json.h"

#include <endian.h>

#define REPLACEMENT 0xfffd

static bool is_space(char byte) {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static size_t skip_space(const char *text, size_t len, size_t at) {
    while (at < len && is_space(text[at])) {
        at++;
    }
    return at;
}

/* To the next quote or backslash, or near the end: eight bytes at once. A byte that borrows from
 * the next one is one of the two itself, so the lowest bit found is right. */
static size_t skip_plain(const char *text, size_t len, size_t at) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    while (len - at >= 8) {
        uint64_t bytes;
        memcpy(&bytes, text + at, sizeof bytes);
        bytes = le64toh(bytes);
        uint64_t quote = bytes ^ (ones * '"');
        uint64_t escape = bytes ^ (ones * '\\');
        uint64_t found = (((quote - ones) & ~quote) | ((escape - ones) & ~escape)) & high;
        if (found != 0) {
            return at + (size_t)__builtin_ctzll(found) / 8;
        }
        at += 8;
    }
    return at;
}

/* Behind the string that begins at `at`. */
static size_t skip_string(const char *text, size_t len, size_t at) {
    at++;
    for (;;) {
        at = skip_plain(text, len, at);
        if (text[at] == '"') {
            return at + 1;
        }
        at += text[at] == '\\' ? 2 : 1;
    }
}

static size_t skip_value(const char *text, size_t len, size_t at, enum json_kind *out_type) {
    size_t depth = 0;
    switch (text[at]) {
    case '"':
        *out_type = JSON_STRING;
        return skip_string(text, len, at);
    case '{':
    case '[':
        *out_type = text[at] == '{' ? JSON_OBJECT : JSON_ARRAY;
        do {
            char byte = text[at];
            if (byte == '"') {
                at = skip_string(text, len, at);
                continue;
            }
            depth += byte == '{' || byte == '[' ? 1 : 0;
            depth -= byte == '}' || byte == ']' ? 1 : 0;
            at++;
        } while (depth > 0);
        return at;
    case 't':
        *out_type = JSON_TRUE;
        return at + 4;
    case 'f':
        *out_type = JSON_FALSE;
        return at + 5;
    case 'n':
        *out_type = JSON_NULL;
        return at + 4;
    default:
        *out_type = JSON_NUMBER;
        while (at < len && text[at] != ',' && text[at] != '}' && text[at] != ']' &&
               !is_space(text[at])) {
            at++;
        }
        return at;
    }
}

/* To the next element or key; false at the closing bracket. */
static bool find_next(const char *text, size_t len, size_t *cursor) {
    size_t at = skip_space(text, len, *cursor == 0 ? 1 : *cursor);
    if (text[at] == ',') {
        at = skip_space(text, len, at + 1);
    }
    *cursor = at;
    return at + 1 < len;
}

static void take_value(struct trunk_slice from, size_t *cursor, struct json_value *out) {
    const char *text = from.data;
    size_t begin = *cursor;
    out->count = 1;
    *cursor = skip_value(text, from.len, begin, &out->type);
    out->text = slice_of(text + begin, *cursor - begin);
}

bool json_array_next(struct trunk_slice array, size_t *cursor, struct json_value *out_element) {
    const char *text = array.data;
    if (!find_next(text, array.len, cursor)) {
        return false;
    }
    take_value(array, cursor, out_element);
    return true;
}

bool json_object_next(struct trunk_slice object, size_t *cursor, struct trunk_slice *out_key,
                      struct json_value *out_value) {
    const char *text = object.data;
    if (!find_next(text, object.len, cursor)) {
        return false;
    }
    size_t begin = *cursor;
    size_t end = skip_string(text, object.len, begin);
    *out_key = slice_of(text + begin, end - begin);
    *cursor = skip_space(text, object.len, skip_space(text, object.len, end) + 1);
    take_value(object, cursor, out_value);
    return true;
}

struct json_value json_find(struct trunk_slice object, const char *name) {
    struct json_value found = {0};
    struct json_value value;
    struct trunk_slice key;
    size_t cursor = 0;
    while (json_object_next(object, &cursor, &key, &value)) {
        if (json_string_equal(key, slice_cstr(name))) {
            if (found.count == 0) {
                found = value;
            } else {
                found.count++;
            }
        }
    }
    return found;
}

static bool is_one_of(struct trunk_slice key, const char *const *names, size_t count) {
    size_t i = 0;
    while (i < count && !json_string_equal(key, slice_cstr(names[i]))) {
        i++;
    }
    return i < count;
}

/* With the comma before it; those that nothing stays before, with the comma behind. */
size_t json_find_parts(struct trunk_slice object, const char *const *names, size_t count,
                       struct trunk_slice *out_parts) {
    const char *begin = object.data;
    const char *text = object.data;
    struct trunk_slice key;
    struct json_value value;
    size_t cursor = 0;
    size_t found = 0;
    bool is_any_kept = false;
    while (found < count && json_object_next(object, &cursor, &key, &value)) {
        const char *end = text + cursor;
        if (!is_one_of(key, names, count)) {
            is_any_kept = true;
        } else {
            size_t next = cursor;
            struct trunk_slice next_key;
            if (!is_any_kept) {
                begin = key.data;
                end = json_object_next(object, &next, &next_key, &value) ? next_key.data : end;
            }
            out_parts[found++] = slice_of(begin, (size_t)(end - begin));
        }
        begin = text + cursor;
    }
    return found;
}

static uint32_t hex_value(const char *digits) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char digit = digits[i];
        uint32_t part =
            digit <= '9' ? (uint32_t)(digit - '0') : (uint32_t)((digit | 0x20) - 'a' + 10);
        value = value << 4 | part;
    }
    return value;
}

static char to_byte(uint32_t bits) {
    return (char)(unsigned char)bits;
}

static char to_tail(uint32_t bits) {
    return to_byte(0x80 | (bits & 0x3f));
}

static size_t encode_utf8(uint32_t code, char out[4]) {
    if (code < 0x80) {
        out[0] = to_byte(code);
        return 1;
    }
    if (code < 0x800) {
        out[0] = to_byte(0xc0 | code >> 6);
        out[1] = to_tail(code);
        return 2;
    }
    if (code < 0x10000) {
        out[0] = to_byte(0xe0 | code >> 12);
        out[1] = to_tail(code >> 6);
        out[2] = to_tail(code);
        return 3;
    }
    out[0] = to_byte(0xf0 | code >> 18);
    out[1] = to_tail(code >> 12);
    out[2] = to_tail(code >> 6);
    out[3] = to_tail(code);
    return 4;
}

static bool is_high_surrogate(uint32_t code) {
    return code >= 0xd800 && code <= 0xdbff;
}

static bool is_low_surrogate(uint32_t code) {
    return code >= 0xdc00 && code <= 0xdfff;
}

/* The bytes of the escape behind the backslash at *at, which moves behind it. */
static size_t decode_escape(const char *text, size_t end, size_t *at, char out[4]) {
    static const char names[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    char kind = text[(*at)++];
    if (kind != 'u') {
        const char *found = strchr(names, kind);
        out[0] = kind;
        if (found != NULL) {
            out[0] = meanings[found - names];
        }
        return 1;
    }
    uint32_t code = hex_value(text + *at);
    *at += 4;
    if (is_high_surrogate(code) && end - *at >= 6 && text[*at] == '\\' && text[*at + 1] == 'u') {
        uint32_t low = hex_value(text + *at + 2);
        if (is_low_surrogate(low)) {
            *at += 6;
            return encode_utf8(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), out);
        }
    }
    return encode_utf8(is_high_surrogate(code) || is_low_surrogate(code) ? REPLACEMENT : code, out);
}

bool json_string_equal(struct trunk_slice quoted, struct trunk_slice plain) {
    const char *text = quoted.data;
    const char *wanted = plain.data;
    size_t end = quoted.len - 1;
    size_t at = 1;
    size_t matched = 0;
    if (plain.len > end - 1) { /* an escape is longer than what it stands for */
        return false;
    }
    if (memchr(text, '\\', end) == NULL) {
        return slice_equal(slice_of(text + 1, end - 1), plain);
    }
    while (at < end) {
        char piece[4] = {text[at]};
        size_t len = 1;
        if (text[at] == '\\') {
            at++;
            len = decode_escape(text, end, &at, piece);
        } else {
            at++;
        }
        if (plain.len - matched < len || memcmp(wanted + matched, piece, len) != 0) {
            return false;
        }
        matched += len;
    }
    return matched == plain.len;
}

void json_string_decode(struct trunk_slice quoted, struct buffer *out) {
    const char *text = quoted.data;
    size_t end = quoted.len - 1;
    size_t at = 1;
    while (at < end) {
        const char *escape = memchr(text + at, '\\', end - at);
        size_t plain = escape != NULL ? (size_t)(escape - text) - at : end - at;
        buffer_append(out, text + at, plain);
        at += plain;
        if (at < end) {
            char piece[4];
            at++;
            size_t len = decode_escape(text, end, &at, piece);
            buffer_append(out, piece, len);
        }
    }
}

bool json_number_u64(struct trunk_slice number, uint64_t *out) {
    const char *text = number.data;
    uint64_t value = 0;
    for (size_t i = 0; i < number.len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return number.len > 0;
}

/* Length of the well-formed sequence at `at`, or 0. The checker says the same of whole documents.
 */
static size_t character_length(struct trunk_slice plain, size_t at) {
    char quoted[6] = "\"";
    struct json_value root;
    struct json_error error;
    unsigned char lead = ((const unsigned char *)plain.data)[at];
    size_t len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (plain.len - at < len) {
        return 0;
    }
    memcpy(quoted + 1, (const char *)plain.data + at, len);
    quoted[len + 1] = '"';
    return json_cut(slice_of(quoted, len + 2), NULL, 0, NULL, &root, &error) == TRUNK_OK ? len : 0;
}

static bool is_plain(unsigned char byte) {
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* Appends the character at `at`, which is not plain; its length. */
static size_t encode_character(struct buffer *out, struct trunk_slice plain, size_t at) {
    const char *text = plain.data;
    unsigned char byte = (unsigned char)text[at];
    if (byte == '"' || byte == '\\') {
        buffer_append_cstr(out, "\\");
        buffer_append(out, text + at, 1);
        return 1;
    }
    if (byte < 0x20) {
        buffer_printf(out, "\\u%04x", byte);
        return 1;
    }
    size_t len = character_length(plain, at);
    if (len == 0) {
        buffer_append_cstr(out, "\xef\xbf\xbd"); /* REPLACEMENT */
        return 1;
    }
    buffer_append(out, text + at, len);
    return len;
}

void json_string_encode(struct buffer *out, struct trunk_slice plain) {
    const char *text = plain.data;
    size_t at = 0;
    buffer_reserve(out, plain.len + 2);
    buffer_append_cstr(out, "\"");
    while (at < plain.len) {
        size_t end = at;
        while (end < plain.len && is_plain((unsigned char)text[end])) {
            end++;
        }
        buffer_append(out, text + at, end - at);
        at = end < plain.len ? end + encode_character(out, plain, end) : end;
    }
    buffer_append_cstr(out, "\"");
}

static void blank(char *text, size_t len, char byte) {
    char *end = text + len;
    while ((text = memchr(text, byte, (size_t)(end - text))) != NULL) {
        *text = ' ';
    }
}

void json_append_one_line(struct buffer *out, struct trunk_slice json) {
    size_t begin = out->len;
    if (json.len == 0) {
        return;
    }
    buffer_append_slice(out, json);
    blank(out->data + begin, json.len, '\n');
    blank(out->data + begin, json.len, '\r');
}
