/* SPDX-License-Identifier: MIT
 * rig.c - the driver is opened as kit_store.h does, but for the pings. */
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

int rig_setup(void **state) {
    struct rig *rig = calloc(1, sizeof *rig);
    if (rig == NULL || !redis_server_init(&rig->server, true)) {
        return -1;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* as every host does */
    *state = rig;
    return 0;
}

void rig_close(struct rig *rig) {
    if (rig->store != NULL) {
        size_t nfaults = kit_store_close(rig->store);
        rig->store = NULL;
        kit_driver_free(&rig->driver);
        assert_int_equal(nfaults, 0);
    }
}

int rig_teardown(void **state) {
    struct rig *rig = *state;
    redis_server_end(&rig->server);
    rig_close(rig);
    free(rig);
    return 0;
}

void rig_start(struct rig *rig, const char *const *args) {
    assert_true(redis_server_start(&rig->server, args));
}

int32_t rig_open_with(struct rig *rig, const char *const *pairs, struct trunk_error *out_error) {
    size_t npairs = 0;
    while (pairs[npairs] != NULL) {
        npairs++;
    }
    *out_error = (struct trunk_error){0};
    assert_true(kit_driver_load(&rig->driver, TEST_DRIVER, (char *const *)pairs, npairs));
    const struct kit_driver *driver = &rig->driver;
    struct kit_store *store = calloc(1, sizeof *store);
    assert_non_null(store);
    store->driver = driver;
    store->host = kit_host_new();
    int32_t status = driver->ops.check(driver->params, driver->nparams, out_error);
    if (status == TRUNK_OK) {
        status = driver->ops.open(kit_host_table(store->host), driver->params, driver->nparams,
                                  &store->self, out_error);
    }
    if (status == TRUNK_OK) {
        rig->store = store;
    } else {
        assert_int_equal(out_error->status, status);
        kit_host_free(store->host);
        free(store);
        kit_driver_free(&rig->driver);
    }
    return status;
}

void rig_open(struct rig *rig, const char *const *pairs) {
    char socket[PAIR_BYTES];
    const char *all[MOST_PAIRS + 2] = {socket};
    struct trunk_error error;
    (void)snprintf(socket, sizeof socket, "socket=%s", rig->server.socket);
    for (size_t i = 0; pairs != NULL && pairs[i] != NULL; i++) {
        assert_in_range(i, 0, MOST_PAIRS - 1);
        all[i + 1] = pairs[i];
    }
    assert_int_equal(rig_open_with(rig, all, &error), TRUNK_OK);
}

void rig_wait_until_ready(struct rig *rig) {
    for (int i = 0; kit_ping(rig->store)->status != TRUNK_OK; i++) {
        assert_in_range(i, 0, 2000);
        kit_host_run(rig->store->host, 5);
    }
}

void rig_start_and_open(struct rig *rig) {
    rig_start(rig, NULL);
    rig_open(rig, NULL);
    rig_wait_until_ready(rig);
}

void rig_fill(struct rig *rig, unsigned count) {
    redisReply *reply =
        redisCommand(rig->server.admin, "EVAL %s 0 %u",
                     "for i = 1, ARGV[1] do redis.call('SET', 'other:' .. i, 'theirs') end", count);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
}

static struct trunk_slice copy_key(const char *key) {
    char *copy = strdup(key);
    assert_non_null(copy);
    return (struct trunk_slice){copy, strlen(key)};
}

trunk_op rig_begin_load(struct rig *rig, const char *key) {
    struct kit_store *store = rig->store;
    struct trunk_slice copy = copy_key(key);
    void *inputs[] = {(void *)copy.data};
    trunk_op op = kit_host_begin(store->host, "load", false, inputs, 1);
    store->driver->ops.load(store->self, copy, 1000, op);
    return op;
}

trunk_op rig_begin_touch(struct rig *rig, const char *key) {
    struct kit_store *store = rig->store;
    struct trunk_slice copy = copy_key(key);
    void *inputs[] = {(void *)copy.data};
    trunk_op op = kit_host_begin(store->host, "touch", false, inputs, 1);
    store->driver->ops.touch(store->self, copy, 1000, op);
    return op;
}

trunk_op rig_begin_remove(struct rig *rig, const char *key) {
    struct kit_store *store = rig->store;
    struct trunk_slice copy = copy_key(key);
    void *inputs[] = {(void *)copy.data};
    trunk_op op = kit_host_begin(store->host, "remove", false, inputs, 1);
    store->driver->ops.remove(store->self, copy, op);
    return op;
}

trunk_op rig_begin_sweep(struct rig *rig) {
    struct kit_store *store = rig->store;
    trunk_op op = kit_host_begin(store->host, "sweep", true, NULL, 0);
    store->driver->ops.sweep(store->self, 10, op);
    return op;
}

trunk_op rig_begin_put_bytes(struct rig *rig, const char *key, size_t len) {
    struct kit_store *store = rig->store;
    struct trunk_put *put = calloc(1, sizeof *put);
    char *value = malloc(len + 1);
    assert_non_null(put);
    assert_non_null(value);
    memset(value, 'v', len);
    *put = (struct trunk_put){.struct_size = sizeof *put,
                              .mode = TRUNK_PUT_UPSERT,
                              .key = copy_key(key),
                              .value = {value, len}};
    void *inputs[] = {put, (void *)put->key.data, value};
    trunk_op op = kit_host_begin(store->host, "put", false, inputs, 3);
    store->driver->ops.put(store->self, put, op);
    return op;
}

void rig_let_write(struct rig *rig) {
    kit_host_run(rig->store->host, 100);
}

void assert_told(const struct kit_result *result, int32_t status, const char *text) {
    const char *message = result->message != NULL ? result->message : "";
    if (result->status != status || strstr(message, text) == NULL) {
        fail_msg("status %d with \"%s\", but wanted %d with \"%s\" in it", result->status, message,
                 status, text);
    }
}

void assert_asked(struct rig *rig, const char *command, const char *answer) {
    assert_string_equal(redis_server_ask(&rig->server, command), answer);
}
