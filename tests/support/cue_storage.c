/* SPDX-License-Identifier: MIT
 * cue_storage.c - a storage driver that waits for its cue. */
#include "support/cue_storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/slice.h"

enum { OP_PING, OP_LOAD, OP_PUT, OP_TOUCH, OP_REMOVE, OP_SWEEP, OP_SCAN, OP_KINDS };

static const char *const names[OP_KINDS] = {"ping",   "load",  "put", "touch",
                                            "remove", "sweep", "scan"};

struct cue_op {
    TAILQ_ENTRY(cue_op) link;
    int kind;
    trunk_op op;
    char *key;
    char *value;
    size_t value_len;
    uint64_t ttl_ms;
    uint64_t expect_version;
    uint32_t mode;
    uint32_t limit;
};

struct cue_storage {
    struct plugin plugin;
    struct driver *driver;
    const struct trunk_host *host;
    struct cue_records *records;
    struct cue_records own; /* unless they are to outlive it */
    bool is_held[OP_KINDS];
    size_t calls[OP_KINDS];
    int32_t status; /* for every op; OK: they go as they go */
    cue_done_fn done;
    void *done_ctx;
    size_t nemitted; /* by the op that is being done */
    TAILQ_HEAD(, cue_op) held;
    size_t pending;
    size_t most_pending;
};

static int find_kind(const char *what) {
    int kind = 0;
    while (strcmp(names[kind], what) != 0) {
        if (++kind == OP_KINDS) {
            (void)fprintf(stderr, "cue_storage: no op is called %s\n", what);
            abort();
        }
    }
    return kind;
}

static uint64_t now_ms(const struct cue_storage *cue) {
    return cue->host->wall_ms(cue->host->ctx);
}

static uint64_t end_of_life(const struct cue_storage *cue, uint64_t ttl_ms) {
    return ttl_ms != 0 ? now_ms(cue) + ttl_ms : 0;
}

static struct cue_record *find_living(const struct cue_storage *cue, const char *key) {
    struct cue_record *record = cue_records_find(cue->records, key);
    return record != NULL && !cue_record_is_expired(record, now_ms(cue)) ? record : NULL;
}

static void do_put(struct cue_storage *cue, const struct cue_op *op, struct trunk_reply *reply) {
    const struct cue_record *living = find_living(cue, op->key);
    bool needs_one = op->mode == TRUNK_PUT_UPDATE || op->mode == TRUNK_PUT_CAS;
    if (op->mode == TRUNK_PUT_CREATE && living != NULL) {
        reply->status = TRUNK_EXISTS;
    } else if (needs_one && living == NULL) {
        reply->status = TRUNK_NOT_FOUND;
    } else if (op->mode == TRUNK_PUT_CAS && living->version != op->expect_version) {
        reply->status = TRUNK_CONFLICT;
    } else {
        reply->version =
            cue_records_write(cue->records, op->key, slice_of(op->value, op->value_len),
                              end_of_life(cue, op->ttl_ms))
                ->version;
    }
}

static void do_sweep(struct cue_storage *cue, const struct cue_op *op) {
    uint32_t left = op->limit;
    size_t i = 0;
    while (i < cue->records->count && left > 0) {
        struct cue_record *record = &cue->records->items[i];
        if (!cue_record_is_expired(record, now_ms(cue))) {
            i++;
            continue;
        }
        struct trunk_item item = {.struct_size = sizeof item,
                                  .key = slice_cstr(record->key),
                                  .value = slice_of(record->value, record->value_len),
                                  .version = record->version,
                                  .expires_ms = record->expires_ms};
        cue->host->emit(cue->host->ctx, op->op, &item);
        cue->nemitted++;
        cue_records_delete(cue->records, record);
        left--;
    }
}

/* The record with the smallest key behind `after`; NULL: none. */
static const struct cue_record *find_next(const struct cue_storage *cue, const char *after) {
    const struct cue_record *next = NULL;
    for (size_t i = 0; i < cue->records->count; i++) {
        const struct cue_record *record = &cue->records->items[i];
        if (strcmp(record->key, after) > 0 &&
            (next == NULL || strcmp(record->key, next->key) < 0)) {
            next = record;
        }
    }
    return next;
}

