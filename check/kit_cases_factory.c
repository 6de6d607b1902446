/* SPDX-License-Identifier: MIT
 * kit_cases_factory.c - factories with a peer, an MCP server: legs, messages, the end of a leg. */
#include "kit_case.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "kit_folder.h"
#include "kit_leg.h"
#include "kit_session.h"

static void make_gives_a_leg_that_finish_ends(struct kit *kit) {
    struct kit_leg leg;
    kit_make_leg(kit, &leg);
    kit_finish_leg(&leg, 0);
}

static void a_session_begins_and_each_request_is_answered_once(struct kit *kit) {
    struct kit_leg leg;
    kit_make_session(kit, &leg);
    trunk_op op = kit_begin_request(&leg, 2, kit_make_ping(2).json);
    kit_wait_answers(&leg, 2);
    assert_true(strstr(leg.last, "\"id\":2") != NULL);
    assert_status(kit_wait_op(kit->factory, op), TRUNK_OK);
    kit_host_run(kit->factory->host, 100);
    assert_int_equal(leg.nanswers, 2);
    kit_finish_leg(&leg, 0);
}

static void many_requests_are_under_way_at_a_time(struct kit *kit) {
    enum { REQUESTS = 50 };
    struct kit_leg leg;
    trunk_op ops[REQUESTS];
    kit_make_session(kit, &leg);
    for (uint64_t i = 0; i < REQUESTS; i++) {
        ops[i] = kit_begin_request(&leg, 2 + i, kit_make_ping(2 + i).json);
    }
    kit_wait_answers(&leg, 1 + REQUESTS);
    for (uint64_t i = 0; i < REQUESTS; i++) {
        assert_status(kit_wait_op(kit->factory, ops[i]), TRUNK_OK);
    }
    kit_finish_leg(&leg, 0);
}

static void a_message_of_200_kib_goes_through(struct kit *kit) {
    struct kit_leg leg;
    enum { BYTES = 200 << 10 };
    char *json = xmalloc(BYTES + 256);
    kit_make_session(kit, &leg);
    int head = snprintf(
        json, 256,
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\",\"params\":{\"_meta\":{\"x\":\"");
    memset(json + head, 'x', BYTES);
    (void)snprintf(json + head + BYTES, 16, "\"}}}");
    trunk_op op = kit_begin_request(&leg, 2, json);
    free(json);
    kit_wait_answers(&leg, 2);
    assert_status(kit_wait_op(kit->factory, op), TRUNK_OK);
    kit_finish_leg(&leg, 0);
}

static void listen_is_ok_or_unsupported_or_lasts_until_finish(struct kit *kit) {
    struct kit_leg leg;
    kit_make_session(kit, &leg);
    trunk_op op = kit_begin_listen(&leg);
    kit_host_run(kit->factory->host, 100);
    bool was_done = kit_host_is_done(kit->factory->host, op);
    trunk_op end = kit_begin_finish(&leg, 0);
    int32_t status = kit_wait_op(kit->factory, op)->status;
    assert_true(was_done ? status == TRUNK_OK || status == TRUNK_UNSUPPORTED
                         : status == TRUNK_CANCELLED);
    assert_status(kit_end_finish(&leg, end), TRUNK_OK);
}

static void cancel_request_of_an_unknown_number_is_ignored(struct kit *kit) {
    struct kit_leg leg;
    kit_make_session(kit, &leg);
    kit->driver->factory.cancel_request(leg.leg, 4711);
    (void)kit_begin_request(&leg, 2, kit_make_ping(2).json);
    kit_wait_answers(&leg, 2);
    kit_finish_leg(&leg, 0);
}

static void cancel_request_completes_its_op_all_the_same(struct kit *kit) {
    struct kit_leg leg;
    kit_make_session(kit, &leg);
    trunk_op op = kit_begin_request(&leg, 2, kit_make_ping(2).json);
    kit->driver->factory.cancel_request(leg.leg, 2);
    int32_t status = kit_wait_op(kit->factory, op)->status;
    assert_true(status == TRUNK_OK || status == TRUNK_CANCELLED);
    kit_finish_leg(&leg, 0);
}

