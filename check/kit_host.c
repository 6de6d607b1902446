/* SPDX-License-Identifier: MIT
 * kit_host.c - tokens are never used twice, so that a late completion is known for what it is,
 * always. */
#include "kit_host.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit_events.h"

/* Not the real time: a driver that looks at another clock than the host's is seen at once. */
static const uint64_t WALL_START_MS = 2000000000000;
/* Tokens are no small numbers, so that a driver's own counter is never taken for one. */
static const trunk_op LEAST_OP = 0x6b69740000000001;
enum { FAULTS_KEPT = 16, FAULT_BYTES = 320 };

#define RULE_ONCE "host.h, complete: Exactly once for each op (rule 5), inside the call or later"
#define RULE_FOREIGN "host.h, complete: A second, late or foreign completion has no effect"
#define RULE_EMIT "host.h, emit: of scan, sweep and log_read only, before its completion"
#define RULE_REPLY_SIZE "types.h, trunk_reply: sizeof(struct trunk_reply)"
#define RULE_ITEM_SIZE "types.h, trunk_item: sizeof(struct trunk_item)"
#define RULE_STATUS "types.h, Statuses: A driver gives no others."
#define RULE_TIMEOUT                                                                               \
    "types.h, Statuses: Never given by a driver: deadlines are the host's (rule 12)."
#define RULE_MESSAGE "types.h, trunk_reply: for people, what went wrong; NULL when OK"
#define RULE_LOG "host.h, log: one finished line, no line break at its end"
#define RULE_TABLE                                                                                 \
    "host.h, trunk_host: A driver gets its table with `open` and may use it until `close` has "    \
    "returned."

struct kit_op {
    const char *what;
    bool may_emit;
    bool is_done;
    void *inputs[KIT_INPUTS];
    struct kit_result result;
};

struct kit_host {
    struct trunk_host table;
    struct kit_events_owner owner;
    struct kit_events *events;
    pthread_mutex_t lock; /* guards all below */
    trunk_op first_op;    /* of this host: those of others are foreign to it */
    uint64_t moved_ms;
    struct kit_op **ops;
    size_t nops;
    size_t pending;
    char faults[FAULTS_KEPT][FAULT_BYTES];
    size_t nfaults;
};

static void *check_memory(void *memory) {
    if (memory == NULL) {
        (void)fputs("driver kit: out of memory\n", stderr);
        abort();
    }
    return memory;
}

static void lock(struct kit_host *host) {
    (void)pthread_mutex_lock(&host->lock);
}

static void unlock(struct kit_host *host) {
    (void)pthread_mutex_unlock(&host->lock);
}

static struct trunk_slice copy_slice(struct trunk_slice slice) {
    void *copy = check_memory(malloc(slice.len + 1));
    if (slice.len > 0) {
        memcpy(copy, slice.data, slice.len);
    }
    return (struct trunk_slice){copy, slice.len};
}

/* With the lock held. */
static void note_fault(struct kit_host *host, const char *sentence, const char *what,
                       const char *text) {
    char fault[FAULT_BYTES];
    (void)snprintf(fault, sizeof fault, "%s | %s: %s", sentence, what, text);
    (void)fprintf(stderr, "fault: %s\n", fault);
    if (host->nfaults < FAULTS_KEPT) {
        memcpy(host->faults[host->nfaults], fault, sizeof fault);
    }
    host->nfaults++;
}

void kit_host_fault(struct kit_host *host, const char *sentence, const char *text) {
    lock(host);
    note_fault(host, sentence, "driver", text);
    unlock(host);
}

size_t kit_host_count_faults(struct kit_host *host) {
    lock(host);
    size_t count = host->nfaults;
    unlock(host);
    return count;
}

const char *kit_host_fault_text(struct kit_host *host, size_t i) {
    return i < FAULTS_KEPT ? host->faults[i] : "(further ones are not kept)";
}

/* The op of a token, with the lock held; NULL, and a fault, when there is none that is pending. */
static struct kit_op *find_pending(struct kit_host *host, trunk_op token, bool is_emit) {
    if (token < host->first_op || token - host->first_op >= host->nops) {
        note_fault(host, is_emit ? RULE_EMIT : RULE_FOREIGN, is_emit ? "emit" : "complete",
                   "with an op that was never issued");
        return NULL;
    }
    struct kit_op *op = host->ops[token - host->first_op];
    if (op->is_done) {
        note_fault(host, is_emit ? RULE_EMIT : RULE_ONCE, op->what,
                   is_emit ? "emit of an op that is completed"
                           : "complete of an op that is completed");
        return NULL;
    }
    return op;
}

