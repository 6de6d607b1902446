/* SPDX-License-Identifier: MIT
 * op.c - completion tokens. */
#include "loop/op.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define NO_SLOT UINT32_MAX

enum slot_state {
    SLOT_FREE,
    SLOT_PENDING,
    SLOT_COMPLETED /* its delivery is on the way to the loop */
};

struct slot {
    enum slot_state state;
    uint32_t generation; /* of the present or the last use; from 1 */
    uint32_t next_free;
    const void *owner;
    const char *what;
    op_item_fn item;
    op_done_fn done; /* NULL: forgotten */
    void *ctx;
};

struct op_table {
    pthread_mutex_t mutex;
    struct loop *loop;
    struct log *log;
    struct slot *slots;
    uint32_t count;
    uint32_t capacity;
    uint32_t first_free;
    uint64_t mistakes;
};

struct delivery { /* followed in memory by the bytes it points to */
    struct op_table *table;
    uint32_t slot;
    struct trunk_reply reply;
    struct trunk_item item;
    bool is_item;
    char bytes[];
};

static uint32_t slot_of(trunk_op op) {
    return (uint32_t)op;
}

static uint32_t generation_of(trunk_op op) {
    return (uint32_t)(op >> 32);
}

struct op_table *op_table_new(struct loop *loop, struct log *log) {
    struct op_table *table = xcalloc(1, sizeof *table);
    (void)pthread_mutex_init(&table->mutex, NULL);
    table->loop = loop;
    table->log = log;
    table->first_free = NO_SLOT;
    return table;
}

void op_table_free(struct op_table *table) {
    if (table != NULL) {
        (void)pthread_mutex_destroy(&table->mutex);
        free(table->slots);
        free(table);
    }
}

static uint32_t take_slot(struct op_table *table) {
    uint32_t index = table->first_free;
    if (index != NO_SLOT) {
        table->first_free = table->slots[index].next_free;
        return index;
    }
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        table->slots = xrealloc(table->slots, table->capacity * sizeof *table->slots);
    }
    index = table->count++;
    table->slots[index] = (struct slot){0};
    return index;
}

trunk_op op_begin(struct op_table *table, const void *owner, const char *what, op_item_fn item,
                  op_done_fn done, void *ctx) {
    (void)pthread_mutex_lock(&table->mutex);
    uint32_t index = take_slot(table);
    struct slot *slot = &table->slots[index];
    uint32_t generation = slot->generation + 1 == 0 ? 1 : slot->generation + 1;
    *slot = (struct slot){.state = SLOT_PENDING,
                          .generation = generation,
                          .owner = owner,
                          .what = what,
                          .item = item,
                          .done = done,
                          .ctx = ctx};
    (void)pthread_mutex_unlock(&table->mutex);
    return (trunk_op)generation << 32 | index;
}

/* Why op may not be completed by owner now; NULL: it may. With the mutex. */
static const char *find_mistake(struct op_table *table, const void *owner, trunk_op op, const char **out_what) {
    uint32_t index = slot_of(op);
    *out_what = "?";
    if (index >= table->count || generation_of(op) == 0 ||
        generation_of(op) > table->slots[index].generation) {
        return "unknown token";
    }
    const struct slot *slot = &table->slots[index];
    *out_what = slot->what;
    if (generation_of(op) < slot->generation || slot->state == SLOT_FREE) {
        return "completed late: its token is over";
    }
    if (slot->owner != owner) {
        return "foreign token: it was given to another driver";
    }
    return slot->state == SLOT_COMPLETED ? "completed twice" : NULL;
}

static void tell_mistake(struct op_table *table, const char *mistake, const char *call, const char *what,
                         const char *owner_name) {
    log_error(table->log, "op", "a driver broke ABI rule 5: %s call=%s op=%s driver=\"%s\"", mistake, call,
              what, owner_name);
}

static void deliver(void *arg) {
    struct delivery *delivery = arg;
    struct op_table *table = delivery->table;
    (void)pthread_mutex_lock(&table->mutex);
    struct slot slot = table->slots[delivery->slot];
    if (!delivery->is_item) {
        table->slots[delivery->slot].state = SLOT_FREE;
        table->slots[delivery->slot].next_free = table->first_free;
        table->first_free = delivery->slot;
    }
    (void)pthread_mutex_unlock(&table->mutex);
    if (slot.done != NULL && delivery->is_item) {
        slot.item(slot.ctx, &delivery->item);
    } else if (slot.done != NULL) {
        slot.done(slot.ctx, &delivery->reply);
    }
    free(delivery);
}

/* Reads no further than the driver's struct goes (ABI rule 2). */
static void copy_struct(void *out, size_t size, const void *theirs, size_t their_size) {
    memset(out, 0, size);
    memcpy(out, theirs, their_size < size ? their_size : size);
    memcpy(out, &size, sizeof size); /* struct_size is the first member of each */
}

static struct delivery *new_delivery(struct op_table *table, trunk_op op, size_t bytes) {
    struct delivery *delivery = xmalloc(sizeof *delivery + bytes);
    delivery->table = table;
    delivery->slot = slot_of(op);
    return delivery;
}

static struct trunk_slice copy_slice(char **at, struct trunk_slice slice) {
    struct trunk_slice copy = {*at, slice.len};
    if (slice.len > 0) {
        memcpy(*at, slice.data, slice.len);
    }
    *at += slice.len;
    return copy;
}

