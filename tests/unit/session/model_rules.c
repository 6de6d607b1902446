/* SPDX-License-Identifier: MIT
 * model_rules.c - the reference of the model test: what a session's record may become, and what
 * anybody may be told of it (design.md section 5). It knows what the store really holds. */
#include "unit/session/model.h"

#include <inttypes.h>

#include "base/status.h"

struct known *rules_find(struct model *model, const char *id) {
    for (size_t i = 0; i < model->nknowns; i++) {
        if (strcmp(model->knowns[i]->id, id) == 0) {
            return model->knowns[i];
        }
    }
    return NULL;
}

bool rules_is_alive(const struct known *known) {
    return known->is_stored && !known->record.is_terminated && known->expires_ms > model_now();
}

static bool is_idle(const struct known *known) {
    const struct client *client = known->client;
    uint64_t life_ms = client != NULL && client->is_confirmed ? MODEL_TTL_MS : MODEL_SHORT_LIFE_MS;
    return client != NULL && client->uses == 0 && client->streams == 0 &&
           model_now() - known->last_use_ms >= life_ms;
}

bool rules_must_be_ok(const struct known *known) {
    return rules_is_alive(known) && !is_idle(known);
}

void rules_look_for_the_end(struct known *known) {
    if (known->client == NULL && known->creates == 0 && !rules_is_alive(known)) {
        known->is_final = true;
    }
}

/* The record */

static struct known *add_known(struct model *model, const char *key) {
    struct known *known = xcalloc(1, sizeof *known);
    MODEL_CHECK(model, model->nknowns < sizeof model->knowns / sizeof model->knowns[0],
                "too many sessions for the model");
    MODEL_CHECK(model, strncmp(key, "s:", 2) == 0 && id_is_valid(key + 2), "a record %s", key);
    (void)snprintf(known->id, sizeof known->id, "%s", key + 2);
    (void)snprintf(known->key, sizeof known->key, "%s", key);
    id_tag(known->id, known->tag);
    model->knowns[model->nknowns++] = known;
    return known;
}

static const char *describe(const struct record *record) {
    return record->is_terminated ? "terminated" : record->is_active ? "active" : "placeholder";
}

/* Of the changes that only say that it is over. */
static void check_flag(struct model *model, const struct known *known, bool was_active) {
    bool is_failed_build =
        !was_active && known->was_tried && (model->leg_faults > 0 || model->process->is_stopping);
    MODEL_CHECK(model, known->was_asked || known->was_idle || is_idle(known) || is_failed_build,
                "%s was terminated, but nobody asked for it", known->tag);
}

static void check_step(struct model *model, const struct known *known, const struct record *before,
                       const struct record *after) {
    const char *tag = known->tag;
    MODEL_CHECK(model, !before->is_terminated || after->is_terminated, "%s was revived", tag);
    MODEL_CHECK(model, !before->is_active || after->is_active, "%s is a placeholder again", tag);
    MODEL_CHECK(model, before->is_active || !after->is_active || known->was_tried,
                "%s became active, but nobody creates it", tag);
    MODEL_CHECK(model, after->epoch >= before->epoch, "the epoch of %s fell", tag);
    MODEL_CHECK(model, !before->is_initialized || after->is_initialized,
                "%s is no longer initialized", tag);
    MODEL_CHECK(model,
                strcmp(before->principal, after->principal) == 0 &&
                    strcmp(before->protocol, after->protocol) == 0 &&
                    strcmp(before->client, after->client) == 0 &&
                    strcmp(before->capabilities, after->capabilities) == 0 &&
                    before->created_ms == after->created_ms,
                "what %s was made with has changed", tag);
    if (!before->is_terminated && after->is_terminated) {
        check_flag(model, known, before->is_active);
    }
}

static bool is_any_leg_left(const struct model *model, const struct known *known) {
    for (size_t i = 0; i < model->backends.count; i++) {
        const struct cue_session *session = model->backends.items[i];
        if (strcmp(session->tag, known->tag) == 0 && !session->is_unsure) {
            return true;
        }
    }
    return false;
}

static void check_removal(struct model *model, const struct known *known) {
    bool dies_with_process =
        (model->storage_caps & TRUNK_CAP_PERSISTENT) == 0 && model->process->is_stopping;
    bool is_expired = known->expires_ms <= model_now();
    MODEL_CHECK(model, known->record.is_terminated || is_expired || dies_with_process,
                "the record of %s was removed, but it is %s", known->tag, describe(&known->record));
    MODEL_CHECK(model, is_expired || model->process->is_stopping || !is_any_leg_left(model, known),
                "the record of %s was removed before its legs were closed", known->tag);
}

