/* SPDX-License-Identifier: MIT
 * allowed.h - which Host and Origin headers are accepted: listen.allowed_hosts and
 * listen.allowed_origins. */
#ifndef TRUNKD_HTTP_ALLOWED_H
#define TRUNKD_HTTP_ALLOWED_H

#include <stdbool.h>

#include "http/server.h"

bool allowed_host(const char *host, const struct http_options *options);
/* "null", which sandboxed pages and files send, never is. */
bool allowed_origin(const char *origin, const struct http_options *options);

/* What is wrong with an entry of the config, then "; ", then what to write; static. NULL: nothing,
 * some header can equal it. */
const char *allowed_host_find_defect(const char *entry);
const char *allowed_origin_find_defect(const char *entry);

#endif
