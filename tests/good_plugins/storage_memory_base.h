/* SPDX-License-Identifier: MIT
 * storage_memory_base.h - the driver `memory`, all of it but its descriptor: its table `ops` is
 * there to be called. */
#ifndef TRUNKD_GOOD_STORAGE_MEMORY_BASE_H
#define TRUNKD_GOOD_STORAGE_MEMORY_BASE_H

#include <trunk/plugin.h>

#pragma push_macro("TRUNK_STORAGE_PLUGIN")
#undef TRUNK_STORAGE_PLUGIN
#define TRUNK_STORAGE_PLUGIN(minor_, name_, version_, summary_, params_, ops_)                     \
    _Static_assert(sizeof *(ops_) > 0, "the table")
#include "../../plugins/storage_memory/plugin.c"
#pragma pop_macro("TRUNK_STORAGE_PLUGIN")

#endif
