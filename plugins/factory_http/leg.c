/* SPDX-License-Identifier: MIT
 * leg.c - making a leg, what its requests carry, its snapshot, and its end. */
#include "leg.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "call.h"
#include "legacy_sse.h"
#include "outcome.h"

enum { FAREWELL_MS = 5000, MAX_SNAPSHOT_BYTES = 4096, MAX_PROTOCOL_BYTES = 64 };

#define SNAPSHOT_PREFIX "v1 "
#define PROTOCOL_HEADER "MCP-Protocol-Version"
#define CONFIGURED_PREFIX "headers."

/* --- what requests carry --- */

static bool add_list(struct curl_slist **list, const struct curl_slist *more) {
    for (; more != NULL; more = more->next) {
        if (!headers_add_line(list, more->data)) {
            return false;
        }
    }
    return true;
}

/* What the core gives for a request goes before what is configured. */
static bool add_configured(struct curl_slist **list, const struct curl_slist *configured,
                           const struct curl_slist *own) {
    for (; configured != NULL; configured = configured->next) {
        char name[256];
        size_t len = strcspn(configured->data, ":;");
        (void)snprintf(name, sizeof name, "%.*s", (int)len, configured->data);
        if (!headers_have(own, name) && !headers_add_line(list, configured->data)) {
            return false;
        }
    }
    return true;
}

static bool add_method_fields(struct curl_slist **list, enum exchange_method method) {
    switch (method) {
    case EXCHANGE_POST:
        /* An empty Expect: libcurl would wait for 100-continue before a large body. */
        return headers_add_line(list, "Accept: application/json, text/event-stream") &&
               headers_add_line(list, "Content-Type: application/json") &&
               headers_add_line(list, "Expect:");
    case EXCHANGE_GET:
        return headers_add_line(list, "Accept: text/event-stream") &&
               headers_add_line(list, "Cache-Control: no-cache");
    case EXCHANGE_DELETE:
        break;
    }
    return true;
}

bool leg_build_headers(const struct leg *leg, enum exchange_method method,
                       const struct curl_slist *own, const char *last_event_id,
                       struct curl_slist **out_list) {
    struct curl_slist *list = NULL;
    bool is_built = add_configured(&list, leg->headers, own) && add_list(&list, own) &&
                    add_method_fields(&list, method);
    if (is_built && leg->session_id != NULL) {
        is_built = headers_add(&list, "Mcp-Session-Id", leg->session_id);
    }
    if (is_built && leg->protocol != NULL && !headers_have(own, PROTOCOL_HEADER)) {
        is_built = headers_add(&list, PROTOCOL_HEADER, leg->protocol);
    }
    if (is_built && last_event_id != NULL) {
        is_built = headers_add(&list, "Last-Event-ID", last_event_id);
    }
    if (!is_built) {
        curl_slist_free_all(list);
        list = NULL;
    }
    *out_list = list;
    return is_built;
}

uint64_t leg_time_left(const struct leg *leg, uint64_t deadline_ms) {
    if (deadline_ms == 0) {
        return 0;
    }
    uint64_t now_ms = leg->host->mono_ms(leg->host->ctx);
    uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 1;
    return left_ms < INT32_MAX ? left_ms : INT32_MAX;
}

/* --- the session --- */

static void tell_changed(const struct leg *leg) {
    leg->sink->on_changed(leg->sink->ctx);
}

bool leg_begin_session(struct leg *leg, const struct answer_headers *headers) {
    if (headers->has_bad_session_id) {
        return false;
    }
    leg->has_begun = true;
    if (headers->session_id[0] != '\0') {
        leg->session_id = strdup(headers->session_id);
        if (leg->session_id == NULL) {
            return false;
        }
    }
    tell_changed(leg);
    return true;
}

static bool is_protocol(const char *text, size_t len) {
    bool is_good = len > 0 && len <= MAX_PROTOCOL_BYTES;
    for (size_t i = 0; is_good && i < len; i++) {
        is_good = text[i] > ' ' && text[i] < '\x7f';
    }
    return is_good;
}

