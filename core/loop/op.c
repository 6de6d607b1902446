/* SPDX-License-Identifier: MIT
 * op.c - the table of completion tokens. A slot goes from pending to completed on any thread, from
 * completed to delivering to free on the loop; its generation rises as it becomes free. */
#include "loop/op.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum slot_state {
    SLOT_FREE,
    SLOT_PENDING,    /* the driver owes its completion */
    SLOT_COMPLETED,  /* the delivery is posted */
    SLOT_LEFT,       /* likewise, but by op_cancel_left */
    SLOT_DELIVERING, /* the delivery is running */
};

struct slot {
    uint32_t generation; /* of the token that holds the slot, or of the next one; never 0 */
    enum slot_state state;
    const void *owner;
    const char *what;
    op_item_fn item;
    op_done_fn done;
    void *ctx;
    bool is_forgotten;
    uint32_t next_free; /* index + 1; 0: none */
};

struct op_table {
    struct loop *loop;
    struct log *log;
    pthread_mutex_t lock; /* guards all below */
    struct slot *slots;
    size_t count;
    size_t capacity;
    uint32_t first_free; /* index + 1; 0: none */
    uint64_t mistakes;
};

/* A reply or an item on its way to the loop; its bytes follow. */
struct delivery {
    struct op_table *table;
    trunk_op op;
    union {
        struct trunk_reply reply;
        struct trunk_item item;
    };
    char bytes[];
};

static trunk_op make_op(size_t index, uint32_t generation) {
    return (trunk_op)generation << 32 | index;
}

static uint32_t generation_of(trunk_op op) {
    return (uint32_t)(op >> 32);
}

/* The slot that op holds now, or NULL. */
static struct slot *find_slot(struct op_table *table, trunk_op op) {
    size_t index = (uint32_t)op;
    if (index >= table->count) {
        return NULL;
    }
    struct slot *slot = &table->slots[index];
    bool is_current = slot->state != SLOT_FREE && slot->generation == generation_of(op);
    return is_current ? slot : NULL;
}

static bool was_issued(const struct op_table *table, trunk_op op) {
    size_t index = (uint32_t)op;
    return index < table->count && generation_of(op) != 0 &&
           generation_of(op) < table->slots[index].generation;
}

static void release_slot(struct op_table *table, struct slot *slot) {
    slot->state = SLOT_FREE;
    if (++slot->generation == 0) {
        slot->generation = 1;
    }
    slot->next_free = table->first_free;
    table->first_free = (uint32_t)(slot - table->slots) + 1;
}

struct op_table *op_table_new(struct loop *loop, struct log *log) {
    struct op_table *table = xcalloc(1, sizeof *table);
    table->loop = loop;
    table->log = log;
    (void)pthread_mutex_init(&table->lock, NULL);
    return table;
}

void op_table_free(struct op_table *table) {
    if (table != NULL) {
        (void)pthread_mutex_destroy(&table->lock);
        free(table->slots);
        free(table);
    }
}

/* The index of a slot that nobody holds. */
static size_t take_slot(struct op_table *table) {
    if (table->first_free != 0) {
        size_t index = table->first_free - 1;
        table->first_free = table->slots[index].next_free;
        return index;
    }
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        table->slots = xrealloc(table->slots, table->capacity * sizeof *table->slots);
    }
    table->slots[table->count].generation = 1;
    return table->count++;
}

trunk_op op_begin(struct op_table *table, const void *owner, const char *what, op_item_fn item,
                  op_done_fn done, void *ctx) {
    (void)pthread_mutex_lock(&table->lock);
    size_t index = take_slot(table);
    struct slot *slot = &table->slots[index];
    *slot = (struct slot){.generation = slot->generation,
                          .state = SLOT_PENDING,
                          .owner = owner,
                          .what = what,
                          .item = item,
                          .done = done,
                          .ctx = ctx};
    trunk_op op = make_op(index, slot->generation);
    (void)pthread_mutex_unlock(&table->lock);
    return op;
}

static void deliver_reply(void *arg) {
    struct delivery *delivery = arg;
    struct op_table *table = delivery->table;
    (void)pthread_mutex_lock(&table->lock);
    struct slot *slot = find_slot(table, delivery->op);
    slot->state = SLOT_DELIVERING;
    op_done_fn done = slot->is_forgotten ? NULL : slot->done;
    void *ctx = slot->ctx;
    (void)pthread_mutex_unlock(&table->lock);
    if (done != NULL) {
        done(ctx, &delivery->reply);
    }
    (void)pthread_mutex_lock(&table->lock);
    release_slot(table, find_slot(table, delivery->op)); /* it may have moved: done may begin ops */
    (void)pthread_mutex_unlock(&table->lock);
    free(delivery);
}

