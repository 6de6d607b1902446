/* SPDX-License-Identifier: MIT
 * multi_session.c - legs, merged tools and routes of one session. */
#include "session/multi_session.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "catalogue/lists.h"
#include "catalogue/names.h"

struct tools_wait {
    TAILQ_ENTRY(tools_wait) in_multi;
    struct multi_session *multi;
    struct loop_timer *timer;
    void (*ready)(void *ctx);
    void *ctx;
};

struct multi_session {
    struct leg_env env;
    struct multi_session_events events;
    void *ctx;
    struct leg **legs;  /* sorted by backend */
    unsigned *recorded; /* the opening of the leg that is being stored; 0: none */
    bool *has_listed;   /* the leg's tools have been known once */
    size_t nlegs;
    struct buffer tools;
    struct routes *routes;
    bool is_stale;  /* tools and routes are to be merged again */
    bool was_given; /* the client has been given tools */
    bool is_closed;
    TAILQ_HEAD(, tools_wait) waits;
    void (*required_ready)(void *ctx, int32_t status, const char *text);
    void *required_ctx;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void merge(struct multi_session *multi) {
    if (!multi->is_stale) {
        return;
    }
    struct list_source *sources = xcalloc(multi->nlegs, sizeof *sources);
    size_t count = 0;
    for (size_t i = 0; i < multi->nlegs; i++) {
        struct leg *leg = multi->legs[i];
        if (leg_has_tools(leg)) {
            struct list_source *source = &sources[count++];
            source->backend = leg_backend(leg)->name;
            source->leg = leg;
            source->pages = leg_tools(leg, &source->npages);
        }
    }
    buffer_clear(&multi->tools);
    routes_free(multi->routes);
    multi->routes = routes_new();
    (void)lists_merge_tools(sources, count, multi->env.log, &multi->tools, multi->routes);
    free(sources);
    multi->is_stale = false;
}

/* A leg that failed before is known to be down: nobody waits for it, though it is tried again. */
static bool is_first_opening(const struct leg *leg) {
    return !leg_has_tools(leg) && leg_state(leg) != LEG_CLOSED && leg_state(leg) != LEG_READY &&
           leg_error(leg) == NULL;
}

static bool is_list_complete(const struct multi_session *multi) {
    for (size_t i = 0; i < multi->nlegs; i++) {
        if (is_first_opening(multi->legs[i])) {
            return false;
        }
    }
    return true;
}

static void end_wait(struct tools_wait *wait) {
    void (*ready)(void *) = wait->ready;
    void *ctx = wait->ctx;
    multi_session_wait_tools_cancel(wait);
    ready(ctx);
}

static void on_wait_timer(void *arg) {
    end_wait(arg);
}

static void check_waits(struct multi_session *multi) {
    struct tools_wait *wait;
    if (!is_list_complete(multi)) {
        return;
    }
    /* By the timer: an end runs the client's code, which may end this session. */
    TAILQ_FOREACH(wait, &multi->waits, in_multi) {
        loop_timer_set(wait->timer, 0);
    }
}

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
    (void)leg;
    check_waits(multi);
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
    check_waits(multi);
    check_required(multi);
}

/* Of a client that never asked, only a change of what a leg had already is news. */
static void on_leg_tools_changed(void *ctx, struct leg *leg) {
    struct multi_session *multi = ctx;
    struct buffer before = {0};
    size_t i = 0;
    while (multi->legs[i] != leg) {
        i++;
    }
    bool is_first_list = !multi->has_listed[i];
    multi->has_listed[i] = true;
    multi->is_stale = true;
    if (!multi->was_given) {
        if (!is_first_list) {
            multi->events.on_tools_changed(multi->ctx);
        }
        return;
    }
    buffer_append_slice(&before, buffer_slice(&multi->tools));
    merge(multi);
    if (!slice_equal(buffer_slice(&before), buffer_slice(&multi->tools))) {
        multi->events.on_tools_changed(multi->ctx);
    }
    buffer_free(&before);
}

static void on_leg_notice(void *ctx, const struct leg_source *from, const struct message *notice) {
    struct multi_session *multi = ctx;
    multi->events.on_notice(multi->ctx, from, notice);
}

static void free_multi(void *arg) {
    struct multi_session *multi = arg;
    if (multi->closed != NULL) {
        multi->closed(multi->closed_ctx);
    }
    buffer_free(&multi->tools);
    routes_free(multi->routes);
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
                                                 .on_tools_changed = on_leg_tools_changed,
                                                 .on_notice = on_leg_notice};
    struct multi_session *multi = xcalloc(1, sizeof *multi);
    multi->env = *env;
    multi->env.transports = 0;
    multi->env.on_idle = on_transports_gone;
    multi->env.on_idle_ctx = multi;
    multi->events = *events;
    multi->ctx = ctx;
    multi->is_stale = true;
    multi->routes = routes_new();
    TAILQ_INIT(&multi->waits);
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

void multi_session_close(struct multi_session *multi, bool keeps, void (*closed)(void *ctx),
                         void *ctx) {
    struct tools_wait *wait;
    multi->is_closed = true;
    multi->closed = closed;
    multi->closed_ctx = ctx;
    while ((wait = TAILQ_FIRST(&multi->waits)) != NULL) {
        /* Freed ones have left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        multi_session_wait_tools_cancel(wait);
    }
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

struct trunk_slice multi_session_tools(struct multi_session *multi) {
    merge(multi);
    multi->was_given = true;
    return buffer_slice(&multi->tools);
}

struct tools_wait *multi_session_wait_tools(struct multi_session *multi, void (*ready)(void *ctx),
                                            void *ctx) {
    struct tools_wait *wait = xcalloc(1, sizeof *wait);
    wait->multi = multi;
    wait->ready = ready;
    wait->ctx = ctx;
    wait->timer = loop_timer_new(multi->env.loop, on_wait_timer, wait);
    TAILQ_INSERT_TAIL(&multi->waits, wait, in_multi);
    multi_session_open(multi);
    loop_timer_set(wait->timer, is_list_complete(multi) ? 0 : multi->env.options->list_wait_ms);
    return wait;
}

void multi_session_wait_tools_cancel(struct tools_wait *wait) {
    TAILQ_REMOVE(&wait->multi->waits, wait, in_multi);
    loop_timer_free(wait->timer);
    free(wait);
}

const struct route *multi_session_route(struct multi_session *multi, struct trunk_slice name) {
    merge(multi);
    return routes_find(multi->routes, name);
}

/* Of `a` and `a_b` the longer name is the likelier one for `a_b_c`. */
struct leg *multi_session_guess_leg(struct multi_session *multi, struct trunk_slice name) {
    struct leg *best = NULL;
    for (size_t i = 0; i < multi->nlegs; i++) {
        struct leg *leg = multi->legs[i];
        const char *backend = leg_backend(leg)->name;
        if (!leg_has_tools(leg) && names_may_belong(name, backend) &&
            (best == NULL || strlen(backend) > strlen(leg_backend(best)->name))) {
            best = leg;
        }
    }
    return best;
}

/* A build that is given up need not wait any more. */
void multi_session_fail_required(struct multi_session *multi, const char *text) {
    void (*ready)(void *, int32_t, const char *) = multi->required_ready;
    if (ready != NULL) {
        multi->required_ready = NULL;
        ready(multi->required_ctx, TRUNK_UNAVAILABLE, text);
    }
}
