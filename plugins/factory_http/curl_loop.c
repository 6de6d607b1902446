/* SPDX-License-Identifier: MIT
 * curl_loop.c - sockets as watches, libcurl's one timer, and the ends of transfers. */
#include "curl_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uthash.h>

enum {
    MAX_IDLE_CONNECTIONS = 256,
    MAX_POOLED = 64,
    REST_MS = 2000,  /* a session that ends is often followed by the next one */
    MAX_ROUNDS = 32, /* of what is due at once; more wait for the next turn */
    /* So does more than this of bodies: what they bring reaches its clients, and they say that it
     * is too much, only between turns. A round takes up to 1.6 MB from a connection. */
    MAX_TURN_BYTES = 256 * 1024
};

struct socket_watch;

struct curl_loop {
    const struct trunk_host *host;
    CURLM *multi;
    struct trunk_timer *timer; /* libcurl's */
    struct trunk_timer *rest_timer;
    size_t ntransfers;
    bool is_due;     /* libcurl asked for a timer of 0 ms */
    bool is_running; /* inside libcurl, or telling of an end */
    size_t turn_bytes;
    size_t npooled;
    CURL *pool[MAX_POOLED];
    size_t nblocks;
    void *blocks[MAX_POOLED];
    struct socket_watch *sockets; /* of open_socket */
};
/* A socket of libcurl and its watch. That of a connection which has carried a transfer stays
 * watched between transfers (is_parked): an idle connection is seldom heard of, and the next
 * transfer wants the same. Of such a one libcurl always says when it closes it; of one that never
 * connected, or of the resolver, it does not. */
struct socket_watch {
    UT_hash_handle hh;
    struct curl_loop *loop;
    curl_socket_t fd;
    struct trunk_watch *watch; /* NULL: not watched */
    uint32_t armed;
    bool has_carried;
    bool is_parked;
};

static struct socket_watch *find_socket(struct curl_loop *loop, curl_socket_t fd) {
    struct socket_watch *socket = NULL;
    HASH_FIND_INT(loop->sockets, &fd, socket);
    return socket;
}

static void keep_watched(struct curl_loop *loop, CURL *easy) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    (void)curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
    struct socket_watch *socket = fd != CURL_SOCKET_BAD ? find_socket(loop, fd) : NULL;
    if (socket != NULL) {
        socket->has_carried = true;
    }
}

static void take_ends(struct curl_loop *loop) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURLcode code = message->data.result; /* message is gone after the removal */
        CURL *easy = message->easy_handle;
        struct transfer *transfer = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
        keep_watched(loop, easy);
        (void)curl_multi_remove_handle(loop->multi, easy);
        loop->ntransfers--;
        transfer->on_end(transfer->ctx, code);
    }
}

static void act(struct curl_loop *loop, curl_socket_t fd, int events) {
    int running;
    (void)curl_multi_socket_action(loop->multi, fd, events, &running);
    take_ends(loop);
}

static void act_while_due(struct curl_loop *loop) {
    for (int round = 0; loop->is_due && round < MAX_ROUNDS && loop->turn_bytes < MAX_TURN_BYTES;
         round++) {
        loop->is_due = false;
        act(loop, CURL_SOCKET_TIMEOUT, 0);
    }
    loop->turn_bytes = 0;
    if (loop->is_due) {
        loop->host->timer_set(loop->timer, 0);
    }
}

void curl_loop_run(struct curl_loop *loop) {
    if (loop->is_running) {
        return;
    }
    loop->is_running = true;
    act_while_due(loop);
    loop->is_running = false;
}

static void on_timer(void *arg) {
    struct curl_loop *loop = arg;
    loop->is_due = true;
    curl_loop_run(loop);
}

static void arm(struct socket_watch *socket, uint32_t wanted) {
    if (socket->armed != wanted) {
        socket->armed = wanted;
        socket->loop->host->watch_set(socket->watch, wanted);
    }
}

