/* SPDX-License-Identifier: MIT
 * streams.c - streams, their connections, and what is replayed on them. */
#include "mcp/streams.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mcp/methods.h"
#include "mcp/server_requests.h"

#define RETRY_MS 1000
#define RESUME_PATIENCE_MS 60000
#define PRIMED_SINCE "2025-11-25" /* older clients choke on an event without a message */

struct stream {
    LIST_ENTRY(stream) in_client;
    struct client *client;
    uint64_t number;           /* in the replay log */
    uint64_t sent;             /* the newest of its events that went to a connection */
    struct exchange *exchange; /* where its events go; NULL: the client has lost the connection */
    bool is_own;               /* the exchange is a GET, ended by this stream */
    struct leg_holds holds;    /* what waits for the client to read */
};

static bool is_behind(const struct exchange *exchange) {
    return exchange->ops->backlog(exchange) > EXCHANGE_HIGH_BYTES;
}

static struct replay *get_replay(struct client *client) {
    if (client->replay == NULL) {
        const struct session_options *options = client->env->options;
        client->replay =
            replay_new(session_tag(client->session), session_record(client->session)->epoch,
                       options->replay_events, options->replay_bytes);
    }
    return client->replay;
}

static void on_settle(void *arg) {
    struct client *client = arg;
    replay_settle(client->replay);
}

/* A connection that breaks may take with it what the kernel had already: a client that comes back
 * within this time still finds its result. */
static void note_written(struct client *client, uint64_t stream) {
    if (!replay_written(client->replay, stream)) {
        return;
    }
    if (client->settle_timer == NULL) {
        client->settle_timer = loop_timer_new(client->env->loop, on_settle, client);
    }
    loop_timer_set(client->settle_timer, RESUME_PATIENCE_MS);
}

static void write_event(struct stream *stream, uint64_t number, unsigned retry_ms,
                        struct trunk_slice json) {
    struct buffer id = {0};
    replay_append_id(stream->client->replay, stream->number, number, &id);
    stream->exchange->ops->event(
        stream->exchange,
        &(struct exchange_event){.json = json, .id = buffer_slice(&id), .retry_ms = retry_ms});
    stream->sent = number > stream->sent ? number : stream->sent;
    buffer_free(&id);
}

/* The connection is the stream's no more. */
static void detach(struct stream *stream) {
    struct exchange *exchange = stream->exchange;
    stream->exchange = NULL;
    leg_release(&stream->holds);
    if (exchange == NULL) {
        return;
    }
    exchange->on_close = NULL;
    exchange->on_drained = NULL;
    if (stream->is_own) {
        exchange->ops->close_stream(exchange);
        session_stream_end(stream->client->session);
    }
}

static void on_close(struct exchange *exchange, void *ctx) {
    (void)exchange;
    detach(ctx);
}

static void on_drained(struct exchange *exchange, void *ctx) {
    struct stream *stream = ctx;
    (void)exchange;
    leg_release(&stream->holds);
    if (stream == stream->client->unasked) {
        streams_go_on(stream->client);
    }
}

static void attach(struct stream *stream, struct exchange *exchange, bool is_own) {
    detach(stream);
    stream->exchange = exchange;
    stream->is_own = is_own;
    if (is_own) {
        session_stream_begin(stream->client->session);
    }
    exchange->on_close = on_close;
    exchange->on_drained = on_drained;
    exchange->ctx = stream;
    exchange->ops->open_stream(exchange, session_id(stream->client->session));
}

static struct stream *new_stream(struct client *client, bool is_unasked) {
    struct stream *stream = xcalloc(1, sizeof *stream);
    stream->client = client;
    stream->number = replay_open(get_replay(client), is_unasked);
    LIST_INSERT_HEAD(&client->streams, stream, in_client);
    return stream;
}

static struct stream *open_stream(struct client *client, struct exchange *exchange, bool is_own) {
    struct stream *stream = new_stream(client, is_own);
    attach(stream, exchange, is_own);
    if (client_speaks(client, PRIMED_SINCE)) {
        write_event(stream, 0, RETRY_MS, (struct trunk_slice){0});
    }
    return stream;
}

struct stream *stream_open(struct client *client, struct exchange *exchange) {
    return open_stream(client, exchange, false);
}

bool stream_send(struct stream *stream, const struct leg_source *from, struct trunk_slice json) {
    if (stream->exchange != NULL && from != NULL && is_behind(stream->exchange) &&
        !leg_hold(from, &stream->holds)) {
        return false;
    }
    uint64_t number = replay_append(stream->client->replay, stream->number, json);
    if (stream->exchange != NULL) {
        write_event(stream, number, 0, json);
    }
    return true;
}

void stream_end(struct stream *stream, struct trunk_slice json) {
    struct replay *replay = stream->client->replay;
    if (json.len == 0) {
        replay_finish(replay, stream->number);
    } else {
        uint64_t number = replay_append_result(replay, stream->number, json);
        if (stream->exchange != NULL && !stream->exchange->is_closed) {
            write_event(stream, number, 0, json);
            note_written(stream->client, stream->number);
        }
    }
    detach(stream);
    LIST_REMOVE(stream, in_client);
    free(stream);
}

/* The unasked stream */

struct stream *streams_unasked(struct client *client) {
    if (client->unasked == NULL) {
        client->unasked = new_stream(client, true);
    }
    return client->unasked;
}

bool streams_is_unasked_ready(const struct client *client) {
    return client->unasked != NULL && client->unasked->exchange != NULL &&
           session_is_initialized(client->session);
}

