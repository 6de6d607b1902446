/* SPDX-License-Identifier: MIT
 * loader.h - finds, opens and checks shared objects (ABI rules 1, 2, 4, 14). Nothing is ever dlclosed. */
#ifndef TRUNKD_PLUGIN_LOADER_H
#define TRUNKD_PLUGIN_LOADER_H

#include <trunk/plugin.h>
#include "base/log.h"

/* A loaded plugin: host-side copies, zero where the plugin's structs are shorter. */
struct plugin {
    char *path;               /* absolute */
    struct trunk_plugin desc; /* desc.ops is not used: see below */
    union {
        struct trunk_storage_ops storage; /* kind STORAGE */
        struct trunk_factory_ops factory; /* kind FACTORY */
    } ops;
};

struct loader;
/* dirs are searched in order, then default_dir. Relative dirs are refused at use with their own text. */
struct loader *loader_new(struct log *log, const char *const *dirs, size_t ndirs, const char *default_dir);
void loader_free(struct loader *loader);

/* driver: short name ([a-z0-9-]+, a file storage-NAME.so or factory-NAME.so in the dirs) or an absolute path. The result belongs
 * to the loader. Each refusal has a text of its own that says what to do; error->key is "driver". NOT_FOUND: no such file;
 * DENIED: writable by others (file or directory); INVALID: not a plugin of ours (magic, size, kind, function, name ...);
 * UNSUPPORTED: another major, min_host_minor above ours, an unknown capability bit among 16..31. A plugin that was loaded
 * already is given again. */
int32_t loader_load(struct loader *loader, uint32_t kind, const char *driver,
                    const struct plugin **out, struct trunk_error *error);
/* Calls fn with the path of each file storage-*.so and factory-*.so in the dirs, sorted, first find of a name wins. Loads nothing. */
void loader_list(struct loader *loader, void (*fn)(void *ctx, const char *path), void *ctx);

/* The descriptor checks alone, on a descriptor already in memory (also for tests): fills *out (path is left). */
int32_t plugin_check_descriptor(const struct trunk_plugin *theirs, uint32_t kind, struct plugin *out,
                                struct trunk_error *error);

#endif