static void on_ready(void *arg, uint32_t ready) {
    struct socket_watch *socket = arg; /* may be gone after libcurl was told */
    struct curl_loop *loop = socket->loop;
    int events = 0;
    if (socket->is_parked) { /* the other end closed it: libcurl finds out when it is to be used */
        arm(socket, 0);
        return;
    }
    events |= (ready & TRUNK_READ) != 0 ? CURL_CSELECT_IN : 0;
    events |= (ready & TRUNK_WRITE) != 0 ? CURL_CSELECT_OUT : 0;
    loop->is_running = true;
    act(loop, socket->fd, events);
    act_while_due(loop);
    loop->is_running = false;
}

/* libcurl wants its timer after timeout_ms, or none (-1). */
static int want_timer(CURLM *multi, long timeout_ms, void *arg) {
    struct curl_loop *loop = arg;
    (void)multi;
    loop->is_due = timeout_ms == 0;
    if (timeout_ms > 0) {
        loop->host->timer_set(loop->timer, (uint64_t)timeout_ms);
    } else {
        loop->host->timer_stop(loop->timer);
    }
    return 0;
}

static bool watch_socket(struct socket_watch *socket) {
    const struct trunk_host *host = socket->loop->host;
    if (socket->watch == NULL) {
        socket->watch = host->watch_new(host->ctx, socket->fd, on_ready, socket);
    }
    return socket->watch != NULL;
}

static void unwatch_socket(struct socket_watch *socket) {
    if (socket->watch != NULL) {
        socket->loop->host->watch_free(socket->watch);
    }
    socket->watch = NULL;
    socket->armed = 0;
}

/* An older one of this number was closed without a word. */
static struct socket_watch *add_socket(struct curl_loop *loop, curl_socket_t fd) {
    struct socket_watch *socket = find_socket(loop, fd);
    if (socket == NULL) {
        socket = calloc(1, sizeof *socket);
        if (socket == NULL) {
            return NULL;
        }
        socket->loop = loop;
        socket->fd = fd;
        HASH_ADD_INT(loop->sockets, fd, socket);
    }
    unwatch_socket(socket);
    socket->has_carried = false;
    return socket;
}

static void remove_socket(struct socket_watch *socket) {
    unwatch_socket(socket);
    HASH_DEL(socket->loop->sockets, socket);
    free(socket);
}

/* libcurl wants a socket watched for something else from now on. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned) {
    struct curl_loop *loop = arg;
    struct socket_watch *socket = find_socket(loop, fd);
    (void)easy;
    (void)assigned;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL && socket->has_carried && socket->armed == TRUNK_READ) {
            socket->is_parked = true;
        } else if (socket != NULL) {
            unwatch_socket(socket);
        }
        return 0;
    }
    if (socket == NULL) { /* the resolver's */
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        socket = add_socket(loop, fd);
    }
    if (socket == NULL || !watch_socket(socket)) {
        return -1;
    }
    uint32_t wanted = 0;
    wanted |= what == CURL_POLL_IN || what == CURL_POLL_INOUT ? TRUNK_READ : 0;
    wanted |= what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? TRUNK_WRITE : 0;
    socket->is_parked = false;
    arm(socket, wanted);
    return 0;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
    struct transfer *transfer = arg;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        transfer->socket_error = errno;
    } else if (add_socket(transfer->loop, fd) == NULL) {
        (void)close(fd);
        fd = -1;
    }
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int close_socket(void *arg, curl_socket_t fd) {
    struct socket_watch *socket = find_socket(arg, fd);
    if (socket != NULL) {
        remove_socket(socket);
    }
    return close(fd);
}

static CURLM *new_multi(struct curl_loop *loop) {
    CURLM *multi = curl_multi_init();
    if (multi == NULL) {
        return NULL;
    }
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, loop);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, loop);
    /* One transfer at a time on a connection, over HTTP/2 too: of a paused stream among others
     * libcurl reads on, and holds up to 32 MiB. */
    (void)curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    /* The default follows the number of transfers, and so closes connections after each burst. */
    (void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)MAX_IDLE_CONNECTIONS);
    return multi;
}

