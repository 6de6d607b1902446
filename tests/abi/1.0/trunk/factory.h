/* SPDX-License-Identifier: MIT
 * trunk/factory.h - what a MultiSession factory driver implements: a transport with session
 * memory. A driver can be written from this file, host.h and types.h alone. "rule N" is the ABI
 * rule that a paragraph stands for; "MCP 2025-11-25, Transports" and the like name the revision and
 * the page of the MCP specification. */
#ifndef TRUNK_FACTORY_H
#define TRUNK_FACTORY_H

#include <trunk/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this file until it is frozen; that of types.h from then on. Drivers built with an
 * early version are refused afterwards. */
#define TRUNK_FACTORY_ABI_MAJOR 0
#define TRUNK_FACTORY_ABI_MINOR 9

/*
 * A LEG is a live session with one backend (an MCP server) over some transport. The driver makes
 * it, carries whole JSON-RPC messages both ways, and ends it. The host speaks MCP on it: it sends
 * `initialize`, mints the ids, matches answers to requests, cancels, times out. So a driver never
 * parses a message and knows no method (rule 13). One leg serves one client's session; legs share
 * nothing that a backend could tell one client of another.
 *
 * The life of a leg, as the host calls it:
 *
 *   make                    completes with the leg
 *   request `initialize`    its answer comes through on_message
 *   send `notifications/initialized` (MCP 2025-11-25, Lifecycle: Initialization)
 *   listen                  once, after that send was completed
 *   request, send, cancel_request, snapshot, pause   in any order, many requests at a time
 *   finish                  exactly once for each leg that make gave; the last call for it
 *
 * Nothing but the initialize request, its cancel_request and finish is called before
 * `notifications/initialized` is completed, so a driver may learn from the first request and its
 * answer what its transport needs (a session id in a header). The host may call finish at any
 * time after make has completed, also at once.
 *
 * MESSAGES. A message is UTF-8 JSON text: a JSON-RPC object, or a batch (an array, which only
 * MCP 2025-03-26 knows: Base Protocol: Batching; the host never sends one). Each message that the
 * host gives is one object on one line, without raw CR or LF. Each that arrives goes to
 * sink->on_message as it is, answers and errors too, whatever HTTP status they came with; the host
 * drops late, double and unknown ones. Something that cannot be a message (a log line on stdout,
 * an HTML page) is not given to on_message: log it, cut and limited in number.
 *
 * PENDING OPS AND ANSWERS are two things. The op of request and send tells only how the transport
 * fared; that an answer came is seen by the host from on_message. A transport with a stream for
 * each request (HTTP) completes the op when the stream has ended; one with a single pipe (stdio)
 * completes it as soon as the bytes are written, and ops then say nothing of requests that were in
 * flight when the pipe broke: on_closed does.
 *
 * COMPLETION AND ORDER (rule 5). Every call with a trunk_op is completed by host->complete
 * exactly once, inside the call or later. Nobody is re-entered: the host delivers completions and
 * sink calls only after the driver's outermost frame has returned, and never calls into the driver
 * from inside them; so pause, finish and the like come later than the on_message that gave cause
 * to them. The host delivers completions and sink calls of one leg in the order in which they were
 * made, from whatever thread they came. No sink call is made before make is completed (complete
 * first, then call the sink), none after on_closed, none after finish is completed.
 * reply.struct_size is set to sizeof; members that a call does not name below are 0.
 * reply.message is a text for people, NULL when OK; it names the backend and says what is wrong,
 * since it reaches users as it is. It must not show a value of a TRUNK_PARAM_SECRET parameter.
 *
 * THREADS (rule 6). All calls come on the loop thread and must return at once: wait with the
 * watches and timers of host.h. A factory has neither TRUNK_CAP_BLOCKING nor TRUNK_CAP_PARALLEL
 * (the loader refuses it); one that wants threads starts its own, blocks all signals in them, and
 * joins them in close. complete and the sink may be called on any thread; of the host's other
 * functions host.h says which. check and check_backend may come on any thread, before open and
 * while instances are open.
 *
 * PROCESS (rule 6). The host's process ignores SIGPIPE: a write to a pipe or socket without a
 * reader gives EPIPE. It does not ignore SIGCHLD, does not reap the driver's children, and does
 * not end the loop thread while the driver is open. Drivers install no signal handlers, open
 * everything close-on-exec, watch children by pidfd, and leave none behind: a child that the
 * driver starts must not outlive the host, also when the host is killed (PR_SET_PDEATHSIG).
 *
 * STATE (rule 11). No static state: everything hangs on self, and one shared object serves several
 * configured factories at the same time.
 *
 * OWNERSHIP (rule 7). Whatever crosses is borrowed. The inputs of a call (structs, and what they
 * point to) are valid until its op is completed, and not a moment longer: copy what is needed
 * after. The sink is valid until finish completes. What reply and message point to is needed only
 * until complete or the sink call returns. The leg that make gives is the driver's, until finish
 * completes.
 *
 * FAIRNESS. The driver bounds what a backend can make it do: it never holds more of one message
 * than max_message bytes and 64 KiB, reads a bounded amount in one turn of the loop (256 KiB is
 * good), and bounds what it queues for a backend that does not read.
 *
 * DEADLINES (rule 12) are points on host->mono_ms's clock, in milliseconds; 0: none. They are the
 * host's: when one passes, the host answers its client and lets the op end into the void. A driver
 * may use them to stop trying, except in finish, where it must be through by then. Never
 * TRUNK_TIMEOUT.
 *
 * STATUSES (rule 8). Each call names what its op may be completed with. Common to them:
 *   TRUNK_OK
 *   TRUNK_UNAVAILABLE  surely not sent, not one byte that the backend could act on; may work later
 *                      or on a new leg. The host sends such a request once more.
 *   TRUNK_UNCERTAIN    sent in part or whole, and what became of it cannot be known. The host never
 *                      sends it again.
 *   TRUNK_NOT_FOUND    the backend no longer knows the session (HTTP 404 with a session id:
 *                      MCP 2025-11-25, Transports: Session Management), so it did not run. The
 *                      host makes a new leg and sends the request once more.
 *   TRUNK_DENIED       the backend wants other credentials (HTTP 401, 403); message carries its
 *                      challenge (WWW-Authenticate)
 *   TRUNK_TOO_LARGE    a message was above max_message
 *   TRUNK_CANCELLED    ended by finish or close
 *   TRUNK_INTERNAL     the driver is broken, or out of memory; surely not sent
 */

