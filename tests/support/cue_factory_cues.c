/* SPDX-License-Identifier: MIT
 * cue_factory_cues.c - what a test says to a cue_factory, and asks of it. */
#include "support/cue_factory.h"

#include "support/cue_factory_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

void cue_factory_push_result(struct cue_factory *cue, const char *method, const char *result) {
    struct cue_result *pushed = xcalloc(1, sizeof *pushed);
    pushed->method = method;
    pushed->result = result;
    STAILQ_INSERT_TAIL(&cue->results, pushed, link);
}

void cue_factory_hold(struct cue_factory *cue, const char *backend, const char *what) {
    if (cue->nholds == MAX_HOLDS) {
        abort();
    }
    cue->holds[cue->nholds++] = (struct cue_hold){backend, what};
}

static struct cue_call *find_held(const struct cue_factory *cue, const char *backend,
                                  const char *what) {
    struct cue_call *call;
    TAILQ_FOREACH(call, &cue->held, link) {
        if (cue_factory_is_of(call->backend, backend) && strcmp(call->what, what) == 0) {
            break;
        }
    }
    return call;
}

static struct cue_call *take_held(struct cue_factory *cue, const char *backend, const char *what) {
    struct cue_call *call = find_held(cue, backend, what);
    if (call == NULL) {
        (void)fprintf(stderr, "cue_factory: no %s is held\n", what);
        abort();
    }
    TAILQ_REMOVE(&cue->held, call, link);
    return call;
}

void cue_factory_let_all(struct cue_factory *cue) {
    struct cue_call *call;
    cue->nholds = 0;
    cue->holds_all = false;
    while ((call = TAILQ_FIRST(&cue->held)) != NULL) {
        TAILQ_REMOVE(&cue->held, call, link);
        cue_factory_perform(cue, call);
        cue_factory_free_call(call);
    }
}

size_t cue_factory_count_held(const struct cue_factory *cue, const char *backend,
                              const char *what) {
    const struct cue_call *call;
    size_t count = 0;
    TAILQ_FOREACH(call, &cue->held, link) {
        count += cue_factory_is_of(call->backend, backend) && strcmp(call->what, what) == 0 ? 1 : 0;
    }
    return count;
}

void cue_factory_release_next(struct cue_factory *cue, const char *backend, const char *what) {
    struct cue_call *call = take_held(cue, backend, what);
    cue_factory_perform(cue, call);
    cue_factory_free_call(call);
}

void cue_factory_complete_next(struct cue_factory *cue, const char *backend, const char *what,
                               int32_t status, const char *text) {
    struct cue_call *call = take_held(cue, backend, what);
    if (strcmp(what, "finish") == 0) {
        cue_factory_end_leg(call->leg, call->op, status);
    } else {
        cue_factory_complete(cue, call->op, status, text, NULL);
    }
    cue_factory_free_call(call);
}

void cue_factory_hold_all(struct cue_factory *cue) {
    cue->holds_all = true;
}

size_t cue_factory_count_waiting(const struct cue_factory *cue) {
    const struct cue_call *call;
    size_t count = 0;
    TAILQ_FOREACH(call, &cue->held, link) {
        count++;
    }
    return count;
}

static struct cue_call *find_waiting(const struct cue_factory *cue, size_t at) {
    struct cue_call *call = TAILQ_FIRST(&cue->held);
    while (at-- > 0) {
        call = TAILQ_NEXT(call, link);
    }
    return call;
}

const char *cue_factory_waiting_what(const struct cue_factory *cue, size_t at) {
    return find_waiting(cue, at)->what;
}

const char *cue_factory_waiting_backend(const struct cue_factory *cue, size_t at) {
    return find_waiting(cue, at)->backend;
}

void cue_factory_release_at(struct cue_factory *cue, size_t at) {
    struct cue_call *call = find_waiting(cue, at);
    TAILQ_REMOVE(&cue->held, call, link);
    cue_factory_perform(cue, call);
    cue_factory_free_call(call);
}

void cue_factory_complete_at(struct cue_factory *cue, size_t at, int32_t status, bool is_applied) {
    struct cue_call *call = find_waiting(cue, at);
    TAILQ_REMOVE(&cue->held, call, link);
    if (is_applied && call->leg != NULL) {
        (void)cue_factory_apply(cue, call);
    }
    struct cue_session *session = cue_backends_find(
        cue->backends, call->leg != NULL ? call->leg->session : strtoull(call->saved, NULL, 10));
    bool is_finish = strcmp(call->what, "finish") == 0;
    bool is_snapshot = strcmp(call->what, "snapshot") == 0;
    if (session != NULL && (is_finish || is_snapshot || call->leg == NULL)) {
        session->is_unsure = true;
    }
    if (is_finish) {
        cue_factory_end_leg(call->leg, call->op, status);
    } else {
        cue_factory_complete(cue, call->op, status, "as the cue says", NULL);
    }
    cue_factory_free_call(call);
}

