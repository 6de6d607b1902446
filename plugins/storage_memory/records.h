/* SPDX-License-Identifier: MIT
 * records.h - the records of one instance: found by key, in order of creation and by the end of
 * their life. Time comes from the caller. */
#ifndef STORAGE_MEMORY_RECORDS_H
#define STORAGE_MEMORY_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM                                                                          \
    1 /* an add that fails leaves hh.tbl NULL instead of ending the process                        \
       */
#include <uthash.h>

#include <trunk/types.h>

#include "expiry.h"
#include "log.h"

/* Owned by struct records until records_take_expired gives it away. */
struct record {
    UT_hash_handle hh;
    struct life life;
    struct log log;
    uint64_t number; /* of creation */
    uint64_t version;
    void *value; /* owned; NULL when empty */
    size_t value_len;
    size_t key_len;
    unsigned char key[];
};

struct records;
/* NULL: out of memory, or the kernel gives no random numbers. */
struct records *records_new(void);
void records_free(struct records *records);

/* The living record with this key, or NULL. */
struct record *records_find(const struct records *records, struct trunk_slice key, uint64_t now_ms);
/* Writes a value with a new version and a life that ends at expires_ms (0: never): into the living
 * record, whose log stays, else as a new record, in place of an expired one. OK and *out_version,
 * or UNAVAILABLE (out of memory): nothing changed. */
int32_t records_write(struct records *records, struct trunk_slice key, struct trunk_slice value,
                      uint64_t expires_ms, uint64_t now_ms, uint64_t *out_version);
/* OK, or UNAVAILABLE (out of memory): nothing changed. */
int32_t records_set_expiry(struct records *records, struct record *record, uint64_t expires_ms);
void records_remove(struct records *records, struct record *record);
/* Takes out one expired record, or NULL. The caller frees it by record_free. */
struct record *records_take_expired(struct records *records, uint64_t now_ms);
/* The first record created after the one with this number (0: the first of all), living or not;
 * NULL: none. */
struct record *records_next(const struct records *records, uint64_t number);
void record_free(struct record *record);

#endif
