/* SPDX-License-Identifier: MIT
 * records.c - each call is one request. Its key and value are the host's, and valid until the op is
 * completed; what is made of them hangs on the call. */
#include "records.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <hiredis/hiredis.h>

enum { NUMBERS = 4 };

struct call {
    struct request request; /* the first member: a request is its call */
    struct store *store;
    trunk_op op;
    uint64_t version; /* put: the new one */
    size_t nnumbers;
    char numbers[NUMBERS][NUMBER_BYTES];
    char texts[]; /* names of the record's keys; put: then the value as it is stored */
};

static void end_call(struct call *call, int32_t status) {
    store_complete(call->store, call->op, status);
    free(call);
}

/* The status that a script has given as a number, alone or as the first of several things. */
static int32_t read_status(const redisReply *reply) {
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
        reply = reply->element[0];
    }
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < TRUNK_OK ||
        reply->integer > TRUNK_CONFLICT) {
        return TRUNK_INTERNAL;
    }
    return (int32_t)reply->integer;
}

/* Did it fail? Then the call has ended. */
static bool has_failed(struct call *call, int32_t status, const char *text,
                       const redisReply *reply) {
    if (status != TRUNK_OK) {
        store_complete_with(call->store, call->op, status, text);
        free(call);
        return true;
    }
    status = read_status(reply);
    if (status != TRUNK_OK) {
        end_call(call, status);
        return true;
    }
    return false;
}

static void on_plain(struct request *request, int32_t status, const char *text,
                     const redisReply *reply) {
    struct call *call = (struct call *)request;
    if (!has_failed(call, status, text, reply)) {
        end_call(call, TRUNK_OK);
    }
}

static struct call *new_call(struct store *store, struct trunk_slice key, enum script script,
                             size_t more, trunk_op op) {
    size_t value_len = strlen(store->value_prefix);
    size_t log_len = strlen(store->log_prefix);
    struct call *call = malloc(sizeof *call + value_len + log_len + 2 * key.len + more);
    if (call == NULL) {
        store_complete(store, op, TRUNK_UNAVAILABLE);
        return NULL;
    }
    memset(call, 0, sizeof *call);
    call->store = store;
    call->op = op;
    char *value_key = call->texts + more;
    char *log_key = value_key + value_len + key.len;
    memcpy(value_key, store->value_prefix, value_len);
    memcpy(value_key + value_len, key.data, key.len);
    memcpy(log_key, store->log_prefix, log_len);
    memcpy(log_key + log_len, key.data, key.len);
    struct request *request = &call->request;
    request->script = script;
    request->nkeys = 3;
    request->is_write = true;
    request->done = on_plain;
    request_add(request, value_key, value_len + key.len);
    request_add(request, log_key, log_len + key.len);
    request_add_text(request, store->expiry);
    request_add(request, key.data, key.len);
    return call;
}

static void add_number(struct call *call, uint64_t number) {
    request_add_number(&call->request, call->numbers[call->nnumbers++], number);
}

/* PX and ENDS of a life that begins now; now is an argument already. */
static void add_life(struct call *call, uint64_t now_ms, uint64_t ttl_ms) {
    add_number(call, ttl_ms == 0 ? 0 : ttl_ms + SAFETY_MS);
    add_number(call, ttl_ms == 0 ? 0 : now_ms + ttl_ms);
}

static void send_call(struct call *call) {
    connection_send(call->store->connection, &call->request);
}

/* --- the record --- */

static void on_load(struct request *request, int32_t status, const char *text,
                    const redisReply *reply) {
    struct call *call = (struct call *)request;
    struct stored stored;
    if (has_failed(call, status, text, reply)) {
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[1]->type != REDIS_REPLY_STRING ||
        reply->element[2]->type != REDIS_REPLY_STRING ||
        !stored_read(&stored, reply->element[1]->str, reply->element[1]->len)) {
        end_call(call, TRUNK_INTERNAL);
        return;
    }
    struct trunk_reply loaded = {.struct_size = sizeof loaded,
                                 .value = stored.value,
                                 .version = stored.version,
                                 .last_seq = strtoull(reply->element[2]->str, NULL, 10)};
    call->store->host->complete(call->store->host->ctx, call->op, &loaded);
    free(call);
}

void records_load(struct store *store, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    uint64_t now_ms = store_now_ms(store);
    struct call *call = new_call(store, key, SCRIPT_LOAD, 0, op);
    if (call == NULL) {
        return;
    }
    call->request.is_write = false; /* a life that was restarted needlessly harms nobody */
    call->request.done = on_load;
    add_number(call, now_ms);
    if (touch_ttl_ms != 0) {
        add_life(call, now_ms, touch_ttl_ms);
    } else {
        request_add_text(&call->request, "");
    }
    send_call(call);
}

static void on_put(struct request *request, int32_t status, const char *text,
                   const redisReply *reply) {
    struct call *call = (struct call *)request;
    if (has_failed(call, status, text, reply)) {
        return;
    }
    struct trunk_reply written = {.struct_size = sizeof written, .version = call->version};
    call->store->host->complete(call->store->host->ctx, call->op, &written);
    free(call);
}