/* One message, or one batch, that came from the backend. */
struct trunk_message {
    size_t struct_size;      /* sizeof(struct trunk_message) */
    struct trunk_slice json; /* 1..max_message bytes; begins with '{' or '['. Need not be valid. */

    /* The request on whose stream it came (trunk_request.number): for an answer, and for what the
     * backend sends about that request before it (progress, log, its own requests: MCP 2025-11-25,
     * Transports: Sending Messages to the Server). 0: not known, as on a pipe or on the stream of
     * listen; the host attributes it. */
    uint64_t number;

    /* What to give as trunk_request.resume to go on after this message: an SSE event id (MCP
     * 2025-11-25, Transports: Resumability and Redelivery); any bytes but NUL, CR and LF. Empty:
     * cannot. */
    struct trunk_slice position;
};

/* Events of one leg, implemented by the host. Each may be called on any thread, between the
 * completion of make and that of finish. They return at once and do not call back. A driver reads
 * no further than struct_size says. */
struct trunk_sink {
    size_t struct_size;
    void *ctx; /* first argument of the functions below */

    /* A message came. It is copied before the call returns.
     * Returns 1: nothing more is expected for message->number, the driver may end that stream;
     * 0: more may come. Without number always 0. */
    int32_t (*on_message)(void *ctx, const struct trunk_message *message);

    /* snapshot would now give something else, such as a session id that the backend has assigned.
     * Only with TRUNK_CAP_RESTORE. */
    void (*on_changed)(void *ctx);

    /* The leg is over without having been asked: the process exited, the backend ended the session.
     * Called at most once. In this order: all messages read so far go to on_message, all pending
     * ops of the leg are completed (UNAVAILABLE or UNCERTAIN, each for itself), on_closed. No sink
     * call follows. finish is still called; until then request, send and listen complete with
     * UNAVAILABLE. The driver may release what the leg held before finish.
     * status: UNAVAILABLE (the transport broke), NOT_FOUND (the backend ended the session), DENIED,
     * TOO_LARGE (the backend sent more than max_message), INTERNAL (out of memory). It tells
     * nothing of requests in flight: those the host takes for UNCERTAIN.
     * message: text for people, valid during the call, not NULL: names the backend and how it went
     * ("backend files exited with status 3"). */
    void (*on_closed)(void *ctx, int32_t status, const char *message);
};

/* Input of make. */
struct trunk_make {
    size_t struct_size;
    const char *session_id; /* the client's session, shortened, for logs; no credential */
    const char *backend;    /* its name in the config, [A-Za-z0-9_.-]+, for logs and texts */
    const char *principal;  /* whom the session belongs to; NULL: anonymous */

    /* The backend's own keys: those of the spec with TRUNK_PARAM_BACKEND, nparams pairs, typed as
     * in check. They have passed check_backend. */
    const struct trunk_param *params;
    size_t nparams;

    /* Empty: a new leg. Otherwise what snapshot gave earlier, maybe to another process on another
     * machine: 1..4096 bytes of UTF-8; go on with that session of the backend. */
    struct trunk_slice saved;

