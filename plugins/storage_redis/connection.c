/* SPDX-License-Identifier: MIT
 * connection.c - three states, one context of hiredis at a time. Whatever ends a context, hiredis
 * first calls all its callbacks without a reply and then on_gone. */
#include "connection.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/sds.h>

#include <trunk/plugin_util.h>

#include "adapter.h"
#include "handshake.h"
#include "outcome.h"
#include "resolver.h"

enum {
    ANSWER_MS = 3000, /* what a server gets for an answer, and for a whole handshake */
    FIRST_RETRY_MS = 50,
    LAST_RETRY_MS = 2000,
    TEXT_BYTES = 400,
    STEP_TEXT_BYTES = 240
};

#define UNASKED "it answers what it was not asked: is it a redis server?"

enum state {
    STATE_DOWN,    /* no context; the next attempt is set, or connecting has just failed */
    STATE_OPENING, /* its name is resolved, it is connected to, or in the handshake */
    STATE_READY,
    STATE_LEAVING /* takes no more requests, and is given up when the last one is answered */
};

TAILQ_HEAD(request_list, request);

struct connection {
    const struct trunk_host *host;
    const struct settings *settings;
    struct adapter adapter;
    struct resolver *resolver; /* NULL: of a socket */
    redisAsyncContext *ac;
    struct handshake handshake;
    enum state state;
    struct request_list pending; /* sent, in order; while opening: pings that wait for the end */
    struct trunk_timer *retry_timer;
    struct trunk_timer *answer_timer;
    bool is_answer_timer_set;
    uint64_t retry_ms;  /* the next wait */
    uint64_t opened_ms; /* when the attempt began */
    uint64_t moved_ms;  /* when bytes that the oldest request waits for last went through */
    uint64_t put_bytes; /* into the context, ever */
    bool has_reason;    /* for the end of the context */
    bool is_closing;
    int32_t reason_status;
    char reason[TEXT_BYTES];
    char logged[TEXT_BYTES]; /* the reason in the last line about being down; "": none since up */
};

static uint64_t now_ms(const struct connection *connection) {
    return connection->host->mono_ms(connection->host->ctx);
}

/* The first reason counts: the others follow from it. */
static void set_reason(struct connection *connection, int32_t status, const char *text) {
    if (!connection->has_reason) {
        connection->has_reason = true;
        connection->reason_status = status;
        (void)snprintf(connection->reason, sizeof connection->reason, "redis at %s: %s",
                       connection->settings->name, text);
    }
}

static void set_reason_of_context(struct connection *connection) {
    const redisAsyncContext *ac = connection->ac;
    set_reason(connection, TRUNK_UNAVAILABLE,
               ac->c.errstr[0] != '\0' ? ac->c.errstr : "the connection was lost");
}

static void give_up(struct connection *connection, int32_t status, const char *text) {
    set_reason(connection, status, text);
    redisAsyncFree(connection->ac);
}

/* --- requests --- */

static uint64_t count_sent_bytes(const struct connection *connection) {
    return connection->put_bytes - sdslen(connection->ac->c.obuf);
}

static void set_answer_timer(struct connection *connection, uint64_t after_ms) {
    connection->is_answer_timer_set = true;
    connection->host->timer_set(connection->answer_timer, after_ms);
}

static void end_request(struct connection *connection, struct request *request, int32_t status,
                        const char *error, const char *advice) {
    char text[TEXT_BYTES];
    (void)snprintf(text, sizeof text, "redis at %s: %s%s%s", connection->settings->name, error,
                   advice != NULL ? "; " : "", advice != NULL ? advice : "");
    request->done(request, status, text, NULL);
}

/* Its answer will not come. */
static void lose_request(struct connection *connection, struct request *request) {
    int32_t status = connection->reason_status;
    if (connection->is_closing) {
        status = TRUNK_CANCELLED;
    } else if (request->is_write && request->end <= count_sent_bytes(connection)) {
        status = TRUNK_UNCERTAIN;
    } else if (!request->is_ping) {
        status = TRUNK_UNAVAILABLE;
    }
    request->done(request, status, connection->reason, NULL);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata);

