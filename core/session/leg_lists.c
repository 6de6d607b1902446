/* SPDX-License-Identifier: MIT
 * leg_lists.c - the lists of a backend (tools, prompts, resources, templates): all their pages, and
 * again when they change. */
#include "session/leg_private.h"

#include <stdlib.h>

#include "base/alloc.h"

#define MAX_PAGES 1000

static const char *const capabilities[LIST_KINDS] = {[LIST_TOOLS] = "tools",
                                                     [LIST_PROMPTS] = "prompts",
                                                     [LIST_RESOURCES] = "resources",
                                                     [LIST_TEMPLATES] = "resources"};

static void list_next_page(struct leg_list *list, struct trunk_slice cursor);

static void drop_pages(struct list_pages *pages) {
    for (size_t i = 0; i < pages->count; i++) {
        free((void *)(uintptr_t)pages->items[i].data);
    }
    free(pages->items);
    free(pages->cursor);
    *pages = (struct list_pages){0};
}

static bool are_pages_equal(const struct list_pages *a, const struct list_pages *b) {
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!slice_equal(a->items[i], b->items[i])) {
            return false;
        }
    }
    return true;
}

void leg_lists_init(struct leg *leg) {
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        leg->lists[kind].leg = leg;
        leg->lists[kind].kind = (enum list_kind)kind;
    }
}

void leg_lists_stop(struct leg *leg) {
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        struct leg_list *list = &leg->lists[kind];
        list->is_listing = false;
        list->must_list_again = false;
        drop_pages(&list->incoming);
    }
}

void leg_lists_free(struct leg *leg) {
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        drop_pages(&leg->lists[kind].pages);
        drop_pages(&leg->lists[kind].incoming);
    }
}

static bool is_any_listing(const struct leg *leg) {
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        if (leg->lists[kind].is_listing) {
            return true;
        }
    }
    return false;
}

/* What every end of a listing leads to. */
static void go_on(struct leg_list *list) {
    struct leg *leg = list->leg;
    if (leg->state == LEG_STARTING && !leg->is_freed && !is_any_listing(leg)) {
        leg_become_ready(leg);
    }
    if (list->must_list_again && !leg->is_freed && leg->is_initialized) {
        leg_list(leg, list->kind);
    }
}

static void finish_list(struct leg_list *list) {
    struct leg *leg = list->leg;
    bool is_changed = !list->is_known || !are_pages_equal(&list->pages, &list->incoming);
    drop_pages(&list->pages);
    list->pages = list->incoming;
    list->incoming = (struct list_pages){0};
    list->is_known = true;
    list->is_listing = false;
    if (is_changed) {
        leg->events.on_list_changed(leg->ctx, leg, list->kind);
    }
    go_on(list);
}

/* Later the list known so far stays. While the leg starts, one without its tools is of no use, and
 * a session that is gone on with is not what it was; another list is then empty. */
static void fail_list(struct leg_list *list, int32_t status, const char *what,
                      const struct message *answer) {
    struct leg *leg = list->leg;
    bool is_start = leg->state == LEG_STARTING;
    struct buffer text = {0};
    drop_pages(&list->incoming);
    buffer_printf(&text, "backend %s %s (%s)", leg->backend->name, what,
                  list_info(list->kind)->method);
    if (answer != NULL) {
        leg_describe_error(&text, answer);
    }
    if (is_start && (list->kind == LIST_TOOLS || answer == NULL)) {
        leg_fail(leg, status, buffer_cstr(&text));
    } else {
        log_warn(leg->env->log, "leg", "%s session=%s", buffer_cstr(&text), leg->session_tag);
        if (is_start && !list->is_known) {
            finish_list(list);
        } else {
            list->is_listing = false;
            go_on(list);
        }
    }
    buffer_free(&text);
}

/* Templates are refused by many that have resources (protocol.md section 5). */
static bool means_none(const struct leg_list *list, const struct message *answer) {
    return list->kind != LIST_TOOLS && answer->kind == MESSAGE_ERROR &&
           slice_equal_cstr(answer->error_code.text, "-32601");
}

