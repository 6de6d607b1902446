/* SPDX-License-Identifier: MIT
 * factory.c - the front to a factory driver. */
#include "session/factory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <trunk/plugin_util.h>

#include "base/alloc.h"
#include "base/descriptors.h"
#include "base/status.h"
#include "wire/batch.h"

struct factory_leg {
    _Atomic unsigned refs; /* of its owner or the finish under way, of each call, and of each event
                              on its way to the loop */
    const struct backend *backend;
    struct driver *driver;
    const struct trunk_factory_ops *ops;
    void *driver_leg; /* NULL until made */
    struct trunk_sink sink;
    struct factory_leg_events events;
    void *ctx;
    char *session_tag;
    char *principal;
    char *saved;
    struct trunk_make make;
    char *protocol;
    struct trunk_param headers[1]; /* with the protocol, once it is known */
    size_t nheaders;
    bool is_made;     /* make has been completed, well or not */
    bool is_finished; /* factory_finish was called: no more events */
    bool keep;
    uint64_t finish_deadline_ms;
    struct trunk_finish finish;
    factory_finished_fn finished;
    void *finished_ctx;
    LIST_HEAD(, factory_call) calls;
};

struct factory_call {
    LIST_ENTRY(factory_call) in_leg;
    struct factory_leg *leg;
    struct buffer json;
    factory_done_fn done;
    factory_state_fn state_done; /* of a snapshot */
    void *ctx;
};

enum sink_event_kind { SINK_MESSAGE, SINK_REFUSED, SINK_CHANGED, SINK_CLOSED };

struct sink_event { /* followed in memory by the text */
    struct factory_leg *leg;
    enum sink_event_kind kind;
    int32_t status;
    uint64_t number;
    struct message message;
    struct message_error error;
    char text[];
};

static void unref(struct factory_leg *leg) {
    if (atomic_fetch_sub(&leg->refs, 1) != 1) {
        return;
    }
    free(leg->session_tag);
    free(leg->principal);
    free(leg->saved);
    free(leg->protocol);
    free(leg);
}

static void deliver_event(void *arg) {
    struct sink_event *event = arg;
    struct factory_leg *leg = event->leg;
    if (!leg->is_finished) {
        switch (event->kind) {
        case SINK_MESSAGE:
            leg->events.on_message(leg->ctx, &event->message, event->number);
            break;
        case SINK_REFUSED:
            leg->events.on_refused(leg->ctx, event->error.text);
            break;
        case SINK_CHANGED:
            leg->events.on_changed(leg->ctx);
            break;
        case SINK_CLOSED:
            leg->events.on_closed(leg->ctx, event->status, event->text);
            break;
        }
    }
    unref(leg);
    free(event);
}

static struct sink_event *new_event(struct factory_leg *leg, enum sink_event_kind kind,
                                    const void *text, size_t len) {
    struct sink_event *event = xcalloc(1, sizeof *event + len + 1);
    event->leg = leg;
    event->kind = kind;
    if (len > 0) {
        memcpy(event->text, text, len);
    }
    atomic_fetch_add(&leg->refs, 1);
    return event;
}

static void post_refused(struct factory_leg *leg, const struct message_error *error) {
    struct sink_event *event = new_event(leg, SINK_REFUSED, NULL, 0);
    event->error = *error;
    loop_post(leg->driver->env.loop, deliver_event, event);
}

/* True: it is the answer to the request of this number. */
static bool post_message(struct factory_leg *leg, struct trunk_slice text, uint64_t number) {
    struct sink_event *event = new_event(leg, SINK_MESSAGE, text.data, text.len);
    bool is_answer = false;
    event->number = number;
    if (message_parse(slice_of(event->text, text.len), &event->message, &event->error) !=
        TRUNK_OK) {
        event->kind = SINK_REFUSED;
    } else if (number != 0 &&
               (event->message.kind == MESSAGE_RESULT || event->message.kind == MESSAGE_ERROR)) {
        uint64_t id = 0;
        is_answer = json_number_u64(event->message.id.text, &id) && id == number;
    }
    loop_post(leg->driver->env.loop, deliver_event, event);
    return is_answer;
}

/* As if each had come alone: accepted of any revision, since an answer that is dropped is a call
 * that fails although it has run. */
static bool post_batch(struct factory_leg *leg, struct trunk_slice text, uint64_t number) {
    struct batch_item *items;
    size_t count;
    struct message_error error;
    bool has_answer = false;
    if (batch_parse(text, 0, &items, &count, &error) != TRUNK_OK) {
        post_refused(leg, &error);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!items[i].is_valid) {
            post_refused(leg, &items[i].error);
        } else if (post_message(leg, items[i].message.text, number)) {
            has_answer = true;
        }
    }
    free(items);
    return has_answer;
}

/* Parsed here, on the driver's thread, because the driver is to be told whether this was the last
 * message of its stream. */
