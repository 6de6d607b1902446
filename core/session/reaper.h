/* SPDX-License-Identifier: MIT
 * reaper.h - closes the sessions with backends that a record names and no live session holds: of a
 * record that expired, that was terminated where it was not live, or that a crash left terminated,
 * and of a session that ended while a backend was away (design.md section 5, Hygiene). A bounded
 * number at a time; a backend that is not there is tried again some times. */
#ifndef TRUNKD_SESSION_REAPER_H
#define TRUNKD_SESSION_REAPER_H

#include "session/backend_registry.h"
#include "session/id.h"
#include "session/record.h"
#include "session/storage.h"

struct reaper;

struct reaper *reaper_new(struct loop *loop, struct log *log, struct storage *storage,
                          const struct backend_registry *registry, uint64_t timeout_ms);
void reaper_free(struct reaper *reaper); /* nothing is under way */

void reaper_stop(struct reaper *reaper); /* nobody waits for backends that are not there any more */
bool reaper_has(const struct reaper *reaper, const char *id); /* queued or under way */
/* For an id that it has not. record's contents are taken over. removes: its (terminated) record is
 * removed from the store afterwards. Sessions of backends that are not in the registry any more, or
 * there with another config, are left alone. done is called once, not inside this call. */
void reaper_add(struct reaper *reaper, const char *id, struct record *record, bool removes,
                void (*done)(void *ctx), void *ctx);

#endif
