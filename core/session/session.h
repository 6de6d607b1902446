/* SPDX-License-Identifier: MIT
 * session.h - one live session: its state, its record and its MultiSession. Owned by the manager;
 * the mcp room holds it by uses and streams, which keep it in memory and from being idle. */
#ifndef TRUNKD_SESSION_SESSION_H
#define TRUNKD_SESSION_SESSION_H

#include "session/id.h"
#include "session/multi_session.h"

enum session_state {
    SESSION_PLACEHOLDER, /* has an id, is being built; nobody but the manager sees it */
    SESSION_ACTIVE,      /* its record says so; everything works */
    SESSION_TERMINATED /* the record is flagged or gone: 404; what runs may drain. Nothing leads out
                          of here */
};

struct session;

/* What the mcp room hangs on a session. Called on the loop. */
struct session_client_ops {
    void *(*open)(void *ctx,
                  struct session *session); /* the client's side of a session that became ACTIVE */
    void (*on_list_changed)(void *client, enum list_kind kind);
    void (*on_notice)(void *client, const struct leg_source *from,
                      const struct message *notice); /* of a backend, of no request in particular */
    /* A backend asks the client something, for no call in particular: leg_events.on_request. */
    void (*on_request)(void *client, const struct leg_source *from, const struct message *request);
    void (*on_ended)(void *client); /* TERMINATED: close the streams; calls may still end */
    void (*on_cut)(void *client);   /* the drain is over: end every call now */
    void (*close)(void *client);    /* free it: nothing holds the session any more */
};

const char *session_id(const struct session *session);
const char *session_tag(const struct session *session);
enum session_state session_state(const struct session *session);
const struct record *session_record(const struct session *session);
struct multi_session *session_multi(const struct session *session); /* NULL once cut */
void *session_client(const struct session *session);
size_t session_count_uses(const struct session *session);

/* A request in flight. Begin restarts the life (touching the store at most every ttl/10); end may
 * be what a drain waits for. */
void session_use_begin(struct session *session);
void session_use_end(struct session *session);
/* An open client stream: keeps the session from being idle, but no drain waits for it. */
void session_stream_begin(struct session *session);
void session_stream_end(struct session *session);
/* The client's notifications/initialized: goes into the record. */
void session_set_initialized(struct session *session);
bool session_is_initialized(const struct session *session);
/* The client's logging/setLevel: at the backends at once, and done when it is stored: OK;
 * UNAVAILABLE: the store does not answer; NOT_FOUND: the session has ended. level: static text. */
typedef void (*session_done_fn)(void *ctx, int32_t status, const char *text);
void session_set_log_level(struct session *session, const char *level, session_done_fn done,
                           void *ctx);
/* The client's resources/subscribe and unsubscribe, which the backend has taken: done as with the
 * level; TOO_LARGE: the client has subscribed to too many. uri: plain. */
void session_set_subscribed(struct session *session, struct trunk_slice uri, bool is_subscribed,
                            session_done_fn done, void *ctx);
/* Is the client to be told of this resource? */
bool session_is_subscribed(const struct session *session, struct trunk_slice uri);
const char *session_log_level(const struct session *session); /* NULL: none was set */

#endif
