/* SPDX-License-Identifier: MIT
 * kit_cases_model.c - all of rule 9 at once: many random calls on few keys, each answer compared
 * with a model that is too simple to be wrong. */
#include "kit_case.h"

#include <stdio.h>

enum { KEYS = 24, STEPS = 20000, MOST_TTL_MS = 500, SCAN_EVERY = 200 };

struct model_record {
    bool is_stored; /* expired ones too, until swept */
    uint64_t expires_ms;
    uint64_t version;
    uint64_t value; /* as text it is the record's value */
    uint64_t last_seq;
    unsigned entries;
};

struct model {
    struct kit_store *store;
    bool has_log;
    uint64_t random; /* state of xorshift, begun the same each time: a failure can be repeated */
    uint64_t last_value;
    struct model_record records[KEYS];
};

struct text {
    char bytes[24];
};

static struct text text_of(uint64_t value) {
    struct text text;
    (void)snprintf(text.bytes, sizeof text.bytes, "%llu", (unsigned long long)value);
    return text;
}

static uint64_t draw(struct model *model, uint64_t below) {
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return model->random % below;
}

static bool is_expired(const struct model *model, const struct model_record *record) {
    return record->is_stored && record->expires_ms != 0 &&
           record->expires_ms <= kit_now_ms(model->store);
}

static bool is_living(const struct model *model, const struct model_record *record) {
    return record->is_stored && !is_expired(model, record);
}

static uint64_t draw_ttl(struct model *model) {
    return draw(model, 5) == 0 ? 0 : 1 + draw(model, MOST_TTL_MS);
}

static uint64_t end_of_life(const struct model *model, uint64_t ttl_ms) {
    return ttl_ms == 0 ? 0 : kit_now_ms(model->store) + ttl_ms;
}

static void step_put(struct model *model, const char *key, struct model_record *record) {
    uint32_t mode = (uint32_t)(TRUNK_PUT_CREATE + draw(model, 4));
    uint64_t ttl_ms = draw_ttl(model);
    struct text value = text_of(++model->last_value);
    bool was_living = is_living(model, record);
    int32_t expected = TRUNK_OK;
    const struct kit_result *result = NULL;
    if (mode == TRUNK_PUT_CAS) {
        bool is_right = draw(model, 2) == 0;
        uint64_t version = is_right ? record->version : record->version + 1;
        expected = !was_living ? TRUNK_NOT_FOUND : is_right ? TRUNK_OK : TRUNK_CONFLICT;
        result = kit_cas(model->store, key, value.bytes, ttl_ms, version);
    } else {
        if (mode == TRUNK_PUT_CREATE && was_living) {
            expected = TRUNK_EXISTS;
        } else if (mode == TRUNK_PUT_UPDATE && !was_living) {
            expected = TRUNK_NOT_FOUND;
        }
        result = kit_put(model->store, mode, key, value.bytes, ttl_ms);
    }
    assert_status(result, expected);
    if (expected != TRUNK_OK) {
        return;
    }
    assert_int_not_equal(result->version, 0);
    assert_int_not_equal(result->version, record->version);
    if (!was_living) {
        *record = (struct model_record){.is_stored = true};
    }
    record->expires_ms = end_of_life(model, ttl_ms);
    record->version = result->version;
    record->value = model->last_value;
}

static void step_load(struct model *model, const char *key, struct model_record *record) {
    uint64_t touch_ttl_ms = draw_ttl(model);
    const struct kit_result *result = kit_load(model->store, key, touch_ttl_ms);
    if (!is_living(model, record)) {
        assert_status(result, TRUNK_NOT_FOUND);
        return;
    }
    assert_status(result, TRUNK_OK);
    assert_slice(result->value, text_of(record->value).bytes);
    assert_int_equal(result->version, record->version);
    if (model->has_log) {
        assert_int_equal(result->last_seq, record->last_seq);
    }
    if (touch_ttl_ms != 0) {
        record->expires_ms = end_of_life(model, touch_ttl_ms);
    }
}

static void step_touch(struct model *model, const char *key, struct model_record *record) {
    uint64_t ttl_ms = draw_ttl(model);
    bool was_living = is_living(model, record);
    assert_status(kit_touch(model->store, key, ttl_ms), was_living ? TRUNK_OK : TRUNK_NOT_FOUND);
    if (was_living) {
        record->expires_ms = end_of_life(model, ttl_ms);
    }
}

