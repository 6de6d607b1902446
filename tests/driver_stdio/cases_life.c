/* SPDX-License-Identifier: MIT
 * cases_life.c - how a leg ends: by the backend, by finish with its ladder, by the close of the
 * driver. */
#include "cases.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

#include <cmocka.h>

enum { MIB = 1024 * 1024 };

static void open_leg(struct rig *rig, struct peer *peer, const char *script) {
    rig_open(rig, "50");
    *peer = (struct peer){0};
    peer_make_script(peer, rig, script);
}

static void close_leg(struct rig *rig, struct peer *peer) {
    peer_finish(peer);
    rig_close(rig);
}

static void expect_closed(const char *script, const char *text) {
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, script);
    peer_wait_closed(&peer);
    assert_int_equal(peer.closed_status, TRUNK_UNAVAILABLE);
    assert_string_equal(peer.closed_text, text);
    trunk_op op = peer_begin_request(&peer, "{}", 2);
    assert_int_equal(loop_host_result(rig.host, op)->status, TRUNK_UNAVAILABLE);
    assert_string_equal(loop_host_result(rig.host, op)->message, text);
    struct trunk_request how = {.struct_size = sizeof how};
    op = loop_host_begin(rig.host);
    rig.ops->listen(peer.leg, &how, op);
    assert_int_equal(loop_host_result(rig.host, op)->status, TRUNK_UNAVAILABLE);
    close_leg(&rig, &peer);
}

static void test_an_exit_is_told_with_its_status(void **state) {
    (void)state;
    expect_closed("exit 3", "backend b1 exited with status 3");
    expect_closed("exit 0", "backend b1 exited with status 0");
}

static void test_a_crash_is_told_with_its_signal(void **state) {
    (void)state;
    expect_closed("kill -SEGV $$", "backend b1 was killed by SIGSEGV");
}

static void test_a_backend_that_closes_only_its_stdout_is_over(void **state) {
    (void)state;
    expect_closed("exec 1>&-; exec sleep 100", "backend b1 closed its stdout");
}

static void test_what_was_written_before_the_exit_is_delivered_first(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    /* More than a turn of the loop reads, and an unfinished line that is nobody's message. */
    open_leg(&rig, &peer, "yes '{}' | head -n 200000; printf '{\"cut'; exit 1");
    peer_wait_closed(&peer);
    assert_int_equal(peer.nmessages, 200000);
    assert_true(peer.last_when < peer.closed_when);
    assert_string_equal(peer.closed_text, "backend b1 exited with status 1");
    close_leg(&rig, &peer);
}

static void test_finish_closes_stdin_and_waits_for_the_exit(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "10000");
    struct peer peer = {0};
    peer_make_script(&peer, &rig, "while read line; do :; done; echo 'ended well' >&2");
    uint64_t before_ms = mono_now_ms();
    peer_finish(&peer);
    assert_in_range(mono_now_ms() - before_ms, 0, 8000);
    assert_int_equal(loop_host_logged(rig.host, "ended well", NULL), 1);
    assert_false(peer.is_closed);
    rig_close(&rig);
}

static void test_finish_with_keep_ends_the_process_all_the_same(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec cat");
    struct trunk_finish how = {.struct_size = sizeof how, .keep = 1};
    trunk_op op = loop_host_begin(rig.host);
    rig.ops->finish(peer.leg, &how, op);
    assert_true(loop_host_wait_op(rig.host, op));
    assert_int_equal(loop_host_result(rig.host, op)->status, TRUNK_OK);
    peer_end(&peer);
    rig_close(&rig);
}

static void test_finish_first_cancels_what_is_pending(void **state) {
    (void)state;
    struct rig rig;
    struct peer peer;
    open_leg(&rig, &peer, "exec sleep 100");
    char *big = calloc(1, MIB);
    assert_non_null(big);
    memset(big, '1', MIB);
    trunk_op half = peer_begin_request(&peer, big, MIB);
    trunk_op none = peer_begin_request(&peer, "{}", 2);
    assert_false(loop_host_result(rig.host, half)->is_done);
    trunk_op finish = peer_begin_finish(&peer, 0);
    assert_int_equal(loop_host_result(rig.host, half)->status, TRUNK_CANCELLED);
    assert_int_equal(loop_host_result(rig.host, none)->status, TRUNK_CANCELLED);
    free(big); /* the ops are completed: their inputs need not stay */
    assert_true(loop_host_wait_op(rig.host, finish));
    assert_int_equal(loop_host_result(rig.host, finish)->status, TRUNK_OK);
    peer_end(&peer);
    rig_close(&rig);
}

static void test_finish_reads_on_so_that_the_backend_is_not_held_up(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "10000");
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "farewell", NULL);
    rig.ops->pause(peer.leg, 0, 1);
    uint64_t before_ms = mono_now_ms();
    peer_finish(&peer);
    assert_in_range(mono_now_ms() - before_ms, 0, 8000);
    assert_int_equal(peer.nmessages, 0);
    rig_close(&rig);
}

