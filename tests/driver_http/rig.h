/* SPDX-License-Identifier: MIT
 * rig.h - the driver, a host, a server and the legs of one test. rig_close checks that nothing is
 * left: no descriptor, no watch, timer or pending op. */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include "loop_host.h"
#include "server.h"

enum { MAX_MESSAGES = 64 };

struct rig {
    struct loop_host *host;
    const struct trunk_factory_ops *ops;
    void *self;
    struct server server;
    size_t descriptors; /* before the driver was opened */
};
struct got {
    char *json;
    uint64_t number;
    char position[256];
};
/* A leg as the core sees it: its sink, and what came through it. */
struct peer {
    struct rig *rig;
    struct trunk_sink sink;
    void *leg;
    uint64_t max_message;              /* set before peer_make; 0: no limit */
    struct got messages[MAX_MESSAGES]; /* the first ones */
    size_t nmessages;                  /* all */
    size_t nchanged;
    bool is_closed;
    int32_t closed_status;
    char closed_text[512];
    bool must_be_silent; /* after finish completed */
};

/* Group of all tests: the driver is loaded, SIGPIPE ignored, as every host does. */
int rig_load(void **state);
const struct trunk_plugin *rig_plugin(void);

void rig_open(struct rig *rig);
/* params: key, value, key, value ... NULL, of the driver. */
void rig_open_with(struct rig *rig, const char *const *params);
void rig_close(struct rig *rig);

/* Begins a leg with http://127.0.0.1:PORT/mcp and more params: key, value ... NULL. saved may be
 * NULL. The backend is called "b1". Gives the op of make. */
trunk_op peer_begin_make(struct peer *peer, struct rig *rig, const char *const *params,
                         const char *saved);
/* Waits for it; gives its status, and keeps the leg when OK. */
int32_t peer_end_make(struct peer *peer, trunk_op op);
/* Both, which must go well. */
void peer_make(struct peer *peer, struct rig *rig);
/* The same, and initialize answered with this session id (NULL: none) and
 * notifications/initialized taken: a session in use. */
void peer_make_session(struct peer *peer, struct rig *rig, const char *session_id);

/* Sends {"jsonrpc":"2.0","id":NUMBER,"method":"x"}. */
trunk_op peer_request(struct peer *peer, uint64_t number);
trunk_op peer_request_json(struct peer *peer, uint64_t number, const char *json);
trunk_op peer_resume(struct peer *peer, uint64_t number, const char *position);
trunk_op peer_send(struct peer *peer, const char *json);
trunk_op peer_listen(struct peer *peer);
/* Waits for the op, checks its status; gives its text. */
const char *peer_expect(struct peer *peer, trunk_op op, int32_t status);
bool peer_is_done(struct peer *peer, trunk_op op);
void peer_wait_messages(struct peer *peer, size_t count);
void peer_wait_closed(struct peer *peer);

trunk_op peer_begin_finish(struct peer *peer, uint32_t keep, uint64_t deadline_ms);
/* After the op of finish was begun: waits for it and frees what the peer holds. */
void peer_end_finish(struct peer *peer, trunk_op op);
void peer_end_finish_with(struct peer *peer, trunk_op op, int32_t status);
/* Finishes with keep: nothing is said to the server. */
void peer_finish(struct peer *peer);

#endif
