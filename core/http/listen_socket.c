/* SPDX-License-Identifier: MIT
 * listen_socket.c - a listening TCP socket. */
#include "http/listen_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/status.h"

#define LISTEN_BACKLOG 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Returns the length of the address, 0 if text is not a numeric one. */
static socklen_t parse_address(const char *text, uint16_t port, union address *out) {
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        return sizeof out->v4;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(port);
        return sizeof out->v6;
    }
    return 0;
}

bool listen_address_is_numeric(const char *address) {
    union address parsed;
    return parse_address(address, 0, &parsed) != 0;
}

bool listen_address_is_loopback(const char *address) {
    union address parsed;
    if (parse_address(address, 0, &parsed) == 0) {
        return false;
    }
    if (parsed.any.sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&parsed.v6.sin6_addr);
    }
    return (ntohl(parsed.v4.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
}

static int set_option(int fd, int level, int option) {
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on);
}

int32_t listen_socket_open(const char *address, uint16_t port, int *out_fd, uint16_t *out_port,
                           struct trunk_error *error) {
    union address local;
    socklen_t local_len = parse_address(address, port, &local);
    if (local_len == 0) {
        return error_set(error, TRUNK_INVALID, "listen.address",
                         "\"%s\" is not a numeric IPv4 or IPv6 address", address);
    }
    int fd = socket(local.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        goto fail;
    }
    /* Linux hands TCP_NODELAY down to each accepted connection, which saves a system call per
     * connection. */
    if (set_option(fd, SOL_SOCKET, SO_REUSEADDR) < 0 ||
        set_option(fd, IPPROTO_TCP, TCP_NODELAY) < 0 || bind(fd, &local.any, local_len) < 0 ||
        listen(fd, LISTEN_BACKLOG) < 0 || getsockname(fd, &local.any, &local_len) < 0) {
        goto fail;
    }
    *out_fd = fd;
    *out_port = ntohs(local.any.sa_family == AF_INET6 ? local.v6.sin6_port : local.v4.sin_port);
    return TRUNK_OK;

fail:;
    int reason = errno;
    if (fd >= 0) {
        close(fd);
    }
    bool address_is_wrong = reason == EADDRNOTAVAIL || reason == EAFNOSUPPORT;
    return error_set(error, TRUNK_UNAVAILABLE, address_is_wrong ? "listen.address" : "listen.port",
                     "cannot listen on %s port %u: %s", address, port, strerror(reason));
}
