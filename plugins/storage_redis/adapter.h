/* SPDX-License-Identifier: MIT
 * adapter.h - hiredis' asynchronous context on a watch of the host. */
#ifndef STORAGE_REDIS_ADAPTER_H
#define STORAGE_REDIS_ADAPTER_H

#include <stdbool.h>

#include <hiredis/async.h>

#include <trunk/plugin.h>

/* Who is told. */
struct adapter_events {
    /* The socket is about to be read or written. */
    void (*on_ready)(void *ctx, uint32_t ready);
    /* The server is sending what nobody asked for: to free the context. */
    void (*on_unasked)(void *ctx);
    /* hiredis frees the context; the callbacks of all its commands have been called. */
    void (*on_gone)(void *ctx);
};

struct adapter {
    const struct trunk_host *host;
    const struct adapter_events *events;
    void *ctx;
    redisAsyncContext *ac;
    struct trunk_watch *watch;
    uint32_t wanted;
};

/* Takes over the waiting for ac, which is connecting. *adapter stays where it is until on_gone.
 * False: out of memory, ac is as it was. */
bool adapter_attach(struct adapter *adapter, const struct trunk_host *host, redisAsyncContext *ac,
                    const struct adapter_events *events, void *ctx);
/* Has hiredis read something that is no error, and no command is left that it could answer? hiredis
 * 0.14 ends the process over it, once the callback has returned in which this is asked. (An error
 * it takes for the reason of a hang-up.) */
bool adapter_has_unasked(const redisAsyncContext *ac);

#endif
