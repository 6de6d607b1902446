/* SPDX-License-Identifier: MIT
 * cue_records.c - records in memory that may outlive their storage. */
#include "support/cue_records.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"

static void tell(const struct cue_records *records, const struct cue_record *before,
                 const struct cue_record *after) {
    if (records->changed != NULL) {
        records->changed(records->ctx, before, after);
    }
}

void cue_records_clear(struct cue_records *records) {
    for (size_t i = 0; i < records->count; i++) {
        free(records->items[i].key);
        free(records->items[i].value);
    }
    free(records->items);
    records->items = NULL;
    records->count = 0;
}

struct cue_record *cue_records_find(const struct cue_records *records, const char *key) {
    for (size_t i = 0; i < records->count; i++) {
        if (strcmp(records->items[i].key, key) == 0) {
            return &records->items[i];
        }
    }
    return NULL;
}

bool cue_record_is_expired(const struct cue_record *record, uint64_t now_ms) {
    return record->expires_ms != 0 && record->expires_ms <= now_ms;
}

struct cue_record *cue_records_write(struct cue_records *records, const char *key,
                                     struct trunk_slice value, uint64_t expires_ms) {
    struct cue_record *record = cue_records_find(records, key);
    struct cue_record before = {0};
    bool is_new = record == NULL;
    if (is_new) {
        records->items = xrealloc(records->items, (records->count + 1) * sizeof *records->items);
        record = &records->items[records->count++];
        *record = (struct cue_record){.key = xstrdup(key)};
    } else {
        before = *record;
    }
    record->value = slice_strdup(value);
    record->value_len = value.len;
    record->version = ++records->last_version * UINT64_C(0x9e3779b97f4a7c15);
    record->expires_ms = expires_ms;
    tell(records, is_new ? NULL : &before, record);
    free(before.value);
    return record;
}

void cue_records_set_life(struct cue_records *records, struct cue_record *record,
                          uint64_t expires_ms) {
    struct cue_record before = *record;
    record->expires_ms = expires_ms;
    tell(records, &before, record);
}

void cue_records_delete(struct cue_records *records, struct cue_record *record) {
    tell(records, record, NULL);
    free(record->key);
    free(record->value);
    *record = records->items[--records->count];
}
