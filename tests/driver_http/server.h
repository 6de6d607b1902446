/* SPDX-License-Identifier: MIT
 * server.h - an HTTP server that does what the test says, byte by byte, on the test's own loop: the
 * test takes the next request and writes to its connection. */
#ifndef TEST_SERVER_H
#define TEST_SERVER_H

#include "loop_host.h"

enum { MAX_CONNS = 64 };

struct server;
/* A connection that was accepted. */
struct conn {
    struct server *server;
    int fd; /* -1: closed by us */
    struct trunk_watch *watch;
    char *in;
    size_t len;
    bool is_hung_up; /* closed by the driver */
};
/* A whole request; freed when the next one is taken. */
struct seen {
    struct conn *conn;
    char method[16];
    char path[256];
    char *text; /* the head, ends with NUL */
    char *body;
};
struct server {
    struct loop_host *host;
    int fd;
    unsigned port;
    struct trunk_watch *watch;
    struct conn conns[MAX_CONNS];
    size_t nconns;
    size_t nrequests; /* taken */
    struct seen seen;
};

void server_open(struct server *server, struct loop_host *host);
void server_close(struct server *server);

/* Waits for the next whole request, on whatever connection. */
struct seen *server_next(struct server *server);
/* The same, and checks what it is. */
struct seen *server_expect(struct server *server, const char *method, const char *path);
/* The value of a header field; NULL: there is none. Valid until the next call. */
const char *seen_header(const struct seen *seen, const char *name);
/* Is there a request that was not taken yet? Reads what has come. */
bool server_has_more(struct server *server);

void conn_write(struct conn *conn, const char *text);
void conn_write_bytes(struct conn *conn, const char *bytes, size_t len);
void conn_close(struct conn *conn);
void conn_reset(struct conn *conn);
void conn_wait_hang_up(struct conn *conn);

/* status: "200 OK"; fields: "" or whole lines with CRLF. */
void answer(const struct seen *seen, const char *status, const char *fields, const char *body);
void answer_json(const struct seen *seen, const char *fields, const char *json);
/* 200 with a chunked event stream; then chunks of it, and its end. */
void answer_stream(const struct seen *seen, const char *fields);
void conn_chunk(struct conn *conn, const char *text);
void conn_end_chunks(struct conn *conn);

#endif
