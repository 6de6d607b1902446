/* SPDX-License-Identifier: MIT
 * kit_session.h - what the cases of factories begin and end with: a leg to the driver's backend, on
 * which MCP has begun. Each fails the running case when that fails. */
#ifndef TRUNK_KIT_SESSION_H
#define TRUNK_KIT_SESSION_H

#include "kit_case.h"
#include "kit_leg.h"

#define KIT_INITIALIZE                                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"trunkd-plugin-check\","         \
    "\"version\":\"1\"}}}"

struct kit_ping {
    char json[64];
};

/* The request `ping` with this id. */
struct kit_ping kit_make_ping(uint64_t number);
void kit_make_leg(struct kit *kit, struct kit_leg *leg);
void kit_make_session(struct kit *kit, struct kit_leg *leg);
void kit_finish_leg(struct kit_leg *leg, uint32_t keep);
/* What the driver gives for its session, for the caller to free. */
char *kit_save_session(struct kit_leg *leg);

#endif
