/* SPDX-License-Identifier: MIT
 * kit_process.h - hosts in processes of their own: what several of them do to one store at the same
 * time, and what is left when one dies. */
#ifndef TRUNK_KIT_PROCESS_H
#define TRUNK_KIT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kit_case.h"

enum { KIT_PEERS = 3, KIT_COUNTERS = 1024 };

/* What the processes of a case share. All zero at first. */
struct kit_tally {
    _Atomic uint32_t ready; /* peers that have opened their store, and wait for the others */
    _Atomic uint32_t counters[KIT_COUNTERS];
};

/* One peer's part. May use the asserts: a failed one fails the case. */
typedef void (*kit_peer_fn)(struct kit_store *store, struct kit_tally *tally, unsigned peer);

/* Closes the case's store and runs fn in npeers processes, at most KIT_PEERS, each with a host and
 * an open store of its own, all at the same time; then opens the case's store again. The clocks of
 * the hosts agree with the one before. *out_tally is valid until kit_free_tally. Fails the case
 * when a peer did. */
void kit_run_peers(struct kit *kit, kit_peer_fn fn, unsigned npeers, struct kit_tally **out_tally);
/* Likewise with one peer, which is killed when fn has returned, its store open. */
void kit_run_and_kill(struct kit *kit, kit_peer_fn fn);
void kit_free_tally(struct kit_tally *tally);

/* Closes the case's store and opens it again, by a host whose clock goes on from the one before.
 * Results of the store are gone then. */
void kit_reopen(struct kit *kit);

#endif
