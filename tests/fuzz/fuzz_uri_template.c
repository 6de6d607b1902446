/* SPDX-License-Identifier: MIT
 * fuzz_uri_template.c - whatever a template expands to, by an expansion written for this test from
 * RFC 6570, matches it. Input: the template, and behind each line feed a value for the next
 * variable: one that begins with "-" is missing, "," makes a list, "=" a map. */
#include <stdint.h>
#include <stdlib.h>

#include "catalogue/uri_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
    if (!holds) {
        abort();
    }
}

struct input {
    const char *at; /* the next value */
    const char *end;
};

/* How each operator expands: RFC 6570 appendix A. */
struct operator{
    char kind;
    const char *first;
    char separator;
    bool is_named;
    const char *if_empty;
    bool allows_reserved;
};

static const struct operator operators[] = {
    {'+', "", ',', false, "", true},   {'#', "#", ',', false, "", true},
    {'.', ".", '.', false, "", false}, {'/', "/", '/', false, "", false},
    {';', ";", ';', true, "", false},  {'?', "?", '&', true, "=", false},
    {'&', "&", '&', true, "=", false}, {'\0', "", ',', false, "", false},
};

static bool is_alnum(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

static bool is_hex(char byte) {
    return byte != '\0' && strchr("0123456789abcdefABCDEF", byte) != NULL;
}

/* At most max characters, escaped as the operator says. Bytes beyond ASCII stand for an e with an
 * accent. */
static void append_value(struct buffer *out, struct trunk_slice value,
                         const struct operator* operator, size_t max) {
    const char *text = value.data;
    for (size_t i = 0; i < value.len && i < max; i++) {
        char byte = text[i];
        bool is_kept = is_alnum(byte) || (byte != '\0' && strchr("-._~", byte) != NULL) ||
                       (operator->allows_reserved && byte != '\0' &&
                        strchr(":/?#[]@!$&'()*+,;=", byte) != NULL);
        size_t end = value.len < max ? value.len : max;
        if (operator->allows_reserved && byte == '%' && end - i> 2 && is_hex(text[i + 1]) &&
            is_hex(text[i + 2])) {
            is_kept = true;
        }
        if ((unsigned char)byte >= 0x80) {
            buffer_append_cstr(out, "%C3%A9");
        } else if (is_kept) {
            buffer_append(out, &byte, 1);
        } else {
            buffer_printf(out, "%%%02X", (unsigned char)byte);
        }
    }
}

static struct trunk_slice next_value(struct input *input) {
    const char *begin = input->at;
    const char *end = begin < input->end ? memchr(begin, '\n', (size_t)(input->end - begin)) : NULL;
    end = end != NULL ? end : input->end;
    input->at = end < input->end ? end + 1 : end;
    return slice_of(begin, (size_t)(end - begin));
}

struct variable {
    struct trunk_slice name;
    bool is_exploded;
    size_t max;
};

static void append_name(struct buffer *out, const struct variable *variable,
                        const struct operator* operator, bool is_empty) {
    if (operator->is_named) {
        buffer_append_slice(out, variable->name);
        buffer_append_cstr(out, is_empty ? operator->if_empty : "=");
    }
}

/* A list: its members one by one when exploded, else with commas. */
static void append_list(struct buffer *out, const struct variable *variable,
                        const struct operator* operator, struct trunk_slice value) {
    const char *at = value.data;
    const char *end = at + value.len;
    bool is_first = true;
    if (!variable->is_exploded) {
        append_name(out, variable, operator, false);
    }
    for (;;) {
        const char *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
        struct trunk_slice member = slice_of(at, (size_t)((comma != NULL ? comma : end) - at));
        const char *equals = member.len > 0 ? memchr(member.data, '=', member.len) : NULL;
        if (!is_first) {
            buffer_append(out, variable->is_exploded ? &operator->separator : ",", 1);
        }
        if (variable->is_exploded && equals != NULL) { /* of a map */
            size_t key = (size_t)(equals - at);
            append_value(out, slice_of(at, key), operator, SIZE_MAX);
            buffer_append_cstr(out, "=");
            append_value(out, slice_of(equals + 1, member.len - key - 1), operator, SIZE_MAX);
        } else {
            if (variable->is_exploded) {
                append_name(out, variable, operator, member.len == 0);
            }
            append_value(out, member, operator, SIZE_MAX);
        }
        is_first = false;
        if (comma == NULL) {
            return;
        }
        at = comma + 1;
    }
}

static bool read_variable(const char **at, const char *end, struct variable *out) {
    const char *begin = *at;
    while (*at < end && (is_alnum(**at) || **at == '_' || **at == '.')) {
        (*at)++;
    }
    *out = (struct variable){slice_of(begin, (size_t)(*at - begin)), false, SIZE_MAX};
    if (*at == begin) {
        return false;
    }
    if (*at < end && **at == '*') {
        out->is_exploded = true;
        (*at)++;
    } else if (end - *at > 1 && **at == ':' && (*at)[1] >= '1' && (*at)[1] <= '9') {
        out->max = (size_t)((*at)[1] - '0');
        *at += 2;
    }
    return true;
}

/* at: behind the brace. False: not an expression that this test knows. */
static bool expand(struct buffer *out, const char *at, const char *end, struct input *input) {
    const struct operator* operator= & operators[0];
    bool is_first = true;
    while (operator->kind != '\0' &&(at == end || operator->kind != * at)) {
        operator++;
    }
    at += operator->kind != '\0' ? 1 : 0;
    for (int count = 0; count < 32; count++) {
        struct variable variable;
        if (!read_variable(&at, end, &variable)) {
            return false;
        }
        struct trunk_slice value = next_value(input);
        bool is_missing = value.len > 0 && *(const char *)value.data == '-';
        bool is_list = value.len > 0 && memchr(value.data, ',', value.len) != NULL;
        if (!is_missing && !(is_list && variable.max != SIZE_MAX)) {
            if (is_first) {
                buffer_append_cstr(out, operator->first);
            } else {
                buffer_append(out, &operator->separator, 1);
            }
            is_first = false;
            if (is_list) {
                append_list(out, &variable, operator, value);
            } else {
                append_name(out, &variable, operator, value.len == 0);
                append_value(out, value, operator, variable.max);
            }
        }
        if (at == end) {
            return true;
        }
        if (*at++ != ',') {
            return false;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
    const char *end = line != NULL ? line : text + size;
    struct trunk_slice pattern = slice_of(text, (size_t)(end - text));
    struct input input = {line != NULL ? line + 1 : end, text + size};
    struct buffer uri = {0};
    bool is_known = true;
    (void)uri_template_match(pattern, slice_of(input.at, (size_t)(input.end - input.at)));
    while (text < end && is_known) {
        size_t literal = uri_template_prefix_len(slice_of(text, (size_t)(end - text)));
        buffer_append(&uri, text, literal);
        is_known = literal == 0 || memchr(text, '}', literal) == NULL;
        text += literal;
        if (text < end) {
            const char *brace = memchr(text, '}', (size_t)(end - text));
            is_known = is_known && brace != NULL && expand(&uri, text + 1, brace, &input);
            text = brace != NULL ? brace + 1 : end;
        }
    }
    if (is_known && uri.len <= URI_TEMPLATE_MAX_URI) {
        expect(uri_template_match(pattern, buffer_slice(&uri)));
    }
    buffer_free(&uri);
    return 0;
}
