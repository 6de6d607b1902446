/* SPDX-License-Identifier: MIT
 * stdio_child.c - a child process for the tests of the stdio driver: stdio_child MODE [ARGUMENT].
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_for_stdin_to_close(void) {
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

static void print_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;
    (void)fputs("{\"fds\":\"", stdout);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && strtol(entry->d_name, NULL, 10) != dirfd(dir)) {
            (void)printf("%s ", entry->d_name);
        }
    }
    (void)puts("\"}");
}

static void print_signals(void) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "SigBlk:", 7) == 0 || strncmp(line, "SigIgn:", 7) == 0) {
            line[strcspn(line, "\n")] = '\0';
            line[7] = ' ';
            (void)printf("{\"line\":\"%s\"}\n", line);
        }
    }
}

static void write_bytes(const char *text, size_t count) {
    for (size_t i = 0; i < count; i++) {
        (void)!write(STDOUT_FILENO, &text[i], 1);
    }
}

static void ignore_signal(int number) {
    struct sigaction action = {.sa_handler = SIG_IGN};
    (void)sigaction(number, &action, NULL);
}

/* A child in the same group that would live for ever; it holds stdout and stderr too. */
static void fork_straggler(void) {
    pid_t pid = fork();
    if (pid == 0) {
        ignore_signal(SIGTERM);
        for (;;) {
            (void)pause();
        }
    }
    (void)printf("{\"pid\": %d}\n", (int)pid);
}

/* A debugger, out of our group, that holds us for a while after our death. */
static int die_under_debugger(void) {
    int ready[2];
    char seized = '0';
    pid_t self = getpid();
    if (pipe2(ready, O_CLOEXEC) != 0) {
        return 1;
    }
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* a kernel without Yama does not know it */
    if (fork() == 0) {
        struct pollfd death = {.fd = (int)syscall(SYS_pidfd_open, self, 0), .events = POLLIN};
        (void)setsid();
        seized = ptrace(PTRACE_SEIZE, self, NULL, NULL) == 0 ? '1' : '0';
        (void)!write(ready[1], &seized, 1);
        (void)poll(&death, 1, 10000);
        (void)poll(NULL, 0, 300);
        _exit(0);
    }
    (void)!read(ready[0], &seized, 1);
    (void)printf("{\"seized\": %c}\n", seized);
    (void)fflush(stdout);
    _exit(3);
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    const char *argument = argc > 2 ? argv[2] : "";
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(mode, "descriptors") == 0) {
        print_descriptors();
    } else if (strcmp(mode, "signals") == 0) {
        print_signals();
    } else if (strcmp(mode, "group") == 0) {
        (void)printf("{\"pid\": %d, \"group\": %d}\n", (int)getpid(), (int)getpgrp());
    } else if (strcmp(mode, "bytes") == 0) { /* one write for each byte */
        write_bytes(argument, strlen(argument));
        write_bytes("\n", 1);
    } else if (strcmp(mode, "forever") ==
               0) { /* does not care for its stdin; "term": nor for SIGTERM */
        if (strcmp(argument, "term") == 0) {
            ignore_signal(SIGTERM);
        }
        (void)printf("{\"pid\": %d}\n", (int)getpid());
        for (;;) {
            (void)pause();
        }
    } else if (strcmp(mode, "straggler") == 0) {
        fork_straggler();
        if (strcmp(argument, "crash") == 0) {
            (void)kill(getpid(), SIGKILL);
        }
    } else if (strcmp(mode, "traced") == 0) {
        return die_under_debugger();
    } else if (strcmp(mode, "farewell") == 0) { /* more than a pipe holds, once stdin is closed */
        wait_for_stdin_to_close();
        for (int i = 0; i < 1024 * 1024; i++) {
            (void)putchar(i % 1024 == 1023 ? '\n' : 'x');
        }
        return 0;
    }
    wait_for_stdin_to_close();
    return 0;
}
