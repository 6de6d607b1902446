/* SPDX-License-Identifier: MIT
 * curl_loop.c - sockets as watches, libcurl's one timer, and the ends of transfers. */
#include "curl_loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    MAX_IDLE_CONNECTIONS = 256,
    MAX_POOLED = 64,
    REST_MS = 2000, /* a session that ends is often followed by the next one */
    MAX_ROUNDS = 32 /* of what is due at once; more wait for the next turn */
};

struct curl_loop {
    const struct trunk_host *host;
    CURLM *multi;
    struct trunk_timer *timer; /* libcurl's */
    struct trunk_timer *rest_timer;
    size_t ntransfers;
    bool is_due;     /* libcurl asked for a timer of 0 ms */
    bool is_running; /* inside libcurl, or telling of an end */
    size_t npooled;
    CURL *pool[MAX_POOLED];
};
/* A socket of libcurl and its watch. Lives until libcurl says that it is done with the socket. */
struct socket_watch {
    struct curl_loop *loop;
    curl_socket_t fd;
    struct trunk_watch *watch;
};

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
    for (int round = 0; loop->is_due && round < MAX_ROUNDS; round++) {
        loop->is_due = false;
        act(loop, CURL_SOCKET_TIMEOUT, 0);
    }
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

static void on_ready(void *arg, uint32_t ready) {
    struct socket_watch *socket = arg; /* may be gone after libcurl was told */
    struct curl_loop *loop = socket->loop;
    int events = 0;
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

static struct socket_watch *watch_socket(struct curl_loop *loop, curl_socket_t fd) {
    struct socket_watch *socket = calloc(1, sizeof *socket);
    if (socket == NULL) {
        return NULL;
    }
    /* Those of the resolver are not opened by open_socket. */
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    *socket = (struct socket_watch){.loop = loop, .fd = fd};
    socket->watch = loop->host->watch_new(loop->host->ctx, fd, on_ready, socket);
    if (socket->watch == NULL) {
        free(socket);
        return NULL;
    }
    (void)curl_multi_assign(loop->multi, fd, socket);
    return socket;
}

/* libcurl wants a socket watched for something else from now on. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned) {
    struct curl_loop *loop = arg;
    struct socket_watch *socket = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL) {
            loop->host->watch_free(socket->watch);
            free(socket);
            (void)curl_multi_assign(loop->multi, fd, NULL);
        }
        return 0;
    }
    if (socket == NULL && (socket = watch_socket(loop, fd)) == NULL) {
        return -1;
    }
    uint32_t wanted = 0;
    wanted |= what == CURL_POLL_IN || what == CURL_POLL_INOUT ? TRUNK_READ : 0;
    wanted |= what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? TRUNK_WRITE : 0;
    loop->host->watch_set(socket->watch, wanted);
    return 0;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)arg;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
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
    if (loop->multi != NULL) {
        (void)curl_multi_cleanup(loop->multi);
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

bool curl_loop_add(struct curl_loop *loop, struct transfer *transfer) {
    (void)curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
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

void curl_loop_rest(struct curl_loop *loop) {
    loop->host->timer_set(loop->rest_timer, REST_MS);
}
