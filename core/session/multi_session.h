/* SPDX-License-Identifier: MIT
 * multi_session.h - the built session: one leg per backend, their lists as one and the routes that
 * these give. */
#ifndef TRUNKD_SESSION_MULTI_SESSION_H
#define TRUNKD_SESSION_MULTI_SESSION_H

#include "catalogue/routes.h"
#include "session/leg.h"
#include "session/record.h"
#include "session/uri_set.h"

struct multi_session;
struct lists_wait;

/* Called on the loop, never inside a call of this header. */
struct multi_session_events {
    /* What the record says of the legs is not what it should say: store what
     * multi_session_fill_record gives, then multi_session_admit. */
    void (*on_record_due)(void *ctx);
    /* The list is another than the one given last, or than a leg had. */
    void (*on_list_changed)(void *ctx, enum list_kind kind);
    void (*on_notice)(void *ctx, const struct leg_source *from,
                      const struct message *notice); /* of no request in particular */
    /* A backend asks something, for no call in particular: as leg_events.on_request. */
    void (*on_request)(void *ctx, const struct leg_source *from, const struct message *request);
};

/* env is copied but for what it points to. tag and principal are borrowed and outlive the
 * MultiSession. One leg per backend of the registry that is enabled; none is opened yet. record: a
 * leg that it names goes on with its backend's session where it can. */
struct multi_session *multi_session_new(const struct leg_env *env,
                                        const struct backend_registry *registry,
                                        const char *session_tag, const char *principal,
                                        const struct record *record,
                                        const struct multi_session_events *events, void *ctx);
void multi_session_open(struct multi_session *multi); /* all legs, in parallel */
/* is_left: of some session with a backend, of this time or an earlier one, the driver could not say
 * that it is closed. */
typedef void (*multi_session_closed_fn)(void *ctx, bool is_left);
/* Ends every leg; closed (may be NULL) is called when the drivers are through with all of them.
 * keeps: sessions with backends that the record names, and that can be gone on with, are left
 * alive; otherwise all are closed. Calls in flight fail now, and no event comes any more. */
void multi_session_close(struct multi_session *multi, bool keeps, multi_session_closed_fn closed,
                         void *ctx);

/* Calls ready once when every `required` backend has answered initialize (OK), or with the text of
 * the first that failed. One at a time. */
void multi_session_wait_required(struct multi_session *multi,
                                 void (*ready)(void *ctx, int32_t status, const char *text),
                                 void *ctx);

/* Tells who waits for required legs that they failed; nothing if nobody does. */
void multi_session_fail_required(struct multi_session *multi, const char *text);

/* The legs that are open, and the epoch that their ids need, into the record; then, once that is
 * stored, those of them that wait go on. */
void multi_session_fill_record(struct multi_session *multi, struct record *record);
void multi_session_admit(struct multi_session *multi);

/* What the client has subscribed to: a backend's new session is subscribed to its part of it.
 * Borrowed. */
void multi_session_set_subscriptions(struct multi_session *multi, const struct uri_set *uris);
/* To every backend that is connected; method needs no params. */
void multi_session_notify(struct multi_session *multi, const char *method);
/* At every backend that has logging, now and whenever it is opened. level: static text. */
void multi_session_set_log_level(struct multi_session *multi, const char *level);

/* Appends the result of a list request, from what is known now: a page from cursor (plain; NULL:
 * the first). False: not a cursor of this list. */
bool multi_session_list(struct multi_session *multi, enum list_kind kind,
                        const struct trunk_slice *cursor, struct buffer *out);
/* Are there no legs that open for the first time? */
bool multi_session_has_lists(const struct multi_session *multi);
/* Opens what is closed and waits for that, at most session.list_wait; then calls ready, not inside
 * this call. */
struct lists_wait *multi_session_wait_lists(struct multi_session *multi, void (*ready)(void *ctx),
                                            void *ctx);
void multi_session_wait_lists_cancel(struct lists_wait *wait);

/* The session's own leg that has the tool or prompt of this (plain) client name, and the backend's
 * own name as JSON text; or that a resource is read from. NULL: none has it. */
const struct route *multi_session_route(struct multi_session *multi, enum list_kind kind,
                                        struct trunk_slice name);
const struct route *multi_session_route_uri(struct multi_session *multi, struct trunk_slice uri);
/* A leg whose list is not known yet and to which the name must belong if it is anybody's; NULL if
 * that cannot be told. */
struct leg *multi_session_guess_leg(struct multi_session *multi, enum list_kind kind,
                                    struct trunk_slice name);

#endif