/* The core names the negotiated version in its requests; the GETs and the DELETE need it too. */
static void learn_protocol(struct leg *leg, const struct trunk_param *headers, size_t nheaders) {
    for (size_t i = 0; i < nheaders; i++) {
        const char *value = headers[i].value;
        if (strcasecmp(headers[i].key, PROTOCOL_HEADER) != 0 ||
            !is_protocol(value, strlen(value)) ||
            (leg->protocol != NULL && strcmp(leg->protocol, value) == 0)) {
            continue;
        }
        char *copy = strdup(value);
        if (copy != NULL) {
            free(leg->protocol);
            leg->protocol = copy;
            tell_changed(leg);
        }
    }
}

/* "v1 PROTOCOL SESSION", a "-" for what there is none of. */
static bool read_snapshot(struct leg *leg, struct trunk_slice saved) {
    size_t prefix_len = strlen(SNAPSHOT_PREFIX);
    const char *text = saved.data;
    if (saved.len > MAX_SNAPSHOT_BYTES || saved.len < prefix_len ||
        memcmp(text, SNAPSHOT_PREFIX, prefix_len) != 0) {
        return false;
    }
    const char *end = text + saved.len;
    const char *protocol = text + prefix_len;
    const char *space = memchr(protocol, ' ', (size_t)(end - protocol));
    if (space == NULL) {
        return false;
    }
    struct answer_headers headers = {0};
    char line[MAX_SNAPSHOT_BYTES + 32];
    int len = snprintf(line, sizeof line, "mcp-session-id:%.*s", (int)(end - space - 1), space + 1);
    answer_headers_take(&headers, line, (size_t)len);
    if (headers.has_bad_session_id || !is_protocol(protocol, (size_t)(space - protocol))) {
        return false;
    }
    if (strcmp(headers.session_id, "-") != 0) {
        leg->session_id = strdup(headers.session_id);
    }
    if (*protocol != '-') {
        leg->protocol = strndup(protocol, (size_t)(space - protocol));
    }
    leg->has_begun = true;
    leg->is_good = leg->session_id != NULL;
    return true;
}

void leg_snapshot(struct leg *leg, trunk_op op) {
    char text[MAX_SNAPSHOT_BYTES];
    if (leg->legacy != NULL || !leg->has_begun) {
        trunk_complete(leg->host, op, TRUNK_UNSUPPORTED,
                       leg->legacy != NULL ? "a session of HTTP+SSE cannot be kept"
                                           : "the session has not begun");
        return;
    }
    int len = snprintf(text, sizeof text, SNAPSHOT_PREFIX "%s %s",
                       leg->protocol != NULL ? leg->protocol : "-",
                       leg->session_id != NULL ? leg->session_id : "-");
    struct trunk_reply reply = {.struct_size = sizeof reply, .value = {text, (size_t)len}};
    leg->host->complete(leg->host->ctx, op, &reply);
}

/* --- making it --- */

void leg_free(struct leg *leg) {
    legacy_free(leg->legacy);
    exchange_free(leg->farewell);
    LIST_REMOVE(leg, link);
    if (LIST_EMPTY(&leg->factory->legs)) {
        curl_loop_rest(leg->factory->loop);
    }
    curl_url_cleanup(leg->url);
    curl_slist_free_all(leg->headers);
    free(leg->session_id);
    free(leg->protocol);
    free(leg->backend);
    free(leg);
}

static bool take_params(struct leg *leg, const struct trunk_make *make) {
    const char *url = trunk_param_get(make->params, make->nparams, "url", "");
    size_t prefix_len = strlen(CONFIGURED_PREFIX);
    leg->url = curl_url();
    if (leg->url == NULL || curl_url_set(leg->url, CURLUPART_URL, url, 0) != CURLUE_OK) {
        return false;
    }
    for (size_t i = 0; i < make->nparams; i++) {
        const struct trunk_param *param = &make->params[i];
        if (strncmp(param->key, CONFIGURED_PREFIX, prefix_len) == 0 &&
            !headers_add(&leg->headers, param->key + prefix_len, param->value)) {
            return false;
        }
    }
    return true;
}

