/* SPDX-License-Identifier: MIT
 * records.h - the calls on records, as trunk/storage.h says. self is a struct store. */
#ifndef STORAGE_SQLITE_RECORDS_H
#define STORAGE_SQLITE_RECORDS_H

#include <trunk/storage.h>

void records_load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op);
void records_put(void *self, const struct trunk_put *put, trunk_op op);
void records_touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op);
void records_remove(void *self, struct trunk_slice key, trunk_op op);
void records_sweep(void *self, uint32_t limit, trunk_op op);
void records_scan(void *self, const struct trunk_scan *how, trunk_op op);

#endif
