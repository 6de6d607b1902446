/* SPDX-License-Identifier: MIT
 * server.c - takes messages, answers them when they are due. */
#include "server.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "message.h"
#include "tools.h"

#define INVALID_PARAMS (-32602)
#define METHOD_NOT_FOUND (-32601)

struct request {
    void *stream;
    struct json_object *id;
    struct json_object *params; /* NULL: none */
};

/* A request that is answered later, or now if nothing delays it. */
struct pending {
    struct pending *next;
    void *stream;
    struct json_object *id;
    struct json_object *token; /* progressToken; NULL: none */
    struct tool_call call; /* of a request that is no tools/call only member, body and wait_ms */
    bool is_tool;
    bool is_initialize;
    uint64_t started_ms;
    uint64_t step; /* steps that were told */
};

struct server {
    const struct demo_options *options;
    const struct cue *cue;
    struct output output;
    struct tools *tools;
    struct clock clock;
    struct pending *pending; /* in order of arrival */
};

/* Takes *at out of the list. */
static void drop_pending(struct server *server, struct pending **at, bool was_cancelled) {
    struct pending *pending = *at;
    *at = pending->next;
    if (was_cancelled) {
        output_end(&server->output, pending->stream);
    }
    if (pending->is_tool) {
        tools_end(server->tools, was_cancelled);
    }
    json_object_put(pending->id);
    json_object_put(pending->token);
    json_object_put(pending->call.body);
    free(pending);
}

/* body is taken over. */
static struct pending *answer(struct server *server, const struct request *request,
                              const char *member, struct json_object *body) {
    struct pending *pending = xcalloc(1, sizeof *pending);
    struct pending **at = &server->pending;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = pending;
    pending->stream = request->stream;
    pending->id = json_object_get(request->id);
    pending->started_ms = clock_mono_ms(&server->clock);
    pending->call.member = member;
    pending->call.body = body;
    pending->call.wait_ms = server->options->delay_ms;
    return pending;
}

static void refuse(struct server *server, const struct request *request, int code,
                   const char *text) {
    struct json_object *error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_int(code));
    json_object_object_add(error, "message", json_object_new_string(text));
    (void)answer(server, request, "error", error);
}

/* The newest first. */
static const char *const versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

static const char *negotiate_version(const char *asked) {
    for (size_t i = 0; asked != NULL && i < sizeof versions / sizeof versions[0]; i++) {
        if (strcmp(versions[i], asked) == 0) {
            return versions[i];
        }
    }
    return versions[0];
}

bool server_knows_version(const char *version) {
    return strcmp(negotiate_version(version), version) == 0;
}

static void handle_initialize(struct server *server, const struct request *request) {
    const struct demo_options *options = server->options;
    struct json_object *result = json_object_new_object();
    struct json_object *info = json_object_new_object();
    json_object_object_add(info, "name", json_object_new_string(options->name));
    json_object_object_add(info, "version", json_object_new_string(TRUNKD_VERSION));
    const char *asked = message_get_string(request->params, "protocolVersion");
    json_object_object_add(result, "protocolVersion",
                           json_object_new_string(negotiate_version(asked)));
    json_object_object_add(result, "capabilities",
                           json_tokener_parse("{\"tools\":{\"listChanged\":true},\"logging\":{}}"));
    json_object_object_add(result, "serverInfo", info);
    struct pending *pending = answer(server, request, "result", result);
    pending->call.wait_ms += options->init_delay_ms;
    pending->is_initialize = true;
}

static void handle_list(struct server *server, const struct request *request) {
    struct json_object *result =
        tools_list(server->tools, message_get_string(request->params, "cursor"));
    if (result != NULL) {
        (void)answer(server, request, "result", result);
    } else {
        refuse(server, request, INVALID_PARAMS, "Unknown cursor");
    }
}

static void handle_call(struct server *server, const struct request *request) {
    const char *name = message_get_string(request->params, "name");
    struct json_object *arguments = message_get(request->params, "arguments");
    struct tool_call call = {.stream = request->stream, .arguments = arguments};
    bool is_valid =
        name != NULL && (arguments == NULL || json_object_is_type(arguments, json_type_object));
    if (!is_valid || !tools_begin(server->tools, name, &call)) {
        refuse(server, request, INVALID_PARAMS, is_valid ? "Unknown tool" : "Invalid params");
        return;
    }
    struct pending *pending = answer(server, request, call.member, call.body);
    call.wait_ms += pending->call.wait_ms;
    pending->call = call;
    pending->is_tool = true;
    pending->token =
        json_object_get(message_get(message_get(request->params, "_meta"), "progressToken"));
}

