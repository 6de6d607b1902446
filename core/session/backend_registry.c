/* SPDX-License-Identifier: MIT
 * backend_registry.c - the backends of the config, sorted by name. */
#include "session/backend_registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/alloc.h"

/* Also what a value is compared with after a restart: so the hash has no seed. Secrets are left
 * out: with a new token a backend's session goes on, and can be closed. */
static void hash_config(struct backend *backend) {
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL) {
        abort();
    }
    (void)XXH3_64bits_reset(state);
    (void)XXH3_64bits_update(state, backend->factory->name, strlen(backend->factory->name) + 1);
    for (size_t i = 0; i < backend->params.count; i++) {
        const struct trunk_param *param = &backend->params.items[i];
        if (!params_is_secret(backend->factory->plugin->desc.params, param->key)) {
            (void)XXH3_64bits_update(state, param->key, strlen(param->key) + 1);
            (void)XXH3_64bits_update(state, param->value, strlen(param->value) + 1);
        }
    }
    (void)snprintf(backend->config_hash, sizeof backend->config_hash, "%016" PRIx64,
                   (uint64_t)XXH3_64bits_digest(state));
    (void)XXH3_freeState(state);
}

void backend_registry_add(struct backend_registry *registry, const char *name,
                          struct driver *factory, struct param_list *params, bool is_disabled,
                          bool is_required, uint64_t timeout_ms, uint64_t max_timeout_ms) {
    struct backend *backend = xcalloc(1, sizeof *backend);
    size_t at = registry->count;
    backend->name = xstrdup(name);
    backend->factory = factory;
    backend->params = *params;
    *params = (struct param_list){0};
    backend->is_disabled = is_disabled;
    backend->is_required = is_required;
    backend->timeout_ms = timeout_ms;
    backend->max_timeout_ms = max_timeout_ms;
    hash_config(backend);
    registry->items = xrealloc(registry->items, (registry->count + 1) * sizeof(struct backend *));
    while (at > 0 && strcmp(registry->items[at - 1]->name, name) > 0) {
        registry->items[at] = registry->items[at - 1];
        at--;
    }
    registry->items[at] = backend;
    registry->count++;
}

const struct backend *backend_registry_find(const struct backend_registry *registry,
                                            const char *name) {
    for (size_t i = 0; i < registry->count; i++) {
        if (strcmp(registry->items[i]->name, name) == 0) {
            return registry->items[i];
        }
    }
    return NULL;
}

void backend_registry_clear(struct backend_registry *registry) {
    for (size_t i = 0; i < registry->count; i++) {
        free(registry->items[i]->name);
        params_free(&registry->items[i]->params);
        free(registry->items[i]);
    }
    free((void *)registry->items);
    *registry = (struct backend_registry){0};
}
