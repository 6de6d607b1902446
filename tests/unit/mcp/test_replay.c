/* SPDX-License-Identifier: MIT
 * test_replay.c - the replay log: what comes after an event, and what is kept. */
#include "unit/wire/fixture.h"

#include "mcp/replay.h"

/* The id of an event of the log with tag "ab12" and epoch 3. */
static const char *id_of(uint64_t stream, uint64_t number) {
    static struct buffer id;
    buffer_clear(&id);
    buffer_append_cstr(&id, "ab12.3.");
    buffer_append_u64(&id, stream);
    buffer_append_cstr(&id, "-");
    buffer_append_u64(&id, number);
    return buffer_cstr(&id);
}

static struct replay *new_log(size_t max_events, size_t max_bytes) {
    return replay_new("ab12", 3, max_events, max_bytes);
}

static uint64_t append(struct replay *log, uint64_t stream, const char *json) {
    return replay_append(log, stream, slice_cstr(json));
}

static enum replay_answer ask(const struct replay *log, const char *id) {
    struct replay_place place;
    return replay_find(log, slice_cstr(id), &place);
}

/* expected: the events behind the id, each with a space behind it; "..." first where there is a
 * gap. */
static void assert_replay(const struct replay *log, const char *id, enum replay_answer answer,
                          const char *expected) {
    struct replay_place place;
    struct buffer text = {0};
    struct trunk_slice json;
    assert_int_equal(replay_find(log, slice_cstr(id), &place), answer);
    buffer_append_cstr(&text, place.has_gap ? "..." : "");
    while (replay_next(log, &place, &json)) {
        buffer_append_slice(&text, json);
        buffer_append_cstr(&text, " ");
    }
    buffer_append_cstr(&text, "|");
    struct buffer wanted = {0};
    buffer_printf(&wanted, "%s|", expected);
    assert_slice(buffer_slice(&text), buffer_cstr(&wanted));
    buffer_free(&text);
    buffer_free(&wanted);
}

static void test_id_names_session_epoch_stream_and_number(void **state) {
    (void)state;
    struct replay *log = new_log(0, 0);
    struct buffer id = {0};
    replay_append_id(log, 7, 12, &id);
    assert_buffer(&id, "ab12.3.7-12");
    replay_free(log);
    replay_free(NULL);
}

static void test_replay_holds_the_later_events_of_that_stream_only(void **state) {
    (void)state;
    struct replay *log = new_log(0, 0);
    uint64_t one = replay_open(log, false);
    uint64_t two = replay_open(log, false);
    assert_int_equal(one, 1);
    assert_int_equal(two, 2);
    assert_int_equal(append(log, one, "a"), 1);
    assert_int_equal(append(log, two, "x"), 1);
    assert_int_equal(append(log, one, "b"), 2);
    assert_int_equal(append(log, two, "y"), 2);
    assert_replay(log, id_of(1, 0), REPLAY_GOES_ON, "a b ");
    assert_replay(log, id_of(1, 1), REPLAY_GOES_ON, "b ");
    assert_replay(log, id_of(1, 2), REPLAY_GOES_ON, "");
    assert_replay(log, id_of(2, 1), REPLAY_GOES_ON, "y ");
    replay_free(log);
}

static void test_reading_goes_on_with_what_comes_meanwhile(void **state) {
    (void)state;
    struct replay *log = new_log(0, 0);
    struct replay_place place;
    struct trunk_slice json;
    uint64_t stream = replay_open(log, false);
    assert_int_equal(replay_find(log, slice_cstr(id_of(1, 0)), &place), REPLAY_GOES_ON);
    assert_false(replay_next(log, &place, &json));
    append(log, stream, "a");
    assert_true(replay_next(log, &place, &json));
    assert_slice(json, "a");
    assert_int_equal(place.number, 1);
    assert_false(replay_next(log, &place, &json));
    replay_free(log);
}

