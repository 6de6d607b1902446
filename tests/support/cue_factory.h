/* SPDX-License-Identifier: MIT
 * cue_factory.h - a factory driver inside the test, with backends that speak just enough MCP: what
 * the test says waits for its cue, may be answered otherwise, and the test may speak for a backend
 * or close a leg. Keeps a transcript, and counts the legs made and finished. One thread. */
#ifndef TRUNKD_TEST_CUE_FACTORY_H
#define TRUNKD_TEST_CUE_FACTORY_H

#include "plugin/registry.h"
#include "support/cue_backends.h"

struct cue_factory;
/* what, below: "make", "listen", "finish", the method of a request or notification, "answer" (an
 * answer of the host), or "snapshot" (which cue_factory_hold_all alone holds). backend: its name;
 * NULL: of any. */
struct cue_factory *cue_factory_new(const struct host_env *env);
/* With TRUNK_CAP_RESTORE among caps legs go on with the sessions of backends, which outlive it. */
struct cue_factory *cue_factory_new_on(const struct host_env *env, uint32_t caps,
                                       struct cue_backends *backends);
/* Opened; the test frees it (driver_free), and then the cue_factory. */
struct driver *cue_factory_driver(const struct cue_factory *cue);
void cue_factory_free(struct cue_factory *cue);

/* The result of the next requests of this method, one for each call here, in order; the last one
 * stays. The text is kept by the test. At first: initialize with tools, tools/list of one tool
 * `echo`, `{}` for others. */
void cue_factory_push_result(struct cue_factory *cue, const char *method, const char *result);

/* From now on these wait for their cue. */
void cue_factory_hold(struct cue_factory *cue, const char *backend, const char *what);
void cue_factory_let_all(struct cue_factory *cue);
size_t cue_factory_count_held(const struct cue_factory *cue, const char *backend, const char *what);
/* The one that waits longest goes on: it is completed with OK, and a request answered. */
void cue_factory_release_next(struct cue_factory *cue, const char *backend, const char *what);
/* It is completed with this status, and a request is not answered. */
void cue_factory_complete_next(struct cue_factory *cue, const char *backend, const char *what,
                               int32_t status, const char *text);
/* The number of the request that waits longest. */
uint64_t cue_factory_held_number(const struct cue_factory *cue, const char *backend,
                                 const char *what);

/* All that wait, of whatever kind, from the one that waits longest (0) on; in any order. */
void cue_factory_hold_all(struct cue_factory *cue);
size_t cue_factory_count_waiting(const struct cue_factory *cue);
const char *cue_factory_waiting_what(const struct cue_factory *cue, size_t at);
const char *cue_factory_waiting_backend(const struct cue_factory *cue, size_t at);
void cue_factory_release_at(struct cue_factory *cue, size_t at);
/* is_applied: the backend took it all the same. */
void cue_factory_complete_at(struct cue_factory *cue, size_t at, int32_t status, bool is_applied);
/* Nothing reaches a backend any more, as when the process has died: what waits and what comes ends
 * at once, with UNAVAILABLE where that can be. */
void cue_factory_cut_off(struct cue_factory *cue);

/* The last leg of the backend says this; number: of the request on whose stream, or 0. Gives what
 * the sink gave. */
int32_t cue_factory_say(struct cue_factory *cue, const char *backend, const char *json,
                        uint64_t number);
/* It goes without having been asked. */
void cue_factory_close_leg(struct cue_factory *cue, const char *backend, int32_t status,
                           const char *text);
/* The same for the leg at this place among those that live. */
size_t cue_factory_count_legs(const struct cue_factory *cue, const char *tag); /* NULL: all */
bool cue_factory_has_leg_on(const struct cue_factory *cue, uint64_t session);  /* of a backend */
void cue_factory_close_leg_at(struct cue_factory *cue, size_t at, int32_t status, const char *text);
int32_t cue_factory_say_at(struct cue_factory *cue, size_t at, const char *json, uint64_t number);
/* From now on finish leaves the leg's pending ops alone, as no driver should. */
void cue_factory_forget_at_finish(struct cue_factory *cue);
/* As a driver whose transport cannot be held up. */
void cue_factory_offer_no_pause(struct cue_factory *cue);

size_t cue_factory_count_made(const struct cue_factory *cue);
size_t cue_factory_count_finished(const struct cue_factory *cue); /* completed */
/* A line "BACKEND WHAT" for each call so far; of cancel_request, pause and go_on (pause with 0)
 * too, with their number. */
const char *cue_factory_transcript(struct cue_factory *cue);
void cue_factory_clear_transcript(struct cue_factory *cue);
/* The last message of this kind, "" when there was none; and how many there were. */
const char *cue_factory_last(const struct cue_factory *cue, const char *backend, const char *what);
size_t cue_factory_count(const struct cue_factory *cue, const char *backend, const char *what);

#endif
