/* SPDX-License-Identifier: MIT
 * trunk/storage.h - what a storage driver implements. */
#ifndef TRUNK_STORAGE_H
#define TRUNK_STORAGE_H

#include <trunk/host.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TRUNK_PUT_CREATE = 1, TRUNK_PUT_UPDATE = 2, TRUNK_PUT_UPSERT = 3, TRUNK_PUT_CAS = 4 };

struct trunk_put {
    size_t struct_size;
    uint32_t mode;
    uint32_t reserved;
    struct trunk_slice key;
    struct trunk_slice value;
    uint64_t ttl_ms;
    uint64_t expect_version;
};
struct trunk_scan {
    size_t struct_size;
    struct trunk_slice prefix;
    struct trunk_slice cursor;
    uint32_t limit;
    uint32_t want_values;
};
struct trunk_entry {
    size_t struct_size;
    struct trunk_slice key;
    uint64_t seq;
    struct trunk_slice value;
};

struct trunk_storage_ops {
    size_t struct_size;
    uint32_t caps;
    uint32_t max_inflight; /* 0: no limit; the host queues the rest */
    int32_t (*check)(const struct trunk_param *params, size_t nparams, struct trunk_error *error);
    int32_t (*open)(const struct trunk_host *host, const struct trunk_param *params, size_t nparams,
                    void **self, struct trunk_error *error);
    void (*close)(void *self);
    void (*ping)(void *self, trunk_op op);
    void (*load)(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op);
    void (*put)(void *self, const struct trunk_put *put, trunk_op op);
    void (*touch)(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op);
    void (*remove)(void *self, struct trunk_slice key, trunk_op op);
    void (*sweep)(void *self, uint32_t limit, trunk_op op);
    void (*scan)(void *self, const struct trunk_scan *scan, trunk_op op);
    /* With TRUNK_CAP_LOG. */
    void (*log_append)(void *self, const struct trunk_entry *entry, trunk_op op);
    void (*log_read)(void *self, struct trunk_slice key, uint64_t after_seq, uint32_t limit,
                     trunk_op op);
    void (*log_trim)(void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op);
    /* Optional; NULL if not offered. */
    int32_t (*begin)(void *self, uint32_t writes, struct trunk_error *error);
    int32_t (*commit)(void *self, struct trunk_error *error);
    void (*cancel)(void *self, trunk_op op);
};

#ifdef __cplusplus
}
#endif
#endif
