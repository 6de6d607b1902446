/* SPDX-License-Identifier: MIT
 * param_text.c - durations, sizes and the other typed texts of a config, and slips in its words. */
#include "plugin/param_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define SLIP_MAX_LEN 64

struct unit {
    const char *name; /* NULL ends the table */
    uint64_t factor;
};

/* Digits and a unit, with nothing before, between or behind. */
static int32_t parse_scaled(const char *text, const struct unit *units, uint64_t *out) {
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
            return TRUNK_INVALID;
        }
    }
    if (at == text) {
        return TRUNK_INVALID;
    }
    if (*at == '\0' && value == 0) {
        *out = 0;
        return TRUNK_OK;
    }
    for (; units->name != NULL; units++) {
        if (strcmp(units->name, at) == 0) {
            bool overflows = __builtin_mul_overflow(value, units->factor, &value);
            *out = overflows ? *out : value;
            return overflows ? TRUNK_INVALID : TRUNK_OK;
        }
    }
    return TRUNK_INVALID;
}

int32_t duration_parse(const char *text, uint64_t *out_ms) {
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60ull * 1000}, {"h", 3600ull * 1000}, {"d", 86400ull * 1000},
        {NULL, 0}};
    return parse_scaled(text, units, out_ms);
}

int32_t size_parse(const char *text, uint64_t *out_bytes) {
    static const struct unit units[] = {
        {"", 1},  {"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30},
        {NULL, 0}};
    return parse_scaled(text, units, out_bytes);
}

static size_t min3(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein's; both at most SLIP_MAX_LEN long. */
static size_t edit_distance(const char *a, const char *b) {
    size_t row[SLIP_MAX_LEN + 1];
    size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            size_t above = row[j + 1];
            row[j + 1] = min3(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *nearest_word(const char *word, const char *const *known, size_t count) {
    const char *nearest = NULL;
    size_t least = 3;
    if (strlen(word) > SLIP_MAX_LEN) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (strlen(known[i]) <= SLIP_MAX_LEN) {
            size_t distance = edit_distance(word, known[i]);
            if (distance < least && distance < strlen(word)) {
                least = distance;
                nearest = known[i];
            }
        }
    }
    return nearest;
}

static char *write_u64(uint64_t value) {
    return xasprintf("%" PRIu64, value);
}

static bool is_int_text(const char *text) {
    char *end;
    if (*text != '-' && !isdigit((unsigned char)*text)) {
        return false;
    }
    errno = 0;
    (void)strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

char *param_text_normalise(uint32_t type, const char *text) {
    uint64_t number = 0;
    switch (type) {
    case TRUNK_PARAM_DURATION:
        return duration_parse(text, &number) == TRUNK_OK ? write_u64(number) : NULL;
    case TRUNK_PARAM_SIZE:
        return size_parse(text, &number) == TRUNK_OK ? write_u64(number) : NULL;
    case TRUNK_PARAM_PATH:
        return *text != '\0' ? xstrdup(text) : NULL;
    case TRUNK_PARAM_INT:
        return is_int_text(text) ? xasprintf("%lld", strtoll(text, NULL, 10)) : NULL;
    case TRUNK_PARAM_BOOL:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? xstrdup(text) : NULL;
    case TRUNK_PARAM_STRING:
        return xstrdup(text);
    default: /* lists and maps */
        return NULL;
    }
}
