/* SPDX-License-Identifier: MIT
 * test_auth.c - the tokens file: what is read from it, what is wrong with it, and that a running
 * trunkd follows it. */
#include "app/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"

#define OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_HELLO "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
#define ALICE "{\"name\": \"alice\", \"sha256\": \"" OF_ABC "\"}"
#define BOB "{\"name\": \"bob\", \"sha256\": \"" OF_HELLO "\"}"
#define PATIENCE_S 20

static char path[256];
static char told[1024]; /* the problems, one a line, without the file's name */
static size_t told_count;

static int make_path(void **state) {
    (void)state;
    (void)snprintf(path, sizeof path, "%s/test_auth_XXXXXX", TEST_BINARY_DIR);
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

/* By a rename, as an editor or a script of good habits does. */
static void write_file(const char *text) {
    char *other = xasprintf("%s.new", path);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(other, path), 0);
    free(other);
}

static void remember(void *ctx, const char *where, const char *problem) {
    (void)ctx;
    size_t len = strlen(told);
    assert_int_equal(strncmp(where, path, strlen(path)), 0);
    (void)snprintf(told + len, sizeof told - len, "%s: %s\n", where + strlen(path), problem);
    told_count++;
}

static bool read_file(struct tokens *tokens) {
    struct problems problems;
    struct file_stamp stamp = {0};
    told[0] = '\0';
    told_count = 0;
    problems_init(&problems, path, remember, NULL);
    bool is_read = tokens_file_read(&problems, tokens, &stamp);
    assert_int_equal(is_read, told_count == 0);
    problems_clear(&problems);
    return is_read;
}

static void test_good_file_gives_names_hashes_and_ends(void **state) {
    (void)state;
    struct tokens tokens = {0};
    write_file("// tokens\n{\"tokens\": [" ALICE ", {\"name\": \"bob\", \"sha256\": \"" OF_HELLO
               "\", \"expires\": \"2027-01-01T00:00:00Z\"}, {\"name\": \"alice\", \"sha256\": "
               "\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}]}");
    assert_true(read_file(&tokens));
    assert_int_equal(tokens.count, 3);
    assert_string_equal(tokens.items[0].name, "alice");
    assert_int_equal(tokens.items[0].expires_s, 0);
    assert_string_equal(tokens.items[1].name, "bob");
    assert_int_equal(tokens.items[1].expires_s, 1798761600);
    assert_int_equal(tokens.items[1].sha256[0], 0x2c);
    assert_int_equal(tokens.items[2].sha256[31], 0x1f);
    assert_string_equal(tokens_check(&tokens, false, "Bearer hello", 0).principal, "bob");
    write_file("{\"tokens\": []}");
    assert_true(read_file(&tokens));
    assert_int_equal(tokens.count, 0);
    tokens_clear(&tokens);
}

static void test_bad_file_is_told_and_changes_nothing(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *problem;
    } cases[] = {
        {"", ": is empty; write an object"},
        {"{\"tokens\": [" ALICE "}", ":1:108: not valid JSON: "},
        {"[]", ": the document is not an object"},
        {"{}", ": tokens: missing; write {\"tokens\": [ ... ]}"},
        {"{\"tokens\": {}}", ": tokens: an object where a list belongs; write [ ... ]"},
        {"{\"token\": []}", ": token: unknown key; did you mean \"tokens\"?"},
        {"{\"tokens\": [1]}", ": tokens[0]: a number where an object belongs"},
        {"{\"tokens\": [" ALICE ", " ALICE "]}",
         ": tokens[1].sha256: the same as of a token above"},
        {"{\"tokens\": [{\"sha256\": \"" OF_ABC "\"}]}", ": tokens[0].name: not a name; write"},
        {"{\"tokens\": [{\"name\": \"a b\", \"sha256\": \"" OF_ABC "\"}]}",
         ": tokens[0].name: not a name; write"},
        {"{\"tokens\": [{\"name\": \"a\"}]}", ": tokens[0].sha256: not a SHA-256; write"},
        {"{\"tokens\": [{\"name\": \"a\", \"sha256\": \"secret\"}]}",
         ": tokens[0].sha256: not a SHA-256; write"},
        {"{\"tokens\": [{\"name\": \"a\", \"sha256\": \"" OF_NOTHING "\"}]}",
         ": tokens[0].sha256: the SHA-256 of no token at all"},
        {"{\"tokens\": [{\"name\": \"a\", \"sha256\": \"" OF_ABC "\", \"expire\": \"\"}]}",
         ": tokens[0].expire: unknown key; did you mean \"expires\"?"},
    };
    struct tokens tokens = {0};
    write_file("{\"tokens\": [" ALICE "]}");
    assert_true(read_file(&tokens));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(cases[i].text);
        assert_false(read_file(&tokens));
        if (strstr(told, cases[i].problem) == NULL) {
            fail_msg("%s\ntold \"%s\" and not \"%s\"", cases[i].text, told, cases[i].problem);
        }
        assert_null(strstr(told, "secret"));
        assert_int_equal(tokens.count, 1);
    }
    tokens_clear(&tokens);
}

