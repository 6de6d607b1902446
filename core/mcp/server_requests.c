/* SPDX-License-Identifier: MIT
 * server_requests.c - requests of backends on their way to the client and back. */
#include "mcp/server_requests.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "mcp/calls.h"
#include "mcp/streams.h"

#define MAX_REQUESTS                                                                               \
    64 /* of one session at a time: a client that does not answer costs no more                    \
        */
#define PATIENCE_MS (10 * 60 * 1000)

struct server_request {
    UT_hash_handle hh;
    uint64_t id; /* towards the client; its progress token too */
    struct client *client;
    struct call *call; /* NULL: of none */
    struct leg *leg;
    unsigned opening;   /* of the leg: the answer is good for no other */
    char *original_id;  /* the backend's, as JSON text */
    char *token;        /* the backend's progress token, as JSON text; NULL: none */
    struct buffer json; /* what waits for the unasked stream */
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
    return streams_is_unasked_open(request->client) ? request->client->unasked : NULL;
}

static void send_request(struct server_request *request) {
    struct stream *stream = find_stream(request);
    if (stream != NULL && request->json.len > 0) {
        (void)stream_send(stream, NULL, buffer_slice(&request->json));
        buffer_free(&request->json);
    }
}

static void tell_client(struct server_request *request, const char *reason) {
    struct stream *stream = find_stream(request);
    struct buffer params = {0};
    struct buffer json = {0};
    if (stream == NULL || request->json.len > 0) { /* it never knew of it */
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

static void on_timer(void *arg) {
    struct server_request *request = arg;
    const struct leg_source from = {request->leg, 0};
    tell_client(request, "the client did not answer in time");
    if (leg_opening(request->leg) == request->opening) {
        refuse(&from, slice_cstr(request->original_id), JSONRPC_INTERNAL_ERROR,
               "the client did not answer in time");
    }
    free_request(request);
}

static struct server_request *new_request(struct client *client, struct call *call,
                                          const struct leg_source *from,
                                          const struct message *message) {
    struct server_request *request = xcalloc(1, sizeof *request);
    request->client = client;
    request->call = call;
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
    loop_timer_set(request->timer, PATIENCE_MS);
    return request;
}

/* The backend's bytes, but for the progress token. */
static void write_request(struct server_request *request, const char *method,
                          const struct message *message) {
    struct buffer params = {0};
    struct buffer token = {0};
    buffer_append_u64(&token, request->id);
    if (message->params.type == JSON_OBJECT) {
        struct splice splice = {message->meta_token.text, buffer_slice(&token)};
        splice_append(&params, message->params.text, &splice, request->token != NULL ? 1 : 0);
    } else {
        buffer_append_cstr(&params, "{}");
    }
    jsonrpc_write_request(&request->json, request->id, method, buffer_slice(&params));
    buffer_free(&params);
    buffer_free(&token);
}

void server_requests_take(struct client *client, struct call *call, const struct leg_source *from,
                          const struct message *message) {
    const struct known_request *known = find_known(message);
    if (known == NULL) {
        refuse(from, message->id.text, JSONRPC_METHOD_NOT_FOUND, "Method not found");
    } else if (!is_declared(client, known->capability)) {
        refuse(from, message->id.text, JSONRPC_METHOD_NOT_FOUND,
               "the client has not declared that it answers this");
    } else if (client->nrequests >= MAX_REQUESTS) {
        refuse(from, message->id.text, JSONRPC_INTERNAL_ERROR,
               "too many requests wait for the client's answer");
    } else {
        struct server_request *request = new_request(client, call, from, message);
        write_request(request, known->method, message);
        send_request(request);
    }
}

void server_requests_send_waiting(struct client *client) {
    struct server_request *request;
    for (request = client->requests; request != NULL; request = request->hh.next) {
        if (request->call == NULL) {
            send_request(request);
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
        if (request->call == call) {
            tell_client(request, "the call that asked this has ended");
            free_request(request);
        }
        request = next;
    }
}

void server_requests_free(struct client *client) {
    while (client->requests != NULL) {
        free_request(client->requests);
    }
}
