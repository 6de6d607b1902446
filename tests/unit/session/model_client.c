/* SPDX-License-Identifier: MIT
 * model_client.c - what the model test's clients do with their sessions, as the mcp room would:
 * uses, streams, lists of tools and calls on legs. */
#include "unit/session/model.h"

#include "base/status.h"
#include "wire/jsonrpc.h"

enum leg_call_kind { CALL_LISTING, CALL_TOOL };

/* Goes on a use of its client. */
struct leg_call {
    LIST_ENTRY(leg_call) link;
    struct client *client;
    enum leg_call_kind kind;
    struct leg *leg;
    struct lists_wait *list;
    struct leg_wait *wait;
    struct leg_request *request;
};

static bool is_watched(const struct client *client) {
    return !client->process->is_dead;
}

static void note_use(struct client *client) {
    if (is_watched(client) && client->known->client == client) {
        client->known->last_use_ms = model_now();
    }
}

void client_confirm(struct client *client) {
    client->is_confirmed = true;
    if (is_watched(client) && rules_is_alive(client->known)) {
        client->known->was_used = true;
    }
}

void client_begin_use(struct client *client) {
    client->uses++;
    client_confirm(client);
    note_use(client);
    session_use_begin(client->session);
}

void client_end_use(struct client *client) {
    MODEL_CHECK(client->process->model, client->uses > 0, "a use too few");
    client->uses--;
    note_use(client);
    session_use_end(client->session);
}

void client_begin_stream(struct client *client) {
    client->streams++;
    client_confirm(client);
    note_use(client);
    session_stream_begin(client->session);
}

void client_end_stream(struct client *client) {
    client->streams--;
    note_use(client);
    session_stream_end(client->session);
}

size_t client_count_calls(const struct client *client) {
    const struct leg_call *call;
    size_t count = 0;
    LIST_FOREACH(call, &client->calls, link) {
        count++;
    }
    return count;
}

size_t client_count_free_uses(const struct client *client) {
    return client->uses - client->levels - client_count_calls(client);
}

static void on_level_set(void *ctx, int32_t status, const char *text) {
    struct client *client = ctx;
    struct model *model = client->process->model;
    (void)text;
    MODEL_CHECK(model, client->levels > 0, "a log level was answered twice");
    client->levels--;
    if (is_watched(client)) {
        MODEL_CHECK(model,
                    status != TRUNK_NOT_FOUND ||
                        session_state(client->session) == SESSION_TERMINATED,
                    "%s was not found, but it is live", client->known->tag);
        model_note(model, "  log level of %s: %s", client->known->tag, status_name(status));
    }
    client_end_use(client);
}

/* Takes one of its uses, as a request does. */
void client_set_log_level(struct client *client) {
    static const char *const levels[] = {"debug", "warning", "error"};
    client->log_level = levels[model_random(client->process->model, 3)];
    client->levels++;
    session_set_log_level(client->session, client->log_level, on_level_set, client);
}

/* Calls on legs */

static void end_leg_call(struct leg_call *call) {
    struct client *client = call->client;
    LIST_REMOVE(call, link);
    free(call);
    client_end_use(client);
}

static void cancel_leg_call(struct leg_call *call) {
    if (call->list != NULL) {
        multi_session_wait_lists_cancel(call->list);
    }
    if (call->wait != NULL) {
        leg_wait_cancel(call->wait);
    }
    if (call->request != NULL) {
        leg_request_cancel(call->request, slice_cstr("over"));
    }
    end_leg_call(call);
}

static void on_answer(void *ctx, const struct message *answer) {
    struct leg_call *call = ctx;
    (void)answer;
    call->request = NULL;
    end_leg_call(call);
}

static void on_notice(void *ctx, const struct leg_source *source, const struct message *notice) {
    (void)ctx;
    (void)source;
    (void)notice;
}

static void on_failed(void *ctx, int32_t status, const char *text) {
    struct leg_call *call = ctx;
    struct client *client = call->client;
    if (is_watched(client)) {
        model_note(client->process->model, "  a call on a leg failed: %s %s", status_name(status),
                   text);
    }
    call->request = NULL;
    end_leg_call(call);
}

