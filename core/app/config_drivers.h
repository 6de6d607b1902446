/* SPDX-License-Identifier: MIT
 * config_drivers.h - the parts of the config that plugins read: storage, factories and backends, by
 * the specs of their drivers. */
#ifndef TRUNKD_APP_CONFIG_DRIVERS_H
#define TRUNKD_APP_CONFIG_DRIVERS_H

#include "app/config.h"
#include "app/config_schema.h"

/* Fills storage, factories and backends of config from root, by the plugins that config->loader
 * finds. With may_check the drivers' check functions are called for parameters that parsed well.
 * The objects hold what config_free frees, in any case. */
void config_drivers_read(struct config *config, const struct root_block *root, bool may_check,
                         struct problems *problems);

#endif
