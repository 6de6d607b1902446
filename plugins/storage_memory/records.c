/* SPDX-License-Identifier: MIT
 * records.c - a hash by key under a seed of its own, the heap of expiry and the order of creation.
 */
#include "records.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "order.h"
#include "versions.h"

struct records {
    struct record *by_key;
    struct order order;
    struct expiry expiry;
    struct versions versions;
    uint64_t seed; /* of the hash: keys chosen by a stranger do not collide on purpose */
};

struct records *records_new(void) {
    struct records *records = calloc(1, sizeof *records);
    if (records == NULL) {
        return NULL;
    }
    records->seed = versions_draw(&records->versions);
    if (records->seed == 0) {
        free(records);
        return NULL;
    }
    return records;
}

void records_free(struct records *records) {
    struct record *record = records->by_key;
    HASH_CLEAR(hh, records->by_key); /* the table goes, the records stay chained */
    while (record != NULL) {
        struct record *next = record->hh.next;
        record_free(record);
        record = next;
    }
    order_free(&records->order);
    expiry_free(&records->expiry);
    free(records);
}

void record_free(struct record *record) {
    log_clear(&record->log);
    free(record->value);
    free(record);
}

static unsigned hash_key(const struct records *records, const void *key, size_t len) {
    return (unsigned)XXH3_64bits_withSeed(key, len, records->seed);
}

/* Expired ones too. */
static struct record *find_any(const struct records *records, struct trunk_slice key) {
    struct record *record = NULL;
    HASH_FIND_BYHASHVALUE(hh, records->by_key, key.data, key.len,
                          hash_key(records, key.data, key.len), record);
    return record;
}

struct record *records_find(const struct records *records, struct trunk_slice key,
                            uint64_t now_ms) {
    struct record *record = find_any(records, key);
    return record == NULL || life_is_over(&record->life, now_ms) ? NULL : record;
}

/* A record without a value, found by its key and in the order; NULL: out of memory. */
static struct record *add_record(struct records *records, struct trunk_slice key) {
    struct record *record = calloc(1, sizeof *record + key.len);
    if (record == NULL) {
        return NULL;
    }
    memcpy(record->key, key.data, key.len);
    record->key_len = key.len;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, records->by_key, record->key, record->key_len,
                                hash_key(records, key.data, key.len), record);
    if (record->hh.tbl == NULL) {
        free(record);
        return NULL;
    }
    record->number = order_append(&records->order, record);
    if (record->number == 0) {
        HASH_DELETE(hh, records->by_key, record);
        free(record);
        return NULL;
    }
    return record;
}

static void detach(struct records *records, struct record *record) {
    (void)expiry_set(&records->expiry, &record->life, 0);
    order_remove(&records->order, record->number);
    HASH_DELETE(hh, records->by_key, record);
}

int32_t records_write(struct records *records, struct trunk_slice key, struct trunk_slice value,
                      uint64_t expires_ms, uint64_t now_ms, uint64_t *out_version) {
    struct record *record = find_any(records, key);
    bool is_added = record == NULL;
    bool is_expired = !is_added && life_is_over(&record->life, now_ms);
    uint64_t version = versions_draw(&records->versions);
    void *copy = value.len == 0 ? NULL : malloc(value.len);
    if (version == 0 || (value.len != 0 && copy == NULL)) {
        goto fail;
    }
    if (is_added) {
        record = add_record(records, key);
    }
    if (record == NULL || !expiry_set(&records->expiry, &record->life, expires_ms)) {
        goto fail;
    }
    if (is_expired) {
        log_clear(&record->log);
    }
    if (value.len != 0) {
        memcpy(copy, value.data, value.len);
    }
    free(record->value);
    record->value = copy;
    record->value_len = value.len;
    record->version = version;
    *out_version = version;
    return TRUNK_OK;
fail:
    if (is_added && record != NULL) {
        records_remove(records, record);
    }
    free(copy);
    return TRUNK_UNAVAILABLE;
}

int32_t records_set_expiry(struct records *records, struct record *record, uint64_t expires_ms) {
    return expiry_set(&records->expiry, &record->life, expires_ms) ? TRUNK_OK : TRUNK_UNAVAILABLE;
}

void records_remove(struct records *records, struct record *record) {
    detach(records, record);
    record_free(record);
}

struct record *records_take_expired(struct records *records, uint64_t now_ms) {
    struct life *life = expiry_first(&records->expiry);
    if (life == NULL || !life_is_over(life, now_ms)) {
        return NULL;
    }
    struct record *record = (struct record *)((char *)life - offsetof(struct record, life));
    uint64_t expires_ms = life->expires_ms;
    detach(records, record);
    life->expires_ms = expires_ms; /* for whoever is told of it */
    return record;
}

struct record *records_next(const struct records *records, uint64_t number) {
    return order_next(&records->order, number);
}
