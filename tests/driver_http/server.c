/* SPDX-License-Identifier: MIT
 * server.c - sockets on the loop of the test. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void on_bytes(void *arg, uint32_t ready) {
    struct conn *conn = arg;
    (void)ready;
    char data[16384];
    ssize_t got = recv(conn->fd, data, sizeof data, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        conn->is_hung_up = true;
        loop_host_table(conn->server->host)->watch_set(conn->watch, 0);
        return;
    }
    conn->in = realloc(conn->in, conn->len + (size_t)got + 1);
    assert_non_null(conn->in);
    memcpy(conn->in + conn->len, data, (size_t)got);
    conn->len += (size_t)got;
    conn->in[conn->len] = '\0';
}

static void on_connection(void *arg, uint32_t ready) {
    struct server *server = arg;
    (void)ready;
    const struct trunk_host *table = loop_host_table(server->host);
    int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_in_range(server->nconns, 0, MAX_CONNS - 1);
    struct conn *conn = &server->conns[server->nconns++];
    *conn = (struct conn){.server = server, .fd = fd};
    conn->watch = table->watch_new(table->ctx, fd, on_bytes, conn);
    table->watch_set(conn->watch, TRUNK_READ);
}

void server_open(struct server *server, struct loop_host *host) {
    *server = (struct server){.host = host};
    const struct trunk_host *table = loop_host_table(host);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->fd >= 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->fd, 64), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    server->watch = table->watch_new(table->ctx, server->fd, on_connection, server);
    table->watch_set(server->watch, TRUNK_READ);
}

void conn_close(struct conn *conn) {
    if (conn->fd >= 0) {
        loop_host_table(conn->server->host)->watch_free(conn->watch);
        (void)close(conn->fd);
        conn->fd = -1;
    }
}

void conn_reset(struct conn *conn) {
    struct linger linger = {.l_onoff = 1};
    assert_int_equal(setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    conn_close(conn);
}

static void free_seen(struct server *server) {
    free(server->seen.text);
    free(server->seen.body);
    server->seen = (struct seen){0};
}

void server_close(struct server *server) {
    for (size_t i = 0; i < server->nconns; i++) {
        conn_close(&server->conns[i]);
        free(server->conns[i].in);
    }
    loop_host_table(server->host)->watch_free(server->watch);
    (void)close(server->fd);
    free_seen(server);
}

static const char *find_header(const char *head, const char *name, size_t *out_len) {
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *value = line + 2 + len + 1;
            value += strspn(value, " ");
            *out_len = strcspn(value, "\r");
            return value;
        }
    }
    return NULL;
}

/* The length of the whole request at the front of what came; 0: it is not whole yet. */
static size_t whole_length(const struct conn *conn, size_t *out_head) {
    const char *end = conn->in != NULL ? strstr(conn->in, "\r\n\r\n") : NULL;
    if (end == NULL) {
        return 0;
    }
    *out_head = (size_t)(end - conn->in) + 4;
    size_t len = 0;
    char head[8192];
    (void)snprintf(head, sizeof head, "%.*s", (int)*out_head, conn->in);
    const char *length = find_header(head, "content-length", &len);
    size_t whole = *out_head + (length != NULL ? strtoul(length, NULL, 10) : 0);
    return conn->len >= whole ? whole : 0;
}

static bool has_request(void *ctx) {
    const struct server *server = ctx;
    size_t head;
    for (size_t i = 0; i < server->nconns; i++) {
        if (whole_length(&server->conns[i], &head) > 0) {
            return true;
        }
    }
    return false;
}

struct seen *server_next(struct server *server) {
    assert_true(loop_host_wait(server->host, has_request, server));
    free_seen(server);
    struct seen *seen = &server->seen;
    for (size_t i = 0; i < server->nconns; i++) {
        struct conn *conn = &server->conns[i];
        size_t head = 0;
        size_t whole = whole_length(conn, &head);
        if (whole > 0) {
            seen->conn = conn;
            seen->text = strndup(conn->in, head);
            seen->body = strndup(conn->in + head, whole - head);
            assert_true(seen->text != NULL && seen->body != NULL);
            assert_int_equal(sscanf(seen->text, "%15s %255s", seen->method, seen->path), 2);
            memmove(conn->in, conn->in + whole, conn->len - whole + 1);
            conn->len -= whole;
            break;
        }
    }
    server->nrequests++;
    return seen;
}

struct seen *server_expect(struct server *server, const char *method, const char *path) {
    struct seen *seen = server_next(server);
    assert_string_equal(seen->method, method);
    assert_string_equal(seen->path, path);
    return seen;
}

const char *seen_header(const struct seen *seen, const char *name) {
    static _Thread_local char value[2048];
    size_t len = 0;
    const char *found = find_header(seen->text, name, &len);
    if (found == NULL) {
        return NULL;
    }
    (void)snprintf(value, sizeof value, "%.*s", (int)len, found);
    return value;
}

bool server_has_more(struct server *server) {
    for (int i = 0; i < 3; i++) {
        loop_host_turn(server->host, 10);
    }
    return has_request(server);
}

void conn_write_bytes(struct conn *conn, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t sent = send(conn->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) {
            return; /* the driver has hung up: what it does then is for the test to see */
        }
        if (sent < 0) {
            loop_host_turn(conn->server->host, 1);
            continue;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
}

void conn_write(struct conn *conn, const char *text) {
    conn_write_bytes(conn, text, strlen(text));
}

static bool is_hung_up(void *ctx) {
    const struct conn *conn = ctx;
    return conn->is_hung_up;
}

void conn_wait_hang_up(struct conn *conn) {
    assert_true(loop_host_wait(conn->server->host, is_hung_up, conn));
}

void answer(const struct seen *seen, const char *status, const char *fields, const char *body) {
    char head[4096];
    (void)snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status,
                   fields, strlen(body));
    conn_write(seen->conn, head);
    conn_write(seen->conn, body);
}

void answer_json(const struct seen *seen, const char *fields, const char *json) {
    char all[2048];
    (void)snprintf(all, sizeof all, "Content-Type: application/json\r\n%s", fields);
    answer(seen, "200 OK", all, json);
}

void answer_stream(const struct seen *seen, const char *fields) {
    conn_write(seen->conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                           "Transfer-Encoding: chunked\r\n");
    conn_write(seen->conn, fields);
    conn_write(seen->conn, "\r\n");
}

void conn_chunk(struct conn *conn, const char *text) {
    char size[32];
    (void)snprintf(size, sizeof size, "%zx\r\n", strlen(text));
    conn_write(conn, size);
    conn_write(conn, text);
    conn_write(conn, "\r\n");
}

void conn_end_chunks(struct conn *conn) {
    conn_write(conn, "0\r\n\r\n");
}