/* Puts the request's command at the end of what is to be sent. */
static bool put_request(struct connection *connection, struct request *request) {
    char nkeys[16];
    const char *argv[3 + REQUEST_ARGS] = {"PING"};
    size_t lens[3 + REQUEST_ARGS] = {4};
    int argc = 1;
    if (!request->is_ping) {
        argv[0] = "EVALSHA";
        argv[1] = connection->handshake.shas[request->script];
        argv[2] = nkeys;
        lens[0] = strlen(argv[0]);
        lens[1] = SHA_BYTES;
        lens[2] = (size_t)snprintf(nkeys, sizeof nkeys, "%d", request->nkeys);
        memcpy(argv + 3, request->args, (size_t)request->nargs * sizeof argv[0]);
        memcpy(lens + 3, request->lens, (size_t)request->nargs * sizeof lens[0]);
        argc = 3 + request->nargs;
    }
    size_t before = sdslen(connection->ac->c.obuf);
    if (redisAsyncCommandArgv(connection->ac, on_reply, request, argc, argv, lens) != REDIS_OK) {
        return false;
    }
    connection->put_bytes += sdslen(connection->ac->c.obuf) - before;
    request->end = connection->put_bytes;
    request->sent_ms = now_ms(connection);
    TAILQ_INSERT_TAIL(&connection->pending, request, link);
    if (!connection->is_answer_timer_set) {
        set_answer_timer(connection, ANSWER_MS);
    }
    return true;
}

static void send_request(struct connection *connection, struct request *request) {
    request->connection = connection;
    if (connection->state != STATE_READY) {
        request->done(request, connection->reason_status, connection->reason, NULL);
    } else if (!put_request(connection, request)) {
        end_request(connection, request, TRUNK_UNAVAILABLE, "out of memory", NULL);
    }
}

/* To be asked at the end of every callback. */
static bool end_if_unasked(struct connection *connection) {
    bool has_unasked = adapter_has_unasked(connection->ac);
    if (has_unasked) {
        give_up(connection, TRUNK_UNAVAILABLE, UNASKED);
    }
    return has_unasked;
}

static void on_script(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)ac;
    if (reply != NULL) { /* whatever it is: the request behind it will tell */
        (void)end_if_unasked(privdata);
    }
}

/* The server has forgotten the script, for which there is a command of its own. */
static bool send_with_script(struct connection *connection, struct request *request) {
    size_t before = sdslen(connection->ac->c.obuf);
    if (redisAsyncCommand(connection->ac, on_script, connection, "SCRIPT LOAD %s",
                          script_text(request->script)) != REDIS_OK) {
        return false;
    }
    connection->put_bytes += sdslen(connection->ac->c.obuf) - before;
    return put_request(connection, request);
}

static void take_error(struct connection *connection, struct request *request, const char *error) {
    struct outcome outcome = outcome_of_error(error);
    if (outcome.is_no_script && !request->was_reloaded && !request->is_ping) {
        request->was_reloaded = true;
        if (send_with_script(connection, request)) {
            return;
        }
    }
    if (outcome.is_elsewhere && connection->state == STATE_READY) {
        connection->state = STATE_LEAVING;
        set_reason(connection, outcome.status, error);
    }
    end_request(connection, request, outcome.status, error, outcome.advice);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    struct request *request = privdata;
    struct connection *connection = request->connection;
    const redisReply *answer = reply;
    TAILQ_REMOVE(&connection->pending, request, link);
    if (answer == NULL) {
        set_reason_of_context(connection);
        lose_request(connection, request);
        return;
    }
    if (answer->type == REDIS_REPLY_ERROR) {
        take_error(connection, request, answer->str);
    } else {
        request->done(request, TRUNK_OK, NULL, answer);
    }
    if (!end_if_unasked(connection) && connection->state == STATE_LEAVING &&
        TAILQ_EMPTY(&connection->pending)) {
        redisAsyncFree(ac);
    }
}

void connection_send(struct connection *connection, struct request *request) {
    request->is_ping = false;
    request->was_reloaded = false;
    send_request(connection, request);
}

void connection_ping(struct connection *connection, struct request *request) {
    request->is_ping = true;
    request->is_write = false;
    request->connection = connection;
    if (connection->state == STATE_OPENING) {
        TAILQ_INSERT_TAIL(&connection->pending, request, link);
    } else {
        send_request(connection, request);
    }
}

/* --- the life of a context --- */

static void end_waiting_pings(struct connection *connection, int32_t status, const char *text) {
    struct request *request = NULL;
    while ((request = TAILQ_FIRST(&connection->pending)) != NULL) {
        TAILQ_REMOVE(&connection->pending, request, link);
        request->done(request, status, text, NULL);
    }
}

