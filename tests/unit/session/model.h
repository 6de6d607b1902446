/* SPDX-License-Identifier: MIT
 * model.h - the model test: a world of one store and its backends, in which trunkd's session
 * manager runs, is stopped, is killed and runs again, and what anybody may be told of any session
 * (design.md section 5). Time is the test's own, so a seed gives the same history every time. */
#ifndef TRUNKD_TEST_SESSION_MODEL_H
#define TRUNKD_TEST_SESSION_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "session/manager.h"
#include "support/cue_factory.h"
#include "support/cue_storage.h"

enum {
    MODEL_TTL_MS = 120000,
    MODEL_LEG_TIMEOUT_MS = 20000,
    MODEL_SHORT_LIFE_MS = MODEL_LEG_TIMEOUT_MS + 30000, /* of an id that was never used */
    MODEL_STORE_TIMEOUT_MS = 5000,
    MODEL_DRAIN_MS = 2000,
    MODEL_RETRY_MS = 1000 /* of a write that the store did not take */
};

/* An id that the store has seen. */
struct known {
    char id[SESSION_ID_SIZE];
    char tag[SESSION_TAG_SIZE];
    char key[RECORD_KEY_SIZE];
    bool is_told;     /* generate gave it out */
    bool was_tried;   /* somebody called create_session */
    bool was_created; /* create_session said OK */
    bool was_asked;   /* its owner asked to terminate it */
    bool was_idle;    /* when its last object ended */
    bool is_final;    /* it is gone: nobody who asks from now on is told OK */
    bool is_stored;   /* there is a record: */
    bool was_used;    /* so its client has got its id */
    bool was_flagged; /* sometime */
    bool is_harmed;   /* a write of its life failed or was late */
    bool was_opened;  /* as an ACTIVE object, under: */
    uint64_t epoch;
    struct record record;
    uint64_t expires_ms;
    uint64_t last_use_ms;  /* at least */
    struct client *client; /* of its ACTIVE object; NULL: there is none */
    size_t creates;        /* under way */
};

struct leg_call;

/* The client's side of one session object. */
struct client {
    LIST_ENTRY(client) link;
    struct process *process;
    struct known *known;
    struct session *session;
    size_t uses; /* those of its leg calls too */
    size_t streams;
    bool is_confirmed;
    bool wants_initialized;
    const char *log_level; /* as last asked for; NULL: not */
    size_t levels;         /* asked for and not yet answered */
    LIST_HEAD(, leg_call) calls;
};

/* One trunkd, from its start to its stop or its death. */
struct process {
    struct model *model;
    struct loop *loop;
    struct clock clock;
    struct host_env env;
    struct cue_storage *store;
    struct kit_store *twin; /* NULL unless a driver was named */
    struct cue_factory *factory;
    struct storage *storage;
    struct backend_registry registry;
    struct manager *manager;
    LIST_HEAD(, client) clients;
    bool is_dead;
    bool is_stopping;
    size_t stopped; /* told so */
};

enum call_kind { CALL_GENERATE, CALL_CREATE, CALL_GET, CALL_VALIDATE, CALL_TERMINATE, CALL_SWEEP };

/* A call of the manager. */
struct call {
    STAILQ_ENTRY(call) link;
    unsigned number;
    enum call_kind kind;
    struct model *model;
    struct known *known;   /* NULL: of an id that nobody knows, or none */
    bool is_owner;         /* of the session's principal */
    const char *principal; /* of a generate */
    bool was_final;        /* when it was made */
    bool was_active;
    size_t store_faults; /* until then */
    size_t leg_faults;
    bool is_inside; /* the manager has not come back from it yet */
    bool is_of_the_dead;
    size_t answers;
};

struct model {
    uint64_t seed;
    uint64_t random;
    struct buffer history;
    struct cue_records records;
    struct cue_backends backends;
    uint32_t storage_caps;
    uint32_t factory_caps;
    size_t nbackends;
    bool has_required;
    bool holds_store;
    bool holds_legs;
    unsigned faults_percent;
    struct session_options options;
    struct process *process;
    struct known *knowns[64];
    size_t nknowns;
    unsigned ncalls;
    STAILQ_HEAD(, call) calls;
    bool has_turned;     /* since anything else was done: what can go on has gone on */
    size_t store_faults; /* answers that were not what the store would have said, so far */
    size_t leg_faults;
    size_t told_store_faults; /* those that the manager has heard of */
    size_t told_leg_faults;
};

