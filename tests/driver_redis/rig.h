/* SPDX-License-Identifier: MIT
 * rig.h - a server of its own for each test, and the driver with it. */
#ifndef TEST_REDIS_RIG_H
#define TEST_REDIS_RIG_H

#include "kit_cmocka.h"

#include "server.h"

enum { MOST_PAIRS = 6, PAIR_BYTES = 128 };

struct rig {
    struct redis_server server;
    struct kit_driver driver;
    struct kit_store *store;
};

/* A test's setup and teardown: a folder without a server; and the end of everything, in which a
 * fault of the driver fails the test. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* Starts the server; must go well. */
void rig_start(struct rig *rig, const char *const *args);
/* Opens the driver by the socket, with more pairs of KEY=VALUE, up to a NULL; NULL: none. Does not
 * wait. */
void rig_open(struct rig *rig, const char *const *pairs);
/* Likewise, with these pairs only. Gives the status; only OK leaves it open. */
int32_t rig_open_with(struct rig *rig, const char *const *pairs, struct trunk_error *out_error);
/* Starts, opens, and waits until ping is OK. */
void rig_start_and_open(struct rig *rig);
void rig_wait_until_ready(struct rig *rig);
void rig_close(struct rig *rig);
/* Puts so many keys of something else into the server. */
void rig_fill(struct rig *rig, unsigned count);

/* Calls that are not waited for; kit_wait is for that. */
trunk_op rig_begin_load(struct rig *rig, const char *key);
trunk_op rig_begin_touch(struct rig *rig, const char *key);
trunk_op rig_begin_remove(struct rig *rig, const char *key);
trunk_op rig_begin_sweep(struct rig *rig);
trunk_op rig_begin_put_bytes(struct rig *rig, const char *key, size_t len);
/* Lets the driver write what it has, to a server that may not read. */
void rig_let_write(struct rig *rig);

/* Has the result this status, and its message the text in it? */
void assert_told(const struct kit_result *result, int32_t status, const char *text);
void assert_asked(struct rig *rig, const char *command, const char *answer);

#define RIG_CASE(function_) cmocka_unit_test_setup_teardown(function_, rig_setup, rig_teardown)

int run_life_cases(void);
int run_error_cases(void);
int run_record_cases(void);
int run_foreign_cases(void);
int run_page_cases(void);
int run_name_cases(void);
int run_peer_cases(void);
int run_settings_cases(void);
int run_outcome_cases(void);

#endif
