/* SPDX-License-Identifier: MIT
 * leg_private.h - the inside of a leg, shared by leg.c (states), leg_open.c (the way to READY),
 * leg_connection.c, leg_lists.c and leg_requests.c (requests, messages). */
#ifndef TRUNKD_SESSION_LEG_PRIVATE_H
#define TRUNKD_SESSION_LEG_PRIVATE_H

#include <sys/queue.h>

#include "base/hash.h"
#include "session/leg.h"
#include "session/leg_hold.h"

#define LEG_IDS_PER_EPOCH (UINT64_C(1) << 20)

struct leg_wait {
    TAILQ_ENTRY(leg_wait) in_leg;
    struct leg *leg;
    leg_ready_fn ready;
    void *ctx;
    int32_t status;
    char *text;
    bool is_cancelled;
};

/* The transport of one opening. Once the backend has told one call that it lost the session, the
 * others that are under way in it have their own answers yet: it goes on beside the next opening
 * until the last of them is over. */
struct leg_connection {
    struct leg *leg;
    struct factory_leg *transport; /* NULL: finished */
    size_t refs;                   /* the leg's, while it is the current one, and its requests' */
    bool is_lost;                  /* no longer the current one */
};

struct leg_request {
    UT_hash_handle hh;
    uint64_t number;
    struct leg *leg;
    struct leg_connection *connection;
    struct leg_request_events events;
    void *ctx;
    struct factory_call *call; /* until the driver has sent it */
    struct loop_timer *timer;  /* NULL without a limit */
    uint64_t timeout_ms;
    uint64_t latest_ms; /* no progress moves the timer beyond this; 0: no such end */
    bool is_internal;   /* of the leg itself: no notice or request belongs to it */
    bool is_repeated;   /* NOT_FOUND tells nothing of the session */
};

struct list_pages {
    struct trunk_slice *items; /* each its own memory */
    size_t count;
    size_t bytes;
    char *cursor; /* that an earlier page gave, as JSON text: it must not come again */
};

struct leg_list {
    struct leg *leg;
    enum list_kind kind;
    struct list_pages pages;    /* what is known */
    struct list_pages incoming; /* the list being fetched */
    bool is_known;              /* from this opening or an earlier one */
    bool is_listing;
    bool must_list_again;
};

struct leg {
    struct leg_env *env;
    const struct backend *backend;
    const char *session_tag;
    const char *principal;
    struct leg_events events;
    void *ctx;
    enum leg_state state;
    struct leg_connection *connection; /* the current one; NULL: CLOSED */
    uint64_t next_number;
    uint64_t told_epoch; /* for the record */
    struct leg_request *requests;
    size_t nexternal; /* requests that are not the leg's own */
    struct leg_holds holds;
    TAILQ_HEAD(, leg_wait) waits;
    struct loop_timer *timer; /* of the opening */
    uint64_t ready_ms;        /* since when it was READY the last time */
    uint64_t pause_ms;        /* the last one; 0: the backend lasted */
    uint64_t paused_until_ms; /* not opened before */
    char *error;
    char *protocol;
    char *capabilities;
    char *snapshot;    /* of the backend's session, open here or to be gone on with; NULL: none */
    bool is_restoring; /* this opening goes on with snapshot */
    bool was_resumed;  /* it did */
    unsigned opening;
    const char *log_level; /* NULL: the client set none */
    struct trunk_slice server_info;
    struct leg_list lists[LIST_KINDS];
    bool
        is_initialized; /* notifications/initialized was taken: only now other things may be sent */
    struct buffer held_answers; /* to what the backend asked before that, a line each */
    bool is_hearing_lost; /* the message that is being told is of a lost connection: no hold */
    bool is_freed;
    struct log_limit garbage_limit;
};

/* leg.c */
/* The opening failed, or the backend is gone. NOT_FOUND: the backend's session is over; other
 * failures of an opening that goes on with a session leave that alive for the next one. */
void leg_fail(struct leg *leg, int32_t status, const char *text);
/* The backend said NOT_FOUND of one request of a READY leg. The others are left to their answers.
 */
void leg_lose(struct leg *leg, const char *text);
void leg_on_transport_finished(void *ctx, int32_t status);
void leg_tell_waits(struct leg *leg, int32_t status, const char *text);
void leg_become_ready(struct leg *leg);
void leg_set_snapshot(struct leg *leg, struct trunk_slice text); /* empty: none */

/* leg_requests.c */
struct leg_request *leg_start_request(struct leg *leg, uint64_t number, struct buffer *json,
                                      uint64_t timeout_ms, bool is_internal,
                                      const struct leg_request_events *events, void *ctx);
/* A request of the leg itself; while it opens the leg's own timer rules. events get ctx, and
 * only its end: no notice or request belongs to it. */
void leg_request_internal(struct leg *leg, const char *method, struct trunk_slice params,
                          const struct leg_request_events *events, void *ctx);
void leg_describe_error(struct buffer *text, const struct message *answer); /* of the backend */
/* Of the current connection, and of lost ones: of these or not. */
void leg_fail_requests(struct leg *leg, bool of_lost_ones, int32_t status, const char *text);
void leg_fail_requests_on(struct leg_connection *connection, int32_t status, const char *text);
void leg_drop_internal_requests(struct leg *leg);
void leg_send_held_answers(struct leg *leg);
void leg_on_message(struct leg *leg, const struct message *message, uint64_t number);

/* leg_connection.c */
struct leg_connection *leg_connection_new(struct leg *leg);
void leg_connection_finish(struct leg_connection *connection, bool keeps);
void leg_connection_ref(struct leg_connection *connection);
void leg_connection_unref(struct leg_connection *connection);
void leg_connection_on_message(void *ctx, const struct message *message, uint64_t number);
void leg_connection_on_closed(void *ctx, int32_t status, const char *text);

/* leg_hold.c */
bool leg_is_held(const struct leg *leg, uint64_t number);
void leg_forget_holds_of(struct leg *leg, uint64_t number); /* the request is over */
void leg_forget_holds(struct leg *leg);                     /* the transport is gone */
void leg_end_holds(struct leg *leg);                        /* it goes on without them */

/* leg_open.c */
void leg_handshake(struct leg *leg); /* the transport is made */
void leg_start(struct leg *leg);     /* the record names it */
void leg_resume(struct leg *leg);    /* the transport goes on with the session of the snapshot */
void leg_send_log_level(struct leg *leg);

/* leg_lists.c */
void leg_lists_init(struct leg *leg);
void leg_lists_stop(struct leg *leg); /* what was known stays */
void leg_lists_free(struct leg *leg);
void leg_list_all(struct leg *leg); /* STARTING: then the leg is READY */
/* Fetches all pages, once more if the backend says so meanwhile. */
void leg_list(struct leg *leg, enum list_kind kind);
bool leg_take_list_changed(struct leg *leg, const struct message *notice); /* false: it is none */

#endif