static void test_finished_stream_ends_and_is_complete_at_its_end(void **state) {
    (void)state;
    struct replay *log = new_log(0, 0);
    uint64_t stream = replay_open(log, false);
    append(log, stream, "a");
    assert_int_equal(replay_append_result(log, stream, slice_cstr("r")), 2);
    assert_replay(log, id_of(1, 0), REPLAY_ENDS, "a r ");
    assert_replay(log, id_of(1, 1), REPLAY_ENDS, "r ");
    assert_int_equal(ask(log, id_of(1, 2)), REPLAY_COMPLETE);
    stream = replay_open(log, false);
    append(log, stream, "n");
    replay_finish(log, stream);
    assert_replay(log, id_of(2, 0), REPLAY_ENDS, "n ");
    assert_int_equal(ask(log, id_of(2, 1)), REPLAY_COMPLETE);
    stream = replay_open(log, false);
    replay_finish(log, stream);
    assert_int_equal(ask(log, id_of(3, 0)), REPLAY_COMPLETE);
    replay_free(log);
}

static void test_id_that_was_not_given_yet_is_of_the_future(void **state) {
    (void)state;
    struct replay *log = new_log(0, 0);
    uint64_t stream = replay_open(log, false);
    append(log, stream, "a");
    assert_int_equal(ask(log, id_of(1, 2)), REPLAY_FUTURE);
    assert_int_equal(ask(log, id_of(2, 0)), REPLAY_FUTURE);
    assert_int_equal(ask(log, id_of(0, 0)), REPLAY_FUTURE);
    assert_int_equal(ask(log, "ab12.4.1-0"), REPLAY_FUTURE);
    replay_finish(log, stream);
    assert_int_equal(ask(log, id_of(1, 2)), REPLAY_FUTURE);
    replay_free(log);
}

static void test_id_of_another_session_or_epoch_is_told_apart(void **state) {
    (void)state;
    struct replay *log = new_log(0, 0);
    (void)replay_open(log, false);
    assert_int_equal(ask(log, "ab13.3.1-0"), REPLAY_FOREIGN);
    assert_int_equal(ask(log, "ab1.3.1-0"), REPLAY_FOREIGN);
    assert_int_equal(ask(log, "ab12.2.1-0"), REPLAY_GONE);
    replay_free(log);
}

static void test_other_text_is_no_id(void **state) {
    static const char *const texts[] = {"",
                                        "0",
                                        "ab12",
                                        "ab12.3.1",
                                        "ab12.3.1-",
                                        "ab12.3.1-x",
                                        "ab12.3.1-0 ",
                                        "ab12.3.1-00",
                                        "ab12.03.1-0",
                                        "ab12.3.1--1",
                                        "ab12.3.1-+1",
                                        ".3.1-0",
                                        "AB12.3.1-0",
                                        "ab12.3.18446744073709551617-0",
                                        "ab12.3.1-99999999999999999999",
                                        "s1_0_abcdef"};
    (void)state;
    struct replay *log = new_log(0, 0);
    struct replay_place place;
    (void)replay_open(log, false);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(ask(log, texts[i]), REPLAY_UNKNOWN);
    }
    assert_int_equal(replay_find(log, slice_of(NULL, 0), &place), REPLAY_UNKNOWN);
    replay_free(log);
}

static void test_oldest_events_go_first_over_all_streams(void **state) {
    (void)state;
    struct replay *log = new_log(3, 0);
    uint64_t one = replay_open(log, false);
    uint64_t two = replay_open(log, false);
    append(log, one, "a");
    append(log, two, "x");
    append(log, one, "b");
    append(log, two, "y");
    assert_replay(log, id_of(1, 0), REPLAY_GOES_ON, "...b ");
    assert_replay(log, id_of(1, 1), REPLAY_GOES_ON, "b ");
    append(log, two, "z");
    assert_replay(log, id_of(2, 0), REPLAY_GOES_ON, "...y z ");
    assert_replay(log, id_of(1, 0), REPLAY_GOES_ON, "...b ");
    replay_free(log);
}

static void test_bytes_are_bounded_too(void **state) {
    (void)state;
    struct replay *log = new_log(0, 10);
    uint64_t stream = replay_open(log, false);
    append(log, stream, "1234");
    append(log, stream, "5678");
    append(log, stream, "90");
    assert_replay(log, id_of(1, 0), REPLAY_GOES_ON, "1234 5678 90 ");
    append(log, stream, "a");
    assert_replay(log, id_of(1, 0), REPLAY_GOES_ON, "...5678 90 a ");
    replay_free(log);
}

