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

struct trunk_plugin { /* the one symbol a plugin exports */
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;      /* of the headers it was built with */
    size_t struct_size;
    uint32_t kind;
    uint32_t min_host_minor; /* oldest host it works with */
    const char *name;        /* [a-z0-9-]+ */
    const char *version;
    const char *summary;
    const struct trunk_param_spec *params; /* ends with a NULL key */
    const void *ops;                       /* struct trunk_storage_ops or trunk_factory_ops */
};

#define TRUNK_EXPORT __attribute__((visibility("default")))
#define TRUNK_SYMBOL trunk_plugin_v0
extern TRUNK_EXPORT const struct trunk_plugin TRUNK_SYMBOL;

#define TRUNK_PLUGIN(kind_, min_host_minor_, name_, version_, summary_, params_, ops_)             \
    const struct trunk_plugin TRUNK_SYMBOL = {                                                     \
        TRUNK_MAGIC, TRUNK_ABI_MAJOR,   TRUNK_ABI_MINOR, sizeof(struct trunk_plugin),              \
        (kind_),     (min_host_minor_), (name_),         (version_),                               \
        (summary_),  (params_),         (ops_)}

#ifdef __cplusplus
}
#endif
#endif
