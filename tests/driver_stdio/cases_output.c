/* SPDX-License-Identifier: MIT
 * cases_output.c - what a backend writes: lines, garbage, floods, limits, stderr, and the pause. */
#include "cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

#include <cmocka.h>

static void open_leg(struct rig *rig, struct peer *peer, const char *script, uint64_t max_message) {
    rig_open(rig, "50");
    *peer = (struct peer){.max_message = max_message};
    peer_make_script(peer, rig, script);
}

static void close_leg(struct rig *rig, struct peer *peer) {
    peer_finish(peer);
    rig_close(rig);
}

static void test_lines_may_end_in_crlf_and_have_blanks_around(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "printf '{\"n\":1}\\r\\n\\n  \\r\\n \\t{\"n\":2} \\r\\n[{\"n\":3}]\\n'",
             0);
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, 3);
    assert_string_equal(peer.messages[0], "{\"n\":1}");
    assert_string_equal(peer.messages[1], "{\"n\":2}");
    assert_string_equal(peer.messages[2], "[{\"n\":3}]");
    assert_int_equal(loop_host_logged(rig.host, "not a message", NULL), 0);
    close_leg(&rig, &peer);
}

static void test_a_message_that_comes_byte_by_byte_is_one_message(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {.max_message = 40};
    peer_make_child(&peer, &rig, "bytes", "{\"a\":\"bcdefghijklmnopq\"}\r");
    peer_wait_messages(&peer, 1);
    assert_string_equal(peer.messages[0], "{\"a\":\"bcdefghijklmnopq\"}");
    close_leg(&rig, &peer);
}

static void test_garbage_is_logged_cut_and_ignored(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer,
             "echo Listening; printf 'a\\000b\\n'; printf 'G%0300d\\n' 7; echo '{\"n\":1}'", 0);
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, 1);
    const char *line = "";
    assert_int_equal(loop_host_logged(rig.host, "ignored: Listening", &line), 1);
    assert_string_equal(line, "backend=b1: not a message on stdout, ignored: Listening");
    assert_int_equal(loop_host_logged(rig.host, "ignored: a?b", NULL), 1);
    assert_int_equal(loop_host_logged(rig.host, "ignored: G0", &line), 1);
    assert_int_equal(strlen(strstr(line, "G0")), 200);
    close_leg(&rig, &peer);
}

static void test_a_flood_of_garbage_is_counted(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "yes garbage | head -n 5000; echo '{\"n\":1}'", 0);
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, 1);
    peer_finish(&peer);
    assert_in_range(loop_host_logged(rig.host, "ignored: garbage", NULL), 10, 500);
    assert_in_range(loop_host_logged(rig.host, "more lines left out", NULL), 1, 50);
    rig_close(&rig);
}

static void test_a_message_of_exactly_the_limit_passes(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "printf '{%0998d}\\n{%0998d}\\r\\n' 1 2", 1000);
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, 2);
    assert_int_equal(peer.bytes, 2000);
    assert_int_equal(peer.closed_status, TRUNK_UNAVAILABLE);
    close_leg(&rig, &peer);
}

static void expect_too_large(const char *script, uint64_t max_message, size_t before) {
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, script, max_message);
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, before);
    assert_int_equal(peer.closed_status, TRUNK_TOO_LARGE);
    assert_non_null(strstr(peer.closed_text, "backend b1 "));
    assert_non_null(strstr(peer.closed_text, "more than 1000 bytes"));
    assert_int_equal(peer_request(&peer, "{}"), TRUNK_UNAVAILABLE);
    close_leg(&rig, &peer);
}

static void test_a_message_above_the_limit_closes_the_leg(void **state) {
    (void)state;
    expect_too_large("printf '{}\\n{%0999d}\\n{}\\n' 1; cat", 1000, 1);
    expect_too_large("printf '{%0999d}\\r\\n' 1; cat", 1000, 0);
    expect_too_large("printf '{%01001d' 1; cat", 1000, 0); /* has not even ended */
    expect_too_large("exec cat /dev/zero", 1000, 0);
}

static void test_a_flood_gives_the_loop_back_after_256_kib(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "yes '{\"a\":\"bcdefghijklmnopqrstuvwxyz\"}'", 0);
    uint64_t most = 0;
    for (uint64_t before = 0; peer.bytes < (uint64_t)16 * 1024 * 1024; before = peer.bytes) {
        loop_host_turn(rig.host, 1000);
        most = peer.bytes - before > most ? peer.bytes - before : most;
    }
    assert_in_range(most, 1, 256 * 1024);
    close_leg(&rig, &peer);
}

static void test_a_flood_does_not_starve_another_leg(void **state) {
    (void)state;
    struct rig rig;
    struct peer flood;
    open_leg(&rig, &flood, "yes '{}'", 0);
    peer_wait_messages(&flood, 1000);
    struct peer other = {0};
    peer_make_script(&other, &rig, "exec cat");
    for (size_t i = 0; i < 20; i++) {
        uint64_t before_ms = mono_now_ms();
        assert_int_equal(peer_request(&other, "{}"), TRUNK_OK);
        peer_wait_messages(&other, i + 1);
        assert_in_range(mono_now_ms() - before_ms, 0, 2000);
    }
    peer_finish(&other);
    close_leg(&rig, &flood);
}

