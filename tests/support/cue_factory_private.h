/* SPDX-License-Identifier: MIT
 * cue_factory_private.h - the inside of a cue_factory, shared by cue_factory.c (the driver) and
 * cue_factory_cues.c (what the test says). */
#ifndef TRUNKD_TEST_CUE_FACTORY_PRIVATE_H
#define TRUNKD_TEST_CUE_FACTORY_PRIVATE_H

#include <sys/queue.h>

#include "base/slice.h"
#include "support/cue_factory.h"

enum { MAX_HOLDS = 16, WHAT_SIZE = 64 };

struct cue_leg {
    TAILQ_ENTRY(cue_leg) link;
    struct cue_factory *cue;
    char *backend;
    char *tag; /* of the client's session */
    const struct trunk_sink *sink;
    uint64_t session; /* the backend's; 0: none yet */
    bool is_closed;
};

/* A call that waits for its cue. */
struct cue_call {
    TAILQ_ENTRY(cue_call) link;
    char what[WHAT_SIZE];
    char *backend;
    struct cue_leg *leg;           /* NULL: make */
    const struct trunk_sink *sink; /* make */
    char *tag;                     /* make */
    char *saved;                   /* make */
    bool keep;                     /* finish */
    trunk_op op;
    uint64_t number;
};

struct cue_message {
    STAILQ_ENTRY(cue_message) link;
    char what[WHAT_SIZE];
    char *backend;
    char *json;
};

struct cue_result {
    STAILQ_ENTRY(cue_result) link;
    const char *method;
    const char *result;
};

struct cue_hold {
    const char *backend;
    const char *what;
};

struct cue_factory {
    struct plugin plugin;
    struct driver *driver;
    const struct trunk_host *host;
    struct cue_hold holds[MAX_HOLDS];
    size_t nholds;
    bool holds_all;
    bool is_cut_off;
    struct cue_backends *backends;
    struct cue_backends own; /* unless they are to outlive it */
    bool forgets_at_finish;
    size_t made;
    size_t finished;
    struct buffer transcript;
    TAILQ_HEAD(cue_leg_list, cue_leg) legs;
    TAILQ_HEAD(, cue_call) held;
    STAILQ_HEAD(, cue_message) messages;
    STAILQ_HEAD(, cue_result) results;
};

/* wanted NULL: any */
bool cue_factory_is_of(const char *backend, const char *wanted);
bool cue_factory_is_restorable(const struct cue_factory *cue);
void cue_factory_complete(struct cue_factory *cue, trunk_op op, int32_t status, const char *text,
                          struct cue_leg *leg);
int32_t cue_factory_say_on(const struct cue_leg *leg, struct trunk_slice json, uint64_t number);
/* The backend's side of a call. False: it holds no such session. */
bool cue_factory_apply(struct cue_factory *cue, const struct cue_call *call);
/* Both sides of it. */
void cue_factory_perform(struct cue_factory *cue, const struct cue_call *call);
void cue_factory_free_call(struct cue_call *call);
void cue_factory_end_leg(struct cue_leg *leg, trunk_op op, int32_t status);
/* Pending ops of the leg but its finish end with this status. */
void cue_factory_complete_pending(struct cue_leg *leg, int32_t status);

#endif
