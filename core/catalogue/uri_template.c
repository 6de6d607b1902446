/* SPDX-License-Identifier: MIT
 * uri_template.c - matching by sets of positions: after each part of the template, every place in
 * the URI that the template's beginning can reach. */
#include "catalogue/uri_template.h"

enum { MAX_VARIABLES = 32, MAX_PREFIX = 10000 };

struct variable {
    struct trunk_slice name;
    bool is_exploded;
    uint32_t max_characters; /* `:n`; 0: no limit */
};

struct expression {
    char kind; /* the operator; 0: none */
    size_t count;
    struct variable variables[MAX_VARIABLES];
};

/* Of a place in the URI. */
enum {
    REACHED = 1,
    PAIR_END = 2, /* a pair ends here, or goes on */
    IN_VALUE = 4  /* it may go on with any byte of a value */
};

struct matcher {
    const char *uri;
    size_t len;
    unsigned char here[URI_TEMPLATE_MAX_URI + 1]; /* before the part at hand */
    unsigned char next[URI_TEMPLATE_MAX_URI + 1];
};

static bool is_one_of(char byte, const char *set) {
    return byte != '\0' && strchr(set, byte) != NULL;
}

static bool is_name_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || is_one_of(byte, "_.%-");
}

/* At `*at` behind a colon: 1 to 4 digits, the first not 0. */
static bool parse_prefix(const char *text, size_t len, size_t *at, uint32_t *out) {
    *out = 0;
    if (*at < len && text[*at] == '0') {
        return false;
    }
    while (*at < len && text[*at] >= '0' && text[*at] <= '9' && *out < MAX_PREFIX) {
        *out = *out * 10 + (uint32_t)(text[*at] - '0');
        (*at)++;
    }
    return *out > 0 && *out < MAX_PREFIX;
}

static bool parse_variable(const char *text, size_t len, size_t *at, struct variable *out) {
    size_t begin = *at;
    while (*at < len && is_name_byte(text[*at])) {
        (*at)++;
    }
    *out = (struct variable){.name = slice_of(text + begin, *at - begin)};
    if (*at == begin) {
        return false;
    }
    if (*at < len && text[*at] == '*') {
        (*at)++;
        out->is_exploded = true;
    } else if (*at < len && text[*at] == ':') {
        (*at)++;
        return parse_prefix(text, len, at, &out->max_characters);
    }
    return true;
}

/* text: what stands between the braces. */
static bool parse_expression(const char *text, size_t len, struct expression *out) {
    size_t at = 0;
    out->count = 0;
    out->kind = '\0';
    if (len > 0 && is_one_of(text[0], "+#./;?&")) {
        out->kind = text[at++];
    }
    do {
        if (out->count > 0) {
            at++; /* the comma */
        }
        if (out->count == MAX_VARIABLES ||
            !parse_variable(text, len, &at, &out->variables[out->count])) {
            return false;
        }
        out->count++;
    } while (at < len && text[at] == ',');
    return at == len;
}

/* Any number of bytes but those of `without`, from everywhere. */
static void step_run(struct matcher *m, const char *without) {
    memcpy(m->next, m->here, m->len + 1);
    for (size_t i = 0; i < m->len; i++) {
        if (m->next[i] && !is_one_of(m->uri[i], without)) {
            m->next[i + 1] = REACHED;
        }
    }
}

/* Nothing, or the byte `lead` and then a run without the bytes of `without`. */
static void step_led_run(struct matcher *m, char lead, const char *without) {
    bool is_running = false;
    memcpy(m->next, m->here, m->len + 1);
    for (size_t i = 0; i < m->len; i++) {
        is_running =
            (is_running && !is_one_of(m->uri[i], without)) || (m->here[i] && m->uri[i] == lead);
        m->next[i + 1] |= is_running ? REACHED : 0;
    }
}

/* Behind the character at i: an escape (of a whole character, if that has several bytes: so each
 * escape but those of continuation bytes) counts as one, and so does a UTF-8 sequence. */
static bool begins_character(const struct matcher *m, size_t i) {
    unsigned char byte = (unsigned char)m->uri[i];
    if (i >= 1 && m->uri[i - 1] == '%') {
        return false;
    }
    if (i >= 2 && m->uri[i - 2] == '%') {
        return false;
    }
    if (byte == '%' && i + 1 < m->len) {
        return !is_one_of(m->uri[i + 1], "89abAB");
    }
    return (byte & 0xc0) != 0x80;
}

/* At most max characters without the bytes of `without`. The nearest beginning has most left. */
static void step_short_run(struct matcher *m, uint32_t max, const char *without) {
    uint32_t left = 0;
    bool is_running = false;
    memcpy(m->next, m->here, m->len + 1);
    for (size_t i = 0; i < m->len; i++) {
        if (m->here[i]) {
            is_running = true;
            left = max;
        }
        bool is_new = begins_character(m, i);
        is_running = is_running && (left > 0 || !is_new) && !is_one_of(m->uri[i], without);
        left -= is_running && is_new ? 1 : 0;
        m->next[i + 1] |= is_running ? REACHED : 0;
    }
}

/* What was reached is where the next step begins. */
static void take_step(struct matcher *m) {
    for (size_t i = 0; i <= m->len; i++) {
        m->here[i] = m->next[i] & REACHED;
    }
}

