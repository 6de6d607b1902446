/* SPDX-License-Identifier: MIT
 * leg.c - the states of a leg: opened, failed, gone on with, closed, waited for. */
#include "session/leg.h"

#include "session/leg_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "session/reap.h"

/* A READY of LASTING_MS ends the growth of the pauses between openings. */
enum { FIRST_PAUSE_MS = 100, LAST_PAUSE_MS = 10000, LASTING_MS = 1000 };

static void deliver_wait(void *arg) {
    struct leg_wait *wait = arg;
    if (!wait->is_cancelled) {
        wait->ready(wait->ctx, wait->status, wait->text);
    }
    free(wait->text);
    free(wait);
}

static void tell_wait(struct leg_wait *wait, int32_t status, const char *text) {
    wait->status = status;
    wait->text = xstrdup(text);
    loop_post(wait->leg->env->loop, deliver_wait, wait);
}

void leg_tell_waits(struct leg *leg, int32_t status, const char *text) {
    struct leg_wait *wait;
    while ((wait = TAILQ_FIRST(&leg->waits)) != NULL) {
        TAILQ_REMOVE(&leg->waits, wait, in_leg);
        tell_wait(wait, status, text);
    }
}

void leg_on_transport_finished(void *ctx, int32_t status) {
    struct leg_env *env = ctx;
    env->unclosed += status != TRUNK_OK ? 1 : 0;
    env->transports--;
    if (env->transports == 0 && env->on_idle != NULL) {
        env->on_idle(env->on_idle_ctx);
    }
}

/* The transport goes; what the next opening must not find goes with it. */
static void drop_transport(struct leg *leg, bool keeps) {
    struct leg_connection *connection = leg->connection;
    leg->connection = NULL;
    leg->is_initialized = false;
    leg->is_restoring = false;
    buffer_free(&leg->held_answers);
    leg_lists_stop(leg);
    leg_forget_holds(leg);
    loop_timer_stop(leg->timer);
    if (connection != NULL) {
        if (!connection->is_lost) {
            leg_connection_finish(connection, keeps);
        }
        leg_connection_unref(connection);
    }
    if (!keeps) {
        leg_set_snapshot(leg, (struct trunk_slice){0});
    }
}

static void shut(struct leg *leg, bool keeps, const char *text) {
    leg->state = LEG_CLOSED;
    drop_transport(leg, keeps);
    leg_tell_waits(leg, TRUNK_UNAVAILABLE, text);
}

/* Who waits for the leg waits on: the opening begins again, with a new session. */
static void open_anew(struct leg *leg, const char *text) {
    log_warn(leg->env->log, "leg",
             "the backend's session is gone and its state is lost; a new one is opened: %s "
             "backend=%s session=%s",
             text, leg->backend->name, leg->session_tag);
    leg->state = LEG_CLOSED;
    drop_transport(leg, false);
    leg_drop_internal_requests(leg);
    leg_open(leg);
}

/* What went before a time that it worked counts no more. */
static void end_growth_if_lasted(struct leg *leg) {
    if (leg->state == LEG_READY && clock_mono_ms(leg->env->clock) - leg->ready_ms >= LASTING_MS) {
        leg->pause_ms = 0;
    }
}

/* A backend that fails again and again is not started by each use: that would be as often as
 * clients like. One that worked is opened again at once, the first time. */
static void pause_openings(struct leg *leg) {
    uint64_t now_ms = clock_mono_ms(leg->env->clock);
    bool was_ready = leg->state == LEG_READY;
    end_growth_if_lasted(leg);
    bool is_spared = was_ready && leg->pause_ms == 0;
    leg->pause_ms = leg->pause_ms == 0 ? FIRST_PAUSE_MS : leg->pause_ms * 2;
    if (leg->pause_ms > LAST_PAUSE_MS) {
        leg->pause_ms = LAST_PAUSE_MS;
    }
    leg->paused_until_ms = is_spared ? now_ms : now_ms + leg->pause_ms;
}

void leg_fail(struct leg *leg, int32_t status, const char *text) {
    if (leg->state == LEG_CLOSED) {
        return;
    }
    char *copy = xstrdup(text);
    if (leg->is_restoring && status == TRUNK_NOT_FOUND) {
        open_anew(leg, copy);
        free(copy);
        return;
    }
    if (leg->state != LEG_READY || status != TRUNK_NOT_FOUND) { /* the backend lives */
        pause_openings(leg);
    } else {
        end_growth_if_lasted(leg);
    }
    free(leg->error);
    leg->error = copy;
    log_warn(leg->env->log, "leg", "%s backend=%s session=%s", copy, leg->backend->name,
             leg->session_tag);
    shut(leg, leg->is_restoring, copy);
    leg_fail_requests(leg, false, TRUNK_UNCERTAIN, copy);
    if (!leg->is_freed) {
        leg->events.on_failed(leg->ctx, leg, copy);
    }
}

