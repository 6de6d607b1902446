/* SPDX-License-Identifier: MIT
 * multi_session.c - the legs of one session: opened, stored, told of, closed. */
#include "session/multi_session.h"

#include "session/multi_private.h"

#include <stdlib.h>

#include "base/alloc.h"

static void check_required(struct multi_session *multi) {
    void (*ready)(void *, int32_t, const char *) = multi->required_ready;
    const char *failure = NULL;
    for (size_t i = 0; i < multi->nlegs; i++) {
        const struct leg *leg = multi->legs[i];
        if (!leg_backend(leg)->is_required) {
            continue;
        }
        if (leg_state(leg) == LEG_OPENING) {
            return;
        }
        if (leg_state(leg) == LEG_CLOSED && failure == NULL) {
            failure = leg_error(leg) != NULL ? leg_error(leg) : "the backend is not connected";
        }
    }
    if (ready != NULL) {
        char *text = xstrdup(failure != NULL ? failure : "");
        multi->required_ready = NULL;
        ready(multi->required_ctx, failure == NULL ? TRUNK_OK : TRUNK_UNAVAILABLE, text);
        free(text);
    }
}

static void on_leg_opened(void *ctx, struct leg *leg) {
    struct multi_session *multi = ctx;
    (void)leg;
    check_required(multi);
    if (!multi->is_closed) {
        multi->events.on_record_due(multi->ctx);
    }
}

static void on_leg_ready(void *ctx, struct leg *leg) {
    struct multi_session *multi = ctx;
    if (!leg_was_resumed(leg)) {
        multi_subscriptions_renew(multi, leg);
    }
    multi_lists_check_waits(multi);
}

static void on_leg_changed(void *ctx, struct leg *leg) {
    struct multi_session *multi = ctx;
    (void)leg;
    multi->events.on_record_due(multi->ctx);
}

static void on_leg_failed(void *ctx, struct leg *leg, const char *text) {
    struct multi_session *multi = ctx;
    (void)leg;
    (void)text;
    multi_lists_check_waits(multi);
    check_required(multi);
}

static void on_leg_notice(void *ctx, const struct leg_source *from, const struct message *notice) {
    struct multi_session *multi = ctx;
    multi->events.on_notice(multi->ctx, from, notice);
}

static void on_leg_request(void *ctx, const struct leg_source *from,
                           const struct message *request) {
    struct multi_session *multi = ctx;
    multi->events.on_request(multi->ctx, from, request);
}

static void free_multi(void *arg) {
    struct multi_session *multi = arg;
    if (multi->closed != NULL) {
        multi->closed(multi->closed_ctx, multi->env.unclosed > 0);
    }
    buffer_free(&multi->capabilities);
    multi_lists_free(multi);
    free(multi->recorded);
    free(multi->has_listed);
    free(multi);
}

/* By a post, which comes after those that free the legs. */
static void on_transports_gone(void *ctx) {
    struct multi_session *multi = ctx;
    if (multi->is_closed) {
        loop_post(multi->env.loop, free_multi, multi);
    }
}

/* What the client can do, as far as trunkd relays it (protocol.md 4.4): a backend must not ask for
 * more. */
static void append_client_capabilities(struct buffer *out, const char *capabilities) {
    static const char *const names[] = {"roots", "sampling", "elicitation", NULL};
    size_t before = out->len;
    buffer_append_cstr(out, "{");
    for (size_t i = 0; capabilities != NULL && names[i] != NULL; i++) {
        struct json_value value = json_find(slice_cstr(capabilities), names[i]);
        if (value.type == JSON_OBJECT) {
            buffer_printf(out, "%s\"%s\":", out->len > before + 1 ? "," : "", names[i]);
            json_append_one_line(out, value.text);
        }
    }
    buffer_append_cstr(out, "}");
}

static void restore_leg(struct leg *leg, const struct record *record) {
    const struct backend *backend = leg_backend(leg);
    for (size_t i = 0; i < record->nlegs; i++) {
        const struct record_leg *saved = &record->legs[i];
        if (strcmp(saved->backend, backend->name) == 0 && saved->session[0] != '\0' &&
            strcmp(saved->config, backend->config_hash) == 0 && factory_can_restore(backend)) {
            leg_restore(leg,
                        &(struct leg_saved){saved->session, saved->protocol, saved->capabilities});
        }
    }
}