void streams_go_on(struct client *client) {
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        if (client->owes_list_changed[kind]) {
            streams_list_changed(client, (enum list_kind)kind);
        }
    }
    if (streams_is_unasked_ready(client)) {
        server_requests_send_waiting(client);
    }
}

/* Resources and templates are told of by the same notification. */
void streams_list_changed(struct client *client, enum list_kind kind) {
    struct buffer json = {0};
    if (kind == LIST_TEMPLATES) {
        kind = LIST_RESOURCES;
    }
    client->owes_list_changed[kind] =
        !streams_is_unasked_ready(client) || is_behind(client->unasked->exchange);
    if (!client->owes_list_changed[kind]) {
        jsonrpc_write_notification(&json, list_info(kind)->changed, (struct trunk_slice){0});
        (void)stream_send(client->unasked, NULL, buffer_slice(&json));
        buffer_free(&json);
    }
}

/* What no connection has taken goes out on the new stream instead. */
static void carry_over(struct stream *before, struct stream *to) {
    struct replay_place place = {.stream = before->number, .number = before->sent};
    struct buffer json = {0};
    struct trunk_slice text;
    while (replay_next(before->client->replay, &place, &text)) {
        buffer_clear(&json);
        buffer_append_slice(&json, text);
        (void)stream_send(to, NULL, buffer_slice(&json));
    }
    replay_take_back(before->client->replay, before->number, before->sent);
    buffer_free(&json);
}

/* A client that has lost its stream and does not resume it may not have got what it was asked. */
static bool is_lost(const struct stream *stream) {
    return stream->exchange == NULL || stream->exchange->ops->backlog(stream->exchange) > 0;
}

static void open_unasked(struct client *client, struct exchange *exchange) {
    struct stream *before = client->unasked;
    client->unasked = open_stream(client, exchange, true);
    if (before != NULL) {
        if (is_lost(before)) {
            server_requests_ask_again(client);
        }
        carry_over(before, client->unasked);
        stream_end(before, (struct trunk_slice){0});
    }
    streams_go_on(client);
}

static struct stream *find_stream(struct client *client, uint64_t number) {
    struct stream *stream;
    LIST_FOREACH(stream, &client->streams, in_client) {
        if (stream->number == number) {
            return stream;
        }
    }
    return NULL;
}

static void replay_events(struct client *client, struct exchange *exchange,
                          struct replay_place *place) {
    struct trunk_slice json;
    while (replay_next(client->replay, place, &json)) {
        struct buffer id = {0};
        replay_append_id(client->replay, place->stream, place->number, &id);
        exchange->ops->event(exchange,
                             &(struct exchange_event){.json = json, .id = buffer_slice(&id)});
        buffer_free(&id);
    }
}

/* Of a stream that is at its end. */
static void replay_rest(struct client *client, struct exchange *exchange,
                        struct replay_place *place) {
    exchange->ops->open_stream(exchange, session_id(client->session));
    replay_events(client, exchange, place);
    note_written(client, place->stream);
    exchange->ops->close_stream(exchange);
}

static void resume(struct client *client, struct exchange *exchange, struct replay_place *place) {
    struct stream *stream = find_stream(client, place->stream);
    attach(stream, exchange, true);
    replay_events(client, exchange, place);
    stream->sent = place->number > stream->sent ? place->number : stream->sent;
    if (stream == client->unasked) {
        streams_go_on(client);
    }
}

static void refuse(struct exchange *exchange, int status, const char *text) {
    methods_refuse(exchange, status, (struct trunk_slice){0}, JSONRPC_INVALID_REQUEST, text, 0);
}

static void resume_after(struct client *client, struct exchange *exchange) {
    struct replay_place place = {0};
    switch (replay_find(get_replay(client), slice_cstr(exchange->last_event_id), &place)) {
    case REPLAY_GOES_ON:
        resume(client, exchange, &place);
        break;
    case REPLAY_ENDS:
        replay_rest(client, exchange, &place);
        break;
    case REPLAY_COMPLETE:
        /* Another GET had replaced it, and has gone too: two that live would replace each other. */
        if (place.is_unasked && (client->unasked == NULL || client->unasked->exchange == NULL)) {
            open_unasked(client, exchange);
        } else { /* clients stop quietly at this status (protocol.md 2.7) */
            refuse(exchange, 405, "nothing of this stream is left to be sent");
        }
        break;
    case REPLAY_GONE: /* of the unasked stream what is to come matters more than what is lost */
        if (place.is_unasked) {
            open_unasked(client, exchange);
        } else {
            refuse(exchange, 400, "what followed this event is not kept any more");
        }
        break;
    case REPLAY_FUTURE:
    case REPLAY_FOREIGN:
    case REPLAY_UNKNOWN:
        refuse(exchange, 400, "Last-Event-ID is of no event of this session");
        break;
    }
}

void streams_get(struct client *client, struct exchange *exchange) {
    if (exchange->last_event_id != NULL) {
        resume_after(client, exchange);
    } else {
        open_unasked(client, exchange);
    }
}

void streams_close(struct client *client) {
    struct stream *stream;
    LIST_FOREACH(stream, &client->streams, in_client) {
        if (stream->is_own) {
            detach(stream);
        }
    }
}

void streams_free(struct client *client) {
    if (client->unasked != NULL) {
        stream_end(client->unasked, (struct trunk_slice){0});
        client->unasked = NULL;
    }
}
