/* SPDX-License-Identifier: MIT
 * pipe.h - lines in, queue out: the two directions of a pipe that never blocks. */
#ifndef FACTORY_STDIO_PIPE_H
#define FACTORY_STDIO_PIPE_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <trunk/plugin.h>

/* A descriptor of ours and its watch; fd -1 and watch NULL once closed. */
struct pipe_end {
    int fd;
    struct trunk_watch *watch;
};
/* Takes fd over, also when it fails. False: out of memory. */
bool pipe_end_open(struct pipe_end *end, const struct trunk_host *host, int fd, uint32_t wanted,
                   void (*fn)(void *arg, uint32_t ready), void *arg);
void pipe_end_close(struct pipe_end *end, const struct trunk_host *host);

/* How many bytes came; 0: the end (an error counts as one); -1: nothing now. */
ssize_t pipe_read(int fd, void *buffer, size_t size);

/* Cuts a stream into lines. Only the beginning of an unfinished line is kept, so an idle splitter
 * holds no memory. */
struct line_splitter {
    size_t max_line_bytes; /* without LF or CRLF; 0: no limit */
    bool has_to_cut; /* longer lines: given cut at the limit (true), or the end of it all (false) */
    bool is_skipping; /* the rest of a line that was cut */
    char *held;
    size_t len;
    size_t capacity; /* at most max_line_bytes and 64 KiB */
};
/* A line without its LF or CRLF; valid during the call. */
typedef void (*line_fn)(void *ctx, const char *line, size_t len);

/* Calls fn for each line that data completes. OK; TOO_LARGE (only without has_to_cut) or INTERNAL
 * (out of memory): the splitter is of no use any more. The lines before the one at fault have been
 * given. */
int32_t lines_feed(struct line_splitter *lines, const char *data, size_t len, line_fn fn,
                   void *ctx);
/* Gives what is left without a line end, if anything. */
void lines_finish(struct line_splitter *lines, line_fn fn, void *ctx);
void lines_free(struct line_splitter *lines);

/* A message on its way out. json is borrowed: an op's inputs stay valid until it is completed. */
struct out_entry {
    STAILQ_ENTRY(out_entry) link;
    trunk_op op;
    struct trunk_slice json;
    size_t sent; /* of json.len + 1 bytes: the message and its LF */
};
struct out_queue {
    STAILQ_HEAD(out_list, out_entry) list;
    size_t bytes; /* not yet written */
};

void queue_init(struct out_queue *queue);
/* False: out of memory, nothing was added. */
bool queue_add(struct out_queue *queue, struct trunk_slice json, trunk_op op);
/* Writes as much as the pipe takes, 256 KiB at most; completes with OK what is written as a whole.
 * False: nobody reads the other end any more. The process ignores SIGPIPE (trunk/host.h). */
bool queue_flush(struct out_queue *queue, int fd, const struct trunk_host *host);
/* Completes and drops all. What is partly written gets partly, the rest unsent. */
void queue_fail(struct out_queue *queue, const struct trunk_host *host, int32_t partly,
                int32_t unsent, const char *text);

#endif
