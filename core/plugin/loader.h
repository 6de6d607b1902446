/* SPDX-License-Identifier: MIT
 * loader.h - finds, opens and checks shared objects (ABI rules 1, 2, 4, 14). Nothing is ever
 * dlclosed. */
#ifndef TRUNKD_PLUGIN_LOADER_H
#define TRUNKD_PLUGIN_LOADER_H

#include <trunk/plugin.h>
#include "base/log.h"

/* As a kind: either one is welcome. */
#define LOADER_ANY_KIND 0u

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
/* dirs are searched in order, then default_dir (may be NULL). A relative dir is refused when the
 * search comes to it. */
struct loader *loader_new(struct log *log, const char *const *dirs, size_t ndirs,
                          const char *default_dir);
void loader_free(struct loader *loader); /* NULL is fine */

/* driver: short name ([a-z0-9-]+, a file storage-NAME.so or factory-NAME.so in the dirs) or an
 * absolute path; with LOADER_ANY_KIND a path. The result belongs to the loader. Each refusal has a
 * text of its own that says what to do; error->key is "driver". NOT_FOUND: no such file; DENIED:
 * the file, its directory, or that of a link to it, may be written by others or belongs to another
 * user than root or ours; INVALID: not a plugin of ours (magic, size, kind, function, name ...);
 * UNSUPPORTED: another major, min_host_minor above ours, an unknown capability bit among 16..31. A
 * plugin that was loaded already is given again. */
int32_t loader_load(struct loader *loader, uint32_t kind, const char *driver,
                    const struct plugin **out, struct trunk_error *error);
/* The file that loader_load would open, which nothing of is run: the same refusals up to there.
 * *out_path is the caller's. */
int32_t loader_find(const struct loader *loader, uint32_t kind, const char *driver, char **out_path,
                    struct trunk_error *error);
/* Calls fn with the path of each file storage-*.so and factory-*.so in the dirs, sorted, first find
 * of a name wins. Loads nothing. A dir that cannot be read is told in the log. */
void loader_list(struct loader *loader, void (*fn)(void *ctx, const char *path), void *ctx);

/* The descriptor checks alone, on a descriptor already in memory (also for tests): fills *out (path
 * is left). The text does not name the file; error->key is "driver". */
int32_t plugin_check_descriptor(const struct trunk_plugin *theirs, uint32_t kind,
                                struct plugin *out, struct trunk_error *error);
/* The version of the ABI that this trunkd has for a kind of driver. */
uint16_t plugin_abi_major(uint32_t kind);
uint16_t plugin_abi_minor(uint32_t kind);
const char *plugin_kind_name(uint32_t kind); /* "storage", "factory"; "plugin" for another number */

#endif
