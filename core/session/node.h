/* SPDX-License-Identifier: MIT
 * node.h - this process among those that may use the same store (design.md section 5, One owner): a
 * record n:<name> under a lease. A newer process of the same name takes over at once, and this one
 * is told; one of another name is refused. */
#ifndef TRUNKD_SESSION_NODE_H
#define TRUNKD_SESSION_NODE_H

#include "session/storage.h"

struct node;
struct node_config { /* all borrowed, outlive the node */
    struct loop *loop;
    struct log *log;
    struct clock *clock;
    struct storage *storage;
    const char *name;
    uint64_t lease_ms; /* renewed when a third of it is over */
    /* Once, on the loop: the store is another process's, this one is to stop. text says whose. */
    void (*on_lost)(void *ctx, const char *text);
    void *ctx;
};
struct node *node_new(const struct node_config *config);
/* With no call to the store under way. NULL is fine. */
void node_free(struct node *node);

/* Before anything is served. OK: the store is this process's, and the lease is renewed from now on;
 * CONFLICT: it is another node's, text names it and the end of its lease; UNAVAILABLE: the store
 * does not take the record. done is called once, on the loop, never inside the call. */
typedef void (*node_done_fn)(void *ctx, int32_t status, const char *text);
void node_claim(struct node *node, node_done_fn done, void *ctx);
/* After a claim that was OK: the record is removed if it is still this process's. done as above;
 * nothing of the node is under way then. */
void node_release(struct node *node, void (*done)(void *ctx), void *ctx);

#endif
