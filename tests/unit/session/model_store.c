/* SPDX-License-Identifier: MIT
 * model_store.c - a real storage driver beside the records of the model test. */
#include "kit_store.h"
#include "base/status.h"
#include "unit/session/model.h"

enum { FIRST_WALL_MS = 1000000000 };

static struct kit_driver driver; /* one, as the clock is */

bool model_use_driver(const char *file, char *const *pairs, size_t npairs) {
    struct kit_store *store =
        kit_driver_load(&driver, file, pairs, npairs) ? kit_store_open(&driver) : NULL;
    bool is_empty = store != NULL && kit_store_empty(store);
    return store != NULL && kit_store_close(store) == 0 && is_empty;
}

bool model_has_driver(void) {
    return driver.plugin != NULL;
}

static uint64_t wall_now(void) {
    return FIRST_WALL_MS + model_now();
}

/* The host of a driver moves its clock only when it is told. */
static struct kit_store *at_this_time(const struct process *process) {
    struct kit_store *twin = process->twin;
    kit_advance(twin, wall_now() - kit_now_ms(twin));
    return twin;
}

static const struct kit_result *put(struct kit_store *twin, const struct cue_call *call) {
    return call->mode == TRUNK_PUT_CAS
               ? kit_cas(twin, call->key, call->value, call->ttl_ms, call->expect_version)
               : kit_put(twin, call->mode, call->key, call->value, call->ttl_ms);
}

static void check_swept(struct model *model, const struct cue_call *call,
                        const struct kit_result *result) {
    MODEL_CHECK(model, result->nitems == call->nemitted,
                "the driver has swept %zu records, and not %zu", result->nitems, call->nemitted);
    for (size_t i = 0; i < result->nitems; i++) {
        char *key = slice_strdup(result->items[i].key);
        const struct known *known = rules_find(model, key + 2);
        MODEL_CHECK(model, cue_records_find(&model->records, key) == NULL,
                    "the driver has swept %s", known != NULL ? known->tag : key);
        free(key);
    }
}

static size_t count_living(const struct model *model, const char *prefix) {
    size_t count = 0;
    for (size_t i = 0; i < model->records.count; i++) {
        const struct cue_record *record = &model->records.items[i];
        count += strncmp(record->key, prefix, strlen(prefix)) == 0 &&
                         !cue_record_is_expired(record, model_now())
                     ? 1
                     : 0;
    }
    return count;
}

/* All pages: nothing comes or goes meanwhile, so that each record is there once. */
static void check_scanned(struct process *process, const char *prefix) {
    struct model *model = process->model;
    struct kit_store *twin = at_this_time(process);
    struct trunk_slice cursor = {0};
    size_t count = 0;
    do {
        const struct kit_result *page = kit_scan(twin, prefix, cursor, 5, 1);
        MODEL_CHECK(model, page->status == TRUNK_OK, "the driver's scan: %s",
                    status_name(page->status));
        for (size_t i = 0; i < page->nitems; i++) {
            char *key = slice_strdup(page->items[i].key);
            const struct cue_record *record = cue_records_find(&model->records, key);
            MODEL_CHECK(model,
                        record != NULL && record->version == page->items[i].version &&
                            kit_slice_is(page->items[i].value, record->value),
                        "the driver's scan gives another record %s", key);
            free(key);
        }
        count += page->nitems;
        cursor = page->value;
    } while (cursor.len > 0);
    MODEL_CHECK(model, count == count_living(model, prefix), "the driver's scan gives %zu of %zu",
                count, count_living(model, prefix));
}

static void on_done(void *ctx, const struct cue_call *call, struct trunk_reply *reply) {
    struct process *process = ctx;
    struct model *model = process->model;
    struct kit_store *twin = at_this_time(process);
    const struct kit_result *result = NULL;
    if (strcmp(call->what, "ping") == 0) {
        result = kit_ping(twin);
    } else if (strcmp(call->what, "load") == 0) {
        result = kit_load(twin, call->key, call->ttl_ms);
        MODEL_CHECK(model,
                    result->status != TRUNK_OK || (result->version == reply->version &&
                                                   slice_equal(result->value, reply->value)),
                    "the driver loads another record of %s", call->key);
    } else if (strcmp(call->what, "put") == 0) {
        result = put(twin, call);
        reply->version = result->version;
    } else if (strcmp(call->what, "touch") == 0) {
        result = kit_touch(twin, call->key, call->ttl_ms);
    } else if (strcmp(call->what, "remove") == 0) {
        result = kit_remove(twin, call->key);
    } else if (strcmp(call->what, "sweep") == 0) {
        result = kit_sweep(twin, call->limit);
        check_swept(model, call, result);
    } else {
        check_scanned(process, call->key);
    }
    MODEL_CHECK(model, result == NULL || result->status == reply->status,
                "the driver says %s to %s", status_name(result->status), call->what);
}

void store_open_twin(struct process *process) {
    if (!model_has_driver()) {
        return;
    }
    process->twin = kit_store_open_at(&driver, wall_now());
    MODEL_CHECK(process->model, process->twin != NULL, "the driver does not open");
    cue_storage_on_done(process->store, on_done, process);
    check_scanned(process, "");
}

void store_close_twin(struct process *process) {
    if (process->twin != NULL) {
        check_scanned(process, "");
        MODEL_CHECK(process->model, kit_store_close(process->twin) == 0, "the driver broke a rule");
        process->twin = NULL;
    }
}
