/* SPDX-License-Identifier: MIT
 * kit_process.c - peers are forked while no store is open: a driver's instance is no thing to take
 * across a fork. */
#include "kit_process.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kit_tally *new_tally(void) {
    void *memory = mmap(NULL, sizeof(struct kit_tally), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

void kit_free_tally(struct kit_tally *tally) {
    (void)munmap(tally, sizeof *tally);
}

static uint64_t close_store(struct kit *kit) {
    uint64_t wall_ms = kit_now_ms(kit->store);
    size_t nfaults = kit_store_close(kit->store);
    kit->store = NULL;
    assert_int_equal(nfaults, 0);
    return wall_ms;
}

static void open_store(struct kit *kit, uint64_t wall_ms) {
    kit->store = kit_store_open_at(kit->driver, wall_ms);
    assert_non_null(kit->store);
}

void kit_reopen(struct kit *kit) {
    open_store(kit, close_store(kit));
}

/* In the child. It begins its part when all peers are there. */
_Noreturn static void run_peer(struct kit *kit, kit_peer_fn fn, struct kit_tally *tally,
                               unsigned peer, unsigned npeers, uint64_t wall_ms, bool is_killed) {
    open_store(kit, wall_ms);
    atomic_fetch_add(&tally->ready, 1);
    while (atomic_load(&tally->ready) < npeers) {
        (void)sched_yield();
    }
    fn(kit->store, tally, peer);
    if (is_killed) {
        (void)raise(SIGKILL);
    }
    _exit(kit_store_close(kit->store) == 0 ? 0 : 1);
}

/* A peer that ended before the others were ready would leave them waiting. */
static bool wait_for_peers(const pid_t *children, unsigned npeers, int good_status) {
    bool is_good = true;
    for (unsigned i = 0; i < npeers; i++) {
        int status = 0;
        pid_t child = waitpid(-1, &status, 0);
        is_good = is_good && child > 0 && status == good_status;
        for (unsigned other = 0; !is_good && other < npeers; other++) {
            (void)kill(children[other], SIGKILL);
        }
    }
    return is_good;
}

static void run_peers(struct kit *kit, kit_peer_fn fn, unsigned npeers, struct kit_tally *tally,
                      bool is_killed) {
    pid_t children[KIT_PEERS];
    uint64_t wall_ms = close_store(kit);
    for (unsigned peer = 0; peer < npeers; peer++) {
        children[peer] = fork();
        assert_true(children[peer] >= 0);
        if (children[peer] == 0) {
            run_peer(kit, fn, tally, peer, npeers, wall_ms, is_killed);
        }
    }
    bool is_good = wait_for_peers(children, npeers, is_killed ? SIGKILL : 0);
    open_store(kit, wall_ms);
    assert_true(is_good);
}

void kit_run_peers(struct kit *kit, kit_peer_fn fn, unsigned npeers, struct kit_tally **out_tally) {
    *out_tally = new_tally();
    run_peers(kit, fn, npeers, *out_tally, false);
}

void kit_run_and_kill(struct kit *kit, kit_peer_fn fn) {
    struct kit_tally *tally = new_tally();
    run_peers(kit, fn, 1, tally, true);
    kit_free_tally(tally);
}
