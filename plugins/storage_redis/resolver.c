/* SPDX-License-Identifier: MIT
 * resolver.c - one thread at most, for one question. */
#include "resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PATIENCE_S = 2 };

/* No name, which stands for this machine, is taken only together with a port, which is not used. */
#define ANY_PORT "1"

struct resolver {
    const struct trunk_host *host;
    const char *name;
    void (*on_answer)(void *ctx);
    void *ctx;
    struct addrinfo *found; /* NULL: none */
    const struct addrinfo *next;
    int code;         /* of getaddrinfo */
    int system_error; /* with EAI_SYSTEM */
    pthread_t thread;
    bool is_asking; /* there is a thread: the answer is its own, until is_done */
    atomic_bool is_done;
};

static void look_up(struct resolver *resolver, const char *name, int flags) {
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    resolver->code = getaddrinfo(name, ANY_PORT, &hints, &resolver->found);
    resolver->system_error = errno;
    if (resolver->code != 0) {
        resolver->found = NULL;
    }
}

static void on_posted(void *arg);

/* Who asks again anyway needs no second try, and close waits for us. For this thread alone;
 * NORELOAD because glibc takes a state that looks untouched for one to be read anew from its file,
 * and a new thread may begin with the numbers of an earlier one. */
static void be_impatient(void) {
    if (res_init() == 0) {
        _res.options |= RES_NORELOAD;
        _res.retry = 1;
        _res.retrans = _res.retrans < PATIENCE_S ? _res.retrans : PATIENCE_S;
    }
}

static void *ask(void *arg) {
    struct resolver *resolver = arg;
    be_impatient();
    look_up(resolver, resolver->name, AI_ADDRCONFIG);
    atomic_store(&resolver->is_done, true);
    /* When there is no memory for it, the next resolver_ask sees that it is done. */
    (void)resolver->host->post(resolver->host->ctx, on_posted, resolver);
    return NULL;
}

static int start_thread(struct resolver *resolver) {
    sigset_t all;
    sigset_t before;
    atomic_store(&resolver->is_done, false);
    (void)sigfillset(&all); /* signals are the host's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&resolver->thread, NULL, ask, resolver);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* False: the thread is not that far. */
static bool take_answer(struct resolver *resolver) {
    if (!atomic_load(&resolver->is_done)) {
        return false;
    }
    (void)pthread_join(resolver->thread, NULL);
    resolver->is_asking = false;
    resolver->next = resolver->found;
    return true;
}

/* May be the post of an earlier thread, whose answer resolver_ask has taken. */
static void on_posted(void *arg) {
    struct resolver *resolver = arg;
    if (resolver->is_asking && take_answer(resolver)) {
        resolver->on_answer(resolver->ctx);
    }
}

bool resolver_ask(struct resolver *resolver) {
    if (resolver->is_asking) {
        return take_answer(resolver);
    }
    resolver_forget(resolver);
    bool is_localhost = strcasecmp(resolver->name, "localhost") == 0;
    look_up(resolver, is_localhost ? NULL : resolver->name, AI_NUMERICHOST);
    resolver->next = resolver->found;
    if (resolver->found != NULL || is_localhost) {
        return true;
    }
    int code = start_thread(resolver);
    if (code != 0) {
        resolver->code = EAI_SYSTEM;
        resolver->system_error = code;
        return true;
    }
    resolver->is_asking = true;
    return false;
}

bool resolver_has_address(const struct resolver *resolver) {
    return !resolver->is_asking && resolver->next != NULL;
}

struct address resolver_take_address(struct resolver *resolver) {
    struct address address = {""};
    const struct addrinfo *next = resolver->next;
    (void)getnameinfo(next->ai_addr, next->ai_addrlen, address.text, sizeof address.text, NULL, 0,
                      NI_NUMERICHOST);
    resolver->next = next->ai_next;
    return address;
}

void resolver_forget(struct resolver *resolver) {
    if (!resolver->is_asking && resolver->found != NULL) {
        freeaddrinfo(resolver->found);
        resolver->found = NULL;
    }
    resolver->next = NULL;
}

const char *resolver_reason(const struct resolver *resolver) {
    return resolver->code == EAI_SYSTEM ? strerror(resolver->system_error)
                                        : gai_strerror(resolver->code);
}

struct resolver *resolver_new(const struct trunk_host *host, const char *name,
                              void (*on_answer)(void *ctx), void *ctx) {
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver != NULL) {
        resolver->host = host;
        resolver->name = name;
        resolver->on_answer = on_answer;
        resolver->ctx = ctx;
    }
    return resolver;
}

void resolver_free(struct resolver *resolver) {
    if (resolver == NULL) {
        return;
    }
    if (resolver->is_asking) {
        (void)pthread_join(resolver->thread, NULL);
        resolver->is_asking = false;
    }
    resolver_forget(resolver);
    free(resolver);
}
