/* SPDX-License-Identifier: MIT
 * options.h - the `session` block of the config, as the session and mcp rooms take it. */
#ifndef TRUNKD_SESSION_OPTIONS_H
#define TRUNKD_SESSION_OPTIONS_H

#include <stdint.h>

#include "catalogue/names.h"

struct session_options {
    uint64_t ttl_ms;          /* slides on use; > 0 */
    uint64_t max_lifetime_ms; /* from its creation, however much it is used; 0: no limit */
    uint64_t leg_timeout_ms;  /* from make to the end of tools/list of one leg; > 0 */
    uint64_t list_wait_ms; /* the longest that tools/list waits for legs that are opening; 0: not at
                              all */
    uint64_t drain_ms;     /* what running calls get after terminate; 0: nothing */
    uint64_t max_sessions; /* of this node; 0: no limit, as for the next */
    uint64_t max_per_principal; /* of this node */
    uint64_t max_inflight;      /* requests in flight per session; 0: no limit */
    struct naming naming;       /* the `aggregation` block, with page_size */
    uint64_t page_size;         /* elements of one page of a list; 0: all */
    uint64_t replay_events;     /* kept per session for clients that lost a stream; 0: no limit */
    uint64_t replay_bytes;
    uint64_t max_message_bytes; /* one message of a backend; 0: no limit */
};

#endif