static int32_t on_sink_message(void *ctx, const struct trunk_message *message) {
    bool is_batch = batch_is_array(message->json);
    return is_batch ? post_batch(ctx, message->json, message->number)
                    : post_message(ctx, message->json, message->number);
}

static void on_sink_changed(void *ctx) {
    struct factory_leg *leg = ctx;
    loop_post(leg->driver->env.loop, deliver_event, new_event(leg, SINK_CHANGED, NULL, 0));
}

static void on_sink_closed(void *ctx, int32_t status, const char *text) {
    struct factory_leg *leg = ctx;
    const char *known = text != NULL ? text : "the backend closed the connection";
    struct sink_event *event = new_event(leg, SINK_CLOSED, known, strlen(known));
    event->status = status;
    loop_post(leg->driver->env.loop, deliver_event, event);
}

static void on_finished(void *ctx, const struct trunk_reply *reply) {
    struct factory_leg *leg = ctx;
    if (leg->finished != NULL) {
        leg->finished(leg->finished_ctx, reply->status);
    }
    unref(leg);
}

static void finish_at_driver(struct factory_leg *leg) {
    const struct driver *driver = leg->driver;
    leg->finish = (struct trunk_finish){.struct_size = sizeof leg->finish,
                                        .keep = leg->keep,
                                        .headers = leg->headers,
                                        .nheaders = leg->nheaders,
                                        .deadline_ms = leg->finish_deadline_ms};
    trunk_op op = op_begin(driver->env.ops, driver->host, "finish", NULL, on_finished, leg);
    leg->ops->finish(leg->driver_leg, &leg->finish, op);
}

static void on_made(void *ctx, const struct trunk_reply *reply) {
    struct factory_leg *leg = ctx;
    int32_t status = reply->status;
    const char *text = reply->message;
    leg->is_made = true;
    leg->driver_leg = reply->leg;
    if (status == TRUNK_OK && leg->driver_leg == NULL) {
        log_error(leg->driver->env.log, "factory",
                  "the driver made a leg but gave none factory=%s backend=%s", leg->driver->name,
                  leg->backend->name);
        status = TRUNK_INTERNAL;
        text = "the factory driver gave no leg";
    }
    if (!leg->is_finished) {
        leg->events.on_made(leg->ctx, status, text != NULL ? text : status_name(status));
    } else if (leg->driver_leg != NULL) {
        finish_at_driver(leg);
    } else {
        on_finished(leg, reply);
    }
}

/* Whatever the transport, a leg needs some. */
static void refuse_make(const struct factory_leg *leg, trunk_op op) {
    char *text = xasprintf("backend %s: not opened, no descriptors are left for it (RLIMIT_NOFILE)",
                           leg->backend->name);
    trunk_complete(host_table(leg->driver->host), op, TRUNK_UNAVAILABLE, text);
    free(text);
}

struct factory_leg *factory_make(const struct factory_make *make,
                                 const struct factory_leg_events *events, void *ctx) {
    struct factory_leg *leg = xcalloc(1, sizeof *leg);
    struct driver *driver = make->backend->factory;
    atomic_init(&leg->refs, 1);
    leg->backend = make->backend;
    leg->driver = driver;
    leg->ops = &driver->plugin->ops.factory;
    leg->events = *events;
    leg->ctx = ctx;
    leg->session_tag = xstrdup(make->session_tag);
    leg->principal = make->principal[0] != '\0' ? xstrdup(make->principal) : NULL;
    leg->saved = xmemdup(make->saved.data, make->saved.len);
    LIST_INIT(&leg->calls);
    leg->sink = (struct trunk_sink){.struct_size = sizeof leg->sink,
                                    .ctx = leg,
                                    .on_message = on_sink_message,
                                    .on_changed = on_sink_changed,
                                    .on_closed = on_sink_closed};
    leg->make =
        (struct trunk_make){.struct_size = sizeof leg->make,
                            .session_id = leg->session_tag,
                            .backend = make->backend->name,
                            .principal = leg->principal,
                            .params = make->backend->params.items,
                            .nparams = make->backend->params.count,
                            .saved = {leg->saved, make->saved.len},
                            .sink = &leg->sink,
                            .max_message = make->max_message_bytes,
                            .deadline_ms = clock_mono_ms(driver->env.clock) + make->timeout_ms};
    trunk_op op = op_begin(driver->env.ops, driver->host, "make", NULL, on_made, leg);
    if (descriptors_are_scarce()) {
        refuse_make(leg, op);
    } else {
        leg->ops->make(driver->self, &leg->make, op);
    }
    return leg;
}

