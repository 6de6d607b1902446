/* SPDX-License-Identifier: MIT
 * fuzz_sse_reader.c - any bytes through the reader of event streams, whole and in pieces: both ways
 * give the same events and the same end. The first two bytes choose the limit and the pieces. */
#include <stdlib.h>
#include <string.h>

#include "sse_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t limit;
    uint64_t sum; /* of all that the events hold, in order */
    size_t count;
};

static void add(struct seen *seen, const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        seen->sum = (seen->sum ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
    }
    seen->sum = (seen->sum ^ 0x1ff) * UINT64_C(0x100000001b3);
}

static bool on_event(void *ctx, const struct sse_event *event) {
    struct seen *seen = ctx;
    if (event->data.len == 0 || (seen->limit != 0 && event->data.len > seen->limit) ||
        memchr(event->data.data, '\r', event->data.len) != NULL ||
        event->id.len > SSE_MAX_ID_BYTES || memchr(event->id.data, '\0', event->id.len) != NULL) {
        abort();
    }
    add(seen, event->name, strlen(event->name));
    add(seen, event->data.data, event->data.len);
    add(seen, event->id.data, event->id.len);
    seen->count++;
    return false;
}

static int32_t feed(struct sse_reader *reader, const uint8_t *data, size_t size, size_t piece,
                    struct seen *seen) {
    int32_t status = TRUNK_OK;
    for (size_t at = 0; at < size && status == TRUNK_OK; at += piece) {
        size_t part = size - at < piece ? size - at : piece;
        char *copy = malloc(part); /* so that a read past its end is found */
        if (copy == NULL) {
            abort();
        }
        memcpy(copy, data + at, part);
        status = sse_reader_feed(reader, copy, part, on_event, seen);
        free(copy);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    size_t limit = data[0];
    size_t piece = (size_t)data[1] + 1;
    struct sse_reader whole = {.max_event_bytes = limit};
    struct sse_reader parts = {.max_event_bytes = limit};
    struct seen of_whole = {.limit = limit};
    struct seen of_parts = {.limit = limit};
    int32_t status = feed(&whole, data + 2, size - 2, size, &of_whole);
    int32_t parts_status = feed(&parts, data + 2, size - 2, piece, &of_parts);
    /* The limit of a line without data depends on how it came; that of data does not. */
    if (status == parts_status &&
        (of_whole.sum != of_parts.sum || of_whole.count != of_parts.count)) {
        abort();
    }
    if (status == TRUNK_OK && parts_status == TRUNK_OK &&
        (whole.id_len != parts.id_len || memcmp(whole.id, parts.id, whole.id_len) != 0 ||
         whole.has_retry != parts.has_retry || whole.retry_ms != parts.retry_ms)) {
        abort();
    }
    sse_reader_free(&whole);
    sse_reader_free(&parts);
    return 0;
}
