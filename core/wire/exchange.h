/* SPDX-License-Identifier: MIT
 * exchange.h - the interface of one HTTP request to the MCP endpoint and the means to answer it.
 * The seam between the mcp and http rooms; another thread or node may answer one later. */
#ifndef TRUNKD_WIRE_EXCHANGE_H
#define TRUNKD_WIRE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <trunk/types.h>

/* A stream on which more than the high mark waits for its client is sent to no more where that can
 * be helped; on_drained tells when no more than the low mark waits. A client that takes nothing
 * while more than the low mark waits is given up in the end, so nobody is held up for ever. */
#define EXCHANGE_HIGH_BYTES (2u << 20)
#define EXCHANGE_LOW_BYTES (1u << 20)

enum exchange_method { EXCHANGE_POST, EXCHANGE_GET, EXCHANGE_DELETE };

struct exchange_answer {
    int status;
    const char *session_id;  /* Mcp-Session-Id header, or NULL */
    struct trunk_slice json; /* body as application/json; empty: no body */
    unsigned retry_after_s;  /* Retry-After header; 0: none */
};

struct exchange_event {
    struct trunk_slice json; /* one message; empty: the event carries none (MCP 2025-11-25,
                                Transports: Resumability) */
    struct trunk_slice id;   /* visible ASCII; empty: none */
    unsigned retry_ms;       /* how long to wait before a reconnection; 0: not said */
};

struct exchange;
struct exchange_ops {
    /* Exactly one of answer and close_stream ends an exchange, also after on_close was called; the
     * exchange is gone then. */
    void (*answer)(struct exchange *exchange, const struct exchange_answer *answer);
    /* 200 text/event-stream. Keep-alive comments are sent by the implementation. */
    void (*open_stream)(struct exchange *exchange, const char *session_id);
    /* One SSE event. Raw CR and LF in its message are sent as spaces. After the client left it does
     * nothing. */
    void (*event)(struct exchange *exchange, const struct exchange_event *event);
    size_t (*backlog)(
        const struct exchange *exchange); /* bytes of the stream not yet taken by the kernel */
    void (*close_stream)(struct exchange *exchange);
};

/* First member of the implementation's own struct. All fields are set by the implementation,
 * on_close and ctx by the user. */
struct exchange {
    const struct exchange_ops *ops;
    enum exchange_method method;
    const char *principal;  /* whose request it is; "": anonymous */
    const char *session_id; /* headers; NULL: absent */
    const char *protocol_version;
    const char *last_event_id;
    struct trunk_slice body; /* POST; valid until the exchange ends */
    bool is_streaming;       /* open_stream was called */
    bool is_closed;          /* the client is gone; events go nowhere */
    /* Called at most once when the client goes away before the end, on the loop, not inside a call
     * of ops. May be NULL. */
    void (*on_close)(struct exchange *exchange, void *ctx);
    /* Called when the backlog of the stream has come down to EXCHANGE_LOW_BYTES, likewise. May be
     * NULL. */
    void (*on_drained)(struct exchange *exchange, void *ctx);
    void *ctx;
};

#endif
