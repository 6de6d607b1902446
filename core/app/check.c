/* SPDX-License-Identifier: MIT
 * check.c - `trunkd check`: tells what a config would do. */
#include "app/check.h"

#include <string.h>

/* Tools of the backend with the shorter prefix may be left out (list_merge). */
static void warn_of_prefixes(const struct config *config, FILE *out) {
    const struct naming *naming = &config->session.naming;
    for (size_t i = 0; i < config->nbackends; i++) {
        struct buffer shorter = {0};
        names_append_prefix(&shorter, naming, config->backends[i].name);
        for (size_t j = 0; j < config->nbackends; j++) {
            struct buffer longer = {0};
            names_append_prefix(&longer, naming, config->backends[j].name);
            if (!config->backends[i].is_disabled && !config->backends[j].is_disabled &&
                shorter.len < longer.len && memcmp(shorter.data, longer.data, shorter.len) == 0) {
                (void)fprintf(out,
                              "warning: %s: mcpServers.%s: tools whose names begin with \"%s\" "
                              "belong to %s, others of that name are left out\n",
                              config->file, config->backends[i].name, buffer_cstr(&longer),
                              config->backends[j].name);
            }
            buffer_free(&longer);
        }
        buffer_free(&shorter);
    }
}

void check_print(const struct config *config, FILE *out) {
    size_t ndisabled = 0;
    for (size_t i = 0; i < config->nbackends; i++) {
        ndisabled += config->backends[i].is_disabled ? 1 : 0;
    }
    if (config->nbackends == ndisabled) {
        (void)fprintf(out, "warning: %s: mcpServers: no backend is %s; clients will see no tools\n",
                      config->file, ndisabled == 0 ? "configured" : "enabled");
    }
    if (config_lets_strangers_in(config)) {
        (void)fprintf(out,
                      "warning: %s: auth.anonymous: not said, so clients of other hosts come in "
                      "without a token; write true or false\n",
                      config->file);
    }
    if (config->session.naming.strategy != NAMING_PRIORITY) {
        warn_of_prefixes(config, out);
    }
    (void)fprintf(out, "OK: %zu backend%s", config->nbackends, config->nbackends == 1 ? "" : "s");
    if (ndisabled > 0) {
        (void)fprintf(out, " (%zu disabled)", ndisabled);
    }
    bool is_v6 = strchr(config->listen.address, ':') != NULL;
    (void)fprintf(out, ", storage %s, listen http://%s%s%s:%u%s\n",
                  config->storage.plugin->desc.name, is_v6 ? "[" : "", config->listen.address,
                  is_v6 ? "]" : "", (unsigned)config->listen.port, config->listen.path);
}
