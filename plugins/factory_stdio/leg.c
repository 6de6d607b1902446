/* SPDX-License-Identifier: MIT
 * leg.c - the life of a leg: OPEN while both pipes work, ENDING when one broke and the exit that
 * would explain it is awaited, CLOSED once the host was told or asked for the end. The stop ladder
 * runs in CLOSED, beside the leg's state. */
#include "leg.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <trunk/plugin_util.h>

#include "log_limit.h"
#include "pipe.h"
#include "spawn.h"

enum {
    READ_BYTES = 64 * 1024,  /* at a time */
    TURN_BYTES = 256 * 1024, /* in one turn of the loop, so that a flood starves nobody */
    MAX_QUEUE_BYTES = 64 * 1024 * 1024,
    EXIT_GRACE_MS = 100,
    CLOSE_WAIT_MS = 1000,
    REAP_RETRY_MS = 20,
    MAX_STDERR_LINE_BYTES = 2048,
    MAX_STDERR_LINES = 100, /* per second */
    MAX_GARBAGE_BYTES = 200,
    MAX_GARBAGE_LINES = 10 /* per second */
};

enum leg_state {
    LEG_OPEN,   /* messages go both ways */
    LEG_ENDING, /* the backend closed a pipe: wait a moment for its exit, which says more */
    LEG_CLOSED  /* on_closed was called, or finish: no sink call follows */
};
enum stop_step {
    STOP_NOT_BEGUN,
    STOP_STDIN_CLOSED,
    STOP_TERM_SENT,
    STOP_KILL_SENT /* nothing stronger is left */
};

struct leg {
    LIST_ENTRY(leg) link;
    struct factory *factory;
    const struct trunk_host *host;
    const struct trunk_sink *sink;
    char *backend;
    enum leg_state state;
    enum stop_step step;
    bool is_paused;
    bool must_retry_reap; /* it is dead, and the timer is for the next try */
    bool has_exited;      /* and is reaped */
    struct child child;
    struct pipe_end in;
    struct pipe_end out;
    struct pipe_end err;
    struct pipe_end exit;
    struct trunk_timer *timer; /* ENDING: the grace; CLOSED: the next step of the ladder */
    uint64_t step_wait_ms;
    struct out_queue queue;
    struct line_splitter out_lines;
    struct line_splitter err_lines;
    struct log_limit garbage;
    struct log_limit noise;
    trunk_op finish_op; /* 0: not asked */
    char end_text[320]; /* why the leg ends, from ENDING on; how the child exited, from then on */
};

static void leg_free(struct leg *leg) {
    log_limit_flush(&leg->garbage);
    log_limit_flush(&leg->noise);
    pipe_end_close(&leg->in, leg->host);
    pipe_end_close(&leg->out, leg->host);
    pipe_end_close(&leg->err, leg->host);
    pipe_end_close(&leg->exit, leg->host);
    if (leg->timer != NULL) {
        leg->host->timer_free(leg->timer);
    }
    lines_free(&leg->out_lines);
    lines_free(&leg->err_lines);
    LIST_REMOVE(leg, link);
    free(leg->backend);
    free(leg);
}

/* --- the end --- */

/* Nothing else is waited for once the process is dead. */
static void set_timer(struct leg *leg, uint64_t after_ms) {
    if (!leg->must_retry_reap) {
        leg->host->timer_set(leg->timer, after_ms);
    }
}

static void begin_stop(struct leg *leg) {
    pipe_end_close(&leg->in, leg->host);
    leg->step = STOP_STDIN_CLOSED;
    set_timer(leg, leg->step_wait_ms);
}

static void fail_queue(struct leg *leg) {
    queue_fail(&leg->queue, leg->host, TRUNK_UNCERTAIN, TRUNK_UNAVAILABLE, leg->end_text);
}

/* Tells the host that the leg is over; the process is then stopped without waiting for finish. text
 * may be end_text. */
static void close_leg(struct leg *leg, int32_t status, const char *text) {
    assert(leg->state != LEG_CLOSED);
    leg->state = LEG_CLOSED;
    if (text != leg->end_text) {
        (void)snprintf(leg->end_text, sizeof leg->end_text, "%s", text);
    }
    fail_queue(leg);
    pipe_end_close(&leg->out, leg->host);
    lines_free(&leg->out_lines);
    leg->sink->on_closed(leg->sink->ctx, status, leg->end_text);
    if (!leg->has_exited) {
        begin_stop(leg);
    }
}

/* The backend closed one of its pipes: most likely it is exiting, and how tells more than that. */
static void begin_ending(struct leg *leg, const char *what) {
    if (leg->state == LEG_OPEN) {
        leg->state = LEG_ENDING;
        (void)snprintf(leg->end_text, sizeof leg->end_text, "backend %s closed its %s",
                       leg->backend, what);
        set_timer(leg, EXIT_GRACE_MS);
    }
}

