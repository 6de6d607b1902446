/* SPDX-License-Identifier: MIT
 * adapter.c - hiredis says when it wants to read and write; the host says when it may. */
#include "adapter.h"

#include <sys/socket.h>

static void want(struct adapter *adapter, uint32_t wanted) {
    if (adapter->wanted != wanted) {
        adapter->wanted = wanted;
        adapter->host->watch_set(adapter->watch, wanted);
    }
}

static void add_read(void *arg) {
    struct adapter *adapter = arg;
    want(adapter, adapter->wanted | TRUNK_READ);
}

static void remove_read(void *arg) {
    struct adapter *adapter = arg;
    want(adapter, adapter->wanted & ~(uint32_t)TRUNK_READ);
}

static void add_write(void *arg) {
    struct adapter *adapter = arg;
    want(adapter, adapter->wanted | TRUNK_WRITE);
}

static void remove_write(void *arg) {
    struct adapter *adapter = arg;
    want(adapter, adapter->wanted & ~(uint32_t)TRUNK_WRITE);
}

static void clean_up(void *arg) {
    struct adapter *adapter = arg;
    adapter->host->watch_free(adapter->watch);
    adapter->watch = NULL;
    adapter->ac = NULL;
    adapter->events->on_gone(adapter->ctx);
}

bool adapter_has_unasked(const redisAsyncContext *ac) {
    const redisReader *reader = ac->c.reader;
    return ac->replies.head == NULL && reader->pos < reader->len && reader->buf[reader->pos] != '-';
}

static bool is_unasked_coming(const redisAsyncContext *ac) {
    char first = '-';
    if (ac->replies.head != NULL || (ac->c.flags & REDIS_CONNECTED) == 0 ||
        ac->c.reader->pos < ac->c.reader->len) {
        return adapter_has_unasked(ac);
    }
    return recv(ac->c.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first != '-';
}

/* One of both at a time: hiredis may free the context in either. What is left is reported again at
 * the next turn. */
static void on_ready(void *arg, uint32_t ready) {
    struct adapter *adapter = arg;
    redisAsyncContext *ac = adapter->ac;
    adapter->events->on_ready(adapter->ctx, ready);
    if ((ready & TRUNK_READ) == 0) {
        redisAsyncHandleWrite(ac);
    } else if (is_unasked_coming(ac)) {
        adapter->events->on_unasked(adapter->ctx);
    } else {
        redisAsyncHandleRead(ac);
    }
}

bool adapter_attach(struct adapter *adapter, const struct trunk_host *host, redisAsyncContext *ac,
                    const struct adapter_events *events, void *ctx) {
    *adapter = (struct adapter){.host = host, .events = events, .ctx = ctx, .ac = ac};
    adapter->watch = host->watch_new(host->ctx, ac->c.fd, on_ready, adapter);
    if (adapter->watch == NULL) {
        return false;
    }
    ac->ev.data = adapter;
    ac->ev.addRead = add_read;
    ac->ev.delRead = remove_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = remove_write;
    ac->ev.cleanup = clean_up;
    return true;
}
