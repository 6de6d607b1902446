/* SPDX-License-Identifier: MIT
 * trunk/storage.h - what a storage driver implements: a table of calls over keyed records with a
 * life, and over one append-only log per record. A driver can be written from this file, host.h
 * and types.h alone. "rule N" is the ABI rule that a paragraph stands for; each sentence on
 * storage is a case of the driver kit. */
#ifndef TRUNK_STORAGE_H
#define TRUNK_STORAGE_H

#include <trunk/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A RECORD is a key, a value, a version, a life and (with TRUNK_CAP_LOG) a log.
 *
 *   key      1..256 bytes, each a visible ASCII character (0x21..0x7e). Compared byte by byte.
 *            The host checks it. No byte is special in it: a driver whose store knows patterns or
 *            quotes (GLOB, LIKE, KEYS) escapes them.
 *   value    any bytes, 0 included, from none up to the limit in the host's configuration. The
 *            host checks it; a driver whose store takes less gives TRUNK_TOO_LARGE.
 *   version  64 random bits, never 0, drawn anew by every put that succeeds. A version never
 *            repeats for a key, also not after remove and CREATE, so it is not a counter that
 *            starts again (rule 9).
 *   life     ends at expires_ms on the clock host->wall_ms: milliseconds since 1970, which the
 *            host anchors at start and moves by its monotonic clock. Use no other clock for it,
 *            and not the store's, so that a clock that jumps expires nobody. 0: it never ends. A
 *            time to live (ttl_ms, touch_ttl_ms) is 0..2^48-1 milliseconds; the host checks it.
 *   log      entries of a sequence number (seq, 1..2^63-1) and a value, in rising order of seq.
 *            last_seq is the highest seq ever appended to the record, 0 while there is none;
 *            trimming does not lower it. The log has no life of its own: it begins empty when the
 *            record is created, stays through UPDATE, UPSERT and CAS of a living record and goes
 *            with the record.
 *
 * EXPIRY. A record is expired from the first millisecond with wall_ms >= expires_ms on. An
 * expired record is absent to every function at once, and nothing revives it; but it is kept,
 * with its value, until `sweep` takes it, because what it names (sessions of backends) is still
 * to be closed. Absent to every function means:
 *   load, touch, put with UPDATE        NOT_FOUND, nothing changes
 *   or CAS, log_append, read, trim
 *   remove                              OK, and the record stays for sweep
 *   scan                                does not emit it
 *   put with CREATE or UPSERT           makes a new record in its place: with a new version, an
 *                                       empty log, and without the old value, which no sweep
 *                                       emits any more (a host that needs it sweeps first, or
 *                                       never uses a key twice, as trunkd does with session ids)
 *
 * COMPLETION (rule 5). Every call with a trunk_op is completed by host->complete exactly once,
 * inside the call or later. A driver with TRUNK_CAP_BLOCKING completes inside the call. Items are
 * given by host->emit with the same op, before complete. reply.struct_size and item.struct_size
 * are set to sizeof; members that a call does not name below are 0. reply.message is a text for
 * people about what went wrong, NULL when OK.
 *
 * ORDER (rule 9). The host has at most one op pending per key (scan, sweep and ping have no key),
 * and at most max_inflight in all. Ops on different keys may complete in any order. The driver is
 * never called from inside complete or emit.
 *
 * THREADS (rule 6). Without TRUNK_CAP_BLOCKING all calls come on the loop thread and must return
 * at once; wait with the watches and timers of host.h. With it all calls from open to close come
 * on one worker thread and may block; with TRUNK_CAP_PARALLEL too they come on several at the
 * same time (open and close alone). check may come on any thread, before open and while instances
 * are open. complete and emit may be called on any thread. Of the host's other functions host.h
 * says which.
 *
 * STATE (rule 11). No static state: everything hangs on self, and one shared object serves several
 * configured stores at the same time. Signal handlers are not installed, descriptors are opened
 * close-on-exec (rule 6).
 *
 * OWNERSHIP (rule 7). Whatever crosses is borrowed. The inputs of a call (slices, structs and
 * what they point to) are valid until its op is completed, and not a moment longer: copy what is
 * needed after complete. What reply and item point to is needed only until complete or emit
 * returns.
 *
 * STATUSES (rule 8). The ones that say something about the record stand with each call. Besides
 * them, every call that takes an op may give:
 *   TRUNK_UNAVAILABLE  surely not applied: no connection, store busy, out of memory
 *   TRUNK_DENIED       surely not applied: the store refuses our credentials or rights
 *   TRUNK_CANCELLED    ended by close or after cancel; may have been applied
 *   TRUNK_INTERNAL     the driver or the store is broken (a damaged file); may have been applied
 * and put, touch, remove, sweep, log_append and log_trim:
 *   TRUNK_UNCERTAIN    sent, answer lost: may have been applied. The host looks before it goes on.
 * Calls that only read give UNAVAILABLE where these give UNCERTAIN; so does load, with
 * touch_ttl_ms too, since a life that was restarted needlessly harms nobody. Never TRUNK_TIMEOUT:
 * deadlines are the host's (rule 12).
 */

