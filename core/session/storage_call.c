/* SPDX-License-Identifier: MIT
 * storage_call.c - from a call to the driver's function. */
#include "session/storage_call.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct call *storage_call_new(struct storage *storage, struct driver *driver, enum call_kind kind,
                              const char *key, storage_done_fn done, void *ctx) {
    struct call *call = xcalloc(1, sizeof *call);
    call->storage = storage;
    call->driver = driver;
    call->kind = kind;
    call->key = key != NULL ? xstrdup(key) : NULL;
    call->done = done;
    call->ctx = ctx;
    return call;
}

void storage_call_free(struct call *call) {
    free(call->key);
    free(call->bytes);
    free(call->prefix);
    free(call);
}

static const char *name_kind(enum call_kind kind) {
    static const char *const names[] = {"ping", "load", "put", "touch", "remove", "sweep", "scan"};
    return names[kind];
}

const char *storage_call_name(const struct call *call) {
    return name_kind(call->kind);
}

bool storage_call_reads(const struct call *call) {
    return call->kind == CALL_PING || call->kind == CALL_SCAN ||
           (call->kind == CALL_LOAD && call->ttl_ms == 0);
}

static void run_put(const struct call *call, struct trunk_slice key) {
    struct trunk_put put = {.struct_size = sizeof put,
                            .mode = call->mode,
                            .key = key,
                            .value = {call->bytes, call->bytes_len},
                            .ttl_ms = call->ttl_ms,
                            .expect_version = call->expect_version};
    call->driver->plugin->ops.storage.put(call->driver->self, &put, call->op);
}

static void run_scan(const struct call *call) {
    struct trunk_scan scan = {.struct_size = sizeof scan,
                              .prefix = {call->prefix, strlen(call->prefix)},
                              .cursor = {call->bytes, call->bytes_len},
                              .limit = call->limit,
                              .want_values = 1};
    call->driver->plugin->ops.storage.scan(call->driver->self, &scan, call->op);
}

void storage_call_run(const struct call *call) {
    const struct trunk_storage_ops *ops = &call->driver->plugin->ops.storage;
    void *self = call->driver->self;
    struct trunk_slice key = {call->key, call->key != NULL ? strlen(call->key) : 0};
    switch (call->kind) {
    case CALL_PING:
        ops->ping(self, call->op);
        break;
    case CALL_LOAD:
        ops->load(self, key, call->ttl_ms, call->op);
        break;
    case CALL_PUT:
        run_put(call, key);
        break;
    case CALL_TOUCH:
        ops->touch(self, key, call->ttl_ms, call->op);
        break;
    case CALL_REMOVE:
        ops->remove(self, key, call->op);
        break;
    case CALL_SWEEP:
        ops->sweep(self, call->limit, call->op);
        break;
    case CALL_SCAN:
        run_scan(call);
        break;
    }
}

void storage_call_run_blocking(struct call *call) {
    struct driver *driver = call->driver;
    trunk_op op = call->op; /* the call may be freed on the loop as soon as it is completed */
    enum call_kind kind = call->kind;
    storage_call_run(call);
    if (op_is_pending(driver->env.ops, op)) {
        struct trunk_reply reply = {.struct_size = sizeof reply,
                                    .status = TRUNK_UNCERTAIN,
                                    .message = "the driver returned without completing the call"};
        log_error(driver->env.log, "storage",
                  "a BLOCKING driver returned without completing the call op=%s driver=%s",
                  name_kind(kind), driver->name);
        const struct trunk_host *host = host_table(driver->host);
        host->complete(host->ctx, op, &reply);
    }
}
