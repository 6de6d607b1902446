/* SPDX-License-Identifier: MIT
 * config_aggregation.h - the `aggregation` block: the names under which clients see what backends
 * have. */
#ifndef TRUNKD_APP_CONFIG_AGGREGATION_H
#define TRUNKD_APP_CONFIG_AGGREGATION_H

#include <json-c/json_object.h>

#include "app/config.h"

/* After the backends were read. Fills config->aggregation, and session.naming and page_size. */
void config_aggregation_read(struct config *config, struct json_object *object,
                             struct problems *problems);

#endif
