/* SPDX-License-Identifier: MIT
 * cases_error.c - what the server refuses: each error told as what it is, nothing applied, and in
 * use again as soon as the server gives in. */
#include "rig.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

/* None of the calls that write; what is read stays readable. */
static void assert_nothing_is_written(struct rig *rig, int32_t status, const char *text) {
    struct kit_store *store = rig->store;
    assert_told(kit_put(store, TRUNK_PUT_UPDATE, "a", "two", 0), status, text);
    assert_told(kit_put(store, TRUNK_PUT_CREATE, "b", "two", 0), status, text);
    assert_told(kit_put(store, TRUNK_PUT_UPSERT, "b", "two", 1000), status, text);
    assert_told(kit_log_append(store, "a", 9, "nine"), status, text);
}

static void make_record(struct rig *rig) {
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 60000), TRUNK_OK);
    assert_status(kit_log_append(rig->store, "a", 1, "first"), TRUNK_OK);
}

static void assert_record_is_as_made(struct rig *rig) {
    const struct kit_result *loaded = kit_load(rig->store, "a", 0);
    assert_status(loaded, TRUNK_OK);
    assert_slice(loaded->value, "one");
    assert_int_equal(loaded->last_seq, 1);
    assert_absent(rig->store, "b");
    assert_int_equal(kit_log_read(rig->store, "a", 0, 10)->nitems, 1);
}

static void test_a_full_server_is_unavailable_and_takes_what_frees_memory(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    make_record(rig);
    assert_asked(rig, "CONFIG SET maxmemory 1", "OK");
    assert_nothing_is_written(rig, TRUNK_UNAVAILABLE, "OOM");
    assert_record_is_as_made(rig);
    assert_told(kit_touch(rig->store, "a", 1000), TRUNK_UNAVAILABLE, "OOM");
    kit_advance(rig->store, 60000);
    assert_int_equal(kit_sweep(rig->store, 10)->nitems, 1);
    assert_asked(rig, "CONFIG SET maxmemory 0", "OK");
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "two", 0), TRUNK_OK);
    assert_asked(rig, "CONFIG SET maxmemory 1", "OK");
    assert_status(kit_remove(rig->store, "a"), TRUNK_OK);
}

static void test_a_server_without_enough_replicas_is_unavailable(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    make_record(rig);
    assert_asked(rig, "CONFIG SET min-replicas-to-write 1", "OK");
    assert_nothing_is_written(rig, TRUNK_UNAVAILABLE, "NOREPLICAS");
    assert_told(kit_touch(rig->store, "a", 1000), TRUNK_UNAVAILABLE, "NOREPLICAS");
    assert_told(kit_remove(rig->store, "a"), TRUNK_UNAVAILABLE, "NOREPLICAS");
    assert_record_is_as_made(rig);
    assert_asked(rig, "CONFIG SET min-replicas-to-write 0", "OK");
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "b", "two", 0), TRUNK_OK);
}

static void test_a_server_that_becomes_a_replica_is_left_until_it_is_a_master_again(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    make_record(rig);
    assert_asked(rig, "REPLICAOF 127.0.0.1 1", "OK");
    assert_told(kit_put(rig->store, TRUNK_PUT_UPDATE, "a", "two", 0), TRUNK_UNAVAILABLE,
                "READONLY");
    kit_host_run(rig->store->host, 100);
    assert_told(kit_ping(rig->store), TRUNK_UNAVAILABLE, "it is a replica");
    assert_told(kit_load(rig->store, "a", 0), TRUNK_UNAVAILABLE, "it is a replica");
    assert_asked(rig, "REPLICAOF NO ONE", "OK");
    rig_wait_until_ready(rig);
    assert_record_is_as_made(rig);
}

static void test_a_server_that_cannot_save_is_unavailable(void **state) {
    struct rig *rig = *state;
    static const char *const args[] = {"--save", "3600", "1000", NULL};
    char in_the_way[PAIR_BYTES];
    (void)snprintf(in_the_way, sizeof in_the_way, "%s/dump.rdb", rig->server.folder);
    rig_start(rig, args);
    rig_open(rig, NULL);
    rig_wait_until_ready(rig);
    make_record(rig);
    assert_int_equal(mkdir(in_the_way, 0700), 0);
    assert_asked(rig, "BGSAVE", "Background saving started");
    while (strstr(redis_server_ask(&rig->server, "INFO persistence"), "rdb_bgsave_in_progress:1") !=
           NULL) {
        kit_host_run(rig->store->host, 5);
    }
    assert_nothing_is_written(rig, TRUNK_UNAVAILABLE, "MISCONF");
    assert_record_is_as_made(rig);
    assert_int_equal(rmdir(in_the_way), 0);
}

