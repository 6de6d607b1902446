/* SPDX-License-Identifier: MIT
 * pipe.c - lines in, queue out. */
#include "pipe.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <trunk/plugin_util.h>

enum { SLACK_BYTES = 64 * 1024, FIRST_BYTES = 4096, FLUSH_BYTES = 256 * 1024 };

bool pipe_end_open(struct pipe_end *end, const struct trunk_host *host, int fd, uint32_t wanted,
                   void (*fn)(void *arg, uint32_t ready), void *arg) {
    end->fd = fd;
    end->watch = host->watch_new(host->ctx, fd, fn, arg);
    if (end->watch == NULL) {
        return false;
    }
    host->watch_set(end->watch, wanted);
    return true;
}

void pipe_end_close(struct pipe_end *end, const struct trunk_host *host) {
    if (end->watch != NULL) {
        host->watch_free(end->watch);
    }
    if (end->fd >= 0) {
        (void)close(end->fd);
    }
    *end = (struct pipe_end){.fd = -1};
}

ssize_t pipe_read(int fd, void *buffer, size_t size) {
    ssize_t got;
    do {
        got = read(fd, buffer, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno == EAGAIN ? -1 : 0;
    }
    return got;
}

static size_t line_limit(const struct line_splitter *lines) {
    return lines->max_line_bytes == 0 || lines->max_line_bytes > SIZE_MAX / 4
               ? SIZE_MAX / 4
               : lines->max_line_bytes;
}

static bool hold(struct line_splitter *lines, const char *data, size_t len) {
    size_t need = lines->len + len;
    if (need > lines->capacity) {
        size_t most = line_limit(lines) + SLACK_BYTES;
        size_t capacity = lines->capacity < FIRST_BYTES ? FIRST_BYTES : lines->capacity * 2;
        capacity = capacity < need ? need : capacity;
        capacity = capacity > most ? most : capacity;
        char *larger = realloc(lines->held, capacity);
        if (larger == NULL) {
            return false;
        }
        lines->held = larger;
        lines->capacity = capacity;
    }
    memcpy(lines->held + lines->len, data, len);
    lines->len = need;
    return true;
}

static void let_go(struct line_splitter *lines) {
    free(lines->held);
    lines->held = NULL;
    lines->len = 0;
    lines->capacity = 0;
}

static size_t without_cr(const char *line, size_t len) {
    return len > 0 && line[len - 1] == '\r' ? len - 1 : len;
}

/* One line, or the part of one that has come. *out_used is how much of data it took. */
static int32_t take_part(struct line_splitter *lines, const char *data, size_t len, bool is_end,
                         line_fn fn, void *ctx) {
    size_t limit = line_limit(lines);
    if (lines->is_skipping) {
        lines->is_skipping = !is_end;
        return TRUNK_OK;
    }
    /* One byte more is allowed while it may be the CR of a CRLF. */
    if (lines->len + len > limit + 1 && lines->has_to_cut) {
        len = limit - (lines->len < limit ? lines->len : limit);
        lines->is_skipping = !is_end;
        is_end = true;
    } else if (lines->len + len > limit + 1) {
        return TRUNK_TOO_LARGE;
    }
    if (!is_end || lines->len > 0) {
        if (!hold(lines, data, len)) {
            return TRUNK_INTERNAL;
        }
        data = lines->held;
        len = lines->len;
    }
    if (!is_end) {
        return TRUNK_OK;
    }
    len = without_cr(data, len);
    if (len > limit && !lines->has_to_cut) {
        return TRUNK_TOO_LARGE;
    }
    fn(ctx, data, len < limit ? len : limit);
    let_go(lines);
    return TRUNK_OK;
}

int32_t lines_feed(struct line_splitter *lines, const char *data, size_t len, line_fn fn,
                   void *ctx) {
    while (len > 0) {
        const char *end = memchr(data, '\n', len);
        size_t part = end != NULL ? (size_t)(end - data) : len;
        int32_t status = take_part(lines, data, part, end != NULL, fn, ctx);
        if (status != TRUNK_OK) {
            return status;
        }
        part += end != NULL;
        data += part;
        len -= part;
    }
    return TRUNK_OK;
}

void lines_finish(struct line_splitter *lines, line_fn fn, void *ctx) {
    if (lines->len > 0) {
        fn(ctx, lines->held, without_cr(lines->held, lines->len));
        let_go(lines);
    }
}

void lines_free(struct line_splitter *lines) {
    let_go(lines);
}

void queue_init(struct out_queue *queue) {
    STAILQ_INIT(&queue->list);
    queue->bytes = 0;
}

bool queue_add(struct out_queue *queue, struct trunk_slice json, trunk_op op) {
    struct out_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return false;
    }
    entry->op = op;
    entry->json = json;
    STAILQ_INSERT_TAIL(&queue->list, entry, link);
    queue->bytes += json.len + 1;
    return true;
}

static void drop_first(struct out_queue *queue, struct out_entry *first) {
    STAILQ_REMOVE_HEAD(&queue->list, link);
    queue->bytes -= first->json.len + 1 - first->sent;
    free(first);
}

static ssize_t write_entry(int fd, const struct out_entry *entry) {
    static const char line_end = '\n';
    size_t left = entry->sent < entry->json.len ? entry->json.len - entry->sent : 0;
    struct iovec parts[2] = {
        {.iov_base = (void *)((uintptr_t)entry->json.data + entry->sent), .iov_len = left},
        {.iov_base = (void *)(uintptr_t)&line_end, .iov_len = 1},
    };
    ssize_t written;
    do {
        written = writev(fd, parts, 2);
    } while (written < 0 && errno == EINTR);
    return written;
}

bool queue_flush(struct out_queue *queue, int fd, const struct trunk_host *host) {
    size_t left = FLUSH_BYTES;
    struct out_entry *first;
    while (left > 0 && (first = STAILQ_FIRST(&queue->list)) != NULL) {
        ssize_t written = write_entry(fd, first);
        if (written < 0) {
            return errno == EAGAIN;
        }
        size_t count = (size_t)written;
        first->sent += count;
        queue->bytes -= count;
        left -= count < left ? count : left;
        if (first->sent == first->json.len + 1) {
            trunk_op op = first->op;
            drop_first(queue, first);
            trunk_complete(host, op, TRUNK_OK, NULL);
        }
    }
    return true;
}

void queue_fail(struct out_queue *queue, const struct trunk_host *host, int32_t partly,
                int32_t unsent, const char *text) {
    struct out_entry *first;
    while ((first = STAILQ_FIRST(&queue->list)) != NULL) {
        trunk_op op = first->op;
        int32_t status = first->sent > 0 ? partly : unsent;
        drop_first(queue, first);
        trunk_complete(host, op, status, text);
    }
}
