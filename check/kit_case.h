/* SPDX-License-Identifier: MIT
 * kit_case.h - what a file of cases needs. Each case names the header and the sentence that it
 * checks, as the header has it, and runs in a process of its own. It gets an open, empty store, or
 * an open factory, and fails when the driver has made a fault, too. */
#ifndef TRUNK_KIT_CASE_H
#define TRUNK_KIT_CASE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/status.h"
#include "kit_fail.h"
#include "kit_store.h"

/* What a case works on. What is open is the case's: one that closes it sets it to NULL or to
 * another.
 */
struct kit {
    const struct kit_driver *driver;
    struct kit_store *store;     /* of a storage driver */
    struct kit_factory *factory; /* of a factory; likewise */
    pid_t peer; /* the process that legs go to, with KIT_NEEDS_HTTP_PEER; may be killed */
};

/* What a case needs of the driver; without it the case is skipped. */
enum {
    KIT_NEEDS_LOG = 1,
    KIT_NEEDS_PERSISTENT = 2,
    KIT_NEEDS_SHARED = 4,
    KIT_NEEDS_BRACKET = 8, /* begin and commit */
    KIT_NEEDS_CANCEL = 16,
    KIT_NEEDS_RESTORE = 32,
    KIT_NEEDS_PAUSE = 64,
    KIT_NEEDS_PEER = 128,      /* something to make legs to */
    KIT_NEEDS_COMMAND = 256,   /* legs are processes that the key "command" names */
    KIT_NEEDS_HTTP_PEER = 512, /* legs go to a peer over HTTP that was started for the case */
    KIT_NEEDS_PARALLEL = 1024,
    KIT_OPENS_ITSELF = 1 << 30 /* none: the case opens the first instance of its process */
};

struct kit_case {
    const char *name;     /* with '_' for ' ' */
    const char *sentence; /* "HEADER, PLACE: words of the header" */
    uint32_t needs;       /* KIT_NEEDS_... */
    void (*run)(struct kit *kit);
};
struct kit_group {
    const char *name;
    const struct kit_case *cases;
    size_t ncases;
};
#define KIT_CASE(function_, needs_, sentence_)                                                     \
    { #function_, (sentence_), (needs_), (function_) }
#define KIT_GROUP(name_, cases_)                                                                   \
    { (name_), (cases_), sizeof(cases_) / sizeof((cases_)[0]) }

extern const struct kit_group kit_put_cases;
extern const struct kit_group kit_life_cases;
extern const struct kit_group kit_sweep_cases;
extern const struct kit_group kit_scan_cases;
extern const struct kit_group kit_log_cases;
extern const struct kit_group kit_persistent_cases;
extern const struct kit_group kit_shared_cases;
extern const struct kit_group kit_bracket_cases;
extern const struct kit_group kit_parallel_cases;
extern const struct kit_group kit_rules_cases;
extern const struct kit_group kit_model_cases;
extern const struct kit_group kit_factory_cases;
extern const struct kit_group kit_peer_cases;

static inline bool kit_is_in_range(uint64_t got, uint64_t least, uint64_t most) {
    return got >= least && got <= most;
}

/* Arguments are evaluated once. */
#define assert_true(what_)                                                                         \
    do {                                                                                           \
        if (!(what_)) {                                                                            \
            KIT_FAIL("not so: %s", #what_);                                                        \
        }                                                                                          \
    } while (0)
#define assert_non_null(what_) assert_true((what_) != NULL)
#define assert_null(what_) assert_true((what_) == NULL)
#define assert_int_equal(got_, wanted_)                                                            \
    do {                                                                                           \
        uint64_t got_number_ = (uint64_t)(got_);                                                   \
        uint64_t wanted_number_ = (uint64_t)(wanted_);                                             \
        if (got_number_ != wanted_number_) {                                                       \
            KIT_FAIL("%s is %llu, wanted is %llu", #got_, (unsigned long long)got_number_,         \
                     (unsigned long long)wanted_number_);                                          \
        }                                                                                          \
    } while (0)
#define assert_int_not_equal(got_, other_) assert_true((got_) != (other_))
#define assert_in_range(got_, least_, most_)                                                       \
    do {                                                                                           \
        uint64_t got_number_ = (uint64_t)(got_);                                                   \
        if (!kit_is_in_range(got_number_, (least_), (most_))) {                                    \
            KIT_FAIL("%s is %llu, wanted is %llu..%llu", #got_, (unsigned long long)got_number_,   \
                     (unsigned long long)(least_), (unsigned long long)(most_));                   \
        }                                                                                          \
    } while (0)
#define assert_memory_equal(got_, wanted_, len_) assert_true(memcmp((got_), (wanted_), (len_)) == 0)
#define assert_status(result_, status_)                                                            \
    do {                                                                                           \
        const struct kit_result *result_given_ = (result_);                                        \
        int32_t status_wanted_ = (status_);                                                        \
        if (result_given_->status != status_wanted_) {                                             \
            KIT_FAIL("%s gives %s%s%s, wanted is %s", #result_,                                    \
                     status_name(result_given_->status),                                           \
                     result_given_->message != NULL ? ": " : "",                                   \
                     result_given_->message != NULL ? result_given_->message : "",                 \
                     status_name(status_wanted_));                                                 \
        }                                                                                          \
    } while (0)
#define assert_slice(slice_, text_)                                                                \
    do {                                                                                           \
        struct trunk_slice slice_given_ = (slice_);                                                \
        const char *text_wanted_ = (text_);                                                        \
        if (!kit_slice_is(slice_given_, text_wanted_)) {                                           \
            KIT_FAIL("%s is \"%.*s\", wanted is \"%s\"", #slice_, (int)slice_given_.len,           \
                     (const char *)slice_given_.data, text_wanted_);                               \
        }                                                                                          \
    } while (0)
#define assert_record(store_, key_, value_)                                                        \
    do {                                                                                           \
        const struct kit_result *loaded_ = kit_load((store_), (key_), 0);                          \
        assert_status(loaded_, TRUNK_OK);                                                          \
        assert_slice(loaded_->value, (value_));                                                    \
    } while (0)
#define assert_absent(store_, key_) assert_status(kit_load((store_), (key_), 0), TRUNK_NOT_FOUND)

#endif
