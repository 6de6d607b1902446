/* SPDX-License-Identifier: MIT
 * fake_server.c - a process of its own, so that it blocks nobody. */
#include "fake_server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static bool say(int fd, const char *text) {
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static void serve(int fd, const char *answer, const char *after, bool is_hasty) {
    char bytes[65536];
    bool is_open = is_hasty || recv(fd, bytes, sizeof bytes, 0) > 0;
    is_open = is_open && say(fd, answer);
    while (is_open && recv(fd, bytes, sizeof bytes, 0) > 0) {
        is_open = after == NULL || say(fd, after);
    }
}

pid_t fake_server_start(const char *socket_path, const char *answer, const char *after,
                        bool is_hasty) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 10) != 0) {
        perror(socket_path);
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            serve(fd, answer, after, is_hasty);
            (void)close(fd);
        }
    }
    (void)close(listener);
    return pid;
}

void fake_server_end(pid_t pid) {
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}