static struct leg *leg_new(struct factory *factory, const struct trunk_make *make) {
    struct leg *leg = calloc(1, sizeof *leg);
    if (leg == NULL) {
        return NULL;
    }
    leg->factory = factory;
    leg->host = factory->host;
    leg->sink = make->sink;
    leg->max_message_bytes = make->max_message > SIZE_MAX ? 0 : (size_t)make->max_message;
    LIST_INIT(&leg->calls);
    LIST_INSERT_HEAD(&factory->legs, leg, link);
    leg->backend = strdup(make->backend);
    if (leg->backend == NULL || !take_params(leg, make)) {
        leg_free(leg);
        return NULL;
    }
    return leg;
}

void leg_make(struct factory *factory, const struct trunk_make *make, trunk_op op) {
    const struct trunk_host *host = factory->host;
    const char *type = trunk_param_get(make->params, make->nparams, "type", "http");
    bool is_legacy = strcmp(type, "sse") == 0;
    if (is_legacy && make->saved.len > 0) {
        trunk_complete(host, op, TRUNK_NOT_FOUND, "the stream of that session is gone");
        return;
    }
    struct leg *leg = leg_new(factory, make);
    if (leg == NULL) {
        trunk_complete(host, op, TRUNK_INTERNAL, "out of memory");
        return;
    }
    if (is_legacy) {
        legacy_start(leg, make->deadline_ms, op);
        return;
    }
    if (make->saved.len > 0 && !read_snapshot(leg, make->saved)) {
        leg_free(leg);
        trunk_complete(host, op, TRUNK_INVALID, "the saved state is not one of this driver");
        return;
    }
    struct trunk_reply reply = {.struct_size = sizeof reply, .leg = leg};
    host->complete(host->ctx, op, &reply);
}

/* --- calls --- */

static void start_call(struct leg *leg, enum call_kind kind, const struct trunk_request *request,
                       trunk_op op) {
    if (leg->is_closed) {
        trunk_complete(leg->host, op, TRUNK_UNAVAILABLE, leg->end_text);
        return;
    }
    learn_protocol(leg, request->headers, request->nheaders);
    call_start(leg, kind, request, op);
}

void leg_request(struct leg *leg, const struct trunk_request *request, trunk_op op) {
    if (leg->legacy == NULL) {
        start_call(leg, CALL_REQUEST, request, op);
    } else if (request->resume.len > 0) {
        trunk_complete(leg->host, op, TRUNK_UNSUPPORTED, "HTTP+SSE cannot be resumed");
    } else {
        start_call(leg, CALL_SEND, request, op);
    }
}

void leg_send(struct leg *leg, const struct trunk_request *request, trunk_op op) {
    start_call(leg, CALL_SEND, request, op);
}

void leg_listen(struct leg *leg, const struct trunk_request *how, trunk_op op) {
    if (leg->legacy != NULL) {
        trunk_complete(leg->host, op, TRUNK_OK, NULL); /* unasked messages come on its stream */
    } else {
        start_call(leg, CALL_LISTEN, how, op);
    }
}

void leg_cancel_request(struct leg *leg, uint64_t number) {
    struct call *call = number != 0 ? call_find(leg, number) : NULL;
    if (call != NULL) {
        call_end(call, TRUNK_CANCELLED, "cancelled");
    }
}

void leg_pause(struct leg *leg, uint64_t number, bool is_paused) {
    struct call *call;
    if (leg->legacy != NULL) {
        legacy_pause(leg->legacy, is_paused);
    } else if ((call = call_find(leg, number)) != NULL) {
        call_pause(call, is_paused);
    }
}

/* --- the end --- */

void leg_close(struct leg *leg, int32_t status, const char *text) {
    struct call *call;
    leg->is_closed = true;
    if (text != leg->end_text) {
        (void)snprintf(leg->end_text, sizeof leg->end_text, "%s", text);
    }
    while ((call = LIST_FIRST(&leg->calls)) != NULL) {
        call_end(call, call_is_sent(call) ? TRUNK_UNCERTAIN : TRUNK_UNAVAILABLE, leg->end_text);
    }
    leg->sink->on_closed(leg->sink->ctx, status, leg->end_text);
}

