/* SPDX-License-Identifier: MIT
 * connection.c - what the edge keeps of each client connection. Its bytes are seen by callbacks on
 * the bufferevent's buffers, before and beside the HTTP library; the time is looked at by one timer
 * for all, so that a request costs no timer. */
#include "http/connection.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "http/header_scan.h"
#include "wire/exchange.h"

#define MAX_PIPELINED_BYTES 65536 /* read ahead while a request waits for its answer */
#define MIN_TICK_MS 10
#define MAX_TICK_MS 1000
#define TICKS_PER_TIMEOUT 4

struct connection {
    struct connections *owner;
    struct bufferevent *bufferevent;
    struct evbuffer_cb_entry *on_input;
    struct evbuffer_cb_entry *on_output;
    enum connection_phase phase;
    uint64_t since_ms; /* of the phase, or of the last progress in writing */
    struct header_scan scan;
    struct exchange *exchange; /* NULL: none */
    UT_hash_handle hh;
};

struct connections {
    struct log *log;
    const struct http_options *options;
    connections_count_fn on_count;
    void *ctx;
    connections_drained_fn on_drained;
    struct clock clock;
    struct loop_timer *timer; /* set while there are connections */
    uint64_t tick_ms;         /* 0: nothing has a deadline */
    struct connection *all;   /* by bufferevent */
};

static void enter_phase(struct connection *self, enum connection_phase phase) {
    self->phase = phase;
    self->since_ms = clock_mono_ms(&self->owner->clock);
}

/* ---- deadlines ---- */

static uint64_t get_timeout_ms(const struct connection *self) {
    const struct http_options *options = self->owner->options;
    switch (self->phase) {
    case CONNECTION_IDLE:
        return options->idle_timeout_ms;
    case CONNECTION_HEAD:
        return options->header_timeout_ms;
    default:
        return options->body_timeout_ms;
    }
}

static size_t get_allowance_bytes(const struct connection *self) {
    return self->phase == CONNECTION_WAITING ? EXCHANGE_LOW_BYTES : 0;
}

static bool is_too_slow(const struct connection *self, uint64_t now_ms) {
    uint64_t timeout_ms = get_timeout_ms(self);
    if (timeout_ms == 0 || now_ms - self->since_ms < timeout_ms) {
        return false;
    }
    return self->phase < CONNECTION_WAITING ||
           evbuffer_get_length(bufferevent_get_output(self->bufferevent)) >
               get_allowance_bytes(self);
}

static void cut(struct connection *self) {
    static const char *const doings[] = {
        [CONNECTION_IDLE] = "idle",
        [CONNECTION_HEAD] = "sending its headers",
        [CONNECTION_BODY] = "sending its body",
        [CONNECTION_WAITING] = "not reading its stream",
        [CONNECTION_WRITING] = "not reading its answer",
    };
    log_debug(self->owner->log, "http", "connection cut, too long %s timeout_ms=%llu",
              doings[self->phase], (unsigned long long)get_timeout_ms(self));
    /* Deferred, since it removes this connection and maybe others, which are being walked over. */
    bufferevent_trigger_event(self->bufferevent, BEV_EVENT_READING | BEV_EVENT_TIMEOUT,
                              BEV_TRIG_DEFER_CALLBACKS);
}

static void look_at_all(void *arg) {
    struct connections *connections = arg;
    uint64_t now_ms = clock_mono_ms(&connections->clock);
    struct connection *self = NULL;
    struct connection *next = NULL;
    HASH_ITER(hh, connections->all, self, next) {
        if (is_too_slow(self, now_ms)) {
            cut(self);
        }
    }
    if (connections->all != NULL) {
        loop_timer_set(connections->timer, connections->tick_ms);
    }
}

static uint64_t choose_tick_ms(const struct http_options *options) {
    const uint64_t timeouts_ms[] = {options->header_timeout_ms, options->body_timeout_ms,
                                    options->idle_timeout_ms};
    uint64_t shortest_ms = 0;
    for (size_t i = 0; i < sizeof timeouts_ms / sizeof timeouts_ms[0]; i++) {
        if (timeouts_ms[i] > 0 && (shortest_ms == 0 || timeouts_ms[i] < shortest_ms)) {
            shortest_ms = timeouts_ms[i];
        }
    }
    uint64_t tick_ms = shortest_ms / TICKS_PER_TIMEOUT;
    return shortest_ms == 0        ? 0
           : tick_ms < MIN_TICK_MS ? MIN_TICK_MS
           : tick_ms > MAX_TICK_MS ? MAX_TICK_MS
                                   : tick_ms;
}

/* ---- bytes ---- */

/* Reads the head on, in what stands in the input from offset on. */
static void scan_input(struct connection *self, struct evbuffer *input, size_t offset) {
    size_t rest = evbuffer_get_length(input) - offset;
    struct evbuffer_ptr at;
    struct evbuffer_iovec piece;
    if (self->phase == CONNECTION_IDLE && rest > 0) {
        enter_phase(self, CONNECTION_HEAD);
    }
    while (rest > 0 && self->scan.state < HEADER_SCAN_COMPLETE &&
           evbuffer_ptr_set(input, &at, offset, EVBUFFER_PTR_SET) == 0 &&
           evbuffer_peek(input, -1, &at, &piece, 1) > 0) {
        header_scan_feed(&self->scan, piece.iov_base, piece.iov_len);
        offset += piece.iov_len;
        rest -= piece.iov_len;
    }
    if (self->scan.state == HEADER_SCAN_COMPLETE) {
        enter_phase(self, CONNECTION_BODY);
    }
}

