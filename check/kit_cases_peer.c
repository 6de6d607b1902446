/* SPDX-License-Identifier: MIT
 * kit_cases_peer.c - factories over HTTP with a peer that dies, or forgets a session. */
#include "kit_case.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "kit_leg.h"
#include "kit_session.h"

/* The state of a process, as in /proc/PID/stat behind its name; NUL: it is none. */
static char read_state(pid_t pid) {
    char path[64];
    char state = '\0';
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
            state = '\0';
        }
        (void)fclose(file);
    }
    return state;
}

/* From now on it answers nothing, and still takes what is sent. */
static void stop_peer(const struct kit *kit) {
    assert_int_equal(kill(kit->peer, SIGSTOP), 0);
    for (char state = '\0'; state != 'T'; state = read_state(kit->peer)) {
        assert_true(kill(kit->peer, 0) == 0);
        (void)sched_yield();
    }
}

/* None of its sockets is left when this returns. */
static void kill_peer(const struct kit *kit) {
    struct pollfd end = {.fd = pidfd_open(kit->peer, 0), .events = POLLIN};
    assert_true(end.fd >= 0);
    assert_int_equal(kill(kit->peer, SIGKILL), 0);
    assert_int_equal(poll(&end, 1, -1), 1);
    (void)close(end.fd);
}

static void end_leg(struct kit_leg *leg) {
    int32_t status = kit_end_finish(leg, kit_begin_finish(leg, 0))->status;
    assert_true(status == TRUNK_OK || status == TRUNK_UNCERTAIN || status == TRUNK_UNAVAILABLE);
}

static void a_request_under_way_when_the_peer_dies_is_not_ok(struct kit *kit) {
    struct kit_leg leg;
    kit_make_session(kit, &leg);
    stop_peer(kit);
    trunk_op op = kit_begin_request(&leg, 2, kit_make_ping(2).json);
    kit_host_run(kit->factory->host, 50); /* for the request to go out */
    assert_true(!kit_host_is_done(kit->factory->host, op));
    kill_peer(kit);
    int32_t status = kit_wait_op(kit->factory, op)->status;
    assert_true(status == TRUNK_UNCERTAIN || status == TRUNK_UNAVAILABLE);
    assert_int_equal(leg.nanswers, 1);
    end_leg(&leg);
}

static void a_request_to_a_dead_peer_is_unavailable(struct kit *kit) {
    struct kit_leg leg;
    struct kit_leg other;
    kit_make_session(kit, &leg);
    kill_peer(kit);
    kit_host_run(kit->factory->host, 50); /* for the driver to see that connections were closed */
    assert_status(kit_wait_op(kit->factory, kit_begin_request(&leg, 2, kit_make_ping(2).json)),
                  TRUNK_UNAVAILABLE);
    end_leg(&leg);
    const struct kit_result *made = kit_make(&other, kit->factory, &kit->driver->backend, NULL, 0);
    if (made->status == TRUNK_OK) {
        assert_status(kit_wait_op(kit->factory, kit_begin_request(&other, 1, KIT_INITIALIZE)),
                      TRUNK_UNAVAILABLE);
        end_leg(&other);
    } else {
        assert_status(made, TRUNK_UNAVAILABLE);
    }
}

/* Another leg on the session of the first. */
static void share_session(struct kit *kit, struct kit_leg *leg, struct kit_leg *other) {
    char *saved = kit_save_session(leg);
    assert_status(kit_make(other, kit->factory, &kit->driver->backend, saved, 0), TRUNK_OK);
    free(saved);
}

static void a_session_that_a_dead_peer_was_not_told_to_end_is_not_ok(struct kit *kit) {
    struct kit_leg leg;
    struct kit_leg kept;
    kit_make_session(kit, &leg);
    share_session(kit, &leg, &kept);
    kill_peer(kit);
    kit_host_run(kit->factory->host, 50); /* for the driver to see that connections were closed */
    kit_finish_leg(&kept, 1);
    int32_t status = kit_end_finish(&leg, kit_begin_finish(&leg, 0))->status;
    assert_true(status == TRUNK_UNCERTAIN || status == TRUNK_UNAVAILABLE);
}

/* Two legs on one session; the first ends it. */
static void a_session_that_the_peer_has_forgotten_is_not_found(struct kit *kit) {
    struct kit_leg leg;
    struct kit_leg later;
    kit_make_session(kit, &leg);
    share_session(kit, &leg, &later);
    assert_status(
        kit_wait_op(kit->factory, kit_begin_request(&later, 1000, kit_make_ping(1000).json)),
        TRUNK_OK);
    kit_finish_leg(&leg, 0);
    assert_status(
        kit_wait_op(kit->factory, kit_begin_request(&later, 1001, kit_make_ping(1001).json)),
        TRUNK_NOT_FOUND);
    assert_int_equal(later.nanswers, 1);
    end_leg(&later);
}

static const struct kit_case cases[] = {
    KIT_CASE(a_request_under_way_when_the_peer_dies_is_not_ok, KIT_NEEDS_HTTP_PEER,
             "factory.h, request: UNCERTAIN: sent, at least in part, and the stream was lost "
             "before its end"),
    KIT_CASE(a_request_to_a_dead_peer_is_unavailable, KIT_NEEDS_HTTP_PEER,
             "factory.h, STATUSES: surely not sent, not one byte that the backend could act on; "
             "may work later or on a new leg."),
    KIT_CASE(a_session_that_a_dead_peer_was_not_told_to_end_is_not_ok,
             KIT_NEEDS_HTTP_PEER | KIT_NEEDS_RESTORE,
             "factory.h, finish: UNCERTAIN, UNAVAILABLE: with keep 0, the backend may still hold "
             "its session"),
    KIT_CASE(a_session_that_the_peer_has_forgotten_is_not_found,
             KIT_NEEDS_HTTP_PEER | KIT_NEEDS_RESTORE,
             "factory.h, STATUSES: the backend no longer knows the session (HTTP 404 with a "
             "session id:"),
};
const struct kit_group kit_peer_cases = KIT_GROUP("peer", cases);