static void test_end_of_a_token_is_a_day_that_exists_in_utc(void **state) {
    (void)state;
    static const char *const bad[] = {"tomorrow",
                                      "2027-01-01",
                                      "2027-01-01T00:00:00",
                                      "2027-01-01 00:00:00Z",
                                      "2027-01-01T00:00:00+01:00",
                                      "2027-01-01T00:00:00Z ",
                                      "2027-02-29T00:00:00Z",
                                      "2027-13-01T00:00:00Z",
                                      "2027-1-1T0:0:0Z",
                                      "2027-01-01T24:00:00Z",
                                      "1969-01-01T00:00:00Z",
                                      "99999999999-01-01T00:00:00Z"};
    struct tokens tokens = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *text = xasprintf("{\"tokens\": [{\"name\": \"a\", \"sha256\": \"" OF_ABC
                               "\", \"expires\": \"%s\"}]}",
                               bad[i]);
        write_file(text);
        free(text);
        assert_false(read_file(&tokens));
        assert_non_null(strstr(told, ": tokens[0].expires: not a time; write it in UTC"));
    }
    tokens_clear(&tokens);
}

static void test_file_that_others_could_use_is_refused(void **state) {
    (void)state;
    static const struct {
        mode_t mode;
        const char *problem; /* NULL: fine */
    } cases[] = {{0600, NULL},          {0400, NULL},          {0640, NULL},
                 {0604, "chmod o-rwx"}, {0602, "chmod o-rwx"}, {0644, "chmod o-rwx"},
                 {0620, "chmod g-w"}};
    struct tokens tokens = {0};
    write_file("{\"tokens\": [" ALICE "]}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(chmod(path, cases[i].mode), 0);
        assert_int_equal(read_file(&tokens), cases[i].problem == NULL);
        assert_true(cases[i].problem == NULL || strstr(told, cases[i].problem) != NULL);
    }
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 4711, (gid_t)-1), 0);
        assert_false(read_file(&tokens));
        assert_non_null(strstr(told, "belongs to another user"));
        assert_int_equal(chown(path, 0, (gid_t)-1), 0);
    }
    tokens_clear(&tokens);
}