/* model_world.c: time, chance, and the end of a test that failed. */
uint64_t model_now(void);
void model_move_time(uint64_t ms);
uint64_t model_random(struct model *model, uint64_t below);
bool model_chance(struct model *model, unsigned percent);
__attribute__((format(printf, 2, 3))) void model_note(struct model *model, const char *format, ...);
__attribute__((format(printf, 2, 3), noreturn)) void model_fail(struct model *model,
                                                                const char *format, ...);
#define MODEL_CHECK(MODEL, CONDITION, ...)                                                         \
    do {                                                                                           \
        if (!(CONDITION)) {                                                                        \
            model_fail((MODEL), __VA_ARGS__);                                                      \
        }                                                                                          \
    } while (false)
struct model *model_new(uint64_t seed);
void model_free(struct model *model);

/* model_process.c: trunkd's life, and its calls. */
void process_start(struct model *model);
void process_kill(struct model *model);
void process_stop(struct model *model);
void process_turn(struct process *process);
void process_let_time_pass(struct process *process, uint64_t ms);
/* Everything that waits goes on, until nothing happens any more; then it may wait again. */
void process_calm_down(struct process *process);
void process_hold(struct process *process);
void process_answer_store(struct process *process);
void process_answer_leg(struct process *process);
void process_call(struct process *process, enum call_kind kind, struct known *known, bool is_owner);

/* model_store.c: a storage driver as it is shipped does all that the records do, each process with
 * an instance of its own, and must answer alike. */
bool model_use_driver(const char *file, char *const *pairs, size_t npairs); /* false: said why */
bool model_has_driver(void);
void store_open_twin(struct process *process);
void store_close_twin(struct process *process);

/* model_client.c: what a client does with a session. */
extern const struct session_client_ops client_ops;
void client_confirm(struct client *client); /* it has its id */
void client_begin_use(struct client *client);
void client_end_use(struct client *client);
void client_begin_stream(struct client *client);
void client_end_stream(struct client *client);
void client_set_log_level(struct client *client);
void client_call_leg(struct client *client);   /* takes one of its uses */
void client_list_tools(struct client *client); /* likewise */
size_t client_count_free_uses(const struct client *client);
void client_drop_all(struct client *client);
size_t client_count_calls(const struct client *client);

/* model_rules.c: the reference. */
void rules_on_change(void *ctx, const struct cue_record *before, const struct cue_record *after);
bool rules_is_alive(const struct known *known); /* its record says so */
/* Once it is gone and no object of it is live, it is gone for good. */
void rules_look_for_the_end(struct known *known);
/* Its owner must be told so, unless the store fails. */
bool rules_must_be_ok(const struct known *known);
void rules_on_opened(struct client *client);
void rules_on_ended(struct client *client);
void rules_on_leg_ready(struct client *client, const char *backend);
struct known *rules_find(struct model *model, const char *id);
void rules_check_generate(struct call *call, int32_t status, const char *id);
void rules_check_create(struct call *call, int32_t status, struct session *session);
void rules_check_get(struct call *call, int32_t status, struct session *session);
void rules_check_validate(struct call *call, enum validity validity);
void rules_check_terminate(struct call *call, int32_t status);

/* model_checks.c: what must hold beside the answers. */
void checks_always(struct model *model);
void checks_calm(struct model *model);            /* nothing waits and nothing fails */
void checks_nothing_is_left(struct model *model); /* every life has ended */
/* A backend's session begins, which is needless while an earlier one could be gone on with. */
void checks_on_backend_begins(void *ctx, const struct cue_session *session);
void checks_stopped(struct model *model);
void checks_on_death(struct model *model);     /* before a process that was killed winds down */
void checks_forget_store(struct model *model); /* it died with the process */

#endif
