/* SPDX-License-Identifier: MIT
 * plugin.c - storage driver `memory`: the descriptor, open and close, and the calls of the ABI,
 * each completed before it returns. Nothing outlives the process. No parameters. */
#include <trunk/plugin.h>
#include <trunk/plugin_util.h>

#include <stdlib.h>
#include <string.h>

#include "records.h"

struct memory {
    const struct trunk_host *host;
    struct records *records;
};

static uint64_t now_ms(const struct memory *memory) {
    return memory->host->wall_ms(memory->host->ctx);
}

static uint64_t end_of_life(uint64_t now, uint64_t ttl_ms) {
    return ttl_ms == 0 ? 0 : now + ttl_ms;
}

static void complete(const struct memory *memory, trunk_op op, int32_t status) {
    static const char *const texts[] = {
        [TRUNK_NOT_FOUND] = "no such record",
        [TRUNK_EXISTS] = "the record exists",
        [TRUNK_CONFLICT] = "the record has changed, or the log is further on",
        [TRUNK_INVALID] = "no such mode, or not a cursor of this driver",
        [TRUNK_UNAVAILABLE] = "out of memory or of random numbers",
    };
    trunk_complete(memory->host, op, status, status == TRUNK_OK ? NULL : texts[status]);
}

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    (void)params;
    (void)nparams;
    (void)error;
    return TRUNK_OK;
}

static int32_t open_memory(const struct trunk_host *host, const struct trunk_param *params,
                           size_t nparams, void **self, struct trunk_error *error) {
    (void)params;
    (void)nparams;
    struct memory *memory = calloc(1, sizeof *memory);
    struct records *records = records_new();
    if (memory == NULL || records == NULL) {
        free(memory);
        if (records != NULL) {
            records_free(records);
        }
        return trunk_fail(error, TRUNK_UNAVAILABLE, "", "out of memory or of random numbers");
    }
    memory->host = host;
    memory->records = records;
    *self = memory;
    return TRUNK_OK;
}

static void close_memory(void *self) {
    struct memory *memory = self;
    records_free(memory->records);
    free(memory);
}

static void ping(void *self, trunk_op op) {
    complete(self, op, TRUNK_OK);
}

static void load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    struct memory *memory = self;
    uint64_t now = now_ms(memory);
    struct record *record = records_find(memory->records, key, now);
    if (record == NULL) {
        complete(memory, op, TRUNK_NOT_FOUND);
        return;
    }
    if (touch_ttl_ms != 0) {
        int32_t status =
            records_set_expiry(memory->records, record, end_of_life(now, touch_ttl_ms));
        if (status != TRUNK_OK) {
            complete(memory, op, status);
            return;
        }
    }
    struct trunk_reply reply = {.struct_size = sizeof reply,
                                .value = {record->value, record->value_len},
                                .version = record->version,
                                .last_seq = record->log.last_seq};
    memory->host->complete(memory->host->ctx, op, &reply);
}

/* What the mode says of a put onto this record (NULL: absent). */
static int32_t check_mode(const struct trunk_put *put, const struct record *record) {
    switch (put->mode) {
    case TRUNK_PUT_CREATE:
        return record == NULL ? TRUNK_OK : TRUNK_EXISTS;
    case TRUNK_PUT_UPDATE:
        return record != NULL ? TRUNK_OK : TRUNK_NOT_FOUND;
    case TRUNK_PUT_UPSERT:
        return TRUNK_OK;
    case TRUNK_PUT_CAS:
        if (record == NULL) {
            return TRUNK_NOT_FOUND;
        }
        return record->version == put->expect_version ? TRUNK_OK : TRUNK_CONFLICT;
    default:
        return TRUNK_INVALID;
    }
}

static void put_record(void *self, const struct trunk_put *put, trunk_op op) {
    struct memory *memory = self;
    struct trunk_reply reply = {.struct_size = sizeof reply};
    uint64_t now = now_ms(memory);
    int32_t status = check_mode(put, records_find(memory->records, put->key, now));
    if (status == TRUNK_OK) {
        status = records_write(memory->records, put->key, put->value, end_of_life(now, put->ttl_ms),
                               now, &reply.version);
    }
    if (status == TRUNK_OK) {
        memory->host->complete(memory->host->ctx, op, &reply);
    } else {
        complete(memory, op, status);
    }
}

static void touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    struct memory *memory = self;
    uint64_t now = now_ms(memory);
    struct record *record = records_find(memory->records, key, now);
    complete(memory, op,
             record == NULL
                 ? TRUNK_NOT_FOUND
                 : records_set_expiry(memory->records, record, end_of_life(now, ttl_ms)));
}