    const struct trunk_sink *sink; /* valid until finish completes, or make has failed */
    uint64_t max_message;          /* bytes of one message from the backend; 0: no limit */
    uint64_t deadline_ms;          /* on mono_ms's clock; 0: none */
};

/* Input of request, send and listen. */
struct trunk_request {
    size_t struct_size;

    /* request: the JSON-RPC id in json, 1..2^53-1, never twice within a backend's session (MCP
     * 2025-11-25, Base Protocol: Requests), restored ones included. send and listen: 0. */
    uint64_t number;

    struct trunk_slice json; /* one object, no raw line breaks, of any size; listen: empty */

    /* For transports that have them; the others ignore them. nheaders pairs; names are HTTP field
     * names in any case, values have no line breaks (mcp-protocol-version: MCP 2025-11-25,
     * Transports: Protocol Version Header). The driver adds its own (accept, content-type,
     * mcp-session-id). */
    const struct trunk_param *headers;
    size_t nheaders;

    /* Not empty: the position of a message of the same number (listen: of the unasked stream).
     * json is then not sent again, but the rest of the stream is listened for from there. */
    struct trunk_slice resume;

    uint64_t deadline_ms; /* on mono_ms's clock; 0: none */
};

/* Input of finish. */
struct trunk_finish {
    size_t struct_size;

    /* 0: end the backend's session too (HTTP: DELETE, MCP 2025-11-25, Transports: Session
     * Management). 1: leave it alive for a later `saved`; only connections are closed. Where a
     * session cannot outlive its leg (a process) both mean 0. */
    uint32_t keep;
    uint32_t reserved; /* 0 */

    const struct trunk_param *headers; /* as in trunk_request */
    size_t nheaders;
    uint64_t deadline_ms; /* on mono_ms's clock: finish is completed by then; 0: none */
};

/* The driver's table; `ops` of its descriptor. All functions are mandatory, unless marked. */
struct trunk_factory_ops {
    size_t struct_size; /* sizeof(struct trunk_factory_ops) */

    /* 0 or TRUNK_CAP_RESTORE: make takes `saved`, snapshot gives it. A stateless transport has
     * RESTORE too and gives a constant, so that its legs can be restored (rule 13). */
    uint32_t caps;

    uint32_t reserved; /* 0 */

    /* Says whether the driver's own parameters (those without TRUNK_PARAM_BACKEND) are good, beyond
     * what their spec tells (types, unknown and missing ones are found by the host: rule 10).
     * Touches nothing: no file, no connection, no process, no thread.
     * params: nparams pairs, values typed as in the spec: durations in ms and sizes in bytes as
     * decimal digits, booleans "true" or "false", lists as repeated keys, maps as `env.PATH`. Valid
     * during the call.
     * error: may be NULL; filled when the status is not OK: `key` names the parameter at fault (""
     * for none), `text` says what is wrong and what to do. (trunk_fail of plugin_util.h fills it.)
     * Returns OK or INVALID. */
    int32_t (*check)(const struct trunk_param *params, size_t nparams, struct trunk_error *error);

    /* The same for the keys of one backend (those with TRUNK_PARAM_BACKEND). Without an instance.
     * Optional: NULL if the spec says all. */
    int32_t (*check_backend)(const struct trunk_param *params, size_t nparams,
                             struct trunk_error *error);

    /* Makes an instance. Connects to nothing.
     * host, params: valid until close has returned. params have passed check.
     * out: *self is set when OK, not NULL, and is then given to the calls below; the driver's until
     * close.
     * error: as in check.
     * Returns OK; INVALID (a parameter turned out wrong: no such certificate file); DENIED
     * (rights); UNAVAILABLE (may work later); INTERNAL (out of memory). Not OK: nothing is left
     * open, close is not called. */
    int32_t (*open)(const struct trunk_host *host, const struct trunk_param *params, size_t nparams,
                    void **self, struct trunk_error *error);

    /* Ends the instance and frees it. The last call for self. Normally every leg is finished by
     * then; legs that are left are cut off at once (processes are killed), their pending ops, a
     * finish among them, are completed with CANCELLED before it returns, and no sink call is made.
     * All watches and timers are freed. Afterwards nothing of the driver runs any more for this
     * instance: no thread, no completion, no child process. Functions it has posted are dropped by
     * the host. It may wait up to a second for killed processes and threads. */
    void (*close)(void *self);

    /* Makes a leg.
     * make: valid until op is completed, its sink until finish completes.
     * Completes with OK: reply.leg, not NULL; the transport is ready for the first request, or
     * can say of it whether it is (an HTTP driver need not connect yet). NOT_FOUND: the session
     * in `saved` is gone; a driver without RESTORE gives it for any `saved`. INVALID: `saved` is
     * not one of this driver's. UNAVAILABLE: cannot be reached or started; message tells what the
     * admin can do ("backend files: command "npx" was not found in PATH"). DENIED. CANCELLED.
     * INTERNAL. Not OK: there is no leg, nothing is left of it, the sink is not called, finish
     * neither. */
    void (*make)(void *self, const struct trunk_make *make, trunk_op op);

