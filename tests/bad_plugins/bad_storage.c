/* SPDX-License-Identifier: MIT
 * bad_storage.c - the driver `memory`, all of it, but for the one thing that DEFECT_... changes:
 * each breaks a sentence of the ABI that no look at the descriptor would tell. */
#include <trunk/plugin.h>

/* The driver's own descriptor is left out; its table is where the defects begin. */
#undef TRUNK_STORAGE_PLUGIN
#define TRUNK_STORAGE_PLUGIN(minor_, name_, version_, summary_, params_, ops_)                     \
    _Static_assert(sizeof *(ops_) > 0, "the table of the good one")
#include "../../plugins/storage_memory/plugin.c"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* --- completion --- */

#if defined(DEFECT_COMPLETES_TWICE)
static void bad_touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    touch(self, key, ttl_ms, op);
    complete(self, op, TRUNK_OK);
}
#define TOUCH bad_touch

#elif defined(DEFECT_NEVER_COMPLETES)
static void bad_scan(void *self, const struct trunk_scan *how, trunk_op op) {
    if (how->cursor.len == 0 || how->cursor.len == sizeof(uint64_t)) {
        scan(self, how, op);
    }
}
#define SCAN bad_scan

#elif defined(DEFECT_COMPLETES_ANOTHER)
static void bad_remove(void *self, struct trunk_slice key, trunk_op op) {
    remove_record(self, key, op);
    complete(self, op + 1000000, TRUNK_OK);
}
#define REMOVE bad_remove

#elif defined(DEFECT_EMITS_LATE)
static void bad_sweep(void *self, uint32_t limit, trunk_op op) {
    struct trunk_item item = {.struct_size = sizeof item, .key = {"a", 1}};
    struct memory *memory = self;
    sweep(self, limit, op);
    memory->host->emit(memory->host->ctx, op, &item);
}
#define SWEEP bad_sweep

#elif defined(DEFECT_EMITS_ON_LOAD)
static void bad_load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    struct trunk_item item = {.struct_size = sizeof item, .key = key};
    struct memory *memory = self;
    memory->host->emit(memory->host->ctx, op, &item);
    load(self, key, touch_ttl_ms, op);
}
#define LOAD bad_load

#elif defined(DEFECT_TIMES_OUT)
static void bad_touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    struct memory *memory = self;
    if (records_find(memory->records, key, now_ms(memory)) == NULL) {
        trunk_complete(memory->host, op, TRUNK_TIMEOUT, "took too long");
        return;
    }
    touch(self, key, ttl_ms, op);
}
#define TOUCH bad_touch

/* --- threads and the loop --- */

#elif defined(DEFECT_COMPLETES_FROM_A_THREAD) || defined(DEFECT_COMPLETES_AFTER_CLOSE)
struct late {
    const struct trunk_host *host;
    trunk_op op;
};

static void *complete_late(void *arg) {
    struct late *late = arg;
    const struct trunk_host *host = late->host;
    trunk_op op = late->op;
    (void)poll(NULL, 0, 20);
    free(late);
    trunk_complete(host, op, TRUNK_OK, NULL);
    return NULL;
}

static void begin_late(struct memory *memory, trunk_op op) {
    struct late *late = calloc(1, sizeof *late);
    pthread_t thread;
    late->host = memory->host;
    late->op = op;
    (void)pthread_create(&thread, NULL, complete_late, late);
    (void)pthread_detach(thread);
}

#if defined(DEFECT_COMPLETES_FROM_A_THREAD)
static void bad_ping(void *self, trunk_op op) {
    begin_late(self, op);
}
#define PING bad_ping
#define CAPS (TRUNK_CAP_LOG | TRUNK_CAP_BLOCKING)
#else
/* A thread for each of thousands would be a load, and no other defect. */
static _Atomic int late_threads_left = 16;

static void bad_put(void *self, const struct trunk_put *put, trunk_op op) {
    bool is_upsert = put->mode == TRUNK_PUT_UPSERT;
    put_record(self, put, op);
    if (is_upsert && late_threads_left-- > 0) {
        begin_late(self, op);
    }
}
#define PUT bad_put
#endif

#elif defined(DEFECT_FORGETS_AT_CLOSE)
/* UPSERTs run at the next turn of the loop, one after the other. */
struct deferred {
    struct deferred *next;
    const struct trunk_put *put;
    trunk_op op;
};

struct slow {
    struct memory memory;
    struct trunk_timer *timer;
    struct deferred *first;
};

static void run_deferred(void *arg) {
    struct slow *slow = arg;
    while (slow->first != NULL) {
        struct deferred *deferred = slow->first;
        slow->first = deferred->next;
        put_record(&slow->memory, deferred->put, deferred->op);
        free(deferred);
    }
}

