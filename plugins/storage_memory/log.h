/* SPDX-License-Identifier: MIT
 * log.h - the append-only log of one record: entries by rising sequence number. */
#ifndef STORAGE_MEMORY_LOG_H
#define STORAGE_MEMORY_LOG_H

#include <stdint.h>

#include <trunk/types.h>

struct log_entry {
    struct log_entry *next;
    uint64_t seq;
    size_t value_len;
    unsigned char value[];
};

/* Zero-initialised is empty. Owns its entries. */
struct log {
    struct log_entry *first; /* the oldest kept */
    struct log_entry *last;  /* not set when there is no first */
    uint64_t last_seq;       /* ever appended; 0: none */
};

/* Frees the entries and leaves it empty. */
void log_clear(struct log *log);
/* OK, also when seq is the last one again (then nothing changes); CONFLICT: seq is lower;
 * UNAVAILABLE: out of memory. */
int32_t log_append(struct log *log, uint64_t seq, struct trunk_slice value);
/* The first entry with a seq above after_seq, or NULL. */
const struct log_entry *log_find_after(const struct log *log, uint64_t after_seq);
/* Removes the entries up to upto_seq. */
void log_trim(struct log *log, uint64_t upto_seq);

#endif