static void complete_finish(struct leg *leg) {
    const struct trunk_host *host = leg->host;
    trunk_op op = leg->finish_op;
    leg_free(leg);
    trunk_complete(host, op, TRUNK_OK, NULL);
}

/* --- stdout --- */

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static void take_out_line(void *ctx, const char *line, size_t len) {
    struct leg *leg = ctx;
    while (len > 0 && is_blank(line[0])) {
        line++;
        len--;
    }
    while (len > 0 && is_blank(line[len - 1])) {
        len--;
    }
    if (len == 0) {
        return;
    }
    if (line[0] != '{' && line[0] != '[') {
        log_limit_line(&leg->garbage, line, len);
        return;
    }
    struct trunk_message message = {.struct_size = sizeof message, .json = {line, len}};
    (void)leg->sink->on_message(leg->sink->ctx, &message);
}

static void take_out(struct leg *leg, const char *data, size_t len) {
    if (leg->state == LEG_CLOSED) {
        return; /* read only so that the child does not block on its way out */
    }
    int32_t status = lines_feed(&leg->out_lines, data, len, take_out_line, leg);
    if (status == TRUNK_OK) {
        return;
    }
    char text[sizeof leg->end_text];
    if (status == TRUNK_TOO_LARGE) {
        (void)snprintf(text, sizeof text,
                       "backend %s sent a message of more than %zu bytes, the limit for one",
                       leg->backend, leg->out_lines.max_line_bytes);
    } else {
        (void)snprintf(text, sizeof text, "backend %s: out of memory for a message", leg->backend);
    }
    close_leg(leg, status, text);
}

static void on_out(void *arg, uint32_t ready) {
    struct leg *leg = arg;
    (void)ready;
    char data[READ_BYTES];
    for (size_t turn = 0; turn < TURN_BYTES && leg->out.fd >= 0; turn += READ_BYTES) {
        ssize_t got = pipe_read(leg->out.fd, data, sizeof data);
        if (got == 0) {
            pipe_end_close(&leg->out, leg->host);
            begin_ending(leg, "stdout");
        } else if (got > 0) {
            take_out(leg, data, (size_t)got);
        }
        if (got < (ssize_t)sizeof data) {
            return;
        }
    }
}

/* What the child wrote before it exited, and no more: who else holds the pipe is not the backend.
 */
static void drain_out(struct leg *leg) {
    int left = 0;
    if (leg->out.fd >= 0) {
        (void)ioctl(leg->out.fd, FIONREAD, &left);
    }
    char data[READ_BYTES];
    while (left > 0 && leg->out.fd >= 0) {
        size_t want = (size_t)left < sizeof data ? (size_t)left : sizeof data;
        ssize_t got = pipe_read(leg->out.fd, data, want);
        if (got <= 0) {
            return;
        }
        left -= (int)got;
        take_out(leg, data, (size_t)got);
    }
}

static void drain_and_close(struct leg *leg) {
    drain_out(leg);
    if (leg->state != LEG_CLOSED) {
        close_leg(leg, TRUNK_UNAVAILABLE, leg->end_text);
    }
}

/* --- stderr --- */

static void take_err_line(void *ctx, const char *line, size_t len) {
    struct leg *leg = ctx;
    log_limit_line(&leg->noise, line, len);
}

static void close_err(struct leg *leg) {
    lines_finish(&leg->err_lines, take_err_line, leg);
    log_limit_flush(&leg->noise);
    pipe_end_close(&leg->err, leg->host);
}

static void on_err(void *arg, uint32_t ready) {
    struct leg *leg = arg;
    (void)ready;
    char data[READ_BYTES];
    for (size_t turn = 0; turn < TURN_BYTES; turn += READ_BYTES) {
        ssize_t got = pipe_read(leg->err.fd, data, sizeof data);
        if (got < 0) {
            return;
        }
        /* Out of memory for a line of 2 KiB: stderr is not worth a leg. */
        if (got == 0 || lines_feed(&leg->err_lines, data, (size_t)got, take_err_line, leg) != 0) {
            close_err(leg);
            return;
        }
    }
}

/* --- exit and the way to it --- */

static void on_exit_ready(void *arg, uint32_t ready);

static void on_timer(void *arg) {
    struct leg *leg = arg;
    if (leg->must_retry_reap) {
        on_exit_ready(leg, TRUNK_READ);
    } else if (leg->state == LEG_ENDING && leg->is_paused) {
        fail_queue(leg);
        set_timer(leg, EXIT_GRACE_MS);
    } else if (leg->state == LEG_ENDING) {
        drain_and_close(leg);
    } else if (leg->step == STOP_STDIN_CLOSED) {
        spawn_signal_group(leg->child.pid, SIGTERM);
        leg->step = STOP_TERM_SENT;
        set_timer(leg, leg->step_wait_ms);
    } else if (leg->step == STOP_TERM_SENT) {
        spawn_signal_group(leg->child.pid, SIGKILL);
        leg->step = STOP_KILL_SENT;
    }
}