static void deliver_item(void *arg) {
    struct delivery *delivery = arg;
    struct op_table *table = delivery->table;
    (void)pthread_mutex_lock(&table->lock);
    const struct slot *slot = find_slot(table, delivery->op);
    op_item_fn item = slot == NULL || slot->is_forgotten ? NULL : slot->item;
    void *ctx = slot == NULL ? NULL : slot->ctx;
    (void)pthread_mutex_unlock(&table->lock);
    if (item != NULL) {
        item(ctx, &delivery->item);
    }
    free(delivery);
}

/* Copies slice behind at, and makes it point to the copy. Returns where the copy ends. */
static char *copy_slice(char *at, struct trunk_slice *slice) {
    if (slice->len > 0) {
        memcpy(at, slice->data, slice->len);
    }
    slice->data = at;
    return at + slice->len;
}

static void post_reply(struct op_table *table, trunk_op op, const struct trunk_reply *reply) {
    size_t message_bytes = reply->message == NULL ? 0 : strlen(reply->message) + 1;
    struct delivery *delivery = xmalloc(sizeof *delivery + reply->value.len + message_bytes);
    delivery->table = table;
    delivery->op = op;
    delivery->reply = *reply;
    delivery->reply.struct_size = sizeof *reply;
    char *message = copy_slice(delivery->bytes, &delivery->reply.value);
    if (reply->message != NULL) {
        memcpy(message, reply->message, message_bytes);
        delivery->reply.message = message;
    }
    loop_post(table->loop, deliver_reply, delivery);
}

static void post_item(struct op_table *table, trunk_op op, const struct trunk_item *item) {
    struct delivery *delivery = xmalloc(sizeof *delivery + item->key.len + item->value.len);
    delivery->table = table;
    delivery->op = op;
    delivery->item = *item;
    delivery->item.struct_size = sizeof *item;
    (void)copy_slice(copy_slice(delivery->bytes, &delivery->item.key), &delivery->item.value);
    loop_post(table->loop, deliver_item, delivery);
}

enum mistake { MISTAKE_NONE, MISTAKE_UNKNOWN, MISTAKE_FOREIGN, MISTAKE_LATE, MISTAKE_AGAIN };

/* With the lock held. slot: find_slot's answer for op. */
static enum mistake judge(const struct op_table *table, const struct slot *slot, const void *owner,
                          trunk_op op) {
    if (slot == NULL) {
        return was_issued(table, op) ? MISTAKE_LATE : MISTAKE_UNKNOWN;
    }
    if (slot->owner != owner) {
        return MISTAKE_FOREIGN;
    }
    if (slot->state == SLOT_LEFT) {
        return MISTAKE_LATE;
    }
    return slot->state == SLOT_PENDING ? MISTAKE_NONE : MISTAKE_AGAIN;
}

/* what: NULL when no slot tells it. */
static void log_mistake(struct op_table *table, const char *text, const char *what,
                        const char *owner_name, trunk_op op) {
    log_error(table->log, "op", "%s%s%s driver=\"%s\" op=%016" PRIx64, text,
              what == NULL ? "" : ": ", what == NULL ? "" : what, owner_name, op);
}

void op_complete(struct op_table *table, const void *owner, const char *owner_name, trunk_op op,
                 const struct trunk_reply *reply) {
    static const char *const texts[] = {
        [MISTAKE_UNKNOWN] = "completed an unknown token",
        [MISTAKE_FOREIGN] = "completed another driver's call",
        [MISTAKE_LATE] = "completed late",
        [MISTAKE_AGAIN] = "completed twice",
    };
    struct trunk_reply known = {.status = TRUNK_INTERNAL, .message = "the driver gave no reply"};
    bool is_readable =
        reply != NULL && reply->struct_size >= offsetof(struct trunk_reply, reserved);
    if (is_readable) {
        known = (struct trunk_reply){0};
        memcpy(&known, reply,
               reply->struct_size < sizeof known ? reply->struct_size : sizeof known);
    }

    (void)pthread_mutex_lock(&table->lock);
    struct slot *slot = find_slot(table, op);
    const char *what = slot == NULL ? NULL : slot->what;
    enum mistake mistake = judge(table, slot, owner, op);
    if (mistake == MISTAKE_NONE) {
        slot->state = SLOT_COMPLETED;
    }
    if (mistake != MISTAKE_NONE || !is_readable) {
        table->mistakes++;
    }
    (void)pthread_mutex_unlock(&table->lock);

    if (mistake != MISTAKE_NONE) {
        log_mistake(table, texts[mistake], what, owner_name, op);
        return;
    }
    if (!is_readable) {
        log_mistake(table, "completed without a reply", what, owner_name, op);
    }
    post_reply(table, op, &known);
}

