/* SPDX-License-Identifier: MIT
 * trunk/plugin.h - all that a driver author includes: the descriptor, and the headers it needs. */
#ifndef TRUNK_PLUGIN_H
#define TRUNK_PLUGIN_H

#include <trunk/types.h>
#include <trunk/host.h>
#include <trunk/storage.h>
#include <trunk/factory.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A PLUGIN is a shared object that exports one symbol, and that is data (rule 1): a descriptor,
 * which leads to a table of functions. It sees no symbol of the host (rule 3).
 *
 * A whole driver, but for its functions:
 *
 *     #include <trunk/plugin.h>
 *     static const struct trunk_param_spec params[] = {
 *         {.key = "path", .help = "where the records are", .type = TRUNK_PARAM_PATH,
 *          .flags = TRUNK_PARAM_REQUIRED},
 *         {.key = NULL},
 *     };
 *     static const struct trunk_storage_ops ops = {.struct_size = sizeof ops, .check = check, ...};
 *     TRUNK_STORAGE_PLUGIN(0, "mine", "1.0.0", "records in a file", params, &ops);
 *
 *     cc -std=c11 -fPIC -fvisibility=hidden -shared -Wl,-z,defs -o storage-mine.so mine.c
 *
 * NAMES. A driver that a configuration names by the short name X is the file storage-X.so or
 * factory-X.so in a plugin directory; any other is named by its absolute path.
 *
 * LOADING (rules 1, 2, 4, 14). The host refuses a file that others may write to, or whose directory
 * they may, or that belongs to another user than root or its own. It opens with RTLD_NOW and
 * RTLD_LOCAL and never closes: a refused plugin stays mapped too. The shared object's constructors
 * have run before the host can check anything, so have none. Then magic, major, sizes, kind,
 * min_host_minor, texts, parameters, capabilities and mandatory functions are checked, and a plugin
 * is refused, with a text of its own for each, before any of its functions is called. The host
 * works on copies of the descriptor and the table; what they point to must stay as it is.
 *
 * LIFE (rule 11). check, open, ping until OK, work, close. No static state: everything hangs on the
 * `self` that open gives, so that one shared object serves several configured drivers at once.
 *
 * TRUST (rule 14). A plugin runs in the host's process with the host's rights. These rules guard
 * against mistakes, not against malice.
 */
struct trunk_plugin {
    uint32_t magic;          /* TRUNK_MAGIC */
    uint16_t abi_major;      /* TRUNK_ABI_MAJOR; of a factory TRUNK_FACTORY_ABI_MAJOR */
    uint16_t abi_minor;      /* the minor of the headers it was built with, likewise */
    size_t struct_size;      /* sizeof(struct trunk_plugin) */
    uint32_t kind;           /* TRUNK_KIND_... */
    uint32_t min_host_minor; /* the oldest host that it works with; one that is older refuses it. A
                                driver states the first minor that has all it uses: a storage
                                driver at least 0, a factory at least 9 */
    const char *name;        /* [a-z0-9-]+, the X of its file's name; for logs and people */
    const char *version;     /* the driver's own, not NULL; for people */
    const char *summary;     /* what it does, one line for people, not NULL */
    const struct trunk_param_spec *params; /* ends with a NULL key; NULL: no parameters (rule 10) */
    const void *ops; /* by kind: struct trunk_storage_ops or struct trunk_factory_ops */
};

/* The symbol carries the major, so that no host takes a plugin for what it is not. A plugin exports
 * one of the two. Use the macros below, not the names. */
#define TRUNK_EXPORT __attribute__((visibility("default")))
#define TRUNK_SYMBOL trunk_plugin_v1         /* of a storage driver */
#define TRUNK_FACTORY_SYMBOL trunk_plugin_v0 /* of a factory, until factory.h is frozen */
extern TRUNK_EXPORT const struct trunk_plugin TRUNK_SYMBOL;
extern TRUNK_EXPORT const struct trunk_plugin TRUNK_FACTORY_SYMBOL;

/* Define the descriptor of a storage driver, or of a factory; one of them, once in a plugin, at
 * file scope, followed by a semicolon. The arguments are the members of these names; magic,
 * versions, size and kind are filled in. */
#define TRUNK_STORAGE_PLUGIN(min_host_minor_, name_, version_, summary_, params_, ops_)            \
    const struct trunk_plugin TRUNK_SYMBOL = {                                                     \
        TRUNK_MAGIC,        TRUNK_ABI_MAJOR,   TRUNK_ABI_MINOR, sizeof(struct trunk_plugin),       \
        TRUNK_KIND_STORAGE, (min_host_minor_), (name_),         (version_),                        \
        (summary_),         (params_),         (ops_)}
#define TRUNK_FACTORY_PLUGIN(min_host_minor_, name_, version_, summary_, params_, ops_)            \
    const struct trunk_plugin TRUNK_FACTORY_SYMBOL = {TRUNK_MAGIC,                                 \
                                                      TRUNK_FACTORY_ABI_MAJOR,                     \
                                                      TRUNK_FACTORY_ABI_MINOR,                     \
                                                      sizeof(struct trunk_plugin),                 \
                                                      TRUNK_KIND_FACTORY,                          \
                                                      (min_host_minor_),                           \
                                                      (name_),                                     \
                                                      (version_),                                  \
                                                      (summary_),                                  \
                                                      (params_),                                   \
                                                      (ops_)}

#ifdef __cplusplus
}
#endif
#endif
