/* SPDX-License-Identifier: MIT
 * multi_lists.c - the lists of the legs as one, the routes that they give, and who waits for them.
 */
#include "session/multi_private.h"

#include <stdlib.h>

#include "base/alloc.h"

void multi_lists_init(struct multi_session *multi) {
    TAILQ_INIT(&multi->waits);
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        multi->lists[kind].list = list_new((enum list_kind)kind);
        multi->lists[kind].is_stale = true;
    }
}

void multi_lists_free(struct multi_session *multi) {
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        list_free(multi->lists[kind].list);
    }
}

/* True: it is another list than before. */
static bool merge(struct multi_session *multi, enum list_kind kind) {
    struct merged_list *merged = &multi->lists[kind];
    if (!merged->is_stale) {
        return false;
    }
    struct list_source *sources = xcalloc(multi->nlegs, sizeof *sources);
    for (size_t i = 0; i < multi->nlegs; i++) {
        struct leg *leg = multi->legs[i];
        struct list_source *source = &sources[i];
        source->backend = leg_backend(leg)->name;
        source->leg = leg;
        source->pages = leg_list_pages(leg, kind, &source->npages);
    }
    bool is_changed = list_merge(merged->list, sources, multi->nlegs, &multi->env.options->naming,
                                 multi->env.log);
    free(sources);
    merged->is_stale = false;
    return is_changed;
}

/* A leg that failed before is known to be down: nobody waits for it, though it is tried again. */
static bool is_first_opening(const struct leg *leg) {
    bool is_on_its_way = leg_state(leg) != LEG_CLOSED && leg_state(leg) != LEG_READY;
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        if (!leg_has_list(leg, (enum list_kind)kind)) {
            return is_on_its_way && leg_error(leg) == NULL;
        }
    }
    return false;
}

bool multi_session_has_lists(const struct multi_session *multi) {
    for (size_t i = 0; i < multi->nlegs; i++) {
        if (is_first_opening(multi->legs[i])) {
            return false;
        }
    }
    return true;
}

static void end_wait(struct lists_wait *wait) {
    void (*ready)(void *) = wait->ready;
    void *ctx = wait->ctx;
    multi_session_wait_lists_cancel(wait);
    ready(ctx);
}

static void on_wait_timer(void *arg) {
    end_wait(arg);
}

void multi_lists_check_waits(struct multi_session *multi) {
    struct lists_wait *wait;
    if (!multi_session_has_lists(multi)) {
        return;
    }
    /* By the timer: an end runs the client's code, which may end this session. */
    TAILQ_FOREACH(wait, &multi->waits, in_multi) {
        loop_timer_set(wait->timer, 0);
    }
}

void multi_lists_cancel_waits(struct multi_session *multi) {
    struct lists_wait *wait;
    while ((wait = TAILQ_FIRST(&multi->waits)) != NULL) {
        /* Freed ones have left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        multi_session_wait_lists_cancel(wait);
    }
}

/* Of a client that never asked, only a change of what a leg had already is news. */
void multi_lists_on_changed(void *ctx, struct leg *leg, enum list_kind kind) {
    struct multi_session *multi = ctx;
    struct merged_list *merged = &multi->lists[kind];
    size_t i = 0;
    while (multi->legs[i] != leg) {
        i++;
    }
    bool is_first_list = !multi->has_listed[i][kind];
    multi->has_listed[i][kind] = true;
    merged->is_stale = true;
    bool is_news = merged->was_given ? merge(multi, kind) : !is_first_list;
    if (is_news) {
        multi->events.on_list_changed(multi->ctx, kind);
    }
}

bool multi_session_list(struct multi_session *multi, enum list_kind kind,
                        const struct trunk_slice *cursor, struct buffer *out) {
    (void)merge(multi, kind);
    multi->lists[kind].was_given = true;
    return list_append_page(multi->lists[kind].list, cursor, multi->env.options->page_size, out);
}

struct lists_wait *multi_session_wait_lists(struct multi_session *multi, void (*ready)(void *ctx),
                                            void *ctx) {
    struct lists_wait *wait = xcalloc(1, sizeof *wait);
    wait->multi = multi;
    wait->ready = ready;
    wait->ctx = ctx;
    wait->timer = loop_timer_new(multi->env.loop, on_wait_timer, wait);
    TAILQ_INSERT_TAIL(&multi->waits, wait, in_multi);
    multi_session_open(multi);
    loop_timer_set(wait->timer,
                   multi_session_has_lists(multi) ? 0 : multi->env.options->list_wait_ms);
    return wait;
}

void multi_session_wait_lists_cancel(struct lists_wait *wait) {
    TAILQ_REMOVE(&wait->multi->waits, wait, in_multi);
    loop_timer_free(wait->timer);
    free(wait);
}

const struct route *multi_session_route(struct multi_session *multi, enum list_kind kind,
                                        struct trunk_slice name) {
    (void)merge(multi, kind);
    return list_find(multi->lists[kind].list, name);
}

const struct route *multi_session_route_uri(struct multi_session *multi, struct trunk_slice uri) {
    (void)merge(multi, LIST_RESOURCES);
    (void)merge(multi, LIST_TEMPLATES);
    return reads_find(multi->lists[LIST_RESOURCES].list, multi->lists[LIST_TEMPLATES].list, uri);
}

/* Of `a` and `a_b` the longer one has `a_b_c` (list_merge), or nobody has. */
struct leg *multi_session_guess_leg(struct multi_session *multi, enum list_kind kind,
                                    struct trunk_slice name) {
    const struct naming *naming = &multi->env.options->naming;
    struct leg *best = NULL;
    if (naming->strategy != NAMING_PREFIX) {
        return NULL;
    }
    for (size_t i = 0; i < multi->nlegs; i++) {
        struct leg *leg = multi->legs[i];
        const char *backend = leg_backend(leg)->name;
        if (names_could_be(naming, name, backend) &&
            (best == NULL || strlen(backend) > strlen(leg_backend(best)->name))) {
            best = leg;
        }
    }
    return best == NULL || leg_has_list(best, kind) ? NULL : best;
}
