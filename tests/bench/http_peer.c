/* SPDX-License-Identifier: MIT
 * http_peer.c - reading one HTTP message. */
#include "http_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool http_peer_header(const struct http_message *message, const char *name, char *out,
                      size_t size) {
    size_t name_len = strlen(name);
    const char *line = message->headers;
    const char *end = line + message->headers_len;
    while (line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next != NULL ? next + 1 : end;
        if ((size_t)(next - line) > name_len && line[name_len] == ':' &&
            strncasecmp(line, name, name_len) == 0) {
            const char *value = line + name_len + 1;
            const char *stop = next;
            while (value < stop && *value == ' ') {
                value++;
            }
            while (stop > value && (stop[-1] == '\n' || stop[-1] == '\r' || stop[-1] == ' ')) {
                stop--;
            }
            (void)snprintf(out, size, "%.*s", (int)(stop - value), value);
            return true;
        }
        line = next;
    }
    return false;
}

/* 1: all chunks are there; the body's pieces are moved together. */
static int read_chunks(char *data, size_t len, struct http_message *out) {
    char *at = out->body;
    char *end = data + len;
    char *to = out->body;
    for (;;) {
        char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (line_end == NULL) {
            return 0;
        }
        size_t size = strtoul(at, NULL, 16);
        at = line_end + 2;
        if ((size_t)(end - at) < size + 2) {
            return 0;
        }
        if (size == 0) {
            out->body_len = (size_t)(to - out->body);
            out->total_len = (size_t)(at + 2 - data);
            return 1;
        }
        memmove(to, at, size);
        to += size;
        at += size + 2;
    }
}

/* Chunks are moved together only when all are there: a first pass without moving would cost more
 * than it is worth here. */
static bool has_last_chunk(const char *body, size_t len) {
    return memmem(body, len, "\r\n0\r\n\r\n", 7) != NULL ||
           (len >= 5 && memcmp(body, "0\r\n\r\n", 5) == 0);
}

int http_peer_read(char *data, size_t len, struct http_message *out) {
    char value[64];
    char *head_end = memmem(data, len, "\r\n\r\n", 4);
    if (head_end == NULL) {
        return len > 65536 ? -1 : 0;
    }
    char *line_end = memmem(data, len, "\r\n", 2);
    out->start = data;
    out->headers = line_end + 2;
    out->headers_len = head_end + 2 > line_end + 2 ? (size_t)(head_end + 2 - out->headers) : 0;
    out->body = head_end + 4;
    size_t have = len - (size_t)(out->body - data);
    if (http_peer_header(out, "Content-Length", value, sizeof value)) {
        out->body_len = strtoul(value, NULL, 10);
        out->total_len = (size_t)(out->body - data) + out->body_len;
        return have >= out->body_len ? 1 : 0;
    }
    if (http_peer_header(out, "Transfer-Encoding", value, sizeof value)) {
        return has_last_chunk(out->body, have) ? read_chunks(data, len, out) : 0;
    }
    out->body_len = 0;
    out->total_len = (size_t)(out->body - data);
    return 1;
}
