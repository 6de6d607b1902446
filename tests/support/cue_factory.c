/* SPDX-License-Identifier: MIT
 * cue_factory.c - a factory driver that waits for its cue. */
#include "support/cue_factory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "wire/jsonrpc.h"

enum { MAX_HOLDS = 16, WHAT_SIZE = 64 };

struct cue_leg {
    TAILQ_ENTRY(cue_leg) link;
    struct cue_factory *cue;
    char *backend;
    const struct trunk_sink *sink;
    bool is_closed;
};

/* A call that waits for its cue. */
struct cue_call {
    TAILQ_ENTRY(cue_call) link;
    char what[WHAT_SIZE];
    char *backend;
    struct cue_leg *leg;           /* NULL: make */
    const struct trunk_sink *sink; /* make */
    trunk_op op;
    uint64_t number;
};

struct cue_message {
    STAILQ_ENTRY(cue_message) link;
    char what[WHAT_SIZE];
    char *backend;
    char *json;
};

struct cue_result {
    STAILQ_ENTRY(cue_result) link;
    const char *method;
    const char *result;
};

struct cue_hold {
    const char *backend;
    const char *what;
};

struct cue_factory {
    struct plugin plugin;
    struct driver *driver;
    const struct trunk_host *host;
    struct cue_hold holds[MAX_HOLDS];
    size_t nholds;
    bool forgets_at_finish;
    size_t made;
    size_t finished;
    struct buffer transcript;
    TAILQ_HEAD(cue_leg_list, cue_leg) legs;
    TAILQ_HEAD(, cue_call) held;
    STAILQ_HEAD(, cue_message) messages;
    STAILQ_HEAD(, cue_result) results;
};

static bool is_of(const char *backend, const char *wanted) {
    return wanted == NULL || strcmp(backend, wanted) == 0;
}

static void complete(struct cue_factory *cue, trunk_op op, int32_t status, const char *text,
                     struct cue_leg *leg) {
    struct trunk_reply reply = {
        .struct_size = sizeof reply, .status = status, .message = text, .leg = leg};
    cue->host->complete(cue->host->ctx, op, &reply);
}

static int32_t say(const struct cue_leg *leg, struct trunk_slice json, uint64_t number) {
    struct trunk_message message = {.struct_size = sizeof message, .json = json, .number = number};
    return leg->sink->on_message(leg->sink->ctx, &message);
}

static const char *take_result(struct cue_factory *cue, const char *method) {
    struct cue_result *first = NULL;
    struct cue_result *result;
    STAILQ_FOREACH(result, &cue->results, link) {
        if (strcmp(result->method, method) != 0) {
            continue;
        }
        if (first != NULL) { /* there is another one for the next time */
            const char *text = first->result;
            STAILQ_REMOVE(&cue->results, first, cue_result, link);
            free(first);
            return text;
        }
        first = result;
    }
    if (first != NULL) {
        return first->result;
    }
    if (strcmp(method, "initialize") == 0) {
        return "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{\"listChanged\":"
               "true}},"
               "\"serverInfo\":{\"name\":\"cue\",\"version\":\"1\"}}";
    }
    return strcmp(method, "tools/list") == 0
               ? "{\"tools\":[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}]}"
               : "{}";
}

static void answer(struct cue_factory *cue, const struct cue_call *call) {
    struct buffer json = {0};
    char id[24];
    (void)snprintf(id, sizeof id, "%" PRIu64, call->number);
    jsonrpc_write_result(&json, slice_cstr(id), slice_cstr(take_result(cue, call->what)));
    (void)say(call->leg, buffer_slice(&json), 0);
    buffer_free(&json);
}

static void free_leg(struct cue_leg *leg) {
    TAILQ_REMOVE(&leg->cue->legs, leg, link);
    free(leg->backend);
    free(leg);
}

static void end_leg(struct cue_leg *leg, trunk_op op, int32_t status) {
    struct cue_factory *cue = leg->cue;
    free_leg(leg);
    cue->finished++;
    complete(cue, op, status, NULL, NULL);
}

static void make_leg(struct cue_factory *cue, const struct cue_call *call) {
    struct cue_leg *leg = xcalloc(1, sizeof *leg);
    leg->cue = cue;
    leg->backend = xstrdup(call->backend);
    leg->sink = call->sink;
    TAILQ_INSERT_TAIL(&cue->legs, leg, link);
    cue->made++;
    complete(cue, call->op, TRUNK_OK, NULL, leg);
}

