/* SPDX-License-Identifier: MIT
 * server.c - reads messages, answers them when they are due. Writing may block: whoever started
 * this reads. */
#include "server.h"

#include <errno.h>
#include <json-c/json.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/slice.h"
#include "tools.h"

#define MAX_LINE_BYTES ((size_t)64 << 20)
#define MAX_DEPTH 128
#define READ_BYTES ((size_t)64 << 10)
#define INVALID_PARAMS (-32602)
#define METHOD_NOT_FOUND (-32601)

/* A request that is answered later, or now if nothing delays it. */
struct pending {
    struct pending *next;
    struct json_object *id;
    struct json_object *token; /* progressToken; NULL: none */
    struct tool_call call; /* of a request that is no tools/call only member, body and wait_ms */
    bool is_tool;
    bool awaits_cue;
    uint64_t started_ms;
    uint64_t step; /* steps that were told */
};

struct server {
    const struct demo_options *options;
    struct output output;
    struct tools *tools;
    struct clock clock;
    struct json_tokener *tokener;
    struct buffer input;
    struct pending *pending; /* in order of arrival */
    int cue;                 /* inotify on the directory of the cue file; -1: no cue */
};

/* Takes *at out of the list. */
static void drop_pending(struct server *server, struct pending **at, bool was_cancelled) {
    struct pending *pending = *at;
    *at = pending->next;
    if (pending->is_tool) {
        tools_end(server->tools, was_cancelled);
    }
    json_object_put(pending->id);
    json_object_put(pending->token);
    json_object_put(pending->call.body);
    free(pending);
}

/* body is taken over. */
static struct pending *answer(struct server *server, struct json_object *id, const char *member,
                              struct json_object *body) {
    struct pending *pending = xcalloc(1, sizeof *pending);
    struct pending **at = &server->pending;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = pending;
    pending->id = json_object_get(id);
    pending->started_ms = clock_mono_ms(&server->clock);
    pending->call.member = member;
    pending->call.body = body;
    pending->call.wait_ms = server->options->delay_ms;
    return pending;
}

static void refuse(struct server *server, struct json_object *id, int code, const char *text) {
    struct json_object *error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_int(code));
    json_object_object_add(error, "message", json_object_new_string(text));
    (void)answer(server, id, "error", error);
}

static struct json_object *get_member(struct json_object *object, const char *key) {
    return json_object_is_type(object, json_type_object) ? json_object_object_get(object, key)
                                                         : NULL;
}

static const char *get_string(struct json_object *object, const char *key) {
    struct json_object *value = get_member(object, key);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static const char *negotiate_version(const char *asked) {
    static const char *const versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};
    for (size_t i = 0; asked != NULL && i < sizeof versions / sizeof versions[0]; i++) {
        if (strcmp(versions[i], asked) == 0) {
            return versions[i];
        }
    }
    return versions[0];
}

static void handle_initialize(struct server *server, struct json_object *id,
                              struct json_object *params) {
    const struct demo_options *options = server->options;
    if (options->never_init) {
        return;
    }
    struct json_object *result = json_object_new_object();
    struct json_object *info = json_object_new_object();
    json_object_object_add(info, "name", json_object_new_string(options->name));
    json_object_object_add(info, "version", json_object_new_string(TRUNKD_VERSION));
    const char *version = negotiate_version(get_string(params, "protocolVersion"));
    json_object_object_add(result, "protocolVersion", json_object_new_string(version));
    json_object_object_add(result, "capabilities",
                           json_tokener_parse("{\"tools\":{\"listChanged\":true},\"logging\":{}}"));
    json_object_object_add(result, "serverInfo", info);
    struct pending *pending = answer(server, id, "result", result);
    pending->call.wait_ms += options->init_delay_ms;
    pending->awaits_cue = server->cue >= 0;
}

