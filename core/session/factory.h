/* SPDX-License-Identifier: MIT
 * factory.h - the front to a factory driver: one leg at its driver, from make to finish. Keeps what
 * a call needs until its op completes, and hands every message over parsed, on the loop, in the
 * order in which it arrived. */
#ifndef TRUNKD_SESSION_FACTORY_H
#define TRUNKD_SESSION_FACTORY_H

#include "session/backend_registry.h"
#include "wire/jsonrpc.h"

struct factory_leg;

/* All are called on the loop, never inside a call of this header, and none after factory_finish. */
struct factory_leg_events {
    /* status OK: the leg may be used. Otherwise it is gone already, factory_finish is still to be
     * called. */
    void (*on_made)(void *ctx, int32_t status, const char *text);
    /* number: of the request on whose stream it came; 0: not known. message is valid during the
     * call. */
    void (*on_message)(void *ctx, const struct message *message, uint64_t number);
    /* The backend sent what is no JSON-RPC message. */
    void (*on_refused)(void *ctx, const char *text);
    void (*on_changed)(void *ctx); /* factory_snapshot would give something else now */
    void (*on_closed)(void *ctx, int32_t status, const char *text); /* the last event */
};

struct factory_make {
    const struct backend *backend; /* outlives the leg */
    const char *session_tag;
    const char *principal;    /* "": anonymous */
    struct trunk_slice saved; /* empty: a new leg */
    uint64_t max_message_bytes;
    uint64_t timeout_ms;
};
struct factory_leg *factory_make(const struct factory_make *make,
                                 const struct factory_leg_events *events, void *ctx);

/* The driver's word on how the transport fared (ABI rule 13). Not called after factory_finish. */
typedef void (*factory_done_fn)(void *ctx, int32_t status, const char *text);
/* json is one message on one line; its bytes move to the call, which leaves the caller's buffer
 * empty. done may be NULL. The result is valid until done is called. */
struct factory_call;
struct factory_call *factory_request(struct factory_leg *leg, uint64_t number, struct buffer *json,
                                     uint64_t timeout_ms, factory_done_fn done, void *ctx);
struct factory_call *factory_send(struct factory_leg *leg, struct buffer *json, uint64_t timeout_ms,
                                  factory_done_fn done, void *ctx);
struct factory_call *factory_listen(struct factory_leg *leg, factory_done_fn done, void *ctx);
/* The revision negotiated with the backend: goes with every later request of a transport that has
 * headers (MCP 2025-06-18, transports, protocol version header). Once. */
void factory_set_protocol(struct factory_leg *leg, const char *version);
/* What factory_make takes as saved; state is empty unless OK, valid during the call. UNSUPPORTED:
 * sessions of this driver cannot be gone on with. Not called after factory_finish. */
typedef void (*factory_state_fn)(void *ctx, int32_t status, struct trunk_slice state);
void factory_snapshot(struct factory_leg *leg, factory_state_fn done, void *ctx);
bool factory_can_restore(const struct backend *backend);
void factory_call_forget(struct factory_call *call); /* its done is not called any more */
void factory_cancel_request(struct factory_leg *leg, uint64_t number);
bool factory_can_pause(const struct factory_leg *leg);
/* number: as in on_message. Never twice the same. */
void factory_pause(struct factory_leg *leg, uint64_t number, bool is_paused);

/* Ends the leg in the background, whatever state it is in, and frees it. finished (may be NULL) is
 * called when the driver is through; status: OK, or the backend may still hold its session. */
typedef void (*factory_finished_fn)(void *ctx, int32_t status);
void factory_finish(struct factory_leg *leg, bool keep, uint64_t timeout_ms,
                    factory_finished_fn finished, void *ctx);

#endif
