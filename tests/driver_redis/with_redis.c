/* SPDX-License-Identifier: MIT
 * with_redis.c - runs a program beside a redis-server of its own: with_redis socket|tcp PROGRAM
 * [ARG...] adds the driver's parameters that name the server, and ends as the program does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"

enum { MAX_PARAMS = 2, PARAM_BYTES = 96 };

static int run(char **argv) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)execv(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        (void)fputs("usage: with_redis socket|tcp PROGRAM [ARG...]\n", stderr);
        return 2;
    }
    struct redis_server server;
    char params[MAX_PARAMS][PARAM_BYTES];
    bool with_tcp = strcmp(argv[1], "tcp") == 0;
    char **command = calloc((size_t)argc + MAX_PARAMS, sizeof *command);
    if (command == NULL || !redis_server_init(&server, with_tcp)) {
        free(command);
        return 1;
    }
    memcpy(command, argv + 2, (size_t)(argc - 2) * sizeof *command);
    if (with_tcp) {
        (void)snprintf(params[0], PARAM_BYTES, "host=localhost");
        (void)snprintf(params[1], PARAM_BYTES, "port=%d", server.port);
        command[argc - 1] = params[1];
    } else {
        (void)snprintf(params[0], PARAM_BYTES, "socket=%s", server.socket);
    }
    command[argc - 2] = params[0];
    int code = redis_server_start(&server, NULL) ? run(command) : 1;
    redis_server_end(&server);
    free(command);
    return code;
}
