/* SPDX-License-Identifier: MIT
 * reap.h - closes a session with a backend that no leg holds: from what a record, or a leg that is
 * not open, says of it (design.md section 5, Hygiene). */
#ifndef TRUNKD_SESSION_REAP_H
#define TRUNKD_SESSION_REAP_H

#include "session/factory.h"

struct reap {
    const struct backend *backend; /* outlives the reap */
    const char *session_tag;
    const char *principal;
    const char *session;  /* the driver's snapshot, not empty */
    const char *protocol; /* negotiated with the backend; "" or NULL: not known */
    uint64_t timeout_ms;  /* of each of its two steps */
};
/* One try. done is called once, on the loop and not inside this call, when nothing of it is left at
 * the driver. status: OK, it is closed or was gone; otherwise the backend may still hold it. */
void reap_session(const struct reap *reap, factory_finished_fn done, void *ctx);

#endif