void op_emit(struct op_table *table, const void *owner, const char *owner_name, trunk_op op,
             const struct trunk_item *item) {
    static const char *const texts[] = {
        [MISTAKE_UNKNOWN] = "emitted for an unknown token",
        [MISTAKE_FOREIGN] = "emitted for another driver's call",
        [MISTAKE_LATE] = "emitted late",
        [MISTAKE_AGAIN] = "emitted after completion",
    };
    struct trunk_item known = {0};
    if (item != NULL) {
        memcpy(&known, item, item->struct_size < sizeof known ? item->struct_size : sizeof known);
    }

    (void)pthread_mutex_lock(&table->lock);
    const struct slot *slot = find_slot(table, op);
    const char *what = slot == NULL ? NULL : slot->what;
    enum mistake mistake = judge(table, slot, owner, op);
    const char *text = texts[mistake];
    if (mistake == MISTAKE_NONE && slot->item == NULL) {
        text = "emitted for a call that emits nothing";
    } else if (mistake == MISTAKE_NONE && known.struct_size < offsetof(struct trunk_item, value)) {
        text = "emitted no item";
    }
    if (text != NULL) {
        table->mistakes++;
    }
    (void)pthread_mutex_unlock(&table->lock);

    if (text != NULL) {
        log_mistake(table, text, what, owner_name, op);
        return;
    }
    post_item(table, op, &known);
}

void op_forget(struct op_table *table, trunk_op op) {
    (void)pthread_mutex_lock(&table->lock);
    struct slot *slot = find_slot(table, op);
    if (slot != NULL) {
        slot->is_forgotten = true;
    }
    (void)pthread_mutex_unlock(&table->lock);
}

int op_is_pending(struct op_table *table, trunk_op op) {
    (void)pthread_mutex_lock(&table->lock);
    const struct slot *slot = find_slot(table, op);
    int is_pending = slot != NULL && slot->state == SLOT_PENDING;
    (void)pthread_mutex_unlock(&table->lock);
    return is_pending;
}

size_t op_count_pending(struct op_table *table, const void *owner) {
    size_t count = 0;
    (void)pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < table->count; i++) {
        const struct slot *slot = &table->slots[i];
        bool is_undelivered = slot->state != SLOT_FREE && slot->state != SLOT_DELIVERING;
        if (is_undelivered && (owner == NULL || slot->owner == owner)) {
            count++;
        }
    }
    (void)pthread_mutex_unlock(&table->lock);
    return count;
}

/* Takes the first pending op of owner at or behind slot *from, and moves *from behind it; 0: there
 * is none. */
static trunk_op leave_next(struct op_table *table, const void *owner, size_t *from,
                           const char **out_what) {
    trunk_op op = 0;
    (void)pthread_mutex_lock(&table->lock);
    while (op == 0 && *from < table->count) {
        struct slot *slot = &table->slots[*from];
        if (slot->state == SLOT_PENDING && slot->owner == owner) {
            slot->state = SLOT_LEFT;
            *out_what = slot->what;
            op = make_op(*from, slot->generation);
        }
        (*from)++;
    }
    (void)pthread_mutex_unlock(&table->lock);
    return op;
}

size_t op_cancel_left(struct op_table *table, const void *owner, const char *owner_name) {
    static const struct trunk_reply cancelled = {
        .status = TRUNK_CANCELLED, .message = "the driver was closed and never completed the call"};
    size_t count = 0;
    size_t from = 0;
    const char *what = NULL;
    for (trunk_op op = leave_next(table, owner, &from, &what); op != 0;
         op = leave_next(table, owner, &from, &what)) {
        log_mistake(table, "never completed", what, owner_name, op);
        post_reply(table, op, &cancelled);
        count++;
    }
    return count;
}

uint64_t op_count_mistakes(struct op_table *table) {
    (void)pthread_mutex_lock(&table->lock);
    uint64_t mistakes = table->mistakes;
    (void)pthread_mutex_unlock(&table->lock);
    return mistakes;
}
