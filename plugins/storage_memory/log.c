/* SPDX-License-Identifier: MIT
 * log.c - a singly linked list: appended at its end, trimmed at its start. */
#include "log.h"

#include <stdlib.h>
#include <string.h>

void log_clear(struct log *log) {
    log_trim(log, UINT64_MAX);
    log->last_seq = 0;
}

int32_t log_append(struct log *log, uint64_t seq, struct trunk_slice value) {
    if (seq <= log->last_seq) {
        return seq == log->last_seq ? TRUNK_OK : TRUNK_CONFLICT;
    }
    struct log_entry *entry = malloc(sizeof(struct log_entry) + value.len);
    if (entry == NULL) {
        return TRUNK_UNAVAILABLE;
    }
    entry->next = NULL;
    entry->seq = seq;
    entry->value_len = value.len;
    if (value.len > 0) {
        memcpy(entry->value, value.data, value.len);
    }
    if (log->first == NULL) {
        log->first = entry;
    } else {
        log->last->next = entry;
    }
    log->last = entry;
    log->last_seq = seq;
    return TRUNK_OK;
}

const struct log_entry *log_find_after(const struct log *log, uint64_t after_seq) {
    const struct log_entry *entry = log->first;
    while (entry != NULL && entry->seq <= after_seq) {
        entry = entry->next;
    }
    return entry;
}

void log_trim(struct log *log, uint64_t upto_seq) {
    while (log->first != NULL && log->first->seq <= upto_seq) {
        struct log_entry *entry = log->first;
        log->first = entry->next;
        free(entry);
    }
}
