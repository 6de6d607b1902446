/* SPDX-License-Identifier: MIT
 * pages.h - the calls over all records, sweep and scan, as storage.h of the ABI has them. */
#ifndef STORAGE_REDIS_PAGES_H
#define STORAGE_REDIS_PAGES_H

#include "store.h"

/* Both take bounded bites of the server's time and memory: sweep as many as needed, scan until the
 * page is full or enough was looked at, since others' keys may be in the database too. */

void pages_sweep(struct store *store, uint32_t limit, trunk_op op);
/* A cursor names the run of the server too: after its restart a cursor is not good any more, and
 * the scan begins anew. */
void pages_scan(struct store *store, const struct trunk_scan *how, trunk_op op);

#endif