static void test_stderr_goes_to_the_log_with_the_name_of_the_backend(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "echo 'starting up' >&2; printf 'last words' >&2; exit 4", 0);
    peer_wait_closed(&peer);
    const char *line = "";
    assert_int_equal(loop_host_logged(rig.host, "starting up", &line), 1);
    assert_string_equal(line, "backend=b1: starting up");
    assert_int_equal(loop_host_logged(rig.host, "backend=b1: last words", NULL), 1);
    assert_int_equal(peer.nmessages, 0);
    close_leg(&rig, &peer);
}

static void test_long_lines_of_stderr_are_cut_at_2_kib(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "printf 'X%0100000d\\n' 1 >&2; echo short >&2", 0);
    peer_wait_closed(&peer);
    const char *line = "";
    assert_int_equal(loop_host_logged(rig.host, "X0", &line), 1);
    assert_int_equal(strlen(strstr(line, "X0")), 2048);
    assert_int_equal(loop_host_logged(rig.host, "00001", NULL), 0);
    assert_int_equal(loop_host_logged(rig.host, "backend=b1: short", NULL), 1);
    close_leg(&rig, &peer);
}

static void test_a_flood_of_stderr_is_drained_and_counted(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "yes noise | head -n 100000 >&2; echo '{\"done\":1}'; cat", 0);
    peer_wait_messages(&peer, 1); /* so nothing blocked it */
    peer_finish(&peer);
    assert_in_range(loop_host_logged(rig.host, "backend=b1: noise", NULL), 100, 5000);
    assert_in_range(loop_host_logged(rig.host, "more lines left out", NULL), 1, 50);
    rig_close(&rig);
}

static void test_stderr_closed_by_the_backend_ends_nothing(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec 2>&-; exec cat", 0);
    assert_int_equal(peer_request(&peer, "{}"), TRUNK_OK);
    peer_wait_messages(&peer, 1);
    assert_false(peer.is_closed);
    close_leg(&rig, &peer);
}

static void test_a_paused_leg_is_not_read(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "yes '{}' | head -n 1000000", 0);
    peer_wait_messages(&peer, 1);
    rig.ops->pause(peer.leg, 5, 1);
    size_t before = peer.nmessages;
    for (int i = 0; i < 5; i++) {
        loop_host_turn(rig.host, 20);
    }
    assert_int_equal(peer.nmessages, before);
    rig.ops->pause(peer.leg, 5, 0);
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, 1000000);
    close_leg(&rig, &peer);
}

static void test_an_exit_during_the_pause_is_told_after_the_messages(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "read line; echo '{\"n\":1}'; echo bye >&2; exit 5", 0);
    rig.ops->pause(peer.leg, 0, 1);
    assert_int_equal(peer_request(&peer, "{}"), TRUNK_OK);
    for (int i = 0; i < 1000 && loop_host_logged(rig.host, "bye", NULL) == 0; i++) {
        loop_host_turn(rig.host, 20);
    }
    for (int i = 0; i < 1000 && peer_request(&peer, "{}") == TRUNK_OK && i < 100; i++) {
        loop_host_turn(rig.host, 20);
    }
    assert_int_equal(peer.nmessages, 0);
    assert_false(peer.is_closed);
    rig.ops->pause(peer.leg, 0, 0);
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, 1);
    assert_string_equal(peer.closed_text, "backend b1 exited with status 5");
    close_leg(&rig, &peer);
}

int run_output_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_may_end_in_crlf_and_have_blanks_around),
        cmocka_unit_test(test_a_message_that_comes_byte_by_byte_is_one_message),
        cmocka_unit_test(test_garbage_is_logged_cut_and_ignored),
        cmocka_unit_test(test_a_flood_of_garbage_is_counted),
        cmocka_unit_test(test_a_message_of_exactly_the_limit_passes),
        cmocka_unit_test(test_a_message_above_the_limit_closes_the_leg),
        cmocka_unit_test(test_a_flood_gives_the_loop_back_after_256_kib),
        cmocka_unit_test(test_a_flood_does_not_starve_another_leg),
        cmocka_unit_test(test_stderr_goes_to_the_log_with_the_name_of_the_backend),
        cmocka_unit_test(test_long_lines_of_stderr_are_cut_at_2_kib),
        cmocka_unit_test(test_a_flood_of_stderr_is_drained_and_counted),
        cmocka_unit_test(test_stderr_closed_by_the_backend_ends_nothing),
        cmocka_unit_test(test_a_paused_leg_is_not_read),
        cmocka_unit_test(test_an_exit_during_the_pause_is_told_after_the_messages),
    };
    return cmocka_run_group_tests_name("stdio: output", tests, rig_load, NULL);
}
