/* SPDX-License-Identifier: MIT
 * cue_storage.h - a storage driver inside the test: correct semantics over a few records in memory,
 * but each op waits for the test's cue where the test says so, may be answered otherwise than it
 * went, and the test may act on the records behind everybody's back. One thread. */
#ifndef TRUNKD_TEST_CUE_STORAGE_H
#define TRUNKD_TEST_CUE_STORAGE_H

#include "plugin/registry.h"
#include "support/cue_records.h"

struct cue_storage;
/* what, below: "ping", "load", "put", "touch", "remove", "sweep" or "scan". */
struct cue_storage *cue_storage_new(const struct host_env *env, uint32_t caps,
                                    uint32_t max_inflight);
/* Over records that outlive it. */
struct cue_storage *cue_storage_new_on(const struct host_env *env, uint32_t caps,
                                       uint32_t max_inflight, struct cue_records *records);
/* Opened; the test frees it (driver_free), and then the cue_storage. */
struct driver *cue_storage_driver(const struct cue_storage *cue);
void cue_storage_free(struct cue_storage *cue);

/* From now on ops of this kind wait for their cue. */
void cue_storage_hold(struct cue_storage *cue, const char *what);
/* No longer; those that wait go on, in the order in which they came. */
void cue_storage_let(struct cue_storage *cue, const char *what);
void cue_storage_let_all(struct cue_storage *cue);
size_t cue_storage_count_held(const struct cue_storage *cue, const char *what);
/* The key of the one that waits longest; NULL: none waits. */
const char *cue_storage_held_key(const struct cue_storage *cue, const char *what);
/* The one that waits longest is done and answered. */
void cue_storage_release_next(struct cue_storage *cue, const char *what);
/* It is answered with this status; before that it is done, or not. */
void cue_storage_answer_next(struct cue_storage *cue, const char *what, int32_t status,
                             bool is_applied);
/* Not OK: every op that comes is answered with it at once, and not done. */
void cue_storage_set_status(struct cue_storage *cue, int32_t status);

/* All that wait, of whatever kind, from the one that waits longest (0) on; they may be answered in
 * any order. */
void cue_storage_hold_all(struct cue_storage *cue);
size_t cue_storage_count_waiting(const struct cue_storage *cue);
const char *cue_storage_waiting_what(const struct cue_storage *cue, size_t at);
const char *cue_storage_waiting_key(const struct cue_storage *cue, size_t at); /* NULL: has none */
void cue_storage_release_at(struct cue_storage *cue, size_t at);
void cue_storage_answer_at(struct cue_storage *cue, size_t at, int32_t status, bool is_applied);

/* A call that the records have answered, to be compared with what another store says to it. */
struct cue_call {
    const char *what;
    const char *key;   /* NULL: sweep; scan: the prefix */
    const char *value; /* scan: the cursor */
    uint64_t ttl_ms;
    uint64_t expect_version;
    uint32_t mode;
    uint32_t limit;
    size_t nemitted;
};
/* After each call that was done. The version in *reply may be changed: a put gives it to the
 * record. */
typedef void (*cue_done_fn)(void *ctx, const struct cue_call *call, struct trunk_reply *reply);
void cue_storage_on_done(struct cue_storage *cue, cue_done_fn done, void *ctx);

size_t cue_storage_count_calls(const struct cue_storage *cue, const char *what);
size_t cue_storage_most_pending(const struct cue_storage *cue); /* at a time, so far */
size_t cue_storage_count_records(const struct cue_storage *cue);
/* Also an expired one; NULL: none. Valid until the next op or change. */
const struct cue_record *cue_storage_find(const struct cue_storage *cue, const char *key);
void cue_storage_write(struct cue_storage *cue, const char *key, struct trunk_slice value);
void cue_storage_expire(struct cue_storage *cue, const char *key);
void cue_storage_drop(struct cue_storage *cue, const char *key);

#endif