static void step_remove(struct model *model, const char *key, struct model_record *record) {
    assert_status(kit_remove(model->store, key), TRUNK_OK);
    if (is_living(model, record)) {
        record->is_stored = false;
    }
}

static void step_log(struct model *model, const char *key, struct model_record *record) {
    bool was_living = is_living(model, record);
    uint64_t seq = record->last_seq + draw(model, 3);
    seq = seq == 0 ? 1 : seq;
    int32_t status = kit_log_append(model->store, key, seq, key)->status;
    assert_int_equal(status, was_living ? TRUNK_OK : TRUNK_NOT_FOUND);
    if (was_living && seq > record->last_seq) {
        record->last_seq = seq;
        record->entries++;
    }
    if (was_living && record->entries > 10) {
        assert_status(kit_log_trim(model->store, key, record->last_seq), TRUNK_OK);
        record->entries = 0;
    }
    const struct kit_result *log = kit_log_read(model->store, key, 0, 100);
    assert_status(log, was_living ? TRUNK_OK : TRUNK_NOT_FOUND);
    assert_int_equal(log->nitems, was_living ? record->entries : 0);
}

static void step_sweep(struct model *model) {
    uint32_t limit = (uint32_t)(1 + draw(model, 4));
    size_t expired = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        expired += is_expired(model, &model->records[i]);
    }
    const struct kit_result *swept = kit_sweep(model->store, limit);
    assert_status(swept, TRUNK_OK);
    assert_int_equal(swept->nitems, expired < limit ? expired : limit);
    for (size_t found = 0, i = 0; i < KEYS; i++) {
        struct model_record *record = &model->records[i];
        const struct kit_item *item = kit_find_item(swept, text_of(i).bytes);
        if (item != NULL) {
            assert_true(is_expired(model, record));
            assert_slice(item->value, text_of(record->value).bytes);
            assert_int_equal(item->version, record->version);
            assert_int_equal(item->expires_ms, record->expires_ms);
            record->is_stored = false;
            found++;
        }
        assert_true(i + 1 < KEYS || found == swept->nitems);
    }
}

static void check_scan(struct model *model) {
    bool is_seen[KEYS] = {false};
    struct trunk_slice cursor = {NULL, 0};
    do {
        const struct kit_result *page = kit_scan(model->store, "", cursor, 5, 1);
        assert_status(page, TRUNK_OK);
        for (unsigned i = 0; i < KEYS; i++) {
            const struct kit_item *item = kit_find_item(page, text_of(i).bytes);
            if (item != NULL) {
                assert_slice(item->value, text_of(model->records[i].value).bytes);
                assert_int_equal(item->expires_ms, model->records[i].expires_ms);
                is_seen[i] = true;
            }
        }
        cursor = page->value;
    } while (cursor.len > 0);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(is_seen[i], is_living(model, &model->records[i]));
    }
}

static void random_calls_are_answered_as_the_model_says(struct kit *kit) {
    struct kit_store *store = kit->store;
    struct model model = {.store = store,
                          .has_log = kit_driver_has(store->driver, TRUNK_CAP_LOG),
                          .random = 88172645463325252ULL};
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)draw(&model, KEYS);
        struct text key = text_of(i);
        struct model_record *record = &model.records[i];
        switch (draw(&model, 8)) {
        case 0:
            step_load(&model, key.bytes, record);
            break;
        case 1:
            step_touch(&model, key.bytes, record);
            break;
        case 2:
            step_remove(&model, key.bytes, record);
            break;
        case 3:
            step_sweep(&model);
            break;
        case 4:
            if (model.has_log) {
                step_log(&model, key.bytes, record);
            }
            break;
        case 5:
            kit_advance(store, draw(&model, MOST_TTL_MS / 4));
            break;
        default:
            step_put(&model, key.bytes, record);
            break;
        }
        if (step % SCAN_EVERY == 0) {
            check_scan(&model);
        }
    }
}

static const struct kit_case cases[] = {
    KIT_CASE(random_calls_are_answered_as_the_model_says, 0,
             "storage.h, EXPIRY: An expired record is absent to every function at once, and "
             "nothing revives it"),
};
const struct kit_group kit_model_cases = KIT_GROUP("model", cases);
