/* SPDX-License-Identifier: MIT
 * handshake.h - what is said first on a new connection: who we are, which database; and what is
 * learned: the server's version and role, and the names of our scripts. */
#ifndef STORAGE_REDIS_HANDSHAKE_H
#define STORAGE_REDIS_HANDSHAKE_H

#include <stdbool.h>

#include <hiredis/async.h>

#include "scripts.h"
#include "settings.h"

enum { SHA_BYTES = 40, RUN_ID_BYTES = 40 };

struct handshake {
    const struct settings *settings;
    unsigned step;   /* the next reply's */
    char server[40]; /* its name and version */
    char run_id[RUN_ID_BYTES + 1];
    char shas[SCRIPT_COUNT][SHA_BYTES + 1]; /* by which EVALSHA knows the scripts */
    bool may_evict; /* the server may throw records away when its memory is full */
};

/* Sends all of it at once. fn gets every reply, in order, to give it to handshake_take. False: the
 * context takes no commands. */
bool handshake_begin(struct handshake *out_handshake, const struct settings *settings,
                     redisAsyncContext *ac, redisCallbackFn *fn, void *privdata);
bool handshake_is_over(const struct handshake *handshake);
/* OK; UNAVAILABLE or DENIED, with a text: the connection is of no use. */
int32_t handshake_take(struct handshake *handshake, const redisReply *reply, char *out_text,
                       size_t text_size);

#endif