void cue_factory_cut_off(struct cue_factory *cue) {
    struct cue_leg *leg;
    cue->is_cut_off = true;
    if (!cue_factory_is_restorable(cue)) {
        TAILQ_FOREACH(leg, &cue->legs, link) {
            cue_backends_end(cue->backends, leg->session);
        }
    }
    cue_factory_let_all(cue);
}

uint64_t cue_factory_held_number(const struct cue_factory *cue, const char *backend,
                                 const char *what) {
    const struct cue_call *call = find_held(cue, backend, what);
    return call != NULL ? call->number : 0;
}

static struct cue_leg *find_leg(const struct cue_factory *cue, const char *backend) {
    struct cue_leg *leg;
    TAILQ_FOREACH_REVERSE(leg, &cue->legs, cue_leg_list, link) {
        if (cue_factory_is_of(leg->backend, backend)) {
            return leg;
        }
    }
    (void)fprintf(stderr, "cue_factory: there is no leg of %s\n", backend);
    abort();
}

int32_t cue_factory_say(struct cue_factory *cue, const char *backend, const char *json,
                        uint64_t number) {
    return cue_factory_say_on(find_leg(cue, backend), slice_cstr(json), number);
}

static void close_leg(struct cue_leg *leg, int32_t status, const char *text) {
    leg->is_closed = true;
    if (!cue_factory_is_restorable(leg->cue)) {
        cue_backends_end(leg->cue->backends, leg->session);
    }
    cue_factory_complete_pending(leg, TRUNK_UNCERTAIN);
    leg->sink->on_closed(leg->sink->ctx, status, text);
}

void cue_factory_close_leg(struct cue_factory *cue, const char *backend, int32_t status,
                           const char *text) {
    close_leg(find_leg(cue, backend), status, text);
}

size_t cue_factory_count_legs(const struct cue_factory *cue, const char *tag) {
    const struct cue_leg *leg;
    size_t count = 0;
    TAILQ_FOREACH(leg, &cue->legs, link) {
        count += tag == NULL || strcmp(leg->tag, tag) == 0 ? 1 : 0;
    }
    return count;
}

bool cue_factory_has_leg_on(const struct cue_factory *cue, uint64_t session) {
    const struct cue_leg *leg;
    TAILQ_FOREACH(leg, &cue->legs, link) {
        if (leg->session == session) {
            return true;
        }
    }
    return false;
}

static struct cue_leg *find_leg_at(const struct cue_factory *cue, size_t at) {
    struct cue_leg *leg = TAILQ_FIRST(&cue->legs);
    while (at-- > 0) {
        leg = TAILQ_NEXT(leg, link);
    }
    return leg;
}

int32_t cue_factory_say_at(struct cue_factory *cue, size_t at, const char *json, uint64_t number) {
    return cue_factory_say_on(find_leg_at(cue, at), slice_cstr(json), number);
}

void cue_factory_close_leg_at(struct cue_factory *cue, size_t at, int32_t status,
                              const char *text) {
    struct cue_leg *leg = find_leg_at(cue, at);
    if (!leg->is_closed) {
        close_leg(leg, status, text);
    }
}

void cue_factory_offer_no_pause(struct cue_factory *cue) {
    cue->plugin.ops.factory.pause = NULL;
}

void cue_factory_forget_at_finish(struct cue_factory *cue) {
    cue->forgets_at_finish = true;
}

size_t cue_factory_count_made(const struct cue_factory *cue) {
    return cue->made;
}

size_t cue_factory_count_finished(const struct cue_factory *cue) {
    return cue->finished;
}

const char *cue_factory_transcript(struct cue_factory *cue) {
    return buffer_cstr(&cue->transcript);
}

void cue_factory_clear_transcript(struct cue_factory *cue) {
    buffer_clear(&cue->transcript);
}

const char *cue_factory_last(const struct cue_factory *cue, const char *backend, const char *what) {
    const struct cue_message *message;
    STAILQ_FOREACH(message, &cue->messages, link) {
        if (cue_factory_is_of(message->backend, backend) && strcmp(message->what, what) == 0) {
            return message->json;
        }
    }
    return "";
}

size_t cue_factory_count(const struct cue_factory *cue, const char *backend, const char *what) {
    const struct cue_message *message;
    size_t count = 0;
    STAILQ_FOREACH(message, &cue->messages, link) {
        count += cue_factory_is_of(message->backend, backend) && strcmp(message->what, what) == 0
                     ? 1
                     : 0;
    }
    return count;
}
