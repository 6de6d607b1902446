/* SPDX-License-Identifier: MIT
 * test_model.c - random histories of the session manager against a reference model of design.md
 * section 5: its calls, answers of store and backends in any order, failures, UNCERTAIN, time,
 * stops and kills. 500 seeds; 20,000 with TRUNKD_TEST_SIZE=long; one with TRUNKD_TEST_SEED=N. It
 * has one thread, so a sanitizer of threads need not see more of it. With arguments DRIVER.so
 * [KEY=VALUE...] the sessions are kept by this driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/session/model.h"

#ifdef __SANITIZE_THREAD__
#define LONG_SEEDS 500
#else
#define LONG_SEEDS 20000
#endif

enum { MAX_KNOWNS = 24, SEEDS = 500 };

/* Rather one of the last ones. */
static struct known *pick_known(struct model *model) {
    if (model->nknowns == 0 || model_chance(model, 3)) {
        return NULL;
    }
    uint64_t back = model_random(model, 1 + model_random(model, model->nknowns));
    return model->knowns[model->nknowns - 1 - back];
}

static struct client *pick_held_client(struct model *model) {
    struct client *client;
    size_t count = 0;
    LIST_FOREACH(client, &model->process->clients, link) {
        count += client->uses + client->streams > 0 ? 1 : 0;
    }
    if (count == 0) {
        return NULL;
    }
    size_t at = model_random(model, count);
    LIST_FOREACH(client, &model->process->clients, link) {
        if (client->uses + client->streams > 0 && at-- == 0) {
            return client;
        }
    }
    return NULL;
}

static void call_something(struct model *model) {
    static const enum call_kind kinds[] = {CALL_GET,       CALL_GET,      CALL_GET,
                                           CALL_VALIDATE,  CALL_VALIDATE, CALL_TERMINATE,
                                           CALL_TERMINATE, CALL_CREATE};
    enum call_kind kind = kinds[model_random(model, sizeof kinds / sizeof kinds[0])];
    struct known *known = pick_known(model);
    if (kind == CALL_CREATE && known != NULL && known->creates > 0) {
        return; /* an id is given to one caller only */
    }
    process_call(model->process, kind, known, model_chance(model, 90));
}

static void create_what_was_generated(struct model *model) {
    for (size_t i = model->nknowns; i > 0; i--) {
        struct known *known = model->knowns[i - 1];
        if (known->is_told && !known->was_created && known->creates == 0 && !known->is_final) {
            process_call(model->process, CALL_CREATE, known, true);
            return;
        }
    }
    if (model->nknowns < MAX_KNOWNS && cue_storage_count_waiting(model->process->store) < 8) {
        process_call(model->process, CALL_GENERATE, NULL, true);
    }
}

static void use_a_live_one(struct model *model) {
    struct known *known = pick_known(model);
    if (known == NULL) {
        return;
    }
    struct manager *manager = model->process->manager;
    struct session *session = manager_find_live(manager, known->id, known->record.principal);
    MODEL_CHECK(model, manager_find_live(manager, known->id, "mallory") == NULL,
                "%s was given to another", known->tag);
    if (session != NULL) {
        struct client *client = session_client(session);
        MODEL_CHECK(model, known->client == client, "%s is live but has ended", known->tag);
        model_note(model, "a use of %s begins", known->tag);
        client_begin_use(client);
    }
}

static void go_on_with_a_held_one(struct model *model) {
    struct client *client = pick_held_client(model);
    if (client == NULL) {
        return;
    }
    const char *tag = client->known->tag;
    bool is_live = session_state(client->session) == SESSION_ACTIVE;
    size_t free_uses = client_count_free_uses(client);
    switch (model_random(model, 9)) {
    case 0:
        model_note(model, "a stream of %s begins", tag);
        client_begin_stream(client);
        break;
    case 1:
        if (client->streams > 0) {
            model_note(model, "a stream of %s ends", tag);
            client_end_stream(client);
        }
        break;
    case 2:
        if (is_live) {
            model_note(model, "%s is initialized", tag);
            client->wants_initialized = true;
            session_set_initialized(client->session);
        }
        break;
    case 3:
        if (free_uses > 0 && is_live) {
            model_note(model, "tools of %s", tag);
            client_list_tools(client);
        }
        break;
    case 4:
        if (free_uses > 0 && is_live) {
            model_note(model, "a call on a leg of %s", tag);
            client_call_leg(client);
        }
        break;
    case 5:
        if (free_uses > 0 && is_live) {
            client_set_log_level(client);
            model_note(model, "%s wants log level %s", tag, client->log_level);
        }
        break;
    default:
        if (free_uses > 0) {
            model_note(model, "a use of %s ends", tag);
            client_end_use(client);
        }
        break;
    }
}

