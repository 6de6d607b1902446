/* SPDX-License-Identifier: MIT
 * run.c - a case's process writes to a file in memory, from which its failure is read: the first
 * line that begins with "fault: " or "failed: ". */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit_leg.h"
#include "peer.h"
#include "plugin/loader.h"

enum { FAILED_CODE = 1 };
#define FAULT_MARK "fault: "
#define FAILED_MARK "failed: "

void kit_fail(const char *file, int line, const char *format, ...) {
    char text[512];
    const char *slash = strrchr(file, '/');
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fprintf(stderr, FAILED_MARK "%s (%s:%d)\n", text, slash != NULL ? slash + 1 : file, line);
    _exit(FAILED_CODE);
}

/* What the process does; its code. */
typedef int (*child_fn)(const struct run_subject *subject, const void *what, void *shared);

/* In the child: stdout and stderr go to the file; a group of its own, so that nothing is left. */
_Noreturn static void run_child(const struct run_subject *subject, child_fn fn, const void *what,
                                void *shared, int output, pid_t parent) {
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(FAILED_CODE);
    }
    (void)dup2(output, STDOUT_FILENO);
    (void)dup2(output, STDERR_FILENO);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    exit(fn(subject, what, shared)); /* not _exit: a leak checker looks at exit */
}

static void read_output(int file, struct run_failure *failure) {
    char whole[65536];
    ssize_t len = pread(file, whole, sizeof whole - 1, 0);
    whole[len > 0 ? len : 0] = '\0';
    size_t total = strlen(whole);
    size_t kept = total < sizeof failure->output ? total : sizeof failure->output - 1;
    memcpy(failure->output, whole + total - kept, kept);
    failure->output[kept] = '\0';
    for (char *rest = whole, *line = NULL; (line = strsep(&rest, "\n")) != NULL;) {
        if (strncmp(line, FAILED_MARK, strlen(FAILED_MARK)) == 0) {
            (void)snprintf(failure->text, sizeof failure->text, "%s", line + strlen(FAILED_MARK));
            return;
        }
        if (strncmp(line, FAULT_MARK, strlen(FAULT_MARK)) == 0) {
            char *bar = strstr(line, " | ");
            if (bar != NULL) {
                *bar = '\0';
                (void)snprintf(failure->sentence, sizeof failure->sentence, "%s",
                               line + strlen(FAULT_MARK));
                (void)snprintf(failure->text, sizeof failure->text, "%s", bar + strlen(" | "));
                return;
            }
        }
    }
}

static void tell_end(int status, bool is_late, unsigned limit_s, struct run_failure *failure) {
    if (is_late) {
        (void)snprintf(failure->text, sizeof failure->text,
                       "did not end within %u s: a call of the driver does not return", limit_s);
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(failure->text, sizeof failure->text,
                       "the process was ended by signal %d: %s", WTERMSIG(status),
                       sigdescr_np(WTERMSIG(status)));
    } else {
        (void)snprintf(failure->text, sizeof failure->text, "the process ended with code %d",
                       WEXITSTATUS(status));
    }
}

/* failure->sentence is the caller's, unless a fault names another. */
static enum run_result run(const struct run_subject *subject, child_fn fn, const void *what,
                           void *shared, struct run_failure *failure) {
    int status = 0;
    pid_t parent = getpid();
    int output = memfd_create("output", MFD_CLOEXEC);
    (void)fflush(stdout);
    pid_t pid = output < 0 ? -1 : fork();
    if (pid == 0) {
        run_child(subject, fn, what, shared, output, parent);
    }
    int pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
    if (pidfd < 0) {
        perror("trunkd-plugin-check: no process for a case");
        exit(2);
    }
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    bool is_late = poll(&end, 1, (int)subject->limit_s * 1000) == 0;
    if (is_late) {
        (void)kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    (void)kill(-pid, SIGKILL); /* what it has left */
    bool is_good = !is_late && status == 0;
    if (!is_good) {
        tell_end(status, is_late, subject->limit_s, failure);
        read_output(output, failure);
    }
    (void)close(pidfd);
    (void)close(output);
    return is_good ? RUN_PASSED : RUN_FAILED;
}

/* url: of a peer over HTTP; NULL: there is none. */
static bool load(struct kit_driver *driver, const struct run_subject *subject, const char *url) {
    const struct kit_peer peer = {.command = subject->peer, .url = url};
    return kit_driver_load_with_peer(driver, subject->path, subject->pairs, subject->npairs, &peer);
}

/* --- the probe --- */

/* Stands for a peer that is not there yet; nothing connects to it. */
#define SOME_URL "http://127.0.0.1/mcp"

static void write_caps(const struct kit_driver *driver, char *out, size_t size) {
    static const struct {
        uint32_t bit;
        const char *name;
    } caps[] = {{TRUNK_CAP_PERSISTENT, "PERSISTENT"},
                {TRUNK_CAP_SHARED, "SHARED"},
                {TRUNK_CAP_LOG, "LOG"},
                {TRUNK_CAP_RESTORE, "RESTORE"},
                {TRUNK_CAP_BLOCKING, "BLOCKING"},
                {TRUNK_CAP_PARALLEL, "PARALLEL"}};
    size_t len = (size_t)snprintf(out, size, "none");
    const char *separator = "";
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        if (kit_driver_has(driver, caps[i].bit)) {
            len = *separator == '\0' ? 0 : len;
            len += (size_t)snprintf(out + len, size - len, "%s%s", separator, caps[i].name);
            separator = ", ";
        }
    }
}