/* A circle of cursors comes by the one kept, since that is renewed at ever longer intervals. */
static bool comes_again(struct list_pages *pages, struct trunk_slice cursor) {
    if (pages->cursor != NULL && slice_equal_cstr(cursor, pages->cursor)) {
        return true;
    }
    if ((pages->count & (pages->count - 1)) == 0) {
        free(pages->cursor);
        pages->cursor = slice_strdup(cursor);
    }
    return false;
}

static void on_page(void *ctx, const struct message *answer) {
    struct leg_list *list = ctx;
    struct list_pages *pages = &list->incoming;
    uint64_t max_bytes = list->leg->env->options->max_message_bytes;
    struct json_value elements = {0};
    if (means_none(list, answer)) {
        finish_list(list);
        return;
    }
    if (answer->kind == MESSAGE_RESULT) {
        elements = json_find(answer->result.text, list_info(list->kind)->member);
    }
    if (elements.type != JSON_ARRAY || elements.count != 1) {
        fail_list(list, TRUNK_NOT_FOUND,
                  answer->kind == MESSAGE_ERROR ? "refused to list" : "gave no list", answer);
        return;
    }
    pages->items = xrealloc(pages->items, (pages->count + 1) * sizeof *pages->items);
    pages->items[pages->count++] =
        slice_of(xmemdup(elements.text.data, elements.text.len), elements.text.len);
    pages->bytes += elements.text.len;
    if (answer->result_cursor.type != JSON_STRING) {
        finish_list(list);
    } else if (pages->count >= MAX_PAGES || (max_bytes != 0 && pages->bytes > max_bytes)) {
        fail_list(list, TRUNK_NOT_FOUND, "gave a list without end", answer);
    } else if (comes_again(pages, answer->result_cursor.text)) {
        fail_list(list, TRUNK_NOT_FOUND, "gave the same cursor twice in a list", answer);
    } else {
        list_next_page(list, answer->result_cursor.text);
    }
}

static void on_page_failed(void *ctx, int32_t status, const char *text) {
    fail_list(ctx, status, text, NULL);
}

static void list_next_page(struct leg_list *list, struct trunk_slice cursor) {
    static const struct leg_request_events events = {.on_answer = on_page,
                                                     .on_failed = on_page_failed};
    struct buffer params = {0};
    buffer_append_cstr(&params, "{");
    if (cursor.len > 0) {
        buffer_append_cstr(&params, "\"cursor\":");
        buffer_append_slice(&params, cursor);
    }
    buffer_append_cstr(&params, "}");
    leg_request_internal(list->leg, list_info(list->kind)->method, buffer_slice(&params), &events,
                         list);
    buffer_free(&params);
}

void leg_list(struct leg *leg, enum list_kind kind) {
    struct leg_list *list = &leg->lists[kind];
    if (!leg->is_initialized || !leg_has_capability(leg, capabilities[kind])) {
        return;
    }
    if (list->is_listing) {
        list->must_list_again = true;
        return;
    }
    list->is_listing = true;
    list->must_list_again = false;
    list_next_page(list, (struct trunk_slice){0});
}

/* What the backend does not have is known at once; the others are asked for side by side. */
void leg_list_all(struct leg *leg) {
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        leg->lists[kind].is_listing = true;
    }
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        if (leg_has_capability(leg, capabilities[kind])) {
            list_next_page(&leg->lists[kind], (struct trunk_slice){0});
        }
    }
    for (int kind = 0; kind < LIST_KINDS && leg->state == LEG_STARTING; kind++) {
        if (!leg_has_capability(leg, capabilities[kind])) {
            finish_list(&leg->lists[kind]);
        }
    }
}

bool leg_take_list_changed(struct leg *leg, const struct message *notice) {
    bool is_taken = false;
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        if (message_is(notice, list_info((enum list_kind)kind)->changed)) {
            leg_list(leg, (enum list_kind)kind);
            is_taken = true;
        }
    }
    return is_taken;
}

bool leg_has_list(const struct leg *leg, enum list_kind kind) {
    return leg->lists[kind].is_known;
}

const struct trunk_slice *leg_list_pages(const struct leg *leg, enum list_kind kind,
                                         size_t *out_count) {
    *out_count = leg->lists[kind].pages.count;
    return leg->lists[kind].pages.items;
}