static void perform(struct cue_factory *cue, const struct cue_call *call) {
    if (strcmp(call->what, "make") == 0) {
        make_leg(cue, call);
    } else if (strcmp(call->what, "finish") == 0) {
        end_leg(call->leg, call->op, TRUNK_OK);
    } else if (call->leg->is_closed) {
        complete(cue, call->op, TRUNK_UNAVAILABLE, "the leg is closed", NULL);
    } else {
        complete(cue, call->op, TRUNK_OK, NULL, NULL);
        if (call->number != 0) {
            answer(cue, call);
        }
    }
}

static void free_call(struct cue_call *call) {
    free(call->backend);
    free(call);
}

static bool is_held(const struct cue_factory *cue, const struct cue_call *call) {
    for (size_t i = 0; i < cue->nholds; i++) {
        if (is_of(call->backend, cue->holds[i].backend) &&
            strcmp(call->what, cue->holds[i].what) == 0) {
            return true;
        }
    }
    return false;
}

static void take(struct cue_factory *cue, const char *what, const char *backend,
                 struct cue_leg *leg, const struct trunk_sink *sink, uint64_t number, trunk_op op) {
    struct cue_call *call = xcalloc(1, sizeof *call);
    *call = (struct cue_call){.leg = leg, .sink = sink, .op = op, .number = number};
    (void)snprintf(call->what, sizeof call->what, "%s", what);
    call->backend = xstrdup(backend);
    buffer_printf(&cue->transcript, "%s %s\n", backend, what);
    if (is_held(cue, call)) {
        TAILQ_INSERT_TAIL(&cue->held, call, link);
    } else {
        perform(cue, call);
        free_call(call);
    }
}

/* Pending ops of the leg but its finish end with this status. */
static void complete_pending(struct cue_leg *leg, int32_t status) {
    struct cue_factory *cue = leg->cue;
    struct cue_call *call = TAILQ_FIRST(&cue->held);
    while (call != NULL) {
        struct cue_call *next = TAILQ_NEXT(call, link);
        if (call->leg == leg && strcmp(call->what, "finish") != 0) {
            TAILQ_REMOVE(&cue->held, call, link);
            complete(cue, call->op, status, "the leg went", NULL);
            free_call(call);
        }
        call = next;
    }
}

/* The driver's table */

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    (void)params;
    (void)nparams;
    (void)error;
    return TRUNK_OK;
}

static int32_t open_cue(const struct trunk_host *host, const struct trunk_param *params,
                        size_t nparams, void **self, struct trunk_error *error) {
    struct cue_factory *cue = NULL;
    (void)nparams;
    (void)error;
    (void)sscanf(params[0].value, "%p", (void **)&cue);
    cue->host = host;
    *self = cue;
    return TRUNK_OK;
}

static void close_cue(void *self) {
    struct cue_factory *cue = self;
    struct cue_call *call;
    while ((call = TAILQ_FIRST(&cue->held)) != NULL) {
        TAILQ_REMOVE(&cue->held, call, link);
        complete(cue, call->op, TRUNK_CANCELLED, "closed", NULL);
        free_call(call);
    }
    struct cue_leg *leg = TAILQ_FIRST(&cue->legs);
    while (leg != NULL) {
        struct cue_leg *next = TAILQ_NEXT(leg, link);
        free_leg(leg);
        leg = next;
    }
}

static void make(void *self, const struct trunk_make *what, trunk_op op) {
    take(self, "make", what->backend, NULL, what->sink, 0, op);
}

static void keep_message(struct cue_leg *leg, struct trunk_slice json, char out_what[WHAT_SIZE]) {
    struct message parsed = {0};
    struct message_error error;
    struct buffer method = {0};
    if (message_parse(json, &parsed, &error) != TRUNK_OK) {
        abort();
    }
    if (parsed.method.type == JSON_STRING) {
        json_string_decode(parsed.method.text, &method);
    } else {
        buffer_append_cstr(&method, "answer");
    }
    struct cue_message *kept = xcalloc(1, sizeof *kept);
    (void)snprintf(kept->what, sizeof kept->what, "%s", buffer_cstr(&method));
    (void)snprintf(out_what, WHAT_SIZE, "%s", buffer_cstr(&method));
    kept->backend = xstrdup(leg->backend);
    kept->json = slice_strdup(json);
    STAILQ_INSERT_HEAD(&leg->cue->messages, kept, link);
    buffer_free(&method);
}