static void on_exit_ready(void *arg, uint32_t ready) {
    struct leg *leg = arg;
    (void)ready;
    char text[sizeof leg->end_text];
    if (!spawn_reap(&leg->child, 0, leg->backend, text, sizeof text)) {
        leg->must_retry_reap = true;
        leg->host->watch_set(leg->exit.watch, 0);
        leg->host->timer_set(leg->timer, REAP_RETRY_MS);
        return;
    }
    leg->has_exited = true;
    pipe_end_close(&leg->exit, leg->host);
    pipe_end_close(&leg->in, leg->host);
    leg->host->timer_stop(leg->timer);
    if (leg->err.fd >= 0) {
        on_err(leg, TRUNK_READ); /* its last words, before what came of them */
    }
    if (leg->err.fd >= 0) {
        close_err(leg);
    }
    if (leg->finish_op != 0) {
        complete_finish(leg);
    } else if (leg->state != LEG_CLOSED) {
        memcpy(leg->end_text, text, sizeof text);
        if (leg->is_paused) {
            fail_queue(leg);
        } else {
            drain_and_close(leg);
        }
    }
}

/* --- stdin --- */

static void flush_in(struct leg *leg) {
    if (!queue_flush(&leg->queue, leg->in.fd, leg->host)) {
        begin_ending(leg, "stdin"); /* which also answers what is in the queue */
        pipe_end_close(&leg->in, leg->host);
        return;
    }
    leg->host->watch_set(leg->in.watch, leg->queue.bytes > 0 ? TRUNK_WRITE : 0);
}

static void on_in(void *arg, uint32_t ready) {
    (void)ready;
    flush_in(arg);
}

/* --- the calls --- */

const struct trunk_host *leg_host(const struct leg *leg) {
    return leg->host;
}

static struct leg *leg_new(struct factory *factory, const struct trunk_make *make) {
    const struct trunk_host *host = factory->host;
    struct leg *leg = calloc(1, sizeof *leg);
    if (leg == NULL) {
        return NULL;
    }
    leg->factory = factory;
    leg->host = host;
    leg->sink = make->sink;
    leg->step_wait_ms = factory->stop_wait_ms;
    leg->in.fd = leg->out.fd = leg->err.fd = leg->exit.fd = -1;
    queue_init(&leg->queue);
    LIST_INSERT_HEAD(&factory->legs, leg, link);
    leg->backend = strdup(make->backend);
    leg->timer = host->timer_new(host->ctx, on_timer, leg);
    if (leg->backend == NULL || leg->timer == NULL) {
        leg_free(leg);
        return NULL;
    }
    leg->out_lines.max_line_bytes = make->max_message > SIZE_MAX ? 0 : (size_t)make->max_message;
    leg->err_lines.max_line_bytes = MAX_STDERR_LINE_BYTES;
    leg->err_lines.has_to_cut = true;
    leg->garbage = (struct log_limit){.host = host,
                                      .backend = leg->backend,
                                      .prefix = "not a message on stdout, ignored: ",
                                      .level = TRUNK_LOG_WARN,
                                      .max_per_second = MAX_GARBAGE_LINES,
                                      .max_bytes = MAX_GARBAGE_BYTES};
    leg->noise = (struct log_limit){.host = host,
                                    .backend = leg->backend,
                                    .prefix = "",
                                    .level = TRUNK_LOG_INFO,
                                    .max_per_second = MAX_STDERR_LINES,
                                    .max_bytes = MAX_STDERR_LINE_BYTES};
    return leg;
}

static bool watch_child(struct leg *leg) {
    /* All four, even if one fails: each takes its descriptor over. */
    bool is_watched = pipe_end_open(&leg->in, leg->host, leg->child.in, 0, on_in, leg);
    is_watched &= pipe_end_open(&leg->out, leg->host, leg->child.out, TRUNK_READ, on_out, leg);
    is_watched &= pipe_end_open(&leg->err, leg->host, leg->child.err, TRUNK_READ, on_err, leg);
    is_watched &=
        pipe_end_open(&leg->exit, leg->host, leg->child.exit, TRUNK_READ, on_exit_ready, leg);
    return is_watched;
}