static void handle_list(struct server *server, struct json_object *id, struct json_object *params) {
    struct json_object *result = tools_list(server->tools, get_string(params, "cursor"));
    if (result != NULL) {
        (void)answer(server, id, "result", result);
    } else {
        refuse(server, id, INVALID_PARAMS, "Unknown cursor");
    }
}

static void handle_call(struct server *server, struct json_object *id, struct json_object *params) {
    const char *name = get_string(params, "name");
    struct json_object *arguments = get_member(params, "arguments");
    struct tool_call call = {.arguments = arguments};
    bool is_valid =
        name != NULL && (arguments == NULL || json_object_is_type(arguments, json_type_object));
    if (!is_valid || !tools_begin(server->tools, name, &call)) {
        refuse(server, id, INVALID_PARAMS, is_valid ? "Unknown tool" : "Invalid params");
        return;
    }
    struct pending *pending = answer(server, id, call.member, call.body);
    call.wait_ms += pending->call.wait_ms;
    pending->call = call;
    pending->is_tool = true;
    pending->token = json_object_get(get_member(get_member(params, "_meta"), "progressToken"));
}

static void handle_level(struct server *server, struct json_object *id,
                         struct json_object *params) {
    const char *level = get_string(params, "level");
    if (level == NULL) {
        refuse(server, id, INVALID_PARAMS, "level must be a string");
        return;
    }
    server->output.is_quiet = strcmp(level, "debug") != 0 && strcmp(level, "info") != 0;
    (void)answer(server, id, "result", json_object_new_object());
}

