/* SPDX-License-Identifier: MIT
 * storage.h - the front to a storage driver: copies what a call needs until its op completes,
 * issues at most one op per key and max_inflight in all (ABI rule 9), moves BLOCKING drivers to
 * their worker, where what waits together shares a transaction if the driver can do that, and gives
 * every call a deadline. */
#ifndef TRUNKD_SESSION_STORAGE_H
#define TRUNKD_SESSION_STORAGE_H

#include "plugin/registry.h"

/* Called once per call, on the loop, never inside the call that asked. A call whose deadline passed
 * is told UNCERTAIN when it writes and UNAVAILABLE when it reads. One that still waited for its
 * turn is told UNAVAILABLE, and is never issued. */
typedef void (*storage_done_fn)(void *ctx, const struct trunk_reply *reply);
typedef void (*storage_item_fn)(void *ctx, const struct trunk_item *item);

struct storage;
/* driver is open, and is borrowed. timeout_ms > 0. */
struct storage *storage_new(struct driver *driver, uint64_t timeout_ms);
/* From now on nothing is issued: what waits, and what comes, is told CANCELLED. */
void storage_stop(struct storage *storage);
/* After storage_stop and driver_free, which has completed every call that was issued, and after the
 * loop has delivered that: so nothing is pending any more (storage_count_pending is 0). NULL is
 * fine. */
void storage_free(struct storage *storage);

bool storage_is_persistent(const struct storage *storage);
size_t storage_count_pending(const struct storage *storage);
void storage_ping(struct storage *storage, storage_done_fn done, void *ctx);
/* ttl 0: never expires; touch_ttl_ms 0: the life is not restarted. */
void storage_load(struct storage *storage, const char *key, uint64_t touch_ttl_ms,
                  storage_done_fn done, void *ctx);
void storage_put(struct storage *storage, uint32_t mode, const char *key, struct trunk_slice value,
                 uint64_t ttl_ms, uint64_t expect_version, storage_done_fn done, void *ctx);
void storage_touch(struct storage *storage, const char *key, uint64_t ttl_ms, storage_done_fn done,
                   void *ctx);
void storage_remove(struct storage *storage, const char *key, storage_done_fn done, void *ctx);
/* Without a deadline: what it takes off the store is known to nobody else. */
void storage_sweep(struct storage *storage, uint32_t limit, storage_item_fn item,
                   storage_done_fn done, void *ctx);
/* One page of the living records whose key begins with prefix, with their values: as
 * trunk_storage_ops.scan says. cursor: empty for the first page, else reply.value of the page
 * before; the last one's is empty. */
void storage_scan(struct storage *storage, const char *prefix, struct trunk_slice cursor,
                  uint32_t limit, storage_item_fn item, storage_done_fn done, void *ctx);

#endif
