/* SPDX-License-Identifier: MIT
 * kit_store.h - an open instance of a driver with a host of its own, and its calls, made and waited
 * for. Inputs are copies that are gone once the op is completed. A call that is not completed in
 * time fails the running case (kit_fail.h). */
#ifndef TRUNK_KIT_STORE_H
#define TRUNK_KIT_STORE_H

#include "kit_driver.h"
#include "kit_host.h"

struct kit_store {
    const struct kit_driver *driver;
    struct kit_host *host;
    void *self;
};

/* Opens and pings until OK. NULL, and the reason on stderr, when that fails. */
struct kit_store *kit_store_open(const struct kit_driver *driver);
/* Likewise, by a host whose wall clock says wall_ms: of a host that is started again, or of another
 * one beside it, whose clocks go on from, or agree with, that of the first. */
struct kit_store *kit_store_open_at(const struct kit_driver *driver, uint64_t wall_ms);
/* Closes and frees; results are gone then. Returns the number of faults. */
size_t kit_store_close(struct kit_store *store);
/* Likewise, and waits between close and the end for what comes late. */
size_t kit_store_close_and_wait(struct kit_store *store, unsigned wait_ms);
/* Removes all records, living or expired. False, and the reason on stderr, when that fails. */
bool kit_store_empty(struct kit_store *store);
void kit_advance(struct kit_store *store, uint64_t ms);
uint64_t kit_now_ms(struct kit_store *store);

const struct kit_result *kit_ping(struct kit_store *store);
const struct kit_result *kit_load(struct kit_store *store, const char *key, uint64_t touch_ttl_ms);
const struct kit_result *kit_put(struct kit_store *store, uint32_t mode, const char *key,
                                 const char *value, uint64_t ttl_ms);
const struct kit_result *kit_cas(struct kit_store *store, const char *key, const char *value,
                                 uint64_t ttl_ms, uint64_t expect_version);
const struct kit_result *kit_put_bytes(struct kit_store *store, uint32_t mode, const char *key,
                                       struct trunk_slice value, uint64_t ttl_ms);
const struct kit_result *kit_touch(struct kit_store *store, const char *key, uint64_t ttl_ms);
const struct kit_result *kit_remove(struct kit_store *store, const char *key);
const struct kit_result *kit_sweep(struct kit_store *store, uint32_t limit);
const struct kit_result *kit_scan(struct kit_store *store, const char *prefix,
                                  struct trunk_slice cursor, uint32_t limit, uint32_t want_values);
const struct kit_result *kit_log_append(struct kit_store *store, const char *key, uint64_t seq,
                                        const char *value);
const struct kit_result *kit_log_read(struct kit_store *store, const char *key, uint64_t after_seq,
                                      uint32_t limit);
const struct kit_result *kit_log_trim(struct kit_store *store, const char *key, uint64_t upto_seq);

/* An UPSERT that is not waited for, and the wait. */
trunk_op kit_begin_put(struct kit_store *store, const char *key, const char *value,
                       uint64_t ttl_ms);
const struct kit_result *kit_wait(struct kit_store *store, trunk_op op);

bool kit_slice_is(struct trunk_slice slice, const char *text);
/* The item with this key, or NULL; there may be several in *results of a scan. */
const struct kit_item *kit_find_item(const struct kit_result *result, const char *key);

#endif
