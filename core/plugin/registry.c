/* SPDX-License-Identifier: MIT
 * registry.c - the life of a driver: check, open, close (ABI rule 11). */
#include "plugin/registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"

#define PARALLEL_THREADS 4

/* One call of the driver, on the thread that its capabilities ask for. */
struct driver_call {
    struct driver *driver;
    int32_t status;
    struct trunk_error error;
};

static bool is_storage(const struct plugin *plugin) {
    return plugin->desc.kind == TRUNK_KIND_STORAGE;
}

static size_t count_threads(const struct plugin *plugin) {
    uint32_t caps = is_storage(plugin) ? plugin->ops.storage.caps : 0;
    if (!(caps & TRUNK_CAP_BLOCKING)) {
        return 0;
    }
    return (caps & TRUNK_CAP_PARALLEL) ? PARALLEL_THREADS : 1;
}

struct driver *driver_new(const struct host_env *env, const char *name, const struct plugin *plugin,
                          struct param_list *params) {
    struct driver *driver = xcalloc(1, sizeof *driver);
    size_t threads = count_threads(plugin);
    char *host_name = xasprintf("%s %s", plugin_kind_name(plugin->desc.kind),
                                is_storage(plugin) ? plugin->desc.name : name);
    driver->name = xstrdup(name);
    driver->plugin = plugin;
    driver->params = *params;
    *params = (struct param_list){0};
    driver->env = *env;
    driver->host = host_new(env, host_name);
    if (threads > 0) {
        driver->workers = worker_pool_new(threads, host_name);
    }
    free(host_name);
    return driver;
}

static void call_driver(struct driver *driver, void (*fn)(void *arg), struct driver_call *call) {
    call->driver = driver;
    if (driver->workers != NULL) {
        worker_pool_call(driver->workers, fn, call);
    } else {
        fn(call);
    }
}

/* Trusts no driver to have filled its error, or ended its strings. */
static int32_t finish_error(int32_t status, const struct trunk_error *theirs,
                            struct trunk_error *error) {
    if (status == TRUNK_OK) {
        return TRUNK_OK;
    }
    if (status < TRUNK_OK || status > TRUNK_INTERNAL) {
        return error_set(error, TRUNK_INTERNAL, "",
                         "the driver gave status %d, which is none; it is broken", (int)status);
    }
    if (theirs->text[0] == '\0') {
        return error_set(error, status, "", "the driver gave no reason for its %s",
                         status_name(status));
    }
    char key[sizeof theirs->key + 1] = {0};
    memcpy(key, theirs->key, sizeof theirs->key);
    return error_set(error, status, key, "%.*s", (int)sizeof theirs->text, theirs->text);
}

static void run_check(void *arg) {
    struct driver_call *call = arg;
    const struct driver *driver = call->driver;
    const struct plugin *plugin = driver->plugin;
    call->status = (is_storage(plugin) ? plugin->ops.storage.check : plugin->ops.factory.check)(
        driver->params.items, driver->params.count, &call->error);
}

int32_t driver_check(struct driver *driver, struct trunk_error *error) {
    struct driver_call call = {0};
    call_driver(driver, run_check, &call);
    return finish_error(call.status, &call.error, error);
}

int32_t driver_check_backend(const struct plugin *plugin, const struct param_list *params,
                             struct trunk_error *error) {
    struct trunk_error theirs = {0};
    if (is_storage(plugin) || plugin->ops.factory.check_backend == NULL) {
        return TRUNK_OK;
    }
    int32_t status = plugin->ops.factory.check_backend(params->items, params->count, &theirs);
    return finish_error(status, &theirs, error);
}

static void run_open(void *arg) {
    struct driver_call *call = arg;
    struct driver *driver = call->driver;
    const struct plugin *plugin = driver->plugin;
    void *self = NULL;
    call->status = (is_storage(plugin) ? plugin->ops.storage.open : plugin->ops.factory.open)(
        host_table(driver->host), driver->params.items, driver->params.count, &self, &call->error);
    driver->self = call->status == TRUNK_OK ? self : NULL;
}

int32_t driver_open(struct driver *driver, struct trunk_error *error) {
    struct driver_call call = {0};
    assert(driver->self == NULL);
    call_driver(driver, run_open, &call);
    if (call.status == TRUNK_OK && driver->self == NULL) {
        return error_set(error, TRUNK_INTERNAL, "",
                         "the driver's open said OK, but gave no instance; it is broken");
    }
    return finish_error(call.status, &call.error, error);
}

static void run_close(void *arg) {
    struct driver_call *call = arg;
    struct driver *driver = call->driver;
    const struct plugin *plugin = driver->plugin;
    (is_storage(plugin) ? plugin->ops.storage.close : plugin->ops.factory.close)(driver->self);
    driver->self = NULL;
}

/* The calls under way on other threads end first: close runs alone. */
static void drain_workers(struct driver *driver) {
    if (count_threads(driver->plugin) > 1) {
        worker_pool_free(driver->workers);
        driver->workers = worker_pool_new(1, host_name(driver->host));
    }
}

void driver_free(struct driver *driver) {
    struct driver_call call = {0};
    if (driver == NULL) {
        return;
    }
    if (driver->self != NULL) {
        drain_workers(driver);
        call_driver(driver, run_close, &call);
    }
    worker_pool_free(driver->workers);
    (void)op_cancel_left(driver->env.ops, driver->host, host_name(driver->host));
    host_free(driver->host);
    params_free(&driver->params);
    free(driver->name);
    free(driver);
}