static void a_paused_stream_goes_on(struct kit *kit) {
    struct kit_leg leg;
    kit_make_session(kit, &leg);
    trunk_op op = kit_begin_request(&leg, 2, kit_make_ping(2).json);
    kit->driver->factory.pause(leg.leg, 2, 1);
    kit_host_run(kit->factory->host, 50);
    kit->driver->factory.pause(leg.leg, 2, 0);
    kit_wait_answers(&leg, 2);
    assert_status(kit_wait_op(kit->factory, op), TRUNK_OK);
    kit_finish_leg(&leg, 0);
}

static void finish_completes_what_is_pending_inside_the_call(struct kit *kit) {
    struct kit_leg leg;
    kit_make_leg(kit, &leg);
    trunk_op op = kit_begin_request(&leg, 1, KIT_INITIALIZE);
    trunk_op end = kit_begin_finish(&leg, 0);
    assert_true(kit_host_is_done(kit->factory->host, op));
    (void)kit_end_finish(&leg, end);
    kit_host_run(kit->factory->host, 100); /* a sink call now is a fault */
}

static void close_cuts_off_what_is_left(struct kit *kit) {
    struct kit_leg leg;
    kit_make_leg(kit, &leg);
    (void)kit_begin_request(&leg, 1, KIT_INITIALIZE);
    leg.is_finished = true; /* a sink call from now on is a fault */
    struct kit_factory *factory = kit->factory;
    kit->factory = NULL;
    assert_int_equal(kit_factory_close(factory), 0);
    assert_true(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void without_restore_snapshot_is_unsupported_and_saved_not_found(struct kit *kit) {
    struct kit_leg leg;
    struct kit_leg other;
    if (kit_driver_has(kit->driver, TRUNK_CAP_RESTORE)) {
        return;
    }
    kit_make_session(kit, &leg);
    assert_status(kit_snapshot(&leg), TRUNK_UNSUPPORTED);
    assert_status(kit_make(&other, kit->factory, &kit->driver->backend, "saved", 0),
                  TRUNK_NOT_FOUND);
    kit_finish_leg(&leg, 0);
}

static void a_kept_session_goes_on_from_its_snapshot(struct kit *kit) {
    struct kit_leg leg;
    struct kit_leg later;
    kit_make_session(kit, &leg);
    char *saved = kit_save_session(&leg);
    kit_finish_leg(&leg, 1);
    assert_status(kit_make(&later, kit->factory, &kit->driver->backend, saved, 0), TRUNK_OK);
    free(saved);
    trunk_op op = kit_begin_request(&later, 1000, kit_make_ping(1000).json);
    kit_wait_answers(&later, 1);
    assert_status(kit_wait_op(kit->factory, op), TRUNK_OK);
    kit_finish_leg(&later, 0);
}

static void a_saved_state_of_others_is_invalid(struct kit *kit) {
    struct kit_leg leg;
    int32_t status =
        kit_make(&leg, kit->factory, &kit->driver->backend, "\001 not of this driver", 0)->status;
    assert_int_equal(status, TRUNK_INVALID);
}

/* A transport with one pipe loses the leg, others the stream. */
static void an_answer_above_the_limit_is_not_given_on(struct kit *kit) {
    struct kit_leg leg;
    assert_status(kit_make(&leg, kit->factory, &kit->driver->backend, NULL, 64), TRUNK_OK);
    trunk_op op = kit_begin_request(&leg, 1, KIT_INITIALIZE);
    int32_t status = kit_wait_op(kit->factory, op)->status;
    if (status == TRUNK_OK) {
        kit_wait_closed(&leg);
        status = leg.closed_status;
    }
    assert_int_equal(status, TRUNK_TOO_LARGE);
    assert_int_equal(leg.nmessages, 0);
    kit_finish_leg(&leg, 0);
}

/* A leg to a shell that runs this. */
static int32_t make_shell(struct kit *kit, struct kit_leg *leg, const char *script,
                          uint64_t max_message) {
    struct trunk_param params[] = {{"command", "/bin/sh"}, {"args", "-c"}, {"args", script}};
    const struct param_list backend = {params, 3};
    return kit_make(leg, kit->factory, &backend, NULL, max_message)->status;
}

static void a_peer_that_dies_is_told_by_on_closed(struct kit *kit) {
    struct kit_leg leg;
    assert_int_equal(make_shell(kit, &leg, "read line; exit 3", 0), TRUNK_OK);
    (void)kit_begin_request(&leg, 1, KIT_INITIALIZE);
    kit_wait_closed(&leg);
    assert_int_equal(kit_host_count_pending(kit->factory->host), 0);
    assert_status(kit_wait_op(kit->factory, kit_begin_request(&leg, 2, kit_make_ping(2).json)),
                  TRUNK_UNAVAILABLE);
    kit_finish_leg(&leg, 0);
}

static void a_flood_of_what_is_no_message_is_not_given_on(struct kit *kit) {
    struct kit_leg leg;
    assert_int_equal(
        make_shell(kit, &leg,
                   "yes no message | head -n 100000; read line; "
                   "echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}'; cat >/dev/null",
                   0),
        TRUNK_OK);
    (void)kit_begin_request(&leg, 1, KIT_INITIALIZE);
    kit_wait_answers(&leg, 1);
    assert_int_equal(leg.nmessages, 1);
    kit_finish_leg(&leg, 0);
}

static void a_message_above_the_limit_ends_the_leg(struct kit *kit) {
    struct kit_leg leg;
    assert_int_equal(make_shell(kit, &leg,
                                "printf '{\"x\":\"'; yes x | tr -d '\\n' | head -c 400000; "
                                "echo '\"}'; cat >/dev/null",
                                65536),
                     TRUNK_OK);
    kit_wait_closed(&leg);
    assert_int_equal(leg.closed_status, TRUNK_TOO_LARGE);
    assert_int_equal(leg.nmessages, 0);
    kit_finish_leg(&leg, 0);
}

static void nothing_is_left_of_legs_and_instances(struct kit *kit) {
    size_t descriptors = 0;
    size_t threads = 0;
    for (int round = 0; round < 4; round++) {
        struct kit_leg leg;
        if (kit->factory == NULL) {
            kit->factory = kit_factory_open(kit->driver);
        }
        kit_make_session(kit, &leg);
        kit_finish_leg(&leg, 0);
        struct kit_factory *factory = kit->factory;
        kit->factory = NULL;
        assert_int_equal(kit_factory_close(factory), 0);
        if (round == 0) { /* what a library keeps for the process is there by now */
            descriptors = kit_count_entries("/proc/self/fd", false);
            threads = kit_count_entries("/proc/self/task", false);
        }
    }
    assert_int_equal(kit_count_entries("/proc/self/fd", false), descriptors);
    assert_int_equal(kit_count_entries("/proc/self/task", false), threads);
    assert_true(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void everything_of_a_leg_is_close_on_exec(struct kit *kit) {
    struct kit_leg leg;
    size_t before = kit_count_entries("/proc/self/fd", true);
    kit_make_session(kit, &leg);
    assert_int_equal(kit_count_entries("/proc/self/fd", true), before);
    kit_finish_leg(&leg, 0);
}

static void no_signal_is_handled(struct kit *kit) {
    struct sigaction before[65];
    struct sigaction after;
    struct kit_leg leg;
    for (int number = 1; number <= 64; number++) {
        (void)sigaction(number, NULL, &before[number]);
    }
    kit->factory = kit_factory_open(kit->driver);
    kit_make_session(kit, &leg);
    for (int number = 1; number <= 64; number++) {
        assert_true(sigaction(number, NULL, &after) != 0 ||
                    after.sa_handler == before[number].sa_handler);
    }
    kit_finish_leg(&leg, 0);
}

static void two_instances_work_at_the_same_time(struct kit *kit) {
    struct kit other = {.driver = kit->driver, .factory = kit_factory_open(kit->driver)};
    struct kit_leg one;
    struct kit_leg two;
    kit_make_session(kit, &one);
    kit_make_session(&other, &two);
    kit_finish_leg(&two, 0);
    assert_int_equal(kit_factory_close(other.factory), 0);
    (void)kit_begin_request(&one, 2, kit_make_ping(2).json);
    kit_wait_answers(&one, 2);
    kit_finish_leg(&one, 0);
}

static const struct kit_case cases[] = {
    KIT_CASE(make_gives_a_leg_that_finish_ends, KIT_NEEDS_PEER,
             "factory.h, make: Completes with OK: reply.leg, not NULL"),
    KIT_CASE(a_session_begins_and_each_request_is_answered_once, KIT_NEEDS_PEER,
             "factory.h, MESSAGES: Each that arrives goes to sink->on_message as it is"),
    KIT_CASE(many_requests_are_under_way_at_a_time, KIT_NEEDS_PEER,
             "factory.h, life: in any order, many requests at a time"),
    KIT_CASE(a_message_of_200_kib_goes_through, KIT_NEEDS_PEER,
             "factory.h, trunk_request: one object, no raw line breaks, of any size"),
    KIT_CASE(an_answer_above_the_limit_is_not_given_on, KIT_NEEDS_PEER,
             "factory.h, request: TOO_LARGE: the answer was above max_message"),
    KIT_CASE(listen_is_ok_or_unsupported_or_lasts_until_finish, KIT_NEEDS_PEER,
             "factory.h, listen: Listens for messages that belong to no request"),
    KIT_CASE(cancel_request_of_an_unknown_number_is_ignored, KIT_NEEDS_PEER,
             "factory.h, cancel_request: An unknown number is ignored."),
    KIT_CASE(cancel_request_completes_its_op_all_the_same, KIT_NEEDS_PEER,
             "factory.h, cancel_request: Its op, if pending, is completed all the same: with "
             "CANCELLED, or as if nothing had been said."),
    KIT_CASE(a_paused_stream_goes_on, KIT_NEEDS_PEER | KIT_NEEDS_PAUSE,
             "factory.h, pause: so that the backend is held up while a client reads slowly; 0: go "
             "on"),
    KIT_CASE(finish_completes_what_is_pending_inside_the_call, KIT_NEEDS_PEER,
             "factory.h, finish: First completes every pending op of it with CANCELLED, inside the "
             "call"),
    KIT_CASE(close_cuts_off_what_is_left, KIT_NEEDS_PEER,
             "factory.h, close: legs that are left are cut off at once"),
    KIT_CASE(without_restore_snapshot_is_unsupported_and_saved_not_found, KIT_NEEDS_PEER,
             "factory.h, snapshot: UNSUPPORTED: without TRUNK_CAP_RESTORE"),
    KIT_CASE(a_kept_session_goes_on_from_its_snapshot, KIT_NEEDS_PEER | KIT_NEEDS_RESTORE,
             "factory.h, snapshot: Gives what a later make needs to go on with this session"),
    KIT_CASE(a_saved_state_of_others_is_invalid, KIT_NEEDS_PEER | KIT_NEEDS_RESTORE,
             "factory.h, make: INVALID: `saved` is not one of this driver's."),
    KIT_CASE(a_peer_that_dies_is_told_by_on_closed, KIT_NEEDS_COMMAND,
             "factory.h, on_closed: all pending ops of the leg are completed (UNAVAILABLE or "
             "UNCERTAIN, each for itself), on_closed"),
    KIT_CASE(a_flood_of_what_is_no_message_is_not_given_on, KIT_NEEDS_COMMAND,
             "factory.h, MESSAGES: is not given to on_message: log it, cut and limited in number"),
    KIT_CASE(a_message_above_the_limit_ends_the_leg, KIT_NEEDS_COMMAND,
             "factory.h, on_closed: TOO_LARGE (the backend sent more than max_message)"),
    KIT_CASE(nothing_is_left_of_legs_and_instances, KIT_NEEDS_PEER,
             "factory.h, close: Afterwards nothing of the driver runs any more for this instance: "
             "no thread, no completion, no child process."),
    KIT_CASE(everything_of_a_leg_is_close_on_exec, KIT_NEEDS_PEER,
             "factory.h, PROCESS: open everything close-on-exec"),
    KIT_CASE(no_signal_is_handled, KIT_NEEDS_PEER | KIT_OPENS_ITSELF,
             "factory.h, PROCESS: Drivers install no signal handlers"),
    KIT_CASE(two_instances_work_at_the_same_time, KIT_NEEDS_PEER,
             "factory.h, STATE: one shared object serves several configured factories at the same "
             "time"),
};
const struct kit_group kit_factory_cases = KIT_GROUP("factory", cases);