static void test_event_over_the_limit_pushes_out_no_other(void **state) {
    (void)state;
    struct replay *log = new_log(0, 10);
    uint64_t stream = replay_open(log, false);
    append(log, stream, "1234");
    append(log, stream, "12345678901");
    assert_replay(log, id_of(1, 0), REPLAY_GOES_ON, "...1234 ");
    assert_replay(log, id_of(1, 2), REPLAY_GOES_ON, "");
    replay_free(log);
}

static void test_result_is_kept_whatever_its_size_until_it_is_delivered(void **state) {
    (void)state;
    struct replay *log = new_log(2, 10);
    uint64_t stream = replay_open(log, false);
    uint64_t other = replay_open(log, false);
    append(log, stream, "a");
    replay_append_result(log, stream, slice_cstr("a result of many bytes"));
    for (int i = 0; i < 10; i++) {
        append(log, other, "12345");
    }
    assert_replay(log, id_of(1, 0), REPLAY_ENDS, "...a result of many bytes ");
    assert_replay(log, id_of(1, 1), REPLAY_ENDS, "a result of many bytes ");
    assert_true(replay_written(log, stream));
    assert_replay(log, id_of(1, 1), REPLAY_ENDS, "a result of many bytes ");
    replay_settle(log);
    assert_int_equal(ask(log, id_of(1, 1)), REPLAY_GONE);
    assert_int_equal(ask(log, id_of(1, 2)), REPLAY_COMPLETE);
    assert_replay(log, id_of(2, 8), REPLAY_GOES_ON, "12345 12345 ");
    assert_false(replay_written(log, stream));
    assert_false(replay_written(log, 99));
    replay_settle(log);
    replay_free(log);
}

static void test_delivered_result_that_fits_is_kept_like_others(void **state) {
    (void)state;
    struct replay *log = new_log(2, 0);
    uint64_t stream = replay_open(log, false);
    replay_append_result(log, stream, slice_cstr("r"));
    assert_false(replay_written(log, stream));
    assert_replay(log, id_of(1, 0), REPLAY_ENDS, "r ");
    uint64_t other = replay_open(log, false);
    append(log, other, "x");
    assert_replay(log, id_of(1, 0), REPLAY_ENDS, "r ");
    append(log, other, "y");
    assert_int_equal(ask(log, id_of(1, 0)), REPLAY_GONE);
    replay_free(log);
}

static void test_so_many_results_are_owed_and_no_more(void **state) {
    (void)state;
    struct replay *log = new_log(1, 1);
    for (int i = 0; i < REPLAY_MAX_OWED + 2; i++) {
        replay_append_result(log, replay_open(log, false), slice_cstr("result"));
    }
    assert_int_equal(ask(log, id_of(1, 0)), REPLAY_GONE);
    assert_int_equal(ask(log, id_of(2, 0)), REPLAY_GONE);
    assert_replay(log, id_of(3, 0), REPLAY_ENDS, "result ");
    assert_replay(log, id_of(REPLAY_MAX_OWED + 2, 0), REPLAY_ENDS, "result ");
    replay_free(log);
}

static void test_so_many_bytes_are_owed_and_always_the_newest(void **state) {
    (void)state;
    struct replay *log = new_log(1, 1);
    size_t len = REPLAY_MAX_OWED_BYTES / 2;
    char *text = calloc(1, 3 * len);
    for (int i = 0; i < 3; i++) {
        replay_append_result(log, replay_open(log, false), slice_of(text, len));
    }
    assert_int_equal(ask(log, id_of(1, 0)), REPLAY_GONE);
    assert_int_equal(ask(log, id_of(2, 0)), REPLAY_ENDS);
    assert_int_equal(ask(log, id_of(3, 0)), REPLAY_ENDS);
    replay_append_result(log, replay_open(log, false), slice_of(text, 3 * len));
    assert_int_equal(ask(log, id_of(3, 0)), REPLAY_GONE);
    assert_int_equal(ask(log, id_of(4, 0)), REPLAY_ENDS);
    free(text);
    replay_free(log);
}