static void complete_finish(struct leg *leg, int32_t status, const char *text) {
    const struct trunk_host *host = leg->host;
    trunk_op op = leg->finish_op;
    leg_free(leg);
    trunk_complete(host, op, status, text);
}

static void ignore_headers(void *ctx, long http_status, const struct answer_headers *headers) {
    (void)ctx;
    (void)http_status;
    (void)headers;
}

static bool refuse_event(void *ctx, const struct sse_event *event) {
    (void)ctx;
    (void)event;
    return true;
}

static void on_farewell_end(void *ctx, const struct exchange_result *result) {
    struct leg *leg = ctx;
    char text[OUTCOME_TEXT_BYTES];
    long http_status = result->http_status;
    bool is_gone_anyway = http_status == 400 || http_status == 404 || http_status == 405;
    if (!is_gone_anyway && (http_status < 200 || http_status >= 300)) {
        trunk_logf(leg->host, TRUNK_LOG_INFO,
                   "the session was not deleted backend=%s http_status=%ld %s", leg->backend,
                   http_status, result->text);
    }
    int32_t status = outcome_of_delete(result, leg->backend, text, sizeof text);
    complete_finish(leg, status, status != TRUNK_OK ? text : NULL);
}

static bool start_farewell(struct leg *leg, const struct trunk_finish *how) {
    static const struct exchange_events events = {ignore_headers, refuse_event, on_farewell_end};
    uint64_t left_ms = leg_time_left(leg, how->deadline_ms);
    struct exchange_setup setup = {.method = EXCHANGE_DELETE,
                                   .url = leg->url,
                                   .timeout_ms = left_ms != 0 ? left_ms : FAREWELL_MS,
                                   .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    struct curl_slist *own = NULL;
    bool is_copied = true;
    for (size_t i = 0; is_copied && i < how->nheaders; i++) {
        is_copied = headers_add(&own, how->headers[i].key, how->headers[i].value);
    }
    if (is_copied && leg_build_headers(leg, EXCHANGE_DELETE, own, NULL, &setup.headers)) {
        leg->farewell =
            exchange_start(leg->factory->loop, &leg->factory->options, &setup, &events, leg);
    }
    curl_slist_free_all(own);
    return leg->farewell != NULL;
}

static void end_calls(struct leg *leg, const char *text) {
    struct call *call;
    while ((call = LIST_FIRST(&leg->calls)) != NULL) {
        call_end(call, TRUNK_CANCELLED, text);
    }
}

void leg_go_on_finishing(struct leg *leg) {
    if (leg->session_id == NULL) {
        complete_finish(leg, TRUNK_OK, NULL);
    } else if (!start_farewell(leg, leg->how)) {
        complete_finish(leg, TRUNK_UNAVAILABLE, "out of memory");
    }
}

void leg_finish(struct leg *leg, const struct trunk_finish *how, trunk_op op) {
    static const char text[] = "the leg is finished";
    uint64_t left_ms = leg_time_left(leg, how->deadline_ms);
    leg->is_closed = true;
    leg->finish_op = op;
    leg->how = how;
    bool is_awaiting =
        how->keep == 0 && call_await_session(leg, left_ms != 0 ? left_ms : FAREWELL_MS, text);
    end_calls(leg, text);
    if (is_awaiting) {
        return;
    }
    if (how->keep != 0) {
        complete_finish(leg, TRUNK_OK, NULL);
    } else {
        leg_go_on_finishing(leg);
    }
}

void leg_destroy(struct leg *leg) {
    const struct trunk_host *host = leg->host;
    trunk_op op = leg->finish_op;
    call_give_up_session(leg);
    end_calls(leg, "the driver is closed");
    if (leg->legacy != NULL && op == 0) {
        op = legacy_take_op(leg->legacy);
    }
    leg_free(leg);
    if (op != 0) {
        trunk_complete(host, op, TRUNK_CANCELLED, "the driver is closed");
    }
}
