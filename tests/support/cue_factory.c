/* SPDX-License-Identifier: MIT
 * cue_factory.c - a factory driver that waits for its cue. */
#include "support/cue_factory.h"

#include "support/cue_factory_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "wire/jsonrpc.h"

bool cue_factory_is_of(const char *backend, const char *wanted) {
    return wanted == NULL || strcmp(backend, wanted) == 0;
}

void cue_factory_complete(struct cue_factory *cue, trunk_op op, int32_t status, const char *text,
                          struct cue_leg *leg) {
    struct trunk_reply reply = {
        .struct_size = sizeof reply, .status = status, .message = text, .leg = leg};
    cue->host->complete(cue->host->ctx, op, &reply);
}

int32_t cue_factory_say_on(const struct cue_leg *leg, struct trunk_slice json, uint64_t number) {
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
    (void)cue_factory_say_on(call->leg, buffer_slice(&json), 0);
    buffer_free(&json);
}

static void free_leg(struct cue_leg *leg) {
    TAILQ_REMOVE(&leg->cue->legs, leg, link);
    free(leg->backend);
    free(leg->tag);
    free(leg);
}

bool cue_factory_is_restorable(const struct cue_factory *cue) {
    return (cue->plugin.ops.factory.caps & TRUNK_CAP_RESTORE) != 0;
}

void cue_factory_end_leg(struct cue_leg *leg, trunk_op op, int32_t status) {
    struct cue_factory *cue = leg->cue;
    free_leg(leg);
    cue->finished++;
    cue_factory_complete(cue, op, status, NULL, NULL);
}

/* What was saved is the number of a session. */
static void make_leg(struct cue_factory *cue, const struct cue_call *call) {
    const struct cue_session *session = NULL;
    if (call->saved[0] != '\0') {
        session = cue_backends_find(cue->backends, strtoull(call->saved, NULL, 10));
        if (session == NULL || !cue_factory_is_restorable(cue)) {
            cue_factory_complete(cue, call->op, TRUNK_NOT_FOUND, "the session is gone", NULL);
            return;
        }
    }
    struct cue_leg *leg = xcalloc(1, sizeof *leg);
    leg->cue = cue;
    leg->backend = xstrdup(call->backend);
    leg->tag = xstrdup(call->tag);
    leg->sink = call->sink;
    leg->session = session != NULL ? session->number : 0;
    TAILQ_INSERT_TAIL(&cue->legs, leg, link);
    cue->made++;
    cue_factory_complete(cue, call->op, TRUNK_OK, NULL, leg);
}

bool cue_factory_apply(struct cue_factory *cue, const struct cue_call *call) {
    struct cue_leg *leg = call->leg;
    if (strcmp(call->what, "initialize") == 0) {
        struct cue_session *session = cue_backends_begin(cue->backends, leg->backend, leg->tag);
        leg->session = session->number;
        session->last_id = call->number;
        return true;
    }
    struct cue_session *session = cue_backends_find(cue->backends, leg->session);
    if (session != NULL && strcmp(call->what, "notifications/initialized") == 0) {
        session->is_initialized = true;
    } else if (session != NULL && strcmp(call->what, "finish") == 0 &&
               !(call->keep && cue_factory_is_restorable(cue))) {
        cue_backends_end(cue->backends, leg->session);
    }
    return session != NULL || leg->session == 0;
}

static void give_snapshot(struct cue_factory *cue, const struct cue_call *call) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, call->leg->session);
    struct trunk_reply reply = {.struct_size = sizeof reply};
    if (!cue_factory_is_restorable(cue)) {
        reply.status = TRUNK_UNSUPPORTED;
        reply.message = "no snapshot";
    } else if (cue_backends_find(cue->backends, call->leg->session) == NULL) {
        reply.status = TRUNK_UNAVAILABLE;
        reply.message = "no session";
    } else {
        reply.value = slice_cstr(text);
    }
    cue->host->complete(cue->host->ctx, call->op, &reply);
}

void cue_factory_perform(struct cue_factory *cue, const struct cue_call *call) {
    if (strcmp(call->what, "finish") == 0) {
        (void)(cue->is_cut_off || cue_factory_apply(cue, call));
        cue_factory_end_leg(call->leg, call->op, TRUNK_OK);
    } else if (cue->is_cut_off) {
        cue_factory_complete(cue, call->op, TRUNK_UNAVAILABLE, "cut off", NULL);
    } else if (strcmp(call->what, "make") == 0) {
        make_leg(cue, call);
    } else if (call->leg->is_closed) {
        cue_factory_complete(cue, call->op, TRUNK_UNAVAILABLE, "the leg is closed", NULL);
    } else if (strcmp(call->what, "snapshot") == 0) {
        give_snapshot(cue, call);
    } else if (!cue_factory_apply(cue, call)) {
        cue_factory_complete(cue, call->op, TRUNK_NOT_FOUND, "the session is gone", NULL);
    } else {
        cue_factory_complete(cue, call->op, TRUNK_OK, NULL, NULL);
        if (call->number != 0) {
            answer(cue, call);
        }
    }
}

