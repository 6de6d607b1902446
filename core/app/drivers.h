/* SPDX-License-Identifier: MIT
 * drivers.h - the drivers of a config, opened: what serve and backends have in common. */
#ifndef TRUNKD_APP_DRIVERS_H
#define TRUNKD_APP_DRIVERS_H

#include "app/config.h"
#include "plugin/registry.h"
#include "session/backend_registry.h"

struct drivers {
    struct loop *loop;
    struct clock clock;
    struct host_env env;
    struct driver *storage;    /* NULL unless asked for */
    struct driver **factories; /* as in the config */
    size_t nfactories;
    struct backend_registry backends;
};
/* Opens the storage (with_storage) and every factory, fills the registry, and raises the limit of
 * descriptors. The parameters move from config. What cannot be opened is logged. TRUNK_OK or the
 * status; drivers_close and drivers_free are called in any case. */
int32_t drivers_open(struct drivers *drivers, struct config *config, struct log *log,
                     bool with_storage);
/* Nothing calls a driver any more. Delivers what they complete while they close. */
void drivers_close(struct drivers *drivers);
/* After drivers_close, and after all that hangs on the loop is freed. */
void drivers_free(struct drivers *drivers);

#endif
