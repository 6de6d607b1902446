/* SPDX-License-Identifier: MIT
 * expiry.c - binary heap; each life knows its place, so that it is found without a search. */
#include "expiry.h"

#include <stdlib.h>

void expiry_free(struct expiry *expiry) {
    free(expiry->heap);
}

static void put_at(struct expiry *expiry, size_t place, struct life *life) {
    expiry->heap[place] = life;
    life->place = place;
}

/* Finds the place for a life, beginning at one that is free, and puts it there. */
static void settle(struct expiry *expiry, size_t place, struct life *life) {
    while (place > 1 && life->expires_ms < expiry->heap[place / 2]->expires_ms) {
        put_at(expiry, place, expiry->heap[place / 2]);
        place /= 2;
    }
    for (;;) {
        size_t child = place * 2;
        if (child < expiry->count &&
            expiry->heap[child + 1]->expires_ms < expiry->heap[child]->expires_ms) {
            child++;
        }
        if (child > expiry->count || life->expires_ms <= expiry->heap[child]->expires_ms) {
            break;
        }
        put_at(expiry, place, expiry->heap[child]);
        place = child;
    }
    put_at(expiry, place, life);
}

static bool grow(struct expiry *expiry) {
    size_t capacity = expiry->capacity == 0 ? 64 : expiry->capacity * 2;
    struct life **heap = realloc(expiry->heap, capacity * sizeof(struct life *));
    if (heap == NULL) {
        return false;
    }
    expiry->heap = heap;
    expiry->capacity = capacity;
    return true;
}

static void take_out(struct expiry *expiry, struct life *life) {
    size_t place = life->place;
    struct life *last = expiry->heap[expiry->count--];
    if (last != life) {
        settle(expiry, place, last);
    }
    life->place = 0;
}

bool expiry_set(struct expiry *expiry, struct life *life, uint64_t expires_ms) {
    if (expires_ms == 0) {
        if (life->place != 0) {
            take_out(expiry, life);
        }
        life->expires_ms = 0;
        return true;
    }
    if (life->place == 0) {
        if (expiry->count + 1 >= expiry->capacity && !grow(expiry)) {
            return false;
        }
        life->place = ++expiry->count;
    }
    life->expires_ms = expires_ms;
    settle(expiry, life->place, life);
    return true;
}

struct life *expiry_first(const struct expiry *expiry) {
    return expiry->count == 0 ? NULL : expiry->heap[1];
}
