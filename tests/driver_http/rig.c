/* SPDX-License-Identifier: MIT
 * rig.c - the driver, a host, a server and the legs of one test. */
#include "rig.h"

#include <dirent.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_PARAMS = 16 };

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

static size_t count_descriptors(void) {
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

static size_t list_params(struct trunk_param *list, const char *const *params) {
    size_t count = 0;
    for (; params[count * 2] != NULL; count++) {
        assert_in_range(count, 0, MAX_PARAMS - 1);
        list[count] = (struct trunk_param){params[count * 2], params[count * 2 + 1]};
    }
    return count;
}

void rig_open_with(struct rig *rig, const char *const *params) {
    struct trunk_param list[MAX_PARAMS];
    size_t count = list_params(list, params);
    struct trunk_error error = {0};
    *rig = (struct rig){.host = loop_host_new(), .ops = rig_plugin()->ops};
    rig->descriptors = count_descriptors();
    server_open(&rig->server, rig->host);
    assert_int_equal(rig->ops->check(list, count, &error), TRUNK_OK);
    assert_int_equal(rig->ops->open(loop_host_table(rig->host), list, count, &rig->self, &error),
                     TRUNK_OK);
}

void rig_open(struct rig *rig) {
    static const char *const none[] = {NULL};
    rig_open_with(rig, none);
}

void rig_close(struct rig *rig) {
    rig->ops->close(rig->self);
    server_close(&rig->server);
    loop_host_free(rig->host);
    assert_int_equal(count_descriptors(), rig->descriptors);
}

/* --- the sink --- */

static bool is_answer(const char *json, uint64_t number) {
    char id[32];
    (void)snprintf(id, sizeof id, "\"id\":%llu,", (unsigned long long)number);
    return strstr(json, id) != NULL &&
           (strstr(json, "\"result\"") != NULL || strstr(json, "\"error\"") != NULL);
}

static int32_t on_message(void *ctx, const struct trunk_message *message) {
    struct peer *peer = ctx;
    assert_false(peer->is_closed);
    assert_false(peer->must_be_silent);
    assert_int_equal(message->struct_size, sizeof *message);
    char *copy = strndup(message->json.data, message->json.len);
    assert_non_null(copy);
    bool is_last = message->number != 0 && is_answer(copy, message->number);
    if (peer->nmessages < MAX_MESSAGES) {
        struct got *got = &peer->messages[peer->nmessages];
        got->json = copy;
        got->number = message->number;
        (void)snprintf(got->position, sizeof got->position, "%.*s", (int)message->position.len,
                       message->position.len > 0 ? (const char *)message->position.data : "");
    } else {
        free(copy);
    }
    peer->nmessages++;
    return is_last;
}

static void on_changed(void *ctx) {
    struct peer *peer = ctx;
    assert_false(peer->is_closed);
    assert_false(peer->must_be_silent);
    peer->nchanged++;
}

static void on_closed(void *ctx, int32_t status, const char *message) {
    struct peer *peer = ctx;
    assert_false(peer->is_closed);
    assert_false(peer->must_be_silent);
    peer->is_closed = true;
    peer->closed_status = status;
    (void)snprintf(peer->closed_text, sizeof peer->closed_text, "%s", message);
}

/* --- the calls --- */

trunk_op peer_begin_make(struct peer *peer, struct rig *rig, const char *const *params,
                         const char *saved) {
    uint64_t max_message = peer->max_message;
    *peer = (struct peer){.rig = rig, .max_message = max_message};
    peer->sink = (struct trunk_sink){.struct_size = sizeof peer->sink,
                                     .ctx = peer,
                                     .on_message = on_message,
                                     .on_changed = on_changed,
                                     .on_closed = on_closed};
    struct trunk_param list[MAX_PARAMS + 1];
    size_t count = list_params(list, params);
    char url[64];
    if (count == 0 || strcmp(list[0].key, "url") != 0) {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/mcp", rig->server.port);
        list[count++] = (struct trunk_param){"url", url};
    }
    assert_int_equal(rig->ops->check_backend(list, count, NULL), TRUNK_OK);
    struct trunk_make make = {.struct_size = sizeof make,
                              .session_id = "s1",
                              .backend = "b1",
                              .params = list,
                              .nparams = count,
                              .sink = &peer->sink,
                              .max_message = max_message};
    if (saved != NULL) {
        make.saved = (struct trunk_slice){saved, strlen(saved)};
    }
    trunk_op op = loop_host_begin(rig->host);
    rig->ops->make(rig->self, &make, op);
    return op;
}

int32_t peer_end_make(struct peer *peer, trunk_op op) {
    assert_true(loop_host_wait_op(peer->rig->host, op));
    const struct op_result *result = loop_host_result(peer->rig->host, op);
    assert_true((result->status == TRUNK_OK) == (result->leg != NULL));
    peer->leg = result->leg;
    return result->status;
}

void peer_make(struct peer *peer, struct rig *rig) {
    static const char *const none[] = {NULL};
    assert_int_equal(peer_end_make(peer, peer_begin_make(peer, rig, none, NULL)), TRUNK_OK);
}

void peer_make_session(struct peer *peer, struct rig *rig, const char *session_id) {
    char field[128] = "";
    if (session_id != NULL) {
        (void)snprintf(field, sizeof field, "Mcp-Session-Id: %s\r\n", session_id);
    }
    peer_make(peer, rig);
    trunk_op op = peer_request(peer, 1);
    answer_json(server_expect(&rig->server, "POST", "/mcp"), field,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    (void)peer_expect(peer, op, TRUNK_OK);
    op = peer_send(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    answer(server_expect(&rig->server, "POST", "/mcp"), "202 Accepted", "", "");
    (void)peer_expect(peer, op, TRUNK_OK);
}

/* The inputs live until the op is completed, as the ABI says; here: until the test ends. */
static trunk_op issue(struct peer *peer, struct trunk_request request,
                      void (*fn)(void *leg, const struct trunk_request *request, trunk_op op)) {
    static const struct trunk_param version[] = {{"MCP-Protocol-Version", "2025-11-25"}};
    request.struct_size = sizeof request;
    if (request.number != 1) { /* that is initialize */
        request.headers = version;
        request.nheaders = 1;
    }
    trunk_op op = loop_host_begin(peer->rig->host);
    fn(peer->leg, &request, op);
    return op;
}

trunk_op peer_request_json(struct peer *peer, uint64_t number, const char *json) {
    return issue(peer, (struct trunk_request){.number = number, .json = {json, strlen(json)}},
                 peer->rig->ops->request);
}

trunk_op peer_request(struct peer *peer, uint64_t number) {
    static _Thread_local char texts[MAX_OPS][64];
    static _Thread_local size_t next;
    char *text = texts[next++ % MAX_OPS];
    (void)snprintf(text, sizeof texts[0], "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"x\"}",
                   (unsigned long long)number);
    return peer_request_json(peer, number, text);
}

trunk_op peer_resume(struct peer *peer, uint64_t number, const char *position) {
    return issue(peer,
                 (struct trunk_request){.number = number, .resume = {position, strlen(position)}},
                 peer->rig->ops->request);
}

trunk_op peer_send(struct peer *peer, const char *json) {
    return issue(peer, (struct trunk_request){.json = {json, strlen(json)}}, peer->rig->ops->send);
}

trunk_op peer_listen(struct peer *peer) {
    return issue(peer, (struct trunk_request){0}, peer->rig->ops->listen);
}

const char *peer_expect(struct peer *peer, trunk_op op, int32_t status) {
    assert_true(loop_host_wait_op(peer->rig->host, op));
    const struct op_result *result = loop_host_result(peer->rig->host, op);
    if (result->status != status) {
        print_error("status %d: %s\n", result->status, result->message);
    }
    assert_int_equal(result->status, status);
    return result->message;
}

bool peer_is_done(struct peer *peer, trunk_op op) {
    return loop_host_result(peer->rig->host, op)->is_done;
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

trunk_op peer_begin_finish(struct peer *peer, uint32_t keep, uint64_t deadline_ms) {
    struct trunk_finish finish = {
        .struct_size = sizeof finish, .keep = keep, .deadline_ms = deadline_ms};
    trunk_op op = loop_host_begin(peer->rig->host);
    peer->rig->ops->finish(peer->leg, &finish, op);
    return op;
}

void peer_end_finish_with(struct peer *peer, trunk_op op, int32_t status) {
    (void)peer_expect(peer, op, status);
    peer->must_be_silent = true;
    for (size_t i = 0; i < MAX_MESSAGES; i++) {
        free(peer->messages[i].json);
        peer->messages[i].json = NULL;
    }
}

void peer_end_finish(struct peer *peer, trunk_op op) {
    peer_end_finish_with(peer, op, TRUNK_OK);
}

void peer_finish(struct peer *peer) {
    peer_end_finish(peer, peer_begin_finish(peer, 1, 0));
}
