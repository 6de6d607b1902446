/* SPDX-License-Identifier: MIT
 * leg.h - one leg of a MultiSession: MCP spoken on a factory driver's leg. Opens (initialize, then
 * into the session's record, then initialized and its lists) or goes on with the backend's session
 * that the record names, mints the request ids, matches answers and notices to requests, and is
 * opened again on its next use after it died: at once if it had been READY, but after further
 * failures not before a pause that grows, during which a use fails with the last failure's text. */
#ifndef TRUNKD_SESSION_LEG_H
#define TRUNKD_SESSION_LEG_H

#include "catalogue/list.h"
#include "session/factory.h"
#include "session/options.h"

struct leg;
struct leg_source; /* leg_hold.h */
struct leg_request;
struct leg_wait;

enum leg_state {
    LEG_CLOSED,   /* no connection: never opened, failed or died; the next use opens it, unless it
                     pauses */
    LEG_OPENING,  /* being made, or waiting for the answer to initialize */
    LEG_OPENED,   /* the backend's session is there, and waits until the record names it */
    LEG_STARTING, /* notifications/initialized and the lists are under way */
    LEG_READY     /* takes requests */
};

struct leg_env {
    struct loop *loop;
    struct log *log;
    struct clock *clock;
    const struct session_options *options;
    const char *capabilities; /* declared to the backends, raw JSON; NULL: none */
    size_t transports;        /* made and not yet finished at their driver: live backend sessions */
    size_t unclosed;          /* finished, but the backend may still hold its session */
    void (*on_idle)(void *ctx); /* called when transports falls to 0; may be NULL */
    void *on_idle_ctx;
};

/* All are called on the loop, never inside a call of this header but leg_close. */
struct leg_events {
    void (*on_opened)(
        void *ctx,
        struct leg *leg); /* state OPENED: answer with leg_admit or leg_close, now or later */
    void (*on_ready)(void *ctx, struct leg *leg);
    void (*on_changed)(void *ctx, struct leg *leg); /* what the record should say of it is new:
                                                       leg_snapshot, or leg_epoch */
    void (*on_failed)(void *ctx, struct leg *leg,
                      const char *text); /* opening failed, or the backend went away */
    /* leg_list_pages gives something else. */
    void (*on_list_changed)(void *ctx, struct leg *leg, enum list_kind kind);
    void (*on_notice)(void *ctx, const struct leg_source *from,
                      const struct message *notice); /* of no request in particular */
    /* The backend asks something, but not ping: it is answered by leg_send, sometime. */
    void (*on_request)(void *ctx, const struct leg_source *from, const struct message *request);
};

/* epoch: of the record; ids towards the backend are epoch * 2^20 + n (design.md section 5). tag and
 * principal are borrowed and outlive the leg. */
struct leg *leg_new(struct leg_env *env, const struct backend *backend, const char *session_tag,
                    const char *principal, uint64_t epoch, const struct leg_events *events,
                    void *ctx);
/* What the record says of an earlier session with the backend: the next opening goes on with it,
 * and makes a new one only when the backend says that it is gone. Before the first leg_open. */
struct leg_saved {
    const char *session;  /* the driver's snapshot, not empty */
    const char *protocol; /* negotiated then */
    const char *capabilities;
};
void leg_restore(struct leg *leg, const struct leg_saved *saved);
/* Fails what is pending and frees the leg. keeps: the backend's session, if the record can name it,
 * is left alive for a leg_restore elsewhere; otherwise it is closed in the background. NULL is
 * fine. */
void leg_free(struct leg *leg, bool keeps);

const struct backend *leg_backend(const struct leg *leg);
enum leg_state leg_state(const struct leg *leg);
const char *leg_error(
    const struct leg *leg); /* why the last opening failed or the backend went; NULL: it did not */
