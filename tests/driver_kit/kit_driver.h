/* SPDX-License-Identifier: MIT
 * kit_driver.h - a storage driver as loaded from its file, with the parameters to open it with. */
#ifndef TRUNK_KIT_DRIVER_H
#define TRUNK_KIT_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include <trunk/plugin.h>

struct kit_driver {
    const struct trunk_plugin *plugin;
    struct trunk_storage_ops ops; /* zero where the driver's table is shorter */
    struct trunk_param *params;
    size_t nparams;
};

/* Loads the file, never to unload it, and checks its descriptor. pairs: npairs of "KEY=VALUE". Says
 * on stderr why it failed. */
bool kit_driver_load(struct kit_driver *out_driver, const char *path, char *const *pairs,
                     size_t npairs);
/* Frees the parameters. */
void kit_driver_free(struct kit_driver *driver);
/* Has the driver all of these capability bits? */
bool kit_driver_has(const struct kit_driver *driver, uint32_t caps);

#endif