static void on_write(struct model *model, struct known *known, const struct cue_record *after) {
    struct record record = {0};
    const char *what = NULL;
    int32_t status = record_decode(slice_of(after->value, after->value_len), &record, &what);
    MODEL_CHECK(model, status == TRUNK_OK, "a record that cannot be read: %s", what);
    if (known->is_stored) {
        MODEL_CHECK(model, known->expires_ms > model_now(), "%s had expired", known->tag);
        check_step(model, known, &known->record, &record);
    }
    known->was_flagged = known->was_flagged || record.is_terminated;
    record_clear(&known->record);
    known->record = record;
    known->is_stored = true;
    known->expires_ms = after->expires_ms;
    model_note(model, "  record %s: %s epoch %" PRIu64 " legs %zu", known->tag, describe(&record),
               record.epoch, record.nlegs);
}

void rules_on_change(void *ctx, const struct cue_record *before, const struct cue_record *after) {
    struct model *model = ctx;
    struct known *known = rules_find(model, (after != NULL ? after : before)->key + 2);
    if (known == NULL) {
        known = add_known(model, after->key);
    } else if (before == NULL) {
        model_fail(model, "the record of %s was made again", known->tag);
    }
    if (after == NULL) {
        check_removal(model, known);
        known->is_stored = false;
        model_note(model, "  record %s: gone", known->tag);
    } else if (before == NULL || before->version != after->version) {
        on_write(model, known, after);
    } else {
        known->expires_ms = after->expires_ms;
    }
    known->is_harmed =
        known->is_harmed && (after == NULL || after->expires_ms < model_now() + MODEL_TTL_MS);
    rules_look_for_the_end(known);
}

/* Objects */

void rules_on_opened(struct client *client) {
    struct model *model = client->process->model;
    struct known *known = client->known;
    const struct record *record = session_record(client->session);
    MODEL_CHECK(model, known != NULL, "an object of a session without a record");
    MODEL_CHECK(model, known->client == NULL, "two live objects of %s", known->tag);
    MODEL_CHECK(model, known->record.is_active, "%s was opened though its record is a placeholder",
                known->tag);
    MODEL_CHECK(model, !known->is_final, "%s was opened though it is gone", known->tag);
    MODEL_CHECK(model, !known->was_opened || record->epoch > known->epoch,
                "%s was opened twice under epoch %" PRIu64, known->tag, record->epoch);
    known->was_opened = true;
    known->was_idle = false;
    known->epoch = record->epoch;
    known->client = client;
    known->last_use_ms = model_now();
    model_note(model, "  opened %s epoch %" PRIu64, known->tag, record->epoch);
}

void rules_on_ended(struct client *client) {
    struct process *process = client->process;
    struct known *known = client->known;
    MODEL_CHECK(process->model, session_state(client->session) == SESSION_TERMINATED,
                "%s has ended in another state", known->tag);
    MODEL_CHECK(process->model, known->client == client, "%s ended twice", known->tag);
    MODEL_CHECK(process->model, process->is_stopping || !rules_is_alive(known),
                "%s ended though its record lives", known->tag);
    model_note(process->model, "  ended %s", known->tag);
    known->was_idle = is_idle(known);
    known->client = NULL;
    rules_look_for_the_end(known);
}

static bool has_leg(const struct record *record, const char *backend) {
    for (size_t i = 0; i < record->nlegs; i++) {
        if (strcmp(record->legs[i].backend, backend) == 0) {
            return true;
        }
    }
    return false;
}

void rules_on_leg_ready(struct client *client, const char *backend) {
    const struct known *known = client->known;
    MODEL_CHECK(client->process->model, !known->is_stored || has_leg(&known->record, backend),
                "leg %s of %s is used but not in the record", backend, known->tag);
}

/* Answers */

static bool store_failed(const struct call *call) {
    return call->model->store_faults > call->store_faults || call->model->process->is_stopping;
}

void rules_check_generate(struct call *call, int32_t status, const char *id) {
    struct model *model = call->model;
    model_note(model, "call %u: %s", call->number, status_name(status));
    if (status != TRUNK_OK) {
        MODEL_CHECK(model, status == TRUNK_UNAVAILABLE && store_failed(call),
                    "call %u failed, but the store did not", call->number);
        return;
    }
    struct known *known = rules_find(model, id);
    MODEL_CHECK(model, known != NULL && !known->is_told, "call %u gave an id that is not stored",
                call->number);
    MODEL_CHECK(model, strcmp(known->record.principal, call->principal) == 0,
                "call %u stored another principal", call->number);
    known->is_told = true;
}

