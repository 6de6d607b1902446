/* SPDX-License-Identifier: MIT
 * client.c - the life of a client's side. */
#include "mcp/client.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"

#define IDS_PER_EPOCH (UINT64_C(1) << 20)

struct client *client_new(struct client_env *env, struct session *session) {
    struct client *client = xcalloc(1, sizeof *client);
    client->env = env;
    client->session = session;
    LIST_INIT(&client->streams);
    TAILQ_INIT(&client->calls);
    /* A client that answers what a process before this one asked must not be misunderstood. */
    client->next_request = session_record(session)->epoch * IDS_PER_EPOCH + 1;
    return client;
}

void client_free(struct client *client) {
    assert(TAILQ_EMPTY(&client->calls) && LIST_EMPTY(&client->streams) && client->requests == NULL);
    loop_timer_free(client->settle_timer);
    replay_free(client->replay);
    free(client);
}

/* Revisions are dates, so their order is that of their text. */
bool client_speaks(const struct client *client, const char *version) {
    return strcmp(session_record(client->session)->protocol, version) >= 0;
}
