/* SPDX-License-Identifier: MIT
 * kit_session.c - the first messages of a session. */
#include "kit_session.h"

#include <stdio.h>

#define INITIALIZED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"

struct kit_ping kit_make_ping(uint64_t number) {
    struct kit_ping ping;
    (void)snprintf(ping.json, sizeof ping.json,
                   "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"ping\"}",
                   (unsigned long long)number);
    return ping;
}

void kit_make_leg(struct kit *kit, struct kit_leg *leg) {
    assert_status(kit_make(leg, kit->factory, &kit->driver->backend, NULL, 0), TRUNK_OK);
}

void kit_make_session(struct kit *kit, struct kit_leg *leg) {
    kit_make_leg(kit, leg);
    trunk_op op = kit_begin_request(leg, 1, KIT_INITIALIZE);
    kit_wait_answers(leg, 1);
    assert_status(kit_wait_op(kit->factory, op), TRUNK_OK);
    assert_true(strstr(leg->last, "\"protocolVersion\"") != NULL);
    assert_status(kit_wait_op(kit->factory, kit_begin_send(leg, INITIALIZED)), TRUNK_OK);
}

void kit_finish_leg(struct kit_leg *leg, uint32_t keep) {
    assert_status(kit_end_finish(leg, kit_begin_finish(leg, keep)), TRUNK_OK);
}

char *kit_save_session(struct kit_leg *leg) {
    const struct kit_result *snapshot = kit_snapshot(leg);
    assert_status(snapshot, TRUNK_OK);
    assert_in_range(snapshot->value.len, 1, 4096);
    return strndup(snapshot->value.data, snapshot->value.len);
}
