/* SPDX-License-Identifier: MIT
 * server_requests.c - requests of backends on their way to the client and back. */
#include "mcp/server_requests.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "mcp/calls.h"
#include "mcp/streams.h"
#include "wire/downlevel.h"

/* Of one session at a time: a client that does not answer costs no more. */
#define MAX_REQUESTS 64
#define PATIENCE_MS (UINT64_C(10) * 60 * 1000)
#define STREAM_PATIENCE_MS (UINT64_C(60) * 1000) /* for a client that opens no stream */

struct server_request {
    UT_hash_handle hh;
    uint64_t id; /* towards the client; its progress token too */
    struct client *client;
    struct call *call; /* NULL: of none */
    bool is_guessed;   /* the call is the only one on a pipe, but need not be the cause */
    bool is_sent;
    struct leg *leg;
    unsigned opening;   /* of the leg: the answer is good for no other */
    char *original_id;  /* the backend's, as JSON text */
    char *token;        /* the backend's progress token, as JSON text; NULL: none */
    struct buffer json; /* as long as it may have to be sent */
    struct loop_timer *timer;
};

static void free_request(struct server_request *request) {
    struct client *client = request->client;
    HASH_DEL(client->requests, request);
    client->nrequests--;
    loop_timer_free(request->timer);
    free(request->original_id);
    free(request->token);
    buffer_free(&request->json);
    free(request);
}

static void refuse(const struct leg_source *from, struct trunk_slice id, int code,
                   const char *text) {
    struct buffer json = {0};
    jsonrpc_write_error(&json, id, code, text);
    leg_send(from->leg, leg_opening(from->leg), &json);
}

struct known_request {
    const char *method;
    const char *capability; /* of a client that answers it */
};

