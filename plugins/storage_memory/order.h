/* SPDX-License-Identifier: MIT
 * order.h - records in the order of their creation: what a scan walks along. Each has a number that
 * rises and is never used again, so the number of the last one seen says where to go on, whatever
 * came and went meanwhile. */
#ifndef STORAGE_MEMORY_ORDER_H
#define STORAGE_MEMORY_ORDER_H

#include <stddef.h>
#include <stdint.h>

struct record;
struct order_slot {
    uint64_t number;
    struct record *record; /* NULL: removed */
};

/* Zero-initialised is empty. Borrows the records in it. */
struct order {
    struct order_slot *slots; /* by rising number; at most about half of them removed ones */
    size_t count;
    size_t capacity;
    size_t removed;
    uint64_t last_number;
};

void order_free(struct order *order);
/* Returns the record's number, from 1; 0: out of memory. */
uint64_t order_append(struct order *order, struct record *record);
/* The number is of a record in it. */
void order_remove(struct order *order, uint64_t number);
/* The first record with a number above this one, or NULL. Number 0: the first of all. */
struct record *order_next(const struct order *order, uint64_t number);

#endif