static void handle_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg) {
    struct connection *self = arg;
    if (info->n_added > 0 && self->phase <= CONNECTION_HEAD) {
        scan_input(self, input, info->orig_size);
    }
}

static void handle_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg) {
    struct connection *self = arg;
    if (self->exchange != NULL && info->orig_size > EXCHANGE_LOW_BYTES &&
        evbuffer_get_length(output) <= EXCHANGE_LOW_BYTES) {
        self->owner->on_drained(self->exchange);
    }
    if (self->phase >= CONNECTION_WAITING &&
        (info->n_deleted > 0 || info->orig_size <= get_allowance_bytes(self))) {
        self->since_ms = clock_mono_ms(&self->owner->clock);
    }
}

/* ---- one connection ---- */

struct connection *connections_add(struct connections *connections,
                                   struct bufferevent *bufferevent) {
    struct connection *self = xcalloc(1, sizeof *self);
    bool is_first = connections->all == NULL;
    self->owner = connections;
    self->bufferevent = bufferevent;
    self->on_input = evbuffer_add_cb(bufferevent_get_input(bufferevent), handle_input, self);
    self->on_output = evbuffer_add_cb(bufferevent_get_output(bufferevent), handle_output, self);
    enter_phase(self, CONNECTION_IDLE);
    HASH_ADD_PTR(connections->all, bufferevent, self);
    if (is_first && connections->tick_ms > 0) {
        loop_timer_set(connections->timer, connections->tick_ms);
    }
    connections->on_count(connections->ctx, HASH_COUNT(connections->all));
    return self;
}

struct connection *connections_find(const struct connections *connections,
                                    struct bufferevent *bufferevent) {
    struct connection *self = NULL;
    HASH_FIND_PTR(connections->all, &bufferevent, self);
    return self;
}

void connection_remove(struct connection *self) {
    evbuffer_remove_cb_entry(bufferevent_get_input(self->bufferevent), self->on_input);
    evbuffer_remove_cb_entry(bufferevent_get_output(self->bufferevent), self->on_output);
    struct connections *owner = self->owner;
    HASH_DEL(owner->all, self);
    if (owner->all == NULL) {
        loop_timer_stop(owner->timer);
    }
    free(self);
    owner->on_count(owner->ctx, HASH_COUNT(owner->all));
}

struct bufferevent *connection_get_bufferevent(const struct connection *self) {
    return self->bufferevent;
}

enum connection_phase connection_get_phase(const struct connection *self) {
    return self->phase;
}

const char *connection_get_defect(const struct connection *self) {
    return self->scan.defect;
}

struct exchange *connection_get_exchange(const struct connection *self) {
    return self->exchange;
}

void connection_set_exchange(struct connection *self, struct exchange *exchange) {
    self->exchange = exchange;
}

void connection_begin_waiting(struct connection *self) {
    enter_phase(self, CONNECTION_WAITING);
    /* evhttp must neither see more input now (its reader exits the process in this state) nor miss
     * the end of the connection (it stops to read). What the client sends ahead stays in the
     * buffer, up to a limit. */
    bufferevent_data_cb on_write = NULL;
    bufferevent_event_cb on_event = NULL;
    void *arg = NULL;
    bufferevent_getcb(self->bufferevent, NULL, &on_write, &on_event, &arg);
    bufferevent_setcb(self->bufferevent, NULL, on_write, on_event, arg);
    bufferevent_setwatermark(self->bufferevent, EV_READ, 0, MAX_PIPELINED_BYTES);
    bufferevent_enable(self->bufferevent, EV_READ);
}

void connection_begin_writing(struct connection *self) {
    enter_phase(self, CONNECTION_WRITING);
}

void connection_begin_next(struct connection *self) {
    /* The next request may be larger than what was read ahead. */
    bufferevent_setwatermark(self->bufferevent, EV_READ, 0, 0);
    enter_phase(self, CONNECTION_IDLE);
    self->scan = (struct header_scan){0};
    scan_input(self, bufferevent_get_input(self->bufferevent), 0);
}

/* ---- all of them ---- */

struct connections *connections_new(struct loop *loop, struct log *log,
                                    const struct http_options *options,
                                    connections_count_fn on_count, void *ctx,
                                    connections_drained_fn on_drained) {
    struct connections *connections = xcalloc(1, sizeof *connections);
    connections->log = log;
    connections->options = options;
    connections->on_count = on_count;
    connections->ctx = ctx;
    connections->on_drained = on_drained;
    connections->tick_ms = choose_tick_ms(options);
    connections->timer = loop_timer_new(loop, look_at_all, connections);
    clock_init(&connections->clock);
    return connections;
}

void connections_free(struct connections *connections) {
    if (connections == NULL) {
        return;
    }
    assert(connections->all == NULL);
    loop_timer_free(connections->timer);
    free(connections);
}

size_t connections_count(const struct connections *connections) {
    return HASH_COUNT(connections->all);
}
