/* SPDX-License-Identifier: MIT
 * acceptor.h - when a listener takes new connections: not while there are too many, nor while the
 * process has no descriptor left. Meanwhile clients wait in the kernel's queue. */
#ifndef TRUNKD_HTTP_ACCEPTOR_H
#define TRUNKD_HTTP_ACCEPTOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "loop/loop.h"

struct evconnlistener;
struct acceptor;
/* The listener is borrowed until acceptor_free. max_count: connections; 0: no limit but that of the
 * process's descriptors, of which they get three quarters at most. */
struct acceptor *acceptor_new(struct loop *loop, struct log *log, struct evconnlistener *listener,
                              uint64_t max_count);
void acceptor_free(struct acceptor *acceptor); /* NULL is fine */
/* How many connections there are now: to be told at each change. */
void acceptor_set_count(struct acceptor *acceptor, size_t count);

#endif
