/* SPDX-License-Identifier: MIT
 * pipes.c - messages and garbage, one a line. Writing may block: whoever started this reads. */
#include "pipes.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/slice.h"
#include "message.h"
#include "server.h"

#define READ_BYTES ((size_t)64 << 10)

struct pipes {
    struct cue cue;
    struct server *server;
    struct buffer input;
};

static void print_line(void *ctx, void *stream, struct trunk_slice text) {
    (void)ctx;
    (void)stream;
    (void)fwrite(text.data, 1, text.len, stdout);
    (void)putchar('\n');
}

static void print_answer(void *ctx, void *stream, struct trunk_slice text) {
    if (text.data != NULL) {
        print_line(ctx, stream, text);
    }
}

static const struct output_ops ops = {
    .say = print_line, .say_unasked = print_line, .end = print_answer};

static void handle_line(const struct pipes *self, struct trunk_slice line) {
    struct json_object *message = message_parse(line);
    if (message == NULL) {
        (void)fprintf(stderr, "a line that is no message was ignored\n");
        return;
    }
    server_take(self->server, message, NULL);
    json_object_put(message);
}

static void handle_input(struct pipes *self) {
    struct buffer *input = &self->input;
    size_t start = 0;
    char *end;
    while ((end = memchr(input->data + start, '\n', input->len - start)) != NULL) {
        size_t len = (size_t)(end - input->data) - start;
        handle_line(self, slice_of(input->data + start, len));
        start += len + 1;
    }
    memmove(input->data, input->data + start, input->len - start);
    input->len -= start;
}

/* False: stdin has ended. */
static bool read_input(struct pipes *self) {
    struct buffer *input = &self->input;
    buffer_reserve(input, READ_BYTES);
    ssize_t len = read(STDIN_FILENO, input->data + input->len, READ_BYTES);
    if (len <= 0) {
        return len < 0 && (errno == EINTR || errno == EAGAIN);
    }
    input->len += (size_t)len;
    if (memchr(input->data + input->len - (size_t)len, '\n', (size_t)len) != NULL) {
        handle_input(self);
    } else if (input->len > MAX_MESSAGE_BYTES) {
        (void)fprintf(stderr, "a line of more than %zu bytes\n", MAX_MESSAGE_BYTES);
        return false;
    }
    return true;
}

static void serve(struct pipes *self) {
    bool is_open = true;
    while (is_open) {
        int wait_ms = server_send_due(self->server);
        struct pollfd files[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                 {.fd = self->cue.fd, .events = POLLIN}};
        (void)fflush(stdout);
        if (poll(files, 2, wait_ms) <= 0) {
            continue;
        }
        if (files[1].revents != 0) {
            cue_look(&self->cue);
        }
        if (files[0].revents != 0) {
            is_open = read_input(self);
        }
    }
}

int pipes_run(const struct demo_options *options) {
    struct pipes self = {0};
    const struct output output = {.ops = &ops};
    if (!cue_open(&self.cue, options->init_cue)) {
        return 1;
    }
    self.server = server_new(options, &self.cue, &ops, NULL);
    if (self.server != NULL) {
        output_garbage(&output, NULL, options->has_garbage ? OUTPUT_GARBAGE_KINDS : 0);
        output_garbage(&output, NULL, options->flood_lines);
        serve(&self);
        server_free(self.server);
    }
    cue_close(&self.cue);
    buffer_free(&self.input);
    return self.server != NULL ? 0 : 1;
}
