/* SPDX-License-Identifier: MIT
 * leg_hold.h - holding a backend up while a client reads slowly: a stream of its leg is not read
 * until everybody who holds it has let go. */
#ifndef TRUNKD_SESSION_LEG_HOLD_H
#define TRUNKD_SESSION_LEG_HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct leg;

/* The stream on which a notice came. */
struct leg_source {
    struct leg *leg;
    uint64_t number; /* of the request whose stream it is; 0: the unasked one, or the only pipe */
};

struct leg_hold;
/* What one slow reader holds; empty at first, and to be released before it goes. */
LIST_HEAD(leg_holds, leg_hold);

/* Has the stream held until leg_release; nothing new if holds has it already. What was read before
 * still comes. Where several requests share a pipe, all of them are held: the leg is of one
 * session, so that nobody but the slow client waits, and only for this backend. False: the
 * transport cannot, or not yet. */
bool leg_hold(const struct leg_source *from, struct leg_holds *holds);
void leg_release(struct leg_holds *holds);

#endif
