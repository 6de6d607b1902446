/* SPDX-License-Identifier: MIT
 * cases_outcome.c - the texts of errors, as different servers write them. */
#include "rig.h"

#include "outcome.h"

struct sample {
    const char *text;
    int32_t status;
};

static const struct sample samples[] = {
    /* Alone; from Redis 7 on likewise inside of a script, with a tail. */
    {"OOM command not allowed when used memory > 'maxmemory'.", TRUNK_UNAVAILABLE},
    {"OOM command not allowed when used memory > 'maxmemory'. script: f5c6, on @user_script:28.",
     TRUNK_UNAVAILABLE},
    {"READONLY You can't write against a read only replica.", TRUNK_UNAVAILABLE},
    {"NOREPLICAS Not enough good replicas to write.", TRUNK_UNAVAILABLE},
    {"LOADING Redis is loading the dataset in memory", TRUNK_UNAVAILABLE},
    {"BUSY Redis is busy running a script.", TRUNK_UNAVAILABLE},
    {"MISCONF Redis is configured to save RDB snapshots", TRUNK_UNAVAILABLE},
    {"MASTERDOWN Link with MASTER is down", TRUNK_UNAVAILABLE},
    {"NOSCRIPT No matching script. Please use EVAL.", TRUNK_UNAVAILABLE},
    {"CLUSTERDOWN The cluster is down", TRUNK_UNAVAILABLE},
    {"MOVED 3999 127.0.0.1:6381", TRUNK_INTERNAL},
    {"CROSSSLOT Keys in request don't hash to the same slot", TRUNK_INTERNAL},
    {"NOAUTH Authentication required.", TRUNK_DENIED},
    {"WRONGPASS invalid username-password pair or user is disabled.", TRUNK_DENIED},
    {"NOPERM this user has no permissions to run the 'evalsha' command", TRUNK_DENIED},
    {"WRONGTYPE Operation against a key holding the wrong kind of value", TRUNK_INTERNAL},
    {"ERR unknown command", TRUNK_INTERNAL},
    {"", TRUNK_INTERNAL},
    {"OOMPH", TRUNK_INTERNAL},
    {"ERR an argument says OOM", TRUNK_INTERNAL},
    /* Redis 6.2, inside of a script. */
    {"ERR Error running script (call to f_f5c6): @user_script:28: @user_script: 28: -OOM command "
     "not allowed when used memory > 'maxmemory'.",
     TRUNK_UNAVAILABLE},
    {"ERR Error running script (call to f_f5c6): @user_script:28: @user_script: 28: -READONLY You "
     "can't write against a read only replica.",
     TRUNK_UNAVAILABLE},
    {"ERR Error running script (call to f_f5c6): @user_script:4: WRONGTYPE Operation against a key "
     "holding the wrong kind of value",
     TRUNK_INTERNAL},
    {"@user_script: 18: -OOM command not allowed when used memory > 'maxmemory'.",
     TRUNK_UNAVAILABLE},
    {"ERR Error running script (call to f_f5c6): @user_script:28: @user_script: 28: The user "
     "executing the script can't run this command or subcommand",
     TRUNK_DENIED},
    /* Rights inside of a script, in Redis 7.0 and in Valkey. */
    {"ERR The user executing the script can't run this command or subcommand script: f5c6, on "
     "@user_script:28.",
     TRUNK_DENIED},
    {"ERR ACL failure in script: User trunk has no permissions to run the 'set' command",
     TRUNK_DENIED},
};

static void test_an_error_means_the_same_from_every_server(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct outcome outcome = outcome_of_error(samples[i].text);
        if (outcome.status != samples[i].status) {
            fail_msg("\"%s\" is %d, not %d", samples[i].text, outcome.status, samples[i].status);
        }
    }
}

static void test_only_some_errors_ask_for_another_connection_or_the_script(void **state) {
    (void)state;
    assert_true(outcome_of_error("READONLY You can't write").is_elsewhere);
    assert_true(outcome_of_error("NOAUTH Authentication required.").is_elsewhere);
    assert_false(outcome_of_error("OOM command not allowed").is_elsewhere);
    assert_true(outcome_of_error("NOSCRIPT No matching script").is_no_script);
    assert_false(outcome_of_error("LOADING").is_no_script);
}

int run_outcome_cases(void) {
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_an_error_means_the_same_from_every_server),
        cmocka_unit_test(test_only_some_errors_ask_for_another_connection_or_the_script),
    };
    return cmocka_run_group_tests_name("redis: texts of errors", cases, NULL, NULL);
}
