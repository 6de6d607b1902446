/* SPDX-License-Identifier: MIT
 * logging.c - logging/setLevel, and which log messages a client sees. */
#include "mcp/logging.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mcp/methods.h"
#include "wire/log_level.h"

struct set_level {
    struct session *session;
    struct exchange *exchange;
    struct trunk_slice id; /* in the exchange's body */
};

static const char *find_level(const struct message *message) {
    struct json_value value = json_find(message->params.text, "level");
    struct buffer name = {0};
    if (value.type == JSON_STRING && value.count == 1) {
        json_string_decode(value.text, &name);
    }
    const char *level = log_level_find(buffer_slice(&name));
    buffer_free(&name);
    return level;
}

static void on_stored(void *ctx, int32_t status, const char *text) {
    struct set_level *set = ctx;
    if (status == TRUNK_OK) {
        methods_answer(set->exchange, set->id, slice_cstr("{}"));
    } else {
        methods_refuse_status(set->exchange, set->id, status, text);
    }
    session_use_end(set->session);
    free(set);
}

void logging_set_level(struct client *client, struct exchange *exchange,
                       const struct message *message) {
    const char *level = message->params.type == JSON_OBJECT ? find_level(message) : NULL;
    if (level == NULL) {
        methods_refuse(exchange, 200, message->id.text, JSONRPC_INVALID_PARAMS,
                       "logging/setLevel needs a params.level: debug, info, notice, warning, "
                       "error, critical, alert or emergency",
                       0);
        session_use_end(client->session);
        return;
    }
    struct set_level *set = xcalloc(1, sizeof *set);
    *set = (struct set_level){client->session, exchange, message->id.text};
    session_set_log_level(client->session, level, on_stored, set);
}

bool logging_is_shown(const struct client *client, const struct message *notice) {
    const char *least = session_log_level(client->session);
    return least == NULL || log_level_is_shown(find_level(notice), least);
}
