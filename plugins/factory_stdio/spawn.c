/* SPDX-License-Identifier: MIT
 * spawn.c - vfork and exec. A fork copies the page tables of the whole host, on the loop: 14 ms for
 * 512 MiB. The child borrows our memory until exec instead, while the calling thread stands still:
 * it writes to its own frames only and makes none but async-signal-safe calls. Errors come back by
 * a pipe and not by that memory, since sanitizers turn vfork into fork. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { PIPE_IN, PIPE_OUT, PIPE_ERR, PIPE_FAILURE, PIPE_COUNT };
enum { READ_END, WRITE_END };
enum { REAP_PAUSE_MS = 5, MAX_TRIED_DESCRIPTORS = 65536 };
enum stage { STAGE_SETUP = 1, STAGE_CWD, STAGE_EXEC };

struct pipes {
    int fd[PIPE_COUNT][2];
};
/* What the child could not do; it comes back through PIPE_FAILURE, which a successful exec closes.
 */
struct failure {
    enum stage stage;
    int error;
};

static void close_end(int *fd) {
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void close_pipes(struct pipes *pipes) {
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        close_end(&pipes->fd[i][READ_END]);
        close_end(&pipes->fd[i][WRITE_END]);
    }
}

static bool open_pipes(struct pipes *pipes) {
    memset(pipes, 0xff, sizeof *pipes);
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        if (pipe2(pipes->fd[i], O_CLOEXEC) != 0) {
            int error = errno;
            close_pipes(pipes);
            errno = error;
            return false;
        }
    }
    return true;
}

/* A kernel without close_range (before 5.11) gets what is possible while the host stands still;
 * trunkd opens nothing without close-on-exec anyway. */
static void close_others_on_exec(void) {
    if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0) {
        return;
    }
    for (int fd = STDERR_FILENO + 1; fd < MAX_TRIED_DESCRIPTORS; fd++) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

/* The mask last: until then no handler of the host may run in the child. */
static void reset_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &action, NULL);
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A host started without stdin, stdout or stderr may have given those numbers to the pipes, so they
 * move up first. */
