/* SPDX-License-Identifier: MIT
 * bench_backend.c - the fixture behind the benchmark: an MCP server over HTTP that does as little
 * as a server can (one epoll loop, no JSON library), so that what is measured is what stands before
 * it. Answers tools/call of "echo" with its arguments' text. Prints "ready PORT". GET /stats tells
 * sessions opened and closed, and calls. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_peer.h"

#define INPUT_SIZE (256 * 1024)

struct connection {
    int fd;
    size_t len;
    char input[INPUT_SIZE];
};

struct backend {
    int epoll;
    int listener;
    unsigned long opened;
    unsigned long closed;
    unsigned long calls;
};

/* The raw value behind "key": in a message that this benchmark's peers wrote. */
static size_t find_value(const struct http_message *message, const char *key, char *out,
                         size_t size) {
    const char *at = memmem(message->body, message->body_len, key, strlen(key));
    const char *end = message->body + message->body_len;
    size_t len = 0;
    out[0] = '\0';
    if (at == NULL) {
        return 0;
    }
    at += strlen(key);
    if (at < end && *at == '"') {
        const char *quote = memchr(at + 1, '"', (size_t)(end - at - 1));
        len = quote != NULL ? (size_t)(quote + 1 - at) : 0;
    } else {
        len = strspn(at, "0123456789");
    }
    if (len >= size) {
        return 0;
    }
    memcpy(out, at, len);
    out[len] = '\0';
    return len;
}

static void send_all(int fd, const char *data, size_t len) {
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR && errno != EAGAIN) {
            return;
        }
        if (sent > 0) {
            data += sent;
            len -= (size_t)sent;
        }
    }
}

static void answer(int fd, const char *status, const char *extra, const char *body) {
    char out[INPUT_SIZE + 1024];
    int len =
        snprintf(out, sizeof out, "HTTP/1.1 %s\r\n%s%sContent-Length: %zu\r\n\r\n%s", status, extra,
                 body[0] != '\0' ? "Content-Type: application/json\r\n" : "", strlen(body), body);
    send_all(fd, out, (size_t)len);
}

static void answer_post(struct backend *backend, int fd, const struct http_message *message) {
    char id[64];
    char method[64];
    char text[4096];
    char body[8192];
    char extra[96] = "";
    (void)find_value(message, "\"id\":", id, sizeof id);
    (void)find_value(message, "\"method\":", method, sizeof method);
    if (id[0] == '\0') {
        answer(fd, "202 Accepted", "", "");
        return;
    }
    if (strcmp(method, "\"tools/call\"") == 0) {
        backend->calls++;
        (void)find_value(message, "\"text\":", text, sizeof text);
        (void)snprintf(body, sizeof body,
                       "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":\"text\","
                       "\"text\":%s}]}}",
                       id, text);
    } else if (strcmp(method, "\"initialize\"") == 0) {
        (void)snprintf(extra, sizeof extra, "Mcp-Session-Id: s%lu\r\n", ++backend->opened);
        (void)snprintf(
            body, sizeof body,
            "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"protocolVersion\":\"2025-11-25\","
            "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"bench\",\"version\":\"1\"}}"
            "}",
            id);
    } else {
        (void)snprintf(body, sizeof body,
                       "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"tools\":[{\"name\":\"echo\","
                       "\"description\":\"says it\","
                       "\"inputSchema\":{\"type\":\"object\"}}]}}",
                       id);
    }
    answer(fd, "200 OK", extra, body);
}

static void answer_message(struct backend *backend, int fd, const struct http_message *message) {
    char body[256];
    if (strncmp(message->start, "POST", 4) == 0) {
        answer_post(backend, fd, message);
    } else if (strncmp(message->start, "DELETE", 6) == 0) {
        backend->closed++;
        answer(fd, "200 OK", "", "");
    } else if (strncmp(message->start, "GET /stats", 10) == 0) {
        (void)snprintf(body, sizeof body, "{\"opened\":%lu,\"closed\":%lu,\"calls\":%lu}",
                       backend->opened, backend->closed, backend->calls);
        answer(fd, "200 OK", "", body);
    } else {
        answer(fd, "405 Method Not Allowed", "", "");
    }
}

static void drop(struct connection *connection) {
    (void)close(connection->fd);
    free(connection);
}

static void read_more(struct backend *backend, struct connection *connection) {
    ssize_t got = recv(connection->fd, connection->input + connection->len,
                       sizeof connection->input - connection->len - 1, 0);
    if (got <= 0) {
        drop(connection);
        return;
    }
    connection->len += (size_t)got;
    connection->input[connection->len] = '\0';
    struct http_message message;
    int state;
    while (connection->len > 0 &&
           (state = http_peer_read(connection->input, connection->len, &message)) != 0) {
        if (state < 0) {
            drop(connection);
            return;
        }
        answer_message(backend, connection->fd, &message);
        connection->len -= message.total_len;
        memmove(connection->input, connection->input + message.total_len, connection->len);
    }
}

static void take_connection(struct backend *backend) {
    int one = 1;
    int fd = accept4(backend->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *connection = calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (connection == NULL) {
        (void)close(fd);
        return;
    }
    connection->fd = fd;
    (void)epoll_ctl(backend->epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(void) {
    struct backend backend = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                              .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct epoll_event event = {.events = EPOLLIN};
    if (bind(backend.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(backend.listener, 1024) != 0 ||
        getsockname(backend.listener, (struct sockaddr *)&address, &size) != 0) {
        perror("bench_backend");
        return 1;
    }
    (void)epoll_ctl(backend.epoll, EPOLL_CTL_ADD, backend.listener, &event);
    (void)printf("ready %u\n", (unsigned)ntohs(address.sin_port));
    (void)fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(backend.epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL) {
                take_connection(&backend);
            } else {
                read_more(&backend, events[i].data.ptr);
            }
        }
    }
}
