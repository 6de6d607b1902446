/* SPDX-License-Identifier: MIT
 * leg.h - a leg over HTTP: the session id and protocol version that its requests name, and the
 * calls that are pending. Private to the driver; everything runs on the loop thread. */
#ifndef FACTORY_HTTP_LEG_H
#define FACTORY_HTTP_LEG_H

#include <sys/queue.h>

#include <trunk/plugin_util.h>

#include "exchange.h"
#include "outcome.h"

enum { CONNECT_TIMEOUT_MS = 30000 };

struct call;
struct leg;
struct legacy_stream;
LIST_HEAD(call_list, call);
LIST_HEAD(leg_list, leg);

/* A configured instance of this driver. */
struct factory {
    const struct trunk_host *host;
    struct curl_loop *loop;
    struct exchange_options options;
    struct leg_list legs;
};

struct leg {
    LIST_ENTRY(leg) link;
    struct factory *factory;
    const struct trunk_host *host;
    const struct trunk_sink *sink;
    char *backend;
    CURLU *url;                 /* where messages go */
    struct curl_slist *headers; /* the configured ones */
    size_t max_message_bytes;
    struct call_list calls;
    bool has_begun;   /* initialize was answered, here or before the restore */
    bool is_good;     /* the session id was accepted once after that */
    bool is_closed;   /* on_closed was called, or finish: no sink call follows */
    char *session_id; /* NULL: the backend gave none */
    char *protocol;   /* NULL: not known yet */
    trunk_op finish_op;
    const struct trunk_finish *how;    /* of finish */
    struct call *awaited;              /* initialize, whose session id is awaited to delete it */
    struct exchange *farewell;         /* the DELETE of finish */
    struct legacy_stream *legacy;      /* NULL: Streamable HTTP */
    char end_text[OUTCOME_TEXT_BYTES]; /* why it was closed */
};

/* The calls of trunk/factory.h. finish frees the leg. */
void leg_make(struct factory *factory, const struct trunk_make *make, trunk_op op);
void leg_request(struct leg *leg, const struct trunk_request *request, trunk_op op);
void leg_send(struct leg *leg, const struct trunk_request *request, trunk_op op);
void leg_listen(struct leg *leg, const struct trunk_request *how, trunk_op op);
void leg_cancel_request(struct leg *leg, uint64_t number);
void leg_snapshot(struct leg *leg, trunk_op op);
void leg_pause(struct leg *leg, uint64_t number, bool is_paused);
void leg_finish(struct leg *leg, const struct trunk_finish *how, trunk_op op);
/* Completes what is pending with CANCELLED and frees the leg, without a word to the backend. */
void leg_destroy(struct leg *leg);

/* --- for call.c and legacy_sse.c --- */

/* Fields of one request: the configured ones, those of the core, the session's and the method's.
 * last_event_id may be NULL. *out_list is the caller's. Gives false when out of memory. */
bool leg_build_headers(const struct leg *leg, enum exchange_method method,
                       const struct curl_slist *own, const char *last_event_id,
                       struct curl_slist **out_list);
/* The header section of the 2xx answer to initialize. Gives false when it has a session id that
 * cannot be one. */
bool leg_begin_session(struct leg *leg, const struct answer_headers *headers);
/* The awaited call is over: goes on with finish. */
void leg_go_on_finishing(struct leg *leg);
/* What of the time until deadline_ms is left; 0: no deadline. At least 1 otherwise. */
uint64_t leg_time_left(const struct leg *leg, uint64_t deadline_ms);
/* The stream that is the session broke: pending ops are completed, the host is told. text may be
 * end_text. */
void leg_close(struct leg *leg, int32_t status, const char *text);
void leg_free(struct leg *leg);

#endif
