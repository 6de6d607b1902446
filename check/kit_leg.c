/* SPDX-License-Identifier: MIT
 * kit_leg.c - sinks count what comes, and watch the order of the driver's calls. */
#include "kit_leg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit_fail.h"

static const uint64_t LIMIT_MS = 20000;
static const uint64_t AT_ONCE_MS = 2000;

static char *copy_text(const char *text, size_t len) {
    char *copy = strndup(text, len);
    if (copy == NULL) {
        abort();
    }
    return copy;
}

static void check_open(const struct kit_leg *leg, const char *what) {
    struct kit_host *host = leg->factory->host;
    if (leg->is_closed) {
        kit_host_fault(host, "factory.h, COMPLETION: none after on_closed", what);
    } else if (leg->is_finished) {
        kit_host_fault(host, "factory.h, COMPLETION: none after finish is completed", what);
    }
}

static int32_t on_message(void *ctx, const struct trunk_message *message) {
    struct kit_leg *leg = ctx;
    struct kit_host *host = leg->factory->host;
    const char *json = message->json.data;
    check_open(leg, "on_message");
    if (message->json.len == 0 || (*json != '{' && *json != '[')) {
        kit_host_fault(host, "factory.h, trunk_message: begins with '{' or '['", "on_message");
        return 0;
    }
    if (leg->make.max_message != 0 && message->json.len > leg->make.max_message) {
        kit_host_fault(host, "factory.h, trunk_message: 1..max_message bytes", "on_message");
    }
    char *text = copy_text(json, message->json.len);
    leg->nmessages++;
    if (strstr(text, "\"id\":") != NULL && strstr(text, "\"method\":") == NULL) {
        leg->nanswers++;
        free(leg->last);
        leg->last = text;
        return message->number != 0;
    }
    free(text);
    return 0;
}

static void on_changed(void *ctx) {
    struct kit_leg *leg = ctx;
    check_open(leg, "on_changed");
    if (!kit_driver_has(leg->factory->driver, TRUNK_CAP_RESTORE)) {
        kit_host_fault(leg->factory->host, "factory.h, on_changed: Only with TRUNK_CAP_RESTORE.",
                       "on_changed");
    }
}

static void on_closed(void *ctx, int32_t status, const char *message) {
    struct kit_leg *leg = ctx;
    struct kit_host *host = leg->factory->host;
    check_open(leg, "on_closed");
    if (message == NULL) {
        kit_host_fault(host,
                       "factory.h, on_closed: text for people, valid during the call, not NULL",
                       "on_closed");
    }
    if (status != TRUNK_UNAVAILABLE && status != TRUNK_NOT_FOUND && status != TRUNK_DENIED &&
        status != TRUNK_TOO_LARGE && status != TRUNK_INTERNAL) {
        kit_host_fault(host,
                       "factory.h, on_closed: UNAVAILABLE (the transport broke), NOT_FOUND (the "
                       "backend ended the session), DENIED, TOO_LARGE",
                       "on_closed with another status");
    }
    leg->is_closed = true;
    leg->closed_status = status;
}

/* --- the factory --- */

struct kit_factory *kit_factory_open(const struct kit_driver *driver) {
    struct trunk_error error = {0};
    struct kit_factory *factory = calloc(1, sizeof *factory);
    if (factory == NULL) {
        abort();
    }
    factory->driver = driver;
    factory->host = kit_host_new();
    int32_t status = driver->factory.check(driver->params, driver->nparams, &error);
    if (status == TRUNK_OK && driver->factory.check_backend != NULL) {
        status =
            driver->factory.check_backend(driver->backend.items, driver->backend.count, &error);
    }
    if (status == TRUNK_OK) {
        status = driver->factory.open(kit_host_table(factory->host), driver->params,
                                      driver->nparams, &factory->self, &error);
    }
    if (status != TRUNK_OK) {
        KIT_FAIL("check or open: key \"%s\": %s", error.key, error.text);
    }
    return factory;
}

size_t kit_factory_close(struct kit_factory *factory) {
    factory->driver->factory.close(factory->self);
    if (kit_host_count_pending(factory->host) > 0) {
        kit_host_fault(factory->host,
                       "factory.h, close: their pending ops, a finish among them, are completed "
                       "with CANCELLED before it returns",
                       "an op is pending after close");
    }
    kit_host_end(factory->host);
    size_t nfaults = kit_host_count_faults(factory->host);
    kit_host_free(factory->host);
    free(factory);
    return nfaults;
}

static uint64_t mono_ms(const struct kit_factory *factory) {
    const struct trunk_host *table = kit_host_table(factory->host);
    return table->mono_ms(table->ctx);
}

#define KIT_CALL(factory_, call_)                                                                  \
    do {                                                                                           \
        uint64_t began_ms_ = mono_ms(factory_);                                                    \
        call_;                                                                                     \
        if (mono_ms(factory_) - began_ms_ > AT_ONCE_MS) {                                          \
            kit_host_fault((factory_)->host,                                                       \
                           "factory.h, THREADS: All calls come on the loop thread and must "       \
                           "return at once",                                                       \
                           "a call did not return at once");                                       \
        }                                                                                          \
    } while (0)

