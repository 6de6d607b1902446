/* SPDX-License-Identifier: MIT
 * trunk/types.h - numbers, statuses and small structs that both kinds of driver use. */
#ifndef TRUNK_TYPES_H
#define TRUNK_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRUNK_MAGIC 0x54524e4bu /* "TRNK" */
#define TRUNK_ABI_MAJOR 0       /* also in the symbol's name; 0 until a half is frozen */
#define TRUNK_ABI_MINOR 9       /* +1 whenever a field is appended */

enum {                     /* fixed numbers, part of the ABI */
    TRUNK_OK = 0,
    TRUNK_NOT_FOUND = 1,   /* absent or expired; factory: the backend's session is gone */
    TRUNK_EXISTS = 2,      /* PUT_CREATE met a live record */
    TRUNK_CONFLICT = 3,    /* PUT_CAS met another version */
    TRUNK_INVALID = 4,
    TRUNK_TOO_LARGE = 5,
    TRUNK_UNSUPPORTED = 6,
    TRUNK_UNAVAILABLE = 7, /* surely NOT applied or sent; a retry may work */
    TRUNK_UNCERTAIN = 8,   /* sent, answer lost: may be applied */
    TRUNK_TIMEOUT = 9,
    TRUNK_CANCELLED = 10,
    TRUNK_DENIED = 11,
    TRUNK_INTERNAL = 12
};
enum { TRUNK_KIND_STORAGE = 1, TRUNK_KIND_FACTORY = 2 };
enum { TRUNK_LOG_ERROR = 1, TRUNK_LOG_WARN = 2, TRUNK_LOG_INFO = 3, TRUNK_LOG_DEBUG = 4 };
enum {                             /* caps; bits 16..31 must be understood by the host */
    TRUNK_CAP_PERSISTENT = 1 << 0, /* storage: survives a restart of the host */
    TRUNK_CAP_SHARED = 1 << 1,     /* storage: other hosts see the same records */
    TRUNK_CAP_LOG = 1 << 2,        /* storage: log_append, log_read, log_trim */
    TRUNK_CAP_RESTORE = 1 << 3,    /* factory: make() takes saved state */
    TRUNK_CAP_BLOCKING = 1 << 16,  /* storage: calls may block, run on a worker */
    TRUNK_CAP_PARALLEL = 1 << 17   /* storage: blocking calls may overlap */
};
enum {
    TRUNK_PARAM_STRING = 1,
    TRUNK_PARAM_INT = 2,
    TRUNK_PARAM_BOOL = 3,
    TRUNK_PARAM_DURATION = 4,
    TRUNK_PARAM_SIZE = 5,
    TRUNK_PARAM_PATH = 6,
    TRUNK_PARAM_LIST = 7,
    TRUNK_PARAM_MAP = 8
};
enum { TRUNK_PARAM_REQUIRED = 1, TRUNK_PARAM_SECRET = 2, TRUNK_PARAM_BACKEND = 4 };

typedef uint64_t trunk_op; /* one pending call: slot and generation; never 0 */

struct trunk_slice {
    const void *data;
    size_t len;
};
struct trunk_param {
    const char *key;
    const char *value;
};
struct trunk_param_spec {
    const char *key;
    const char *fallback;
    const char *help;
    uint32_t type;
    uint32_t flags;
    const char *reserved[2];
};
struct trunk_error {
    int32_t status;
    char key[64];
    char text[188];
};

struct trunk_reply {
    size_t struct_size;
    int32_t status;
    uint32_t reserved;
    const char *message;      /* for people; NULL when OK */
    struct trunk_slice value; /* load: the record; scan: next cursor; snapshot: the state */
    uint64_t version;         /* storage: of the record, never 0 */
    uint64_t last_seq;        /* storage with LOG, load: of its log */
    void *leg;                /* factory, make: the leg */
};
struct trunk_item {
    size_t struct_size;
    struct trunk_slice key;
    struct trunk_slice value;
    uint64_t version;
    uint64_t seq;
    uint64_t expires_ms;
};

#ifdef __cplusplus
}
#endif
#endif
