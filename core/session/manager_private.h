/* SPDX-License-Identifier: MIT
 * manager_private.h - the inside of the session manager, shared by its files. */
#ifndef TRUNKD_SESSION_MANAGER_PRIVATE_H
#define TRUNKD_SESSION_MANAGER_PRIVATE_H

#include <sys/queue.h>

#include "base/hash.h"
#include "session/limits.h"
#include "session/manager.h"
#include "session/reaper.h"

/* Waits until what is wanted of the record is stored. */
struct write_waiter {
    STAILQ_ENTRY(write_waiter) in_session;
    bool is_terminate; /* the end of the session is what it waits for */
    session_done_fn done;
    void *ctx;
};
STAILQ_HEAD(write_waiters, write_waiter);

struct session {
    struct manager *manager;
    UT_hash_handle hh;           /* in manager->live while ACTIVE */
    UT_hash_handle hh_ending;    /* in manager->ending once TERMINATED, until it is gone */
    TAILQ_ENTRY(session) in_lru; /* with hh: least recently used first */
    LIST_ENTRY(session) in_all;
    char id[SESSION_ID_SIZE];
    char tag[SESSION_TAG_SIZE];
    char key[RECORD_KEY_SIZE];
    char *principal; /* the record's, but as long as the legs */
    enum session_state state;
    struct record record; /* as stored under version */
    uint64_t version;
    struct multi_session *multi;
    void *client;
    size_t refs; /* the manager's, uses, streams, storage calls under way */
    size_t uses;
    size_t streams;
    uint64_t last_use_ms;
    bool is_confirmed;   /* its id was used once, so the client has got it */
    uint64_t touched_ms; /* when the store was last told to restart the life */
    bool is_touching;
    /* The writer: one CAS at a time brings the record to what is wanted. */
    struct record next;
    bool is_writing;
    bool must_write;
    bool wants_initialized;
    bool wants_terminated;
    struct uri_set subscriptions;
    const char *wants_log_level;  /* static text; NULL: none was set */
    struct write_waiters waiters; /* for the next write */
    struct write_waiters writing; /* for the one under way */
    struct loop_timer *timer;     /* a failed write is tried again; the drain */
    bool is_cut;
    bool keeps_record; /* when it ends: the record goes on without it */
};

struct restore;

struct manager {
    struct manager_config config;
    struct leg_env leg_env;
    uint64_t store_ttl_ms; /* ttl * 1.1 */
    struct session *live;
    struct session *ending;
    struct reaper *reaper;
    struct limits *limits;
    struct log_limit refusal_limit;
    TAILQ_HEAD(, session) lru;
    LIST_HEAD(, session) all; /* live, being built, draining */
    struct restore *restores; /* by id */
    size_t jobs;              /* calls of the manager under way, and sessions' legs being closed */
    struct loop_timer *sweep_timer;
    struct loop_timer *recover_timer; /* NULL until the store failed it */
    bool is_sweeping;
    bool is_stopping;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

/* session.c */
struct session *session_new(struct manager *manager, const char *id, struct record *record,
                            uint64_t version);
void session_change_state(struct session *session,
                          enum session_state state); /* asserts legal moves */
/* ACTIVE: into the table, the client's side is opened. is_confirmed: its client has the id. */
void session_activate(struct session *session, bool is_confirmed);
void session_begin_unconfirmed_use(struct session *session); /* by who has yet to tell the id */
void session_ref(struct session *session);
void session_unref(struct session *session);
/* The record is flagged, expired or lost: the session is over. drains: running calls get
 * session.drain. */
void session_end(struct session *session, const char *why, bool drains);
void session_stop(
    struct session *session); /* with trunkd; the record stays where the store is PERSISTENT */
void session_abandon(struct session *session, multi_session_closed_fn closed,
                     void *ctx); /* a build that came to nothing */
void session_touch_if_due(struct session *session);
extern const struct multi_session_events session_multi_events;

/* session_writer.c */
void session_write(struct session *session); /* something wanted differs from the record */
/* Calls done when what is wanted now is stored, or cannot be. The session is ACTIVE. */
void session_wait_written(struct session *session, session_done_fn done, void *ctx);
/* done is told so at the next turn; text is static. */
void session_refuse(struct session *session, int32_t status, const char *text, session_done_fn done,
                    void *ctx);
void session_want_terminated(struct session *session, session_done_fn done, void *ctx);
/* Those who wait for the end are told status and text; to the others no end is a good one. */
void session_tell_waiters(struct session *session, int32_t status, const char *text);

/* manager.c */
void manager_job_begin(struct manager *manager);
void manager_job_end(struct manager *manager);
struct session *manager_find(struct manager *manager, const char *id); /* whatever the principal */
/* A record without a live session: its legs are closed. removes: then the record goes too. Nothing,
 * if that is under way already. record's contents are taken over. */
void manager_reap(struct manager *manager, const char *id, struct record *record, bool removes);
/* The session is over, but some backend may still hold its part: that is tried again, now or after
 * the next start, and then the record goes. false: at the stop, of a record that is not there then.
 */
bool manager_reap_ended(struct session *session);
/* A terminated record that was found in the store: whoever should have closed its legs is gone. */
void manager_reap_if_left(struct manager *manager, const char *id, const struct record *record);
bool manager_is_idle_expired(const struct session *session, uint64_t now_ms);
/* Decodes a stored record; a record of an unknown format is as good as none, but for a log line. */
int32_t manager_decode(struct manager *manager, const char *tag, const struct trunk_reply *reply,
                       struct record *out);
bool manager_item_id(const struct trunk_item *item,
                     char out_id[SESSION_ID_SIZE]); /* of a session */
/* The record in an item of sweep or scan; false: it cannot be read. */
bool manager_read_item(struct manager *manager, const char *id, const struct trunk_item *item,
                       struct record *out);
void manager_put_record(struct manager *manager, uint32_t mode, const char *key,
                        const struct record *record, uint64_t ttl_ms, uint64_t version,
                        storage_done_fn done, void *ctx);
/* Of an ACTIVE record: never beyond session.max_lifetime. One whose id the client may never have
 * got, since it has not used it, lives as a placeholder does. */
uint64_t manager_store_ttl_ms(const struct manager *manager, const struct record *record,
                              bool is_confirmed);
/* Is it older than session.max_lifetime? Then it is as good as expired. */
bool manager_is_outlived(const struct manager *manager, const struct record *record);
uint64_t manager_placeholder_ttl_ms(const struct manager *manager);

/* sweep.c */
void manager_sweep_on_timer(void *arg);

#endif