static void begin_pair(struct matcher *m, const struct expression *expression, size_t begin) {
    for (size_t i = 0; i < expression->count; i++) {
        const struct trunk_slice *name = &expression->variables[i].name;
        size_t end = begin + name->len;
        if (expression->variables[i].is_exploded) { /* the keys of a map may be any */
            m->next[begin] |= REACHED | PAIR_END | IN_VALUE;
        } else if (end <= m->len && memcmp(m->uri + begin, name->data, name->len) == 0) {
            m->next[end] |= REACHED | PAIR_END;
            if (end < m->len && m->uri[end] == '=') {
                m->next[end + 1] |= REACHED | PAIR_END | IN_VALUE;
            }
        }
    }
}

/* Nothing, or pairs "name=value" or "name", the first behind `lead`, the others behind
 * `separator`. */
static void step_pairs(struct matcher *m, const struct expression *expression, char lead,
                       char separator) {
    const char stop[] = {separator, '#', '\0'};
    memcpy(m->next, m->here, m->len + 1);
    for (size_t i = 0; i < m->len; i++) {
        bool is_end = (m->next[i] & PAIR_END) != 0;
        if ((m->here[i] && m->uri[i] == lead) || (is_end && m->uri[i] == separator)) {
            begin_pair(m, expression, i + 1);
        }
        if ((m->next[i] & IN_VALUE) != 0 && !is_one_of(m->uri[i], stop)) {
            m->next[i + 1] |= REACHED | PAIR_END | IN_VALUE;
        }
    }
}

static bool has_exploded(const struct expression *expression) {
    for (size_t i = 0; i < expression->count; i++) {
        if (expression->variables[i].is_exploded) {
            return true;
        }
    }
    return false;
}

static void step_segments(struct matcher *m, const struct expression *expression) {
    if (has_exploded(expression)) {
        step_led_run(m, '/', "?#");
        take_step(m);
        return;
    }
    for (size_t i = 0; i < expression->count; i++) {
        step_led_run(m, '/', "/?#");
        take_step(m);
    }
}

static void step_expression(struct matcher *m, const struct expression *expression) {
    const struct variable *first = &expression->variables[0];
    bool is_short = expression->count == 1 && first->max_characters > 0;
    switch (expression->kind) {
    case '+':
        is_short ? step_short_run(m, first->max_characters, "") : step_run(m, "");
        break;
    case '#':
        step_led_run(m, '#', "");
        break;
    case '.':
        step_led_run(m, '.', "/?#");
        break;
    case '/':
        step_segments(m, expression);
        return;
    case ';':
        step_pairs(m, expression, ';', ';');
        break;
    case '?':
        step_pairs(m, expression, '?', '&');
        break;
    case '&':
        step_pairs(m, expression, '&', '&');
        break;
    default:
        is_short ? step_short_run(m, first->max_characters, "/?#") : step_run(m, "/?#");
        break;
    }
    take_step(m);
}

static void step_literal(struct matcher *m, const char *literal, size_t len) {
    memset(m->next, 0, m->len + 1);
    for (size_t i = 0; i + len <= m->len; i++) {
        m->next[i + len] = m->here[i] && memcmp(m->uri + i, literal, len) == 0 ? REACHED : 0;
    }
    take_step(m);
}

size_t uri_template_prefix_len(struct trunk_slice pattern) {
    const char *brace = pattern.len > 0 ? memchr(pattern.data, '{', pattern.len) : NULL;
    return brace != NULL ? (size_t)(brace - (const char *)pattern.data) : pattern.len;
}

size_t uri_template_literal_len(struct trunk_slice pattern) {
    const char *text = pattern.data;
    size_t count = 0;
    bool is_inside = false;
    for (size_t i = 0; i < pattern.len; i++) {
        is_inside = is_inside ? text[i] != '}' : text[i] == '{';
        count += !is_inside && text[i] != '}' ? 1 : 0;
    }
    return count;
}

/* The part at *at; false: it breaks the syntax. */
static bool step_part(struct matcher *m, struct trunk_slice pattern, size_t *at) {
    const char *text = (const char *)pattern.data + *at;
    size_t left = pattern.len - *at;
    size_t len = uri_template_prefix_len(slice_of(text, left));
    if (len > 0) {
        *at += len;
        step_literal(m, text, len);
        return memchr(text, '}', len) == NULL;
    }
    struct expression expression;
    const char *end = memchr(text, '}', left);
    if (end == NULL || !parse_expression(text + 1, (size_t)(end - text) - 1, &expression)) {
        return false;
    }
    *at += (size_t)(end - text) + 1;
    step_expression(m, &expression);
    return true;
}

bool uri_template_match(struct trunk_slice pattern, struct trunk_slice uri) {
    size_t prefix = uri_template_prefix_len(pattern);
    /* Most templates of many are told apart by this alone. */
    if (uri.len > URI_TEMPLATE_MAX_URI || uri.len < prefix ||
        (prefix > 0 && memcmp(uri.data, pattern.data, prefix) != 0)) {
        return false;
    }
    struct matcher matcher = {.uri = uri.data, .len = uri.len};
    size_t at = 0;
    matcher.here[0] = REACHED;
    while (at < pattern.len) {
        if (!step_part(&matcher, pattern, &at)) {
            return false;
        }
    }
    return matcher.here[uri.len] != 0;
}