void leg_make(struct factory *factory, const struct trunk_make *make, trunk_op op) {
    const struct trunk_host *host = factory->host;
    if (make->saved.len > 0) {
        trunk_complete(host, op, TRUNK_NOT_FOUND, "the process of that session is gone");
        return;
    }
    struct command command = {0};
    struct leg *leg = leg_new(factory, make);
    if (leg == NULL || command_build(make->params, make->nparams, &command) != TRUNK_OK) {
        goto fail;
    }
    char text[512];
    int32_t status =
        spawn_child(&command, &factory->descriptors, make->backend, &leg->child, text, sizeof text);
    if (status != TRUNK_OK) {
        leg_free(leg);
        command_free(&command);
        trunk_complete(host, op, status, text);
        return;
    }
    if (!watch_child(leg)) {
        leg_destroy(leg);
        leg = NULL;
        goto fail;
    }
    command_free(&command);
    trunk_logf(host, TRUNK_LOG_DEBUG, "backend=%s: started pid=%d", leg->backend,
               (int)leg->child.pid);
    struct trunk_reply reply = {.struct_size = sizeof reply, .leg = leg};
    host->complete(host->ctx, op, &reply);
    return;
fail:
    if (leg != NULL) {
        leg_free(leg);
    }
    command_free(&command);
    trunk_complete(host, op, TRUNK_INTERNAL, "out of memory");
}

void leg_send(struct leg *leg, const struct trunk_request *request, trunk_op op) {
    char text[sizeof leg->end_text];
    if (request->resume.len > 0) {
        trunk_complete(leg->host, op, TRUNK_UNSUPPORTED, "a pipe cannot be resumed");
        return;
    }
    if (memchr(request->json.data, '\n', request->json.len) != NULL ||
        memchr(request->json.data, '\r', request->json.len) != NULL) {
        trunk_complete(leg->host, op, TRUNK_INVALID, "the message has a raw line break");
        return;
    }
    if (leg->state != LEG_OPEN || leg->in.fd < 0) {
        trunk_complete(leg->host, op, TRUNK_UNAVAILABLE, leg->end_text);
        return;
    }
    if (leg->queue.bytes > MAX_QUEUE_BYTES) {
        (void)snprintf(text, sizeof text, "backend %s does not read", leg->backend);
        trunk_complete(leg->host, op, TRUNK_UNAVAILABLE, text);
        return;
    }
    if (!queue_add(&leg->queue, request->json, op)) {
        trunk_complete(leg->host, op, TRUNK_INTERNAL, "out of memory");
        return;
    }
    flush_in(leg);
}

/* There is one pipe: unasked messages come on it anyway. */
void leg_listen(struct leg *leg, trunk_op op) {
    bool is_open = leg->state == LEG_OPEN;
    trunk_complete(leg->host, op, is_open ? TRUNK_OK : TRUNK_UNAVAILABLE,
                   is_open ? NULL : leg->end_text);
}

void leg_pause(struct leg *leg, bool is_paused) {
    leg->is_paused = is_paused;
    if (leg->has_exited && leg->state != LEG_CLOSED) {
        if (!is_paused) {
            drain_and_close(leg);
        }
    } else if (leg->out.watch != NULL) {
        leg->host->watch_set(leg->out.watch, is_paused ? 0 : TRUNK_READ);
    }
}

/* A third of the time that is left for each step, so that the last third is there to reap. */
static uint64_t step_wait(const struct leg *leg, uint64_t deadline_ms) {
    uint64_t wait_ms = leg->factory->stop_wait_ms;
    if (deadline_ms == 0) {
        return wait_ms;
    }
    uint64_t now_ms = leg->host->mono_ms(leg->host->ctx);
    uint64_t third_ms = deadline_ms > now_ms ? (deadline_ms - now_ms) / 3 : 0;
    return third_ms < wait_ms ? third_ms : wait_ms;
}

void leg_finish(struct leg *leg, const struct trunk_finish *how, trunk_op op) {
    leg->state = LEG_CLOSED;
    queue_fail(&leg->queue, leg->host, TRUNK_CANCELLED, TRUNK_CANCELLED, "the leg is finished");
    leg->finish_op = op;
    if (leg->has_exited) {
        complete_finish(leg);
        return;
    }
    leg_pause(leg, false);
    leg->step_wait_ms = step_wait(leg, how->deadline_ms);
    if (leg->step == STOP_NOT_BEGUN) {
        begin_stop(leg);
    } else if (leg->step != STOP_KILL_SENT) {
        set_timer(leg, leg->step_wait_ms);
    }
}

void leg_destroy(struct leg *leg) {
    const struct trunk_host *host = leg->host;
    char text[sizeof leg->end_text];
    queue_fail(&leg->queue, host, TRUNK_CANCELLED, TRUNK_CANCELLED, "the driver is closed");
    if (!leg->has_exited) {
        spawn_signal_group(leg->child.pid, SIGKILL);
        (void)spawn_reap(&leg->child, CLOSE_WAIT_MS, leg->backend, text, sizeof text);
    }
    trunk_op op = leg->finish_op;
    leg_free(leg);
    if (op != 0) {
        trunk_complete(host, op, TRUNK_CANCELLED, "the driver is closed");
    }
}
