/* SPDX-License-Identifier: MIT
 * kit_driver.h - a driver as loaded from its file, with the parameters to open it with: by the same
 * rules as trunkd loads it. */
#ifndef TRUNK_KIT_DRIVER_H
#define TRUNK_KIT_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include <trunk/plugin.h>

#include "plugin/params.h"

struct loader;

struct kit_driver {
    const struct trunk_plugin *plugin; /* a copy; zero where the driver's is shorter */
    struct trunk_storage_ops ops;      /* of a storage driver; likewise */
    struct trunk_factory_ops factory;  /* of a factory; likewise */
    const struct trunk_param *params;  /* the driver's own */
    size_t nparams;
    struct param_list own;     /* what params points to, when kit_driver_load has made it */
    struct param_list backend; /* of a factory: the keys of a backend */
    bool has_http_peer;        /* the key "url" is that of kit_peer */
    struct loader *loader;
};

/* An MCP server for a factory's legs; NULL: none over that transport. */
struct kit_peer {
    const char *command;
    const char *url;
};

/* Loads the file, never to unload it. pairs: npairs of "KEY=VALUE", as in a configuration; of a
 * factory those of a backend too. Says on stderr why it failed. */
bool kit_driver_load(struct kit_driver *out_driver, const char *path, char *const *pairs,
                     size_t npairs);
/* Likewise; a factory whose backends have the key "command" gets, unless a pair has it, a shell
 * that runs the peer's command; one that has no such key, but "url", gets its URL. peer: NULL for
 * none. */
bool kit_driver_load_with_peer(struct kit_driver *out_driver, const char *path, char *const *pairs,
                               size_t npairs, const struct kit_peer *peer);
/* Frees the parameters. */
void kit_driver_free(struct kit_driver *driver);
/* Has the driver all of these capability bits? */
bool kit_driver_has(const struct kit_driver *driver, uint32_t caps);

#endif