static void handle_request(struct server *server, const char *method, struct json_object *id,
                           struct json_object *params) {
    if (strcmp(method, "initialize") == 0) {
        handle_initialize(server, id, params);
    } else if (strcmp(method, "ping") == 0) {
        (void)answer(server, id, "result", json_object_new_object());
    } else if (strcmp(method, "tools/list") == 0) {
        handle_list(server, id, params);
    } else if (strcmp(method, "tools/call") == 0) {
        handle_call(server, id, params);
    } else if (strcmp(method, "logging/setLevel") == 0) {
        handle_level(server, id, params);
    } else {
        refuse(server, id, METHOD_NOT_FOUND, "Method not found");
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

static void handle_line(struct server *server, const char *line, size_t len) {
    json_tokener_reset(server->tokener);
    struct json_object *message = json_tokener_parse_ex(server->tokener, line, (int)len);
    const char *method = get_string(message, "method");
    struct json_object *id = get_member(message, "id");
    struct json_object *params = get_member(message, "params");
    if (!json_object_is_type(message, json_type_object)) {
        (void)fprintf(stderr, "a line that is no message was ignored\n");
    } else if (method != NULL && id != NULL) {
        handle_request(server, method, id, params);
    } else if (method != NULL && strcmp(method, "notifications/cancelled") == 0) {
        cancel_request(server, get_member(params, "requestId"));
    }
    json_object_put(message);
}

static uint64_t due_ms(const struct pending *pending) {
    const struct tool_call *call = &pending->call;
    if (pending->awaits_cue) {
        return UINT64_MAX;
    }
    if (pending->step < call->steps) {
        return pending->started_ms + call->wait_ms * (pending->step + 1) / (call->steps + 1);
    }
    return pending->started_ms + call->wait_ms;
}

static void tell_step(struct server *server, struct pending *pending) {
    pending->step++;
    if (pending->token != NULL) {
        output_progress(pending->token, pending->step, pending->call.steps);
    }
    if (pending->call.has_step_logs) {
        output_log(&server->output, "step");
    }
}

/* Sends what is due. The ms until the next is; -1: nothing waits for the clock. */
static int send_due(struct server *server) {
    uint64_t now = clock_mono_ms(&server->clock);
    uint64_t next = UINT64_MAX;
    struct pending **at = &server->pending;
    while (*at != NULL) {
        struct pending *pending = *at;
        while (due_ms(pending) <= now && pending->step < pending->call.steps) {
            tell_step(server, pending);
        }
        if (due_ms(pending) <= now) {
            output_answer(pending->id, pending->call.member, pending->call.body);
            pending->call.body = NULL;
            drop_pending(server, at, false);
            continue;
        }
        next = due_ms(pending) < next ? due_ms(pending) : next;
        at = &pending->next;
    }
    output_flush();
    if (next == UINT64_MAX) {
        return -1;
    }
    return next - now > INT_MAX ? INT_MAX : (int)(next - now);
}

static void handle_input(struct server *server) {
    struct buffer *input = &server->input;
    size_t start = 0;
    char *end;
    while ((end = memchr(input->data + start, '\n', input->len - start)) != NULL) {
        size_t len = (size_t)(end - input->data) - start;
        handle_line(server, input->data + start, len);
        start += len + 1;
    }
    memmove(input->data, input->data + start, input->len - start);
    input->len -= start;
}

/* False: stdin has ended. */
static bool read_input(struct server *server) {
    struct buffer *input = &server->input;
    buffer_reserve(input, READ_BYTES);
    ssize_t len = read(STDIN_FILENO, input->data + input->len, READ_BYTES);
    if (len <= 0) {
        return len < 0 && (errno == EINTR || errno == EAGAIN);
    }
    input->len += (size_t)len;
    if (memchr(input->data + input->len - (size_t)len, '\n', (size_t)len) != NULL) {
        handle_input(server);
    } else if (input->len > MAX_LINE_BYTES) {
        (void)fprintf(stderr, "a line of more than %zu bytes\n", MAX_LINE_BYTES);
        return false;
    }
    return true;
}

/* Looks once, and again whenever the directory changes. */
static void look_for_cue(struct server *server) {
    if (access(server->options->init_cue, F_OK) != 0) {
        return;
    }
    close(server->cue);
    server->cue = -1;
    for (struct pending *pending = server->pending; pending != NULL; pending = pending->next) {
        pending->awaits_cue = false;
    }
}

static bool watch_cue(struct server *server) {
    if (server->options->init_cue == NULL) {
        return true;
    }
    char *path = xstrdup(server->options->init_cue);
    server->cue = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int watch = inotify_add_watch(server->cue, dirname(path), IN_CREATE | IN_MOVED_TO);
    free(path);
    if (watch < 0) {
        perror(server->options->init_cue);
        return false;
    }
    look_for_cue(server);
    return true;
}

static void drain_cue(struct server *server) {
    char events[4096];
    while (read(server->cue, events, sizeof events) > 0) {
    }
    look_for_cue(server);
}

static void serve(struct server *server) {
    bool is_open = true;
    output_garbage(server->options->has_garbage ? OUTPUT_GARBAGE_KINDS : 0);
    output_garbage(server->options->flood_lines);
    while (is_open) {
        int wait_ms = send_due(server);
        struct pollfd files[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                 {.fd = server->cue, .events = POLLIN}};
        if (poll(files, 2, wait_ms) <= 0) {
            continue;
        }
        if (files[1].revents != 0) {
            drain_cue(server);
        }
        if (files[0].revents != 0) {
            is_open = read_input(server);
        }
    }
}

int server_run(const struct demo_options *options) {
    struct server server = {.options = options, .cue = -1};
    clock_init(&server.clock);
    server.tokener = json_tokener_new_ex(MAX_DEPTH);
    json_tokener_set_flags(server.tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    server.tools = tools_new(options, &server.output);
    bool is_watching = watch_cue(&server);
    if (is_watching) {
        serve(&server);
    }
    while (server.pending != NULL) {
        drop_pending(&server, &server.pending, true);
    }
    if (server.cue >= 0) {
        close(server.cue);
    }
    tools_free(server.tools);
    json_tokener_free(server.tokener);
    buffer_free(&server.input);
    return is_watching ? 0 : 1;
}
