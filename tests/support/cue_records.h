/* SPDX-License-Identifier: MIT
 * cue_records.h - the few records that a cue_storage keeps: what is on the disk, so to speak. They
 * may outlive the storage, as they do when a process is killed. */
#ifndef TRUNKD_TEST_CUE_RECORDS_H
#define TRUNKD_TEST_CUE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trunk/types.h>

struct cue_record {
    char *key;
    char *value; /* with a NUL behind it */
    size_t value_len;
    uint64_t version;
    uint64_t expires_ms; /* 0: never */
};

/* A record was made (before NULL), written, touched, or is about to be deleted (after NULL). Both
 * are valid during the call; of before only value, version and expires_ms are as they were. */
typedef void (*cue_change_fn)(void *ctx, const struct cue_record *before,
                              const struct cue_record *after);

struct cue_records {
    struct cue_record *items;
    size_t count;
    uint64_t last_version;
    cue_change_fn changed; /* NULL: nobody watches */
    void *ctx;
};

void cue_records_clear(struct cue_records *records); /* frees, tells nobody */
/* Also an expired one; NULL: none. Valid until the next change. */
struct cue_record *cue_records_find(const struct cue_records *records, const char *key);
bool cue_record_is_expired(const struct cue_record *record, uint64_t now_ms);
struct cue_record *cue_records_write(struct cue_records *records, const char *key,
                                     struct trunk_slice value, uint64_t expires_ms);
void cue_records_set_life(struct cue_records *records, struct cue_record *record,
                          uint64_t expires_ms);
void cue_records_delete(struct cue_records *records, struct cue_record *record);

#endif