static void try_again_later(struct connection *connection) {
    if (strcmp(connection->reason, connection->logged) != 0) {
        memcpy(connection->logged, connection->reason, sizeof connection->logged);
        trunk_logf(connection->host, TRUNK_LOG_WARN, "no connection: %s", connection->reason);
    }
    connection->host->timer_set(connection->retry_timer, connection->retry_ms);
    connection->retry_ms = connection->retry_ms == 0 ? FIRST_RETRY_MS : connection->retry_ms * 2;
    if (connection->retry_ms > LAST_RETRY_MS) {
        connection->retry_ms = LAST_RETRY_MS;
    }
}

/* There is a reason, and no context any more. */
static void be_down(struct connection *connection) {
    bool has_next = connection->resolver != NULL && resolver_has_address(connection->resolver);
    connection->ac = NULL;
    connection->is_answer_timer_set = false;
    connection->host->timer_stop(connection->answer_timer);
    if (has_next && !connection->is_closing) { /* the attempt goes on, and so do its pings */
        connection->host->timer_set(connection->retry_timer, 0);
        return;
    }
    connection->state = STATE_DOWN;
    end_waiting_pings(connection,
                      connection->is_closing ? TRUNK_CANCELLED : connection->reason_status,
                      connection->reason);
    if (!connection->is_closing) {
        try_again_later(connection);
    }
}

static void on_gone(void *ctx) {
    struct connection *connection = ctx;
    set_reason_of_context(connection);
    be_down(connection);
}

static void on_io(void *ctx, uint32_t ready) {
    struct connection *connection = ctx;
    const struct request *oldest = TAILQ_FIRST(&connection->pending);
    if ((ready & TRUNK_READ) != 0 ||
        (oldest != NULL && oldest->end > count_sent_bytes(connection))) {
        connection->moved_ms = now_ms(connection);
    }
}

static void on_unasked(void *ctx) {
    give_up(ctx, TRUNK_UNAVAILABLE, UNASKED);
}

static void become_ready(struct connection *connection) {
    const struct handshake *handshake = &connection->handshake;
    connection->state = STATE_READY;
    connection->retry_ms = 0;
    connection->logged[0] = '\0';
    if (connection->resolver != NULL) { /* when it is lost, the server may have moved */
        resolver_forget(connection->resolver);
    }
    trunk_logf(connection->host, TRUNK_LOG_INFO, "connected to %s at %s", handshake->server,
               connection->settings->name);
    if (handshake->may_evict) {
        trunk_logf(connection->host, TRUNK_LOG_WARN,
                   "redis at %s throws records away when its memory is full: set its "
                   "maxmemory-policy to noeviction",
                   connection->settings->name);
    }
    end_waiting_pings(connection, TRUNK_OK, NULL);
}

static void on_step(redisAsyncContext *ac, void *reply, void *privdata) {
    struct connection *connection = privdata;
    char text[STEP_TEXT_BYTES];
    (void)ac;
    if (reply == NULL) {
        set_reason_of_context(connection);
        return;
    }
    if (connection->has_reason) { /* given up already: hiredis frees after this */
        return;
    }
    int32_t status = handshake_take(&connection->handshake, reply, text, sizeof text);
    if (status != TRUNK_OK) {
        give_up(connection, status, text);
    } else if (!end_if_unasked(connection) && handshake_is_over(&connection->handshake)) {
        become_ready(connection);
    }
}

static void on_connect(const redisAsyncContext *ac, int status) {
    struct connection *connection = ac->data;
    if (status != REDIS_OK) {
        set_reason_of_context(connection);
        return;
    }
    if (connection->settings->socket == NULL) {
        (void)redisEnableKeepAlive(&connection->ac->c);
    }
    if (!handshake_begin(&connection->handshake, connection->settings, connection->ac, on_step,
                         connection)) {
        give_up(connection, TRUNK_UNAVAILABLE, "out of memory");
    }
}

static redisAsyncContext *new_context(struct connection *connection) {
    const struct settings *settings = connection->settings;
    if (settings->socket != NULL) {
        return redisAsyncConnectUnix(settings->socket);
    }
    struct address address = resolver_take_address(connection->resolver);
    return redisAsyncConnect(address.text, settings->port);
}

