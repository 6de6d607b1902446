/* SPDX-License-Identifier: MIT
 * spawn.h - starts a process without a shell, and ends one. */
#ifndef FACTORY_STDIO_SPAWN_H
#define FACTORY_STDIO_SPAWN_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "command.h"

/* Descriptors are ours, close-on-exec and (the pipes) non-blocking; the caller closes them. */
struct child {
    pid_t pid; /* also its process group */
    int exit;  /* pidfd: readable once the child has exited */
    int in;    /* writes to its stdin */
    int out;   /* reads its stdout */
    int err;   /* reads its stderr */
};

/* The child gets its own process group, descriptors 0, 1, 2 and no other with this limit of them
 * (the host may have raised its own, and programs that use select(2) bear no large one), an empty
 * signal mask, default dispositions, and SIGKILL when the calling thread ends. That signal
 * reaches the child alone: what the child itself started ends by its closed stdin when the host is
 * killed, or by the child. Returns once the program runs or could not be started. UNAVAILABLE: not
 * started, nothing is left of it, text tells why and names the backend. */
int32_t spawn_child(const struct command *command, const struct rlimit *descriptors,
                    const char *backend, struct child *out_child, char *text, size_t text_size);

/* Signals the whole process group. The child must not have been reaped, or the number may be
 * another's. */
void spawn_signal_group(pid_t pid, int signal_number);
/* Tries for up to wait_ms. True: it had exited and is reaped, text tells how ("backend NAME exited
 * with status 3"); what was left of its group was killed before, while the zombie still held the
 * number. False: it still runs, or is dead but held by a debugger. */
bool spawn_reap(const struct child *child, int wait_ms, const char *backend, char *text,
                size_t text_size);

#endif