static void test_results_that_were_written_are_given_up_first(void **state) {
    (void)state;
    struct replay *log = new_log(1, 1);
    replay_append_result(log, replay_open(log, false), slice_cstr("owed"));
    for (int i = 0; i < REPLAY_MAX_OWED; i++) {
        uint64_t stream = replay_open(log, false);
        replay_append_result(log, stream, slice_cstr("written"));
        assert_true(replay_written(log, stream));
    }
    assert_replay(log, id_of(1, 0), REPLAY_ENDS, "owed ");
    assert_int_equal(ask(log, id_of(2, 0)), REPLAY_GONE);
    assert_replay(log, id_of(3, 0), REPLAY_ENDS, "written ");
    replay_free(log);
}

/* A session may live for days. */
static void test_finished_streams_are_forgotten_in_the_end(void **state) {
    (void)state;
    struct replay *log = new_log(1, 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t stream = replay_open(log, false);
        replay_append_result(log, stream, slice_cstr("r"));
        (void)replay_written(log, stream);
    }
    assert_int_equal(ask(log, id_of(1, 1)), REPLAY_GONE);
    assert_int_equal(ask(log, id_of(999, 1)), REPLAY_COMPLETE);
    assert_replay(log, id_of(1000, 0), REPLAY_ENDS, "r ");
    assert_int_equal(ask(log, id_of(1001, 0)), REPLAY_FUTURE);
    replay_free(log);
}

static void test_open_stream_is_never_forgotten(void **state) {
    (void)state;
    struct replay *log = new_log(1, 0);
    uint64_t open = replay_open(log, false);
    append(log, open, "a");
    for (int i = 0; i < 1000; i++) {
        uint64_t stream = replay_open(log, false);
        append(log, stream, "x");
        replay_finish(log, stream);
    }
    assert_replay(log, id_of(open, 0), REPLAY_GOES_ON, "...");
    append(log, open, "b");
    assert_replay(log, id_of(open, 0), REPLAY_GOES_ON, "...b ");
    replay_free(log);
}

static void test_what_is_taken_back_was_never_on_its_stream(void **state) {
    (void)state;
    struct replay *log = new_log(0, 0);
    uint64_t stream = replay_open(log, false);
    append(log, stream, "one");
    append(log, stream, "two");
    append(log, stream, "three");
    replay_take_back(log, stream, 2);
    replay_finish(log, stream);
    assert_replay(log, id_of(stream, 0), REPLAY_ENDS, "one two ");
    assert_replay(log, id_of(stream, 1), REPLAY_ENDS, "two ");
    assert_int_equal(ask(log, id_of(stream, 2)), REPLAY_COMPLETE);
    assert_int_equal(ask(log, id_of(stream, 3)), REPLAY_FUTURE);
    replay_free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id_names_session_epoch_stream_and_number),
        cmocka_unit_test(test_replay_holds_the_later_events_of_that_stream_only),
        cmocka_unit_test(test_reading_goes_on_with_what_comes_meanwhile),
        cmocka_unit_test(test_finished_stream_ends_and_is_complete_at_its_end),
        cmocka_unit_test(test_id_that_was_not_given_yet_is_of_the_future),
        cmocka_unit_test(test_id_of_another_session_or_epoch_is_told_apart),
        cmocka_unit_test(test_other_text_is_no_id),
        cmocka_unit_test(test_oldest_events_go_first_over_all_streams),
        cmocka_unit_test(test_bytes_are_bounded_too),
        cmocka_unit_test(test_event_over_the_limit_pushes_out_no_other),
        cmocka_unit_test(test_result_is_kept_whatever_its_size_until_it_is_delivered),
        cmocka_unit_test(test_delivered_result_that_fits_is_kept_like_others),
        cmocka_unit_test(test_so_many_results_are_owed_and_no_more),
        cmocka_unit_test(test_so_many_bytes_are_owed_and_always_the_newest),
        cmocka_unit_test(test_results_that_were_written_are_given_up_first),
        cmocka_unit_test(test_finished_streams_are_forgotten_in_the_end),
        cmocka_unit_test(test_open_stream_is_never_forgotten),
        cmocka_unit_test(test_what_is_taken_back_was_never_on_its_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
