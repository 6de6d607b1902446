/* SPDX-License-Identifier: MIT
 * model_process.c - one trunkd of the model test: it starts, does its calls, is stopped or killed.
 */
#include "unit/session/model.h"

#include <inttypes.h>

#include "base/status.h"

static void make_backends(struct process *process) {
    static const char *const names[] = {"a", "b", "c"};
    const struct model *model = process->model;
    for (size_t i = 0; i < model->nbackends; i++) {
        struct param_list none = {0};
        backend_registry_add(&process->registry, names[i], cue_factory_driver(process->factory),
                             &none, false, i == 0 && model->has_required, 20000, 0);
    }
}

void process_start(struct model *model) {
    struct process *process = xcalloc(1, sizeof *process);
    model_note(model, "trunkd starts");
    model->process = process;
    process->model = model;
    process->loop = loop_new();
    clock_init(&process->clock);
    process->env =
        (struct host_env){process->loop, NULL, &process->clock, op_table_new(process->loop, NULL)};
    process->store = cue_storage_new_on(&process->env, model->storage_caps, 0, &model->records);
    store_open_twin(process);
    process->factory = cue_factory_new_on(&process->env, model->factory_caps, &model->backends);
    process->storage = storage_new(cue_storage_driver(process->store), MODEL_STORE_TIMEOUT_MS);
    LIST_INIT(&process->clients);
    make_backends(process);
    process_hold(process);
    struct manager_config config = {.loop = process->loop,
                                    .clock = &process->clock,
                                    .storage = process->storage,
                                    .registry = &process->registry,
                                    .options = &model->options,
                                    .node = "node",
                                    .client_ops = &client_ops,
                                    .client_ctx = process};
    process->manager = manager_new(&config);
}

void process_hold(struct process *process) {
    if (process->model->holds_store) {
        cue_storage_hold_all(process->store);
    }
    if (process->model->holds_legs) {
        cue_factory_hold_all(process->factory);
    }
}

void process_turn(struct process *process) {
    struct model *model = process->model;
    size_t store_faults = model->store_faults;
    size_t leg_faults = model->leg_faults;
    loop_turn(process->loop, false);
    model->has_turned = true;
    model->told_store_faults = store_faults;
    model->told_leg_faults = leg_faults;
}

static struct known *find_by_key(struct model *model, const char *key) {
    return key != NULL ? rules_find(model, key + 2) : NULL;
}

/* Whatever waits for the store now is late. */
static void blame_the_store(struct process *process) {
    struct model *model = process->model;
    for (size_t i = 0; i < cue_storage_count_waiting(process->store); i++) {
        struct known *known = find_by_key(model, cue_storage_waiting_key(process->store, i));
        model->store_faults++;
        if (known != NULL) {
            known->is_harmed = true;
        }
    }
    model->leg_faults += cue_factory_count_waiting(process->factory);
}

/* One that comes too late for its deadline would emit into the void, and what the records named be
 * left open: a store this slow loses them (trunk/storage.h, sweep: UNCERTAIN). */
static void answer_sweeps(struct process *process) {
    size_t at = 0;
    while (at < cue_storage_count_waiting(process->store)) {
        if (strcmp(cue_storage_waiting_what(process->store, at), "sweep") == 0) {
            cue_storage_release_at(process->store, at);
        } else {
            at++;
        }
    }
}

void process_let_time_pass(struct process *process, uint64_t ms) {
    const uint64_t step_ms = 250;
    while (ms > 0) {
        answer_sweeps(process);
        uint64_t part_ms = ms < step_ms ? ms : step_ms;
        model_move_time(part_ms);
        ms -= part_ms;
        blame_the_store(process);
        process_turn(process);
        process_turn(process);
    }
}

void process_calm_down(struct process *process) {
    cue_storage_let_all(process->store);
    cue_factory_let_all(process->factory);
    process_turn(process);
    process_let_time_pass(process, MODEL_DRAIN_MS + MODEL_RETRY_MS + 10);
    for (int i = 0; i < 5; i++) {
        process_turn(process);
    }
}

/* Answers */