/* What everybody may be told who is given a session. */
static void check_given(struct call *call, struct session *session) {
    struct model *model = call->model;
    struct known *known = call->known;
    struct client *client = session_client(session);
    MODEL_CHECK(model, known != NULL, "call %u got a session of nobody", call->number);
    MODEL_CHECK(model, call->is_owner, "call %u got another's session", call->number);
    MODEL_CHECK(model, strcmp(session_id(session), known->id) == 0, "call %u got another session",
                call->number);
    MODEL_CHECK(model, !call->was_final, "call %u got %s, which is gone", call->number, known->tag);
    if (call->kind == CALL_GET) {
        client_confirm(client);
    }
}

void rules_check_create(struct call *call, int32_t status, struct session *session) {
    struct model *model = call->model;
    struct known *known = call->known;
    if (known != NULL) {
        known->creates--;
    }
    if (status == TRUNK_OK) {
        check_given(call, session);
        MODEL_CHECK(model, !known->was_created, "%s was created twice", known->tag);
        MODEL_CHECK(model,
                    known->client != NULL || call->model->process->is_stopping ||
                        !rules_is_alive(known),
                    "%s was created but is not live", known->tag);
        known->was_created = true;
        return;
    }
    MODEL_CHECK(model,
                status != TRUNK_NOT_FOUND || known == NULL || !call->is_owner ||
                    !rules_must_be_ok(known),
                "call %u did not find %s", call->number, known->tag);
    MODEL_CHECK(model,
                status != TRUNK_CONFLICT || known->record.is_active || known->was_flagged ||
                    !rules_is_alive(known),
                "call %u gave up %s for nothing", call->number, known->tag);
    MODEL_CHECK(model,
                status != TRUNK_UNAVAILABLE || store_failed(call) ||
                    model->leg_faults > call->leg_faults,
                "call %u failed, but nothing else did", call->number);
    MODEL_CHECK(model,
                known == NULL || known->was_opened || known->creates > 0 ||
                    cue_factory_count_legs(model->process->factory, known->tag) == 0 ||
                    !call->is_owner,
                "call %u failed, but a leg of %s is left", call->number, known->tag);
}

void rules_check_get(struct call *call, int32_t status, struct session *session) {
    struct model *model = call->model;
    const struct known *known = call->known;
    switch (status) {
    case TRUNK_OK:
        check_given(call, session);
        break;
    case TRUNK_NOT_FOUND:
        MODEL_CHECK(model,
                    known == NULL || !call->is_owner || !call->was_active ||
                        !rules_must_be_ok(known) || model->process->is_stopping,
                    "call %u did not find %s", call->number, known->tag);
        break;
    default:
        MODEL_CHECK(model, status == TRUNK_UNAVAILABLE && store_failed(call),
                    "call %u failed, but the store did not", call->number);
    }
}

void rules_check_validate(struct call *call, enum validity validity) {
    static const char *const names[] = {"OK", "TERMINATED", "NOT_FOUND", "CANNOT_TELL"};
    struct model *model = call->model;
    const struct known *known = call->known;
    model_note(model, "call %u: %s", call->number, names[validity]);
    switch (validity) {
    case VALIDITY_OK:
        MODEL_CHECK(model, known != NULL && call->is_owner && !call->was_final,
                    "call %u was told OK of what is gone, or another's", call->number);
        break;
    case VALIDITY_TERMINATED:
        MODEL_CHECK(model, known != NULL && call->is_owner && known->was_flagged,
                    "call %u was told TERMINATED of what never was", call->number);
        break;
    case VALIDITY_NOT_FOUND:
        MODEL_CHECK(model, known == NULL || !call->is_owner || !rules_must_be_ok(known),
                    "call %u did not find %s", call->number, known->tag);
        break;
    case VALIDITY_CANNOT_TELL:
        MODEL_CHECK(model, store_failed(call), "call %u could not tell, but the store could",
                    call->number);
        break;
    }
}

void rules_check_terminate(struct call *call, int32_t status) {
    struct model *model = call->model;
    const struct known *known = call->known;
    model_note(model, "call %u: %s", call->number, status_name(status));
    if (status != TRUNK_OK) {
        MODEL_CHECK(model, status == TRUNK_UNAVAILABLE && store_failed(call),
                    "call %u failed, but the store did not", call->number);
    } else if (known != NULL && call->is_owner) {
        MODEL_CHECK(model, !rules_is_alive(known) || model->process->is_stopping,
                    "call %u was told OK, but the record of %s lives", call->number, known->tag);
        MODEL_CHECK(model,
                    known->client == NULL ||
                        session_state(known->client->session) == SESSION_TERMINATED,
                    "call %u was told OK, but %s is live", call->number, known->tag);
    }
}
