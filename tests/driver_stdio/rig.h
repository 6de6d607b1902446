/* SPDX-License-Identifier: MIT
 * rig.h - the driver, a host and the legs of one test. rig_close checks that nothing is left: no
 * descriptor, no child process, no watch, timer or pending op. */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include "loop_host.h"

enum { MAX_MESSAGES = 64 };

struct rig {
    struct loop_host *host;
    const struct trunk_factory_ops *ops;
    void *self;
    size_t descriptors; /* before the driver was opened */
};

/* A leg as the core sees it: its sink, and what came through it. */
struct peer {
    struct rig *rig;
    struct trunk_sink sink;
    void *leg;
    char make_text[512];
    uint64_t max_message;         /* set before peer_make; 0: no limit */
    char *messages[MAX_MESSAGES]; /* the first ones */
    size_t nmessages;             /* all */
    uint64_t bytes;               /* of all */
    uint64_t last_when;           /* stamp of the last message */
    bool is_closed;
    uint64_t closed_when;
    int32_t closed_status;
    char closed_text[512];
    bool must_be_silent; /* after finish completed */
};

/* Group of all tests: the driver is loaded, SIGPIPE ignored, as every host does. */
int rig_load(void **state);
const struct trunk_plugin *rig_plugin(void);

void rig_open(struct rig *rig, const char *stop_wait);
void rig_close(struct rig *rig);

/* params: key, value, key, value ... NULL. The backend is called "b1". Returns the status of make.
 */
int32_t peer_make(struct peer *peer, struct rig *rig, const char *const *params);
/* A leg that runs `/bin/sh -c script`, which must start. */
void peer_make_script(struct peer *peer, struct rig *rig, const char *script);
/* A leg that runs stdio_child with up to two arguments, which must start. */
void peer_make_child(struct peer *peer, struct rig *rig, const char *mode, const char *argument);

trunk_op peer_begin_request(struct peer *peer, const char *json, size_t len);
/* Waits for the op, gives its status. */
int32_t peer_request(struct peer *peer, const char *json);
void peer_wait_messages(struct peer *peer, size_t count);
void peer_wait_closed(struct peer *peer);
trunk_op peer_begin_finish(struct peer *peer, uint64_t deadline_ms);
/* Finishes and checks that it is OK; then frees what the peer holds. */
void peer_finish(struct peer *peer);
/* After a finish begun by the test has completed. */
void peer_end(struct peer *peer);

/* The number behind "key": in a message. */
long message_number(const char *json, const char *key);
/* Is this process no more (or a zombie)? Waits for it, 20 s at most. */
bool is_process_gone(long pid);
size_t count_descriptors(void);

#endif
