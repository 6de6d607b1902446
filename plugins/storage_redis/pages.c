/* SPDX-License-Identifier: MIT
 * pages.c - answers that hold many records. */
#include "pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

enum {
    SWEEP_BITE = 256,
    SWEEP_BITE_BYTES = 1 << 20, /* of values; one more may be much larger */
    SCAN_BITE = 1000,           /* keys of the database looked at, ours or not */
    SCAN_BITE_WITH_VALUES = 100,
    SCAN_BITES = 64, /* of a page */
    RUN_DIGITS = 8   /* of the server's run id, at the beginning of a cursor */
};

/* What follows the first element: key, end of life, value as stored, and so on. */
enum { FIRST = 1, PER_RECORD = 3 };

struct call {
    struct request request; /* the first member: a request is its call */
    struct store *store;
    trunk_op op;
    uint32_t left;  /* still wanted */
    unsigned bites; /* scan */
    bool has_values;
    char now[NUMBER_BYTES];
    char limit[NUMBER_BYTES];
    char bytes[NUMBER_BYTES];
    char cursor[NUMBER_BYTES]; /* scan: the server's */
    char pattern[];            /* scan */
};

static void end_call(struct call *call, int32_t status) {
    store_complete(call->store, call->op, status);
    free(call);
}

static bool is_page(const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % PER_RECORD != FIRST) {
        return false;
    }
    for (size_t i = FIRST; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_STRING) {
            return false;
        }
    }
    return true;
}

/* Returns how many were emitted. What is no record is left out. */
static uint32_t emit_page(const struct call *call, const redisReply *page) {
    const struct trunk_host *host = call->store->host;
    uint32_t count = 0;
    for (size_t i = FIRST; i < page->elements; i += PER_RECORD) {
        const redisReply *key = page->element[i];
        const redisReply *value = page->element[i + 2];
        struct stored stored;
        if (key->len == 0 || key->len > MAX_KEY_BYTES ||
            !stored_read(&stored, value->str, value->len)) {
            continue;
        }
        struct trunk_item item = {.struct_size = sizeof item,
                                  .key = {key->str, key->len},
                                  .version = stored.version,
                                  .expires_ms = strtoull(page->element[i + 1]->str, NULL, 10)};
        if (call->has_values) {
            item.value = stored.value;
        }
        host->emit(host->ctx, call->op, &item);
        count++;
    }
    return count;
}

static struct call *new_call(struct store *store, enum script script, size_t pattern_size,
                             trunk_op op) {
    struct call *call = malloc(sizeof *call + pattern_size);
    if (call == NULL) {
        store_complete(store, op, TRUNK_UNAVAILABLE);
        return NULL;
    }
    memset(call, 0, sizeof *call);
    call->store = store;
    call->op = op;
    call->request.script = script;
    call->request.nkeys = 1;
    request_add_text(&call->request, store->expiry);
    request_add_number(&call->request, call->now, store_now_ms(store));
    return call;
}

/* --- sweep --- */

static void send_bite(struct call *call) {
    struct request *request = &call->request;
    request->nargs = 2; /* expiry and now stay */
    request_add_number(request, call->limit, call->left < SWEEP_BITE ? call->left : SWEEP_BITE);
    request_add_text(request, call->store->value_prefix);
    request_add_text(request, call->store->log_prefix);
    request_add_number(request, call->bytes, SWEEP_BITE_BYTES);
    connection_send(call->store->connection, request);
}

static void on_swept(struct request *request, int32_t status, const char *text,
                     const redisReply *reply) {
    struct call *call = (struct call *)request;
    if (status != TRUNK_OK) {
        store_complete_with(call->store, call->op, status, text);
        free(call);
        return;
    }
    if (!is_page(reply) || reply->element[0]->type != REDIS_REPLY_INTEGER) {
        end_call(call, TRUNK_INTERNAL);
        return;
    }
    call->left -= emit_page(call, reply);
    if (reply->element[0]->integer != 0 && call->left > 0) {
        send_bite(call);
    } else {
        end_call(call, TRUNK_OK);
    }
}

