/* SPDX-License-Identifier: MIT
 * describe.c - loads a plugin in a child process, which writes what it finds to a pipe. */
#include "plugin/describe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/slice.h"
#include "base/status.h"
#include "plugin/params.h"

#define LIMIT_MS 10000
#define REFUSED_CODE 3 /* the child wrote a struct trunk_error */
#define SHOWN_NAME_LEN 60

typedef void (*write_plugin_fn)(const struct plugin *plugin, struct buffer *out);

/* A child that loads one plugin. */
struct child {
    pid_t pid;
    int pidfd;
    int pipe; /* what it writes */
    struct clock clock;
    uint64_t deadline_ms;
};

static uint32_t caps_of(const struct plugin *plugin) {
    return plugin->desc.kind == TRUNK_KIND_STORAGE ? plugin->ops.storage.caps
                                                   : plugin->ops.factory.caps;
}

static void write_caps(uint32_t caps, struct buffer *out) {
    static const char *const names[32] = {
        [0] = "PERSISTENT", [1] = "SHARED",    [2] = "LOG",
        [3] = "RESTORE",    [16] = "BLOCKING", [17] = "PARALLEL",
    };
    if (caps == 0) {
        buffer_append_cstr(out, "none");
    }
    const char *separator = "";
    for (unsigned bit = 0; bit < 32; bit++) {
        if (!(caps & (1u << bit))) {
            continue;
        }
        if (names[bit] != NULL) {
            buffer_printf(out, "%s%s", separator, names[bit]);
        } else {
            buffer_printf(out, "%sbit-%u", separator, bit);
        }
        separator = ",";
    }
}

static void write_line(const struct plugin *plugin, struct buffer *out) {
    const struct trunk_plugin *desc = &plugin->desc;
    buffer_printf(out, "%-8s %-16s %-10s ABI %u.%u  ", plugin_kind_name(desc->kind), desc->name,
                  desc->version, desc->abi_major, desc->abi_minor);
    write_caps(caps_of(plugin), out);
    buffer_printf(out, "  %s\n", plugin->path);
}

static void write_param(const struct trunk_param_spec *spec, struct buffer *out) {
    buffer_printf(out, "  %-14s %s", spec->key, params_type_name(spec->type));
    if (spec->flags & TRUNK_PARAM_BACKEND) {
        buffer_append_cstr(out, ", of a backend");
    }
    if (spec->flags & TRUNK_PARAM_REQUIRED) {
        buffer_append_cstr(out, ", required");
    } else if (spec->fallback != NULL && !(spec->flags & TRUNK_PARAM_SECRET)) {
        buffer_printf(out, ", default \"%s\"", spec->fallback);
    }
    if (spec->flags & TRUNK_PARAM_SECRET) {
        buffer_append_cstr(out, ", secret");
    }
    if (spec->help != NULL && *spec->help != '\0') {
        buffer_printf(out, ": %s", spec->help);
    }
    buffer_append_cstr(out, "\n");
}

static void write_full(const struct plugin *plugin, struct buffer *out) {
    const struct trunk_plugin *desc = &plugin->desc;
    buffer_printf(out, "kind          %s\n", plugin_kind_name(desc->kind));
    buffer_printf(out, "name          %s\n", desc->name);
    buffer_printf(out, "version       %s\n", desc->version);
    buffer_printf(out, "ABI           %u.%u, needs a host of %u.%u\n", desc->abi_major,
                  desc->abi_minor, desc->abi_major, desc->min_host_minor);
    buffer_append_cstr(out, "capabilities  ");
    write_caps(caps_of(plugin), out);
    buffer_printf(out, "\nsummary       %s\n", desc->summary);
    if (desc->params == NULL || desc->params->key == NULL) {
        buffer_append_cstr(out, "parameters    none\n");
        return;
    }
    buffer_append_cstr(out, "parameters\n");
    for (const struct trunk_param_spec *spec = desc->params; spec->key != NULL; spec++) {
        write_param(spec, out);
    }
}

static void write_all(int fd, const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t written = write(fd, at, len);
        if (written < 0 && errno != EINTR) {
            return; /* the parent is gone */
        }
        if (written > 0) {
            at += written;
            len -= (size_t)written;
        }
    }
}

/* What the parent does on a signal, or blocks, is nothing for the child: a crash is to end it. */
static void reset_signals(void) {
    sigset_t none;
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL); /* refused for some, which are at it anyway */
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child: never returns, and runs no exit handler of the parent. */
_Noreturn static void run_child(const char *path, write_plugin_fn write_plugin, int out) {
    const struct plugin *plugin = NULL;
    struct trunk_error error = {0};
    struct buffer text = {0};
    reset_signals();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(STDERR_FILENO, STDOUT_FILENO); /* what a constructor prints is no part of the text */
    struct loader *loader = loader_new(NULL, NULL, 0, NULL);
    if (loader_load(loader, LOADER_ANY_KIND, path, &plugin, &error) != TRUNK_OK) {
        write_all(out, &error, sizeof error);
        _exit(REFUSED_CODE);
    }
    write_plugin(plugin, &text);
    write_all(out, text.data, text.len);
    _exit(EXIT_SUCCESS);
}

