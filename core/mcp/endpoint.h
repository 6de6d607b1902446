/* SPDX-License-Identifier: MIT
 * endpoint.h - the MCP endpoint: which session, which message (protocol.md section 2). */
#ifndef TRUNKD_MCP_ENDPOINT_H
#define TRUNKD_MCP_ENDPOINT_H

#include "session/manager.h"
#include "wire/exchange.h"

struct endpoint;
/* Made before the manager, which is given endpoint_client_ops() and the endpoint as client_ctx;
 * then endpoint_set_manager. */
struct endpoint *endpoint_new(struct loop *loop, struct log *log, struct clock *clock,
                              const struct session_options *options);
void endpoint_set_manager(struct endpoint *endpoint, struct manager *manager);
const struct session_client_ops *endpoint_client_ops(void);
/* After the manager was stopped. NULL is fine. */
void endpoint_free(struct endpoint *endpoint);

/* The http room's handler; takes over exchange. */
void endpoint_handle(void *endpoint, struct exchange *exchange);

#endif
