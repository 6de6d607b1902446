/* SPDX-License-Identifier: MIT
 * test_log.c - the lines of the log, byte for byte, and that nothing forges one. */
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "base/alloc.h"

struct fixture {
    struct log *logfmt;
    struct log *json;
    int pipe[2];
    char text[65536];
};

static int set_up(void **state) {
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    if (pipe2(fixture->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    fixture->logfmt = log_new(fixture->pipe[1], TRUNK_LOG_INFO, LOG_LOGFMT);
    fixture->json = log_new(fixture->pipe[1], TRUNK_LOG_DEBUG, LOG_JSON);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    log_free(fixture->logfmt);
    log_free(fixture->json);
    (void)close(fixture->pipe[0]);
    (void)close(fixture->pipe[1]);
    free(fixture);
    return 0;
}

/* What was written since the last call. */
static char *read_lines(struct fixture *fixture) {
    ssize_t len = read(fixture->pipe[0], fixture->text, sizeof fixture->text - 1);
    fixture->text[len > 0 ? len : 0] = '\0';
    return fixture->text;
}

/* Of a logfmt line: what follows the time, which is checked. */
static const char *read_behind_time(struct fixture *fixture) {
    char *line = read_lines(fixture);
    static const char shape[] = "time=0000-00-00T00:00:00.000Z ";
    for (size_t i = 0; shape[i] != '\0'; i++) {
        if (shape[i] == '0') {
            assert_in_range(line[i], '0', '9');
        } else {
            assert_int_equal(line[i], shape[i]);
        }
    }
    return line + strlen(shape);
}

static void test_logfmt_quotes_the_text_and_keeps_the_pairs(void **state) {
    struct fixture *fixture = *state;
    log_info(fixture->logfmt, "session", "session %s id=%s note=\"a b\"", "created", "1a2b");
    assert_string_equal(read_behind_time(fixture),
                        "level=info module=session msg=\"session created\" id=1a2b note=\"a b\"\n");
    log_warn(fixture->logfmt, "http", "no pairs here, = is not one, nor A=b");
    assert_string_equal(read_behind_time(fixture),
                        "level=warn module=http msg=\"no pairs here, = is not one, nor A=b\"\n");
}

static void test_lines_above_the_level_are_not_written(void **state) {
    struct fixture *fixture = *state;
    assert_true(log_enabled(fixture->logfmt, TRUNK_LOG_INFO));
    assert_false(log_enabled(fixture->logfmt, TRUNK_LOG_DEBUG));
    log_debug(fixture->logfmt, "x", "hidden");
    assert_string_equal(read_lines(fixture), "");
    log_error(fixture->logfmt, "x", "shown");
    assert_string_equal(read_behind_time(fixture), "level=error module=x msg=\"shown\"\n");
}

static void test_no_log_is_a_log_too(void **state) {
    (void)state;
    struct log_limit limit = {0};
    log_error(NULL, "x", "nothing %d", 1);
    log_write_limited(NULL, &limit, TRUNK_LOG_ERROR, "x", "nothing");
    assert_false(log_enabled(NULL, TRUNK_LOG_ERROR));
    log_free(NULL);
}

static void test_control_and_invalid_bytes_cannot_forge_a_line(void **state) {
    struct fixture *fixture = *state;
    log_info(
        fixture->logfmt, "x",
        "a\nb\r\t\x1b[0m\x7f\"\\ \xff \xc3\xa9 \xc2\x9b \xc0\xaf \xed\xa0\x80 \xf0\x9f\x98\x80");
    assert_string_equal(read_behind_time(fixture),
                        "level=info module=x msg=\"a\\nb\\r\\t\\x1b[0m\\x7f\\\"\\\\ \\xff \xc3\xa9 "
                        "\\xc2\\x9b \\xc0\\xaf \\xed\\xa0\\x80 \xf0\x9f\x98\x80\"\n");
    log_info(fixture->logfmt, "x", "text id=a\ntime=now \xe2\x82");
    assert_string_equal(read_behind_time(fixture),
                        "level=info module=x msg=\"text\" id=a\\ntime=now \\xe2\\x82\n");
}

static void test_json_lines_hold_the_whole_text(void **state) {
    struct fixture *fixture = *state;
    log_debug(fixture->json, "leg", "it said \"%s\" id=7", "\x01\n\\ \xff \xc2\x9b \xc3\xa9");
    char *line = read_lines(fixture);
    assert_int_equal(line[strlen(line) - 1], '\n');
    struct json_object *root = json_tokener_parse(line);
    struct json_object *member = NULL;
    assert_non_null(root);
    assert_true(json_object_object_get_ex(root, "msg", &member));
    assert_string_equal(json_object_get_string(member),
                        "it said \"\x01\n\\ \\xff \\xc2\\x9b \xc3\xa9\" id=7");
    assert_true(json_object_object_get_ex(root, "level", &member));
    assert_string_equal(json_object_get_string(member), "debug");
    assert_true(json_object_object_get_ex(root, "module", &member));
    assert_string_equal(json_object_get_string(member), "leg");
    assert_true(json_object_object_get_ex(root, "time", &member));
    assert_int_equal(json_object_get_string_len(member), 24);
    json_object_put(root);
}

static void test_long_lines_are_cut_and_still_end_well(void **state) {
    struct fixture *fixture = *state;
    char long_text[9000];
    memset(long_text, '\x01', sizeof long_text - 1); /* each becomes 4 or 6 bytes */
    long_text[sizeof long_text - 1] = '\0';
    log_info(fixture->logfmt, "x", "%s", long_text);
    char *line = read_lines(fixture);
    size_t len = strlen(line);
    assert_in_range(len, 4080, 4096);
    assert_string_equal(line + len - 6, "\\x01\"\n");

    log_info(fixture->logfmt, "x", "text id=%s", long_text);
    line = read_lines(fixture);
    len = strlen(line);
    assert_in_range(len, 4080, 4096);
    assert_string_equal(line + len - 5, "\\x01\n");

    log_info(fixture->json, "x", "%s", long_text);
    line = read_lines(fixture);
    len = strlen(line);
    assert_in_range(len, 4080, 4096);
    struct json_object *root = json_tokener_parse(line);
    assert_non_null(root);
    json_object_put(root);
}

static void test_long_lines_are_cut_at_a_character(void **state) {
    struct fixture *fixture = *state;
    char text[3 * 2000 + 1] = "";
    for (size_t i = 0; i < 2000; i++) {
        memcpy(text + 3 * i, "\xe2\x82\xac", 4);
    }
    for (size_t shift = 0; shift < 3; shift++) {
        log_info(fixture->logfmt, "x", "%s%s", &"aa"[2 - shift], text);
        const char *line = read_lines(fixture);
        const char *end = line + strlen(line) - 2;
        assert_string_equal(end, "\"\n");
        assert_memory_equal(end - 3, "\xe2\x82\xac", 3);
    }
}

static void test_limited_lines_are_counted_while_left_out(void **state) {
    struct fixture *fixture = *state;
    struct log_limit limit = {0};
    for (int i = 0; i < 10; i++) {
        log_write_limited(fixture->logfmt, &limit, TRUNK_LOG_WARN, "x", "flood i=%d", i);
    }
    assert_string_equal(read_behind_time(fixture), "level=warn module=x msg=\"flood\" i=0\n");
    limit.last_ms -= 5000; /* as if the time had passed */
    log_write_limited(fixture->logfmt, &limit, TRUNK_LOG_WARN, "x", "flood i=%d", 10);
    assert_string_equal(read_behind_time(fixture),
                        "level=warn module=x msg=\"flood\" i=10 repeated=9\n");
    limit.last_ms -= 5000;
    log_write_limited(fixture->logfmt, &limit, TRUNK_LOG_WARN, "x", "flood i=%d", 11);
    assert_string_equal(read_behind_time(fixture), "level=warn module=x msg=\"flood\" i=11\n");
}

struct writer {
    struct log *log;
    struct log_limit *limit;
    unsigned number;
};

static void *write_many(void *arg) {
    struct writer *writer = arg;
    for (unsigned i = 0; i < 100; i++) {
        log_info(writer->log, "x", "line writer=%u i=%u", writer->number, i);
        log_write_limited(writer->log, writer->limit, TRUNK_LOG_INFO, "x", "limited");
    }
    return NULL;
}

static void test_threads_write_whole_lines(void **state) {
    struct fixture *fixture = *state;
    struct log_limit limit = {0};
    pthread_t threads[4];
    struct writer writers[4];
    unsigned next[4] = {0};
    for (unsigned i = 0; i < 4; i++) {
        writers[i] = (struct writer){fixture->logfmt, &limit, i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    unsigned limited = 0;
    char *rest = read_lines(fixture);
    for (char *line = strsep(&rest, "\n"); rest != NULL; line = strsep(&rest, "\n")) {
        line += strlen("time=0000-00-00T00:00:00.000Z ");
        if (strcmp(line, "level=info module=x msg=\"limited\"") == 0) {
            limited++;
            continue;
        }
        char wanted[80];
        unsigned writer = (unsigned)line[strlen("level=info module=x msg=\"line\" writer=")] - '0';
        assert_in_range(writer, 0, 3);
        (void)snprintf(wanted, sizeof wanted, "level=info module=x msg=\"line\" writer=%u i=%u",
                       writer, next[writer]++);
        assert_string_equal(line, wanted);
    }
    assert_int_equal(limited, 1);
    assert_int_equal(limit.left_out, 399);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(next[i], 100);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_logfmt_quotes_the_text_and_keeps_the_pairs),
        TEST(test_lines_above_the_level_are_not_written),
        TEST(test_no_log_is_a_log_too),
        TEST(test_control_and_invalid_bytes_cannot_forge_a_line),
        TEST(test_json_lines_hold_the_whole_text),
        TEST(test_long_lines_are_cut_and_still_end_well),
        TEST(test_long_lines_are_cut_at_a_character),
        TEST(test_limited_lines_are_counted_while_left_out),
        TEST(test_threads_write_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
