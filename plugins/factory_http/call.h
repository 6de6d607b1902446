/* SPDX-License-Identifier: MIT
 * call.h - a pending op of a leg: a message on its way and the stream of its answer, or the stream
 * of unasked messages; taken up again with Last-Event-ID where the backend allows it. */
#ifndef FACTORY_HTTP_CALL_H
#define FACTORY_HTTP_CALL_H

#include "leg.h"

enum call_kind {
    CALL_REQUEST, /* a POST whose answer is awaited, or a GET that resumes one */
    CALL_SEND,    /* a POST that is only to be taken */
    CALL_LISTEN   /* the GET for unasked messages; goes on after its op was completed */
};

/* Completes op at its end. request is read within the call, its json until op is completed. */
void call_start(struct leg *leg, enum call_kind kind, const struct trunk_request *request,
                trunk_op op);
/* The request of this number; 0: the listening call. NULL: none. */
struct call *call_find(const struct leg *leg, uint64_t number);
/* May end it. */
void call_pause(struct call *call, bool is_paused);
/* The leg is finished while its session begins at the backend: the op is completed, but the call
 * goes on until the session's id is known, for within_ms at the most; then leg_go_on_finishing.
 * False: no such call. Else it is leg->awaited, and no more among leg->calls. */
bool call_await_session(struct leg *leg, uint64_t within_ms, const char *text);
/* leg->awaited, if any, is a call like others again. */
void call_give_up_session(struct leg *leg);
/* Completes the op, if it is still pending, and frees the call. */
void call_end(struct call *call, int32_t status, const char *text);
/* May the backend have got it? */
bool call_is_sent(const struct call *call);

#endif
