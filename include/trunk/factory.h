/* SPDX-License-Identifier: MIT
 * trunk/factory.h - what a MultiSession factory driver implements: a transport with session memory. */
#ifndef TRUNK_FACTORY_H
#define TRUNK_FACTORY_H

#include <trunk/host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct trunk_message {
    size_t struct_size;
    struct trunk_slice json;     /* one message or one batch */
    uint64_t number;             /* request on whose stream it came; 0: not known */
    struct trunk_slice position; /* give as resume to go on after it; empty: cannot */
};
struct trunk_sink { /* events of one leg, implemented by the host; [any] */
    size_t struct_size;
    void *ctx;
    int32_t (*on_message)(void *ctx, const struct trunk_message *message);
    void (*on_changed)(void *ctx);
    void (*on_closed)(void *ctx, int32_t status, const char *message);
};
struct trunk_make {
    size_t struct_size;
    const char *session_id;           /* shortened, for logs */
    const char *backend;              /* its name in the config */
    const char *principal;            /* NULL: anonymous */
    const struct trunk_param *params; /* the backend's own keys */
    size_t nparams;
    struct trunk_slice saved;         /* empty: a new leg */
    const struct trunk_sink *sink;    /* valid until finish completes */
    uint64_t max_message;             /* bytes; more is TOO_LARGE */
    uint64_t deadline_ms;             /* on mono_ms's clock */
};
struct trunk_request {
    size_t struct_size;
    uint64_t number;                   /* the JSON-RPC id in json; 0 for send and listen */
    struct trunk_slice json;           /* one message, no raw line breaks; empty for listen */
    const struct trunk_param *headers; /* for transports that have them; others ignore them */
    size_t nheaders;
    struct trunk_slice resume;         /* not empty: do not send json, listen on from here */
    uint64_t deadline_ms;
};
struct trunk_finish {
    size_t struct_size;
    uint32_t keep;
    uint32_t reserved;
    const struct trunk_param *headers;
    size_t nheaders;
    uint64_t deadline_ms;
};

struct trunk_factory_ops {
    size_t struct_size;
    uint32_t caps;
    uint32_t max_inflight;
    int32_t (*check)(const struct trunk_param *params, size_t nparams, struct trunk_error *error);
    int32_t (*check_backend)(const struct trunk_param *params, size_t nparams,
                             struct trunk_error *error);
    int32_t (*open)(const struct trunk_host *host, const struct trunk_param *params, size_t nparams,
                    void **self, struct trunk_error *error);
    void (*close)(void *self);
    void (*make)(void *self, const struct trunk_make *make, trunk_op op);
    void (*request)(void *leg, const struct trunk_request *request, trunk_op op);
    void (*send)(void *leg, const struct trunk_request *message, trunk_op op);
    void (*listen)(void *leg, const struct trunk_request *how, trunk_op op);
    void (*cancel_request)(void *leg, uint64_t number);
    void (*snapshot)(void *leg, trunk_op op);
    void (*finish)(void *leg, const struct trunk_finish *how, trunk_op op);
    /* Optional; NULL if not offered. */
    void (*pause)(void *leg, uint64_t number, int32_t paused);
    void (*cancel)(void *self, trunk_op op);
};

#ifdef __cplusplus
}
#endif
#endif