static void on_call_done(void *ctx, const struct trunk_reply *reply) {
    struct factory_call *call = ctx;
    LIST_REMOVE(call, in_leg);
    if (call->state_done != NULL) {
        call->state_done(call->ctx, reply->status,
                         reply->status == TRUNK_OK ? reply->value : (struct trunk_slice){0});
    } else if (call->done != NULL) {
        call->done(call->ctx, reply->status,
                   reply->message != NULL ? reply->message : status_name(reply->status));
    }
    unref(call->leg);
    buffer_free(&call->json);
    free(call);
}

static struct factory_call *new_call(struct factory_leg *leg, struct buffer *json,
                                     factory_done_fn done, void *ctx) {
    struct factory_call *call = xcalloc(1, sizeof *call);
    call->leg = leg;
    atomic_fetch_add(&leg->refs, 1);
    if (json != NULL) {
        call->json = *json;
        *json = (struct buffer){0};
    }
    call->done = done;
    call->ctx = ctx;
    LIST_INSERT_HEAD(&leg->calls, call, in_leg);
    return call;
}

static struct factory_call *
issue(struct factory_leg *leg, const char *what, uint64_t number, struct buffer *json,
      uint64_t timeout_ms, void (*fn)(void *leg, const struct trunk_request *request, trunk_op op),
      factory_done_fn done, void *ctx) {
    const struct driver *driver = leg->driver;
    struct factory_call *call = new_call(leg, json, done, ctx);
    struct trunk_request request = {
        .struct_size = sizeof request,
        .number = number,
        .json = buffer_slice(&call->json),
        .headers = leg->headers,
        .nheaders = leg->nheaders,
        .deadline_ms = timeout_ms != 0 ? clock_mono_ms(driver->env.clock) + timeout_ms : 0};
    trunk_op op = op_begin(driver->env.ops, driver->host, what, NULL, on_call_done, call);
    fn(leg->driver_leg, &request, op);
    return call;
}

struct factory_call *factory_request(struct factory_leg *leg, uint64_t number, struct buffer *json,
                                     uint64_t timeout_ms, factory_done_fn done, void *ctx) {
    return issue(leg, "request", number, json, timeout_ms, leg->ops->request, done, ctx);
}

struct factory_call *factory_send(struct factory_leg *leg, struct buffer *json, uint64_t timeout_ms,
                                  factory_done_fn done, void *ctx) {
    return issue(leg, "send", 0, json, timeout_ms, leg->ops->send, done, ctx);
}

struct factory_call *factory_listen(struct factory_leg *leg, factory_done_fn done, void *ctx) {
    return issue(leg, "listen", 0, NULL, 0, leg->ops->listen, done, ctx);
}

void factory_set_protocol(struct factory_leg *leg, const char *version) {
    leg->protocol = xstrdup(version);
    leg->headers[0] = (struct trunk_param){"MCP-Protocol-Version", leg->protocol};
    leg->nheaders = 1;
}

void factory_snapshot(struct factory_leg *leg, factory_state_fn done, void *ctx) {
    const struct driver *driver = leg->driver;
    struct factory_call *call = new_call(leg, NULL, NULL, ctx);
    call->state_done = done;
    trunk_op op = op_begin(driver->env.ops, driver->host, "snapshot", NULL, on_call_done, call);
    leg->ops->snapshot(leg->driver_leg, op);
}

bool factory_can_restore(const struct backend *backend) {
    return (backend->factory->plugin->ops.factory.caps & TRUNK_CAP_RESTORE) != 0;
}

void factory_call_forget(struct factory_call *call) {
    call->done = NULL;
}

void factory_cancel_request(struct factory_leg *leg, uint64_t number) {
    leg->ops->cancel_request(leg->driver_leg, number);
}

bool factory_can_pause(const struct factory_leg *leg) {
    return leg->ops->pause != NULL;
}

void factory_pause(struct factory_leg *leg, uint64_t number, bool is_paused) {
    leg->ops->pause(leg->driver_leg, number, is_paused ? 1 : 0);
}

void factory_finish(struct factory_leg *leg, bool keep, uint64_t timeout_ms,
                    factory_finished_fn finished, void *ctx) {
    const struct driver *driver = leg->driver;
    struct factory_call *call;
    leg->is_finished = true;
    leg->keep = keep;
    leg->finish_deadline_ms = timeout_ms != 0 ? clock_mono_ms(driver->env.clock) + timeout_ms : 0;
    leg->finished = finished;
    leg->finished_ctx = ctx;
    LIST_FOREACH(call, &leg->calls, in_leg) {
        call->done = NULL;
        call->state_done = NULL;
    }
    if (!leg->is_made) {
        return; /* on_made goes on */
    }
    if (leg->driver_leg != NULL) {
        finish_at_driver(leg);
    } else {
        trunk_op op = op_begin(driver->env.ops, driver->host, "finish", NULL, on_finished, leg);
        struct trunk_reply reply = {.struct_size = sizeof reply};
        const struct trunk_host *host = host_table(driver->host);
        host->complete(host->ctx, op, &reply);
    }
}