static void on_leg_ready(void *ctx, int32_t status, const char *text) {
    static const struct leg_request_events events = {on_answer, on_notice, leg_refuse_request,
                                                     on_failed};
    struct leg_call *call = ctx;
    struct client *client = call->client;
    (void)text;
    call->wait = NULL;
    if (status != TRUNK_OK || leg_state(call->leg) != LEG_READY) {
        end_leg_call(call);
        return;
    }
    if (is_watched(client)) {
        rules_on_leg_ready(client, leg_backend(call->leg)->name);
    }
    struct buffer json = {0};
    uint64_t number = leg_next_number(call->leg);
    jsonrpc_write_request(&json, number, "tools/call", slice_cstr("{\"name\":\"echo\"}"));
    call->request = leg_request(call->leg, number, &json, 20000, &events, call);
}

static struct leg_call *new_leg_call(struct client *client, enum leg_call_kind kind) {
    struct leg_call *call = xcalloc(1, sizeof *call);
    call->client = client;
    call->kind = kind;
    LIST_INSERT_HEAD(&client->calls, call, link);
    return call;
}

void client_call_leg(struct client *client) {
    static const char *const names[] = {"a_echo", "b_echo", "c_echo"};
    struct multi_session *multi = session_multi(client->session);
    struct trunk_slice name = slice_cstr(names[model_random(client->process->model, 3)]);
    const struct route *route = multi_session_route(multi, LIST_TOOLS, name);
    struct leg *leg = route != NULL ? route->leg : multi_session_guess_leg(multi, LIST_TOOLS, name);
    if (leg == NULL) {
        return;
    }
    struct leg_call *call = new_leg_call(client, CALL_TOOL);
    call->leg = leg;
    call->wait = leg_use(leg, on_leg_ready, call);
}

static void on_listed(void *ctx) {
    struct leg_call *call = ctx;
    call->list = NULL;
    struct buffer page = {0};
    (void)manager_get_adapted_tools(call->client->session, NULL, &page);
    buffer_free(&page);
    end_leg_call(call);
}

void client_list_tools(struct client *client) {
    struct leg_call *call = new_leg_call(client, CALL_LISTING);
    call->list = multi_session_wait_lists(session_multi(client->session), on_listed, call);
}

/* The manager's events */

static void end_streams(struct client *client) {
    while (client->streams > 0) {
        client_end_stream(client);
    }
}

static void end_uses(struct client *client) {
    struct leg_call *call;
    while ((call = LIST_FIRST(&client->calls)) != NULL) {
        cancel_leg_call(call);
    }
    while (client->uses > client->levels) {
        client_end_use(client);
    }
}

void client_drop_all(struct client *client) {
    session_use_begin(client->session); /* it is not to go before the end of this */
    end_uses(client);
    end_streams(client);
    session_use_end(client->session);
}

static void *open_client(void *ctx, struct session *session) {
    struct process *process = ctx;
    struct client *client = xcalloc(1, sizeof *client);
    client->process = process;
    client->session = session;
    client->known = rules_find(process->model, session_id(session));
    LIST_INIT(&client->calls);
    LIST_INSERT_HEAD(&process->clients, client, link);
    if (is_watched(client)) {
        rules_on_opened(client);
    }
    return client;
}

static void on_list_changed(void *ctx, enum list_kind kind) {
    (void)ctx;
    (void)kind;
}

static void on_ended(void *ctx) {
    struct client *client = ctx;
    if (is_watched(client)) {
        rules_on_ended(client);
        if (model_chance(client->process->model, 50)) {
            end_streams(client); /* else somewhat later */
        }
    }
}

static void on_cut(void *ctx) {
    end_uses(ctx);
}

static void close_client(void *ctx) {
    struct client *client = ctx;
    MODEL_CHECK(client->process->model, client->uses == 0 && client->streams == 0,
                "a session was freed while it was held");
    LIST_REMOVE(client, link);
    free(client);
}

const struct session_client_ops client_ops = {
    open_client, on_list_changed, on_notice, leg_refuse_request, on_ended, on_cut, close_client};