static void fail_store_call(struct process *process, size_t at, const char *what) {
    static const int32_t statuses[] = {TRUNK_UNAVAILABLE, TRUNK_UNAVAILABLE, TRUNK_UNCERTAIN,
                                       TRUNK_UNCERTAIN,   TRUNK_DENIED,      TRUNK_INTERNAL};
    struct model *model = process->model;
    bool is_read = strcmp(what, "load") == 0;
    int32_t status = is_read ? TRUNK_UNAVAILABLE : statuses[model_random(model, 6)];
    bool may_be_applied = status == TRUNK_UNCERTAIN || status == TRUNK_INTERNAL;
    bool is_applied = may_be_applied && model_chance(model, 50);
    model->store_faults++;
    model_note(model, "  the store answers %s with %s%s", what, status_name(status),
               is_applied ? ", done" : "");
    cue_storage_answer_at(process->store, at, status, is_applied);
}

void process_answer_store(struct process *process) {
    struct model *model = process->model;
    size_t count = cue_storage_count_waiting(process->store);
    if (count == 0) {
        return;
    }
    size_t at = model_random(model, count);
    const char *what = cue_storage_waiting_what(process->store, at);
    struct known *known = find_by_key(model, cue_storage_waiting_key(process->store, at));
    bool fails = model_chance(model, model->faults_percent);
    if (fails) {
        if (known != NULL) {
            known->is_harmed = true; /* until the next write of its life that is done */
        }
        fail_store_call(process, at, what);
    } else {
        model_note(model, "  the store does %s %s", what, known != NULL ? known->tag : "");
        cue_storage_release_at(process->store, at);
    }
}

static void fail_leg_call(struct process *process, size_t at, const char *what) {
    static const int32_t statuses[] = {TRUNK_UNAVAILABLE, TRUNK_UNCERTAIN, TRUNK_NOT_FOUND,
                                       TRUNK_DENIED};
    struct model *model = process->model;
    int32_t status = statuses[model_random(model, 4)];
    if (strcmp(what, "make") == 0 || strcmp(what, "snapshot") == 0) {
        status = TRUNK_UNAVAILABLE;
    }
    bool is_applied = status == TRUNK_UNCERTAIN && model_chance(model, 50);
    model->leg_faults++;
    model_note(model, "  backend %s answers %s with %s%s",
               cue_factory_waiting_backend(process->factory, at), what, status_name(status),
               is_applied ? ", done" : "");
    cue_factory_complete_at(process->factory, at, status, is_applied);
}

void process_answer_leg(struct process *process) {
    struct model *model = process->model;
    size_t count = cue_factory_count_waiting(process->factory);
    if (count == 0) {
        return;
    }
    size_t at = model_random(model, count);
    const char *what = cue_factory_waiting_what(process->factory, at);
    if (model_chance(model, model->faults_percent / 2)) {
        fail_leg_call(process, at, what);
    } else {
        model_note(model, "  backend %s does %s", cue_factory_waiting_backend(process->factory, at),
                   what);
        cue_factory_release_at(process->factory, at);
    }
}

/* Ends */

static void on_stopped(void *ctx) {
    struct process *process = ctx;
    process->stopped++;
}

static void drop_all_uses(struct process *process) {
    struct client *client = LIST_FIRST(&process->clients);
    while (client != NULL) {
        struct client *next = LIST_NEXT(client, link);
        client_drop_all(client);
        client = next;
    }
}

static void end_process(struct process *process) {
    struct model *model = process->model;
    MODEL_CHECK(model, process->stopped == 1, "manager_stop told %zu times that it is done",
                process->stopped);
    MODEL_CHECK(model, LIST_EMPTY(&process->clients), "a session outlived its manager");
    MODEL_CHECK(model, cue_factory_count_legs(process->factory, NULL) == 0,
                "a leg outlived its manager");
    MODEL_CHECK(model, storage_count_pending(process->storage) == 0,
                "a call of the store outlived the manager");
    MODEL_CHECK(model, op_count_pending(process->env.ops, NULL) == 0,
                "a call of a driver outlived the manager");
    MODEL_CHECK(model, op_count_mistakes(process->env.ops) == 0, "a driver broke a rule");
    storage_stop(process->storage);
    manager_free(process->manager);
    driver_free(cue_factory_driver(process->factory));
    driver_free(cue_storage_driver(process->store));
    process_turn(process);
    storage_free(process->storage);
    store_close_twin(process);
    backend_registry_clear(&process->registry);
    cue_factory_free(process->factory);
    cue_storage_free(process->store);
    op_table_free(process->env.ops);
    loop_free(process->loop);
    free(process);
    model->process = NULL;
    if ((model->storage_caps & TRUNK_CAP_PERSISTENT) == 0) {
        checks_forget_store(model);
    }
}

