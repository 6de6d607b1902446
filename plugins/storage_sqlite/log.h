/* SPDX-License-Identifier: MIT
 * log.h - the calls on the logs of records, as trunk/storage.h says. self is a struct store. */
#ifndef STORAGE_SQLITE_LOG_H
#define STORAGE_SQLITE_LOG_H

#include <trunk/storage.h>

void log_append(void *self, const struct trunk_entry *entry, trunk_op op);
void log_read(void *self, struct trunk_slice key, uint64_t after_seq, uint32_t limit, trunk_op op);
void log_trim(void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op);

#endif
