/* SPDX-License-Identifier: MIT
 * multi_private.h - the inside of a MultiSession, shared by multi_session.c (legs, record, life)
 * and multi_lists.c (merged lists, routes, who waits for them). */
#ifndef TRUNKD_SESSION_MULTI_PRIVATE_H
#define TRUNKD_SESSION_MULTI_PRIVATE_H

#include <sys/queue.h>

#include "catalogue/reads.h"
#include "session/multi_session.h"

struct lists_wait {
    TAILQ_ENTRY(lists_wait) in_multi;
    struct multi_session *multi;
    struct loop_timer *timer;
    void (*ready)(void *ctx);
    void *ctx;
};

struct merged_list {
    struct list *list;
    bool is_stale;  /* is to be merged again */
    bool was_given; /* the client has been given some of it */
};

struct multi_session {
    struct leg_env env;
    struct multi_session_events events;
    void *ctx;
    struct leg **legs;              /* sorted by backend */
    unsigned *recorded;             /* the opening of the leg that is being stored; 0: none */
    bool (*has_listed)[LIST_KINDS]; /* the leg's list has been known once */
    size_t nlegs;
    struct buffer capabilities; /* that the backends are told of */
    struct merged_list lists[LIST_KINDS];
    const struct uri_set *subscriptions;
    bool is_closed;
    TAILQ_HEAD(, lists_wait) waits;
    void (*required_ready)(void *ctx, int32_t status, const char *text);
    void *required_ctx;
    multi_session_closed_fn closed;
    void *closed_ctx;
};

/* multi_lists.c */
void multi_lists_init(struct multi_session *multi);
void multi_lists_free(struct multi_session *multi);
void multi_lists_on_changed(void *ctx, struct leg *leg, enum list_kind kind); /* of leg_events */
void multi_lists_check_waits(struct multi_session *multi); /* a leg has got further, or failed */
void multi_lists_cancel_waits(struct multi_session *multi);

/* multi_subscriptions.c */
void multi_subscriptions_renew(struct multi_session *multi,
                               struct leg *leg); /* it has a new session */

#endif
