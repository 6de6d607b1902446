/* SPDX-License-Identifier: MIT
 * drivers.c - opening and closing the drivers of a config. */
#include "app/drivers.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/descriptors.h"
#include "base/status.h"

static int32_t open_driver(struct drivers *drivers, struct config_driver *configured,
                           const char *kind, struct log *log, struct driver **out) {
    struct trunk_error error = {0};
    *out = driver_new(&drivers->env, configured->name, configured->plugin, &configured->params);
    int32_t status = driver_open(*out, &error);
    if (status != TRUNK_OK) {
        log_error(log, "app", "the %s driver \"%s\" could not be opened: %s%s%s", kind,
                  configured->plugin->desc.name, error.key, error.key[0] != '\0' ? ": " : "",
                  error.text[0] != '\0' ? error.text : status_name(status));
    }
    return status;
}

int32_t drivers_open(struct drivers *drivers, struct config *config, struct log *log,
                     bool with_storage) {
    *drivers = (struct drivers){.loop = loop_new()};
    clock_init(&drivers->clock);
    drivers->env = (struct host_env){.loop = drivers->loop,
                                     .log = log,
                                     .clock = &drivers->clock,
                                     .ops = op_table_new(drivers->loop, log)};
    drivers->factories = xcalloc(config->nfactories, sizeof(struct driver *));
    if (with_storage) {
        int32_t status = open_driver(drivers, &config->storage, "storage", log, &drivers->storage);
        if (status != TRUNK_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < config->nfactories; i++) {
        drivers->nfactories++;
        int32_t status =
            open_driver(drivers, &config->factories[i], "factory", log, &drivers->factories[i]);
        if (status != TRUNK_OK) {
            return status;
        }
    }
    /* Only now: a driver that starts programs gives them the limit that it found. */
    log_debug(log, "app", "descriptors limit=%llu", (unsigned long long)descriptors_raise_limit());
    for (size_t i = 0; i < config->nbackends; i++) {
        struct config_backend *backend = &config->backends[i];
        backend_registry_add(&drivers->backends, backend->name,
                             drivers->factories[backend->factory], &backend->params,
                             backend->is_disabled, backend->is_required, backend->timeout_ms,
                             backend->max_timeout_ms);
    }
    return TRUNK_OK;
}

void drivers_close(struct drivers *drivers) {
    for (size_t i = 0; i < drivers->nfactories; i++) {
        driver_free(drivers->factories[i]);
    }
    driver_free(drivers->storage);
    loop_turn(drivers->loop, false); /* what was completed on the way out */
}

void drivers_free(struct drivers *drivers) {
    free((void *)drivers->factories);
    backend_registry_clear(&drivers->backends);
    op_table_free(drivers->env.ops);
    loop_free(drivers->loop);
}
