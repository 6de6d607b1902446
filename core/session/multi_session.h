/* SPDX-License-Identifier: MIT
 * multi_session.h - the built session: one leg per backend, the merged list of tools and the routes
 * to them. */
#ifndef TRUNKD_SESSION_MULTI_SESSION_H
#define TRUNKD_SESSION_MULTI_SESSION_H

#include "catalogue/routes.h"
#include "session/leg.h"
#include "session/record.h"

struct multi_session;
struct tools_wait;

/* Called on the loop, never inside a call of this header. */
struct multi_session_events {
    /* What the record says of the legs is not what it should say: store what
     * multi_session_fill_record gives, then multi_session_admit. */
    void (*on_record_due)(void *ctx);
    void (*on_tools_changed)(
        void *ctx); /* the list is another than the one given last, or than a leg had */
    void (*on_notice)(void *ctx, const struct leg_source *from,
                      const struct message *notice); /* of no request in particular */
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
/* Ends every leg; closed (may be NULL) is called when the drivers are through with all of them.
 * keeps: sessions with backends that the record names, and that can be gone on with, are left
 * alive; otherwise all are closed. Calls in flight fail now, and no event comes any more. */
void multi_session_close(struct multi_session *multi, bool keeps, void (*closed)(void *ctx),
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

/* At every backend that has logging, now and whenever it is opened. level: static text. */
void multi_session_set_log_level(struct multi_session *multi, const char *level);

/* The result of tools/list: `{"tools":[...]}`, from what is known now; valid until the next event.
 */
struct trunk_slice multi_session_tools(struct multi_session *multi);
/* Opens what is closed and waits, at most session.list_wait, for legs that open for the first time;
 * then calls ready, not inside this call. */
struct tools_wait *multi_session_wait_tools(struct multi_session *multi, void (*ready)(void *ctx),
                                            void *ctx);
void multi_session_wait_tools_cancel(struct tools_wait *wait);

/* The session's own leg that has the tool of this (plain) client name, and the backend's own name
 * as JSON text. */
const struct route *multi_session_route(struct multi_session *multi, struct trunk_slice name);
/* A leg whose tools are not known yet and to which the name could belong; NULL if none. */
struct leg *multi_session_guess_leg(struct multi_session *multi, struct trunk_slice name);

#endif