static int32_t bad_open(const struct trunk_host *host, const struct trunk_param *own, size_t count,
                        void **self, struct trunk_error *error) {
    int32_t status = open_memory(host, own, count, self, error);
    struct slow *slow = status == TRUNK_OK ? realloc(*self, sizeof *slow) : NULL;
    if (slow != NULL) {
        slow->timer = host->timer_new(host->ctx, run_deferred, slow);
        slow->first = NULL;
        *self = slow;
    }
    return status;
}

static void bad_close(void *self) {
    struct slow *slow = self;
    slow->memory.host->timer_free(slow->timer);
    while (slow->first != NULL) {
        struct deferred *deferred = slow->first;
        slow->first = deferred->next;
        free(deferred);
    }
    close_memory(self);
}

static void bad_put(void *self, const struct trunk_put *put, trunk_op op) {
    struct slow *slow = self;
    struct deferred **end = &slow->first;
    if (put->mode != TRUNK_PUT_UPSERT) {
        put_record(self, put, op);
        return;
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = calloc(1, sizeof **end);
    (*end)->put = put;
    (*end)->op = op;
    slow->memory.host->timer_set(slow->timer, 0);
}
#define OPEN bad_open
#define CLOSE bad_close
#define PUT bad_put

#elif defined(DEFECT_BLOCKS_THE_LOOP)
static void bad_trim(void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op) {
    (void)poll(NULL, 0, upto_seq == 100 ? 2500 : 0);
    trim_log(self, key, upto_seq, op);
}
#define TRIM bad_trim

#elif defined(DEFECT_USES_THE_LOOP_FROM_A_THREAD)
static void do_nothing(void *arg) {
    (void)arg;
}

static void *make_timer(void *arg) {
    struct memory *memory = arg;
    memory->host->timer_free(memory->host->timer_new(memory->host->ctx, do_nothing, NULL));
    return NULL;
}

static void bad_ping(void *self, trunk_op op) {
    pthread_t thread;
    (void)pthread_create(&thread, NULL, make_timer, self);
    (void)pthread_join(thread, NULL);
    ping(self, op);
}
#define PING bad_ping

/* --- what it says of itself --- */

#elif defined(DEFECT_SHORT_TABLE)
#define OPS_SIZE (offsetof(struct trunk_storage_ops, begin) - 8)
#elif defined(DEFECT_LIES_ABOUT_PERSISTENT)
#define CAPS (TRUNK_CAP_LOG | TRUNK_CAP_PERSISTENT)
#elif defined(DEFECT_LIES_ABOUT_SHARED)
#define CAPS (TRUNK_CAP_LOG | TRUNK_CAP_SHARED)

/* --- put and load --- */

#elif defined(DEFECT_RESURRECTS_ON_UPDATE)
static void bad_put(void *self, const struct trunk_put *put, trunk_op op) {
    struct trunk_put other = *put;
    other.mode = put->mode == TRUNK_PUT_UPDATE ? TRUNK_PUT_UPSERT : put->mode;
    put_record(self, &other, op);
}
#define PUT bad_put

#elif defined(DEFECT_CAS_IGNORES_VERSION)
static void bad_put(void *self, const struct trunk_put *put, trunk_op op) {
    struct trunk_put other = *put;
    other.mode = put->mode == TRUNK_PUT_CAS ? TRUNK_PUT_UPDATE : put->mode;
    put_record(self, &other, op);
}
#define PUT bad_put

#elif defined(DEFECT_CUTS_LARGE_VALUES)
static void bad_put(void *self, const struct trunk_put *put, trunk_op op) {
    struct trunk_put other = *put;
    other.value.len = put->value.len > (8u << 20) ? 8u << 20 : put->value.len;
    put_record(self, &other, op);
}
#define PUT bad_put

#elif defined(DEFECT_VERSIONS_REPEAT)
static void bad_put(void *self, const struct trunk_put *put, trunk_op op) {
    struct memory *memory = self;
    struct trunk_reply reply = {.struct_size = sizeof reply};
    uint64_t now = now_ms(memory);
    struct record *record = records_find(memory->records, put->key, now);
    uint64_t next = record == NULL ? 1 : record->version + 1;
    reply.status = check_mode(put, record);
    if (reply.status == TRUNK_OK) {
        reply.status = records_write(memory->records, put->key, put->value,
                                     end_of_life(now, put->ttl_ms), now, &reply.version);
    }
    if (reply.status != TRUNK_OK) {
        complete(memory, op, reply.status);
        return;
    }
    records_find(memory->records, put->key, now)->version = next;
    reply.version = next;
    memory->host->complete(memory->host->ctx, op, &reply);
}
#define PUT bad_put

#elif defined(DEFECT_LOADS_A_STALE_VERSION)
static void bad_load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    struct memory *memory = self;
    struct record *record = records_find(memory->records, key, now_ms(memory));
    uint64_t version = record == NULL ? 0 : record->version;
    if (record != NULL) {
        record->version = record->number;
    }
    load(self, key, touch_ttl_ms, op);
    if (record != NULL) {
        record->version = version;
    }
}
#define LOAD bad_load

