/* SPDX-License-Identifier: MIT
 * trunk/types.h - numbers, statuses and small structs that both kinds of driver use. "rule N" in
 * these headers is a rule of the ABI, told in plugins/README.md. */
#ifndef TRUNK_TYPES_H
#define TRUNK_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * STRUCT SIZES (rule 2). Structs that may grow begin with struct_size: whoever fills such a struct
 * sets it to the sizeof that it was compiled with, and zeroes what it does not use. Whoever reads
 * one reads no further than struct_size says, and takes what lies behind it as 0 or NULL. Members
 * are only ever appended; none is moved, retyped or used for something else, and TRUNK_ABI_MINOR
 * rises with each. So a driver may be older or newer than its host:
 *   - a driver that reads a member of a struct of the host which is newer than min_host_minor of
 * its descriptor asks first: if (s->struct_size >= offsetof(S, member) + sizeof s->member);
 *   - what a newer driver appends, an older host does not see, and does not call.
 * Structs without struct_size never change. Members named `reserved` are 0.
 *
 * OWNERSHIP (rule 7). Whatever crosses is borrowed, and nobody frees the other side's memory. The
 * inputs of a call that takes an op are valid until that op is completed; host and params of open
 * until close has returned; those of any other call until it returns. What a driver gives to a
 * function of the host is needed only until that returns.
 *
 * TEXTS are UTF-8 and end with a NUL; slices are bytes and do not.
 */

#define TRUNK_MAGIC 0x54524e4bu /* "TRNK"; first member of the descriptor (rule 1) */

/* The version of the ABI: of this file, host.h, storage.h and the descriptor of plugin.h, which are
 * frozen. factory.h has a version of its own until it is frozen, too. */
#define TRUNK_ABI_MAJOR 1 /* also in the symbol's name */
#define TRUNK_ABI_MINOR 0 /* +1 whenever a field is appended */

/*
 * Statuses: fixed numbers, part of the ABI (rule 8). A driver gives no others. The two that matter
 * most are told apart with care: UNAVAILABLE says that surely nothing has happened, so that the
 * host may do it again; UNCERTAIN says that it may have happened, so that the host looks before it
 * answers. Never give UNAVAILABLE for what may have been applied or sent.
 */
enum {
    /* Done. */
    TRUNK_OK = 0,
    /* Storage: there is no such record, or it is expired; nothing has changed. Factory: the
     * backend's session is gone (it ended, or refuses the session's id); the request was surely not
     * handled. */
    TRUNK_NOT_FOUND = 1,
    /* Storage: TRUNK_PUT_CREATE met a living record, which is unchanged. Factory: never. */
    TRUNK_EXISTS = 2,
    /* Storage: TRUNK_PUT_CAS met another version, or log_append a seq below last_seq; nothing has
     * changed. Factory: never. */
    TRUNK_CONFLICT = 3,
    /* Both: what was given is wrong: a parameter (check, open), a cursor, saved state of make that
     * is none. Nothing was done; again would be the same. */
    TRUNK_INVALID = 4,
    /* Storage: the store does not take a value of this size; nothing has changed. Factory: a
     * message from the backend was longer than trunk_make's max_message, or the backend takes none
     * this long. */
    TRUNK_TOO_LARGE = 5,
    /* Factory: this transport has no such thing (listen, snapshot). Storage: never. */
    TRUNK_UNSUPPORTED = 6,
    /* Both: surely NOT applied, NOT sent: no connection, busy, out of memory. A retry may work. */
    TRUNK_UNAVAILABLE = 7,
    /* Both: sent, and the answer is lost: it may have been applied. */
    TRUNK_UNCERTAIN = 8,
    /* Never given by a driver: deadlines are the host's (rule 12). */
    TRUNK_TIMEOUT = 9,
    /* Both: ended by close or finish, or after cancel; it may have been applied. */
    TRUNK_CANCELLED = 10,
    /* Both: refused for our rights or credentials, surely not applied: by the operating system, the
     * store, or the backend (HTTP 401 and 403: the text carries the challenge). */
    TRUNK_DENIED = 11,
    /* Both: the driver or what it stands on is broken: a damaged file, a state that cannot be. It
     * may have been applied. */
    TRUNK_INTERNAL = 12
};

/* Kinds of driver; `kind` of the descriptor. */
enum {
    TRUNK_KIND_STORAGE = 1, /* keeps records: storage.h */
    TRUNK_KIND_FACTORY = 2  /* makes legs to backends: factory.h */
};

/* Levels of a log line. */
enum {
    TRUNK_LOG_ERROR = 1, /* something is lost, or must be mended */
    TRUNK_LOG_WARN = 2,  /* it went on, but should not stay so */
    TRUNK_LOG_INFO = 3,  /* an event of interest to who runs the host */
    TRUNK_LOG_DEBUG = 4  /* of interest to who writes the driver */
};

/* Capabilities: what a driver says of itself in `caps` of its table, joined by |. A host may ignore
 * bits 0..15 that it does not know; bits 16..31 change how it must call, so it refuses a driver
 * with one that it does not know (rule 2). */
