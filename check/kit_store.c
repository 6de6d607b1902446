/* SPDX-License-Identifier: MIT
 * kit_store.c - each input is a block of its own from malloc, so that a sanitizer sees a driver
 * that reads past its end, or after the host has freed it. */
#include "kit_store.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit_fail.h"

static const uint64_t LIMIT_MS = 10000;
/* A call of a driver that is not BLOCKING returns at once; this leaves room for sanitizers and busy
 * machines. */
static const uint64_t AT_ONCE_MS = 2000;

static void *copy_bytes(const void *data, size_t len) {
    void *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL) {
        abort();
    }
    if (len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

static struct trunk_slice copy_slice(struct trunk_slice slice) {
    return (struct trunk_slice){copy_bytes(slice.data, slice.len), slice.len};
}

static struct trunk_slice copy_text(const char *text) {
    return copy_slice((struct trunk_slice){text, strlen(text)});
}

static uint64_t mono_ms(const struct kit_store *store) {
    const struct trunk_host *table = kit_host_table(store->host);
    return table->mono_ms(table->ctx);
}

/* What rules 5 and 6 say of a call that has just returned. */
static void check_returned(struct kit_store *store, trunk_op op, uint64_t began_ms) {
    if (kit_driver_has(store->driver, TRUNK_CAP_BLOCKING)) {
        if (!kit_host_is_done(store->host, op)) {
            kit_host_fault(store->host,
                           "host.h, complete: With TRUNK_CAP_BLOCKING before the call returns.",
                           "a BLOCKING call has returned before it completed");
        }
    } else if (mono_ms(store) - began_ms > AT_ONCE_MS) {
        kit_host_fault(store->host,
                       "storage.h, THREADS: Without TRUNK_CAP_BLOCKING all calls come on the loop "
                       "thread and must return at once",
                       "a call did not return at once, and is not BLOCKING");
    }
}

const struct kit_result *kit_wait(struct kit_store *store, trunk_op op) {
    const struct kit_result *result = kit_host_wait(store->host, op, LIMIT_MS);
    if (result == NULL) {
        kit_host_fault(store->host,
                       "host.h, complete: Exactly once for each op (rule 5), inside the call or "
                       "later, also when nobody waits any more.",
                       "a call was not completed in time");
        KIT_FAIL("a call was not completed within %d s", (int)(LIMIT_MS / 1000));
    }
    return result;
}

/* Makes one call, `call` with the token `op`, and checks what it may be checked for. */
#define KIT_CALL(store_, op_, call_)                                                               \
    do {                                                                                           \
        uint64_t began_ms_ = mono_ms(store_);                                                      \
        call_;                                                                                     \
        check_returned((store_), (op_), began_ms_);                                                \
    } while (0)

const struct kit_result *kit_ping(struct kit_store *store) {
    trunk_op op = kit_host_begin(store->host, "ping", false, NULL, 0);
    KIT_CALL(store, op, store->driver->ops.ping(store->self, op));
    return kit_wait(store, op);
}

const struct kit_result *kit_load(struct kit_store *store, const char *key, uint64_t touch_ttl_ms) {
    struct trunk_slice copy = copy_text(key);
    void *inputs[] = {(void *)copy.data};
    trunk_op op = kit_host_begin(store->host, "load", false, inputs, 1);
    KIT_CALL(store, op, store->driver->ops.load(store->self, copy, touch_ttl_ms, op));
    return kit_wait(store, op);
}

static trunk_op begin_put(struct kit_store *store, const struct trunk_put *put) {
    struct trunk_put *copy = copy_bytes(put, sizeof *put);
    copy->key = copy_slice(put->key);
    copy->value = copy_slice(put->value);
    void *inputs[] = {copy, (void *)copy->key.data, (void *)copy->value.data};
    trunk_op op = kit_host_begin(store->host, "put", false, inputs, 3);
    KIT_CALL(store, op, store->driver->ops.put(store->self, copy, op));
    return op;
}

static struct trunk_put make_put(uint32_t mode, const char *key, struct trunk_slice value,
                                 uint64_t ttl_ms) {
    return (struct trunk_put){.struct_size = sizeof(struct trunk_put),
                              .mode = mode,
                              .key = {key, strlen(key)},
                              .value = value,
                              .ttl_ms = ttl_ms};
}

trunk_op kit_begin_put(struct kit_store *store, const char *key, const char *value,
                       uint64_t ttl_ms) {
    struct trunk_put put =
        make_put(TRUNK_PUT_UPSERT, key, (struct trunk_slice){value, strlen(value)}, ttl_ms);
    return begin_put(store, &put);
}

const struct kit_result *kit_put_bytes(struct kit_store *store, uint32_t mode, const char *key,
                                       struct trunk_slice value, uint64_t ttl_ms) {
    struct trunk_put put = make_put(mode, key, value, ttl_ms);
    return kit_wait(store, begin_put(store, &put));
}

const struct kit_result *kit_put(struct kit_store *store, uint32_t mode, const char *key,
                                 const char *value, uint64_t ttl_ms) {
    return kit_put_bytes(store, mode, key, (struct trunk_slice){value, strlen(value)}, ttl_ms);
}

const struct kit_result *kit_cas(struct kit_store *store, const char *key, const char *value,
                                 uint64_t ttl_ms, uint64_t expect_version) {
    struct trunk_put put =
        make_put(TRUNK_PUT_CAS, key, (struct trunk_slice){value, strlen(value)}, ttl_ms);
    put.expect_version = expect_version;
    return kit_wait(store, begin_put(store, &put));
}

const struct kit_result *kit_touch(struct kit_store *store, const char *key, uint64_t ttl_ms) {
    struct trunk_slice copy = copy_text(key);
    void *inputs[] = {(void *)copy.data};
    trunk_op op = kit_host_begin(store->host, "touch", false, inputs, 1);
    KIT_CALL(store, op, store->driver->ops.touch(store->self, copy, ttl_ms, op));
    return kit_wait(store, op);
}

const struct kit_result *kit_remove(struct kit_store *store, const char *key) {
    struct trunk_slice copy = copy_text(key);
    void *inputs[] = {(void *)copy.data};
    trunk_op op = kit_host_begin(store->host, "remove", false, inputs, 1);
    KIT_CALL(store, op, store->driver->ops.remove(store->self, copy, op));
    return kit_wait(store, op);
}

const struct kit_result *kit_sweep(struct kit_store *store, uint32_t limit) {
    trunk_op op = kit_host_begin(store->host, "sweep", true, NULL, 0);
    KIT_CALL(store, op, store->driver->ops.sweep(store->self, limit, op));
    return kit_wait(store, op);
}

const struct kit_result *kit_scan(struct kit_store *store, const char *prefix,
                                  struct trunk_slice cursor, uint32_t limit, uint32_t want_values) {
    struct trunk_scan scan = {.struct_size = sizeof scan,
                              .prefix = copy_text(prefix),
                              .cursor = copy_slice(cursor),
                              .limit = limit,
                              .want_values = want_values};
    struct trunk_scan *copy = copy_bytes(&scan, sizeof scan);
    void *inputs[] = {copy, (void *)scan.prefix.data, (void *)scan.cursor.data};
    trunk_op op = kit_host_begin(store->host, "scan", true, inputs, 3);
    KIT_CALL(store, op, store->driver->ops.scan(store->self, copy, op));
    return kit_wait(store, op);
}

const struct kit_result *kit_log_append(struct kit_store *store, const char *key, uint64_t seq,
                                        const char *value) {
    struct trunk_entry entry = {
        .struct_size = sizeof entry, .key = copy_text(key), .seq = seq, .value = copy_text(value)};
    struct trunk_entry *copy = copy_bytes(&entry, sizeof entry);
    void *inputs[] = {copy, (void *)entry.key.data, (void *)entry.value.data};
    trunk_op op = kit_host_begin(store->host, "log_append", false, inputs, 3);
    KIT_CALL(store, op, store->driver->ops.log_append(store->self, copy, op));
    return kit_wait(store, op);
}

const struct kit_result *kit_log_read(struct kit_store *store, const char *key, uint64_t after_seq,
                                      uint32_t limit) {
    struct trunk_slice copy = copy_text(key);
    void *inputs[] = {(void *)copy.data};
    trunk_op op = kit_host_begin(store->host, "log_read", true, inputs, 1);
    KIT_CALL(store, op, store->driver->ops.log_read(store->self, copy, after_seq, limit, op));
    return kit_wait(store, op);
}

const struct kit_result *kit_log_trim(struct kit_store *store, const char *key, uint64_t upto_seq) {
    struct trunk_slice copy = copy_text(key);
    void *inputs[] = {(void *)copy.data};
    trunk_op op = kit_host_begin(store->host, "log_trim", false, inputs, 1);
    KIT_CALL(store, op, store->driver->ops.log_trim(store->self, copy, upto_seq, op));
    return kit_wait(store, op);
}

void kit_advance(struct kit_store *store, uint64_t ms) {
    kit_host_advance(store->host, ms);
}

uint64_t kit_now_ms(struct kit_store *store) {
    return kit_host_wall_ms(store->host);
}

/* Pings until OK, for LIMIT_MS. Not by kit_ping, which fails a case: there may be none that runs.
 */
static bool wait_until_ready(struct kit_store *store) {
    uint64_t end_ms = mono_ms(store) + LIMIT_MS;
    do {
        trunk_op op = kit_host_begin(store->host, "ping", false, NULL, 0);
        store->driver->ops.ping(store->self, op);
        const struct kit_result *result = kit_host_wait(store->host, op, LIMIT_MS);
        if (result != NULL && result->status == TRUNK_OK) {
            return true;
        }
        kit_host_run(store->host, 50);
    } while (mono_ms(store) < end_ms);
    (void)fputs("ping does not say OK\n", stderr);
    return false;
}

/* Takes over the host. */
static struct kit_store *open_store(const struct kit_driver *driver, struct kit_host *host) {
    struct kit_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        abort();
    }
    struct trunk_error error = {.status = TRUNK_OK};
    store->driver = driver;
    store->host = host;
    int32_t status = driver->ops.check(driver->params, driver->nparams, &error);
    if (status == TRUNK_OK) {
        status = driver->ops.open(kit_host_table(store->host), driver->params, driver->nparams,
                                  &store->self, &error);
    }
    if (status != TRUNK_OK) {
        (void)fprintf(stderr, "check or open: status %d, key \"%s\": %s\n", status, error.key,
                      error.text);
        kit_host_free(store->host);
        free(store);
        return NULL;
    }
    if (!wait_until_ready(store)) {
        (void)kit_store_close(store);
        return NULL;
    }
    return store;
}

