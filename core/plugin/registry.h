/* SPDX-License-Identifier: MIT
 * registry.h - drivers: plugins as configured. One instance per configured storage or factory. */
#ifndef TRUNKD_PLUGIN_REGISTRY_H
#define TRUNKD_PLUGIN_REGISTRY_H

#include "plugin/host.h"
#include "plugin/loader.h"
#include "plugin/params.h"
#include "loop/worker_pool.h"

struct driver {
    char *name; /* the key in the config: "storage", or the factory's name */
    const struct plugin *plugin;
    struct param_list params; /* the driver's own keys */
    struct host *host;
    struct worker_pool *workers; /* NULL unless TRUNK_CAP_BLOCKING: then check, open, close and all
                                    calls run there */
    struct host_env env;
    void *self; /* of open; NULL while not open */
};

/* Takes over params (leaves the caller's {0}). The driver is not opened. */
struct driver *driver_new(const struct host_env *env, const char *name, const struct plugin *plugin,
                          struct param_list *params);
/* Calls the driver's check with its params. This and the next two: when not OK, *error (may be
 * NULL) has a status and a text in any case. */
int32_t driver_check(struct driver *driver, struct trunk_error *error);
/* A factory's check_backend, OK where the driver has none. */
int32_t driver_check_backend(const struct plugin *plugin, const struct param_list *params,
                             struct trunk_error *error);
int32_t driver_open(struct driver *driver, struct trunk_error *error); /* not while open */
/* Closes if open, cancels what the driver left pending (named in the log), frees all. NULL is fine.
 * The loop delivers the completions of close, and those cancels, in its next turn. */
void driver_free(struct driver *driver);

#endif