/* Modes of put. The condition and the change are one atomic step, with TRUNK_CAP_SHARED also
 * against other hosts. */
enum {
    TRUNK_PUT_CREATE = 1, /* only if absent, else EXISTS */
    TRUNK_PUT_UPDATE = 2, /* only if present, else NOT_FOUND: never creates */
    TRUNK_PUT_UPSERT = 3, /* either way */
    TRUNK_PUT_CAS = 4     /* only if present (else NOT_FOUND) at expect_version (else CONFLICT) */
};

/* Input of put. */
struct trunk_put {
    size_t struct_size;
    uint32_t mode;     /* TRUNK_PUT_... */
    uint32_t reserved; /* 0 */
    struct trunk_slice key;
    struct trunk_slice value;
    uint64_t ttl_ms;         /* the record's life from now on, in ms, 0..2^48-1; 0: never ends */
    uint64_t expect_version; /* CAS: from load or put, not 0; other modes: 0 */
};

/* Input of scan. */
struct trunk_scan {
    size_t struct_size;
    struct trunk_slice prefix; /* 0..256 visible ASCII bytes; empty: all; the same for each page */
    struct trunk_slice cursor; /* empty: from the start; else as the page before gave it */
    uint32_t limit;            /* 1..2^32-1 records wanted in this page: a hint */
    uint32_t want_values;      /* 0: items without values; 1: with them */
};

/* Input of log_append. */
struct trunk_entry {
    size_t struct_size;
    struct trunk_slice key;   /* of the record */
    uint64_t seq;             /* 1..2^63-1; gaps are allowed */
    struct trunk_slice value; /* any bytes, none too; the host limits its size */
};

/* The driver's table; `ops` of its descriptor. All functions are mandatory, unless marked. */
struct trunk_storage_ops {
    size_t struct_size; /* sizeof(struct trunk_storage_ops) */

    /* TRUNK_CAP_PERSISTENT, SHARED, LOG, BLOCKING, PARALLEL, joined by |. */
    uint32_t caps;

    /* Most ops that may be pending at a time; the host queues the rest. 0: no limit. */
    uint32_t max_inflight;

    /* Says whether the parameters are good, beyond what their spec tells (types, unknown and
     * missing ones are found by the host: rule 10). Touches nothing: no file, no connection, no
     * thread.
     * params: nparams pairs, values typed as in the spec: durations in ms and sizes in bytes as
     * decimal digits, booleans "true" or "false", lists as repeated keys. Valid during the call.
     * error: may be NULL; filled when the status is not OK: `key` names the parameter at fault
     * ("" for none), `text` says what is wrong and what to do. (trunk_fail of plugin_util.h fills
     * it.)
     * Returns OK or INVALID. */
    int32_t (*check)(const struct trunk_param *params, size_t nparams, struct trunk_error *error);

    /* Makes an instance. Does not wait for a store that is elsewhere: it starts connecting, and
     * ping tells how that went.
     * host, params: valid until close has returned. params have passed check.
     * out: *self is set when OK and is then given to every call below; the driver's until close.
     * error: as in check.
     * Returns OK; INVALID (a parameter turned out wrong: no such folder); DENIED (rights);
     * UNAVAILABLE (may work later); INTERNAL (a damaged store). Not OK: nothing is left open,
     * close is not called. */
    int32_t (*open)(const struct trunk_host *host, const struct trunk_param *params, size_t nparams,
                    void **self, struct trunk_error *error);

    /* Ends the instance and frees it. The last call for self. Completes every op still pending
     * with CANCELLED before it returns, and frees its watches and timers. Afterwards nothing of
     * the driver runs any more for this instance: no thread, no completion. Functions it has
     * posted are dropped by the host. */
    void (*close)(void *self);

    /* Asks whether the store can be used now. After open the host pings until OK, then from time
     * to time.
     * Completes with OK; UNAVAILABLE (why, in message; the host asks again); DENIED. */
    void (*ping)(void *self, trunk_op op);

