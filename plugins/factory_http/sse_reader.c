/* SPDX-License-Identifier: MIT
 * sse_reader.c - lines, their fields, and events. */
#include "sse_reader.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLACK_BYTES = 4096, /* of a line beside its data, and for lines without data */
    FIRST_BYTES = 1024,
    KEPT_BYTES = 64 * 1024,
    BOM_PAST = 4
};

static const char bom[] = {'\xef', '\xbb', '\xbf'};

static size_t event_limit(const struct sse_reader *reader) {
    return reader->max_event_bytes == 0 || reader->max_event_bytes > SIZE_MAX / 4
               ? SIZE_MAX / 4
               : reader->max_event_bytes;
}

static bool text_add(struct sse_text *text, const char *bytes, size_t len) {
    size_t need = text->len + len;
    if (need > text->capacity) {
        size_t capacity = text->capacity < FIRST_BYTES ? FIRST_BYTES : text->capacity * 2;
        capacity = capacity < need ? need : capacity;
        char *larger = realloc(text->bytes, capacity);
        if (larger == NULL) {
            return false;
        }
        text->bytes = larger;
        text->capacity = capacity;
    }
    if (len > 0) {
        memcpy(text->bytes + text->len, bytes, len);
    }
    text->len = need;
    return true;
}

static void text_empty(struct sse_text *text) {
    text->len = 0;
    if (text->capacity > KEPT_BYTES) {
        free(text->bytes);
        *text = (struct sse_text){0};
    }
}

static int32_t add_data(struct sse_reader *reader, const char *value, size_t len) {
    size_t joint = reader->has_data ? 1 : 0;
    if (reader->data.len + joint + len > event_limit(reader)) {
        return TRUNK_TOO_LARGE;
    }
    if (!text_add(&reader->data, "\n", joint) || !text_add(&reader->data, value, len)) {
        return TRUNK_INTERNAL;
    }
    reader->has_data = true;
    return TRUNK_OK;
}

static void set_id(struct sse_reader *reader, const char *value, size_t len) {
    if (len > SSE_MAX_ID_BYTES || memchr(value, '\0', len) != NULL) {
        return;
    }
    memcpy(reader->id, value, len);
    reader->id[len] = '\0';
    reader->id_len = len;
}

static void set_name(struct sse_reader *reader, const char *value, size_t len) {
    len = len < sizeof reader->name - 1 ? len : sizeof reader->name - 1;
    memcpy(reader->name, value, len);
    reader->name[len] = '\0';
}

static void set_retry(struct sse_reader *reader, const char *value, size_t len) {
    uint64_t retry_ms = 0;
    if (len == 0 || len > 15) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9') {
            return;
        }
        retry_ms = retry_ms * 10 + (uint64_t)(value[i] - '0');
    }
    reader->retry_ms = retry_ms;
    reader->has_retry = true;
}

static bool is_field(const char *line, size_t len, const char *name) {
    return strlen(name) == len && memcmp(line, name, len) == 0;
}

static int32_t take_field(struct sse_reader *reader, const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon != NULL ? (size_t)(colon - line) : len;
    const char *value = line + name_len + (colon != NULL ? 1 : 0);
    size_t value_len = len - (size_t)(value - line);
    if (value_len > 0 && *value == ' ') {
        value++;
        value_len--;
    }
    if (is_field(line, name_len, "data")) {
        return add_data(reader, value, value_len);
    }
    if (is_field(line, name_len, "id")) {
        set_id(reader, value, value_len);
    } else if (is_field(line, name_len, "event")) {
        set_name(reader, value, value_len);
    } else if (is_field(line, name_len, "retry")) {
        set_retry(reader, value, value_len);
    }
    return TRUNK_OK;
}

static int32_t dispatch(struct sse_reader *reader, sse_event_fn fn, void *ctx) {
    bool has_to_stop = false;
    if (reader->data.len > 0) {
        struct sse_event event = {.name = reader->name,
                                  .data = {reader->data.bytes, reader->data.len},
                                  .id = {reader->id, reader->id_len}};
        has_to_stop = fn(ctx, &event);
    }
    text_empty(&reader->data);
    reader->has_data = false;
    reader->name[0] = '\0';
    return has_to_stop ? TRUNK_CANCELLED : TRUNK_OK;
}

/* A line without its end, wholly in line or with its beginning held. */
static int32_t take_line(struct sse_reader *reader, const char *line, size_t len, sse_event_fn fn,
                         void *ctx) {
    if (reader->has_line_begun) {
        if (!text_add(&reader->line, line, len)) {
            return TRUNK_INTERNAL;
        }
        line = reader->line.bytes;
        len = reader->line.len;
    }
    int32_t status = len == 0 ? dispatch(reader, fn, ctx) : take_field(reader, line, len);
    text_empty(&reader->line);
    reader->has_line_begun = false;
    return status;
}

static int32_t hold_line(struct sse_reader *reader, const char *line, size_t len) {
    if (len == 0) {
        return TRUNK_OK;
    }
    if (reader->line.len + len > event_limit(reader) + SLACK_BYTES) {
        return TRUNK_TOO_LARGE;
    }
    reader->has_line_begun = true;
    return text_add(&reader->line, line, len) ? TRUNK_OK : TRUNK_INTERNAL;
}

static int32_t feed_lines(struct sse_reader *reader, const char *data, size_t len, sse_event_fn fn,
                          void *ctx) {
    const char *end = data + len;
    const char *lf = NULL; /* the next one, looked for once for all the CRs before it */
    int32_t status = TRUNK_OK;
    if (reader->has_cr && len > 0) {
        data += *data == '\n' ? 1 : 0;
        reader->has_cr = false;
    }
    while (status == TRUNK_OK && data < end) {
        if (lf == NULL || lf < data) {
            lf = memchr(data, '\n', (size_t)(end - data));
            lf = lf != NULL ? lf : end;
        }
        const char *cr = memchr(data, '\r', (size_t)(lf - data));
        const char *stop = cr != NULL ? cr : lf;
        if (stop == end) {
            return hold_line(reader, data, (size_t)(end - data));
        }
        status = take_line(reader, data, (size_t)(stop - data), fn, ctx);
        data = stop + 1;
        if (cr != NULL && data == end) {
            reader->has_cr = true;
        } else if (cr != NULL && *data == '\n') {
            data++;
        }
    }
    return status;
}

int32_t sse_reader_feed(struct sse_reader *reader, const char *data, size_t len, sse_event_fn fn,
                        void *ctx) {
    while (len > 0 && reader->bom_bytes < sizeof bom) {
        if (*data != bom[reader->bom_bytes]) {
            /* What looked like a mark was text. */
            int32_t status = hold_line(reader, bom, reader->bom_bytes);
            reader->bom_bytes = BOM_PAST;
            if (status != TRUNK_OK) {
                return status;
            }
            break;
        }
        reader->bom_bytes++;
        data++;
        len--;
    }
    return feed_lines(reader, data, len, fn, ctx);
}

void sse_reader_free(struct sse_reader *reader) {
    free(reader->line.bytes);
    free(reader->data.bytes);
    reader->line = reader->data = (struct sse_text){0};
}
