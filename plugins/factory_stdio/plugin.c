/* SPDX-License-Identifier: MIT
 * plugin.c - the factory driver `stdio`: each leg is a process that speaks MCP over its stdin and
 * stdout. */
#include <trunk/plugin_util.h>

#include <errno.h>
#include <stdlib.h>

#include "command.h"
#include "leg.h"

#define MAX_STOP_WAIT_MS 3600000ull

static const struct trunk_param_spec spec[] = {
    {.key = "command",
     .help = "the program to run, without a shell; looked for in PATH when it has no '/'",
     .type = TRUNK_PARAM_STRING,
     .flags = TRUNK_PARAM_REQUIRED | TRUNK_PARAM_BACKEND},
    {.key = "args",
     .help = "its arguments",
     .type = TRUNK_PARAM_LIST,
     .flags = TRUNK_PARAM_BACKEND},
    {.key = "env",
     .help = "variables for it, beside HOME LOGNAME PATH SHELL TERM USER of trunkd",
     .type = TRUNK_PARAM_MAP,
     .flags = TRUNK_PARAM_BACKEND | TRUNK_PARAM_SECRET},
    {.key = "cwd",
     .help = "the directory it runs in; default: that of trunkd",
     .type = TRUNK_PARAM_PATH,
     .flags = TRUNK_PARAM_BACKEND},
    {.key = "stop_wait",
     .fallback = "2s",
     .help =
         "how long a process may take to end after its stdin was closed, and again after SIGTERM",
     .type = TRUNK_PARAM_DURATION},
    {0},
};

static int32_t read_stop_wait(const struct trunk_param *params, size_t nparams, uint64_t *out_ms,
                              struct trunk_error *error) {
    const char *text = trunk_param_get(params, nparams, "stop_wait", "2000");
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value > MAX_STOP_WAIT_MS) {
        return trunk_fail(error, TRUNK_INVALID, "stop_wait", "is not a duration of at most 1h");
    }
    *out_ms = value;
    return TRUNK_OK;
}

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    uint64_t stop_wait_ms;
    return read_stop_wait(params, nparams, &stop_wait_ms, error);
}

static int32_t open_factory(const struct trunk_host *host, const struct trunk_param *params,
                            size_t nparams, void **self, struct trunk_error *error) {
    struct factory *factory = calloc(1, sizeof *factory);
    if (factory == NULL) {
        return trunk_fail(error, TRUNK_INTERNAL, "", "out of memory");
    }
    int32_t status = read_stop_wait(params, nparams, &factory->stop_wait_ms, error);
    if (status != TRUNK_OK) {
        free(factory);
        return status;
    }
    if (getrlimit(RLIMIT_NOFILE, &factory->descriptors) != 0) {
        free(factory);
        return trunk_fail(error, TRUNK_INTERNAL, "", "the descriptor limit cannot be read");
    }
    factory->host = host;
    LIST_INIT(&factory->legs);
    *self = factory;
    return TRUNK_OK;
}

static void close_factory(void *self) {
    struct factory *factory = self;
    struct leg *leg;
    while ((leg = LIST_FIRST(&factory->legs)) != NULL) {
        leg_destroy(leg);
    }
    free(factory);
}

static void make_leg(void *self, const struct trunk_make *make, trunk_op op) {
    leg_make(self, make, op);
}

static void send_message(void *leg, const struct trunk_request *request, trunk_op op) {
    leg_send(leg, request, op);
}

static void listen_for_unasked(void *leg, const struct trunk_request *how, trunk_op op) {
    (void)how;
    leg_listen(leg, op);
}

/* The answer cannot be kept from coming; the core drops it. */
static void cancel_request(void *leg, uint64_t number) {
    (void)leg;
    (void)number;
}

static void snapshot(void *leg, trunk_op op) {
    trunk_complete(leg_host(leg), op, TRUNK_UNSUPPORTED, "a process cannot be kept");
}

static void finish(void *leg, const struct trunk_finish *how, trunk_op op) {
    leg_finish(leg, how, op);
}

static void pause_output(void *leg, uint64_t number, int32_t paused) {
    (void)number;
    leg_pause(leg, paused != 0);
}

static const struct trunk_factory_ops ops = {
    .struct_size = sizeof ops,
    .check = check,
    .check_backend = command_check,
    .open = open_factory,
    .close = close_factory,
    .make = make_leg,
    .request = send_message,
    .send = send_message,
    .listen = listen_for_unasked,
    .cancel_request = cancel_request,
    .snapshot = snapshot,
    .finish = finish,
    .pause = pause_output,
};

TRUNK_FACTORY_PLUGIN(9, "stdio", DRIVER_VERSION,
                     "MCP servers that are processes, over their stdin and stdout", spec, &ops);
