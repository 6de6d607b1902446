/* SPDX-License-Identifier: MIT
 * peer.c - the peer has a process group of its own: what it may have started ends with it. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

enum { GRACE_MS = 2000 };
#define READY "ready "

_Noreturn static void become_peer(const char *command, int output, pid_t parent) {
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char *script = xasprintf("exec %s --http 0", command);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) {
        _exit(127);
    }
    (void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    _exit(127);
}

static int64_t now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Without its line break. False: it does not come, or is longer than size. */
static bool read_line(int fd, char *line, size_t size, unsigned limit_s) {
    int64_t end_ms = now_ms() + (int64_t)limit_s * 1000;
    for (size_t len = 0; len < size; len++) {
        int64_t left_ms = end_ms - now_ms();
        struct pollfd input = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&input, 1, (int)left_ms) <= 0 || read(fd, &line[len], 1) != 1) {
            return false;
        }
        if (line[len] == '\n') {
            line[len] = '\0';
            return true;
        }
    }
    return false;
}

bool peer_start(struct peer *out_peer, const char *command, unsigned limit_s) {
    char line[sizeof out_peer->url];
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0) {
        perror("trunkd-plugin-check: no pipe for the peer");
        return false;
    }
    out_peer->output = ends[0];
    out_peer->pid = fork();
    if (out_peer->pid == 0) {
        become_peer(command, ends[1], parent);
    }
    (void)close(ends[1]);
    if (out_peer->pid < 0) {
        perror("trunkd-plugin-check: no process for the peer");
        (void)close(ends[0]);
        return false;
    }
    (void)setpgid(out_peer->pid, out_peer->pid); /* whichever of the two comes first */
    if (!read_line(ends[0], line, sizeof line, limit_s) ||
        strncmp(line, READY, strlen(READY)) != 0) {
        (void)fprintf(stderr,
                      "trunkd-plugin-check: the peer \"%s --http 0\" has not printed \"" READY
                      "URL\"\n",
                      command);
        peer_end(out_peer);
        return false;
    }
    (void)snprintf(out_peer->url, sizeof out_peer->url, "%s", line + strlen(READY));
    return true;
}

void peer_end(struct peer *peer) {
    int pidfd = pidfd_open(peer->pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    (void)kill(peer->pid, SIGTERM);
    (void)kill(peer->pid, SIGCONT); /* a case may have stopped it */
    (void)poll(&end, 1, GRACE_MS);
    (void)kill(-peer->pid, SIGKILL);
    while (waitpid(peer->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    (void)close(pidfd);
    (void)close(peer->output);
}