static bool place_descriptors(struct pipes *pipes, int *out_failure_fd) {
    int in = fcntl(pipes->fd[PIPE_IN][READ_END], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int out = fcntl(pipes->fd[PIPE_OUT][WRITE_END], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int err = fcntl(pipes->fd[PIPE_ERR][WRITE_END], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int fail = fcntl(pipes->fd[PIPE_FAILURE][WRITE_END], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fail >= 0) {
        *out_failure_fd = fail;
    }
    return in >= 0 && out >= 0 && err >= 0 && fail >= 0 && dup2(in, STDIN_FILENO) >= 0 &&
           dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0;
}

/* Like execvpe, but without its shell for files that the kernel does not know how to run. Returns
 * the errno. */
static int exec_first(const struct command *command) {
    int error = ENOENT;
    for (char **file = command->files; *file != NULL; file++) {
        (void)execve(*file, command->argv, command->envp);
        if (errno == EACCES) {
            error = EACCES;
        } else if (errno != ENOENT && errno != ENOTDIR) {
            return errno;
        }
    }
    return error;
}

static struct failure become_program(const struct command *command,
                                     const struct rlimit *descriptors, struct pipes *pipes,
                                     pid_t parent, int *out_failure_fd) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return (struct failure){STAGE_SETUP, errno};
    }
    if (getppid() != parent) { /* it died before the prctl: nobody would kill us any more */
        return (struct failure){STAGE_SETUP, ESRCH};
    }
    if (setpgid(0, 0) != 0 || !place_descriptors(pipes, out_failure_fd)) {
        return (struct failure){STAGE_SETUP, errno};
    }
    if (command->cwd != NULL && chdir(command->cwd) != 0) {
        return (struct failure){STAGE_CWD, errno};
    }
    close_others_on_exec();
    if (setrlimit(RLIMIT_NOFILE, descriptors) != 0) {
        return (struct failure){STAGE_SETUP, errno};
    }
    reset_signals();
    return (struct failure){STAGE_EXEC, exec_first(command)};
}

static void run_child(const struct command *command, const struct rlimit *descriptors,
                      struct pipes *pipes, pid_t parent) {
    int failure_fd = pipes->fd[PIPE_FAILURE][WRITE_END];
    struct failure failure = become_program(command, descriptors, pipes, parent, &failure_fd);
    (void)!write(failure_fd, &failure, sizeof failure);
    _exit(127);
}

static void explain_failure(const struct failure *failure, const struct command *command,
                            const char *backend, char *text, size_t text_size) {
    const char *name = command->argv[0];
    const char *reason = strerror(failure->error);
    bool is_path = strchr(name, '/') != NULL;
    if (failure->error == EMFILE || failure->error == ENFILE) {
        (void)snprintf(text, text_size,
                       "backend %s: no process could be made, no descriptors are left: %s", backend,
                       reason);
    } else if (failure->stage == STAGE_SETUP) {
        (void)snprintf(text, text_size, "backend %s: no process could be made: %s", backend,
                       reason);
    } else if (failure->stage == STAGE_CWD) {
        (void)snprintf(text, text_size, "backend %s: cannot enter its cwd \"%s\": %s", backend,
                       command->cwd, reason);
    } else if (failure->error == ENOENT || failure->error == ENOTDIR) {
        (void)snprintf(text, text_size, "backend %s: command \"%s\" %s", backend, name,
                       is_path ? "does not exist (or the interpreter that its first line names)"
                               : "was not found in PATH");
    } else if (failure->error == EACCES) {
        (void)snprintf(
            text, text_size,
            "backend %s: command \"%s\" is not executable (or a directory on its way may "
            "not be entered)",
            backend, name);
    } else if (failure->error == ENOEXEC) {
        (void)snprintf(text, text_size,
                       "backend %s: command \"%s\" is not a program: a script needs a first line "
                       "such as #!/bin/sh",
                       backend, name);
    } else {
        (void)snprintf(text, text_size, "backend %s: command \"%s\" cannot be run: %s", backend,
                       name, reason);
    }
}

static ssize_t read_failure(int fd, struct failure *out_failure) {
    ssize_t got;
    do {
        got = read(fd, out_failure, sizeof *out_failure);
    } while (got < 0 && errno == EINTR);
    return got;
}

static void wait_for(pid_t pid) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static int take_end(int *fd) {
    int taken = *fd;
    *fd = -1;
    (void)fcntl(taken, F_SETFL, O_NONBLOCK);
    return taken;
}

int32_t spawn_child(const struct command *command, const struct rlimit *descriptors,
                    const char *backend, struct child *out_child, char *text, size_t text_size) {
    struct pipes pipes;
    struct failure failure = {STAGE_SETUP, 0};
    if (!open_pipes(&pipes)) {
        failure.error = errno;
        explain_failure(&failure, command, backend, text, text_size);
        return TRUNK_UNAVAILABLE;
    }
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork)
    if (pid == 0) {
        run_child(command, descriptors, &pipes, parent); // NOLINT(clang-analyzer-unix.Vfork)
    }
    failure.error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        goto fail;
    }
    close_end(&pipes.fd[PIPE_IN][READ_END]);
    close_end(&pipes.fd[PIPE_OUT][WRITE_END]);
    close_end(&pipes.fd[PIPE_ERR][WRITE_END]);
    close_end(&pipes.fd[PIPE_FAILURE][WRITE_END]);
    if (read_failure(pipes.fd[PIPE_FAILURE][READ_END], &failure) > 0) {
        wait_for(pid);
        goto fail;
    }
    int exit_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (exit_fd < 0) {
        failure = (struct failure){STAGE_SETUP, errno};
        spawn_signal_group(pid, SIGKILL);
        wait_for(pid);
        goto fail;
    }
    *out_child = (struct child){.pid = pid,
                                .exit = exit_fd,
                                .in = take_end(&pipes.fd[PIPE_IN][WRITE_END]),
                                .out = take_end(&pipes.fd[PIPE_OUT][READ_END]),
                                .err = take_end(&pipes.fd[PIPE_ERR][READ_END])};
    close_pipes(&pipes);
    return TRUNK_OK;
fail:
    close_pipes(&pipes);
    explain_failure(&failure, command, backend, text, text_size);
    return TRUNK_UNAVAILABLE;
}

void spawn_signal_group(pid_t pid, int signal_number) {
    (void)kill(-pid, signal_number);
}

/* A dead child is not ours to reap while a debugger still holds it. */
static bool reap_now(const struct child *child, const char *backend, char *text, size_t text_size) {
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)child->exit, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
        (void)snprintf(text, text_size, "backend %s is gone",
                       backend); /* somebody else reaped it */
        return true;
    }
    if (info.si_pid == 0) {
        return false;
    }
    spawn_signal_group(child->pid, SIGKILL);
    (void)waitid(P_PIDFD, (id_t)child->exit, &info, WEXITED | WNOHANG);
    if (info.si_code == CLD_EXITED) {
        (void)snprintf(text, text_size, "backend %s exited with status %d", backend,
                       info.si_status);
    } else {
        const char *name = sigabbrev_np(info.si_status);
        (void)snprintf(text, text_size, "backend %s was killed by SIG%s", backend,
                       name ? name : "?");
    }
    return true;
}

bool spawn_reap(const struct child *child, int wait_ms, const char *backend, char *text,
                size_t text_size) {
    while (!reap_now(child, backend, text, text_size)) {
        if (wait_ms <= 0) {
            return false;
        }
        (void)poll(NULL, 0, REAP_PAUSE_MS);
        wait_ms -= REAP_PAUSE_MS;
    }
    return true;
}
