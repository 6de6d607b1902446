/* SPDX-License-Identifier: MIT
 * trunk/host.h - the services of the host that a driver may use: a table, not symbols (rule 3). */
#ifndef TRUNK_HOST_H
#define TRUNK_HOST_H

#include <trunk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A driver gets its table with `open` and may use it until `close` has returned. One table belongs
 * to one instance: an op, watch or timer of one is none of another.
 *
 * THREADS (rule 6). Functions marked [any] may be called on any thread. The others belong to the
 * loop thread, the one that a driver without TRUNK_CAP_BLOCKING is called on, and that runs the
 * functions of watches, timers and posts; on another thread they do nothing, give NULL, and the
 * host logs the mistake. None of them blocks, but for an [any] function that may wait a moment for
 * a lock.
 *
 * NOBODY IS RE-ENTERED (rule 5). The host never calls into the driver from inside a function of
 * this table. What a completion leads to (the next call, say) comes after the driver's outermost
 * function has returned to the host. So a driver may complete an op in the middle of its work, and
 * its state is the same afterwards.
 *
 * BEHAVIOUR (rule 6). Drivers install no signal handlers and change no signal's disposition, watch
 * children by pidfd and a watch, and open everything close-on-exec.
 */

/* Readiness of a descriptor, joined by |. */
enum { TRUNK_READ = 1, TRUNK_WRITE = 2 };

struct trunk_watch; /* of one descriptor; the host's */
struct trunk_timer; /* the host's */

struct trunk_host {
    size_t struct_size; /* of the host's table: ask it before using a later member (rule 2) */
    uint32_t abi_minor; /* TRUNK_ABI_MINOR that the host was built with */
    uint32_t reserved;
    void *ctx; /* first argument of the functions below that take ctx */

    /* [any] Completes op: its call is over. Exactly once for each op (rule 5), inside the call or
     * later, also when nobody waits any more. With TRUNK_CAP_BLOCKING before the call returns. A
     * second, late or foreign completion has no effect, and is named in the host's log.
     * op: as given with the call.
     * reply: with struct_size set. It and what it points to are copied before this returns. */
    void (*complete)(void *ctx, trunk_op op, const struct trunk_reply *reply);

    /* [any] Gives one item of op: of scan, sweep and log_read only, before its completion. Items
     * arrive in the order in which they were given.
     * item: with struct_size set. It and what it points to are copied before this returns. */
    void (*emit)(void *ctx, trunk_op op, const struct trunk_item *item);

    /* [any] Writes a line to the host's log, with the driver's name.
     * level: TRUNK_LOG_...
     * text: one finished line, no line break at its end; control bytes are escaped, what is longer
     * than some 4000 bytes is cut. No secrets. (trunk_logf of plugin_util.h formats.) */
    void (*log)(void *ctx, int32_t level, const char *text);

    /* [any] Has fn(arg) run on the loop thread, soon, never inside this call; functions in the
     * order in which they were posted. The way home for the threads of a driver. A function that
     * has not run when close returns never runs (rule 6): what arg points to is then still the
     * driver's to free, so let it hang on self. Returns OK; UNAVAILABLE: out of memory, fn will not
     * run. */
    int32_t (*post)(void *ctx, void (*fn)(void *arg), void *arg);

    /* [any] Milliseconds on a clock that never jumps nor goes back; its zero means nothing. The
     * clock of the deadlines in factory.h. */
    uint64_t (*mono_ms)(void *ctx);

    /* [any] Milliseconds since 1970, anchored when the host started and moved by its monotonic
     * clock, so that it does not jump either. The clock of expires_ms; for the life of records use
     * no other (rule 9). */
    uint64_t (*wall_ms)(void *ctx);

    /* Makes a watch of fd, which waits for nothing yet. fn(arg, ready) is called on the loop
     * thread, never inside a function of this table, each time round as long as what is wanted
     * lasts (level-triggered). ready: TRUNK_READ, TRUNK_WRITE or both, of the wanted ones. An error
     * and a hang-up count as readable and as writable: the read or write that follows tells which
     * it was. fd: stays the driver's, who closes it after watch_free. A file on a disk cannot be
     * waited for. arg: valid until watch_free. Returns the watch; NULL: out of memory. */
    struct trunk_watch *(*watch_new)(void *ctx, int fd, void (*fn)(void *arg, uint32_t ready),
                                     void *arg);

    /* Says what to wait for from now on: TRUNK_READ, TRUNK_WRITE, both, or 0 for nothing. With 0 a
     * hang-up is not reported either. When the descriptor cannot be waited for, that is in the
     * host's log, and fn is not called. */
    void (*watch_set)(struct trunk_watch *watch, uint32_t wanted);

    /* Frees the watch; fn is not called any more. Allowed inside fn (rule 6). NULL is fine. */
    void (*watch_free)(struct trunk_watch *watch);

    /* Makes a timer, which is not set. fn(arg) is called on the loop thread, never inside a
     * function of this table. arg: valid until timer_free. Returns the timer; NULL: out of memory.
     */
    struct trunk_timer *(*timer_new)(void *ctx, void (*fn)(void *arg), void *arg);

    /* Has the timer call its function once, after_ms milliseconds from now on, or a little later;
     * 0: at the next turn of the loop. Setting it again moves it. */
    void (*timer_set)(struct trunk_timer *timer, uint64_t after_ms);

    /* Takes the setting back. Nothing happens when it is not set. */
    void (*timer_stop)(struct trunk_timer *timer);

    /* Frees the timer; fn is not called any more. Allowed inside fn (rule 6). NULL is fine. */
    void (*timer_free)(struct trunk_timer *timer);
};

#ifdef __cplusplus
}
#endif
#endif
