/* SPDX-License-Identifier: MIT
 * kit_cmocka.h - the driver kit's calls in tests of cmocka. */
#ifndef TRUNK_KIT_CMOCKA_H
#define TRUNK_KIT_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kit_store.h"

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