static void remove_record(void *self, struct trunk_slice key, trunk_op op) {
    struct memory *memory = self;
    struct record *record = records_find(memory->records, key, now_ms(memory));
    if (record != NULL) {
        records_remove(memory->records, record);
    }
    complete(memory, op, TRUNK_OK);
}

static void emit_record(const struct memory *memory, const struct record *record, int has_value,
                        trunk_op op) {
    struct trunk_item item = {.struct_size = sizeof item,
                              .key = {record->key, record->key_len},
                              .version = record->version,
                              .expires_ms = record->life.expires_ms};
    if (has_value) {
        item.value = (struct trunk_slice){record->value, record->value_len};
    }
    memory->host->emit(memory->host->ctx, op, &item);
}

static void sweep(void *self, uint32_t limit, trunk_op op) {
    struct memory *memory = self;
    uint64_t now = now_ms(memory);
    struct record *record = NULL;
    while (limit-- > 0 && (record = records_take_expired(memory->records, now)) != NULL) {
        emit_record(memory, record, 1, op);
        record_free(record);
    }
    complete(memory, op, TRUNK_OK);
}

static int has_prefix(const struct record *record, struct trunk_slice prefix) {
    return prefix.len == 0 ||
           (record->key_len >= prefix.len && memcmp(record->key, prefix.data, prefix.len) == 0);
}

/* The cursor is the number of the last record looked at. A page looks at `limit` records, not at as
 * many as match: so it costs the same whatever the prefix. */
static void scan(void *self, const struct trunk_scan *how, trunk_op op) {
    struct memory *memory = self;
    uint64_t now = now_ms(memory);
    uint64_t number = 0;
    if (how->cursor.len == sizeof number) {
        memcpy(&number, how->cursor.data, sizeof number);
    } else if (how->cursor.len != 0) {
        complete(memory, op, TRUNK_INVALID);
        return;
    }
    const struct record *record = records_next(memory->records, number);
    for (uint32_t seen = 0; record != NULL && seen < how->limit; seen++) {
        if (has_prefix(record, how->prefix) && !life_is_over(&record->life, now)) {
            emit_record(memory, record, how->want_values != 0, op);
        }
        number = record->number;
        record = records_next(memory->records, number);
    }
    struct trunk_reply reply = {.struct_size = sizeof reply};
    if (record != NULL) {
        reply.value = (struct trunk_slice){&number, sizeof number};
    }
    memory->host->complete(memory->host->ctx, op, &reply);
}

static void append_entry(void *self, const struct trunk_entry *entry, trunk_op op) {
    struct memory *memory = self;
    struct record *record = records_find(memory->records, entry->key, now_ms(memory));
    complete(memory, op,
             record == NULL ? TRUNK_NOT_FOUND : log_append(&record->log, entry->seq, entry->value));
}

static void read_log(void *self, struct trunk_slice key, uint64_t after_seq, uint32_t limit,
                     trunk_op op) {
    struct memory *memory = self;
    struct record *record = records_find(memory->records, key, now_ms(memory));
    if (record == NULL) {
        complete(memory, op, TRUNK_NOT_FOUND);
        return;
    }
    const struct log_entry *entry = log_find_after(&record->log, after_seq);
    for (; entry != NULL && limit > 0; entry = entry->next, limit--) {
        struct trunk_item item = {.struct_size = sizeof item,
                                  .value = {entry->value, entry->value_len},
                                  .seq = entry->seq};
        memory->host->emit(memory->host->ctx, op, &item);
    }
    complete(memory, op, TRUNK_OK);
}

static void trim_log(void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op) {
    struct memory *memory = self;
    struct record *record = records_find(memory->records, key, now_ms(memory));
    if (record != NULL) {
        log_trim(&record->log, upto_seq);
    }
    complete(memory, op, record == NULL ? TRUNK_NOT_FOUND : TRUNK_OK);
}

static const struct trunk_param_spec params[] = {{.key = NULL}};

static const struct trunk_storage_ops ops = {
    .struct_size = sizeof ops,
    .caps = TRUNK_CAP_LOG,
    .check = check,
    .open = open_memory,
    .close = close_memory,
    .ping = ping,
    .load = load,
    .put = put_record,
    .touch = touch,
    .remove = remove_record,
    .sweep = sweep,
    .scan = scan,
    .log_append = append_entry,
    .log_read = read_log,
    .log_trim = trim_log,
};

TRUNK_STORAGE_PLUGIN(0, "memory", "0.2.0", "keeps records in this process only", params, &ops);