static void test_a_server_that_still_loads_is_unavailable_until_it_has(void **state) {
    struct rig *rig = *state;
    static const char *const slow[] = {"--key-load-delay", "200",
                                       "--loading-process-events-interval-bytes", "1024", NULL};
    rig_start_and_open(rig);
    make_record(rig);
    rig_fill(rig, 5000);
    assert_asked(rig, "SAVE", "OK");
    redis_server_kill(&rig->server);
    assert_true(redis_server_start_until(&rig->server, slow, "Loading RDB"));
    bool has_seen_it = false;
    for (int i = 0; i < 2000 && kit_ping(rig->store)->status != TRUNK_OK; i++) {
        const char *message = kit_load(rig->store, "a", 0)->message;
        has_seen_it |= message != NULL && strstr(message, "LOADING") != NULL;
        kit_host_run(rig->store->host, 5);
    }
    assert_true(has_seen_it);
    assert_record_is_as_made(rig);
}

static void test_a_wrong_password_is_denied_until_it_is_right(void **state) {
    struct rig *rig = *state;
    static const char *const pairs[] = {"password=secret-of-ours", NULL};
    rig_start(rig, NULL);
    assert_asked(rig, "CONFIG SET requirepass another", "OK");
    rig_open(rig, pairs);
    const struct kit_result *pinged = kit_ping(rig->store);
    assert_told(pinged, TRUNK_DENIED, "WRONGPASS");
    assert_null(strstr(pinged->message, "secret-of-ours"));
    assert_told(kit_load(rig->store, "a", 0), TRUNK_DENIED, "WRONGPASS");
    assert_asked(rig, "CONFIG SET requirepass secret-of-ours", "OK");
    rig_wait_until_ready(rig);
    assert_status(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_OK);
}

static void test_a_password_that_is_missing_is_denied(void **state) {
    struct rig *rig = *state;
    static const char *const args[] = {"--requirepass", "another", NULL};
    rig_start(rig, args);
    rig_open(rig, NULL);
    assert_told(kit_ping(rig->store), TRUNK_DENIED, "NOAUTH");
    assert_told(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_DENIED, "set password");
}

static void test_a_password_that_nobody_asked_for_is_denied(void **state) {
    struct rig *rig = *state;
    static const char *const pairs[] = {"password=secret-of-ours", NULL};
    rig_start(rig, NULL);
    rig_open(rig, pairs);
    const struct kit_result *pinged = kit_ping(rig->store);
    assert_told(pinged, TRUNK_DENIED, "without any password configured");
    assert_null(strstr(pinged->message, "secret-of-ours"));
}

