/* SPDX-License-Identifier: MIT
 * model_checks.c - what must hold at any time, and what when everything has calmed down. */
#include "unit/session/model.h"

#include <inttypes.h>

/* Then its life may just be about to begin again. */
static bool is_waited_for(const struct model *model, const struct known *known) {
    const struct cue_storage *store = model->process->store;
    for (size_t i = 0; i < cue_storage_count_waiting(store); i++) {
        const char *key = cue_storage_waiting_key(store, i);
        if (key != NULL && strcmp(key, known->key) == 0) {
            return true;
        }
    }
    return false;
}

static void check_life(struct model *model, struct known *known) {
    const struct client *client = known->client;
    rules_look_for_the_end(known);
    if (model->has_turned && !known->is_harmed && known->was_used && rules_is_alive(known) &&
        !is_waited_for(model, known)) {
        MODEL_CHECK(model, known->expires_ms >= known->last_use_ms + MODEL_TTL_MS,
                    "the life of %s is too short: it ends at %" PRIu64, known->tag,
                    known->expires_ms);
    }
    MODEL_CHECK(model,
                client == NULL || !known->was_used || known->is_harmed ||
                    known->expires_ms > model_now() || (client->uses == 0 && client->streams == 0),
                "%s expired in use", known->tag);
}

/* While nothing fails, what a record names is there. */
static void check_named(struct model *model, const struct known *known) {
    for (size_t i = 0; rules_is_alive(known) && i < known->record.nlegs; i++) {
        const struct record_leg *leg = &known->record.legs[i];
        uint64_t number = strtoull(leg->session, NULL, 10);
        MODEL_CHECK(model,
                    model->leg_faults > 0 || model->store_faults > 0 || number == 0 ||
                        cue_backends_find(&model->backends, number) != NULL,
                    "the record of %s names session %" PRIu64 " of backend %s, which has ended",
                    known->tag, number, leg->backend);
    }
}

void checks_always(struct model *model) {
    size_t live = 0;
    for (size_t i = 0; i < model->nknowns; i++) {
        check_life(model, model->knowns[i]);
        check_named(model, model->knowns[i]);
        live += model->knowns[i]->client != NULL ? 1 : 0;
    }
    MODEL_CHECK(model, manager_count_live(model->process->manager) == live,
                "the manager has %zu live sessions and should have %zu",
                manager_count_live(model->process->manager), live);
    MODEL_CHECK(model, model->backends.mistakes == 0,
                "a request's number did not rise within its backend's session");
}

static const struct known *find_by_tag(const struct model *model, const char *tag) {
    for (size_t i = 0; i < model->nknowns; i++) {
        if (strcmp(model->knowns[i]->tag, tag) == 0) {
            return model->knowns[i];
        }
    }
    return NULL;
}

static bool is_recorded(const struct known *known, const struct cue_session *session) {
    if (known == NULL || !known->is_stored) {
        return false;
    }
    for (size_t i = 0; i < known->record.nlegs; i++) {
        const struct record_leg *leg = &known->record.legs[i];
        if (strcmp(leg->backend, session->backend) == 0 &&
            strtoull(leg->session, NULL, 10) == session->number) {
            return true;
        }
    }
    return false;
}

void checks_on_backend_begins(void *ctx, const struct cue_session *session) {
    struct model *model = ctx;
    const struct known *known = find_by_tag(model, session->tag);
    if (model->store_faults > 0 || model->leg_faults > 0 || !rules_is_alive(known)) {
        return;
    }
    for (size_t i = 0; i < model->backends.count; i++) {
        const struct cue_session *other = model->backends.items[i];
        MODEL_CHECK(model,
                    strcmp(other->backend, session->backend) != 0 || !is_recorded(known, other),
                    "%s did not go on with its session %" PRIu64 " of backend %s", session->tag,
                    other->number, session->backend);
    }
}

/* A session of a backend belongs to a live session's leg, or a record names it. */
static void check_backends(struct model *model) {
    for (size_t i = 0; i < model->backends.count; i++) {
        const struct cue_session *session = model->backends.items[i];
        MODEL_CHECK(model,
                    session->is_unsure ||
                        cue_factory_has_leg_on(model->process->factory, session->number) ||
                        is_recorded(find_by_tag(model, session->tag), session),
                    "session %" PRIu64 " of backend %s was left open by %s", session->number,
                    session->backend, session->tag);
    }
}

static void check_legs(struct model *model) {
    const struct cue_factory *factory = model->process->factory;
    size_t of_live = 0;
    for (size_t i = 0; i < model->nknowns; i++) {
        if (model->knowns[i]->client != NULL) {
            of_live += cue_factory_count_legs(factory, model->knowns[i]->tag);
        }
    }
    MODEL_CHECK(model, cue_factory_count_legs(factory, NULL) == of_live,
                "%zu legs, but live sessions have %zu", cue_factory_count_legs(factory, NULL),
                of_live);
}

void checks_calm(struct model *model) {
    const struct client *client;
    const struct call *call;
    STAILQ_FOREACH(call, &model->calls, link) {
        MODEL_CHECK(model, call->answers == 1, "call %u was not answered", call->number);
    }
    MODEL_CHECK(model, storage_count_pending(model->process->storage) == 0,
                "a call of the store is pending");
    for (size_t i = 0; i < model->nknowns; i++) {
        const struct known *known = model->knowns[i];
        client = known->client;
        MODEL_CHECK(model, client == NULL || client_count_calls(client) == 0,
                    "a call on a leg of %s has no end", known->tag);
        MODEL_CHECK(model,
                    client == NULL || !client->wants_initialized || !rules_is_alive(known) ||
                        known->record.is_initialized,
                    "the record of %s does not say that it is initialized", known->tag);
        MODEL_CHECK(model,
                    client == NULL || client->log_level == NULL || !rules_is_alive(known) ||
                        strcmp(known->record.log_level, client->log_level) == 0,
                    "the record of %s has not the log level %s", known->tag, client->log_level);
    }
    LIST_FOREACH(client, &model->process->clients, link) {
        MODEL_CHECK(model, client->levels == 0, "a log level of %s has no answer",
                    client->known->tag);
    }
    check_legs(model);
    check_backends(model);
}

void checks_stopped(struct model *model) {
    check_backends(model);
}

void checks_nothing_is_left(struct model *model) {
    MODEL_CHECK(model, model->records.count == 0, "%zu records are left", model->records.count);
    for (size_t i = 0; i < model->backends.count; i++) {
        const struct cue_session *session = model->backends.items[i];
        MODEL_CHECK(model, session->is_unsure, "session %" PRIu64 " of backend %s is left open",
                    session->number, session->backend);
    }
}

/* Lost is what no record names: sessions that were not initialized yet, those of a store in memory,
 * and those that were being closed for a record that the sweep had taken. */
void checks_on_death(struct model *model) {
    for (size_t i = 0; i < model->backends.count; i++) {
        struct cue_session *session = model->backends.items[i];
        const struct known *known = find_by_tag(model, session->tag);
        bool is_lost = !session->is_initialized || model->storage_caps == 0 || known == NULL ||
                       !known->is_stored;
        session->is_unsure = session->is_unsure || is_lost;
    }
}

void checks_forget_store(struct model *model) {
    cue_records_clear(&model->records);
    for (size_t i = 0; i < model->nknowns; i++) {
        model->knowns[i]->is_stored = false;
        rules_look_for_the_end(model->knowns[i]);
    }
}
