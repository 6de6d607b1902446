/* SPDX-License-Identifier: MIT
 * leg_lists.c - the list of a backend's tools: all its pages, and again when it changes. */
#include "session/leg_private.h"

#include <stdlib.h>

#include "base/alloc.h"

#define MAX_PAGES 1000

static void list_next_page(struct leg *leg, struct trunk_slice cursor);

void leg_drop_pages(struct tool_pages *pages) {
    for (size_t i = 0; i < pages->count; i++) {
        free((void *)(uintptr_t)pages->items[i].data);
    }
    free(pages->items);
    *pages = (struct tool_pages){0};
}

static bool are_pages_equal(const struct tool_pages *a, const struct tool_pages *b) {
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

static void finish_list(struct leg *leg) {
    bool is_changed = !leg->has_tools || !are_pages_equal(&leg->pages, &leg->incoming);
    leg_drop_pages(&leg->pages);
    leg->pages = leg->incoming;
    leg->incoming = (struct tool_pages){0};
    leg->has_tools = true;
    leg->is_listing = false;
    if (is_changed) {
        leg->events.on_tools_changed(leg->ctx, leg);
    }
    if (leg->state == LEG_STARTING && !leg->is_freed) {
        leg_become_ready(leg);
    }
    if (leg->must_list_again && !leg->is_freed && leg->transport != NULL) {
        leg_list_tools(leg);
    }
}

/* A list that cannot be had fails a start, and tells that a session which is gone on with is not
 * what it was; later the list known so far stays. */
static void fail_list(struct leg *leg, int32_t status, const char *what,
                      const struct message *answer) {
    struct buffer text = {0};
    leg_drop_pages(&leg->incoming);
    leg->is_listing = false;
    buffer_printf(&text, "backend %s %s", leg->backend->name, what);
    if (answer != NULL) {
        leg_describe_error(&text, answer);
    }
    if (leg->state == LEG_STARTING) {
        leg_fail(leg, status, buffer_cstr(&text));
    } else {
        log_warn(leg->env->log, "leg", "%s session=%s", buffer_cstr(&text), leg->session_tag);
        if (leg->must_list_again) {
            leg_list_tools(leg);
        }
    }
    buffer_free(&text);
}

static void on_page(void *ctx, const struct message *answer) {
    struct leg *leg = ctx;
    struct tool_pages *pages = &leg->incoming;
    uint64_t max_bytes = leg->env->options->max_message_bytes;
    if (answer->kind == MESSAGE_ERROR || answer->result_tools.type != JSON_ARRAY) {
        fail_list(leg, TRUNK_NOT_FOUND,
                  answer->kind == MESSAGE_ERROR ? "refused tools/list" : "gave no list of tools",
                  answer);
        return;
    }
    struct trunk_slice tools = answer->result_tools.text;
    struct trunk_slice cursor = answer->result_cursor.text;
    pages->items = xrealloc(pages->items, (pages->count + 1) * sizeof *pages->items);
    pages->items[pages->count++] = slice_of(xmemdup(tools.data, tools.len), tools.len);
    pages->bytes += tools.len;
    if (answer->result_cursor.type != JSON_STRING) {
        finish_list(leg);
    } else if (pages->count >= MAX_PAGES || (max_bytes != 0 && pages->bytes > max_bytes)) {
        fail_list(leg, TRUNK_NOT_FOUND, "gave a list of tools without end", NULL);
    } else {
        list_next_page(leg, cursor);
    }
}

static void on_page_failed(void *ctx, int32_t status, const char *text) {
    fail_list(ctx, status, text, NULL);
}

static void list_next_page(struct leg *leg, struct trunk_slice cursor) {
    static const struct leg_request_events events = {on_page, leg_ignore_notice, on_page_failed};
    struct buffer params = {0};
    buffer_append_cstr(&params, "{");
    if (cursor.len > 0) {
        buffer_append_cstr(&params, "\"cursor\":");
        buffer_append_slice(&params, cursor);
    }
    buffer_append_cstr(&params, "}");
    leg_request_internal(leg, "tools/list", buffer_slice(&params), &events);
    buffer_free(&params);
}

void leg_list_tools(struct leg *leg) {
    if (!leg->is_initialized) {
        return;
    }
    if (!leg_has_capability(leg, "tools")) {
        finish_list(leg);
        return;
    }
    if (leg->is_listing) {
        leg->must_list_again = true;
        return;
    }
    leg->is_listing = true;
    leg->must_list_again = false;
    list_next_page(leg, (struct trunk_slice){0});
}
