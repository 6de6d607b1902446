/* SPDX-License-Identifier: MIT
 * leg_open.c - the way of a leg to its use: initialize, notifications/initialized, listen,
 * tools/list. */
#include "session/leg_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/status.h"
#include "wire/versions.h"

#define MAX_PAGES 1000

/* Sampling, elicitation and roots are not relayed yet, so nothing is declared, whatever the client
 * can do. */
#define INITIALIZE_PARAMS                                                                          \
    "{\"protocolVersion\":\"" MCP_VERSION_LATEST "\",\"capabilities\":{},"                         \
    "\"clientInfo\":{\"name\":\"trunkd\",\"version\":\"" TRUNKD_VERSION "\"}}"

static void list_next_page(struct leg *leg, struct trunk_slice cursor);

static void request(struct leg *leg, const char *method, struct trunk_slice params,
                    const struct leg_request_events *events) {
    struct buffer json = {0};
    uint64_t number = leg_next_number(leg);
    jsonrpc_write_request(&json, number, method, params);
    /* While it opens the leg's own timer rules: initialize is never cancelled (protocol.md 5). */
    uint64_t timeout_ms = leg->state == LEG_OPENING ? 0 : leg->env->options->leg_timeout_ms;
    (void)leg_start_request(leg, number, &json, timeout_ms, true, events, leg);
}

static void ignore_notice(void *ctx, const struct leg_source *from, const struct message *notice) {
    (void)ctx;
    (void)from;
    (void)notice;
}

/* Appends what a backend's error answer says. */
static void describe_error(struct buffer *text, const struct message *answer) {
    if (answer->error_message.type == JSON_STRING) {
        buffer_append_cstr(text, ": ");
        json_string_decode(answer->error_message.text, text);
    }
}

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
    if (leg->state == LEG_OPENING && !leg->is_freed) {
        leg->state = LEG_OPENED;
        loop_timer_stop(leg->timer);
        leg->events.on_opened(leg->ctx, leg);
    }
    if (leg->must_list_again && !leg->is_freed && leg->transport != NULL) {
        leg_list_tools(leg);
    }
}

/* A list that cannot be had fails an opening; later the list known so far stays. */
static void fail_list(struct leg *leg, const char *what, const struct message *answer) {
    struct buffer text = {0};
    leg_drop_pages(&leg->incoming);
    leg->is_listing = false;
    buffer_printf(&text, "backend %s %s", leg->backend->name, what);
    if (answer != NULL) {
        describe_error(&text, answer);
    }
    if (leg->state == LEG_OPENING) {
        leg_fail(leg, buffer_cstr(&text));
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
        fail_list(leg,
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
        fail_list(leg, "gave a list of tools without end", NULL);
    } else {
        list_next_page(leg, cursor);
    }
}

static void on_page_failed(void *ctx, int32_t status, const char *text) {
    (void)status;
    fail_list(ctx, text, NULL);
}

static void list_next_page(struct leg *leg, struct trunk_slice cursor) {
    static const struct leg_request_events events = {on_page, ignore_notice, on_page_failed};
    struct buffer params = {0};
    buffer_append_cstr(&params, "{");
    if (cursor.len > 0) {
        buffer_append_cstr(&params, "\"cursor\":");
        buffer_append_slice(&params, cursor);
    }
    buffer_append_cstr(&params, "}");
    request(leg, "tools/list", buffer_slice(&params), &events);
    buffer_free(&params);
}

void leg_list_tools(struct leg *leg) {
    if (!leg->can_list_tools || !leg->is_initialized) {
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

/* A backend without a stream of unasked messages is fine (ABI rule 13). */
static void on_listen_done(void *ctx, int32_t status, const char *text) {
    struct leg *leg = ctx;
    if (status != TRUNK_OK && status != TRUNK_UNSUPPORTED) {
        log_debug(leg->env->log, "leg", "no stream of unasked messages backend=%s reason=%s",
                  leg->backend->name, text);
    }
}

static void on_initialized_sent(void *ctx, int32_t status, const char *text) {
    struct leg *leg = ctx;
    if (leg->state != LEG_OPENING) {
        return;
    }
    if (status != TRUNK_OK) {
        leg_fail(leg, text);
        return;
    }
    leg->is_initialized = true;
    (void)factory_listen(leg->transport, on_listen_done, leg);
    leg_send_held_answers(leg);
    if (leg->can_list_tools) {
        leg_list_tools(leg);
    } else {
        finish_list(leg);
    }
}

static void on_initialize_answer(void *ctx, const struct message *answer) {
    struct leg *leg = ctx;
    struct buffer text = {0};
    if (answer->kind == MESSAGE_ERROR) {
        buffer_printf(&text, "backend %s refused initialize", leg->backend->name);
        describe_error(&text, answer);
        leg_fail(leg, buffer_cstr(&text));
        buffer_free(&text);
        return;
    }
    if (answer->result_protocol_version.type == JSON_STRING) {
        json_string_decode(answer->result_protocol_version.text, &text);
    }
    if (!version_is_supported(buffer_slice(&text))) {
        char *problem =
            xasprintf("backend %s speaks protocol version \"%s\", which trunkd does not",
                      leg->backend->name, buffer_cstr(&text));
        leg_fail(leg, problem);
        free(problem);
        buffer_free(&text);
        return;
    }
    free(leg->protocol);
    leg->protocol = xstrdup(buffer_cstr(&text));
    factory_set_protocol(leg->transport, leg->protocol);
    buffer_free(&text);
    free((void *)(uintptr_t)leg->server_info.data);
    leg->server_info = (struct trunk_slice){0};
    if (answer->result_server_info.type == JSON_OBJECT) {
        struct trunk_slice info = answer->result_server_info.text;
        leg->server_info = slice_of(xmemdup(info.data, info.len), info.len);
    }
    leg->can_list_tools = answer->result_capabilities.type == JSON_OBJECT &&
                          json_find(answer->result_capabilities.text, "tools").type == JSON_OBJECT;
    struct buffer json = {0};
    jsonrpc_write_notification(&json, "notifications/initialized", (struct trunk_slice){0});
    (void)factory_send(leg->transport, &json, leg->env->options->leg_timeout_ms,
                       on_initialized_sent, leg);
}

static void on_initialize_failed(void *ctx, int32_t status, const char *text) {
    (void)status;
    leg_fail(ctx, text);
}

void leg_handshake(struct leg *leg) {
    static const struct leg_request_events events = {on_initialize_answer, ignore_notice,
                                                     on_initialize_failed};
    request(leg, "initialize", slice_cstr(INITIALIZE_PARAMS), &events);
}