/* --- lives --- */

#elif defined(DEFECT_SHOWS_THE_EXPIRED)
static void bad_load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    struct memory *memory = self;
    const struct record *record = records_find(memory->records, key, 0);
    if (record == NULL || !life_is_over(&record->life, now_ms(memory))) {
        load(self, key, touch_ttl_ms, op);
        return;
    }
    struct trunk_reply reply = {.struct_size = sizeof reply,
                                .value = {record->value, record->value_len},
                                .version = record->version};
    memory->host->complete(memory->host->ctx, op, &reply);
}
#define LOAD bad_load

#elif defined(DEFECT_TOUCH_REVIVES)
static void bad_touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    struct memory *memory = self;
    struct record *record = records_find(memory->records, key, 0);
    if (record != NULL) {
        (void)records_set_expiry(memory->records, record, end_of_life(now_ms(memory), ttl_ms));
    }
    complete(self, op, record == NULL ? TRUNK_NOT_FOUND : TRUNK_OK);
}
#define TOUCH bad_touch

#elif defined(DEFECT_TOUCHES_NOTHING)
static void bad_touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    struct memory *memory = self;
    (void)ttl_ms;
    bool is_there = records_find(memory->records, key, now_ms(memory)) != NULL;
    complete(self, op, is_there ? TRUNK_OK : TRUNK_NOT_FOUND);
}
#define TOUCH bad_touch

#elif defined(DEFECT_USES_ITS_OWN_CLOCK)
static uint64_t own_wall_ms(void *ctx) {
    struct timespec now;
    (void)ctx;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000;
}

struct clocked {
    struct memory memory;
    struct trunk_host host;
};

static int32_t bad_open(const struct trunk_host *host, const struct trunk_param *own, size_t count,
                        void **self, struct trunk_error *error) {
    int32_t status = open_memory(host, own, count, self, error);
    struct clocked *clocked = status == TRUNK_OK ? realloc(*self, sizeof *clocked) : NULL;
    if (clocked != NULL) {
        clocked->host = *host;
        clocked->host.wall_ms = own_wall_ms;
        clocked->memory.host = &clocked->host;
        *self = clocked;
    }
    return status;
}
#define OPEN bad_open

/* --- sweep, scan and the log --- */

#elif defined(DEFECT_SWEEPS_TWICE)
static void bad_sweep(void *self, uint32_t limit, trunk_op op) {
    struct memory *memory = self;
    struct record *record =
        limit > 1 ? records_take_expired(memory->records, now_ms(memory)) : NULL;
    if (record != NULL) {
        emit_record(memory, record, 1, op);
        emit_record(memory, record, 1, op);
        record_free(record);
        limit--;
    }
    sweep(self, limit, op);
}
#define SWEEP bad_sweep

#elif defined(DEFECT_SWEEPS_TOO_MUCH)
static void bad_sweep(void *self, uint32_t limit, trunk_op op) {
    sweep(self, limit + 1, op);
}
#define SWEEP bad_sweep

#elif defined(DEFECT_SCAN_LOSES)
static void bad_scan(void *self, const struct trunk_scan *how, trunk_op op) {
    struct trunk_scan other = *how;
    uint64_t number = 0;
    if (how->cursor.len == sizeof number) {
        memcpy(&number, how->cursor.data, sizeof number);
        number++;
        other.cursor.data = &number;
    }
    scan(self, &other, op);
}
#define SCAN bad_scan

#elif defined(DEFECT_SCAN_IGNORES_PREFIX)
static void bad_scan(void *self, const struct trunk_scan *how, trunk_op op) {
    struct trunk_scan other = *how;
    other.prefix.len = 0;
    scan(self, &other, op);
}
#define SCAN bad_scan

#elif defined(DEFECT_FORGETS_THE_LOG)
static void bad_append(void *self, const struct trunk_entry *entry, trunk_op op) {
    struct memory *memory = self;
    struct record *record = records_find(memory->records, entry->key, now_ms(memory));
    if (record != NULL && entry->seq > record->log.last_seq) {
        record->log.last_seq = entry->seq;
        complete(self, op, TRUNK_OK);
        return;
    }
    append_entry(self, entry, op);
}
#define APPEND bad_append

