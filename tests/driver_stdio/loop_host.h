/* SPDX-License-Identifier: MIT
 * loop_host.h - a host for one driver on one thread: poll, timers, and a record of what the driver
 * completed and logged. Mistakes of the driver (a second or foreign completion) fail the test at
 * once. */
#ifndef TEST_LOOP_HOST_H
#define TEST_LOOP_HOST_H

#include <stdbool.h>

#include <trunk/plugin.h>

enum { MAX_OPS = 512 };

struct op_result {
    bool is_done;
    int32_t status;
    char message[512];
    char value[4097]; /* of snapshot */
    void *leg;
    uint64_t when; /* loop_host_stamp of the completion */
};

struct loop_host;
struct loop_host *loop_host_new(void);
void loop_host_free(struct loop_host *host); /* no watch, timer or op may be left */
const struct trunk_host *loop_host_table(struct loop_host *host);

trunk_op loop_host_begin(struct loop_host *host);
const struct op_result *loop_host_result(struct loop_host *host, trunk_op op);
/* Raised by each completion and each call of this: tells what came first. */
uint64_t loop_host_stamp(struct loop_host *host);

/* From now on watch_new gives NULL, as if memory had run out. */
void loop_host_refuse_watches(struct loop_host *host);

/* One turn: waits up to wait_ms for a watch or timer and runs what is ready. */
void loop_host_turn(struct loop_host *host, int wait_ms);
/* Turns until is_true(ctx), 20 s at most. Tells whether it came true. */
bool loop_host_wait(struct loop_host *host, bool (*is_true)(void *ctx), void *ctx);
bool loop_host_wait_op(struct loop_host *host, trunk_op op);

/* How many logged lines contain text; out_first (may be NULL): the first of them. */
size_t loop_host_logged(struct loop_host *host, const char *text, const char **out_first);

uint64_t mono_now_ms(void);

#endif