struct multi_session *multi_session_new(const struct leg_env *env,
                                        const struct backend_registry *registry,
                                        const char *session_tag, const char *principal,
                                        const struct record *record,
                                        const struct multi_session_events *events, void *ctx) {
    static const struct leg_events leg_events = {.on_opened = on_leg_opened,
                                                 .on_ready = on_leg_ready,
                                                 .on_changed = on_leg_changed,
                                                 .on_failed = on_leg_failed,
                                                 .on_list_changed = multi_lists_on_changed,
                                                 .on_notice = on_leg_notice,
                                                 .on_request = on_leg_request};
    struct multi_session *multi = xcalloc(1, sizeof *multi);
    multi->env = *env;
    append_client_capabilities(&multi->capabilities, record->capabilities);
    multi->env.capabilities = buffer_cstr(&multi->capabilities);
    multi->env.transports = 0;
    multi->env.on_idle = on_transports_gone;
    multi->env.on_idle_ctx = multi;
    multi->events = *events;
    multi->ctx = ctx;
    multi_lists_init(multi);
    multi->legs = xcalloc(registry->count, sizeof(struct leg *));
    multi->recorded = xcalloc(registry->count, sizeof *multi->recorded);
    multi->has_listed = xcalloc(registry->count, sizeof *multi->has_listed);
    for (size_t i = 0; i < registry->count; i++) {
        if (!registry->items[i]->is_disabled) {
            struct leg *leg = leg_new(&multi->env, registry->items[i], session_tag, principal,
                                      record->epoch, &leg_events, multi);
            multi->legs[multi->nlegs++] = leg;
            restore_leg(leg, record);
        }
    }
    return multi;
}

void multi_session_open(struct multi_session *multi) {
    for (size_t i = 0; i < multi->nlegs; i++) {
        leg_open(multi->legs[i]);
    }
}

void multi_session_close(struct multi_session *multi, bool keeps, multi_session_closed_fn closed,
                         void *ctx) {
    multi->is_closed = true;
    multi->closed = closed;
    multi->closed_ctx = ctx;
    multi_lists_cancel_waits(multi);
    multi->required_ready = NULL;
    multi->env.transports++; /* so that it cannot become idle in between */
    for (size_t i = 0; i < multi->nlegs; i++) {
        leg_free(multi->legs[i], keeps);
    }
    multi->env.transports--;
    free((void *)multi->legs);
    multi->legs = NULL;
    multi->nlegs = 0;
    if (multi->env.transports == 0) {
        loop_post(multi->env.loop, free_multi, multi);
    }
}

static void check_required_posted(void *arg) {
    struct multi_session *multi = arg;
    if (!multi->is_closed) {
        check_required(multi);
    }
}

void multi_session_wait_required(struct multi_session *multi,
                                 void (*ready)(void *ctx, int32_t status, const char *text),
                                 void *ctx) {
    multi->required_ready = ready;
    multi->required_ctx = ctx;
    loop_post(multi->env.loop, check_required_posted, multi);
}

void multi_session_fill_record(struct multi_session *multi, struct record *record) {
    for (size_t i = 0; i < multi->nlegs; i++) {
        const struct leg *leg = multi->legs[i];
        multi->recorded[i] = leg_state(leg) >= LEG_OPENED ? leg_opening(leg) : 0;
        if (multi->recorded[i] != 0) {
            record_set_leg(record, &(struct record_leg){.backend = leg_backend(leg)->name,
                                                        .session = leg_snapshot(leg),
                                                        .protocol = leg_protocol(leg),
                                                        .capabilities = leg_capabilities(leg),
                                                        .config = leg_backend(leg)->config_hash});
        }
        if (leg_epoch(leg) > record->epoch) {
            record->epoch = leg_epoch(leg);
        }
    }
}

void multi_session_admit(struct multi_session *multi) {
    for (size_t i = 0; i < multi->nlegs; i++) {
        if (multi->recorded[i] != 0 && multi->recorded[i] == leg_opening(multi->legs[i])) {
            leg_admit(multi->legs[i]);
        }
    }
}

void multi_session_set_log_level(struct multi_session *multi, const char *level) {
    for (size_t i = 0; i < multi->nlegs; i++) {
        leg_set_log_level(multi->legs[i], level);
    }
}

void multi_session_set_subscriptions(struct multi_session *multi, const struct uri_set *uris) {
    multi->subscriptions = uris;
}

void multi_session_notify(struct multi_session *multi, const char *method) {
    for (size_t i = 0; i < multi->nlegs; i++) {
        struct leg *leg = multi->legs[i];
        struct buffer json = {0};
        if (leg_state(leg) >= LEG_STARTING) {
            jsonrpc_write_notification(&json, method, (struct trunk_slice){0});
            leg_send(leg, leg_opening(leg), &json);
        }
    }
}

/* A build that is given up need not wait any more. */
void multi_session_fail_required(struct multi_session *multi, const char *text) {
    void (*ready)(void *, int32_t, const char *) = multi->required_ready;
    if (ready != NULL) {
        multi->required_ready = NULL;
        ready(multi->required_ctx, TRUNK_UNAVAILABLE, text);
    }
}