static int32_t start_child(struct child *child, const char *path, write_plugin_fn write_plugin,
                           struct trunk_error *error) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_set(error, TRUNK_UNAVAILABLE, "", "no pipe to be had: %s",
                         strerrordesc_np(errno));
    }
    (void)fflush(NULL); /* or a constructor that calls exit would write it once more */
    child->pid = fork();
    if (child->pid == 0) {
        run_child(path, write_plugin, ends[1]);
    }
    int reason = errno;
    (void)close(ends[1]);
    if (child->pid < 0) {
        (void)close(ends[0]);
        return error_set(error, TRUNK_UNAVAILABLE, "", "no process to be had: %s",
                         strerrordesc_np(reason));
    }
    child->pipe = ends[0];
    child->pidfd = pidfd_open(child->pid, 0);
    return TRUNK_OK;
}

/* Waits until fd is readable or has come to its end. false: the time is over. */
static bool wait_readable(const struct child *child, int fd) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    for (;;) {
        uint64_t now_ms = clock_mono_ms(&child->clock);
        if (now_ms >= child->deadline_ms) {
            return false;
        }
        int count = poll(&poll_fd, 1, (int)(child->deadline_ms - now_ms));
        if (count > 0) {
            return true;
        }
    }
}

/* All that the child writes. false: the time was over before the end of it. */
static bool read_child(const struct child *child, struct buffer *text) {
    for (;;) {
        char part[4096];
        if (!wait_readable(child, child->pipe)) {
            return false;
        }
        ssize_t len = read(child->pipe, part, sizeof part);
        if (len == 0) {
            return true;
        }
        if (len > 0) {
            buffer_append(text, part, (size_t)len);
        }
    }
}

/* The child's wait status; it is killed first when it has had its time. */
static int end_child(const struct child *child, bool is_late) {
    int status = 0;
    if (is_late) {
        (void)kill(child->pid, SIGKILL);
    }
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    (void)close(child->pipe);
    if (child->pidfd >= 0) {
        (void)close(child->pidfd);
    }
    return status;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static int32_t judge(const char *path, int status, const struct buffer *text,
                     struct trunk_error *error) {
    const char *name = base_name(path);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS && text->len > 0) {
        return TRUNK_OK;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED_CODE && text->len == sizeof *error) {
        struct trunk_error refusal;
        memcpy(&refusal, text->data, sizeof refusal);
        return error_set(error, refusal.status, refusal.key, "%s", refusal.text);
    }
    if (WIFSIGNALED(status)) {
        return error_set(error, TRUNK_INTERNAL, "driver",
                         "%.*s crashed while it was loaded (SIG%s); mend its constructors, or "
                         "remove it",
                         SHOWN_NAME_LEN, name, sigabbrev_np(WTERMSIG(status)));
    }
    return error_set(error, TRUNK_INTERNAL, "driver",
                     "%.*s crashed or ended the process while it was loaded (exit code %d); mend "
                     "its constructors, or remove it",
                     SHOWN_NAME_LEN, name, WEXITSTATUS(status));
}

static int32_t describe(const char *path, uint64_t limit_ms, write_plugin_fn write_plugin,
                        FILE *out, struct trunk_error *error) {
    struct child child = {0};
    struct buffer text = {0};
    clock_init(&child.clock);
    child.deadline_ms = clock_mono_ms(&child.clock) + limit_ms;
    int32_t status = start_child(&child, path, write_plugin, error);
    if (status != TRUNK_OK) {
        return status;
    }
    bool is_late =
        !read_child(&child, &text) || (child.pidfd >= 0 && !wait_readable(&child, child.pidfd));
    int child_status = end_child(&child, is_late);
    if (is_late) {
        status = error_set(error, TRUNK_TIMEOUT, "driver",
                           "%.*s did not load within %llu ms and was stopped; mend its "
                           "constructors, or remove it",
                           SHOWN_NAME_LEN, base_name(path), (unsigned long long)limit_ms);
    } else {
        status = judge(path, child_status, &text, error);
    }
    if (status == TRUNK_OK && out != NULL) {
        (void)fwrite(text.data, 1, text.len, out);
    }
    buffer_free(&text);
    return status;
}

int32_t describe_file_within(const char *path, uint64_t limit_ms, FILE *out,
                             struct trunk_error *error) {
    char *directory = *path == '/' ? NULL : getcwd(NULL, 0);
    char *absolute = directory == NULL ? xstrdup(path) : xasprintf("%s/%s", directory, path);
    int32_t status = describe(absolute, limit_ms, write_full, out, error);
    free(absolute);
    free(directory);
    return status;
}

int32_t describe_file(const char *path, FILE *out, struct trunk_error *error) {
    return describe_file_within(path, LIMIT_MS, out, error);
}

/* Something: a child that writes nothing was ended by the plugin. */
static void write_mark(const struct plugin *plugin, struct buffer *out) {
    (void)plugin;
    buffer_append_cstr(out, "loads");
}

int32_t describe_try(const char *path, struct trunk_error *error) {
    return describe(path, LIMIT_MS, write_mark, NULL, error);
}

struct describing {
    FILE *out;
    size_t refused;
};

static void describe_listed(void *ctx, const char *path) {
    struct describing *describing = ctx;
    struct trunk_error error = {0};
    if (describe(path, LIMIT_MS, write_line, describing->out, &error) != TRUNK_OK) {
        describing->refused++;
        (void)fprintf(describing->out, "refused  %s\n", error.text);
    }
}

size_t describe_all(struct loader *loader, FILE *out) {
    struct describing describing = {.out = out};
    loader_list(loader, describe_listed, &describing);
    return describing.refused;
}
