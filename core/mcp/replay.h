/* SPDX-License-Identifier: MIT
 * replay.h - the replay log of one session: what went out on its streams, kept for clients that
 * lost their connection (protocol.md 2.7). In memory; sends nothing.
 *
 * A stream is one answer to a POST, or one GET, over any number of connections. Its events are
 * numbered from 1; number 0 is what it begins with (the priming event, of which nothing is kept).
 * An event's id is "<tag>.<epoch>.<stream>-<number>", with a "u" before the stream of a GET: no two
 * of a session are equal, over restarts too. */
#ifndef TRUNKD_MCP_REPLAY_H
#define TRUNKD_MCP_REPLAY_H

#include "base/slice.h"

/* Results that their clients may not have got: so many are kept, and the older ones of them only
 * while all are within so many bytes (and max_bytes, if that is more). */
#define REPLAY_MAX_OWED 64
#define REPLAY_MAX_OWED_BYTES ((size_t)16 << 20)

struct replay;
/* tag: of the session, in each id, lower-case hex; copied. epoch: of its record. At most max_events
 * events of max_bytes in all are kept, the newest; 0: no limit. Beyond that results that are owed,
 * the newest whatever its size. */
struct replay *replay_new(const char *tag, uint64_t epoch, size_t max_events, size_t max_bytes);
void replay_free(struct replay *replay); /* NULL is fine */

/* A new stream. It is remembered until it is finished, and then as long as others do not push it
 * out. is_unasked: of GET, which can be told from its events' ids for ever. */
uint64_t replay_open(struct replay *replay, bool is_unasked);
/* Keeps a copy of one message of an unfinished stream and gives its number. */
uint64_t replay_append(struct replay *replay, uint64_t stream, struct trunk_slice json);
/* The same with the last message of a stream, the result (or error) of its request: finishes the
 * stream, and owes the result to the client. */
uint64_t replay_append_result(struct replay *replay, uint64_t stream, struct trunk_slice json);
/* No message comes any more: a stream without a result, as a GET that another one replaced. */
void replay_finish(struct replay *replay, uint64_t stream);
/* Takes the kept events behind this one off a stream, as if they had never been on it; then
 * replay_finish. */
void replay_take_back(struct replay *replay, uint64_t stream, uint64_t number);
/* The result was written to a connection, which may break before it is through: it is kept like any
 * other event. Gives true if it is too large for that, and so is owed until replay_settle. */
bool replay_written(struct replay *replay, uint64_t stream);
/* What was written can be taken to have come through. */
void replay_settle(struct replay *replay);

void replay_append_id(const struct replay *replay, uint64_t stream, uint64_t number,
                      struct buffer *out);

enum replay_answer {
    REPLAY_GOES_ON,  /* later events, if any, then what is still to come */
    REPLAY_ENDS,     /* later events, then the end of the stream */
    REPLAY_COMPLETE, /* it was the last event of a stream that is finished: 405, or a new GET stream
                      */
    REPLAY_GONE,     /* of a stream whose end is not kept any more, or of an earlier epoch */
    REPLAY_FUTURE,   /* an id that this session has not given yet */
    REPLAY_FOREIGN,  /* an id of another session */
    REPLAY_UNKNOWN   /* no id of ours */
};

struct replay_place {
    uint64_t stream;
    uint64_t number; /* of the event that the client had last */
    bool is_unasked; /* its stream is one of GET */
    bool has_gap;    /* a later event is not kept any more; not the result */
};

/* What can be replayed after the event with this id. *out is filled with GOES_ON and ENDS; of GONE
 * and COMPLETE it has stream, number and is_unasked. */
enum replay_answer replay_find(const struct replay *replay, struct trunk_slice id,
                               struct replay_place *out);
/* The next event of the same stream, to which *place moves; valid until the log is changed. False:
 * there is none (yet). */
bool replay_next(const struct replay *replay, struct replay_place *place,
                 struct trunk_slice *out_json);

#endif