static void check_all_answered(struct model *model) {
    const struct call *call;
    STAILQ_FOREACH(call, &model->calls, link) {
        MODEL_CHECK(model, call->answers == 1, "call %u was answered %zu times", call->number,
                    call->answers);
    }
}

/* What was under way may have reached the store or the backend, or not; nothing does any more. The
 * manager's memory is then freed by stopping it, which nobody but this process sees. */
void process_kill(struct model *model) {
    struct process *process = model->process;
    struct known *known;
    model_note(model, "trunkd is killed");
    while (cue_storage_count_waiting(process->store) > 0) {
        cue_storage_answer_at(process->store, 0, TRUNK_UNAVAILABLE, model_chance(model, 50));
    }
    while (cue_factory_count_waiting(process->factory) > 0) {
        cue_factory_complete_at(process->factory, 0, TRUNK_UNAVAILABLE, model_chance(model, 50));
    }
    process->is_dead = true;
    cue_storage_let_all(process->store);
    cue_storage_set_status(process->store, TRUNK_UNAVAILABLE);
    cue_factory_cut_off(process->factory);
    for (size_t i = 0; i < model->nknowns; i++) {
        known = model->knowns[i];
        known->client = NULL;
        known->creates = 0;
        known->is_harmed = true;
    }
    struct call *call;
    STAILQ_FOREACH(call, &model->calls, link) {
        call->is_of_the_dead = true;
    }
    checks_on_death(model);
    drop_all_uses(process);
    manager_stop(process->manager, on_stopped, process);
    for (int i = 0; i < 50 && process->stopped == 0; i++) {
        process_turn(process);
        drop_all_uses(process);
    }
    for (int i = 0; i < 5; i++) {
        process_turn(process);
    }
    check_all_answered(model);
    end_process(process);
}

void process_stop(struct model *model) {
    struct process *process = model->process;
    model_note(model, "trunkd is stopped");
    process->is_stopping = true;
    manager_stop(process->manager, on_stopped, process);
    for (int i = 0; i < 60 && process->stopped == 0; i++) {
        switch (model_random(model, 8)) {
        case 0:
            process_let_time_pass(process, model_random(model, MODEL_DRAIN_MS));
            break;
        case 1:
            if (model->nknowns > 0) {
                process_call(process, (enum call_kind)(CALL_VALIDATE + model_random(model, 2)),
                             model->knowns[model_random(model, model->nknowns)], true);
            }
            break;
        case 2:
        case 3:
            process_turn(process);
            break;
        case 4:
        case 5:
            process_answer_leg(process);
            break;
        default:
            process_answer_store(process);
            break;
        }
    }
    drop_all_uses(process);
    process_calm_down(process);
    drop_all_uses(process);
    process_calm_down(process);
    check_all_answered(model);
    for (size_t i = 0; i < model->nknowns; i++) {
        struct known *known = model->knowns[i];
        MODEL_CHECK(model, known->client == NULL, "session %s is live after manager_stop",
                    known->tag);
        known->is_harmed = true;
    }
    checks_stopped(model);
    end_process(process);
}

/* Calls */

/* Who joins a restore may get to hear of what went wrong before. */
static void blame_as_others_do(struct call *call) {
    const struct call *other;
    STAILQ_FOREACH(other, &call->model->calls, link) {
        if (other->answers == 0 && other->kind == CALL_GET && other->known == call->known) {
            call->store_faults = other->store_faults;
            return;
        }
    }
}

