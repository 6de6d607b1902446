/* SPDX-License-Identifier: MIT
 * records.h - the calls about one record and its log, as storage.h of the ABI has them. */
#ifndef STORAGE_REDIS_RECORDS_H
#define STORAGE_REDIS_RECORDS_H

#include "store.h"

void records_load(struct store *store, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op);
void records_put(struct store *store, const struct trunk_put *put, trunk_op op);
void records_touch(struct store *store, struct trunk_slice key, uint64_t ttl_ms, trunk_op op);
void records_remove(struct store *store, struct trunk_slice key, trunk_op op);
void records_append(struct store *store, const struct trunk_entry *entry, trunk_op op);
void records_read(struct store *store, struct trunk_slice key, uint64_t after_seq, uint32_t limit,
                  trunk_op op);
void records_trim(struct store *store, struct trunk_slice key, uint64_t upto_seq, trunk_op op);

#endif
