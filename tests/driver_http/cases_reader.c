/* SPDX-License-Identifier: MIT
 * cases_reader.c - the reader of event streams alone: every text in one piece and byte by byte. */
#include "cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sse_reader.h"

#include <cmocka.h>

struct log {
    char text[1024];
    size_t nevents;
    size_t stop_after; /* 0: never */
};

static bool on_event(void *ctx, const struct sse_event *event) {
    struct log *log = ctx;
    size_t used = strlen(log->text);
    (void)snprintf(log->text + used, sizeof log->text - used, "[%s|%.*s|%.*s]", event->name,
                   (int)event->data.len, (const char *)event->data.data, (int)event->id.len,
                   (const char *)event->id.data);
    return ++log->nevents == log->stop_after;
}

/* Feeds text in pieces of a size; gives the last status. */
static int32_t feed(struct sse_reader *reader, const char *text, size_t len, size_t piece,
                    struct log *log) {
    int32_t status = TRUNK_OK;
    for (size_t at = 0; at < len && status == TRUNK_OK; at += piece) {
        size_t part = len - at < piece ? len - at : piece;
        char *copy = malloc(part); /* so that a read past its end is found */
        assert_non_null(copy);
        memcpy(copy, text + at, part);
        status = sse_reader_feed(reader, copy, part, on_event, log);
        free(copy);
    }
    return status;
}

static void expect_events_of(const char *text, size_t len, const char *expected) {
    static const size_t pieces[] = {1, 2, 3, 7, 4096};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct sse_reader reader = {0};
        struct log log = {0};
        assert_int_equal(feed(&reader, text, len, pieces[i], &log), TRUNK_OK);
        assert_string_equal(log.text, expected);
        sse_reader_free(&reader);
    }
}

static void expect_events(const char *text, const char *expected) {
    expect_events_of(text, strlen(text), expected);
}

static void test_all_line_ends_end_lines(void **state) {
    (void)state;
    expect_events("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\r\n\n", "[|a|][|b|][|c|][|d|]");
    expect_events("\n\n\r\r\n\ndata: a\n\n", "[|a|]");
}

static void test_data_lines_are_joined_and_one_space_is_dropped(void **state) {
    (void)state;
    expect_events("data:a\ndata:  b\ndata\ndata:c:d\n\n", "[|a\n b\n\nc:d|]");
    expect_events("data:\ndata:a\n\n", "[|\na|]");
}

static void test_comments_and_unknown_fields_are_ignored(void **state) {
    (void)state;
    expect_events(": data: x\n:\nfoo: bar\ndatax: y\ndat: z\n data: w\nDATA: v\ndata: a\n\n",
                  "[|a|]");
}

static void test_a_byte_order_mark_is_skipped_once(void **state) {
    (void)state;
    expect_events("\xef\xbb\xbf"
                  "data: a\n\n",
                  "[|a|]");
    expect_events("\xef\xbb\xbf\xef\xbb\xbf"
                  "data: a\n\ndata: b\n\n",
                  "[|b|]");
    expect_events("\xef\xbb"
                  "data: a\n\ndata: b\n\n",
                  "[|b|]");
}

static void test_names_are_of_one_event_and_ids_stay(void **state) {
    (void)state;
    expect_events("event: e\nid: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "[e|a|1][|b|1][|c|]");
    static const char with_nul[] = "id: 1\nid: 2\0003\ndata: a\n\n";
    expect_events_of(with_nul, sizeof with_nul - 1, "[|a|1]");
}

static void test_an_id_without_data_is_kept_but_no_event(void **state) {
    (void)state;
    struct sse_reader reader = {0};
    struct log log = {0};
    const char *text = "event: x\nid: k-0\nretry: 1500\ndata: \n\ndata: a\n\nid: k-1\n";
    assert_int_equal(feed(&reader, text, strlen(text), 1, &log), TRUNK_OK);
    assert_string_equal(log.text, "[|a|k-0]");
    assert_string_equal(reader.id, "k-1");
    assert_true(reader.has_retry);
    assert_int_equal(reader.retry_ms, 1500);
    sse_reader_free(&reader);
}

static void test_an_event_without_its_blank_line_is_none(void **state) {
    (void)state;
    expect_events("data: a\n\ndata: b\n", "[|a|]");
    expect_events("data: a", "");
}

static void test_only_digits_set_the_retry(void **state) {
    (void)state;
    static const char *const bad[] = {"retry:\n", "retry: 1s\n", "retry: -1\n", "retry:  1\n",
                                      "retry: 99999999999999999999999\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sse_reader reader = {0};
        struct log log = {0};
        assert_int_equal(feed(&reader, bad[i], strlen(bad[i]), 4096, &log), TRUNK_OK);
        assert_false(reader.has_retry);
        sse_reader_free(&reader);
    }
}

static void expect_limit(const char *text, size_t limit, int32_t status) {
    for (size_t piece = 1; piece < 4; piece++) {
        struct sse_reader reader = {.max_event_bytes = limit};
        struct log log = {0};
        assert_int_equal(feed(&reader, text, strlen(text), piece, &log), status);
        sse_reader_free(&reader);
    }
}

static void test_the_limit_is_of_all_data_of_an_event(void **state) {
    (void)state;
    expect_limit("data: 1234\n\ndata: 1234\n\n", 4, TRUNK_OK);
    expect_limit("data: 12345\n\n", 4, TRUNK_TOO_LARGE);
    expect_limit("data: 12\ndata: 34\n\n", 4, TRUNK_TOO_LARGE);
    expect_limit("data: 12\ndata: 3\n\n", 4, TRUNK_OK);
    char line[8192];
    memset(line, ':', sizeof line);
    line[sizeof line - 1] = '\0';
    expect_limit(line, 4, TRUNK_TOO_LARGE);
    expect_limit(line, 0, TRUNK_OK);
}

static void test_a_long_id_or_name_does_no_harm(void **state) {
    (void)state;
    char text[4096];
    char expected[256];
    memset(text, 'x', sizeof text);
    memcpy(text, "id: 1\nid: ", 10);
    memcpy(text + 2000, "\nevent: ", 8);
    memcpy(text + 4000, "\ndata: a\n\n", 11);
    (void)snprintf(expected, sizeof expected, "[%.*s|a|1]", 63, text + 2100);
    expect_events(text, expected);
}

static void test_reading_stops_when_it_is_told_to(void **state) {
    (void)state;
    struct sse_reader reader = {0};
    struct log log = {.stop_after = 1};
    const char *text = "data: a\n\ndata: b\n\n";
    assert_int_equal(feed(&reader, text, strlen(text), 4096, &log), TRUNK_CANCELLED);
    assert_string_equal(log.text, "[|a|]");
    sse_reader_free(&reader);
}

int run_reader_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_line_ends_end_lines),
        cmocka_unit_test(test_data_lines_are_joined_and_one_space_is_dropped),
        cmocka_unit_test(test_comments_and_unknown_fields_are_ignored),
        cmocka_unit_test(test_a_byte_order_mark_is_skipped_once),
        cmocka_unit_test(test_names_are_of_one_event_and_ids_stay),
        cmocka_unit_test(test_an_id_without_data_is_kept_but_no_event),
        cmocka_unit_test(test_an_event_without_its_blank_line_is_none),
        cmocka_unit_test(test_only_digits_set_the_retry),
        cmocka_unit_test(test_the_limit_is_of_all_data_of_an_event),
        cmocka_unit_test(test_a_long_id_or_name_does_no_harm),
        cmocka_unit_test(test_reading_stops_when_it_is_told_to),
    };
    return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