void leg_lose(struct leg *leg, const char *text) {
    char *copy = xstrdup(text);
    free(leg->error);
    leg->error = copy;
    log_warn(leg->env->log, "leg", "%s backend=%s session=%s", copy, leg->backend->name,
             leg->session_tag);
    end_growth_if_lasted(leg);
    leg_drop_internal_requests(leg);
    leg_end_holds(leg);
    leg->connection->is_lost = true;
    shut(leg, false, copy);
    leg->events.on_failed(leg->ctx, leg, copy);
}

void leg_close(struct leg *leg, const char *why) {
    if (leg->state != LEG_CLOSED) {
        shut(leg, false, why);
    }
    loop_timer_stop(leg->timer); /* of an opening after its pause */
    leg_fail_requests(leg, true, TRUNK_CANCELLED, why);
}

static void on_open_timer(void *arg) {
    struct leg *leg = arg;
    if (leg->state == LEG_CLOSED) { /* it was asked for during its pause */
        leg_open(leg);
        return;
    }
    char *text =
        xasprintf("backend %s was not ready within %llu ms (session.leg_timeout)",
                  leg->backend->name, (unsigned long long)leg->env->options->leg_timeout_ms);
    leg_fail(leg, TRUNK_TIMEOUT, text);
    free(text);
}

static void on_made(void *ctx, int32_t status, const char *text) {
    struct leg *leg = ((struct leg_connection *)ctx)->leg;
    if (status != TRUNK_OK) {
        leg_fail(leg, leg->is_restoring && status == TRUNK_INVALID ? TRUNK_NOT_FOUND : status,
                 text);
    } else if (leg->is_restoring) {
        leg_resume(leg);
    } else {
        leg_handshake(leg);
    }
}

static void on_refused(void *ctx, const char *text) {
    struct leg *leg = ((struct leg_connection *)ctx)->leg;
    log_write_limited(leg->env->log, &leg->garbage_limit, TRUNK_LOG_WARN, "leg",
                      "the backend sent what is no JSON-RPC message backend=%s reason=\"%s\"",
                      leg->backend->name, text);
}

/* The driver's snapshot differs from the one that was taken when the leg opened. */
static void on_snapshot_again(void *ctx, int32_t status, struct trunk_slice state) {
    const struct leg_connection *connection = ctx;
    struct leg *leg = connection->leg;
    if (status == TRUNK_OK && !connection->is_lost && leg->state >= LEG_OPENED &&
        !slice_equal(state, slice_cstr(leg_snapshot(leg)))) {
        leg_set_snapshot(leg, state);
        leg->events.on_changed(leg->ctx, leg);
    }
}

static void on_changed(void *ctx) {
    struct leg_connection *connection = ctx;
    if (!connection->is_lost && connection->leg->state >= LEG_OPENED) {
        factory_snapshot(connection->transport, on_snapshot_again, connection);
    }
}

struct leg *leg_new(struct leg_env *env, const struct backend *backend, const char *session_tag,
                    const char *principal, uint64_t epoch, const struct leg_events *events,
                    void *ctx) {
    struct leg *leg = xcalloc(1, sizeof *leg);
    leg->env = env;
    leg->backend = backend;
    leg->session_tag = session_tag;
    leg->principal = principal;
    leg->events = *events;
    leg->ctx = ctx;
    leg->state = LEG_CLOSED;
    leg->next_number = epoch * LEG_IDS_PER_EPOCH + 1;
    leg->told_epoch = epoch;
    leg->timer = loop_timer_new(env->loop, on_open_timer, leg);
    TAILQ_INIT(&leg->waits);
    LIST_INIT(&leg->holds);
    leg_lists_init(leg);
    return leg;
}

static void free_leg(void *arg) {
    struct leg *leg = arg;
    leg_lists_free(leg);
    free(leg->error);
    free(leg->protocol);
    free(leg->capabilities);
    free(leg->snapshot);
    free((void *)(uintptr_t)leg->server_info.data);
    free(leg);
}

/* A session that no transport of this leg holds at the moment is closed all the same. */
static void close_kept_session(struct leg *leg) {
    struct leg_env *env = leg->env;
    struct reap reap = {.backend = leg->backend,
                        .session_tag = leg->session_tag,
                        .principal = leg->principal,
                        .session = leg->snapshot,
                        .protocol = leg->protocol,
                        .timeout_ms = env->options->leg_timeout_ms};
    env->transports++;
    reap_session(&reap, leg_on_transport_finished, env);
}

/* The memory goes at the next turn: the leg may be one of the callers on the stack. */
void leg_free(struct leg *leg, bool keeps) {
    if (leg == NULL) {
        return;
    }
    bool is_closed = leg->state == LEG_CLOSED;
    bool is_recorded = leg->state >= LEG_STARTING || leg->is_restoring;
    leg->is_freed = true;
    if (!is_closed) {
        shut(leg, keeps && is_recorded && leg->snapshot != NULL, "the session has ended");
    } else if (!keeps && leg->snapshot != NULL) {
        close_kept_session(leg);
    }
    leg_fail_requests(leg, true, TRUNK_CANCELLED, "the session has ended");
    loop_timer_free(leg->timer);
    leg->timer = NULL;
    loop_post(leg->env->loop, free_leg, leg);
}