/* libcurl looks after a kept connection only when it wants to use it. With nothing to do it would
 * hold, for ever, those that the backends have closed long ago. */
static void on_rest(void *arg) {
    struct curl_loop *loop = arg;
    CURLM *multi = loop->ntransfers == 0 ? new_multi(loop) : NULL;
    if (multi != NULL) {
        (void)curl_multi_cleanup(loop->multi);
        loop->multi = multi;
        loop->is_due = false;
        loop->host->timer_stop(loop->timer);
    }
}

struct curl_loop *curl_loop_new(const struct trunk_host *host) {
    struct curl_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return NULL;
    }
    loop->host = host;
    loop->timer = host->timer_new(host->ctx, on_timer, loop);
    loop->rest_timer = host->timer_new(host->ctx, on_rest, loop);
    loop->multi = new_multi(loop);
    if (loop->multi == NULL || loop->timer == NULL || loop->rest_timer == NULL) {
        curl_loop_free(loop);
        return NULL;
    }
    return loop;
}

void curl_loop_free(struct curl_loop *loop) {
    if (loop == NULL) {
        return;
    }
    for (size_t i = 0; i < loop->npooled; i++) {
        curl_easy_cleanup(loop->pool[i]);
    }
    for (size_t i = 0; i < loop->nblocks; i++) {
        free(loop->blocks[i]);
    }
    if (loop->multi != NULL) {
        (void)curl_multi_cleanup(loop->multi);
    }
    struct socket_watch *socket = NULL;
    struct socket_watch *next = NULL;
    HASH_ITER(hh, loop->sockets, socket, next) {
        remove_socket(socket);
    }
    if (loop->timer != NULL) {
        loop->host->timer_free(loop->timer);
    }
    if (loop->rest_timer != NULL) {
        loop->host->timer_free(loop->rest_timer);
    }
    free(loop);
}

CURL *curl_loop_take_easy(struct curl_loop *loop) {
    CURL *easy = loop->npooled > 0 ? loop->pool[--loop->npooled] : curl_easy_init();
    if (easy != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver */
        (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
        (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, loop);
        (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    }
    return easy;
}

void curl_loop_give_easy(struct curl_loop *loop, CURL *easy) {
    if (easy == NULL) {
        return;
    }
    if (loop->npooled < MAX_POOLED) {
        curl_easy_reset(easy);
        loop->pool[loop->npooled++] = easy;
    } else {
        curl_easy_cleanup(easy);
    }
}

void *curl_loop_take_block(struct curl_loop *loop, size_t size) {
    if (loop->nblocks == 0) {
        return calloc(1, size);
    }
    return memset(loop->blocks[--loop->nblocks], 0, size);
}

void curl_loop_give_block(struct curl_loop *loop, void *block) {
    if (loop->nblocks < MAX_POOLED) {
        loop->blocks[loop->nblocks++] = block;
    } else {
        free(block);
    }
}

bool curl_loop_add(struct curl_loop *loop, struct transfer *transfer) {
    transfer->loop = loop;
    transfer->socket_error = 0;
    (void)curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETDATA, transfer);
    if (curl_multi_add_handle(loop->multi, transfer->easy) != CURLM_OK) {
        return false;
    }
    loop->ntransfers++;
    return true;
}

void curl_loop_remove(struct curl_loop *loop, struct transfer *transfer) {
    (void)curl_multi_remove_handle(loop->multi, transfer->easy);
    loop->ntransfers--;
}

void curl_loop_took(struct curl_loop *loop, size_t len) {
    loop->turn_bytes += len;
}

void curl_loop_rest(struct curl_loop *loop) {
    loop->host->timer_set(loop->rest_timer, REST_MS);
}
