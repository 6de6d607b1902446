/* SPDX-License-Identifier: MIT
 * kit_case.h - what a file of cases needs. Each case gets an open, empty store as *state, and fails
 * when the driver has made a fault, too. Each case is a sentence of the ABI's rules; its group says
 * of which. */
#ifndef TRUNK_KIT_CASE_H
#define TRUNK_KIT_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "kit_store.h"

/* A case's state: the driver before setup, the store after it. */
struct kit {
    const struct kit_driver *driver;
    struct kit_store *store;
    pid_t
        process; /* a child that fails ends in teardown, instead of running the cases that follow */
};
int kit_setup(void **state);
int kit_teardown(void **state);
static inline struct kit_store *kit_store_of(void **state) {
    struct kit *kit = *state;
    return kit->store;
}

#define KIT_CASE(function_, kit_)                                                                  \
    { #function_, function_, kit_setup, kit_teardown, (kit_) }

/* The groups of cases. Each returns the number of failed ones. */
int kit_run_put_cases(struct kit *kit);
int kit_run_life_cases(struct kit *kit);
int kit_run_sweep_cases(struct kit *kit);
int kit_run_scan_cases(struct kit *kit);
int kit_run_log_cases(struct kit *kit);        /* with TRUNK_CAP_LOG */
int kit_run_persistent_cases(struct kit *kit); /* with TRUNK_CAP_PERSISTENT */
int kit_run_shared_cases(struct kit *kit);     /* with TRUNK_CAP_SHARED */
int kit_run_bracket_cases(struct kit *kit);    /* with begin and commit */
int kit_run_rules_cases(struct kit *kit);
int kit_run_model_cases(struct kit *kit);

#define assert_status(result_, status_) assert_int_equal((result_)->status, (status_))
/* Evaluates its arguments once. */
#define assert_slice(slice_, text_)                                                                \
    do {                                                                                           \
        struct trunk_slice got_ = (slice_);                                                        \
        const char *wanted_ = (text_);                                                             \
        assert_int_equal(got_.len, strlen(wanted_));                                               \
        assert_memory_equal(got_.data, wanted_, got_.len);                                         \
    } while (0)
#define assert_record(store_, key_, value_)                                                        \
    do {                                                                                           \
        const struct kit_result *loaded_ = kit_load((store_), (key_), 0);                          \
        assert_status(loaded_, TRUNK_OK);                                                          \
        assert_slice(loaded_->value, (value_));                                                    \
    } while (0)
#define assert_absent(store_, key_) assert_status(kit_load((store_), (key_), 0), TRUNK_NOT_FOUND)

#endif