enum {
    TRUNK_CAP_PERSISTENT = 1 << 0, /* storage: records survive a restart of the host */
    TRUNK_CAP_SHARED = 1 << 1,     /* storage: other hosts see the same records, at the same time;
                                      put is atomic against them too */
    TRUNK_CAP_LOG = 1 << 2,        /* storage: has log_append, log_read and log_trim, all three */
    TRUNK_CAP_RESTORE = 1 << 3,    /* factory: make takes saved state, and snapshot gives it */
    TRUNK_CAP_BLOCKING = 1 << 16,  /* storage: calls may block, and are made on a worker thread;
                                      each completes its op before it returns (rule 6) */
    TRUNK_CAP_PARALLEL = 1 << 17   /* storage, only with BLOCKING: calls may overlap on several
                                      worker threads */
};

/*
 * Types of parameters (rule 10). The host reads them from its configuration, by the driver's table;
 * it reports unknown, missing and ill-typed ones itself. `check` and `open` get what is left as
 * pairs of key and value, in the order of the table, each value in this form:
 */
enum {
    TRUNK_PARAM_STRING = 1,   /* as written; may be empty */
    TRUNK_PARAM_INT = 2,      /* decimal digits, perhaps after '-': -2^63..2^63-1. "-12" */
    TRUNK_PARAM_BOOL = 3,     /* "true" or "false" */
    TRUNK_PARAM_DURATION = 4, /* milliseconds, decimal, 0..2^64-1. "30s" arrives as "30000" */
    TRUNK_PARAM_SIZE = 5,     /* bytes, decimal, 0..2^64-1. "8MiB" arrives as "8388608" */
    TRUNK_PARAM_PATH = 6,     /* as written, not empty; a relative one is relative to the current
                                 directory of the host */
    TRUNK_PARAM_LIST = 7,     /* a list of strings: the key once for each, in order, none for an
                                 empty list. `args`, `args` */
    TRUNK_PARAM_MAP = 8       /* an object of strings: "KEY.NAME" for each. `env.PATH` */
};

/* Flags of a parameter, joined by |. */
enum {
    TRUNK_PARAM_REQUIRED = 1, /* the host refuses a configuration without it */
    TRUNK_PARAM_SECRET = 2, /* the host never shows its value, nor may the driver: not in a log, not
                               in an error */
    TRUNK_PARAM_BACKEND = 4 /* factories: a key of each backend's block, given to check_backend and
                               make; the others are the driver's own, given to check and open */
};

/* One pending call: a slot and its generation, never 0. The driver hands it to complete (and emit)
 * and needs to know no more of it (rule 5). */
typedef uint64_t trunk_op;

/* Bytes: no NUL at the end. data may be NULL when len is 0. */
struct trunk_slice {
    const void *data;
    size_t len;
};

/* A parameter, or a header of a transport. Both are never NULL. */
struct trunk_param {
    const char *key;
    const char *value;
};

/* A line of the driver's table of parameters, which ends with a key NULL. */
struct trunk_param_spec {
    const char *key;         /* 1..63 of A-Z, a-z, 0-9, '_' and '-'; once in the table */
    const char *fallback;    /* given when the key is absent, written as in a configuration ("2s");
                                NULL: none. Always NULL for LIST and MAP */
    const char *help;        /* one line for people, without a full stop; NULL: none */
    uint32_t type;           /* TRUNK_PARAM_STRING ... TRUNK_PARAM_MAP */
    uint32_t flags;          /* TRUNK_PARAM_REQUIRED, SECRET, BACKEND, or 0 */
    const char *reserved[2]; /* NULL */
};

/* What went wrong, told by a call that returns a status. The caller zeroes it; it is filled when
 * the status is not OK. `struct trunk_error *error` of such a call may be NULL. */
struct trunk_error {
    int32_t status; /* the same as returned */
    char key[64];   /* the parameter at fault, "" for none */
    char text[188]; /* what is wrong and what to do, for people; no secret, no line break */
};

/* The completion of an op, given to host->complete. A member that a call does not name is 0. */
struct trunk_reply {
    size_t struct_size; /* sizeof(struct trunk_reply) */
    int32_t status;     /* TRUNK_OK ... */
    uint32_t reserved;
    const char *message;      /* for people, what went wrong; NULL when OK */
    struct trunk_slice value; /* load: the record; scan: next cursor; snapshot: the state */
    uint64_t version;         /* storage, load and put: of the record, never 0 */
    uint64_t last_seq;        /* storage with LOG, load: of its log */
    void *leg;                /* factory, make: the leg, not NULL when OK; the driver's until finish
                                 is completed */
};

/* One of several results of an op, given to host->emit before the op is completed. A member that a
 * call does not name is 0. */
struct trunk_item {
    size_t struct_size;       /* sizeof(struct trunk_item) */
    struct trunk_slice key;   /* sweep, scan: of the record */
    struct trunk_slice value; /* sweep, scan: of the record; log_read: of the entry */
    uint64_t version;         /* sweep, scan: of the record */
    uint64_t seq;             /* log_read: of the entry */
    uint64_t expires_ms; /* sweep, scan: end of the record's life on wall_ms's clock; 0: never */
};

#ifdef __cplusplus
}
#endif
#endif
