/* SPDX-License-Identifier: MIT
 * leg_hold.c - who holds which stream of a leg. */
#include "session/leg_hold.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "session/leg_private.h"

struct leg_hold {
    LIST_ENTRY(leg_hold) in_leg;
    LIST_ENTRY(leg_hold) in_holds;
    struct leg *leg; /* NULL: its stream is over */
    uint64_t number;
};

bool leg_is_held(const struct leg *leg, uint64_t number) {
    const struct leg_hold *hold;
    LIST_FOREACH(hold, &leg->holds, in_leg) {
        if (hold->number == number) {
            return true;
        }
    }
    return false;
}

bool leg_hold(const struct leg_source *from, struct leg_holds *holds) {
    struct leg *leg = from->leg;
    struct leg_hold *hold;
    LIST_FOREACH(hold, holds, in_holds) {
        if (hold->leg == leg && hold->number == from->number) {
            return true;
        }
    }
    if (leg->is_hearing_lost || !leg->is_initialized ||
        !factory_can_pause(leg->connection->transport)) {
        return false;
    }
    bool is_first = !leg_is_held(leg, from->number);
    hold = xcalloc(1, sizeof *hold);
    hold->leg = leg;
    hold->number = from->number;
    LIST_INSERT_HEAD(&leg->holds, hold, in_leg);
    LIST_INSERT_HEAD(holds, hold, in_holds);
    if (is_first) {
        factory_pause(leg->connection->transport, hold->number, true);
    }
    return true;
}

void leg_release(struct leg_holds *holds) {
    struct leg_hold *hold;
    while ((hold = LIST_FIRST(holds)) != NULL) {
        /* Freed ones have left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        struct leg *leg = hold->leg;
        LIST_REMOVE(hold, in_holds);
        if (leg != NULL) {
            LIST_REMOVE(hold, in_leg);
            if (!leg_is_held(leg, hold->number)) {
                factory_pause(leg->connection->transport, hold->number, false);
            }
        }
        free(hold);
    }
}

static void forget(struct leg_hold *hold) {
    LIST_REMOVE(hold, in_leg);
    hold->leg = NULL;
}

void leg_forget_holds_of(struct leg *leg, uint64_t number) {
    struct leg_hold *hold = LIST_FIRST(&leg->holds);
    while (hold != NULL) {
        struct leg_hold *next = LIST_NEXT(hold, in_leg);
        if (hold->number == number) {
            forget(hold);
        }
        hold = next;
    }
}

void leg_forget_holds(struct leg *leg) {
    while (!LIST_EMPTY(&leg->holds)) {
        forget(LIST_FIRST(&leg->holds));
    }
}

void leg_end_holds(struct leg *leg) {
    while (!LIST_EMPTY(&leg->holds)) {
        uint64_t number = LIST_FIRST(&leg->holds)->number;
        leg_forget_holds_of(leg, number);
        factory_pause(leg->connection->transport, number, false);
    }
}