    /* Sends a request, and listens for what comes on its stream. Requests are given to the backend
     * in the order of the calls where the transport has an order.
     * request: valid until op is completed.
     * Completes with OK: nothing more will come on its stream, all that came was given to
     * on_message before; on a transport without streams at once after the whole message was
     * written. UNAVAILABLE; UNCERTAIN: sent, at least in part, and the stream was lost before its
     * end; the host may resume from the last position. NOT_FOUND; DENIED; TOO_LARGE: the answer was
     * above max_message, where that ends the stream only and not the leg; it ran. INVALID: a raw
     * line break in json (a fault of the host), nothing was sent. UNSUPPORTED: `resume` given to a
     * transport without positions. CANCELLED; INTERNAL. */
    void (*request)(void *leg, const struct trunk_request *request, trunk_op op);

    /* Sends a notification, or the host's answer to a request of the backend. number is 0 and
     * nothing is expected in return; a message that comes back all the same goes to on_message.
     * Completes with OK: the backend has taken it (HTTP 202: MCP 2025-11-25, Transports: Sending
     * Messages to the Server; a pipe: it is written). Otherwise as request. */
    void (*send)(void *leg, const struct trunk_request *message, trunk_op op);

    /* Listens for messages that belong to no request (HTTP: the GET stream, MCP 2025-11-25,
     * Transports: Listening for Messages from the Server). Called at most once at a time per leg,
     * first after `notifications/initialized` was completed.
     * how: json empty, number 0; with `resume` from there on.
     * Completes with OK: on a transport with one pipe at once, since unasked messages come there
     * anyway; on others when the backend has ended the stream in good order. UNCERTAIN: the stream
     * was lost; the host may listen again, with `resume` or without. UNSUPPORTED: this backend has
     * no such stream (HTTP 405), which is no error. Otherwise as request. The leg lives on in every
     * case. */
    void (*listen)(void *leg, const struct trunk_request *how, trunk_op op);

    /* Nobody waits for the answer to request `number` any more: the driver may close its stream.
     * What comes of it later may still go to on_message. Its op, if pending, is completed all the
     * same: with CANCELLED, or as if nothing had been said. The host tells the backend itself, by a
     * send of `notifications/cancelled` before this call (MCP 2025-11-25, Cancellation). An unknown
     * number is ignored. */
    void (*cancel_request)(void *leg, uint64_t number);

    /* Gives what a later make needs to go on with this session: 1..4096 bytes of UTF-8 text,
     * without secrets (it is stored in the clear).
     * Completes with OK: reply.value; UNSUPPORTED: without TRUNK_CAP_RESTORE; UNAVAILABLE: there is
     * nothing to go on with yet (ask again after on_changed), or no longer; INTERNAL. */
    void (*snapshot)(void *leg, trunk_op op);

    /* Ends the leg. First completes every pending op of it with CANCELLED, inside the call; their
     * inputs may be gone when it returns. Then closes down, in good order as far as deadline_ms
     * allows (a process: stdin closed, SIGTERM, SIGKILL, its whole group: MCP 2025-11-25,
     * Lifecycle: Shutdown), and completes when nothing of the leg is left: no descriptor, no child,
     * no timer. Messages that still come may be dropped or given to on_message; on_closed need not
     * be called.
     * how: valid until op is completed.
     * Completes with OK: the session is ended (also when it was over before), or kept; UNCERTAIN,
     * UNAVAILABLE: with keep 0, the backend may still hold its session; CANCELLED (by close). In
     * every case the leg is gone: nothing else is called for it. */
    void (*finish)(void *leg, const struct trunk_finish *how, trunk_op op);

    /* Optional; NULL if not offered. */

    /* paused 1: stop reading the stream of request `number` (0: the unasked one), so that the
     * backend is held up while a client reads slowly; 0: go on. On a transport with one pipe number
     * does not matter: all of it is meant. Messages read before may still come. While paused, an
     * end of the stream need not be noticed; the messages before it come first when it is read on.
     * The host never pauses twice, and finish ends the pause. An unknown number is ignored. */
    void (*pause)(void *leg, uint64_t number, int32_t paused);

    /* A hint that nobody waits for op any more (rule 12). It is completed exactly once all the
     * same: with CANCELLED, or as if nothing had been said. What is partly sent is sent to its end
     * where a half message would break the transport. An op that the driver does not know, or has
     * completed, is ignored. */
    void (*cancel)(void *self, trunk_op op);
};

#ifdef __cplusplus
}
#endif
#endif
