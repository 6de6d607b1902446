/* SPDX-License-Identifier: MIT
 * exchange.h - one HTTP request and its answer, over redirects within the origin. A body is never
 * sent twice: not by libcurl when a kept connection dies under it, and again by a redirect only
 * because that says that nothing was done. */
#ifndef FACTORY_HTTP_EXCHANGE_H
#define FACTORY_HTTP_EXCHANGE_H

#include "curl_loop.h"
#include "headers.h"
#include "sse_reader.h"

enum exchange_method { EXCHANGE_POST, EXCHANGE_GET, EXCHANGE_DELETE };

/* Of the configured instance; NULL: the default of libcurl. */
struct exchange_options {
    const char *proxy;
    const char *ca_file;
    bool may_have_proxy; /* by proxy or the environment, for plain http */
};
struct exchange_setup {
    enum exchange_method method;
    CURLU *url;                 /* copied */
    struct curl_slist *headers; /* taken over, also when exchange_start fails */
    struct trunk_slice body;    /* of POST; borrowed until the end or exchange_forget_body */
    size_t max_message_bytes;   /* of a JSON body and of an event; 0: no limit */
    uint64_t timeout_ms;        /* for the whole; 0: none */
    uint64_t connect_timeout_ms;
};

/* How an exchange ended. */
struct exchange_result {
    long http_status; /* 0: no answer came */
    bool is_whole;    /* the answer came to its proper end */
    bool is_sent;     /* the backend may have the request, or a part of it */
    int32_t problem;  /* why the driver stopped it: OK: it did not; TOO_LARGE; INVALID; INTERNAL */
    struct trunk_slice body; /* empty for event streams; of what is not JSON only the beginning */
    const struct answer_headers *headers;
    const char *text; /* what went wrong, "" when nothing did */
};
/* on_headers and on_event are called inside libcurl: nothing may be started or freed in them. */
struct exchange_events {
    /* The header section of the final answer has come. */
    void (*on_headers)(void *ctx, long http_status, const struct answer_headers *headers);
    /* An event of a 2xx event stream. Gives true to stop the exchange. */
    bool (*on_event)(void *ctx, const struct sse_event *event);
    /* The end; the exchange may be freed in it. */
    void (*on_end)(void *ctx, const struct exchange_result *result);
};

struct exchange;
/* NULL: out of memory. events is borrowed and static. Goes on in curl_loop_run. */
struct exchange *exchange_start(struct curl_loop *loop, const struct exchange_options *options,
                                const struct exchange_setup *setup,
                                const struct exchange_events *events, void *ctx);
/* Ends it without a word if it is still under way. NULL is fine. */
void exchange_free(struct exchange *exchange);

/* Going on may end the exchange within the call, and so free it. */
void exchange_pause(struct exchange *exchange, bool is_paused);
/* The body is gone: if libcurl asks for more of it, the exchange fails. Gives false when some of
 * it is still to be sent, so that nothing good can come of the exchange. */
bool exchange_forget_body(struct exchange *exchange);
bool exchange_is_sent(const struct exchange *exchange);
/* Where it went in the end. */
CURLU *exchange_url(const struct exchange *exchange);
/* Its event stream: the last id ("" for none) and the wanted pause before the next connection. */
const struct sse_reader *exchange_reader(const struct exchange *exchange);

/* Do both have the same scheme, host and port, and the second no user or password? */
bool url_is_same_origin(CURLU *url, CURLU *other);
/* A URL resolved against base if it is of the same origin; NULL if it is not, or no URL. */
CURLU *url_resolve_within(CURLU *base, const char *reference);

#endif