#elif defined(DEFECT_LOG_CREATES_THE_RECORD)
static void bad_append(void *self, const struct trunk_entry *entry, trunk_op op) {
    struct memory *memory = self;
    uint64_t now = now_ms(memory);
    uint64_t version = 0;
    if (records_find(memory->records, entry->key, now) == NULL) {
        (void)records_write(memory->records, entry->key, (struct trunk_slice){NULL, 0}, 0, now,
                            &version);
    }
    append_entry(self, entry, op);
}
#define APPEND bad_append

#elif defined(DEFECT_TRIM_LOWERS_LAST_SEQ)
static void bad_trim(void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op) {
    struct memory *memory = self;
    struct record *record = records_find(memory->records, key, now_ms(memory));
    trim_log(self, key, upto_seq, op);
    if (record != NULL && record->log.first == NULL) {
        record->log.last_seq = 0;
    }
}
#define TRIM bad_trim

/* --- the process --- */

#elif defined(DEFECT_LEAKS_A_DESCRIPTOR)
static int32_t bad_open(const struct trunk_host *host, const struct trunk_param *own, size_t count,
                        void **self, struct trunk_error *error) {
    (void)open("/dev/null", O_RDONLY | O_CLOEXEC);
    return open_memory(host, own, count, self, error);
}
#define OPEN bad_open

#elif defined(DEFECT_LETS_DESCRIPTORS_BE_INHERITED)
static void bad_ping(void *self, trunk_op op) {
    struct memory *memory = self;
    (void)open("/dev/null", O_RDONLY);
    ping(memory, op);
}
#define PING bad_ping

#elif defined(DEFECT_LEAVES_A_TIMER)
static void do_nothing(void *arg) {
    (void)arg;
}

static int32_t bad_open(const struct trunk_host *host, const struct trunk_param *own, size_t count,
                        void **self, struct trunk_error *error) {
    (void)host->timer_new(host->ctx, do_nothing, NULL);
    return open_memory(host, own, count, self, error);
}
#define OPEN bad_open

#elif defined(DEFECT_HANDLES_A_SIGNAL)
static void ignore_signal(int number) {
    (void)number;
}

static int32_t bad_open(const struct trunk_host *host, const struct trunk_param *own, size_t count,
                        void **self, struct trunk_error *error) {
    (void)signal(SIGUSR1, ignore_signal);
    return open_memory(host, own, count, self, error);
}
#define OPEN bad_open

#elif defined(DEFECT_HAS_STATIC_STATE)
static struct records *all_records;
static unsigned opened;

static int32_t bad_open(const struct trunk_host *host, const struct trunk_param *own, size_t count,
                        void **self, struct trunk_error *error) {
    int32_t status = open_memory(host, own, count, self, error);
    struct memory *memory = status == TRUNK_OK ? *self : NULL;
    if (memory != NULL && opened++ == 0) {
        all_records = memory->records;
    } else if (memory != NULL) {
        records_free(memory->records);
        memory->records = all_records;
    }
    return status;
}

static void bad_close(void *self) {
    if (--opened == 0) {
        records_free(all_records);
    }
    free(self);
}
#define OPEN bad_open
#define CLOSE bad_close
#endif

/* --- the table --- */

#ifndef CAPS
#define CAPS TRUNK_CAP_LOG
#endif
#ifndef OPS_SIZE
#define OPS_SIZE sizeof(struct trunk_storage_ops)
#endif
#ifndef OPEN
#define OPEN open_memory
#endif
#ifndef CLOSE
#define CLOSE close_memory
#endif
#ifndef PING
#define PING ping
#endif
#ifndef LOAD
#define LOAD load
#endif
#ifndef PUT
#define PUT put_record
#endif
#ifndef TOUCH
#define TOUCH touch
#endif
#ifndef REMOVE
#define REMOVE remove_record
#endif
#ifndef SWEEP
#define SWEEP sweep
#endif
#ifndef SCAN
#define SCAN scan
#endif
#ifndef APPEND
#define APPEND append_entry
#endif
#ifndef TRIM
#define TRIM trim_log
#endif

static const struct trunk_storage_ops changed = {
    .struct_size = OPS_SIZE,
    .caps = CAPS,
    .check = check,
    .open = OPEN,
    .close = CLOSE,
    .ping = PING,
    .load = LOAD,
    .put = PUT,
    .touch = TOUCH,
    .remove = REMOVE,
    .sweep = SWEEP,
    .scan = SCAN,
    .log_append = APPEND,
    .log_read = read_log,
    .log_trim = TRIM,
};

const struct trunk_plugin TRUNK_SYMBOL = {
    .magic = TRUNK_MAGIC,
    .abi_major = TRUNK_ABI_MAJOR,
    .abi_minor = TRUNK_ABI_MINOR,
    .struct_size = sizeof(struct trunk_plugin),
    .kind = TRUNK_KIND_STORAGE,
    .name = "memory",
    .version = "1",
    .summary = "keeps records in this process only",
    .params = params,
    .ops = &changed,
};