void pages_sweep(struct store *store, uint32_t limit, trunk_op op) {
    struct call *call = new_call(store, SCRIPT_SWEEP, 0, op);
    if (call != NULL) {
        call->left = limit;
        call->has_values = true;
        call->request.is_write = true;
        call->request.done = on_swept;
        send_bite(call);
    }
}

/* --- scan --- */

/* Writes the keys' pattern: no byte of text is special in it. Returns its end. */
static char *write_literal(char *out, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (strchr("*?[]\\", text[i]) != NULL) {
            *out++ = '\\';
        }
        *out++ = text[i];
    }
    return out;
}

/* Takes the server's own cursor out of the host's: the beginning when that is of an earlier run.
 * False: it is not of this driver. */
static bool read_cursor(struct call *call, struct trunk_slice cursor) {
    const char *run_id = connection_run_id(call->store->connection);
    const char *text = cursor.data;
    size_t len = cursor.len;
    if (len > 0 && (len <= RUN_DIGITS || len >= RUN_DIGITS + sizeof call->cursor)) {
        return false;
    }
    for (size_t i = RUN_DIGITS; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    if (len > 0 && strncmp(text, run_id, RUN_DIGITS) == 0) {
        memcpy(call->cursor, text + RUN_DIGITS, len - RUN_DIGITS);
    } else {
        call->cursor[0] = '0';
    }
    return true;
}

static void end_scan(struct call *call) {
    struct trunk_reply reply = {.struct_size = sizeof reply};
    char cursor[RUN_DIGITS + NUMBER_BYTES];
    if (strcmp(call->cursor, "0") != 0) {
        int len = snprintf(cursor, sizeof cursor, "%.*s%s", RUN_DIGITS,
                           connection_run_id(call->store->connection), call->cursor);
        reply.value = (struct trunk_slice){cursor, (size_t)len};
    }
    call->store->host->complete(call->store->host->ctx, call->op, &reply);
    free(call);
}

static void send_scan(struct call *call) {
    struct request *request = &call->request;
    uint32_t most = call->has_values ? SCAN_BITE_WITH_VALUES : SCAN_BITE;
    uint32_t count = call->left < SCAN_BITE_WITH_VALUES ? SCAN_BITE_WITH_VALUES : call->left;
    request->nargs = 2; /* expiry and now stay */
    request_add_text(request, call->cursor);
    request_add_text(request, call->pattern);
    request_add_number(request, call->limit, count < most ? count : most);
    request_add_text(request, call->store->value_prefix);
    request_add_text(request, call->has_values ? "1" : "0");
    call->bites++;
    connection_send(call->store->connection, request);
}

static void on_scanned(struct request *request, int32_t status, const char *text,
                       const redisReply *reply) {
    struct call *call = (struct call *)request;
    if (status != TRUNK_OK) {
        store_complete_with(call->store, call->op, status, text);
        free(call);
        return;
    }
    if (!is_page(reply) || reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[0]->len >= sizeof call->cursor) {
        end_call(call, TRUNK_INTERNAL);
        return;
    }
    uint32_t count = emit_page(call, reply);
    call->left -= count < call->left ? count : call->left;
    memcpy(call->cursor, reply->element[0]->str, reply->element[0]->len + 1);
    if (call->left > 0 && call->bites < SCAN_BITES && strcmp(call->cursor, "0") != 0) {
        send_scan(call);
    } else {
        end_scan(call);
    }
}

void pages_scan(struct store *store, const struct trunk_scan *how, trunk_op op) {
    size_t prefix_len = strlen(store->value_prefix);
    struct call *call = new_call(store, SCRIPT_SCAN, 2 * (prefix_len + how->prefix.len) + 2, op);
    if (call == NULL) {
        return;
    }
    if (!read_cursor(call, how->cursor)) {
        end_call(call, TRUNK_INVALID);
        return;
    }
    char *end = write_literal(call->pattern, store->value_prefix, prefix_len);
    end = write_literal(end, how->prefix.data, how->prefix.len);
    memcpy(end, "*", 2);
    call->left = how->limit;
    call->has_values = how->want_values != 0;
    call->request.done = on_scanned;
    send_scan(call);
}