static bool has_key(const struct param_list *list, const char *key) {
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t find_needs(const struct kit_driver *driver) {
    uint32_t needs = 0;
    if (driver->plugin->kind == TRUNK_KIND_STORAGE) {
        needs |= kit_driver_has(driver, TRUNK_CAP_LOG) ? KIT_NEEDS_LOG : 0;
        needs |= kit_driver_has(driver, TRUNK_CAP_PERSISTENT) ? KIT_NEEDS_PERSISTENT : 0;
        needs |= kit_driver_has(driver, TRUNK_CAP_SHARED) ? KIT_NEEDS_SHARED : 0;
        needs |= kit_driver_has(driver, TRUNK_CAP_PARALLEL) ? KIT_NEEDS_PARALLEL : 0;
        needs |= driver->ops.begin != NULL ? KIT_NEEDS_BRACKET : 0;
        needs |= driver->ops.cancel != NULL ? KIT_NEEDS_CANCEL : 0;
    } else {
        bool has_command = has_key(&driver->backend, "command");
        needs |= kit_driver_has(driver, TRUNK_CAP_RESTORE) ? KIT_NEEDS_RESTORE : 0;
        needs |= driver->factory.pause != NULL ? KIT_NEEDS_PAUSE : 0;
        needs |= has_command || has_key(&driver->backend, "url") ? KIT_NEEDS_PEER : 0;
        needs |= has_command ? KIT_NEEDS_COMMAND : 0;
        needs |= driver->has_http_peer ? KIT_NEEDS_HTTP_PEER : 0;
    }
    return needs;
}

static int probe(const struct run_subject *subject, const void *what, void *shared) {
    struct run_probe *out = shared;
    struct kit_driver driver;
    (void)what;
    if (!load(&driver, subject, SOME_URL)) {
        return FAILED_CODE;
    }
    out->kind = driver.plugin->kind;
    out->needs = find_needs(&driver);
    out->abi_major = driver.plugin->abi_major;
    out->abi_minor = driver.plugin->abi_minor;
    write_caps(&driver, out->caps, sizeof out->caps);
    (void)snprintf(out->name, sizeof out->name, "%s", driver.plugin->name);
    (void)snprintf(out->version, sizeof out->version, "%s", driver.plugin->version);
    (void)snprintf(out->summary, sizeof out->summary, "%s", driver.plugin->summary);
    kit_driver_free(&driver);
    return 0;
}

enum run_result run_probe(const struct run_subject *subject, struct run_probe *out_probe,
                          struct run_failure *out_failure) {
    struct run_probe *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("trunkd-plugin-check");
        exit(2);
    }
    *out_failure = (struct run_failure){0};
    enum run_result result = run(subject, probe, NULL, shared, out_failure);
    *out_probe = *shared;
    (void)munmap(shared, sizeof *shared);
    return result;
}

/* --- a case --- */

static int run_storage_case(struct kit *kit, const struct kit_case *what) {
    if ((what->needs & KIT_OPENS_ITSELF) == 0) {
        kit->store = kit_store_open(kit->driver);
        if (kit->store == NULL || !kit_store_empty(kit->store)) {
            KIT_FAIL("the store cannot be opened and emptied");
        }
    }
    what->run(kit);
    size_t nfaults = kit->store == NULL ? 0 : kit_store_close(kit->store);
    return nfaults == 0 ? 0 : FAILED_CODE;
}

static int run_factory_case(struct kit *kit, const struct kit_case *what) {
    if ((what->needs & KIT_OPENS_ITSELF) == 0) {
        kit->factory = kit_factory_open(kit->driver);
    }
    what->run(kit);
    size_t nfaults = kit->factory == NULL ? 0 : kit_factory_close(kit->factory);
    return nfaults == 0 ? 0 : FAILED_CODE;
}

static int begin_case(const struct run_subject *subject, const void *what, void *shared) {
    const struct peer *peer = shared;
    struct kit_driver driver;
    struct kit kit = {.driver = &driver, .peer = peer != NULL ? peer->pid : 0};
    if (!load(&driver, subject, peer != NULL ? peer->url : NULL)) {
        return FAILED_CODE;
    }
    int code = driver.plugin->kind == TRUNK_KIND_FACTORY ? run_factory_case(&kit, what)
                                                         : run_storage_case(&kit, what);
    kit_driver_free(&driver);
    return code;
}

enum run_result run_case(const struct run_subject *subject, const struct kit_case *what,
                         struct run_failure *out_failure) {
    *out_failure = (struct run_failure){0};
    (void)snprintf(out_failure->sentence, sizeof out_failure->sentence, "%s", what->sentence);
    if (!subject->has_http_peer) {
        return run(subject, begin_case, what, NULL, out_failure);
    }
    struct peer peer;
    if (!peer_start(&peer, subject->peer, subject->limit_s)) {
        exit(2);
    }
    enum run_result result = run(subject, begin_case, what, &peer, out_failure);
    peer_end(&peer);
    return result;
}
