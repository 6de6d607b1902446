/* SPDX-License-Identifier: MIT
 * server.h - a real redis-server in a folder of its own, and what can happen to one. It never
 * outlives the test. */
#ifndef TEST_REDIS_SERVER_H
#define TEST_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct redisContext;

struct redis_server {
    pid_t pid;       /* 0: none runs */
    int output;      /* what it says, in a pipe */
    char folder[64]; /* its data, and the socket */
    char socket[80];
    int port; /* 0: no TCP */
    struct redisContext *admin;
};

/* Makes the folder. Nothing runs yet. with_tcp: a free port is chosen. */
bool redis_server_init(struct redis_server *out_server, bool with_tcp);
/* args: more options for the server, up to a NULL; NULL: none. Waits until it serves. */
bool redis_server_start(struct redis_server *server, const char *const *args);
/* Likewise, until it says this. There is no admin connection then. */
bool redis_server_start_until(struct redis_server *server, const char *const *args,
                              const char *text);
/* SIGKILL, and it is gone when this returns. */
void redis_server_kill(struct redis_server *server);
/* Ends what runs, and removes the folder. */
void redis_server_end(struct redis_server *server);
void redis_server_forget_data(struct redis_server *server);

/* Sends a command on the admin connection: words at spaces, no quotes, at most 15. Gives the answer
 * as a text: of a list the last element; "" for nil. Valid until the next call. */
const char *redis_server_ask(struct redis_server *server, const char *command);

#endif