    /* Reads a record and, when touch_ttl_ms is not 0, restarts its life in the same atomic step:
     * it then ends at wall_ms + touch_ttl_ms. touch_ttl_ms 0: the life stays as it is (a life is
     * made endless by touch or put, not by load). The version stays.
     * Completes with OK: reply.value, reply.version, with LOG reply.last_seq; NOT_FOUND. */
    void (*load)(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op);

    /* Writes a record whole: value, a new version, a new life. The log of a living record stays.
     * Completes with OK: reply.version, the new one; by mode EXISTS, NOT_FOUND, CONFLICT, which
     * change nothing; TOO_LARGE (nothing changed); INVALID (unknown mode). */
    void (*put)(void *self, const struct trunk_put *put, trunk_op op);

    /* Restarts a record's life without reading it: it ends at wall_ms + ttl_ms; ttl_ms 0: never.
     * It may become shorter so. Value, version and log stay.
     * Completes with OK; NOT_FOUND. */
    void (*touch)(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op);

    /* Removes a record and its log.
     * Completes with OK, also when there is none. */
    void (*remove)(void *self, struct trunk_slice key, trunk_op op);

    /* Removes up to limit (1..2^32-1) expired records and their logs, in any order, and emits
     * each: item.key, value, version, expires_ms. Each expired record is emitted exactly once, to
     * one caller of all hosts; what was emitted is gone, whatever the op's status. Fewer than
     * limit: no more are expired now.
     * Completes with OK, also when there was none. UNCERTAIN: some may be gone without having
     * been emitted. */
    void (*sweep)(void *self, uint32_t limit, trunk_op op);

    /* Emits a page of the living records whose key begins with prefix, in any order: item.key,
     * version, expires_ms (0: never), and value when want_values is 1. Over all pages, from an
     * empty cursor to an empty cursor, each record that is there from the first page to the last
     * is emitted at least once, whatever comes and goes meanwhile; one that comes or goes may be.
     * A page may have more items than limit, fewer, or none and yet not be the last.
     * Completes with OK: reply.value is the next page's cursor, 1..256 bytes of the driver's
     * choosing; empty after the last page. INVALID (a cursor that this driver did not make). */
    void (*scan)(void *self, const struct trunk_scan *scan, trunk_op op);

    /* The next three: with TRUNK_CAP_LOG, else NULL. None of them restarts the record's life or
     * changes its version. */

    /* Appends an entry to the record's log.
     * Completes with OK: seq > last_seq, stored; or seq == last_seq, which was stored before
     * (also when it is trimmed by now): nothing changes, so that an append whose answer was lost
     * can be sent again. NOT_FOUND: no such record, nothing is stored. CONFLICT: seq < last_seq,
     * nothing is stored. TOO_LARGE. */
    void (*log_append)(void *self, const struct trunk_entry *entry, trunk_op op);

    /* Emits the first entries with seq > after_seq, at most limit (1..2^32-1), in rising order:
     * item.seq, item.value. after_seq 0: from the first one kept. Fewer than limit: there are no
     * more.
     * Completes with OK, also when there was none; NOT_FOUND: no such record. */
    void (*log_read)(void *self, struct trunk_slice key, uint64_t after_seq, uint32_t limit,
                     trunk_op op);

    /* Removes the entries with seq <= upto_seq. last_seq stays.
     * Completes with OK, also when there was none; NOT_FOUND: no such record. */
    void (*log_trim)(void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op);

    /* Optional; NULL if not offered. begin and commit come together, and only with
     * TRUNK_CAP_BLOCKING. */

    /* Opens a bracket: the ops that come on this thread until commit share one transaction.
     * writes: 1 if there are writing ones among them, else 0. The host holds their results back
     * until commit.
     * Returns OK; UNAVAILABLE, with error filled: the host gives that to every op of the bracket
     * and issues none. */
    int32_t (*begin)(void *self, uint32_t writes, struct trunk_error *error);

    /* Closes the bracket, in every case.
     * Returns OK: all of it is stored; UNAVAILABLE: rolled back; UNCERTAIN: may be stored. With
     * error filled when not OK; the host then gives that status to every op of the bracket. */
    int32_t (*commit)(void *self, struct trunk_error *error);

    /* A hint that nobody waits for op any more (rule 12). It is completed exactly once all the
     * same: with CANCELLED, or as if nothing had been said. An op that the driver does not know, or
     * has completed, is ignored. */
    void (*cancel)(void *self, trunk_op op);
};

#ifdef __cplusplus
}
#endif
#endif
