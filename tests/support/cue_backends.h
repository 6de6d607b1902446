/* SPDX-License-Identifier: MIT
 * cue_backends.h - the sessions that the backends of a cue_factory hold: they may outlive the
 * factory, as those of an HTTP server do when a client of it is killed. */
#ifndef TRUNKD_TEST_CUE_BACKENDS_H
#define TRUNKD_TEST_CUE_BACKENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cue_session {
    uint64_t number;
    char *backend;
    char *tag;           /* of the client's session, as make gave it */
    bool is_initialized; /* notifications/initialized came */
    bool is_unsure;      /* no snapshot, not to be gone on with, or not ended: nobody is to blame */
    uint64_t last_id;    /* of a request */
};

struct cue_backends {
    struct cue_session **items;
    size_t count;
    uint64_t last_number;
    size_t mistakes; /* requests whose id did not rise within their session */
    /* NULL: nobody watches. Called before the session is among the others. */
    void (*on_begin)(void *ctx, const struct cue_session *session);
    void *ctx;
};

void cue_backends_clear(struct cue_backends *backends);
struct cue_session *cue_backends_begin(struct cue_backends *backends, const char *backend,
                                       const char *tag);
/* NULL: it has ended. */
struct cue_session *cue_backends_find(const struct cue_backends *backends, uint64_t number);
void cue_backends_end(struct cue_backends *backends, uint64_t number); /* or was ended already */
void cue_backends_take_id(struct cue_backends *backends, struct cue_session *session, uint64_t id);

#endif