struct kit_store *kit_store_open(const struct kit_driver *driver) {
    return open_store(driver, kit_host_new());
}

struct kit_store *kit_store_open_at(const struct kit_driver *driver, uint64_t wall_ms) {
    struct kit_host *host = kit_host_new();
    kit_host_advance(host, wall_ms - kit_host_wall_ms(host));
    return open_store(driver, host);
}

size_t kit_store_close(struct kit_store *store) {
    return kit_store_close_and_wait(store, 0);
}

size_t kit_store_close_and_wait(struct kit_store *store, unsigned wait_ms) {
    store->driver->ops.close(store->self);
    (void)poll(NULL, 0, (int)wait_ms);
    if (kit_host_count_pending(store->host) > 0) {
        kit_host_fault(store->host,
                       "storage.h, close: Completes every op still pending with CANCELLED before "
                       "it returns",
                       "an op is pending after close");
    }
    kit_host_end(store->host);
    size_t nfaults = kit_host_count_faults(store->host);
    kit_host_free(store->host);
    free(store);
    return nfaults;
}

bool kit_store_empty(struct kit_store *store) {
    const struct kit_result *page = NULL;
    struct trunk_slice cursor = {NULL, 0};
    do {
        page = kit_scan(store, "", cursor, 1000, 0);
        for (size_t i = 0; i < page->nitems; i++) {
            struct trunk_slice key = page->items[i].key;
            char *text = strndup(key.data, key.len);
            (void)kit_remove(store, text);
            free(text);
        }
        cursor = page->value;
    } while (page->status == TRUNK_OK && cursor.len > 0);
    while (page->status == TRUNK_OK && page->nitems > 0) {
        page = kit_sweep(store, 1000);
    }
    if (page->status != TRUNK_OK) {
        (void)fprintf(stderr, "the store cannot be emptied: %s\n",
                      page->message != NULL ? page->message : "no message");
    }
    return page->status == TRUNK_OK;
}

bool kit_slice_is(struct trunk_slice slice, const char *text) {
    return slice.len == strlen(text) && memcmp(slice.data, text, slice.len) == 0;
}

const struct kit_item *kit_find_item(const struct kit_result *result, const char *key) {
    for (size_t i = 0; i < result->nitems; i++) {
        if (kit_slice_is(result->items[i].key, key)) {
            return &result->items[i];
        }
    }
    return NULL;
}
