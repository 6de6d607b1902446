/* SPDX-License-Identifier: MIT
 * cases_pipe.c - messages in both directions, and what becomes of those that do not get through. */
#include "cases.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include <cmocka.h>

enum { MIB = 1024 * 1024 };

/* len bytes that look like a message. */
static char *make_json(size_t len) {
    char *json = malloc(len + 1);
    assert_non_null(json);
    memset(json, 'x', len);
    json[len] = '\0';
    json[0] = '{';
    json[len - 1] = '}';
    return json;
}

static void open_leg(struct rig *rig, struct peer *peer, const char *script) {
    rig_open(rig, "50");
    *peer = (struct peer){0};
    peer_make_script(peer, rig, script);
}

static void close_leg(struct rig *rig, struct peer *peer) {
    peer_finish(peer);
    rig_close(rig);
}

static const struct op_result *wait_op(struct rig *rig, trunk_op op) {
    assert_true(loop_host_wait_op(rig->host, op));
    return loop_host_result(rig->host, op);
}

static void test_a_request_is_complete_once_it_is_written(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec cat");
    trunk_op op = peer_begin_request(&peer, "{\"id\":1}", 8);
    assert_true(
        loop_host_result(rig.host, op)->is_done); /* a small one needs no turn of the loop */
    assert_int_equal(loop_host_result(rig.host, op)->status, TRUNK_OK);
    peer_wait_messages(&peer, 1);
    assert_string_equal(peer.messages[0], "{\"id\":1}");
    close_leg(&rig, &peer);
}

static void test_send_goes_the_same_way(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec cat");
    struct trunk_param headers[] = {{"X-Ignored", "1"}};
    struct trunk_request message = {
        .struct_size = sizeof message, .json = {"{\"n\":1}", 7}, .headers = headers, .nheaders = 1};
    trunk_op op = loop_host_begin(rig.host);
    rig.ops->send(peer.leg, &message, op);
    assert_int_equal(wait_op(&rig, op)->status, TRUNK_OK);
    peer_wait_messages(&peer, 1);
    assert_string_equal(peer.messages[0], "{\"n\":1}");
    close_leg(&rig, &peer);
}

static void test_messages_keep_their_order(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec cat");
    char *big = make_json(MIB);
    trunk_op first = peer_begin_request(&peer, big, MIB);
    trunk_op second = peer_begin_request(&peer, "{\"last\":1}", 10);
    assert_false(loop_host_result(rig.host, second)->is_done);
    peer_wait_messages(&peer, 2);
    assert_int_equal(wait_op(&rig, first)->status, TRUNK_OK);
    assert_int_equal(wait_op(&rig, second)->status, TRUNK_OK);
    assert_true(loop_host_result(rig.host, first)->when < loop_host_result(rig.host, second)->when);
    assert_true(strcmp(peer.messages[0], big) == 0);
    assert_string_equal(peer.messages[1], "{\"last\":1}");
    free(big);
    close_leg(&rig, &peer);
}

static void test_sixteen_mebibytes_pass_unchanged_both_ways(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec cat");
    char *big = make_json((size_t)16 * MIB);
    trunk_op op = peer_begin_request(&peer, big, (size_t)16 * MIB);
    assert_int_equal(wait_op(&rig, op)->status, TRUNK_OK);
    peer_wait_messages(&peer, 1);
    assert_true(strcmp(peer.messages[0], big) == 0);
    free(big);
    close_leg(&rig, &peer);
}

static void test_a_raw_line_break_would_be_two_messages_and_is_refused(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec cat");
    assert_int_equal(peer_request(&peer, "{\n}"), TRUNK_INVALID);
    assert_int_equal(peer_request(&peer, "{\r}"), TRUNK_INVALID);
    assert_int_equal(peer_request(&peer, "{\"ok\":1}"), TRUNK_OK);
    peer_wait_messages(&peer, 1);
    assert_string_equal(peer.messages[0], "{\"ok\":1}");
    close_leg(&rig, &peer);
}

static void test_a_backend_that_does_not_read_fails_what_is_too_much(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig, "50");
    peer_make_child(&peer, &rig, "forever", NULL);
    peer_wait_messages(&peer, 1);
    size_t len = (size_t)65 * MIB;
    char *big = make_json(len);
    trunk_op first = peer_begin_request(&peer, big, len);
    trunk_op second = peer_begin_request(&peer, "{}", 2);
    const struct op_result *result = wait_op(&rig, second);
    assert_int_equal(result->status, TRUNK_UNAVAILABLE);
    assert_string_equal(result->message, "backend b1 does not read");
    assert_false(loop_host_result(rig.host, first)->is_done);
    peer_finish(&peer);
    assert_int_equal(loop_host_result(rig.host, first)->status, TRUNK_CANCELLED);
    free(big);
    rig_close(&rig);
}

