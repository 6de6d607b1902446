/* SPDX-License-Identifier: MIT
 * cue_backends.c - sessions of the backends of a cue_factory. */
#include "support/cue_backends.h"

#include <stdlib.h>

#include "base/alloc.h"

static void free_session(struct cue_session *session) {
    free(session->backend);
    free(session->tag);
    free(session);
}

void cue_backends_clear(struct cue_backends *backends) {
    for (size_t i = 0; i < backends->count; i++) {
        free_session(backends->items[i]);
    }
    free((void *)backends->items);
    backends->items = NULL;
    backends->count = 0;
}

struct cue_session *cue_backends_begin(struct cue_backends *backends, const char *backend,
                                       const char *tag) {
    struct cue_session *session = xcalloc(1, sizeof *session);
    *session = (struct cue_session){
        .number = ++backends->last_number, .backend = xstrdup(backend), .tag = xstrdup(tag)};
    backends->items =
        xrealloc((void *)backends->items, (backends->count + 1) * sizeof(struct cue_session *));
    backends->items[backends->count++] = session;
    return session;
}

struct cue_session *cue_backends_find(const struct cue_backends *backends, uint64_t number) {
    for (size_t i = 0; i < backends->count; i++) {
        if (backends->items[i]->number == number) {
            return backends->items[i];
        }
    }
    return NULL;
}

void cue_backends_end(struct cue_backends *backends, uint64_t number) {
    for (size_t i = 0; i < backends->count; i++) {
        if (backends->items[i]->number == number) {
            free_session(backends->items[i]);
            backends->items[i] = backends->items[--backends->count];
            return;
        }
    }
}

void cue_backends_take_id(struct cue_backends *backends, struct cue_session *session, uint64_t id) {
    backends->mistakes += id <= session->last_id ? 1 : 0;
    session->last_id = id;
}
