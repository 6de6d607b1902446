/* SPDX-License-Identifier: MIT
 * leg_private.h - the inside of a leg, shared by leg.c (states, requests, messages) and leg_open.c
 * (handshake, lists). */
#ifndef TRUNKD_SESSION_LEG_PRIVATE_H
#define TRUNKD_SESSION_LEG_PRIVATE_H

#include <sys/queue.h>

#include "base/hash.h"
#include "session/leg.h"
#include "session/leg_hold.h"

struct leg_wait {
    TAILQ_ENTRY(leg_wait) in_leg;
    struct leg *leg;
    leg_ready_fn ready;
    void *ctx;
    int32_t status;
    char *text;
    bool is_cancelled;
};

struct leg_request {
    UT_hash_handle hh;
    uint64_t number;
    struct leg *leg;
    struct leg_request_events events;
    void *ctx;
    struct factory_call *call; /* until the driver has sent it */
    struct loop_timer *timer;  /* NULL without a limit */
    uint64_t timeout_ms;
    uint64_t latest_ms; /* no progress moves the timer beyond this; 0: no such end */
    bool is_internal;   /* of the leg itself: no notice belongs to it */
};

struct tool_pages {
    struct trunk_slice *items; /* each its own memory */
    size_t count;
    size_t bytes;
};

struct leg {
    struct leg_env *env;
    const struct backend *backend;
    const char *session_tag;
    const char *principal;
    struct leg_events events;
    void *ctx;
    enum leg_state state;
    struct factory_leg *transport;
    uint64_t next_number;
    struct leg_request *requests;
    size_t nexternal; /* requests that are not the leg's own */
    struct leg_holds holds;
    TAILQ_HEAD(, leg_wait) waits;
    struct loop_timer *timer; /* of the opening */
    char *error;
    char *protocol;
    struct trunk_slice server_info;
    struct tool_pages pages;    /* what is known */
    struct tool_pages incoming; /* the list being fetched */
    bool has_tools;
    bool
        is_initialized; /* notifications/initialized was taken: only now other things may be sent */
    struct buffer held_answers; /* to what the backend asked before that, a line each */
    bool can_list_tools;        /* the backend declared tools */
    bool is_listing;
    bool must_list_again;
    bool is_freed;
    struct log_limit garbage_limit;
};

/* leg.c */
void leg_fail(struct leg *leg, const char *text); /* the opening failed, or the backend is gone */
struct leg_request *leg_start_request(struct leg *leg, uint64_t number, struct buffer *json,
                                      uint64_t timeout_ms, bool is_internal,
                                      const struct leg_request_events *events, void *ctx);
void leg_tell_waits(struct leg *leg, int32_t status, const char *text);
void leg_send_held_answers(struct leg *leg);

/* leg_hold.c */
bool leg_is_held(const struct leg *leg, uint64_t number);
void leg_forget_holds_of(struct leg *leg, uint64_t number); /* the request is over */
void leg_forget_holds(struct leg *leg);                     /* the transport is gone */

/* leg_open.c */
void leg_handshake(struct leg *leg); /* the transport is made */
void leg_list_tools(
    struct leg *leg); /* fetches all pages, once more if the backend says so meanwhile */
void leg_drop_pages(struct tool_pages *pages);

#endif