static void open_context(struct connection *connection) {
    static const struct adapter_events events = {on_io, on_unasked, on_gone};
    connection->put_bytes = 0;
    redisAsyncContext *ac = new_context(connection);
    if (ac == NULL || ac->err != 0 || fcntl(ac->c.fd, F_SETFD, FD_CLOEXEC) != 0 ||
        !adapter_attach(&connection->adapter, connection->host, ac, &events, connection)) {
        set_reason(connection, TRUNK_UNAVAILABLE,
                   ac != NULL && ac->err != 0 ? ac->c.errstr : "out of memory");
        if (ac != NULL) {
            redisAsyncFree(ac);
        }
        be_down(connection);
        return;
    }
    ac->data = connection;
    connection->ac = ac;
    (void)redisAsyncSetConnectCallback(ac, on_connect);
}

static void on_resolved(void *arg) {
    struct connection *connection = arg;
    if (connection->state == STATE_DOWN) { /* too late: the next attempt takes it */
        return;
    }
    if (resolver_has_address(connection->resolver)) {
        connection->opened_ms = now_ms(connection);
        open_context(connection);
        return;
    }
    char text[STEP_TEXT_BYTES];
    (void)snprintf(text, sizeof text, "its name cannot be resolved: %s",
                   resolver_reason(connection->resolver));
    set_reason(connection, TRUNK_UNAVAILABLE, text);
    be_down(connection);
}

/* Or goes on with it, at the next address. */
static void begin_attempt(void *arg) {
    struct connection *connection = arg;
    connection->state = STATE_OPENING;
    connection->has_reason = false;
    connection->opened_ms = now_ms(connection);
    set_answer_timer(connection, ANSWER_MS);
    if (connection->resolver == NULL || resolver_has_address(connection->resolver)) {
        open_context(connection);
    } else if (resolver_ask(connection->resolver)) {
        on_resolved(connection);
    }
}

static void on_answer_timer(void *arg) {
    struct connection *connection = arg;
    const struct request *oldest = TAILQ_FIRST(&connection->pending);
    uint64_t now = now_ms(connection);
    uint64_t since_ms = connection->opened_ms;
    connection->is_answer_timer_set = false;
    if (connection->state != STATE_OPENING) {
        if (oldest == NULL) {
            return;
        }
        since_ms = oldest->sent_ms > connection->moved_ms ? oldest->sent_ms : connection->moved_ms;
    }
    if (now < since_ms + ANSWER_MS) {
        set_answer_timer(connection, since_ms + ANSWER_MS - now);
        return;
    }
    char text[64];
    (void)snprintf(text, sizeof text, "%s within %d s",
                   connection->ac != NULL ? "it did not answer" : "its name was not resolved",
                   ANSWER_MS / 1000);
    if (connection->ac != NULL) {
        give_up(connection, TRUNK_UNAVAILABLE, text);
    } else {
        set_reason(connection, TRUNK_UNAVAILABLE, text);
        be_down(connection);
    }
}

struct connection *connection_new(const struct trunk_host *host, const struct settings *settings) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->host = host;
    connection->settings = settings;
    TAILQ_INIT(&connection->pending);
    set_reason(connection, TRUNK_UNAVAILABLE, "there is no connection yet");
    connection->retry_timer = host->timer_new(host->ctx, begin_attempt, connection);
    connection->answer_timer = host->timer_new(host->ctx, on_answer_timer, connection);
    if (settings->socket == NULL) {
        connection->resolver = resolver_new(host, settings->host, on_resolved, connection);
    }
    if (connection->retry_timer == NULL || connection->answer_timer == NULL ||
        (settings->socket == NULL && connection->resolver == NULL)) {
        connection_free(connection);
        return NULL;
    }
    begin_attempt(connection);
    return connection;
}

void connection_free(struct connection *connection) {
    if (connection == NULL) {
        return;
    }
    connection->is_closing = true;
    set_reason(connection, TRUNK_CANCELLED, "the store is closed");
    if (connection->ac != NULL) {
        redisAsyncFree(connection->ac);
    }
    end_waiting_pings(connection, TRUNK_CANCELLED, connection->reason);
    resolver_free(connection->resolver);
    connection->host->timer_free(connection->retry_timer);
    connection->host->timer_free(connection->answer_timer);
    free(connection);
}

const char *connection_run_id(const struct connection *connection) {
    return connection->handshake.run_id;
}