/* A page looks at `limit` records; the cursor is the key of the last one. */
static void do_scan(struct cue_storage *cue, const struct cue_op *op, struct trunk_reply *reply) {
    const char *last = op->value;
    const struct cue_record *record = find_next(cue, last);
    for (uint32_t seen = 0; record != NULL && seen < op->limit; seen++) {
        if (strncmp(record->key, op->key, strlen(op->key)) == 0 &&
            !cue_record_is_expired(record, now_ms(cue))) {
            struct trunk_item item = {.struct_size = sizeof item,
                                      .key = slice_cstr(record->key),
                                      .value = slice_of(record->value, record->value_len),
                                      .version = record->version,
                                      .expires_ms = record->expires_ms};
            cue->host->emit(cue->host->ctx, op->op, &item);
        }
        last = record->key;
        record = find_next(cue, last);
    }
    if (record != NULL) {
        reply->value = slice_cstr(last);
    }
}

static void do_op(struct cue_storage *cue, const struct cue_op *op, struct trunk_reply *reply) {
    struct cue_record *living = op->key != NULL ? find_living(cue, op->key) : NULL;
    switch (op->kind) {
    case OP_LOAD:
        if (living == NULL) {
            reply->status = TRUNK_NOT_FOUND;
            return;
        }
        if (op->ttl_ms != 0) {
            cue_records_set_life(cue->records, living, end_of_life(cue, op->ttl_ms));
        }
        reply->value = slice_of(living->value, living->value_len);
        reply->version = living->version;
        break;
    case OP_PUT:
        do_put(cue, op, reply);
        break;
    case OP_TOUCH:
        if (living == NULL) {
            reply->status = TRUNK_NOT_FOUND;
        } else {
            cue_records_set_life(cue->records, living, end_of_life(cue, op->ttl_ms));
        }
        break;
    case OP_REMOVE:
        if (living != NULL) {
            cue_records_delete(cue->records, living);
        }
        break;
    case OP_SWEEP:
        do_sweep(cue, op);
        break;
    case OP_SCAN:
        do_scan(cue, op, reply);
        break;
    default:
        break;
    }
}

static void apply(struct cue_storage *cue, const struct cue_op *op, struct trunk_reply *reply) {
    cue->nemitted = 0;
    do_op(cue, op, reply);
    if (cue->done == NULL) {
        return;
    }
    struct cue_call call = {.what = names[op->kind],
                            .key = op->key,
                            .value = op->value,
                            .ttl_ms = op->ttl_ms,
                            .expect_version = op->expect_version,
                            .mode = op->mode,
                            .limit = op->limit,
                            .nemitted = cue->nemitted};
    cue->done(cue->done_ctx, &call, reply);
    if (op->kind == OP_PUT && reply->status == TRUNK_OK) {
        cue_records_find(cue->records, op->key)->version = reply->version;
    }
}

static void complete(struct cue_storage *cue, struct cue_op *op, struct trunk_reply *reply) {
    reply->struct_size = sizeof *reply;
    reply->message = reply->status == TRUNK_OK ? NULL : "as the cue says";
    cue->host->complete(cue->host->ctx, op->op, reply);
    cue->pending--;
    free(op->key);
    free(op->value);
    free(op);
}

static void perform(struct cue_storage *cue, struct cue_op *op) {
    struct trunk_reply reply = {.status = cue->status};
    if (cue->status == TRUNK_OK) {
        apply(cue, op, &reply);
    }
    complete(cue, op, &reply);
}

static struct cue_op *new_op(struct cue_storage *cue, int kind, trunk_op token) {
    struct cue_op *op = xcalloc(1, sizeof *op);
    op->kind = kind;
    op->op = token;
    cue->calls[kind]++;
    cue->pending++;
    if (cue->pending > cue->most_pending) {
        cue->most_pending = cue->pending;
    }
    return op;
}

static void take(struct cue_storage *cue, struct cue_op *op) {
    if (cue->is_held[op->kind]) {
        TAILQ_INSERT_TAIL(&cue->held, op, link);
    } else {
        perform(cue, op);
    }
}

/* The driver's table */

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    (void)params;
    (void)nparams;
    (void)error;
    return TRUNK_OK;
}

static int32_t open_cue(const struct trunk_host *host, const struct trunk_param *params,
                        size_t nparams, void **self, struct trunk_error *error) {
    struct cue_storage *cue = NULL;
    (void)nparams;
    (void)error;
    (void)sscanf(params[0].value, "%p", (void **)&cue);
    cue->host = host;
    *self = cue;
    return TRUNK_OK;
}

