/* SPDX-License-Identifier: MIT
 * backend_registry.h - the backends of the config: what a MultiSession is built from. */
#ifndef TRUNKD_SESSION_BACKEND_REGISTRY_H
#define TRUNKD_SESSION_BACKEND_REGISTRY_H

#include <stdbool.h>
#include "plugin/registry.h"

struct backend {
    char *name;
    struct driver *factory;   /* borrowed; outlives the registry */
    struct param_list params; /* for make */
    bool is_disabled;
    bool is_required;        /* its failure fails initialize */
    uint64_t timeout_ms;     /* of one request, restarted by its progress; 0: none */
    uint64_t max_timeout_ms; /* of one request, whatever its progress; 0: none */
    char config_hash[17];    /* 16 hex digits over factory and params but secrets, for the record;
                                NUL-terminated */
};

struct backend_registry {
    struct backend **items; /* sorted by name */
    size_t count;
};
/* Takes over params. The config has checked that names are unique. */
void backend_registry_add(struct backend_registry *registry, const char *name,
                          struct driver *factory, struct param_list *params, bool is_disabled,
                          bool is_required, uint64_t timeout_ms, uint64_t max_timeout_ms);
const struct backend *backend_registry_find(const struct backend_registry *registry,
                                            const char *name);
void backend_registry_clear(struct backend_registry *registry);

#endif