static void request(void *self, const struct trunk_request *what, trunk_op op) {
    struct cue_leg *leg = self;
    char method[WHAT_SIZE];
    keep_message(leg, what->json, method);
    take(leg->cue, method, leg->backend, leg, NULL, what->number, op);
}

static void listen_unasked(void *self, const struct trunk_request *how, trunk_op op) {
    struct cue_leg *leg = self;
    (void)how;
    take(leg->cue, "listen", leg->backend, leg, NULL, 0, op);
}

static void cancel_request(void *self, uint64_t number) {
    struct cue_leg *leg = self;
    buffer_printf(&leg->cue->transcript, "%s cancel_request %" PRIu64 "\n", leg->backend, number);
}

static void pause_stream(void *self, uint64_t number, int32_t paused) {
    struct cue_leg *leg = self;
    buffer_printf(&leg->cue->transcript, "%s %s %" PRIu64 "\n", leg->backend,
                  paused != 0 ? "pause" : "go_on", number);
}

static void snapshot(void *self, trunk_op op) {
    struct cue_leg *leg = self;
    complete(leg->cue, op, TRUNK_UNSUPPORTED, "no snapshot", NULL);
}

static void finish(void *self, const struct trunk_finish *how, trunk_op op) {
    struct cue_leg *leg = self;
    (void)how;
    if (!leg->cue->forgets_at_finish) {
        complete_pending(leg, TRUNK_CANCELLED);
    }
    take(leg->cue, "finish", leg->backend, leg, NULL, 0, op);
}

struct cue_factory *cue_factory_new(const struct host_env *env) {
    struct cue_factory *cue = xcalloc(1, sizeof *cue);
    struct param_list params = {.items = xcalloc(1, sizeof *params.items), .count = 1};
    TAILQ_INIT(&cue->legs);
    TAILQ_INIT(&cue->held);
    STAILQ_INIT(&cue->messages);
    STAILQ_INIT(&cue->results);
    cue->plugin = (struct plugin){.desc = {.kind = TRUNK_KIND_FACTORY, .name = "cue"},
                                  .ops.factory = {.struct_size = sizeof(struct trunk_factory_ops),
                                                  .check = check,
                                                  .open = open_cue,
                                                  .close = close_cue,
                                                  .make = make,
                                                  .request = request,
                                                  .send = request,
                                                  .listen = listen_unasked,
                                                  .cancel_request = cancel_request,
                                                  .snapshot = snapshot,
                                                  .finish = finish,
                                                  .pause = pause_stream}};
    params.items[0] = (struct trunk_param){xstrdup("cue"), xasprintf("%p", (void *)cue)};
    cue->driver = driver_new(env, "cue", &cue->plugin, &params);
    if (driver_open(cue->driver, NULL) != TRUNK_OK) {
        abort();
    }
    return cue;
}

struct driver *cue_factory_driver(const struct cue_factory *cue) {
    return cue->driver;
}

void cue_factory_free(struct cue_factory *cue) {
    struct cue_message *message;
    struct cue_result *result;
    while ((message = STAILQ_FIRST(&cue->messages)) != NULL) {
        STAILQ_REMOVE_HEAD(&cue->messages, link);
        free(message->backend);
        free(message->json);
        free(message);
    }
    while ((result = STAILQ_FIRST(&cue->results)) != NULL) {
        STAILQ_REMOVE_HEAD(&cue->results, link);
        free(result);
    }
    buffer_free(&cue->transcript);
    free(cue);
}

/* Cues */

void cue_factory_push_result(struct cue_factory *cue, const char *method, const char *result) {
    struct cue_result *pushed = xcalloc(1, sizeof *pushed);
    pushed->method = method;
    pushed->result = result;
    STAILQ_INSERT_TAIL(&cue->results, pushed, link);
}

void cue_factory_hold(struct cue_factory *cue, const char *backend, const char *what) {
    if (cue->nholds == MAX_HOLDS) {
        abort();
    }
    cue->holds[cue->nholds++] = (struct cue_hold){backend, what};
}

