/* SPDX-License-Identifier: MIT
 * replay.c - the replay log of one session. */
#include "mcp/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/hash.h"

/* Finished streams of which no event is left. */
enum { MAX_EMPTY = 256 };

struct event {
    TAILQ_ENTRY(event) in_queue; /* kept or owed */
    TAILQ_ENTRY(event) in_stream;
    struct stream *stream;
    uint64_t number;
    bool is_written; /* of one that is owed */
    size_t len;
    char json[];
};
TAILQ_HEAD(events, event);

struct stream {
    UT_hash_handle hh;
    TAILQ_ENTRY(stream) in_empty;
    uint64_t id;
    uint64_t last;      /* number of its newest event */
    uint64_t gone;      /* number of the newest event that is not kept */
    struct event *owed; /* its result, until the client has it */
    struct events events;
    bool is_unasked;
    bool is_finished;
};

struct replay {
    char *tag;
    uint64_t epoch;
    size_t max_events;
    size_t max_bytes;
    uint64_t last_stream;
    struct stream *streams;
    struct events kept; /* oldest first, as in the next two */
    struct events owed;
    TAILQ_HEAD(, stream) empty;
    size_t nkept;
    size_t kept_bytes;
    size_t nowed;
    size_t owed_bytes;
    size_t nempty;
};

struct replay *replay_new(const char *tag, uint64_t epoch, size_t max_events, size_t max_bytes) {
    struct replay *replay = xcalloc(1, sizeof *replay);
    replay->tag = xstrdup(tag);
    replay->epoch = epoch;
    replay->max_events = max_events;
    replay->max_bytes = max_bytes;
    TAILQ_INIT(&replay->kept);
    TAILQ_INIT(&replay->owed);
    TAILQ_INIT(&replay->empty);
    return replay;
}

void replay_free(struct replay *replay) {
    if (replay == NULL) {
        return;
    }
    struct stream *stream = replay->streams;
    HASH_CLEAR(hh, replay->streams); /* frees the table only */
    while (stream != NULL) {
        struct stream *next = stream->hh.next;
        struct event *event = TAILQ_FIRST(&stream->events);
        while (event != NULL) {
            struct event *later = TAILQ_NEXT(event, in_stream);
            free(event);
            event = later;
        }
        free(stream);
        stream = next;
    }
    free(replay->tag);
    free(replay);
}

static struct stream *find_stream(const struct replay *replay, uint64_t id) {
    struct stream *stream = NULL;
    HASH_FIND(hh, replay->streams, &id, sizeof id, stream);
    return stream;
}

uint64_t replay_open(struct replay *replay, bool is_unasked) {
    struct stream *stream = xcalloc(1, sizeof *stream);
    stream->id = ++replay->last_stream;
    stream->is_unasked = is_unasked;
    TAILQ_INIT(&stream->events);
    HASH_ADD(hh, replay->streams, id, sizeof stream->id, stream);
    return stream->id;
}

static void note_empty(struct replay *replay, struct stream *stream) {
    if (!stream->is_finished || !TAILQ_EMPTY(&stream->events)) {
        return;
    }
    TAILQ_INSERT_TAIL(&replay->empty, stream, in_empty);
    if (++replay->nempty > MAX_EMPTY) {
        struct stream *oldest = TAILQ_FIRST(&replay->empty);
        TAILQ_REMOVE(&replay->empty, oldest, in_empty);
        HASH_DEL(replay->streams, oldest);
        free(oldest);
        replay->nempty--;
    }
}

static void evict(struct replay *replay, struct event *event) {
    struct stream *stream = event->stream;
    TAILQ_REMOVE(&replay->kept, event, in_queue);
    TAILQ_REMOVE(&stream->events, event, in_stream);
    replay->nkept--;
    replay->kept_bytes -= event->len;
    stream->gone = event->number > stream->gone ? event->number : stream->gone;
    free(event);
    note_empty(replay, stream);
}

static bool is_too_large(const struct replay *replay, const struct event *event) {
    return replay->max_bytes != 0 && event->len > replay->max_bytes;
}