const char *leg_protocol(const struct leg *leg); /* negotiated with the backend; NULL: not yet */
struct trunk_slice leg_server_info(const struct leg *leg); /* raw JSON; empty: not yet */
const char *leg_capabilities(const struct leg *leg); /* the backend's, raw JSON; "{}": not yet */
bool leg_has_capability(const struct leg *leg, const char *name); /* of the backend */
const char *
leg_snapshot(const struct leg *leg);         /* what leg_restore takes; "": cannot be restored */
uint64_t leg_epoch(const struct leg *leg);   /* that the record must have reached by now */
bool leg_was_resumed(const struct leg *leg); /* READY: with an earlier session of the backend */
unsigned leg_opening(const struct leg *leg); /* counts the openings */
/* A list is known, from this opening or an earlier one; and its pages, as checked arrays. */
bool leg_has_list(const struct leg *leg, enum list_kind kind);
const struct trunk_slice *leg_list_pages(const struct leg *leg, enum list_kind kind,
                                         size_t *out_count);
size_t leg_count_requests(const struct leg *leg);

void leg_open(struct leg *leg);  /* from CLOSED, unless it pauses; otherwise nothing */
void leg_admit(struct leg *leg); /* OPENED: the record names it, it goes on to READY */
void leg_close(struct leg *leg,
               const char *why); /* to CLOSED; pending requests fail, waiters are told */
void leg_subscribe(struct leg *leg, struct trunk_slice uri); /* READY; plain URI */
/* The level of logging/setLevel, now and after each opening, at a backend that declares logging;
 * level outlives the leg. */
void leg_set_log_level(struct leg *leg, const char *level);

/* Calls ready once, on the loop and not inside this call: OK when the leg is READY, else the status
 * and text of the failure. Opens a CLOSED leg, unless it pauses. leg_wait_cancel before that: it is
 * not called any more. */
typedef void (*leg_ready_fn)(void *ctx, int32_t status, const char *text);
struct leg_wait *leg_use(struct leg *leg, leg_ready_fn ready, void *ctx);
void leg_wait_cancel(struct leg_wait *wait);

/* One request in flight. Exactly one of on_answer and on_failed ends it. */
struct leg_request_events {
    void (*on_answer)(void *ctx, const struct message *answer); /* RESULT or ERROR */
    void (*on_notice)(void *ctx, const struct leg_source *from,
                      const struct message *notice); /* progress or log of this request */
    /* The backend asks something for this request: as leg_events.on_request. */
    void (*on_request)(void *ctx, const struct leg_source *from, const struct message *request);
    /* UNAVAILABLE and NOT_FOUND: it cannot have run; TIMEOUT: was cancelled at the backend; others:
     * it may have run. */
    void (*on_failed)(void *ctx, int32_t status, const char *text);
};
uint64_t
leg_next_number(struct leg *leg); /* a new id; also the progress token to give to the backend */
/* The leg is READY. json is one line with id number; its bytes move. timeout_ms begins again with
 * each progress of the request, up to the backend's max_timeout in all; 0: no limit. */
struct leg_request *leg_request(struct leg *leg, uint64_t number, struct buffer *json,
                                uint64_t timeout_ms, const struct leg_request_events *events,
                                void *ctx);
/* The backend said NOT_FOUND of what it asks once already, on an earlier opening: if it says so
 * again, that is of the request and not of the session, and it fails alone. */
void leg_request_set_repeated(struct leg_request *request);
/* An on_request for who can answer nothing. */
void leg_refuse_request(void *ctx, const struct leg_source *from, const struct message *request);
/* Sends a notification, or the answer to what the backend asked during this opening of the leg;
 * nothing, if that is over. json is one line; its bytes move. */
void leg_send(struct leg *leg, unsigned opening, struct buffer *json);

/* Tells the backend (notifications/cancelled) and ends the request without an event. reason: plain
 * text or empty. */
void leg_request_cancel(struct leg_request *request, struct trunk_slice reason);

#endif