static void close_cue(void *self) {
    struct cue_storage *cue = self;
    struct cue_op *op;
    while ((op = TAILQ_FIRST(&cue->held)) != NULL) {
        struct trunk_reply reply = {.status = TRUNK_CANCELLED};
        TAILQ_REMOVE(&cue->held, op, link);
        complete(cue, op, &reply);
    }
}

static void ping(void *self, trunk_op token) {
    take(self, new_op(self, OP_PING, token));
}

static void load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op token) {
    struct cue_op *op = new_op(self, OP_LOAD, token);
    op->key = slice_strdup(key);
    op->ttl_ms = touch_ttl_ms;
    take(self, op);
}

static void put(void *self, const struct trunk_put *what, trunk_op token) {
    struct cue_op *op = new_op(self, OP_PUT, token);
    op->key = slice_strdup(what->key);
    op->value = slice_strdup(what->value);
    op->value_len = what->value.len;
    op->ttl_ms = what->ttl_ms;
    op->expect_version = what->expect_version;
    op->mode = what->mode;
    take(self, op);
}

static void touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op token) {
    struct cue_op *op = new_op(self, OP_TOUCH, token);
    op->key = slice_strdup(key);
    op->ttl_ms = ttl_ms;
    take(self, op);
}

static void remove_key(void *self, struct trunk_slice key, trunk_op token) {
    struct cue_op *op = new_op(self, OP_REMOVE, token);
    op->key = slice_strdup(key);
    take(self, op);
}

static void sweep(void *self, uint32_t limit, trunk_op token) {
    struct cue_op *op = new_op(self, OP_SWEEP, token);
    op->limit = limit;
    take(self, op);
}

static void scan(void *self, const struct trunk_scan *how, trunk_op token) {
    struct cue_op *op = new_op(self, OP_SCAN, token);
    op->key = slice_strdup(how->prefix);
    op->value = slice_strdup(how->cursor);
    op->limit = how->limit;
    take(self, op);
}

struct cue_storage *cue_storage_new(const struct host_env *env, uint32_t caps,
                                    uint32_t max_inflight) {
    return cue_storage_new_on(env, caps, max_inflight, NULL);
}

struct cue_storage *cue_storage_new_on(const struct host_env *env, uint32_t caps,
                                       uint32_t max_inflight, struct cue_records *records) {
    struct cue_storage *cue = xcalloc(1, sizeof *cue);
    cue->records = records != NULL ? records : &cue->own;
    struct param_list params = {.items = xcalloc(1, sizeof *params.items), .count = 1};
    TAILQ_INIT(&cue->held);
    cue->plugin = (struct plugin){.desc = {.kind = TRUNK_KIND_STORAGE, .name = "cue"},
                                  .ops.storage = {.struct_size = sizeof(struct trunk_storage_ops),
                                                  .caps = caps,
                                                  .max_inflight = max_inflight,
                                                  .check = check,
                                                  .open = open_cue,
                                                  .close = close_cue,
                                                  .ping = ping,
                                                  .load = load,
                                                  .put = put,
                                                  .touch = touch,
                                                  .remove = remove_key,
                                                  .sweep = sweep,
                                                  .scan = scan}};
    params.items[0] = (struct trunk_param){xstrdup("cue"), xasprintf("%p", (void *)cue)};
    cue->driver = driver_new(env, "storage", &cue->plugin, &params);
    if (driver_open(cue->driver, NULL) != TRUNK_OK) {
        abort();
    }
    return cue;
}

struct driver *cue_storage_driver(const struct cue_storage *cue) {
    return cue->driver;
}

void cue_storage_free(struct cue_storage *cue) {
    cue_records_clear(&cue->own);
    free(cue);
}

/* Cues */

static struct cue_op *find_held(const struct cue_storage *cue, const char *what) {
    int kind = find_kind(what);
    struct cue_op *op;
    TAILQ_FOREACH(op, &cue->held, link) {
        if (op->kind == kind) {
            break;
        }
    }
    return op;
}

static struct cue_op *take_held(struct cue_storage *cue, const char *what) {
    struct cue_op *op = find_held(cue, what);
    if (op == NULL) {
        (void)fprintf(stderr, "cue_storage: no %s is held\n", what);
        abort();
    }
    TAILQ_REMOVE(&cue->held, op, link);
    return op;
}

void cue_storage_hold(struct cue_storage *cue, const char *what) {
    cue->is_held[find_kind(what)] = true;
}