static void test_a_user_logs_in_with_a_password_from_a_file(void **state) {
    struct rig *rig = *state;
    char path[PAIR_BYTES];
    char pair[PAIR_BYTES + 16];
    rig_start(rig, NULL);
    assert_asked(
        rig,
        "ACL SETUSER trunk on >s3cret ~trunkd:* +@read +@write +@scripting +info +select +ping",
        "OK");
    (void)snprintf(path, sizeof path, "%s/password", rig->server.folder);
    (void)snprintf(pair, sizeof pair, "password_file=%s", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("s3cret\n", file);
    (void)fclose(file);
    const char *const pairs[] = {"username=trunk", pair, NULL};
    rig_open(rig, pairs);
    rig_wait_until_ready(rig);
    make_record(rig);
    assert_record_is_as_made(rig);
    assert_asked(rig, "ACL SETUSER trunk -set", "OK");
    assert_told(kit_put(rig->store, TRUNK_PUT_UPSERT, "a", "two", 0), TRUNK_DENIED,
                "ACL lacks a right");
    assert_record_is_as_made(rig);
}

static void test_a_user_without_rights_is_denied(void **state) {
    struct rig *rig = *state;
    static const char *const pairs[] = {"username=trunk", "password=s3cret", NULL};
    rig_start(rig, NULL);
    assert_asked(rig, "ACL SETUSER trunk on >s3cret ~* +@all -evalsha", "OK");
    rig_open(rig, pairs);
    rig_wait_until_ready(rig);
    assert_told(kit_load(rig->store, "a", 0), TRUNK_DENIED, "NOPERM");
    rig_close(rig);
    assert_asked(rig, "ACL SETUSER trunk -info", "OK");
    rig_open(rig, pairs);
    assert_told(kit_ping(rig->store), TRUNK_DENIED, "NOPERM");
}

static void test_a_server_that_has_forgotten_the_scripts_is_told_them_again(void **state) {
    struct rig *rig = *state;
    enum { OPS = 50 };
    trunk_op ops[OPS];
    char key[16];
    rig_start_and_open(rig);
    make_record(rig);
    for (int round = 0; round < 3; round++) {
        assert_asked(rig, "SCRIPT FLUSH", "OK");
        for (int i = 0; i < OPS; i++) {
            (void)snprintf(key, sizeof key, "k%d", i);
            ops[i] = kit_begin_put(rig->store, key, "value", 0);
        }
        for (int i = 0; i < OPS; i++) {
            assert_status(kit_wait(rig->store, ops[i]), TRUNK_OK);
        }
    }
    assert_asked(rig, "SCRIPT FLUSH", "OK");
    assert_record_is_as_made(rig);
    assert_status(kit_touch(rig->store, "a", 1000), TRUNK_OK);
    assert_status(kit_log_trim(rig->store, "a", 1), TRUNK_OK);
    kit_advance(rig->store, 1000);
    assert_int_equal(kit_sweep(rig->store, 10)->nitems, 1);
}

static void test_a_server_that_keeps_no_scripts_is_unavailable(void **state) {
    struct rig *rig = *state;
    static const char *const pairs[] = {"username=trunk", "password=s3cret", NULL};
    rig_start(rig, NULL);
    assert_asked(rig, "ACL SETUSER trunk on >s3cret ~* +@all", "OK");
    rig_open(rig, pairs);
    rig_wait_until_ready(rig);
    assert_asked(rig, "ACL SETUSER trunk -script", "OK");
    assert_asked(rig, "SCRIPT FLUSH", "OK");
    assert_told(kit_put(rig->store, TRUNK_PUT_CREATE, "a", "one", 0), TRUNK_UNAVAILABLE,
                "NOSCRIPT");
}

static void test_a_server_that_is_busy_with_a_script_is_unavailable(void **state) {
    struct rig *rig = *state;
    rig_start_and_open(rig);
    make_record(rig);
    assert_asked(rig, "CONFIG SET lua-time-limit 1", "OK");
    redisContext *other = redisConnectUnix(rig->server.socket);
    assert_non_null(other);
    (void)redisAppendCommand(other, "EVAL %s 0", "while true do end");
    for (int done = 0; done == 0;) {
        assert_int_equal(redisBufferWrite(other, &done), REDIS_OK);
    }
    const struct kit_result *loaded = kit_load(rig->store, "a", 0);
    for (int i = 0; i < 2000 && loaded->status == TRUNK_OK; i++) { /* it was faster */
        loaded = kit_load(rig->store, "a", 0);
    }
    assert_told(loaded, TRUNK_UNAVAILABLE, "BUSY");
    assert_nothing_is_written(rig, TRUNK_UNAVAILABLE, "BUSY");
    assert_asked(rig, "SCRIPT KILL", "OK");
    redisFree(other);
    rig_wait_until_ready(rig);
    assert_record_is_as_made(rig);
}

int run_error_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_a_full_server_is_unavailable_and_takes_what_frees_memory),
        RIG_CASE(test_a_server_without_enough_replicas_is_unavailable),
        RIG_CASE(test_a_server_that_becomes_a_replica_is_left_until_it_is_a_master_again),
        RIG_CASE(test_a_server_that_cannot_save_is_unavailable),
        RIG_CASE(test_a_server_that_still_loads_is_unavailable_until_it_has),
        RIG_CASE(test_a_wrong_password_is_denied_until_it_is_right),
        RIG_CASE(test_a_password_that_is_missing_is_denied),
        RIG_CASE(test_a_password_that_nobody_asked_for_is_denied),
        RIG_CASE(test_a_user_logs_in_with_a_password_from_a_file),
        RIG_CASE(test_a_user_without_rights_is_denied),
        RIG_CASE(test_a_server_that_has_forgotten_the_scripts_is_told_them_again),
        RIG_CASE(test_a_server_that_keeps_no_scripts_is_unavailable),
        RIG_CASE(test_a_server_that_is_busy_with_a_script_is_unavailable),
    };
    return cmocka_run_group_tests_name("redis: what its server refuses", cases, NULL, NULL);
}
