/* SPDX-License-Identifier: MIT
 * resolver.h - the addresses of a server's name, asked for anew whenever they are needed: a server
 * that moves is found again. A name is asked for on a thread of its own, since that may take long;
 * an address, and "localhost", need none.
 *
 * The thread cannot be ended from outside, so resolver_free waits for it: close does when it comes
 * while a name is asked for that nobody answers. It asks each name server once, for 2 s: one that
 * is silent costs 2 s, three cost 5 s, and twice that with a search list. A module of nsswitch.conf
 * other than `files` and `dns` may take longer. The other ways out are worse: a cancelled thread
 * may leave a lock of the C library behind, and with it every later look-up of the process. */
#ifndef STORAGE_REDIS_RESOLVER_H
#define STORAGE_REDIS_RESOLVER_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>

#include <trunk/plugin.h>

struct resolver;

struct address {
    char text[INET6_ADDRSTRLEN + IF_NAMESIZE]; /* as digits, so that nobody resolves it again */
};

/* name outlives it. on_answer(ctx): on the loop, never inside a function of this file. NULL: out of
 * memory. */
struct resolver *resolver_new(const struct trunk_host *host, const char *name,
                              void (*on_answer)(void *ctx), void *ctx);
/* on_answer is not called any more. NULL is fine. */
void resolver_free(struct resolver *resolver);

/* Forgets the addresses and asks for them; while it is asking, it goes on with that. True: the
 * answer is there; false: on_answer tells when it is. An answer is addresses, or the reason why
 * there are none. */
bool resolver_ask(struct resolver *resolver);
bool resolver_has_address(const struct resolver *resolver);
/* Each address once, in the order of preference. There is one. */
struct address resolver_take_address(struct resolver *resolver);
void resolver_forget(struct resolver *resolver);
/* For people, why there are none. Valid until the next question. */
const char *resolver_reason(const struct resolver *resolver);

#endif