void cue_storage_let(struct cue_storage *cue, const char *what) {
    cue->is_held[find_kind(what)] = false;
    while (find_held(cue, what) != NULL) {
        cue_storage_release_next(cue, what);
    }
}

void cue_storage_let_all(struct cue_storage *cue) {
    cue->status = TRUNK_OK;
    for (size_t i = 0; i < OP_KINDS; i++) {
        cue_storage_let(cue, names[i]);
    }
}

size_t cue_storage_count_held(const struct cue_storage *cue, const char *what) {
    int kind = find_kind(what);
    size_t count = 0;
    const struct cue_op *op;
    TAILQ_FOREACH(op, &cue->held, link) {
        count += op->kind == kind ? 1 : 0;
    }
    return count;
}

const char *cue_storage_held_key(const struct cue_storage *cue, const char *what) {
    const struct cue_op *op = find_held(cue, what);
    return op != NULL ? op->key : NULL;
}

void cue_storage_release_next(struct cue_storage *cue, const char *what) {
    perform(cue, take_held(cue, what));
}

static void answer(struct cue_storage *cue, struct cue_op *op, int32_t status, bool is_applied) {
    struct trunk_reply reply = {0};
    if (is_applied) {
        apply(cue, op, &reply);
    }
    reply = (struct trunk_reply){.status = status};
    complete(cue, op, &reply);
}

void cue_storage_answer_next(struct cue_storage *cue, const char *what, int32_t status,
                             bool is_applied) {
    answer(cue, take_held(cue, what), status, is_applied);
}

void cue_storage_hold_all(struct cue_storage *cue) {
    for (size_t i = 0; i < OP_KINDS; i++) {
        cue->is_held[i] = true;
    }
}

size_t cue_storage_count_waiting(const struct cue_storage *cue) {
    size_t count = 0;
    const struct cue_op *op;
    TAILQ_FOREACH(op, &cue->held, link) {
        count++;
    }
    return count;
}

static struct cue_op *find_waiting(const struct cue_storage *cue, size_t at) {
    struct cue_op *op = TAILQ_FIRST(&cue->held);
    while (at-- > 0) {
        op = TAILQ_NEXT(op, link);
    }
    return op;
}

const char *cue_storage_waiting_what(const struct cue_storage *cue, size_t at) {
    return names[find_waiting(cue, at)->kind];
}

const char *cue_storage_waiting_key(const struct cue_storage *cue, size_t at) {
    const struct cue_op *op = find_waiting(cue, at);
    return op->kind != OP_SCAN ? op->key : NULL;
}

void cue_storage_release_at(struct cue_storage *cue, size_t at) {
    struct cue_op *op = find_waiting(cue, at);
    TAILQ_REMOVE(&cue->held, op, link);
    perform(cue, op);
}

void cue_storage_answer_at(struct cue_storage *cue, size_t at, int32_t status, bool is_applied) {
    struct cue_op *op = find_waiting(cue, at);
    TAILQ_REMOVE(&cue->held, op, link);
    answer(cue, op, status, is_applied);
}

void cue_storage_set_status(struct cue_storage *cue, int32_t status) {
    cue->status = status;
}

void cue_storage_on_done(struct cue_storage *cue, cue_done_fn done, void *ctx) {
    cue->done = done;
    cue->done_ctx = ctx;
}

size_t cue_storage_count_calls(const struct cue_storage *cue, const char *what) {
    return cue->calls[find_kind(what)];
}

size_t cue_storage_most_pending(const struct cue_storage *cue) {
    return cue->most_pending;
}

size_t cue_storage_count_records(const struct cue_storage *cue) {
    return cue->records->count;
}

const struct cue_record *cue_storage_find(const struct cue_storage *cue, const char *key) {
    return cue_records_find(cue->records, key);
}

void cue_storage_write(struct cue_storage *cue, const char *key, struct trunk_slice value) {
    const struct cue_record *record = cue_records_find(cue->records, key);
    (void)cue_records_write(cue->records, key, value, record != NULL ? record->expires_ms : 0);
}

void cue_storage_expire(struct cue_storage *cue, const char *key) {
    struct cue_record *record = cue_records_find(cue->records, key);
    if (record != NULL) {
        cue_records_set_life(cue->records, record, now_ms(cue));
    }
}

void cue_storage_drop(struct cue_storage *cue, const char *key) {
    struct cue_record *record = cue_records_find(cue->records, key);
    if (record != NULL) {
        cue_records_delete(cue->records, record);
    }
}