static void handle_level(struct server *server, const struct request *request) {
    const char *level = message_get_string(request->params, "level");
    if (level == NULL) {
        refuse(server, request, INVALID_PARAMS, "level must be a string");
        return;
    }
    server->output.is_quiet = strcmp(level, "debug") != 0 && strcmp(level, "info") != 0;
    (void)answer(server, request, "result", json_object_new_object());
}

static void handle_request(struct server *server, const char *method,
                           const struct request *request) {
    if (strcmp(method, "initialize") == 0) {
        handle_initialize(server, request);
    } else if (strcmp(method, "ping") == 0) {
        (void)answer(server, request, "result", json_object_new_object());
    } else if (strcmp(method, "tools/list") == 0) {
        handle_list(server, request);
    } else if (strcmp(method, "tools/call") == 0) {
        handle_call(server, request);
    } else if (strcmp(method, "logging/setLevel") == 0) {
        handle_level(server, request);
    } else {
        refuse(server, request, METHOD_NOT_FOUND, "Method not found");
    }
}

static void cancel_request(struct server *server, struct json_object *id) {
    for (struct pending **at = &server->pending; *at != NULL; at = &(*at)->next) {
        if (json_object_equal((*at)->id, id)) {
            drop_pending(server, at, true);
            return;
        }
    }
}

void server_take(struct server *server, struct json_object *message, void *stream) {
    const char *method = message_get_string(message, "method");
    struct request request = {.stream = stream,
                              .id = message_get(message, "id"),
                              .params = message_get(message, "params")};
    if (method != NULL && request.id != NULL) {
        handle_request(server, method, &request);
    } else if (method != NULL && strcmp(method, "notifications/cancelled") == 0) {
        cancel_request(server, message_get(request.params, "requestId"));
    }
}

static bool is_held_up(const struct server *server, const struct pending *pending) {
    return pending->is_initialize && (server->options->never_init || cue_is_awaited(server->cue));
}

static uint64_t due_ms(const struct server *server, const struct pending *pending) {
    const struct tool_call *call = &pending->call;
    if (is_held_up(server, pending)) {
        return UINT64_MAX;
    }
    if (pending->step < call->steps) {
        return pending->started_ms + call->wait_ms * (pending->step + 1) / (call->steps + 1);
    }
    return pending->started_ms + call->wait_ms;
}

static void tell_step(const struct server *server, struct pending *pending) {
    pending->step++;
    if (pending->token != NULL) {
        output_progress(&server->output, pending->stream, pending->token, pending->step,
                        pending->call.steps);
    }
    if (pending->call.has_step_logs) {
        output_log(&server->output, pending->stream, "step");
    }
}

int server_send_due(struct server *server) {
    uint64_t now = clock_mono_ms(&server->clock);
    uint64_t next = UINT64_MAX;
    struct pending **at = &server->pending;
    while (*at != NULL) {
        struct pending *pending = *at;
        while (due_ms(server, pending) <= now && pending->step < pending->call.steps) {
            tell_step(server, pending);
        }
        uint64_t due = due_ms(server, pending);
        if (due <= now) {
            output_answer(&server->output, pending->stream, pending->id, pending->call.member,
                          pending->call.body);
            pending->call.body = NULL;
            drop_pending(server, at, false);
            continue;
        }
        next = due < next ? due : next;
        at = &pending->next;
    }
    if (next == UINT64_MAX) {
        return -1;
    }
    return next - now > INT_MAX ? INT_MAX : (int)(next - now);
}

static bool append_line(const char *file, const char *word) {
    char line[64];
    int length = snprintf(line, sizeof line, "%s %ld\n", word, (long)getpid());
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    bool is_written = fd >= 0 && write(fd, line, (size_t)length) == length;
    if (!is_written) {
        perror(file);
    }
    return fd >= 0 && close(fd) == 0 && is_written;
}

struct server *server_new(const struct demo_options *options, const struct cue *cue,
                          const struct output_ops *ops, void *ctx) {
    if (options->count_file != NULL && !append_line(options->count_file, "open")) {
        return NULL;
    }
    struct server *server = xcalloc(1, sizeof *server);
    server->options = options;
    server->cue = cue;
    server->output = (struct output){.ops = ops, .ctx = ctx};
    server->tools = tools_new(options, &server->output);
    clock_init(&server->clock);
    return server;
}

void server_free(struct server *server) {
    while (server->pending != NULL) {
        drop_pending(server, &server->pending, true);
    }
    if (server->options->count_file != NULL) {
        (void)append_line(server->options->count_file, "close");
    }
    tools_free(server->tools);
    free(server);
}