static void let_time_pass(struct model *model) {
    static const uint64_t at_most_ms[] = {20, 300, 300, 1500, 7000, 30000, MODEL_TTL_MS};
    uint64_t ms = 1 + model_random(model, at_most_ms[model_random(model, 7)]);
    model_note(model, "%llu ms pass", (unsigned long long)ms);
    process_let_time_pass(model->process, ms);
}

static void hurt_a_backend(struct model *model) {
    struct process *process = model->process;
    size_t legs = cue_factory_count_legs(process->factory, NULL);
    if (model->faults_percent == 0) {
        return;
    }
    model->leg_faults++;
    if (legs > 0 && model_chance(model, 50)) {
        model_note(model, "a leg goes");
        cue_factory_close_leg_at(process->factory, model_random(model, legs), TRUNK_UNAVAILABLE,
                                 "the backend exited");
    } else if (model->factory_caps != 0 && model->backends.count > 0) {
        uint64_t at = model_random(model, model->backends.count);
        const struct cue_session *session = model->backends.items[at];
        model_note(model, "backend %s loses its session %llu", session->backend,
                   (unsigned long long)session->number);
        cue_backends_end(&model->backends, session->number);
    }
}

static void calm_down(struct model *model) {
    model_note(model, "calm");
    process_calm_down(model->process);
    process_call(model->process, CALL_SWEEP, NULL, true);
    for (size_t i = 0; i < model->nknowns; i++) {
        process_call(model->process, CALL_VALIDATE, model->knowns[i], true);
    }
    process_calm_down(model->process);
    checks_calm(model);
    process_hold(model->process);
}

static void step(struct model *model) {
    struct process *process = model->process;
    uint64_t what = model_random(model, 100);
    model->has_turned = false;
    if (what < 10) {
        create_what_was_generated(model);
    } else if (what < 25) {
        call_something(model);
    } else if (what < 45) {
        process_answer_store(process);
    } else if (what < 60) {
        process_answer_leg(process);
    } else if (what < 80) {
        process_turn(process);
    } else if (what < 83) {
        use_a_live_one(model);
    } else if (what < 90) {
        go_on_with_a_held_one(model);
    } else if (what < 94) {
        let_time_pass(model);
    } else if (what < 96) {
        hurt_a_backend(model);
    } else if (what < 97) {
        process_call(process, CALL_SWEEP, NULL, true);
    } else if (what < 98) {
        calm_down(model);
    } else if (model_chance(model, 40)) {
        process_kill(model);
        process_start(model);
    } else if (model_chance(model, 40)) {
        process_stop(model);
        process_start(model);
    }
}

/* Whatever has happened: every session ends in the end, and nothing of it is left. */
static void end_all(struct model *model) {
    calm_down(model);
    if (model_chance(model, 50)) {
        process_stop(model);
    } else {
        process_kill(model);
    }
    model_move_time(2 * MODEL_TTL_MS);
    model->holds_store = false;
    model->holds_legs = false;
    process_start(model);
    calm_down(model);
    checks_always(model);
    checks_nothing_is_left(model);
    process_stop(model);
}

static void run_seed(uint64_t seed) {
    struct model *model = model_new(seed);
    uint64_t steps = 40 + model_random(model, 200);
    process_start(model);
    for (uint64_t i = 0; i < steps; i++) {
        step(model);
        checks_always(model);
    }
    end_all(model);
    model_free(model);
}

static void test_no_history_disagrees_with_the_model(void **state) {
    const char *one = getenv("TRUNKD_TEST_SEED");
    const char *size = getenv("TRUNKD_TEST_SIZE");
    uint64_t seeds = size != NULL && strcmp(size, "long") == 0 ? LONG_SEEDS : SEEDS;
    (void)state;
    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        run_seed(seed);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_history_disagrees_with_the_model),
    };
    if (argc > 1 && !model_use_driver(argv[1], argv + 2, (size_t)argc - 2)) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
