/* SPDX-License-Identifier: MIT
 * sse_reader.h - reads a stream of server-sent events bit by bit (WHATWG HTML 9.2.6, as MCP uses
 * it). Pure: no I/O, no clock. */
#ifndef FACTORY_HTTP_SSE_READER_H
#define FACTORY_HTTP_SSE_READER_H

#include <stdbool.h>

#include <trunk/types.h>

enum { SSE_MAX_ID_BYTES = 1024 };

/* An event with data; valid during the call. */
struct sse_event {
    const char *name;        /* "" when it has none */
    struct trunk_slice data; /* never empty; several data lines are joined by LF */
    struct trunk_slice id; /* the last one the stream gave, by this event or before; may be empty */
};
/* Gives true when nothing more is to be read. */
typedef bool (*sse_event_fn)(void *ctx, const struct sse_event *event);

struct sse_text {
    char *bytes;
    size_t len;
    size_t capacity;
};
/* Set to zero, and max_event_bytes to the limit of one event's data (0: none), before use. */
struct sse_reader {
    size_t max_event_bytes;
    uint64_t retry_ms; /* as the stream asked; meaningful with has_retry */
    bool has_retry;
    bool has_line_begun; /* a part of a line is held */
    bool has_cr;         /* the last byte was a CR, which an LF may follow */
    bool has_data;       /* the event has a data line */
    uint8_t bom_bytes;   /* of the byte order mark, seen so far; 4: it is past */
    struct sse_text line;
    struct sse_text data;
    size_t id_len;
    char id[SSE_MAX_ID_BYTES + 1];
    char name[64]; /* a longer one is cut: no name of that length is known */
};

/* Reads data and calls fn for each event that is complete. An id without data is kept (see id),
 * but is no event. Gives OK; CANCELLED: fn said stop; TOO_LARGE: an event or a line is longer than
 * allowed; INTERNAL: out of memory. After anything but OK only sse_reader_free may follow. */
int32_t sse_reader_feed(struct sse_reader *reader, const char *data, size_t len, sse_event_fn fn,
                        void *ctx);
void sse_reader_free(struct sse_reader *reader);

#endif
