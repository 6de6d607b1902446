/* SPDX-License-Identifier: MIT
 * restore_rig.h - a rig over backends that hold sessions of their own, and what a killed process
 * leaves behind. */
#ifndef TRUNKD_TEST_SESSION_RESTORE_RIG_H
#define TRUNKD_TEST_SESSION_RESTORE_RIG_H

#include "unit/session/rig.h"

static inline int restore_rig_set_up(void **state) {
    struct rig *rig = rig_new_with(TRUNK_CAP_PERSISTENT, TRUNK_CAP_RESTORE);
    rig_add_backend(rig, "a", false);
    rig_add_backend(rig, "b", false);
    *state = rig;
    return 0;
}

static inline const char *restore_rig_config(struct rig *rig) {
    return backend_registry_find(&rig->registry, "a")->config_hash;
}

/* Adds a leg to the record of rig_store_active; session "": there is none to go on with. */
static inline void restore_rig_add_leg(struct rig *rig, const char *backend, const char *session,
                                       const char *config) {
    struct record record = {0};
    struct record_leg leg = {.backend = backend,
                             .session = session,
                             .protocol = "2025-11-25",
                             .capabilities = "{\"logging\":{},\"tools\":{}}",
                             .config = config};
    assert_true(rig_read_record(rig, &record));
    record_set_leg(&record, &leg);
    rig_write_record(rig, &record);
    record_clear(&record);
}

/* A session of backend a, for the id of rig_store_active. Its number is what the driver saves. */
static inline void restore_rig_begin(struct rig *rig, char out_number[24]) {
    char tag[SESSION_TAG_SIZE];
    id_tag(rig->id, tag);
    struct cue_session *session = cue_backends_begin(&rig->backends, "a", tag);
    session->is_initialized = true;
    (void)snprintf(out_number, 24, "%llu", (unsigned long long)session->number);
}

/* An ACTIVE record that names a living session of backend a. */
static inline void restore_rig_leave(struct rig *rig) {
    char number[24];
    rig_store_active(rig);
    restore_rig_begin(rig, number);
    restore_rig_add_leg(rig, "a", number, restore_rig_config(rig));
}

static inline size_t restore_rig_count(struct rig *rig, const char *line) {
    size_t count = 0;
    const char *at = cue_factory_transcript(rig->factory);
    while ((at = strstr(at, line)) != NULL) {
        count++;
        at += strlen(line);
    }
    return count;
}

#endif