/* 0: there are no random numbers. */
static uint64_t draw_version(void) {
    uint64_t version = 0;
    while (version == 0) {
        if (getrandom(&version, sizeof version, 0) != (ssize_t)sizeof version) {
            return 0;
        }
    }
    return version;
}

void records_put(struct store *store, const struct trunk_put *put, trunk_op op) {
    if (put->mode < TRUNK_PUT_CREATE || put->mode > TRUNK_PUT_CAS) {
        store_complete(store, op, TRUNK_INVALID);
        return;
    }
    uint64_t now_ms = store_now_ms(store);
    uint64_t version = draw_version();
    if (version == 0) {
        store_complete(store, op, TRUNK_UNAVAILABLE);
        return;
    }
    size_t stored_len = VERSION_DIGITS + 1 + put->value.len;
    struct call *call = new_call(store, put->key, SCRIPT_PUT, VERSION_DIGITS + stored_len, op);
    if (call == NULL) {
        return;
    }
    char *expected = call->texts;
    char *stored = call->texts + VERSION_DIGITS;
    stored_write_version(expected, put->expect_version);
    stored_write_version(stored, version);
    stored[VERSION_DIGITS] = ' ';
    if (put->value.len > 0) {
        memcpy(stored + VERSION_DIGITS + 1, put->value.data, put->value.len);
    }
    call->version = version;
    call->request.done = on_put;
    add_number(call, now_ms);
    add_life(call, now_ms, put->ttl_ms);
    add_number(call, put->mode);
    request_add(&call->request, stored, stored_len);
    if (put->mode == TRUNK_PUT_CAS) {
        request_add(&call->request, expected, VERSION_DIGITS);
    }
    send_call(call);
}

void records_touch(struct store *store, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    uint64_t now_ms = store_now_ms(store);
    struct call *call = new_call(store, key, SCRIPT_TOUCH, 0, op);
    if (call != NULL) {
        add_number(call, now_ms);
        add_life(call, now_ms, ttl_ms);
        send_call(call);
    }
}

void records_remove(struct store *store, struct trunk_slice key, trunk_op op) {
    struct call *call = new_call(store, key, SCRIPT_REMOVE, 0, op);
    if (call != NULL) {
        add_number(call, store_now_ms(store));
        send_call(call);
    }
}

/* --- its log --- */

void records_append(struct store *store, const struct trunk_entry *entry, trunk_op op) {
    struct call *call = new_call(store, entry->key, SCRIPT_APPEND, 0, op);
    if (call != NULL) {
        add_number(call, store_now_ms(store));
        add_number(call, entry->seq);
        request_add(&call->request, entry->value.data, entry->value.len);
        send_call(call);
    }
}

/* An entry of a stream: {"SEQ-0", {"v", value}}. */
static bool read_entry(struct trunk_item *out_item, const redisReply *entry) {
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[0]->type != REDIS_REPLY_STRING ||
        entry->element[1]->type != REDIS_REPLY_ARRAY || entry->element[1]->elements != 2 ||
        entry->element[1]->element[1]->type != REDIS_REPLY_STRING) {
        return false;
    }
    const redisReply *value = entry->element[1]->element[1];
    *out_item = (struct trunk_item){.struct_size = sizeof *out_item,
                                    .value = {value->str, value->len},
                                    .seq = strtoull(entry->element[0]->str, NULL, 10)};
    return true;
}

static void on_read(struct request *request, int32_t status, const char *text,
                    const redisReply *reply) {
    struct call *call = (struct call *)request;
    const struct trunk_host *host = call->store->host;
    if (has_failed(call, status, text, reply)) {
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[1]->type != REDIS_REPLY_ARRAY) {
        end_call(call, TRUNK_INTERNAL);
        return;
    }
    const redisReply *entries = reply->element[1];
    for (size_t i = 0; i < entries->elements; i++) {
        struct trunk_item item;
        if (!read_entry(&item, entries->element[i])) {
            end_call(call, TRUNK_INTERNAL);
            return;
        }
        host->emit(host->ctx, call->op, &item);
    }
    end_call(call, TRUNK_OK);
}

void records_read(struct store *store, struct trunk_slice key, uint64_t after_seq, uint32_t limit,
                  trunk_op op) {
    struct call *call = new_call(store, key, SCRIPT_READ, 0, op);
    if (call != NULL) {
        call->request.is_write = false;
        call->request.done = on_read;
        add_number(call, store_now_ms(store));
        add_number(call, after_seq);
        add_number(call, limit);
        send_call(call);
    }
}

void records_trim(struct store *store, struct trunk_slice key, uint64_t upto_seq, trunk_op op) {
    struct call *call = new_call(store, key, SCRIPT_TRIM, 0, op);
    if (call != NULL) {
        add_number(call, store_now_ms(store));
        add_number(call, upto_seq);
        send_call(call);
    }
}