static void
test_a_message_half_written_at_exit_is_uncertain_the_next_surely_not_sent(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer = {0};
    rig_open(&rig, "50");
    peer_make_child(&peer, &rig, "forever", NULL);
    peer_wait_messages(&peer, 1);
    char *big = make_json(MIB);
    trunk_op first = peer_begin_request(&peer, big, MIB);
    trunk_op second = peer_begin_request(&peer, "{}", 2);
    assert_int_equal(kill((pid_t)message_number(peer.messages[0], "\"pid\""), SIGKILL), 0);
    peer_wait_closed(&peer);
    const struct op_result *half = wait_op(&rig, first);
    const struct op_result *none = wait_op(&rig, second);
    assert_int_equal(half->status, TRUNK_UNCERTAIN);
    assert_int_equal(none->status, TRUNK_UNAVAILABLE);
    assert_string_equal(none->message, "backend b1 was killed by SIGKILL");
    assert_true(half->when < none->when && none->when < peer.closed_when);
    free(big);
    close_leg(&rig, &peer);
}

static void test_a_request_to_a_closed_stdin_is_surely_not_sent(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec 0<&-; echo '{}'; exec sleep 100");
    peer_wait_messages(&peer, 1);
    trunk_op op = peer_begin_request(&peer, "{}", 2);
    assert_int_equal(wait_op(&rig, op)->status, TRUNK_UNAVAILABLE);
    assert_string_equal(loop_host_result(rig.host, op)->message, "backend b1 closed its stdin");
    peer_wait_closed(&peer);
    assert_int_equal(peer.closed_status, TRUNK_UNAVAILABLE);
    assert_string_equal(peer.closed_text, "backend b1 closed its stdin");
    close_leg(&rig, &peer);
}

static void test_what_was_answered_before_stdin_closed_is_still_delivered(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    /* It closes its stdin, and answers only after it was told so. */
    open_leg(&rig, &peer,
             "exec 0<&-; echo '{\"n\":1}'; sleep 0.02; echo '{\"n\":2}'; exec sleep 100");
    peer_wait_messages(&peer, 1);
    assert_int_equal(peer_request(&peer, "{}"), TRUNK_UNAVAILABLE);
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, 2);
    close_leg(&rig, &peer);
}

static void test_listen_is_ok_at_once_since_unasked_messages_come_anyway(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec cat");
    struct trunk_request how = {.struct_size = sizeof how};
    trunk_op op = loop_host_begin(rig.host);
    rig.ops->listen(peer.leg, &how, op);
    assert_int_equal(wait_op(&rig, op)->status, TRUNK_OK);
    close_leg(&rig, &peer);
}

static void test_a_process_has_no_snapshot_and_no_position(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec cat");
    trunk_op op = loop_host_begin(rig.host);
    rig.ops->snapshot(peer.leg, op);
    assert_int_equal(wait_op(&rig, op)->status, TRUNK_UNSUPPORTED);
    struct trunk_request request = {
        .struct_size = sizeof request, .number = 7, .resume = {"here", 4}};
    op = loop_host_begin(rig.host);
    rig.ops->request(peer.leg, &request, op);
    assert_int_equal(wait_op(&rig, op)->status, TRUNK_UNSUPPORTED);
    close_leg(&rig, &peer);
}

static void test_cancel_request_leaves_the_leg_as_it_is(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec cat");
    rig.ops->cancel_request(peer.leg, 1);
    assert_int_equal(peer_request(&peer, "{}"), TRUNK_OK);
    peer_wait_messages(&peer, 1);
    close_leg(&rig, &peer);
}

int run_pipe_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_complete_once_it_is_written),
        cmocka_unit_test(test_send_goes_the_same_way),
        cmocka_unit_test(test_messages_keep_their_order),
        cmocka_unit_test(test_sixteen_mebibytes_pass_unchanged_both_ways),
        cmocka_unit_test(test_a_raw_line_break_would_be_two_messages_and_is_refused),
        cmocka_unit_test(test_a_backend_that_does_not_read_fails_what_is_too_much),
        cmocka_unit_test(test_a_message_half_written_at_exit_is_uncertain_the_next_surely_not_sent),
        cmocka_unit_test(test_a_request_to_a_closed_stdin_is_surely_not_sent),
        cmocka_unit_test(test_what_was_answered_before_stdin_closed_is_still_delivered),
        cmocka_unit_test(test_listen_is_ok_at_once_since_unasked_messages_come_anyway),
        cmocka_unit_test(test_a_process_has_no_snapshot_and_no_position),
        cmocka_unit_test(test_cancel_request_leaves_the_leg_as_it_is),
    };
    return cmocka_run_group_tests_name("stdio: messages", tests, rig_load, NULL);
}
