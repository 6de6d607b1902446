/* SPDX-License-Identifier: MIT
 * kit_events.h - the loop of the kit's host: watches by poll, timers, and functions posted from any
 * thread. */
#ifndef TRUNK_KIT_EVENTS_H
#define TRUNK_KIT_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include <trunk/host.h>

/* Whose loop it is. Borrowed; outlives the loop. */
struct kit_events_owner {
    void *ctx;
    uint64_t (*mono_ms)(void *ctx);
    void (*fault)(void *ctx, const char *text); /* a call came on another thread than the loop's */
};

struct kit_events;
/* The thread that calls this is the loop thread. */
struct kit_events *kit_events_new(const struct kit_events_owner *owner);
/* Posted functions that have not run are dropped, watches and timers that are left are freed. */
void kit_events_free(struct kit_events *events);

/* One round of watches, timers and posts; waits for something to do at most wait_ms (0 or more). */
void kit_events_turn(struct kit_events *events, uint64_t wait_ms);
/* Ends the wait of a turn. Any thread. */
void kit_events_wake(struct kit_events *events);
/* Watches and timers that are not freed. */
size_t kit_events_count_left(const struct kit_events *events);

/* As host.h says; struct trunk_watch and trunk_timer are the kit's own. */
int32_t kit_events_post(struct kit_events *events, void (*fn)(void *arg), void *arg);
struct trunk_watch *kit_watch_new(struct kit_events *events, int fd,
                                  void (*fn)(void *arg, uint32_t ready), void *arg);
void kit_watch_set(struct trunk_watch *watch, uint32_t wanted);
void kit_watch_free(struct trunk_watch *watch);
struct trunk_timer *kit_timer_new(struct kit_events *events, void (*fn)(void *arg), void *arg);
void kit_timer_set(struct trunk_timer *timer, uint64_t after_ms);
void kit_timer_stop(struct trunk_timer *timer);
void kit_timer_free(struct trunk_timer *timer);

#endif
