/* SPDX-License-Identifier: MIT
 * backends.c - connects to each backend and prints its state. */
#include "app/backends.h"

#include <stdlib.h>

#include "app/drivers.h"
#include "base/alloc.h"
#include "session/leg.h"

struct doctor {
    struct drivers drivers;
    struct leg_env env;
    struct leg **legs;
    size_t nlegs;
    size_t waiting;
};

static void on_opened(void *ctx, struct leg *leg) {
    (void)ctx;
    leg_admit(leg);
}

static void ignore_leg(void *ctx, struct leg *leg) {
    (void)ctx;
    (void)leg;
}

static void ignore_list(void *ctx, struct leg *leg, enum list_kind kind) {
    (void)ctx;
    (void)leg;
    (void)kind;
}

static void ignore_failure(void *ctx, struct leg *leg, const char *text) {
    (void)ctx; /* the waiter is told */
    (void)leg;
    (void)text;
}

static void ignore_notice(void *ctx, const struct leg_source *from, const struct message *notice) {
    (void)ctx;
    (void)from;
    (void)notice;
}

static void on_ready(void *ctx, int32_t status, const char *text) {
    struct doctor *doctor = ctx;
    (void)status;
    (void)text;
    if (--doctor->waiting == 0) {
        loop_stop(doctor->drivers.loop);
    }
}

static void on_idle(void *ctx) {
    struct doctor *doctor = ctx;
    loop_stop(doctor->drivers.loop);
}

static void print_string(FILE *out, struct trunk_slice object, const char *member) {
    struct json_value value = object.len > 0 ? json_find(object, member) : (struct json_value){0};
    struct buffer text = {0};
    if (value.type == JSON_STRING) {
        json_string_decode(value.text, &text);
    }
    (void)fprintf(out, "%s", text.len > 0 ? buffer_cstr(&text) : "?");
    buffer_free(&text);
}

static void print_tools(FILE *out, const struct leg *leg) {
    size_t npages = 0;
    const struct trunk_slice *pages = leg_list_pages(leg, LIST_TOOLS, &npages);
    for (size_t i = 0; i < npages; i++) {
        size_t cursor = 0;
        struct json_value tool;
        while (json_array_next(pages[i], &cursor, &tool)) {
            (void)fprintf(out, "  tool ");
            print_string(out, tool.type == JSON_OBJECT ? tool.text : (struct trunk_slice){0},
                         "name");
            (void)fprintf(out, "\n");
        }
    }
}

static void print_leg(FILE *out, const struct leg *leg) {
    const struct backend *backend = leg_backend(leg);
    if (leg_state(leg) != LEG_READY) {
        (void)fprintf(out, "%s: FAILED\n  %s\n", backend->name,
                      leg_error(leg) != NULL ? leg_error(leg) : "?");
        return;
    }
    (void)fprintf(out, "%s: ok\n  server ", backend->name);
    print_string(out, leg_server_info(leg), "name");
    (void)fprintf(out, " ");
    print_string(out, leg_server_info(leg), "version");
    (void)fprintf(out, "\n  protocol %s\n", leg_protocol(leg));
    print_tools(out, leg);
}

static void connect(struct doctor *doctor) {
    static const struct leg_events events = {.on_opened = on_opened,
                                             .on_ready = ignore_leg,
                                             .on_changed = ignore_leg,
                                             .on_failed = ignore_failure,
                                             .on_list_changed = ignore_list,
                                             .on_notice = ignore_notice,
                                             .on_request = leg_refuse_request};
    const struct backend_registry *backends = &doctor->drivers.backends;
    doctor->legs = xcalloc(backends->count, sizeof(struct leg *));
    for (size_t i = 0; i < backends->count; i++) {
        if (!backends->items[i]->is_disabled) {
            struct leg *leg =
                leg_new(&doctor->env, backends->items[i], "doctor", "", 0, &events, doctor);
            doctor->legs[doctor->nlegs++] = leg;
            doctor->waiting++;
            (void)leg_use(leg, on_ready, doctor);
        }
    }
    if (doctor->waiting > 0) {
        loop_run(doctor->drivers.loop);
    }
}

static int print_all(const struct doctor *doctor, FILE *out) {
    const struct backend_registry *backends = &doctor->drivers.backends;
    size_t leg = 0;
    int code = 0;
    for (size_t i = 0; i < backends->count; i++) {
        if (backends->items[i]->is_disabled) {
            (void)fprintf(out, "%s: disabled\n", backends->items[i]->name);
            continue;
        }
        print_leg(out, doctor->legs[leg]);
        code = leg_state(doctor->legs[leg]) == LEG_READY ? code : 1;
        leg++;
    }
    if (backends->count == 0) {
        (void)fprintf(out, "no backends: mcpServers is empty\n");
    }
    return code;
}

int backends_command(struct config *config, struct log *log, FILE *out) {
    struct doctor doctor = {0};
    int code = 1;
    if (drivers_open(&doctor.drivers, config, log, false) == TRUNK_OK) {
        doctor.env = (struct leg_env){.loop = doctor.drivers.loop,
                                      .log = log,
                                      .clock = &doctor.drivers.clock,
                                      .options = &config->session,
                                      .on_idle = on_idle,
                                      .on_idle_ctx = &doctor};
        connect(&doctor);
        code = print_all(&doctor, out);
        for (size_t i = 0; i < doctor.nlegs; i++) {
            leg_free(doctor.legs[i], false);
        }
        if (doctor.env.transports > 0) {
            loop_run(doctor.drivers.loop);
        }
        loop_turn(doctor.drivers.loop, false);
    }
    free((void *)doctor.legs);
    drivers_close(&doctor.drivers);
    drivers_free(&doctor.drivers);
    return code;
}
