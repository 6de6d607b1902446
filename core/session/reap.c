/* SPDX-License-Identifier: MIT
 * reap.c - makes a leg that goes on with the session, and finishes it at once. */
#include "session/reap.h"

#include <stdlib.h>

#include "base/alloc.h"

struct reaping {
    struct factory_leg *transport;
    struct log *log;
    const char *backend;
    char *session_tag;
    char *protocol;
    uint64_t timeout_ms;
    int32_t status; /* of the making */
    factory_finished_fn done;
    void *ctx;
};

static void on_finished(void *ctx, int32_t status) {
    struct reaping *reaping = ctx;
    reaping->done(reaping->ctx, reaping->status != TRUNK_OK ? reaping->status : status);
    free(reaping->session_tag);
    free(reaping->protocol);
    free(reaping);
}

static void on_made(void *ctx, int32_t status, const char *text) {
    struct reaping *reaping = ctx;
    if (status != TRUNK_OK && status != TRUNK_NOT_FOUND && status != TRUNK_INVALID) {
        log_warn(reaping->log, "leg",
                 "a backend's session could not be closed: %s backend=%s session=%s", text,
                 reaping->backend, reaping->session_tag);
        reaping->status = status;
    } else if (status == TRUNK_OK && reaping->protocol[0] != '\0') {
        factory_set_protocol(reaping->transport, reaping->protocol);
    }
    factory_finish(reaping->transport, false, reaping->timeout_ms, on_finished, reaping);
}

static void ignore_message(void *ctx, const struct message *message, uint64_t number) {
    (void)ctx;
    (void)message;
    (void)number;
}

static void ignore_refused(void *ctx, const char *text) {
    (void)ctx;
    (void)text;
}

static void ignore_changed(void *ctx) {
    (void)ctx;
}

static void ignore_closed(void *ctx, int32_t status, const char *text) {
    (void)ctx;
    (void)status;
    (void)text;
}

void reap_session(const struct reap *reap, factory_finished_fn done, void *ctx) {
    static const struct factory_leg_events events = {on_made, ignore_message, ignore_refused,
                                                     ignore_changed, ignore_closed};
    struct reaping *reaping = xcalloc(1, sizeof *reaping);
    struct factory_make make = {.backend = reap->backend,
                                .session_tag = reap->session_tag,
                                .principal = reap->principal,
                                .saved = slice_cstr(reap->session),
                                .max_message_bytes = 1,
                                .timeout_ms = reap->timeout_ms};
    reaping->log = reap->backend->factory->env.log;
    reaping->backend = reap->backend->name;
    reaping->session_tag = xstrdup(reap->session_tag);
    reaping->protocol = xstrdup(reap->protocol != NULL ? reap->protocol : "");
    reaping->timeout_ms = reap->timeout_ms;
    reaping->done = done;
    reaping->ctx = ctx;
    reaping->transport = factory_make(&make, &events, reaping);
}