void op_complete(struct op_table *table, const void *owner, const char *owner_name, trunk_op op,
                 const struct trunk_reply *reply) {
    struct trunk_reply theirs;
    const char *what = NULL;
    if (reply == NULL || reply->struct_size < offsetof(struct trunk_reply, message)) {
        tell_mistake(table, "a reply without struct_size", "complete", "?", owner_name);
        theirs = (struct trunk_reply){.struct_size = sizeof theirs, .status = TRUNK_INTERNAL};
    } else {
        copy_struct(&theirs, sizeof theirs, reply, reply->struct_size);
    }
    size_t text_len = theirs.message != NULL ? strlen(theirs.message) + 1 : 0;
    struct delivery *delivery = new_delivery(table, op, theirs.value.len + text_len);
    char *at = delivery->bytes;
    delivery->is_item = false;
    delivery->reply = theirs;
    delivery->reply.value = copy_slice(&at, theirs.value);
    if (text_len > 0) {
        memcpy(at, theirs.message, text_len);
        delivery->reply.message = at;
    }
    (void)pthread_mutex_lock(&table->mutex);
    const char *mistake = find_mistake(table, owner, op, &what);
    if (mistake == NULL) {
        table->slots[slot_of(op)].state = SLOT_COMPLETED;
    } else {
        table->mistakes++;
    }
    (void)pthread_mutex_unlock(&table->mutex);
    if (mistake != NULL) {
        tell_mistake(table, mistake, "complete", what, owner_name);
        free(delivery);
        return;
    }
    loop_post(table->loop, deliver, delivery);
}

void op_emit(struct op_table *table, const void *owner, const char *owner_name, trunk_op op,
             const struct trunk_item *item) {
    const char *what = NULL;
    const char *mistake = NULL;
    (void)pthread_mutex_lock(&table->mutex);
    mistake = find_mistake(table, owner, op, &what);
    if (mistake == NULL && table->slots[slot_of(op)].item == NULL) {
        mistake = "emitted for a call that gives no items";
    } else if (mistake == NULL &&
               (item == NULL || item->struct_size < offsetof(struct trunk_item, version))) {
        mistake = "an item without struct_size";
    }
    table->mistakes += mistake != NULL ? 1 : 0;
    (void)pthread_mutex_unlock(&table->mutex);
    if (mistake != NULL) {
        tell_mistake(table, mistake, "emit", what, owner_name);
        return;
    }
    struct trunk_item theirs;
    copy_struct(&theirs, sizeof theirs, item, item->struct_size);
    struct delivery *delivery = new_delivery(table, op, theirs.key.len + theirs.value.len);
    char *at = delivery->bytes;
    delivery->is_item = true;
    delivery->item = theirs;
    delivery->item.key = copy_slice(&at, theirs.key);
    delivery->item.value = copy_slice(&at, theirs.value);
    loop_post(table->loop, deliver, delivery);
}

static struct slot *find_live(struct op_table *table, trunk_op op) {
    uint32_t index = slot_of(op);
    if (index >= table->count || table->slots[index].generation != generation_of(op) ||
        table->slots[index].state == SLOT_FREE) {
        return NULL;
    }
    return &table->slots[index];
}

void op_forget(struct op_table *table, trunk_op op) {
    (void)pthread_mutex_lock(&table->mutex);
    struct slot *slot = find_live(table, op);
    if (slot != NULL) {
        slot->done = NULL;
    }
    (void)pthread_mutex_unlock(&table->mutex);
}

int op_is_pending(struct op_table *table, trunk_op op) {
    (void)pthread_mutex_lock(&table->mutex);
    const struct slot *slot = find_live(table, op);
    int is_pending = slot != NULL && slot->state == SLOT_PENDING;
    (void)pthread_mutex_unlock(&table->mutex);
    return is_pending;
}

size_t op_count_pending(struct op_table *table, const void *owner) {
    size_t count = 0;
    (void)pthread_mutex_lock(&table->mutex);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct slot *slot = &table->slots[i];
        count += slot->state == SLOT_PENDING && (owner == NULL || slot->owner == owner) ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&table->mutex);
    return count;
}

size_t op_cancel_left(struct op_table *table, const void *owner, const char *owner_name) {
    struct trunk_reply reply = {.struct_size = sizeof reply, .status = TRUNK_CANCELLED};
    size_t left = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        (void)pthread_mutex_lock(&table->mutex);
        struct slot slot = table->slots[i];
        (void)pthread_mutex_unlock(&table->mutex);
        if (slot.state == SLOT_PENDING && slot.owner == owner) {
            left++;
            tell_mistake(table, "never completed", "close", slot.what, owner_name);
            op_complete(table, owner, owner_name, (trunk_op)slot.generation << 32 | i, &reply);
        }
    }
    (void)pthread_mutex_lock(&table->mutex);
    table->mistakes += left;
    (void)pthread_mutex_unlock(&table->mutex);
    return left;
}

uint64_t op_count_mistakes(struct op_table *table) {
    (void)pthread_mutex_lock(&table->mutex);
    uint64_t mistakes = table->mistakes;
    (void)pthread_mutex_unlock(&table->mutex);
    return mistakes;
}
