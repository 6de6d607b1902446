/* SPDX-License-Identifier: MIT
 * kit_leg.h - an open factory with a host of its own, its legs as the host sees them, and the calls
 * on them. Inputs are copies that are gone once the op is completed. What a driver does to a sink
 * when it must not is a fault. */
#ifndef TRUNK_KIT_LEG_H
#define TRUNK_KIT_LEG_H

#include "kit_driver.h"
#include "kit_host.h"

struct kit_factory {
    const struct kit_driver *driver;
    struct kit_host *host;
    void *self;
};

/* As the host sees it. */
struct kit_leg {
    struct kit_factory *factory;
    struct trunk_sink sink;
    struct trunk_make make;
    void *leg;
    char *last; /* the last message with an id, as text */
    uint64_t nmessages;
    uint64_t nanswers; /* of them: those with an id and without a method */
    bool is_made;
    bool is_closed;
    int32_t closed_status;
    bool is_finished;
};

/* Opens; fails the case when that fails. */
struct kit_factory *kit_factory_open(const struct kit_driver *driver);
/* Closes and frees. Returns the number of faults. */
size_t kit_factory_close(struct kit_factory *factory);

/* Makes a leg with these keys of a backend, and waits. saved: NULL for a new one. *leg must live as
 * long as the factory. Gives the result of make. */
const struct kit_result *kit_make(struct kit_leg *leg, struct kit_factory *factory,
                                  const struct param_list *backend, const char *saved,
                                  uint64_t max_message);
trunk_op kit_begin_request(struct kit_leg *leg, uint64_t number, const char *json);
trunk_op kit_begin_send(struct kit_leg *leg, const char *json);
trunk_op kit_begin_listen(struct kit_leg *leg);
const struct kit_result *kit_snapshot(struct kit_leg *leg);
trunk_op kit_begin_finish(struct kit_leg *leg, uint32_t keep);
/* Waits for it, and frees what the leg holds. */
const struct kit_result *kit_end_finish(struct kit_leg *leg, trunk_op op);
/* Waits for an op; fails the case when it is not completed in time. */
const struct kit_result *kit_wait_op(struct kit_factory *factory, trunk_op op);
/* Runs the loop until so many answers came, or fails the case. */
void kit_wait_answers(struct kit_leg *leg, uint64_t count);
void kit_wait_closed(struct kit_leg *leg);

#endif
