/* SPDX-License-Identifier: MIT
 * order.c - an array sorted by number, with holes that are closed when they are as many as the
 * records. A list would have to be walked from its start for each page. */
#include "order.h"

#include <stdlib.h>

enum { HOLES_KEPT = 64 };

void order_free(struct order *order) {
    free(order->slots);
}

/* The first slot with a number above this one. */
static size_t find_after(const struct order *order, uint64_t number) {
    size_t low = 0;
    size_t high = order->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order->slots[middle].number <= number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void close_holes(struct order *order) {
    size_t kept = 0;
    for (size_t i = 0; i < order->count; i++) {
        if (order->slots[i].record != NULL) {
            order->slots[kept++] = order->slots[i];
        }
    }
    order->count = kept;
    order->removed = 0;
}

uint64_t order_append(struct order *order, struct record *record) {
    if (order->count == order->capacity) {
        size_t capacity = order->capacity == 0 ? 64 : order->capacity * 2;
        struct order_slot *slots = realloc(order->slots, capacity * sizeof(struct order_slot));
        if (slots == NULL) {
            return 0;
        }
        order->slots = slots;
        order->capacity = capacity;
    }
    order->slots[order->count++] = (struct order_slot){++order->last_number, record};
    return order->last_number;
}

void order_remove(struct order *order, uint64_t number) {
    order->slots[find_after(order, number - 1)].record = NULL;
    order->removed++;
    if (order->removed >= HOLES_KEPT && order->removed > order->count / 2) {
        close_holes(order);
    }
}

struct record *order_next(const struct order *order, uint64_t number) {
    size_t i = find_after(order, number);
    while (i < order->count && order->slots[i].record == NULL) {
        i++;
    }
    return i < order->count ? order->slots[i].record : NULL;
}