void cue_factory_free_call(struct cue_call *call) {
    free(call->backend);
    free(call->tag);
    free(call->saved);
    free(call);
}

static bool is_held(const struct cue_factory *cue, const struct cue_call *call) {
    if (cue->holds_all) {
        return true;
    }
    for (size_t i = 0; i < cue->nholds; i++) {
        if (cue_factory_is_of(call->backend, cue->holds[i].backend) &&
            strcmp(call->what, cue->holds[i].what) == 0) {
            return true;
        }
    }
    return false;
}

static void take(struct cue_factory *cue, const struct cue_call *what) {
    struct cue_call *call = xcalloc(1, sizeof *call);
    *call = *what;
    if (strcmp(call->what, "snapshot") != 0) {
        buffer_printf(&cue->transcript, "%s %s\n", call->backend, call->what);
    }
    if (is_held(cue, call)) {
        TAILQ_INSERT_TAIL(&cue->held, call, link);
    } else {
        cue_factory_perform(cue, call);
        cue_factory_free_call(call);
    }
}

static void take_of_leg(struct cue_leg *leg, const char *what, uint64_t number, bool keep,
                        trunk_op op) {
    struct cue_call call = {
        .backend = xstrdup(leg->backend), .leg = leg, .keep = keep, .op = op, .number = number};
    (void)snprintf(call.what, sizeof call.what, "%s", what);
    take(leg->cue, &call);
}

void cue_factory_complete_pending(struct cue_leg *leg, int32_t status) {
    struct cue_factory *cue = leg->cue;
    struct cue_call *call = TAILQ_FIRST(&cue->held);
    while (call != NULL) {
        struct cue_call *next = TAILQ_NEXT(call, link);
        if (call->leg == leg && strcmp(call->what, "finish") != 0) {
            TAILQ_REMOVE(&cue->held, call, link);
            cue_factory_complete(cue, call->op, status, "the leg went", NULL);
            cue_factory_free_call(call);
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
        cue_factory_complete(cue, call->op, TRUNK_CANCELLED, "closed", NULL);
        cue_factory_free_call(call);
    }
    struct cue_leg *leg = TAILQ_FIRST(&cue->legs);
    while (leg != NULL) {
        struct cue_leg *next = TAILQ_NEXT(leg, link);
        free_leg(leg);
        leg = next;
    }
}

static void make(void *self, const struct trunk_make *what, trunk_op op) {
    struct cue_call call = {.what = "make",
                            .backend = xstrdup(what->backend),
                            .sink = what->sink,
                            .tag = xstrdup(what->session_id),
                            .saved = slice_strdup(what->saved),
                            .op = op};
    take(self, &call);
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
    struct cue_session *session = cue_backends_find(leg->cue->backends, leg->session);
    keep_message(leg, what->json, method);
    if (session != NULL && what->number != 0) {
        cue_backends_take_id(leg->cue->backends, session, what->number);
    }
    take_of_leg(leg, method, what->number, false, op);
}

static void listen_unasked(void *self, const struct trunk_request *how, trunk_op op) {
    struct cue_leg *leg = self;
    (void)how;
    take_of_leg(leg, "listen", 0, false, op);
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
    take_of_leg(self, "snapshot", 0, false, op);
}

static void finish(void *self, const struct trunk_finish *how, trunk_op op) {
    struct cue_leg *leg = self;
    if (!leg->cue->forgets_at_finish) {
        cue_factory_complete_pending(leg, TRUNK_CANCELLED);
    }
    take_of_leg(leg, "finish", 0, how->keep != 0, op);
}

struct cue_factory *cue_factory_new(const struct host_env *env) {
    return cue_factory_new_on(env, 0, NULL);
}

struct cue_factory *cue_factory_new_on(const struct host_env *env, uint32_t caps,
                                       struct cue_backends *backends) {
    struct cue_factory *cue = xcalloc(1, sizeof *cue);
    cue->backends = backends != NULL ? backends : &cue->own;
    struct param_list params = {.items = xcalloc(1, sizeof *params.items), .count = 1};
    TAILQ_INIT(&cue->legs);
    TAILQ_INIT(&cue->held);
    STAILQ_INIT(&cue->messages);
    STAILQ_INIT(&cue->results);
    cue->plugin = (struct plugin){.desc = {.kind = TRUNK_KIND_FACTORY, .name = "cue"},
                                  .ops.factory = {.struct_size = sizeof(struct trunk_factory_ops),
                                                  .caps = caps,
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
    cue_backends_clear(&cue->own);
    free(cue);
}