/* One that alone is over the limit goes itself, and not all the others. */
static void keep(struct replay *replay, struct event *event) {
    TAILQ_INSERT_TAIL(&replay->kept, event, in_queue);
    replay->nkept++;
    replay->kept_bytes += event->len;
    if (is_too_large(replay, event)) {
        evict(replay, event);
    }
    while ((replay->max_events != 0 && replay->nkept > replay->max_events) ||
           (replay->max_bytes != 0 && replay->kept_bytes > replay->max_bytes)) {
        /* Freed ones have left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        evict(replay, TAILQ_FIRST(&replay->kept));
    }
}

static struct event *add_event(struct stream *stream, struct trunk_slice json) {
    struct event *event = xcalloc(1, sizeof *event + json.len);
    event->stream = stream;
    event->number = ++stream->last;
    event->len = json.len;
    if (json.len > 0) {
        memcpy(event->json, json.data, json.len);
    }
    TAILQ_INSERT_TAIL(&stream->events, event, in_stream);
    return event;
}

uint64_t replay_append(struct replay *replay, uint64_t stream_id, struct trunk_slice json) {
    struct event *event = add_event(find_stream(replay, stream_id), json);
    uint64_t number = event->number;
    keep(replay, event);
    return number;
}

static void settle(struct replay *replay, struct event *event) {
    event->stream->owed = NULL;
    TAILQ_REMOVE(&replay->owed, event, in_queue);
    replay->nowed--;
    replay->owed_bytes -= event->len;
    keep(replay, event);
}

/* Those that were written are more likely to have come through. */
static struct event *find_least_owed(const struct replay *replay) {
    struct event *event;
    TAILQ_FOREACH(event, &replay->owed, in_queue) {
        if (event->is_written) {
            return event;
        }
    }
    return TAILQ_FIRST(&replay->owed);
}

static bool owes_too_much(const struct replay *replay) {
    size_t max_bytes =
        replay->max_bytes > REPLAY_MAX_OWED_BYTES ? replay->max_bytes : REPLAY_MAX_OWED_BYTES;
    return replay->nowed > REPLAY_MAX_OWED ||
           (replay->nowed > 1 && replay->max_bytes != 0 && replay->owed_bytes > max_bytes);
}

uint64_t replay_append_result(struct replay *replay, uint64_t stream_id, struct trunk_slice json) {
    struct stream *stream = find_stream(replay, stream_id);
    struct event *event = add_event(stream, json);
    stream->is_finished = true;
    stream->owed = event;
    TAILQ_INSERT_TAIL(&replay->owed, event, in_queue);
    replay->nowed++;
    replay->owed_bytes += event->len;
    uint64_t number = event->number;
    while (owes_too_much(replay)) {
        /* Settled ones have left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        settle(replay, find_least_owed(replay));
    }
    return number;
}

void replay_finish(struct replay *replay, uint64_t stream_id) {
    struct stream *stream = find_stream(replay, stream_id);
    stream->is_finished = true;
    note_empty(replay, stream);
}

void replay_take_back(struct replay *replay, uint64_t stream_id, uint64_t number) {
    struct stream *stream = find_stream(replay, stream_id);
    struct event *event = TAILQ_FIRST(&stream->events);
    uint64_t gone = stream->gone;
    while (event != NULL) {
        struct event *next = TAILQ_NEXT(event, in_stream);
        if (event->number > number) {
            evict(replay, event);
        }
        event = next;
    }
    stream->last = number;
    stream->gone = gone < number ? gone : number;
}

bool replay_written(struct replay *replay, uint64_t stream_id) {
    struct stream *stream = find_stream(replay, stream_id);
    if (stream == NULL || stream->owed == NULL) {
        return false;
    }
    stream->owed->is_written = is_too_large(replay, stream->owed);
    if (stream->owed->is_written) {
        return true;
    }
    settle(replay, stream->owed);
    return false;
}

void replay_settle(struct replay *replay) {
    struct event *event = TAILQ_FIRST(&replay->owed);
    while (event != NULL) {
        struct event *next = TAILQ_NEXT(event, in_queue);
        if (event->is_written) {
            settle(replay, event);
        }
        event = next;
    }
}

void replay_append_id(const struct replay *replay, uint64_t stream, uint64_t number,
                      struct buffer *out) {
    const struct stream *known = find_stream(replay, stream);
    buffer_printf(out, "%s.%" PRIu64 ".%s%" PRIu64 "-%" PRIu64, replay->tag, replay->epoch,
                  known != NULL && known->is_unasked ? "u" : "", stream, number);
}

/* A number as this log writes it, and the byte behind it (0: the end). */
static bool take_number(struct trunk_slice *text, char behind, uint64_t *out) {
    const char *at = text->data;
    size_t len = 0;
    *out = 0;
    while (len < text->len && len < 19 && at[len] >= '0' && at[len] <= '9') {
        *out = *out * 10 + (uint64_t)(at[len++] - '0');
    }
    bool is_plain = len > 0 && (at[0] != '0' || len == 1);
    bool is_followed = behind == '\0' ? len == text->len : len < text->len && at[len] == behind;
    if (is_plain && is_followed) {
        size_t taken = len + (behind != '\0' ? 1 : 0);
        *text = slice_of(at + taken, text->len - taken);
    }
    return is_plain && is_followed;
}

static bool take_letter(struct trunk_slice *text, char letter) {
    const char *at = text->data;
    bool is_there = text->len > 0 && at[0] == letter;
    if (is_there) {
        *text = slice_of(at + 1, text->len - 1);
    }
    return is_there;
}

/* Lower-case hex digits and a point. */
static bool take_tag(struct trunk_slice *text, struct trunk_slice *out) {
    const char *at = text->data;
    size_t len = 0;
    while (len < text->len &&
           ((at[len] >= '0' && at[len] <= '9') || (at[len] >= 'a' && at[len] <= 'f'))) {
        len++;
    }
    if (len == 0 || len == text->len || at[len] != '.') {
        return false;
    }
    *out = slice_of(at, len);
    *text = slice_of(at + len + 1, text->len - len - 1);
    return true;
}

static enum replay_answer judge(const struct replay *replay, const struct stream *stream,
                                struct replay_place *place) {
    if (stream == NULL) {
        return place->stream == 0 || place->stream > replay->last_stream ? REPLAY_FUTURE
                                                                         : REPLAY_GONE;
    }
    if (place->number > stream->last || place->is_unasked != stream->is_unasked) {
        return REPLAY_FUTURE;
    }
    place->has_gap = stream->gone > place->number;
    if (!stream->is_finished) {
        return REPLAY_GOES_ON;
    }
    if (place->number == stream->last) {
        return REPLAY_COMPLETE;
    }
    return stream->gone == stream->last ? REPLAY_GONE : REPLAY_ENDS;
}

enum replay_answer replay_find(const struct replay *replay, struct trunk_slice id,
                               struct replay_place *out) {
    struct trunk_slice tag;
    uint64_t epoch;
    *out = (struct replay_place){0};
    if (!take_tag(&id, &tag) || !take_number(&id, '.', &epoch)) {
        return REPLAY_UNKNOWN;
    }
    out->is_unasked = take_letter(&id, 'u');
    if (!take_number(&id, '-', &out->stream) || !take_number(&id, '\0', &out->number)) {
        return REPLAY_UNKNOWN;
    }
    if (!slice_equal_cstr(tag, replay->tag)) {
        return REPLAY_FOREIGN;
    }
    if (epoch != replay->epoch) {
        return epoch > replay->epoch ? REPLAY_FUTURE : REPLAY_GONE;
    }
    return judge(replay, find_stream(replay, out->stream), out);
}

bool replay_next(const struct replay *replay, struct replay_place *place,
                 struct trunk_slice *out_json) {
    const struct stream *stream = find_stream(replay, place->stream);
    const struct event *event = stream != NULL ? TAILQ_FIRST(&stream->events) : NULL;
    while (event != NULL && event->number <= place->number) {
        event = TAILQ_NEXT(event, in_stream);
    }
    if (event == NULL) {
        return false;
    }
    place->number = event->number;
    *out_json = slice_of(event->json, event->len);
    return true;
}