static struct cue_call *find_held(const struct cue_factory *cue, const char *backend,
                                  const char *what) {
    struct cue_call *call;
    TAILQ_FOREACH(call, &cue->held, link) {
        if (is_of(call->backend, backend) && strcmp(call->what, what) == 0) {
            break;
        }
    }
    return call;
}

static struct cue_call *take_held(struct cue_factory *cue, const char *backend, const char *what) {
    struct cue_call *call = find_held(cue, backend, what);
    if (call == NULL) {
        (void)fprintf(stderr, "cue_factory: no %s is held\n", what);
        abort();
    }
    TAILQ_REMOVE(&cue->held, call, link);
    return call;
}

void cue_factory_let_all(struct cue_factory *cue) {
    struct cue_call *call;
    cue->nholds = 0;
    while ((call = TAILQ_FIRST(&cue->held)) != NULL) {
        TAILQ_REMOVE(&cue->held, call, link);
        perform(cue, call);
        free_call(call);
    }
}

size_t cue_factory_count_held(const struct cue_factory *cue, const char *backend,
                              const char *what) {
    const struct cue_call *call;
    size_t count = 0;
    TAILQ_FOREACH(call, &cue->held, link) {
        count += is_of(call->backend, backend) && strcmp(call->what, what) == 0 ? 1 : 0;
    }
    return count;
}

void cue_factory_release_next(struct cue_factory *cue, const char *backend, const char *what) {
    struct cue_call *call = take_held(cue, backend, what);
    perform(cue, call);
    free_call(call);
}

void cue_factory_complete_next(struct cue_factory *cue, const char *backend, const char *what,
                               int32_t status, const char *text) {
    struct cue_call *call = take_held(cue, backend, what);
    if (strcmp(what, "finish") == 0) {
        end_leg(call->leg, call->op, status);
    } else {
        complete(cue, call->op, status, text, NULL);
    }
    free_call(call);
}

uint64_t cue_factory_held_number(const struct cue_factory *cue, const char *backend,
                                 const char *what) {
    const struct cue_call *call = find_held(cue, backend, what);
    return call != NULL ? call->number : 0;
}

static struct cue_leg *find_leg(const struct cue_factory *cue, const char *backend) {
    struct cue_leg *leg;
    TAILQ_FOREACH_REVERSE(leg, &cue->legs, cue_leg_list, link) {
        if (is_of(leg->backend, backend)) {
            return leg;
        }
    }
    (void)fprintf(stderr, "cue_factory: there is no leg of %s\n", backend);
    abort();
}

int32_t cue_factory_say(struct cue_factory *cue, const char *backend, const char *json,
                        uint64_t number) {
    return say(find_leg(cue, backend), slice_cstr(json), number);
}

void cue_factory_close_leg(struct cue_factory *cue, const char *backend, int32_t status,
                           const char *text) {
    struct cue_leg *leg = find_leg(cue, backend);
    leg->is_closed = true;
    complete_pending(leg, TRUNK_UNCERTAIN);
    leg->sink->on_closed(leg->sink->ctx, status, text);
}

void cue_factory_offer_no_pause(struct cue_factory *cue) {
    cue->plugin.ops.factory.pause = NULL;
}

void cue_factory_forget_at_finish(struct cue_factory *cue) {
    cue->forgets_at_finish = true;
}

size_t cue_factory_count_made(const struct cue_factory *cue) {
    return cue->made;
}

size_t cue_factory_count_finished(const struct cue_factory *cue) {
    return cue->finished;
}

const char *cue_factory_transcript(struct cue_factory *cue) {
    return buffer_cstr(&cue->transcript);
}

void cue_factory_clear_transcript(struct cue_factory *cue) {
    buffer_clear(&cue->transcript);
}

const char *cue_factory_last(const struct cue_factory *cue, const char *backend, const char *what) {
    const struct cue_message *message;
    STAILQ_FOREACH(message, &cue->messages, link) {
        if (is_of(message->backend, backend) && strcmp(message->what, what) == 0) {
            return message->json;
        }
    }
    return "";
}

size_t cue_factory_count(const struct cue_factory *cue, const char *backend, const char *what) {
    const struct cue_message *message;
    size_t count = 0;
    STAILQ_FOREACH(message, &cue->messages, link) {
        count += is_of(message->backend, backend) && strcmp(message->what, what) == 0 ? 1 : 0;
    }
    return count;
}
