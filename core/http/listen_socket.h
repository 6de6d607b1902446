/* SPDX-License-Identifier: MIT
 * listen_socket.h - a listening TCP socket, with errors that tell the admin what is wrong. */
#ifndef TRUNKD_HTTP_LISTEN_SOCKET_H
#define TRUNKD_HTTP_LISTEN_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include <trunk/types.h>

/* Opens a non-blocking, close-on-exec listening socket whose connections have TCP_NODELAY. address
 * is numeric; port 0: any free one. *out_fd is the caller's, *out_port the real port. TRUNK_INVALID
 * (key listen.address) or TRUNK_UNAVAILABLE (listen.address or listen.port) with *error filled. */
int32_t listen_socket_open(const char *address, uint16_t port, int *out_fd, uint16_t *out_port,
                           struct trunk_error *error);
bool listen_address_is_numeric(const char *address);  /* IPv4 or IPv6 */
bool listen_address_is_loopback(const char *address); /* 127.0.0.0/8 or ::1 */

#endif