/* How long it takes to finish a process that cares neither for its stdin nor for SIGTERM. */
static uint64_t time_finish(const char *stop_wait, uint64_t deadline_after_ms) {
    struct rig rig;
    rig_open(&rig, stop_wait);
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "forever", "term");
    peer_wait_messages(&peer, 1);
    long pid = message_number(peer.messages[0], "\"pid\"");
    uint64_t before_ms = mono_now_ms();
    trunk_op op = peer_begin_finish(&peer, deadline_after_ms ? before_ms + deadline_after_ms : 0);
    assert_true(loop_host_wait_op(rig.host, op));
    uint64_t took_ms = mono_now_ms() - before_ms;
    assert_int_equal(loop_host_result(rig.host, op)->status, TRUNK_OK);
    assert_true(is_process_gone(pid));
    peer_end(&peer);
    rig_close(&rig);
    return took_ms;
}

static void test_a_process_that_ignores_its_stdin_gets_sigterm(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "200");
    struct peer peer = {0};
    peer_make_script(
        &peer, &rig,
        "trap 'echo told to end >&2; exit 0' TERM; echo '{}'; while :; do sleep 0.01; done");
    peer_wait_messages(&peer, 1);
    uint64_t before_ms = mono_now_ms();
    peer_finish(&peer);
    assert_in_range(mono_now_ms() - before_ms, 200, 20000);
    assert_int_equal(loop_host_logged(rig.host, "told to end", NULL), 1);
    rig_close(&rig);
}

static void test_a_process_that_ignores_sigterm_gets_sigkill(void **state) {
    (void)state;
    assert_in_range(time_finish("50", 0), 100, 10000);
}

static void test_a_deadline_shortens_the_ladder(void **state) {
    (void)state;
    assert_in_range(time_finish("600000", 300), 200, 10000);
    assert_in_range(time_finish("600000", 1), 0, 10000);
}

static void test_a_deadline_that_has_passed_leaves_no_wait(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "600000");
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "forever", "term");
    peer_wait_messages(&peer, 1);
    trunk_op op = peer_begin_finish(&peer, 1);
    assert_true(loop_host_wait_op(rig.host, op));
    peer_end(&peer);
    rig_close(&rig);
}

static void test_the_ladder_that_began_by_itself_can_be_shortened(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "600000");
    struct peer peer = {.max_message = 3};
    peer_make_child(&peer, &rig, "forever", "term"); /* its first line is too large */
    peer_wait_closed(&peer);
    assert_int_equal(peer.closed_status, TRUNK_TOO_LARGE);
    trunk_op op = peer_begin_finish(&peer, mono_now_ms() + 100);
    assert_true(loop_host_wait_op(rig.host, op));
    peer_end(&peer);
    rig_close(&rig);
}

static void test_a_closed_leg_is_stopped_before_finish_is_called(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "20");
    struct peer peer = {0};
    peer_make_script(
        &peer, &rig,
        "trap '' TERM; echo \"{\\\"pid\\\": $$}\"; exec 1>&-; while :; do sleep 1; done");
    peer_wait_closed(&peer);
    long pid = message_number(peer.messages[0], "\"pid\"");
    for (int i = 0; i < 200 && kill((pid_t)pid, 0) == 0; i++) {
        loop_host_turn(rig.host, 50);
    }
    assert_int_equal(kill((pid_t)pid, 0), -1);
    close_leg(&rig, &peer);
}

static void test_a_dead_process_that_a_debugger_holds_is_reaped_later(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "traced", NULL);
    peer_wait_messages(&peer, 1);
    assert_int_equal(message_number(peer.messages[0], "\"seized\""), 1);
    int turns = 0;
    for (uint64_t end_ms = mono_now_ms() + 20000; !peer.is_closed && mono_now_ms() < end_ms;) {
        loop_host_turn(rig.host, 100);
        turns++;
    }
    assert_in_range(turns, 1, 200); /* it did not spin */
    assert_true(peer.is_closed);
    assert_string_equal(peer.closed_text, "backend b1 exited with status 3");
    close_leg(&rig, &peer);
}

static void test_a_finish_is_not_held_up_by_the_ladder_once_the_process_is_dead(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "600000");
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "traced", NULL);
    peer_wait_messages(&peer, 1);
    loop_host_turn(rig.host, 100); /* sees the death, and that it is held */
    peer_finish(&peer);
    rig_close(&rig);
}

static void expect_straggler_gone(const char *argument) {
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "straggler", argument);
    peer_wait_messages(&peer, 1);
    long pid = message_number(peer.messages[0], "\"pid\"");
    if (argument != NULL) {
        peer_wait_closed(&peer);
        assert_string_equal(peer.closed_text, "backend b1 was killed by SIGKILL");
    } else {
        assert_int_equal(kill((pid_t)pid, 0), 0);
        peer_finish(&peer);
    }
    assert_true(is_process_gone(pid));
    if (argument != NULL) {
        peer_finish(&peer);
    }
    rig_close(&rig);
}