static void copy_reply(struct kit_result *result, const struct trunk_reply *reply) {
    result->status = reply->status;
    result->value = copy_slice(reply->value);
    result->version = reply->version;
    result->last_seq = reply->last_seq;
    result->leg = reply->leg;
    if (reply->message != NULL) {
        result->message = check_memory(strdup(reply->message));
    }
}

static void complete(void *ctx, trunk_op token, const struct trunk_reply *theirs) {
    struct kit_host *host = ctx;
    struct trunk_reply reply = {.struct_size = sizeof reply};
    memcpy(&reply, theirs, theirs->struct_size < sizeof reply ? theirs->struct_size : sizeof reply);
    lock(host);
    struct kit_op *op = find_pending(host, token, false);
    if (op != NULL) {
        if (theirs->struct_size < offsetof(struct trunk_reply, leg) + sizeof(void *)) {
            note_fault(host, RULE_REPLY_SIZE, op->what, "reply.struct_size is not set");
        }
        if (reply.status < TRUNK_OK || reply.status > TRUNK_INTERNAL) {
            note_fault(host, RULE_STATUS, op->what, "reply.status is none of the list");
        }
        if (reply.status == TRUNK_TIMEOUT) {
            note_fault(host, RULE_TIMEOUT, op->what, "TIMEOUT is the host's to say");
        }
        if (reply.status == TRUNK_OK && reply.message != NULL) {
            note_fault(host, RULE_MESSAGE, op->what, "reply.message with OK");
        }
        copy_reply(&op->result, &reply);
        for (size_t i = 0; i < KIT_INPUTS; i++) {
            free(op->inputs[i]);
            op->inputs[i] = NULL;
        }
        op->is_done = true;
        host->pending--;
    }
    unlock(host);
    kit_events_wake(host->events);
}

static void emit(void *ctx, trunk_op token, const struct trunk_item *theirs) {
    struct kit_host *host = ctx;
    struct trunk_item item = {.struct_size = sizeof item};
    memcpy(&item, theirs, theirs->struct_size < sizeof item ? theirs->struct_size : sizeof item);
    lock(host);
    struct kit_op *op = find_pending(host, token, true);
    if (op != NULL) {
        if (theirs->struct_size < offsetof(struct trunk_item, expires_ms) + sizeof(uint64_t)) {
            note_fault(host, RULE_ITEM_SIZE, op->what, "item.struct_size is not set");
        }
        if (!op->may_emit) {
            note_fault(host, RULE_EMIT, op->what, "emit for a call that has no items");
        }
        struct kit_result *result = &op->result;
        if ((result->nitems & (result->nitems - 1)) == 0) { /* a power of 2: full */
            size_t capacity = result->nitems == 0 ? 1 : result->nitems * 2;
            result->items = check_memory(realloc(result->items, capacity * sizeof *result->items));
        }
        result->items[result->nitems++] = (struct kit_item){.key = copy_slice(item.key),
                                                            .value = copy_slice(item.value),
                                                            .version = item.version,
                                                            .seq = item.seq,
                                                            .expires_ms = item.expires_ms};
    }
    unlock(host);
}

static void log_text(void *ctx, int32_t level, const char *text) {
    struct kit_host *host = ctx;
    if (level < TRUNK_LOG_ERROR || level > TRUNK_LOG_DEBUG || text == NULL) {
        kit_host_fault(host, RULE_LOG, "log with a level that is none, or without a text");
        return;
    }
    (void)fprintf(stderr, "# driver says (%d): %s\n", level, text);
}

static int32_t post(void *ctx, void (*fn)(void *arg), void *arg) {
    struct kit_host *host = ctx;
    return kit_events_post(host->events, fn, arg);
}

static uint64_t mono_ms(void *ctx) {
    struct kit_host *host = ctx;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    lock(host);
    uint64_t moved_ms = host->moved_ms;
    unlock(host);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + moved_ms;
}

static uint64_t wall_ms(void *ctx) {
    return kit_host_wall_ms(ctx);
}

static struct trunk_watch *watch_new(void *ctx, int fd, void (*fn)(void *arg, uint32_t ready),
                                     void *arg) {
    struct kit_host *host = ctx;
    return kit_watch_new(host->events, fd, fn, arg);
}

static struct trunk_timer *timer_new(void *ctx, void (*fn)(void *arg), void *arg) {
    struct kit_host *host = ctx;
    return kit_timer_new(host->events, fn, arg);
}

static void note_thread_fault(void *ctx, const char *text) {
    kit_host_fault(ctx,
                   "host.h, THREADS: on another thread they do nothing, give NULL, and the host "
                   "logs the mistake",
                   text);
}

