/* SPDX-License-Identifier: MIT
 * test_hash.c - the seeded hash, in a table and over processes. */
#include "base/hash.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"

struct entry {
    char id[16];
    unsigned number;
    UT_hash_handle hh;
};

static void test_table_finds_what_was_added(void **state) {
    (void)state;
    struct entry *table = NULL;
    for (unsigned i = 0; i < 5000; i++) {
        struct entry *entry = xcalloc(1, sizeof *entry);
        (void)snprintf(entry->id, sizeof entry->id, "session-%u", i);
        entry->number = i;
        HASH_ADD_STR(table, id, entry);
    }
    assert_int_equal(HASH_COUNT(table), 5000);
    for (unsigned i = 0; i < 5000; i++) {
        char id[16];
        struct entry *entry = NULL;
        (void)snprintf(id, sizeof id, "session-%u", i);
        HASH_FIND_STR(table, id, entry);
        assert_non_null(entry);
        assert_int_equal(entry->number, i);
    }
    struct entry *absent = NULL;
    HASH_FIND_STR(table, "session-5000", absent);
    assert_null(absent);
    while (table != NULL) {
        struct entry *first = table;
        HASH_DEL(table, first);
        free(first);
    }
}

static void *hash_on_thread(void *arg) {
    *(unsigned *)arg = hash_bytes("tools/call", 10);
    return NULL;
}

static void test_all_threads_use_the_same_seed(void **state) {
    (void)state;
    pthread_t threads[4];
    unsigned hashes[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hash_on_thread, &hashes[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(hashes[i], hash_bytes("tools/call", 10));
    }
}

/* The hash that a child of this process draws a seed for and computes. */
static unsigned hash_in_child(void) {
    int fds[2];
    unsigned hash = 0;
    int status = 0;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        hash = hash_bytes("tools/call", 10);
        _exit(write(fds[1], &hash, sizeof hash) == sizeof hash ? 0 : 1);
    }
    assert_int_equal(read(fds[0], &hash, sizeof hash), sizeof hash);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return hash;
}

/* Runs first: this process has no seed yet that its children would inherit. */
static void test_seed_differs_between_processes(void **state) {
    (void)state;
    unsigned first = hash_in_child();
    unsigned second = hash_in_child();
    unsigned third = hash_in_child();
    assert_false(first == second && second == third); /* two alike: one chance in 2^32 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_differs_between_processes),
        cmocka_unit_test(test_all_threads_use_the_same_seed),
        cmocka_unit_test(test_table_finds_what_was_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
