/* SPDX-License-Identifier: MIT
 * op_fixture.h - a table of completion tokens with its loop and log, two owners, and what came of
 * an op. */
#ifndef TRUNKD_TESTS_UNIT_LOOP_OP_FIXTURE_H
#define TRUNKD_TESTS_UNIT_LOOP_OP_FIXTURE_H

#include "loop/op.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"

static const int memory = 0; /* two owners, by their addresses */
static const int stdio = 0;
#define MEMORY &memory, "storage memory"
#define STDIO &stdio, "factory stdio"

struct fixture {
    struct loop *loop;
    struct log *log;
    struct op_table *table;
    int log_pipe[2];
};

static inline int set_up(void **state) {
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    if (pipe2(fixture->log_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    fixture->loop = loop_new();
    fixture->log = log_new(fixture->log_pipe[1], TRUNK_LOG_DEBUG, LOG_LOGFMT);
    fixture->table = op_table_new(fixture->loop, fixture->log);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state) {
    struct fixture *fixture = *state;
    loop_turn(fixture->loop, false);
    op_table_free(fixture->table);
    loop_free(fixture->loop);
    log_free(fixture->log);
    (void)close(fixture->log_pipe[0]);
    (void)close(fixture->log_pipe[1]);
    free(fixture);
    return 0;
}

/* The log since the last call is one line with wanted in it; NULL: it is empty. */
static inline void assert_logged(const struct fixture *fixture, const char *wanted) {
    char text[4096];
    ssize_t len = read(fixture->log_pipe[0], text, sizeof text - 1);
    text[len > 0 ? len : 0] = '\0';
    const char *end = strchr(text, '\n');
    bool is_as_wanted = wanted == NULL
                            ? text[0] == '\0'
                            : end != NULL && end[1] == '\0' && strstr(text, wanted) != NULL;
    if (!is_as_wanted) {
        fail_msg("log \"%s\", wanted \"%s\"", text, wanted == NULL ? "(nothing)" : wanted);
    }
}

/* What came of one op. */
struct seen {
    unsigned replies;
    unsigned items;
    struct trunk_reply reply;
    char value[64];
    char message[128];
    char trace[64];
};

static inline void trace(struct seen *seen, const void *data, size_t len) {
    size_t at = strlen(seen->trace);
    (void)snprintf(seen->trace + at, sizeof seen->trace - at, "%.*s", (int)len, (const char *)data);
}

static inline void note_reply(void *ctx, const struct trunk_reply *reply) {
    struct seen *seen = ctx;
    seen->replies++;
    seen->reply = *reply;
    (void)snprintf(seen->value, sizeof seen->value, "%.*s", (int)reply->value.len,
                   (const char *)reply->value.data);
    (void)snprintf(seen->message, sizeof seen->message, "%s",
                   reply->message == NULL ? "(none)" : reply->message);
    trace(seen, "!", 1);
}

static inline void note_item(void *ctx, const struct trunk_item *item) {
    struct seen *seen = ctx;
    seen->items++;
    assert_int_equal(item->struct_size, sizeof *item);
    trace(seen, item->key.data, item->key.len);
    trace(seen, item->value.data, item->value.len);
}

static inline trunk_op begin_load(const struct fixture *fixture, struct seen *seen) {
    return op_begin(fixture->table, &memory, "load", NULL, note_reply, seen);
}

static inline trunk_op begin_scan(const struct fixture *fixture, struct seen *seen) {
    return op_begin(fixture->table, &memory, "scan", note_item, note_reply, seen);
}

static const struct trunk_reply ok = {.struct_size = sizeof ok};

static struct trunk_item make_item(const char *key, const char *value) {
    return (struct trunk_item){.struct_size = sizeof(struct trunk_item),
                               .key = {key, strlen(key)},
                               .value = {value, strlen(value)}};
}

#endif
