/* SPDX-License-Identifier: MIT
 * model_world.c - time, chance and history of the model test. */
#include "unit/session/model.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

enum { START_MS = 1000000 };

/* There is one clock, and one test that may die. */
static uint64_t now_ms = START_MS;
static struct model *running;

/* In place of the C library's, for libevent too: timers run when the test moves the time. */
int clock_gettime(clockid_t id, struct timespec *now) __attribute__((visibility("default")));
int clock_gettime(clockid_t id, struct timespec *now) {
    (void)id;
    now->tv_sec = (time_t)(now_ms / 1000);
    now->tv_nsec = (long)(now_ms % 1000 * 1000000);
    return 0;
}

uint64_t model_now(void) {
    return now_ms;
}

void model_move_time(uint64_t ms) {
    now_ms += ms;
}

/* splitmix64 */
uint64_t model_random(struct model *model, uint64_t below) {
    uint64_t z = model->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

bool model_chance(struct model *model, unsigned percent) {
    return model_random(model, 100) < percent;
}

void model_note(struct model *model, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buffer_printf(&model->history, "%8" PRIu64 "  %s\n", now_ms - START_MS, text);
}

static void print_history(void) {
    if (running != NULL) {
        (void)fprintf(stderr,
                      "%s\nDisagreement in seed %" PRIu64 " (above: its history).\n"
                      "Again: TRUNKD_TEST_SEED=%" PRIu64 " tests/unit_session_test_model\n",
                      buffer_cstr(&running->history), running->seed, running->seed);
        running = NULL;
    }
}

void model_fail(struct model *model, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    model_note(model, "WRONG: %s", text);
    print_history();
    (void)fflush(NULL);
    _exit(1); /* what is left half-way is of no interest any more */
}

/* An assertion of the core, or a finding of a sanitizer. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void on_abort(int signal_number) {
    (void)signal_number;
    print_history();
    _exit(1);
}

struct model *model_new(uint64_t seed) {
    struct model *model = xcalloc(1, sizeof *model);
    now_ms = START_MS;
    running = model;
    (void)signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(print_history);
    }
    model->seed = seed;
    model->random = seed * UINT64_C(0xd1342543de82ef95);
    STAILQ_INIT(&model->calls);
    model->records.changed = rules_on_change;
    model->records.ctx = model;
    model->backends.on_begin = checks_on_backend_begins;
    model->backends.ctx = model;
    model->options = (struct session_options){.ttl_ms = MODEL_TTL_MS,
                                              .naming = {.prefix_format = "{backend}_"},
                                              .leg_timeout_ms = MODEL_LEG_TIMEOUT_MS,
                                              .list_wait_ms = 10000,
                                              .drain_ms = MODEL_DRAIN_MS};
    model->storage_caps = model_chance(model, 80) || model_has_driver() ? TRUNK_CAP_PERSISTENT : 0;
    model->factory_caps = model_chance(model, 70) ? TRUNK_CAP_RESTORE : 0;
    model->nbackends = model_random(model, 4);
    model->has_required = model_chance(model, 40);
    model->holds_store = model_chance(model, 75);
    model->holds_legs = model_chance(model, 75);
    model->faults_percent = model_chance(model, 35) ? 0 : (unsigned)model_random(model, 40);
    model_note(model, "store %s, legs %s, %zu backends%s, %u %% faults, waits: store %d legs %d",
               model->storage_caps != 0 ? "persistent" : "in memory",
               model->factory_caps != 0 ? "restorable" : "not restorable", model->nbackends,
               model->has_required ? ", the first required" : "", model->faults_percent,
               model->holds_store, model->holds_legs);
    return model;
}

void model_free(struct model *model) {
    struct call *call;
    while ((call = STAILQ_FIRST(&model->calls)) != NULL) {
        STAILQ_REMOVE_HEAD(&model->calls, link);
        free(call);
    }
    for (size_t i = 0; i < model->nknowns; i++) {
        record_clear(&model->knowns[i]->record);
        free(model->knowns[i]);
    }
    cue_records_clear(&model->records);
    cue_backends_clear(&model->backends);
    buffer_free(&model->history);
    free(model);
    running = NULL;
}