static void begin(struct call *call) {
    struct model *model = call->model;
    call->number = ++model->ncalls;
    call->store_faults = model->told_store_faults;
    call->leg_faults = model->told_leg_faults;
    if (call->kind == CALL_GET) {
        blame_as_others_do(call);
    }
    call->was_final = call->known == NULL || call->known->is_final;
    call->was_active = call->known != NULL && call->known->record.is_active;
    call->is_inside = true;
    STAILQ_INSERT_TAIL(&model->calls, call, link);
}

/* True: the answer is to be looked at. */
static bool take_answer(struct call *call) {
    struct model *model = call->model;
    call->answers++;
    MODEL_CHECK(model, !call->is_inside, "call %u was answered inside itself", call->number);
    MODEL_CHECK(model, call->answers == 1, "call %u was answered again", call->number);
    return !call->is_of_the_dead;
}

static void on_generated(void *ctx, int32_t status, const char *text, const char *id) {
    struct call *call = ctx;
    (void)text;
    if (take_answer(call)) {
        rules_check_generate(call, status, id);
    }
}

static void on_session(void *ctx, int32_t status, const char *text, struct session *session) {
    struct call *call = ctx;
    struct client *client = session != NULL ? session_client(session) : NULL;
    if (client != NULL) {
        client->uses++;
    }
    if (take_answer(call)) {
        model_note(call->model, "call %u: %s %s", call->number, status_name(status), text);
        MODEL_CHECK(call->model, (status == TRUNK_OK) == (session != NULL),
                    "call %u: a session goes with OK, and with OK alone", call->number);
        if (call->kind == CALL_CREATE) {
            rules_check_create(call, status, session);
        } else {
            rules_check_get(call, status, session);
        }
    }
    if (client != NULL && (call->is_of_the_dead || session_state(session) == SESSION_TERMINATED)) {
        client_end_use(client); /* too late for anything */
    }
}

static void on_validity(void *ctx, enum validity validity) {
    struct call *call = ctx;
    if (take_answer(call)) {
        rules_check_validate(call, validity);
    }
}

static void on_terminated(void *ctx, int32_t status, const char *text) {
    struct call *call = ctx;
    (void)text;
    if (take_answer(call)) {
        rules_check_terminate(call, status);
    }
}

static void on_swept(void *ctx) {
    (void)take_answer(ctx);
}

static const char *const kind_names[] = {"generate", "create_session", "get_multi_session",
                                         "validate", "terminate",      "sweep"};

static void generate(struct process *process, struct call *call) {
    call->principal = model_chance(process->model, 50) ? "alice" : "";
    struct manager_client client = {.principal = call->principal,
                                    .protocol = "2025-06-18",
                                    .client = slice_cstr("{\"name\":\"t\"}"),
                                    .capabilities = slice_cstr("{}")};
    manager_generate(process->manager, &client, on_generated, call);
}

void process_call(struct process *process, enum call_kind kind, struct known *known,
                  bool is_owner) {
    struct model *model = process->model;
    struct manager *manager = process->manager;
    struct call *call = xcalloc(1, sizeof *call);
    char id[SESSION_ID_SIZE];
    *call = (struct call){.kind = kind, .model = model, .known = known, .is_owner = is_owner};
    id_generate(id); /* nobody's, unless: */
    if (known != NULL) {
        memcpy(id, known->id, sizeof id);
    }
    const char *principal = known != NULL ? known->record.principal : "alice";
    principal = is_owner ? principal : "mallory";
    begin(call);
    model_note(model, "call %u: %s %s%s", call->number, kind_names[kind],
               known != NULL ? known->tag : "", is_owner ? "" : " by another");
    switch (kind) {
    case CALL_GENERATE:
        generate(process, call);
        break;
    case CALL_CREATE:
        if (known != NULL) {
            known->creates++;
            known->was_tried = true;
        }
        manager_create_session(manager, id, principal, on_session, call);
        break;
    case CALL_GET:
        manager_get_multi_session(manager, id, principal, on_session, call);
        break;
    case CALL_VALIDATE:
        manager_validate(manager, id, principal, on_validity, call);
        break;
    case CALL_TERMINATE:
        if (known != NULL && is_owner) {
            known->was_asked = true;
        }
        manager_terminate(manager, id, principal, on_terminated, call);
        break;
    case CALL_SWEEP:
        manager_sweep(manager, on_swept, call);
        break;
    }
    call->is_inside = false;
}