struct kit_host *kit_host_new(void) {
    struct kit_host *host = check_memory(calloc(1, sizeof *host));
    if (pthread_mutex_init(&host->lock, NULL) != 0) {
        abort();
    }
    host->first_op = LEAST_OP + ((uint64_t)(uintptr_t)host << 16);
    host->owner = (struct kit_events_owner){host, mono_ms, note_thread_fault};
    host->events = kit_events_new(&host->owner);
    host->table = (struct trunk_host){.struct_size = sizeof host->table,
                                      .abi_minor = TRUNK_ABI_MINOR,
                                      .ctx = host,
                                      .complete = complete,
                                      .emit = emit,
                                      .log = log_text,
                                      .post = post,
                                      .mono_ms = mono_ms,
                                      .wall_ms = wall_ms,
                                      .watch_new = watch_new,
                                      .watch_set = kit_watch_set,
                                      .watch_free = kit_watch_free,
                                      .timer_new = timer_new,
                                      .timer_set = kit_timer_set,
                                      .timer_stop = kit_timer_stop,
                                      .timer_free = kit_timer_free};
    return host;
}

static void free_op(struct kit_op *op) {
    for (size_t i = 0; i < op->result.nitems; i++) {
        free((void *)op->result.items[i].key.data);
        free((void *)op->result.items[i].value.data);
    }
    for (size_t i = 0; i < KIT_INPUTS; i++) {
        free(op->inputs[i]);
    }
    free(op->result.items);
    free((void *)op->result.value.data);
    free(op->result.message);
    free(op);
}

void kit_host_free(struct kit_host *host) {
    kit_events_free(host->events);
    for (size_t i = 0; i < host->nops; i++) {
        free_op(host->ops[i]);
    }
    free(host->ops);
    (void)pthread_mutex_destroy(&host->lock);
    free(host);
}

const struct trunk_host *kit_host_table(struct kit_host *host) {
    return &host->table;
}

void kit_host_advance(struct kit_host *host, uint64_t ms) {
    lock(host);
    host->moved_ms += ms;
    unlock(host);
}

uint64_t kit_host_wall_ms(struct kit_host *host) {
    lock(host);
    uint64_t now = WALL_START_MS + host->moved_ms;
    unlock(host);
    return now;
}

trunk_op kit_host_begin(struct kit_host *host, const char *what, bool may_emit, void *const *inputs,
                        size_t ninputs) {
    struct kit_op *op = check_memory(calloc(1, sizeof *op));
    op->what = what;
    op->may_emit = may_emit;
    for (size_t i = 0; i < ninputs && i < KIT_INPUTS; i++) {
        op->inputs[i] = inputs[i];
    }
    lock(host);
    if ((host->nops & (host->nops - 1)) == 0) {
        size_t capacity = host->nops == 0 ? 1 : host->nops * 2;
        host->ops = check_memory(realloc(host->ops, capacity * sizeof(struct kit_op *)));
    }
    trunk_op token = host->first_op + host->nops;
    host->ops[host->nops++] = op;
    host->pending++;
    unlock(host);
    return token;
}

bool kit_host_is_done(struct kit_host *host, trunk_op op) {
    lock(host);
    bool is_done = host->ops[op - host->first_op]->is_done;
    unlock(host);
    return is_done;
}

size_t kit_host_count_pending(struct kit_host *host) {
    lock(host);
    size_t pending = host->pending;
    unlock(host);
    return pending;
}

const struct kit_result *kit_host_wait(struct kit_host *host, trunk_op op, uint64_t limit_ms) {
    uint64_t end_ms = mono_ms(host) + limit_ms;
    while (!kit_host_is_done(host, op)) {
        uint64_t now = mono_ms(host);
        if (now >= end_ms) {
            return NULL;
        }
        kit_events_turn(host->events, end_ms - now);
    }
    lock(host);
    const struct kit_result *result = &host->ops[op - host->first_op]->result;
    unlock(host);
    return result;
}

void kit_host_run(struct kit_host *host, uint64_t for_ms) {
    uint64_t end_ms = mono_ms(host) + for_ms;
    for (uint64_t now = mono_ms(host); now < end_ms; now = mono_ms(host)) {
        kit_events_turn(host->events, end_ms - now);
    }
}

void kit_host_end(struct kit_host *host) {
    lock(host);
    for (size_t i = 0; i < host->nops; i++) {
        if (!host->ops[i]->is_done) {
            note_fault(host, RULE_ONCE, host->ops[i]->what,
                       "close has returned and the op is not completed");
        }
    }
    unlock(host);
    if (kit_events_count_left(host->events) > 0) {
        kit_host_fault(host, RULE_TABLE, "close has left a watch or a timer");
    }
}
