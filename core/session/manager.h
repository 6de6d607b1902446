/* SPDX-License-Identifier: MIT
 * manager.h - the session manager: who exists, who may use it, when it is gone (design.md section
 * 5). Takes storage, registry and clocks from outside. All calls are asynchronous: done is called
 * once, on the loop, never inside the call. */
#ifndef TRUNKD_SESSION_MANAGER_H
#define TRUNKD_SESSION_MANAGER_H

#include "session/session.h"
#include "session/storage.h"

struct manager;

struct manager_config { /* all borrowed, outlive the manager */
    struct loop *loop;
    struct log *log;
    struct clock *clock;
    struct storage *storage;
    const struct backend_registry *registry;
    const struct session_options *options;
    const char *node;
    const struct session_client_ops *client_ops;
    void *client_ctx;
};
struct manager *manager_new(const struct manager_config *config);
/* After manager_stop has told that it is done. */
void manager_free(struct manager *manager);

enum validity { VALIDITY_OK, VALIDITY_TERMINATED, VALIDITY_NOT_FOUND, VALIDITY_CANNOT_TELL };

/* Phase 1. client and capabilities: raw JSON; protocol: negotiated. OK with the id, or UNAVAILABLE
 * with a text. */
struct manager_client {
    const char *principal; /* "": anonymous */
    const char *protocol;
    struct trunk_slice client;
    struct trunk_slice capabilities;
};
typedef void (*manager_generate_fn)(void *ctx, int32_t status, const char *text, const char *id);
void manager_generate(struct manager *manager, const struct manager_client *client,
                      manager_generate_fn done, void *ctx);

/* Phase 2. OK with the ACTIVE session, on which a use was begun for the caller (session_use_end);
 * NOT_FOUND: the placeholder is missing or of another principal; CONFLICT: it was terminated or
 * expired meanwhile; UNAVAILABLE: the store does not answer, or trunkd is shutting down; INTERNAL:
 * a required backend failed. */
typedef void (*manager_session_fn)(void *ctx, int32_t status, const char *text,
                                   struct session *session);
void manager_create_session(struct manager *manager, const char *id, const char *principal,
                            manager_session_fn done, void *ctx);

/* The live ACTIVE session of this principal, at once and from memory; NULL: ask
 * manager_get_multi_session. */
struct session *manager_find_live(struct manager *manager, const char *id, const char *principal);
/* The live object, or restored from its record: one restore per id, however many wait. OK with a
 * use begun for the caller; NOT_FOUND: unknown, expired, a placeholder, terminated, or of another
 * principal; UNAVAILABLE: the store does not answer. */
void manager_get_multi_session(struct manager *manager, const char *id, const char *principal,
                               manager_session_fn done, void *ctx);
/* The session's tools under the names the client sees: appends a page of the result of tools/list,
 * as multi_session_list does. Calls go by multi_session_route through the session's own legs. */
bool manager_get_adapted_tools(struct session *session, const struct trunk_slice *cursor,
                               struct buffer *out);

typedef void (*manager_validate_fn)(void *ctx, enum validity validity);
void manager_validate(struct manager *manager, const char *id, const char *principal,
                      manager_validate_fn done, void *ctx);

/* Always allowed, idempotent. OK: from now on 404 everywhere; UNAVAILABLE: the store did not take
 * it, nothing was dropped. A session of another principal is left alone, and the answer is OK as
 * for an unknown one: validate first. */
void manager_terminate(struct manager *manager, const char *id, const char *principal,
                       session_done_fn done, void *ctx);

/* Once after a start, in the background: what a process before this one left of sessions that it
 * had terminated is closed and removed. Tried again while the store fails. */
void manager_recover(struct manager *manager);

/* Takes expired records off the store and ends idle sessions now, as the timer does by itself. done
 * may be NULL. */
void manager_sweep(struct manager *manager, void (*done)(void *ctx), void *ctx);

/* Ends every session (calls get the drain), refuses new ones; done when no call, build or leg is
 * left. */
void manager_stop(struct manager *manager, void (*done)(void *ctx), void *ctx);

size_t manager_count_live(const struct manager *manager);

#endif
