/* SPDX-License-Identifier: MIT
 * leg_connection.c - the transport of one opening of a leg, for as long as it or a request on it is
 * there. */
#include "session/leg_private.h"

#include <stdlib.h>

#include "base/alloc.h"

#define FINISH_TIMEOUT_MS 10000

struct leg_connection *leg_connection_new(struct leg *leg) {
    struct leg_connection *connection = xcalloc(1, sizeof *connection);
    connection->leg = leg;
    connection->refs = 1; /* the leg's */
    return connection;
}

void leg_connection_finish(struct leg_connection *connection, bool keeps) {
    struct factory_leg *transport = connection->transport;
    connection->transport = NULL;
    if (transport != NULL) {
        factory_finish(transport, keeps, FINISH_TIMEOUT_MS, leg_on_transport_finished,
                       connection->leg->env);
    }
}

void leg_connection_ref(struct leg_connection *connection) {
    connection->refs++;
}

void leg_connection_unref(struct leg_connection *connection) {
    if (--connection->refs == 0) {
        leg_connection_finish(connection, false);
        free(connection);
    }
}

void leg_connection_on_closed(void *ctx, int32_t status, const char *text) {
    struct leg_connection *connection = ctx;
    if (!connection->is_lost) {
        leg_fail(connection->leg, status, text);
        return;
    }
    leg_connection_ref(connection);
    leg_fail_requests_on(connection, TRUNK_UNCERTAIN, text);
    leg_connection_unref(connection);
}

/* What a session that is over still says is for the calls that are under way in it. */
void leg_connection_on_message(void *ctx, const struct message *message, uint64_t number) {
    struct leg_connection *connection = ctx;
    bool is_of_call = message->kind == MESSAGE_RESULT || message->kind == MESSAGE_ERROR ||
                      message_is(message, "notifications/progress") ||
                      (message_is(message, "notifications/message") && number != 0);
    struct leg *leg = connection->leg;
    if (!connection->is_lost || is_of_call) {
        leg->is_hearing_lost = connection->is_lost;
        leg_on_message(leg, message, number);
        leg->is_hearing_lost = false;
    }
}