static const struct known_request *find_known(const struct message *request) {
    static const struct known_request known[] = {{"sampling/createMessage", "sampling"},
                                                 {"elicitation/create", "elicitation"},
                                                 {"roots/list", "roots"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (message_is(request, known[i].method)) {
            return &known[i];
        }
    }
    return NULL;
}

static bool is_declared(const struct client *client, const char *capability) {
    const char *declared = session_record(client->session)->capabilities;
    return json_find(slice_cstr(declared), capability).type == JSON_OBJECT;
}

/* The stream that the request belongs on, open or kept for replay; NULL: none as yet. */
static struct stream *find_stream(struct server_request *request) {
    if (request->call != NULL) {
        return call_open_stream(request->call);
    }
    return streams_is_unasked_ready(request->client) ? request->client->unasked : NULL;
}

static void send_request(struct server_request *request) {
    struct stream *stream = find_stream(request);
    if (stream == NULL || request->is_sent) {
        return;
    }
    (void)stream_send(stream, NULL, buffer_slice(&request->json));
    request->is_sent = true;
    loop_timer_set(request->timer, PATIENCE_MS);
    if (request->call != NULL) {
        buffer_free(&request->json);
    }
}

static void tell_client(struct server_request *request, const char *reason) {
    struct stream *stream = find_stream(request);
    struct buffer params = {0};
    struct buffer json = {0};
    if (stream == NULL || !request->is_sent) { /* it never knew of it */
        return;
    }
    buffer_printf(&params, "{\"requestId\":%llu,\"reason\":", (unsigned long long)request->id);
    json_string_encode(&params, slice_cstr(reason));
    buffer_append_cstr(&params, "}");
    jsonrpc_write_notification(&json, "notifications/cancelled", buffer_slice(&params));
    (void)stream_send(stream, NULL, buffer_slice(&json));
    buffer_free(&params);
    buffer_free(&json);
}

/* Nobody is left to wait for an answer that does not come. */
static void give_up(struct server_request *request, const char *why) {
    struct buffer json = {0};
    tell_client(request, why);
    jsonrpc_write_error(&json, slice_cstr(request->original_id), JSONRPC_INTERNAL_ERROR, why);
    leg_send(request->leg, request->opening, &json);
    free_request(request);
}

static void on_timer(void *arg) {
    struct server_request *request = arg;
    give_up(request, request->is_sent ? "the client did not answer in time"
                                      : "the client has no stream open on which to ask it");
}

static struct server_request *new_request(struct client *client, struct call *call,
                                          const struct leg_source *from,
                                          const struct message *message) {
    struct server_request *request = xcalloc(1, sizeof *request);
    request->client = client;
    request->call = call;
    request->is_guessed = from->number == 0;
    request->id = client->next_request++;
    request->leg = from->leg;
    request->opening = leg_opening(from->leg);
    request->original_id = slice_strdup(message->id.text);
    if (message->meta_token.type == JSON_STRING || message->meta_token.type == JSON_NUMBER) {
        request->token = slice_strdup(message->meta_token.text);
    }
    HASH_ADD(hh, client->requests, id, sizeof request->id, request);
    client->nrequests++;
    request->timer = loop_timer_new(client->env->loop, on_timer, request);
    loop_timer_set(request->timer, STREAM_PATIENCE_MS);
    return request;
}

static bool has_object(struct trunk_slice object, const char *name) {
    return json_find(object, name).type == JSON_OBJECT;
}

/* Which of what the client might have declared the request needs (protocol.md 5.8, 5.9); NULL: it
 * has declared that. */
static const char *find_undeclared(const struct client *client, const struct known_request *known,
                                   const struct message *request) {
    const char *all = session_record(client->session)->capabilities;
    struct trunk_slice declared = json_find(slice_cstr(all), known->capability).text;
    struct json_value value;
    if (strcmp(known->capability, "sampling") == 0) {
        bool has_tools =
            message_param(request, "tools", JSON_ARRAY, &value) != TRUNK_NOT_FOUND ||
            message_param(request, "toolChoice", JSON_OBJECT, &value) != TRUNK_NOT_FOUND;
        return has_tools && !has_object(declared, "tools") ? "sampling.tools" : NULL;
    }
    if (strcmp(known->capability, "elicitation") == 0) {
        bool is_url = message_param(request, "mode", JSON_STRING, &value) == TRUNK_OK &&
                      json_string_equal(value.text, slice_cstr("url"));
        bool has_url = has_object(declared, "url");
        if (is_url) {
            return has_url ? NULL : "elicitation.url";
        }
        return has_url && !has_object(declared, "form") ? "elicitation.form" : NULL;
    }
    return NULL;
}

/* The backend's bytes, but for the progress token, a task, which trunkd does not relay (protocol.md
 * 5.4), and content that an older client does not know. */
static void write_params(const struct server_request *request, const struct message *message,
                         struct buffer *out) {
    static const char *const task[] = {"task"};
    const char *version = session_record(request->client->session)->protocol;
    struct splices splices = {0};
    struct trunk_slice part;
    struct buffer token = {0};
    struct buffer spliced = {0};
    buffer_append_u64(&token, request->id);
    if (request->token != NULL) {
        splices_add(&splices, message->meta_token.text, buffer_slice(&token));
    }
    if (message->task.type != JSON_NONE &&
        json_find_parts(message->params.text, task, 1, &part) > 0) {
        splices_add(&splices, part, (struct trunk_slice){0});
    }
    splice_append(&spliced, message->params.text, splices.items, splices.count);
    if (!downlevel_is_needed(version) || !downlevel_content(version, buffer_slice(&spliced), out)) {
        buffer_append_slice(out, buffer_slice(&spliced));
    }
    buffer_free(&spliced);
    buffer_free(&token);
}

static void write_request(struct server_request *request, const char *method,
                          const struct message *message) {
    struct buffer params = {0};
    if (message->params.type == JSON_OBJECT) {
        write_params(request, message, &params);
    } else {
        buffer_append_cstr(&params, "{}");
    }
    jsonrpc_write_request(&request->json, request->id, method, buffer_slice(&params));
    buffer_free(&params);
}

void server_requests_take(struct client *client, struct call *call, const struct leg_source *from,
                          const struct message *message) {
    const struct known_request *known = find_known(message);
    const char *undeclared;
    struct buffer text = {0};
    if (known == NULL) {
        refuse(from, message->id.text, JSONRPC_METHOD_NOT_FOUND, "Method not found");
    } else if (!is_declared(client, known->capability)) {
        refuse(from, message->id.text, JSONRPC_METHOD_NOT_FOUND,
               "the client has not declared that it answers this");
    } else if ((undeclared = find_undeclared(client, known, message)) != NULL) {
        buffer_printf(&text, "the client has not declared %s", undeclared);
        refuse(from, message->id.text, JSONRPC_INVALID_PARAMS, buffer_cstr(&text));
    } else if (client->nrequests >= MAX_REQUESTS) {
        refuse(from, message->id.text, JSONRPC_INTERNAL_ERROR,
               "too many requests wait for the client's answer");
    } else {
        struct server_request *request = new_request(client, call, from, message);
        write_request(request, known->method, message);
        send_request(request);
    }
    buffer_free(&text);
}

void server_requests_send_waiting(struct client *client) {
    struct server_request *request;
    for (request = client->requests; request != NULL; request = request->hh.next) {
        if (request->call == NULL) {
            send_request(request);
        }
    }
}

void server_requests_ask_again(struct client *client) {
    struct server_request *request;
    for (request = client->requests; request != NULL; request = request->hh.next) {
        if (request->call == NULL && request->json.len > 0) {
            request->is_sent = false;
        }
    }
}

static struct server_request *find_by_number(struct client *client,
                                             const struct json_value *number) {
    struct server_request *request = NULL;
    uint64_t id = 0;
    if (number->type == JSON_NUMBER && json_number_u64(number->text, &id)) {
        HASH_FIND(hh, client->requests, &id, sizeof id, request);
    }
    return request;
}

void server_requests_answer(struct client *client, const struct message *answer) {
    struct server_request *request = find_by_number(client, &answer->id);
    struct buffer json = {0};
    if (request == NULL) {
        return;
    }
    struct trunk_slice id = slice_cstr(request->original_id);
    if (answer->kind == MESSAGE_RESULT) {
        jsonrpc_write_result(&json, id, answer->result.text);
    } else {
        jsonrpc_write_error_object(&json, id, answer->error.text);
    }
    leg_send(request->leg, request->opening, &json);
    free_request(request);
}

void server_requests_progress(struct client *client, const struct message *notice) {
    struct server_request *request = find_by_number(client, &notice->progress_token);
    struct buffer params = {0};
    struct buffer json = {0};
    if (request == NULL || request->token == NULL) {
        return;
    }
    struct splice splice = {notice->progress_token.text, slice_cstr(request->token)};
    splice_append(&params, notice->params.text, &splice, 1);
    jsonrpc_write_notification(&json, "notifications/progress", buffer_slice(&params));
    leg_send(request->leg, request->opening, &json);
    buffer_free(&params);
}

void server_requests_cancelled(struct client *client, const struct leg_source *from,
                               const struct message *notice) {
    struct server_request *request = client->requests;
    struct buffer reason = {0};
    while (request != NULL &&
           (request->leg != from->leg || request->opening != leg_opening(from->leg) ||
            !slice_equal_cstr(notice->request_id.text, request->original_id))) {
        request = request->hh.next;
    }
    if (request == NULL) {
        return;
    }
    struct json_value value = json_find(notice->params.text, "reason");
    if (value.type == JSON_STRING) {
        json_string_decode(value.text, &reason);
    }
    tell_client(request, buffer_cstr(&reason));
    free_request(request);
    buffer_free(&reason);
}

void server_requests_end_call(struct client *client, struct call *call) {
    struct server_request *request = client->requests;
    while (request != NULL) {
        struct server_request *next = request->hh.next;
        if (request->call == call && request->is_guessed) {
            request->call = NULL;
        } else if (request->call == call) {
            give_up(request, "the call that asked this has ended");
        }
        request = next;
    }
}

void server_requests_free(struct client *client) {
    while (client->requests != NULL) {
        /* Freed ones have left the table. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        free_request(client->requests);
    }
}