static void test_what_is_no_file_is_refused_without_waiting(void **state) {
    (void)state;
    struct tokens tokens = {0};
    assert_int_equal(unlink(path), 0);
    assert_false(read_file(&tokens));
    assert_string_equal(told,
                        ": cannot be read: No such file or directory; give a file that exists "
                        "and may be read\n");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(read_file(&tokens));
    assert_non_null(strstr(told, "is not a file"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(read_file(&tokens));
    assert_non_null(strstr(told, "is not a file"));
    assert_int_equal(rmdir(path), 0);
    write_file("");
}

/* ---- a running trunkd ---- */

struct running {
    struct loop *loop;
    struct log *log;
    FILE *lines; /* of the log */
    struct config_auth config;
    struct auth *auth;
};

static int start(void **state) {
    struct running *running = xcalloc(1, sizeof *running);
    struct problems problems;
    write_file("{\"tokens\": [" ALICE "]}");
    running->loop = loop_new();
    running->lines = tmpfile();
    assert_non_null(running->lines);
    running->log = log_new(fileno(running->lines), TRUNK_LOG_INFO, LOG_LOGFMT);
    running->config.tokens_file = path;
    problems_init(&problems, path, remember, NULL);
    assert_true(tokens_file_read(&problems, &running->config.tokens, &running->config.stamp));
    problems_clear(&problems);
    running->auth = auth_new(running->loop, running->log, &running->config);
    *state = running;
    return 0;
}

static int stop(void **state) {
    struct running *running = *state;
    auth_free(running->auth);
    log_free(running->log);
    assert_int_equal(fclose(running->lines), 0);
    loop_free(running->loop);
    free(running);
    return 0;
}

static const char *principal_of(struct running *running, const char *authorization) {
    const struct authenticator *authenticator = auth_authenticator(running->auth);
    const char *principal = authenticator->check(authenticator->ctx, authorization).principal;
    return principal != NULL ? principal : "(refused)";
}

static size_t count_logged(struct running *running, const char *text) {
    char line[4096];
    size_t count = 0;
    rewind(running->lines);
    while (fgets(line, sizeof line, running->lines) != NULL) {
        count += strstr(line, text) != NULL ? 1 : 0;
    }
    return count;
}

static void await_logged(struct running *running, const char *text, size_t count) {
    time_t deadline = time(NULL) + PATIENCE_S;
    while (count_logged(running, text) < count) {
        assert_true(time(NULL) < deadline);
        loop_turn(running->loop, true);
    }
    assert_int_equal(count_logged(running, text), count);
}

static void test_changed_file_takes_effect_and_a_bad_one_is_told_once(void **state) {
    struct running *running = *state;
    assert_string_equal(principal_of(running, "Bearer abc"), "alice");
    assert_string_equal(principal_of(running, "Bearer hello"), "(refused)");
    assert_string_equal(principal_of(running, NULL), "(refused)");

    write_file("{\"tokens\": [" BOB "]}");
    await_logged(running, "tokens read again\" count=1", 1);
    assert_string_equal(principal_of(running, "Bearer abc"), "(refused)");
    assert_string_equal(principal_of(running, "Bearer hello"), "bob");

    write_file("{\"tokens\": [{\"name\": \"eve\", \"sha256\": \"\"}]}");
    await_logged(running, "tokens[0].sha256: not a SHA-256", 1);
    assert_string_equal(principal_of(running, "Bearer hello"), "bob");

    assert_int_equal(unlink(path), 0);
    await_logged(running, "cannot be read: No such file", 1);
    assert_string_equal(principal_of(running, "Bearer hello"), "bob");

    write_file("{\"tokens\": [" ALICE ", " BOB "]}");
    await_logged(running, "tokens read again\" count=2", 1);
    assert_int_equal(count_logged(running, "cannot be read: No such file"), 1);
    assert_int_equal(count_logged(running, "not a SHA-256"), 1);

    assert_int_equal(chmod(path, 0644), 0);
    await_logged(running, "others may read or write it", 1);
    assert_string_equal(principal_of(running, "Bearer hello"), "bob");
}

static void test_token_of_the_past_is_refused(void **state) {
    struct running *running = *state;
    write_file("{\"tokens\": [{\"name\": \"alice\", \"sha256\": \"" OF_ABC
               "\", \"expires\": \"2001-01-01T00:00:00Z\"}]}");
    await_logged(running, "tokens read again", 1);
    assert_string_equal(principal_of(running, "Bearer abc"), "(refused)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_file_gives_names_hashes_and_ends),
        cmocka_unit_test(test_bad_file_is_told_and_changes_nothing),
        cmocka_unit_test(test_end_of_a_token_is_a_day_that_exists_in_utc),
        cmocka_unit_test(test_file_that_others_could_use_is_refused),
        cmocka_unit_test(test_what_is_no_file_is_refused_without_waiting),
        cmocka_unit_test_setup_teardown(test_changed_file_takes_effect_and_a_bad_one_is_told_once,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_token_of_the_past_is_refused, start, stop),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
