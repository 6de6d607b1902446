/* SPDX-License-Identifier: MIT
 * layout.c - one variable of each public struct that is frozen, for abidiff to compare: it follows
 * no `const void *ops` to what lies behind. */
#include <trunk/plugin.h>

#define EXPORT_ONE(type_)                                                                          \
    extern TRUNK_EXPORT struct type_ layout_of_##type_;                                            \
    struct type_ layout_of_##type_

EXPORT_ONE(trunk_plugin);
EXPORT_ONE(trunk_slice);
EXPORT_ONE(trunk_param);
EXPORT_ONE(trunk_param_spec);
EXPORT_ONE(trunk_error);
EXPORT_ONE(trunk_reply);
EXPORT_ONE(trunk_item);
EXPORT_ONE(trunk_host);
EXPORT_ONE(trunk_put);
EXPORT_ONE(trunk_scan);
EXPORT_ONE(trunk_entry);
EXPORT_ONE(trunk_storage_ops);
