/* SPDX-License-Identifier: MIT
 * rig.c - the driver, a host and the legs of one test. */
#include "rig.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_PARAMS = 16, GONE_MS = 20000 };

static const struct trunk_plugin *load_plugin(void) {
    void *handle = dlopen(TEST_DRIVER, RTLD_NOW | RTLD_LOCAL);
    return handle != NULL ? dlsym(handle, "trunk_plugin_v0") : NULL;
}

int rig_load(void **state) {
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    return load_plugin() == NULL;
}

const struct trunk_plugin *rig_plugin(void) {
    const struct trunk_plugin *plugin = load_plugin();
    assert_non_null(plugin);
    return plugin;
}

size_t count_descriptors(void) {
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

void rig_open(struct rig *rig, const char *stop_wait) {
    *rig = (struct rig){.host = loop_host_new(), .ops = rig_plugin()->ops};
    rig->descriptors = count_descriptors();
    struct trunk_param params[] = {{"stop_wait", stop_wait}};
    struct trunk_error error = {0};
    assert_int_equal(rig->ops->check(params, 1, &error), TRUNK_OK);
    assert_int_equal(rig->ops->open(loop_host_table(rig->host), params, 1, &rig->self, &error),
                     TRUNK_OK);
}

void rig_close(struct rig *rig) {
    rig->ops->close(rig->self);
    loop_host_free(rig->host);
    assert_int_equal(count_descriptors(), rig->descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* --- the sink --- */

static int32_t on_message(void *ctx, const struct trunk_message *message) {
    struct peer *peer = ctx;
    assert_false(peer->is_closed);
    assert_false(peer->must_be_silent);
    assert_int_equal(message->struct_size, sizeof *message);
    assert_int_equal(message->number, 0);
    assert_int_equal(message->position.len, 0);
    if (peer->nmessages < MAX_MESSAGES) {
        char *copy = strndup(message->json.data, message->json.len);
        assert_non_null(copy);
        peer->messages[peer->nmessages] = copy;
    }
    peer->nmessages++;
    peer->bytes += message->json.len;
    peer->last_when = loop_host_stamp(peer->rig->host);
    return 0;
}

static void on_changed(void *ctx) {
    (void)ctx;
    fail_msg("a driver without snapshots says that its snapshot changed");
}

static void on_closed(void *ctx, int32_t status, const char *message) {
    struct peer *peer = ctx;
    assert_false(peer->is_closed);
    assert_false(peer->must_be_silent);
    peer->is_closed = true;
    peer->closed_status = status;
    peer->closed_when = loop_host_stamp(peer->rig->host);
    (void)snprintf(peer->closed_text, sizeof peer->closed_text, "%s", message);
}

/* --- the calls --- */

int32_t peer_make(struct peer *peer, struct rig *rig, const char *const *params) {
    uint64_t max_message = peer->max_message;
    *peer = (struct peer){.rig = rig, .max_message = max_message};
    peer->sink = (struct trunk_sink){.struct_size = sizeof peer->sink,
                                     .ctx = peer,
                                     .on_message = on_message,
                                     .on_changed = on_changed,
                                     .on_closed = on_closed};
    struct trunk_param list[MAX_PARAMS];
    size_t count = 0;
    for (; params[count * 2] != NULL; count++) {
        assert_in_range(count, 0, MAX_PARAMS - 1);
        list[count] = (struct trunk_param){params[count * 2], params[count * 2 + 1]};
    }
    assert_int_equal(rig->ops->check_backend(list, count, NULL), TRUNK_OK);
    struct trunk_make make = {.struct_size = sizeof make,
                              .session_id = "s1",
                              .backend = "b1",
                              .params = list,
                              .nparams = count,
                              .sink = &peer->sink,
                              .max_message = max_message};
    trunk_op op = loop_host_begin(rig->host);
    rig->ops->make(rig->self, &make, op);
    assert_true(loop_host_wait_op(rig->host, op));
    const struct op_result *result = loop_host_result(rig->host, op);
    assert_true((result->status == TRUNK_OK) == (result->leg != NULL));
    peer->leg = result->leg;
    (void)snprintf(peer->make_text, sizeof peer->make_text, "%s", result->message);
    return result->status;
}

void peer_make_script(struct peer *peer, struct rig *rig, const char *script) {
    const char *params[] = {"command", "/bin/sh", "args", "-c", "args", script, NULL};
    assert_int_equal(peer_make(peer, rig, params), TRUNK_OK);
}

void peer_make_child(struct peer *peer, struct rig *rig, const char *mode, const char *argument) {
    const char *params[] = {"command", TEST_CHILD, "args", mode, argument ? "args" : NULL,
                            argument,  NULL};
    assert_int_equal(peer_make(peer, rig, params), TRUNK_OK);
}

trunk_op peer_begin_request(struct peer *peer, const char *json, size_t len) {
    struct trunk_request request = {
        .struct_size = sizeof request, .number = 1, .json = {json, len}};
    trunk_op op = loop_host_begin(peer->rig->host);
    peer->rig->ops->request(peer->leg, &request, op);
    return op;
}

int32_t peer_request(struct peer *peer, const char *json) {
    trunk_op op = peer_begin_request(peer, json, strlen(json));
    assert_true(loop_host_wait_op(peer->rig->host, op));
    return loop_host_result(peer->rig->host, op)->status;
}

struct want {
    struct peer *peer;
    size_t count;
};

static bool has_messages(void *ctx) {
    const struct want *want = ctx;
    return want->peer->nmessages >= want->count;
}

void peer_wait_messages(struct peer *peer, size_t count) {
    struct want want = {peer, count};
    assert_true(loop_host_wait(peer->rig->host, has_messages, &want));
}

static bool has_closed(void *ctx) {
    const struct peer *peer = ctx;
    return peer->is_closed;
}

void peer_wait_closed(struct peer *peer) {
    assert_true(loop_host_wait(peer->rig->host, has_closed, peer));
}

trunk_op peer_begin_finish(struct peer *peer, uint64_t deadline_ms) {
    struct trunk_finish finish = {.struct_size = sizeof finish, .deadline_ms = deadline_ms};
    trunk_op op = loop_host_begin(peer->rig->host);
    peer->rig->ops->finish(peer->leg, &finish, op);
    return op;
}

void peer_finish(struct peer *peer) {
    trunk_op op = peer_begin_finish(peer, 0);
    assert_true(loop_host_wait_op(peer->rig->host, op));
    assert_int_equal(loop_host_result(peer->rig->host, op)->status, TRUNK_OK);
    peer_end(peer);
}

void peer_end(struct peer *peer) {
    peer->must_be_silent = true;
    for (size_t i = 0; i < MAX_MESSAGES; i++) {
        free(peer->messages[i]);
        peer->messages[i] = NULL;
    }
}

/* --- looking at processes --- */

long message_number(const char *json, const char *key) {
    const char *at = strstr(json, key);
    assert_non_null(at);
    return strtol(at + strlen(key) + 2, NULL, 10);
}

bool is_process_gone(long pid) {
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd < 0) {
        return errno == ESRCH;
    }
    struct pollfd gone = {.fd = fd, .events = POLLIN};
    int ready = poll(&gone, 1, GONE_MS);
    (void)close(fd);
    return ready == 1;
}