static void test_finish_takes_the_whole_process_group(void **state) {
    (void)state;
    expect_straggler_gone(NULL);
}

static void test_a_crash_takes_the_whole_process_group(void **state) {
    (void)state;
    expect_straggler_gone("crash");
}

static void test_close_kills_what_is_left_and_cancels_it(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "600000");
    struct peer idle = {0};
    peer_make_child(&idle, &rig, "forever", "term");
    struct peer busy = {0};
    peer_make_child(&busy, &rig, "forever", "term");
    struct peer ending = {0};
    peer_make_child(&ending, &rig, "forever", "term");
    struct peer gone = {0};
    peer_make_script(&gone, &rig, "exit 1");
    peer_wait_closed(&gone);
    peer_wait_messages(&idle, 1);
    char *big = calloc(1, MIB);
    assert_non_null(big);
    memset(big, '1', MIB);
    trunk_op half = peer_begin_request(&busy, big, MIB);
    trunk_op finish = peer_begin_finish(&ending, 0);
    long pid = message_number(idle.messages[0], "\"pid\"");
    idle.must_be_silent = busy.must_be_silent = ending.must_be_silent = true;
    rig.ops->close(rig.self);
    assert_int_equal(loop_host_result(rig.host, half)->status, TRUNK_CANCELLED);
    assert_int_equal(loop_host_result(rig.host, finish)->status, TRUNK_CANCELLED);
    assert_true(is_process_gone(pid));
    free(big);
    struct trunk_error error;
    assert_int_equal(rig.ops->open(loop_host_table(rig.host), NULL, 0, &rig.self, &error),
                     TRUNK_OK);
    peer_end(&idle);
    peer_end(&busy);
    peer_end(&ending);
    peer_end(&gone);
    rig_close(&rig);
}

static void test_fifty_legs_at_once_leave_nothing(void **state) {
    (void)state;
    enum { LEGS = 50 };
    struct rig rig;
    rig_open(&rig, "1000");
    struct peer *peers = calloc(LEGS, sizeof *peers);
    assert_non_null(peers);
    for (size_t i = 0; i < LEGS; i++) {
        peer_make_script(&peers[i], &rig, "exec cat");
    }
    for (size_t i = 0; i < LEGS; i++) {
        char json[32];
        (void)snprintf(json, sizeof json, "{\"id\":%zu}", i);
        assert_int_equal(peer_request(&peers[i], json), TRUNK_OK);
        peer_wait_messages(&peers[i], 1);
        assert_string_equal(peers[i].messages[0], json);
    }
    trunk_op ops[LEGS];
    for (size_t i = 0; i < LEGS; i++) {
        ops[i] = peer_begin_finish(&peers[i], 0);
    }
    for (size_t i = 0; i < LEGS; i++) {
        assert_true(loop_host_wait_op(rig.host, ops[i]));
        peer_end(&peers[i]);
    }
    free(peers);
    rig_close(&rig);
}

int run_life_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_exit_is_told_with_its_status),
        cmocka_unit_test(test_a_crash_is_told_with_its_signal),
        cmocka_unit_test(test_a_backend_that_closes_only_its_stdout_is_over),
        cmocka_unit_test(test_what_was_written_before_the_exit_is_delivered_first),
        cmocka_unit_test(test_finish_closes_stdin_and_waits_for_the_exit),
        cmocka_unit_test(test_finish_with_keep_ends_the_process_all_the_same),
        cmocka_unit_test(test_finish_first_cancels_what_is_pending),
        cmocka_unit_test(test_finish_reads_on_so_that_the_backend_is_not_held_up),
        cmocka_unit_test(test_a_process_that_ignores_its_stdin_gets_sigterm),
        cmocka_unit_test(test_a_process_that_ignores_sigterm_gets_sigkill),
        cmocka_unit_test(test_a_deadline_shortens_the_ladder),
        cmocka_unit_test(test_a_deadline_that_has_passed_leaves_no_wait),
        cmocka_unit_test(test_the_ladder_that_began_by_itself_can_be_shortened),
        cmocka_unit_test(test_a_closed_leg_is_stopped_before_finish_is_called),
        cmocka_unit_test(test_a_dead_process_that_a_debugger_holds_is_reaped_later),
        cmocka_unit_test(test_a_finish_is_not_held_up_by_the_ladder_once_the_process_is_dead),
        cmocka_unit_test(test_finish_takes_the_whole_process_group),
        cmocka_unit_test(test_a_crash_takes_the_whole_process_group),
        cmocka_unit_test(test_close_kills_what_is_left_and_cancels_it),
        cmocka_unit_test(test_fifty_legs_at_once_leave_nothing),
    };
    return cmocka_run_group_tests_name("stdio: end", tests, rig_load, NULL);
}
