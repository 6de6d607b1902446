/* SPDX-License-Identifier: MIT
 * checkpoint.h - a thread with a connection of its own that carries what has been written from the
 * WAL into the database file, so that no commit waits for it. */
#ifndef STORAGE_SQLITE_CHECKPOINT_H
#define STORAGE_SQLITE_CHECKPOINT_H

#include <sqlite3.h>

#include <trunk/host.h>

struct checkpointer;
/* Takes over db, a connection to the same file that writer writes to, and follows writer's commits.
 * NULL: out of memory, or no thread to be had; db is then the caller's. */
struct checkpointer *checkpointer_new(const struct trunk_host *host, sqlite3 *db, sqlite3 *writer);
/* Before writer is closed. Waits for a checkpoint that is under way. NULL is fine. */
void checkpointer_free(struct checkpointer *checkpointer, sqlite3 *writer);

#endif