void leg_restore(struct leg *leg, const struct leg_saved *saved) {
    leg->snapshot = xstrdup(saved->session);
    leg->protocol = xstrdup(saved->protocol);
    leg->capabilities = xstrdup(saved->capabilities);
}

void leg_set_snapshot(struct leg *leg, struct trunk_slice text) {
    char *copy = text.len > 0 ? slice_strdup(text) : NULL;
    free(leg->snapshot);
    leg->snapshot = copy;
}

const struct backend *leg_backend(const struct leg *leg) {
    return leg->backend;
}

enum leg_state leg_state(const struct leg *leg) {
    return leg->state;
}

const char *leg_error(const struct leg *leg) {
    return leg->error;
}

const char *leg_protocol(const struct leg *leg) {
    return leg->protocol;
}

struct trunk_slice leg_server_info(const struct leg *leg) {
    return leg->server_info;
}

const char *leg_capabilities(const struct leg *leg) {
    return leg->capabilities != NULL ? leg->capabilities : "{}";
}

const char *leg_snapshot(const struct leg *leg) {
    return leg->snapshot != NULL ? leg->snapshot : "";
}

/* One more than that of the last id once half of an epoch is used up, so that the record is there
 * long before the ids are. */
uint64_t leg_epoch(const struct leg *leg) {
    return (leg->next_number + LEG_IDS_PER_EPOCH / 2) / LEG_IDS_PER_EPOCH;
}

bool leg_was_resumed(const struct leg *leg) {
    return leg->was_resumed;
}

unsigned leg_opening(const struct leg *leg) {
    return leg->opening;
}

size_t leg_count_requests(const struct leg *leg) {
    return leg->nexternal;
}

void leg_open(struct leg *leg) {
    static const struct factory_leg_events events = {on_made, leg_connection_on_message, on_refused,
                                                     on_changed, leg_connection_on_closed};
    if (leg->state != LEG_CLOSED || leg->is_freed) {
        return;
    }
    uint64_t now_ms = clock_mono_ms(leg->env->clock);
    if (now_ms < leg->paused_until_ms) {
        loop_timer_set(leg->timer, leg->paused_until_ms - now_ms);
        return;
    }
    struct factory_make make = {.backend = leg->backend,
                                .session_tag = leg->session_tag,
                                .principal = leg->principal,
                                .saved = slice_cstr(leg_snapshot(leg)),
                                .max_message_bytes = leg->env->options->max_message_bytes,
                                .timeout_ms = leg->env->options->leg_timeout_ms};
    leg->state = LEG_OPENING;
    leg->opening++;
    leg->is_restoring = leg->snapshot != NULL;
    leg->env->transports++;
    loop_timer_set(leg->timer, leg->env->options->leg_timeout_ms);
    leg->connection = leg_connection_new(leg);
    leg->connection->transport = factory_make(&make, &events, leg->connection);
}

void leg_admit(struct leg *leg) {
    if (leg->state == LEG_OPENED) {
        loop_timer_set(leg->timer, leg->env->options->leg_timeout_ms);
        leg_start(leg);
    }
}

void leg_become_ready(struct leg *leg) {
    leg->state = LEG_READY;
    leg->ready_ms = clock_mono_ms(leg->env->clock);
    leg->was_resumed = leg->is_restoring;
    leg->is_restoring = false;
    loop_timer_stop(leg->timer);
    free(leg->error);
    leg->error = NULL;
    leg_tell_waits(leg, TRUNK_OK, "");
    leg->events.on_ready(leg->ctx, leg);
}

void leg_set_log_level(struct leg *leg, const char *level) {
    leg->log_level = level;
    if (leg->state == LEG_READY) {
        leg_send_log_level(leg);
    }
}

struct leg_wait *leg_use(struct leg *leg, leg_ready_fn ready, void *ctx) {
    struct leg_wait *wait = xcalloc(1, sizeof *wait);
    wait->leg = leg;
    wait->ready = ready;
    wait->ctx = ctx;
    leg_open(leg);
    if (leg->state == LEG_READY) {
        tell_wait(wait, TRUNK_OK, "");
    } else if (leg->is_freed) {
        tell_wait(wait, TRUNK_CANCELLED, "the session has ended");
    } else if (leg->state == LEG_CLOSED) {
        tell_wait(wait, TRUNK_UNAVAILABLE, leg->error);
    } else {
        TAILQ_INSERT_TAIL(&leg->waits, wait, in_leg);
    }
    return wait;
}

void leg_wait_cancel(struct leg_wait *wait) {
    wait->is_cancelled = true;
    if (wait->text == NULL) { /* not posted yet */
        TAILQ_REMOVE(&wait->leg->waits, wait, in_leg);
        free(wait);
    }
}
