/* SPDX-License-Identifier: MIT
 * batches.c - the messages of one POST, each for itself, and their answers together. */
#include "mcp/batches.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "mcp/methods.h"
#include "mcp/streams.h"
#include "wire/batch.h"

#define BATCH_VERSION "2025-03-26"

struct batch {
    struct client *client;
    struct exchange *exchange; /* of the whole POST */
    struct stream *stream;     /* NULL: not one yet */
    struct buffer answers;     /* with commas between them, until there is a stream */
    struct buffer last;        /* the newest of a stream, held back since its end is the last one */
    size_t pending;            /* parts, and one while they are begun */
    bool has_request;
};

struct part {
    struct exchange exchange; /* first: ops are given this */
    struct batch *batch;
};

static void send_last(struct batch *batch) {
    if (batch->last.len > 0) {
        (void)stream_send(batch->stream, NULL, buffer_slice(&batch->last));
        buffer_clear(&batch->last);
    }
}

static void collect(struct batch *batch, struct trunk_slice json) {
    if (batch->stream != NULL) {
        send_last(batch);
        buffer_append_slice(&batch->last, json);
    } else {
        buffer_append_cstr(&batch->answers, batch->answers.len > 0 ? "," : "");
        buffer_append_slice(&batch->answers, json);
    }
}

static struct stream *open_stream(struct batch *batch) {
    struct buffer whole = {0};
    struct json_value answer;
    size_t cursor = 0;
    if (batch->stream == NULL) {
        batch->stream = stream_open(batch->client, batch->exchange);
        buffer_printf(&whole, "[%s]", buffer_cstr(&batch->answers));
        while (json_array_next(buffer_slice(&whole), &cursor, &answer)) {
            collect(batch, answer.text);
        }
        buffer_free(&whole);
        buffer_free(&batch->answers);
    }
    send_last(batch);
    return batch->stream;
}

/* A batch whose requests were all cancelled is answered by nothing, which only a stream can do. */
static void end_batch(struct batch *batch) {
    struct exchange *exchange = batch->exchange;
    struct buffer json = {0};
    if (batch->has_request && batch->answers.len == 0 && batch->stream == NULL) {
        (void)open_stream(batch);
    }
    if (batch->stream != NULL) {
        stream_end(batch->stream, buffer_slice(&batch->last));
        exchange->ops->close_stream(exchange);
    } else {
        struct exchange_answer answer = {.status = 202};
        if (batch->answers.len > 0) {
            buffer_printf(&json, "[%s]", buffer_cstr(&batch->answers));
            answer = (struct exchange_answer){.status = 200, .json = buffer_slice(&json)};
        }
        exchange->ops->answer(exchange, &answer);
    }
    buffer_free(&json);
    buffer_free(&batch->answers);
    buffer_free(&batch->last);
    free(batch);
}

static void end_pending(struct batch *batch) {
    if (--batch->pending == 0) {
        end_batch(batch);
    }
}

/* The status is that of a whole POST: of a part only the body says how it went. */
static void answer_part(struct exchange *exchange, const struct exchange_answer *answer) {
    struct part *part = (struct part *)exchange;
    struct batch *batch = part->batch;
    if (answer->json.len > 0) {
        collect(batch, answer->json);
    }
    free(part);
    end_pending(batch);
}

static const struct exchange_ops part_ops = {.answer = answer_part};

bool batches_is_part(const struct exchange *exchange) {
    return exchange->ops == &part_ops;
}

struct stream *batches_open_stream(struct exchange *exchange) {
    assert(batches_is_part(exchange));
    return open_stream(((struct part *)exchange)->batch);
}

static void refuse_item(struct batch *batch, const struct message_error *error) {
    struct buffer json = {0};
    jsonrpc_write_error(&json, error->id, error->code, error->text);
    collect(batch, buffer_slice(&json));
    buffer_free(&json);
}

/* With one use of the session. */
static void begin_part(struct batch *batch, const struct message *message) {
    struct part *part = xcalloc(1, sizeof *part);
    part->exchange = *batch->exchange;
    part->exchange.ops = &part_ops;
    part->exchange.body = message->text;
    part->batch = batch;
    batch->pending++;
    batch->has_request = batch->has_request || message->kind == MESSAGE_REQUEST;
    methods_dispatch(batch->client, &part->exchange, message);
}

static size_t count_valid(const struct batch_item *items, size_t count) {
    size_t valid = 0;
    for (size_t i = 0; i < count; i++) {
        valid += items[i].is_valid ? 1 : 0;
    }
    return valid;
}

/* The use that came with the POST is that of the first part, so that limits count parts. */
static void begin_batch(struct client *client, struct exchange *exchange,
                        const struct batch_item *items, size_t count) {
    struct batch *batch = xcalloc(1, sizeof *batch);
    bool has_begun = false;
    *batch = (struct batch){.client = client, .exchange = exchange, .pending = 1};
    for (size_t i = 0; i < count; i++) {
        if (items[i].is_valid) {
            if (has_begun) {
                session_use_begin(client->session);
            }
            has_begun = true;
            begin_part(batch, &items[i].message);
        } else {
            refuse_item(batch, &items[i].error);
        }
    }
    end_pending(batch);
}

static void refuse(struct client *client, struct exchange *exchange,
                   const struct message_error *error) {
    methods_refuse(exchange, 400, error->id, error->code, error->text, 0);
    session_use_end(client->session);
}

void batches_take(struct client *client, struct exchange *exchange) {
    const char *version = session_record(client->session)->protocol;
    struct batch_item *items = NULL;
    size_t count = 0;
    struct message_error error;
    struct message message;
    if (strcmp(version, BATCH_VERSION) != 0) {
        (void)message_parse(exchange->body, &message, &error); /* says why it is none */
        refuse(client, exchange, &error);
    } else if (batch_parse(exchange->body, BATCH_MAX_MESSAGES, &items, &count, &error) !=
               TRUNK_OK) {
        refuse(client, exchange, &error);
    } else if (count_valid(items, count) == 0) {
        refuse(client, exchange, &items[0].error);
    } else {
        begin_batch(client, exchange, items, count);
    }
    free(items);
}
