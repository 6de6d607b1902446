/* SPDX-License-Identifier: MIT
 * test_sse.c - the text of server-sent events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/sse.h"

static void test_event_is_one_data_line_and_a_blank_line(void **state) {
    (void)state;
    struct buffer out = {0};
    sse_append_event(&out, &(struct exchange_event){.json = slice_cstr("{\"jsonrpc\":\"2.0\"}")});
    assert_string_equal(buffer_cstr(&out), "event: message\ndata: {\"jsonrpc\":\"2.0\"}\n\n");
    buffer_free(&out);
}

static void test_line_breaks_between_tokens_become_spaces(void **state) {
    (void)state;
    struct buffer out = {0};
    sse_append_event(&out, &(struct exchange_event){.json = slice_cstr("{\r\n\"a\":\n1}")});
    assert_string_equal(buffer_cstr(&out), "event: message\ndata: {  \"a\": 1}\n\n");
    buffer_free(&out);
}

static void test_events_follow_each_other_in_one_buffer(void **state) {
    (void)state;
    struct buffer out = {0};
    sse_append_event(&out, &(struct exchange_event){.json = slice_cstr("1")});
    sse_append_event(&out, &(struct exchange_event){.json = slice_cstr("2")});
    assert_string_equal(buffer_cstr(&out),
                        "event: message\ndata: 1\n\nevent: message\ndata: 2\n\n");
    buffer_free(&out);
}

static void test_comment_starts_with_a_colon(void **state) {
    (void)state;
    struct buffer out = {0};
    sse_append_comment(&out, "keepalive");
    assert_string_equal(buffer_cstr(&out), ": keepalive\n\n");
    buffer_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_is_one_data_line_and_a_blank_line),
        cmocka_unit_test(test_line_breaks_between_tokens_become_spaces),
        cmocka_unit_test(test_events_follow_each_other_in_one_buffer),
        cmocka_unit_test(test_comment_starts_with_a_colon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