const struct kit_result *kit_wait_op(struct kit_factory *factory, trunk_op op) {
    const struct kit_result *result = kit_host_wait(factory->host, op, LIMIT_MS);
    if (result == NULL) {
        KIT_FAIL("a call was not completed within %d s", (int)(LIMIT_MS / 1000));
    }
    return result;
}

/* --- the calls --- */

const struct kit_result *kit_make(struct kit_leg *leg, struct kit_factory *factory,
                                  const struct param_list *backend, const char *saved,
                                  uint64_t max_message) {
    *leg = (struct kit_leg){.factory = factory};
    leg->sink = (struct trunk_sink){.struct_size = sizeof leg->sink,
                                    .ctx = leg,
                                    .on_message = on_message,
                                    .on_changed = on_changed,
                                    .on_closed = on_closed};
    leg->make = (struct trunk_make){.struct_size = sizeof leg->make,
                                    .session_id = "check",
                                    .backend = "peer",
                                    .params = backend->items,
                                    .nparams = backend->count,
                                    .saved = {saved, saved == NULL ? 0 : strlen(saved)},
                                    .sink = &leg->sink,
                                    .max_message = max_message};
    trunk_op op = kit_host_begin(factory->host, "make", false, NULL, 0);
    KIT_CALL(factory, factory->driver->factory.make(factory->self, &leg->make, op));
    const struct kit_result *result = kit_wait_op(factory, op);
    if ((result->status == TRUNK_OK) != (result->leg != NULL)) {
        KIT_FAIL("make gives status %d with%s a leg", result->status,
                 result->leg == NULL ? "out" : "");
    }
    leg->leg = result->leg;
    leg->is_made = result->leg != NULL;
    return result;
}

typedef void (*message_fn)(void *leg, const struct trunk_request *request, trunk_op op);

static trunk_op begin_message(struct kit_leg *leg, const char *what, message_fn fn, uint64_t number,
                              const char *json) {
    struct trunk_request *request = calloc(1, sizeof *request);
    char *text = copy_text(json, strlen(json));
    if (request == NULL) {
        abort();
    }
    *request = (struct trunk_request){
        .struct_size = sizeof *request, .number = number, .json = {text, strlen(text)}};
    void *inputs[] = {request, text};
    trunk_op op = kit_host_begin(leg->factory->host, what, false, inputs, 2);
    KIT_CALL(leg->factory, fn(leg->leg, request, op));
    return op;
}

trunk_op kit_begin_request(struct kit_leg *leg, uint64_t number, const char *json) {
    return begin_message(leg, "request", leg->factory->driver->factory.request, number, json);
}

trunk_op kit_begin_send(struct kit_leg *leg, const char *json) {
    return begin_message(leg, "send", leg->factory->driver->factory.send, 0, json);
}

trunk_op kit_begin_listen(struct kit_leg *leg) {
    return begin_message(leg, "listen", leg->factory->driver->factory.listen, 0, "");
}

const struct kit_result *kit_snapshot(struct kit_leg *leg) {
    trunk_op op = kit_host_begin(leg->factory->host, "snapshot", false, NULL, 0);
    KIT_CALL(leg->factory, leg->factory->driver->factory.snapshot(leg->leg, op));
    return kit_wait_op(leg->factory, op);
}

trunk_op kit_begin_finish(struct kit_leg *leg, uint32_t keep) {
    struct trunk_finish *finish = calloc(1, sizeof *finish);
    if (finish == NULL) {
        abort();
    }
    *finish = (struct trunk_finish){.struct_size = sizeof *finish, .keep = keep};
    void *inputs[] = {finish};
    trunk_op op = kit_host_begin(leg->factory->host, "finish", false, inputs, 1);
    KIT_CALL(leg->factory, leg->factory->driver->factory.finish(leg->leg, finish, op));
    return op;
}

const struct kit_result *kit_end_finish(struct kit_leg *leg, trunk_op op) {
    const struct kit_result *result = kit_wait_op(leg->factory, op);
    leg->is_finished = true;
    free(leg->last);
    leg->last = NULL;
    return result;
}

static void run_until(struct kit_leg *leg, const uint64_t *count, uint64_t wanted) {
    uint64_t end_ms = mono_ms(leg->factory) + LIMIT_MS;
    while (*count < wanted && !leg->is_closed && mono_ms(leg->factory) < end_ms) {
        kit_host_run(leg->factory->host, 5);
    }
}

void kit_wait_answers(struct kit_leg *leg, uint64_t count) {
    run_until(leg, &leg->nanswers, count);
    if (leg->nanswers != count) {
        KIT_FAIL("%llu answers came, wanted are %llu", (unsigned long long)leg->nanswers,
                 (unsigned long long)count);
    }
}

void kit_wait_closed(struct kit_leg *leg) {
    static const uint64_t never = 0;
    run_until(leg, &never, 1);
    if (!leg->is_closed) {
        KIT_FAIL("on_closed was not called");
    }
}
