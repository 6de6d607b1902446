/* SPDX-License-Identifier: MIT
 * leg_open.c - the way of a leg to its use: initialize, the record, notifications/initialized,
 * listen, level and lists; or straight to listen with a session that goes on. */
#include "session/leg_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "wire/versions.h"

#define MAX_CAPABILITY_BYTES 256

bool leg_has_capability(const struct leg *leg, const char *name) {
    return json_find(slice_cstr(leg_capabilities(leg)), name).type == JSON_OBJECT;
}

static void ignore_answer(void *ctx, const struct message *answer) {
    (void)ctx;
    (void)answer;
}

static void ignore_failure(void *ctx, int32_t status, const char *text) {
    (void)ctx;
    (void)status;
    (void)text;
}

static const struct leg_request_events ignore_end = {.on_answer = ignore_answer,
                                                     .on_failed = ignore_failure};

void leg_subscribe(struct leg *leg, struct trunk_slice uri) {
    struct buffer params = {0};
    buffer_append_cstr(&params, "{\"uri\":");
    json_string_encode(&params, uri);
    buffer_append_cstr(&params, "}");
    leg_request_internal(leg, "resources/subscribe", buffer_slice(&params), &ignore_end, leg);
    buffer_free(&params);
}

void leg_send_log_level(struct leg *leg) {
    struct buffer params = {0};
    if (leg->log_level == NULL || !leg_has_capability(leg, "logging")) {
        return;
    }
    buffer_printf(&params, "{\"level\":\"%s\"}", leg->log_level);
    leg_request_internal(leg, "logging/setLevel", buffer_slice(&params), &ignore_end, leg);
    buffer_free(&params);
}

/* A backend without a stream of unasked messages is fine (ABI rule 13). */
static void on_listen_done(void *ctx, int32_t status, const char *text) {
    struct leg *leg = ctx;
    if (status != TRUNK_OK && status != TRUNK_UNSUPPORTED) {
        log_debug(leg->env->log, "leg", "no stream of unasked messages backend=%s reason=%s",
                  leg->backend->name, text);
    }
}

static void begin_use(struct leg *leg) {
    leg->is_initialized = true;
    (void)factory_listen(leg->connection->transport, on_listen_done, leg);
    leg_send_held_answers(leg);
    leg_send_log_level(leg);
    leg_list_all(leg);
}

static void on_initialized_sent(void *ctx, int32_t status, const char *text) {
    struct leg *leg = ctx;
    if (leg->state != LEG_STARTING) {
        return;
    }
    if (status != TRUNK_OK) {
        leg_fail(leg, status, text);
        return;
    }
    begin_use(leg);
}

void leg_start(struct leg *leg) {
    struct buffer json = {0};
    leg->state = LEG_STARTING;
    jsonrpc_write_notification(&json, "notifications/initialized", (struct trunk_slice){0});
    (void)factory_send(leg->connection->transport, &json, leg->env->options->leg_timeout_ms,
                       on_initialized_sent, leg);
}

void leg_resume(struct leg *leg) {
    leg->state = LEG_STARTING;
    factory_set_protocol(leg->connection->transport, leg->protocol);
    begin_use(leg);
}

static void become_opened(struct leg *leg) {
    leg->state = LEG_OPENED;
    loop_timer_stop(leg->timer);
    leg->events.on_opened(leg->ctx, leg);
}

static void on_snapshot(void *ctx, int32_t status, struct trunk_slice state) {
    struct leg *leg = ctx;
    if (leg->state == LEG_OPENING) {
        leg_set_snapshot(leg, status == TRUNK_OK ? state : (struct trunk_slice){0});
        become_opened(leg);
    }
}

/* Before initialized is sent the record names the session, so that none is ever left over that a
 * backend takes for begun. */
static void take_session(struct leg *leg) {
    if (factory_can_restore(leg->backend)) {
        factory_snapshot(leg->connection->transport, on_snapshot, leg);
    } else {
        become_opened(leg);
    }
}

/* They go into the record, so only what trunkd acts on is kept, and nothing of great length. */
static void take_capabilities(struct leg *leg, const struct json_value *declared) {
    static const char *const names[] = {"tools",   "prompts",     "resources",
                                        "logging", "completions", NULL};
    struct buffer kept = {0};
    buffer_append_cstr(&kept, "{");
    for (size_t i = 0; declared->type == JSON_OBJECT && names[i] != NULL; i++) {
        struct json_value value = json_find(declared->text, names[i]);
        if (value.type == JSON_OBJECT) {
            buffer_printf(&kept, "%s\"%s\":", kept.len > 1 ? "," : "", names[i]);
            buffer_append_slice(&kept, value.text.len <= MAX_CAPABILITY_BYTES ? value.text
                                                                              : slice_cstr("{}"));
        }
    }
    buffer_append_cstr(&kept, "}");
    free(leg->capabilities);
    leg->capabilities = slice_strdup(buffer_slice(&kept));
    buffer_free(&kept);
}

static void on_initialize_answer(void *ctx, const struct message *answer) {
    struct leg *leg = ctx;
    struct buffer text = {0};
    if (answer->kind == MESSAGE_ERROR) {
        buffer_printf(&text, "backend %s refused initialize", leg->backend->name);
        leg_describe_error(&text, answer);
        leg_fail(leg, TRUNK_UNAVAILABLE, buffer_cstr(&text));
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
        leg_fail(leg, TRUNK_UNAVAILABLE, problem);
        free(problem);
        buffer_free(&text);
        return;
    }
    free(leg->protocol);
    leg->protocol = xstrdup(buffer_cstr(&text));
    factory_set_protocol(leg->connection->transport, leg->protocol);
    buffer_free(&text);
    free((void *)(uintptr_t)leg->server_info.data);
    leg->server_info = (struct trunk_slice){0};
    if (answer->result_server_info.type == JSON_OBJECT) {
        struct trunk_slice info = answer->result_server_info.text;
        leg->server_info = slice_of(xmemdup(info.data, info.len), info.len);
    }
    take_capabilities(leg, &answer->result_capabilities);
    take_session(leg);
}

static void on_initialize_failed(void *ctx, int32_t status, const char *text) {
    leg_fail(ctx, status, text);
}

void leg_handshake(struct leg *leg) {
    static const struct leg_request_events events = {.on_answer = on_initialize_answer,
                                                     .on_failed = on_initialize_failed};
    struct buffer params = {0};
    buffer_printf(&params,
                  "{\"protocolVersion\":\"" MCP_VERSION_LATEST "\",\"capabilities\":%s,"
                  "\"clientInfo\":{\"name\":\"trunkd\",\"version\":\"" TRUNKD_VERSION "\"}}",
                  leg->env->capabilities != NULL ? leg->env->capabilities : "{}");
    leg_request_internal(leg, "initialize", buffer_slice(&params), &events, leg);
    buffer_free(&params);
}
