/* SPDX-License-Identifier: MIT
 * check.c - `trunkd check`: tells what a config would do. */
#include "app/check.h"

#include <string.h>

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
    (void)fprintf(out, "OK: %zu backend%s", config->nbackends, config->nbackends == 1 ? "" : "s");
    if (ndisabled > 0) {
        (void)fprintf(out, " (%zu disabled)", ndisabled);
    }
    bool is_v6 = strchr(config->listen.address, ':') != NULL;
    (void)fprintf(out, ", storage %s, listen http://%s%s%s:%u%s\n",
                  config->storage.plugin->desc.name, is_v6 ? "[" : "", config->listen.address,
                  is_v6 ? "]" : "", (unsigned)config->listen.port, config->listen.path);
}
