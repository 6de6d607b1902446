/* SPDX-License-Identifier: MIT
 * exchange.c - libcurl's callbacks of one exchange, its limits, and redirects. */
#include "exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    SMALL_BODY_BYTES = 32 * 1024,
    MAX_HEADER_BYTES = 64 * 1024,
    MAX_REDIRECTS = 5,
    MAX_JUNK_BYTES =
        256 * 1024, /* of a body that nobody reads, before the connection is given up */
    KEPT_JUNK_BYTES = 1024,
    FIRST_BODY_BYTES = 4096,
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 20
};

struct exchange {
    struct transfer transfer;
    struct curl_loop *loop;
    const struct exchange_events *events;
    void *ctx;
    enum exchange_method method;
    bool is_active; /* in the loop */
    bool is_paused;
    bool is_held;      /* libcurl was told to wait */
    bool is_stopped;   /* by on_event or a limit: nothing more is read */
    bool is_forgotten; /* the body is no longer there */
    CURLU *url;
    struct curl_slist *headers;
    struct trunk_slice out; /* the body to send */
    size_t nsent;
    long http_status; /* of the final answer; 0: it has not come */
    size_t header_bytes;
    int nredirects;
    int32_t problem;
    size_t max_message_bytes;
    char *body;
    size_t body_len;
    size_t body_capacity;
    size_t junk_bytes;
    struct answer_headers answer;
    struct sse_reader reader;
    char text[256];
    char error[CURL_ERROR_SIZE];
};

static bool is_redirect(long http_status) {
    return http_status == 307 || http_status == 308;
}

static void set_problem(struct exchange *exchange, int32_t problem, const char *text) {
    exchange->problem = problem;
    (void)snprintf(exchange->text, sizeof exchange->text, "%s", text);
}

/* --- libcurl's callbacks --- */

/* Before each time that the request is sent. The body goes out with the header section, once: when
 * a kept connection dies, libcurl would send both again, which may run the request twice. */
static int before_request(void *arg, char *address, char *local_address, int port, int local_port) {
    struct exchange *exchange = arg;
    (void)address;
    (void)local_address;
    (void)port;
    (void)local_port;
    if (exchange->nsent > 0) {
        return CURL_PREREQFUNC_ABORT;
    }
    exchange->nsent = exchange->out.len;
    return CURL_PREREQFUNC_OK;
}

static size_t give_body(char *out, size_t size, size_t count, void *arg) {
    struct exchange *exchange = arg;
    if (exchange->is_forgotten) {
        return CURL_READFUNC_ABORT;
    }
    size_t len = exchange->out.len - exchange->nsent;
    len = len < size * count ? len : size * count;
    memcpy(out, (const char *)exchange->out.data + exchange->nsent, len);
    exchange->nsent += len;
    return len;
}

static void end_header_section(struct exchange *exchange) {
    long http_status = 0;
    (void)curl_easy_getinfo(exchange->transfer.easy, CURLINFO_RESPONSE_CODE, &http_status);
    if (http_status < 200) {
        return; /* an interim answer */
    }
    exchange->http_status = http_status;
    if (!is_redirect(http_status)) {
        exchange->events->on_headers(exchange->ctx, http_status, &exchange->answer);
    }
}

static size_t take_header(char *line, size_t size, size_t count, void *arg) {
    struct exchange *exchange = arg;
    size_t len = size * count;
    exchange->header_bytes += len;
    if (exchange->header_bytes > MAX_HEADER_BYTES) {
        set_problem(exchange, TRUNK_TOO_LARGE, "its header section is longer than 64 KiB");
        return 0;
    }
    if (exchange->http_status != 0) {
        return len; /* a trailer */
    }
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        exchange->answer = (struct answer_headers){0};
    } else if (len <= 2 && (*line == '\r' || *line == '\n')) {
        end_header_section(exchange);
    } else {
        answer_headers_take(&exchange->answer, line, len);
    }
    return len;
}

static bool is_event_stream(const struct exchange *exchange) {
    return exchange->http_status >= 200 && exchange->http_status < 300 &&
           exchange->answer.content == CONTENT_EVENTS;
}

static bool hold_body(struct exchange *exchange, const char *data, size_t len) {
    size_t need = exchange->body_len + len;
    if (need > exchange->body_capacity) {
        size_t capacity = exchange->body_capacity < FIRST_BODY_BYTES ? FIRST_BODY_BYTES
                                                                     : exchange->body_capacity * 2;
        capacity = capacity < need ? need : capacity;
        char *larger = realloc(exchange->body, capacity);
        if (larger == NULL) {
            return false;
        }
        exchange->body = larger;
        exchange->body_capacity = capacity;
    }
    memcpy(exchange->body + exchange->body_len, data, len);
    exchange->body_len = need;
    return true;
}

static int32_t take_json(struct exchange *exchange, const char *data, size_t len) {
    size_t limit = exchange->max_message_bytes;
    if (limit != 0 && (len > limit || exchange->body_len > limit - len)) {
        return TRUNK_TOO_LARGE;
    }
    return hold_body(exchange, data, len) ? TRUNK_OK : TRUNK_INTERNAL;
}

static int32_t take_junk(struct exchange *exchange, const char *data, size_t len) {
    exchange->junk_bytes += len;
    size_t room = KEPT_JUNK_BYTES - exchange->body_len;
    if (room > 0 && !hold_body(exchange, data, len < room ? len : room)) {
        return TRUNK_INTERNAL;
    }
    return exchange->junk_bytes <= MAX_JUNK_BYTES ? TRUNK_OK : TRUNK_CANCELLED;
}

static size_t take_body(char *data, size_t size, size_t count, void *arg) {
    struct exchange *exchange = arg;
    size_t len = size * count;
    int32_t status;
    if (exchange->is_stopped) {
        return 0;
    }
    if (exchange->is_paused) {
        exchange->is_held = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    curl_loop_took(exchange->loop, len);
    if (is_event_stream(exchange)) {
        status = sse_reader_feed(&exchange->reader, data, len, exchange->events->on_event,
                                 exchange->ctx);
    } else if (exchange->answer.content == CONTENT_JSON && !is_redirect(exchange->http_status)) {
        status = take_json(exchange, data, len);
    } else {
        status = take_junk(exchange, data, len);
    }
    if (status == TRUNK_TOO_LARGE) {
        set_problem(exchange, status, "sent a message of more than the limit for one");
    } else if (status == TRUNK_INTERNAL) {
        set_problem(exchange, status, "out of memory for a message");
    }
    exchange->is_stopped = status != TRUNK_OK;
    return status == TRUNK_OK ? len : 0;
}

/* --- URLs --- */

static bool is_same_part(CURLU *url, CURLU *other, CURLUPart part) {
    char *text = NULL;
    char *other_text = NULL;
    unsigned int flags = part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0;
    bool is_same = curl_url_get(url, part, &text, flags) == CURLUE_OK &&
                   curl_url_get(other, part, &other_text, flags) == CURLUE_OK &&
                   strcasecmp(text, other_text) == 0;
    curl_free(text);
    curl_free(other_text);
    return is_same;
}

static bool has_part(CURLU *url, CURLUPart part) {
    char *text = NULL;
    bool is_there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return is_there;
}

bool url_is_same_origin(CURLU *url, CURLU *other) {
    return is_same_part(url, other, CURLUPART_SCHEME) && is_same_part(url, other, CURLUPART_HOST) &&
           is_same_part(url, other, CURLUPART_PORT) && !has_part(other, CURLUPART_USER) &&
           !has_part(other, CURLUPART_PASSWORD);
}

CURLU *url_resolve_within(CURLU *base, const char *reference) {
    CURLU *url = curl_url_dup(base);
    if (url != NULL && *reference != '\0' &&
        curl_url_set(url, CURLUPART_URL, reference, 0) == CURLUE_OK &&
        url_is_same_origin(base, url)) {
        return url;
    }
    curl_url_cleanup(url);
    return NULL;
}

/* --- the end, or a redirect --- */

static void tell_end(struct exchange *exchange, CURLcode code) {
    const char *text = exchange->text;
    if (exchange->problem == TRUNK_OK &&
        (code == CURLE_SEND_FAIL_REWIND || code == CURLE_ABORTED_BY_CALLBACK)) {
        text = "the connection was closed"; /* and libcurl would have sent the body again */
    } else if (exchange->problem == TRUNK_OK && code == CURLE_COULDNT_CONNECT &&
               (exchange->transfer.socket_error == EMFILE ||
                exchange->transfer.socket_error == ENFILE)) {
        text = "no connection could be made, no descriptors are left";
    } else if (exchange->problem == TRUNK_OK && code != CURLE_OK) {
        text = exchange->error[0] != '\0' ? exchange->error : curl_easy_strerror(code);
    }
    struct exchange_result result = {
        .http_status = exchange->http_status,
        .is_whole = code == CURLE_OK,
        .is_sent = exchange_is_sent(exchange),
        .problem = exchange->problem,
        .body = {exchange->body, exchange->body_len},
        .headers = &exchange->answer,
        .text = text,
    };
    exchange->events->on_end(exchange->ctx, &result);
}

/* Gives true when it went on its way again. */
static bool follow_redirect(struct exchange *exchange) {
    CURLU *url = url_resolve_within(exchange->url, exchange->answer.location);
    if (url == NULL || exchange->is_forgotten || ++exchange->nredirects > MAX_REDIRECTS) {
        set_problem(exchange, TRUNK_INVALID,
                    url == NULL ? "redirects to another origin, which is not followed"
                                : "redirects without end");
        curl_url_cleanup(url);
        return false;
    }
    curl_url_cleanup(exchange->url);
    exchange->url = url;
    exchange->nsent = 0;
    exchange->is_stopped = false;
    exchange->is_held = false;
    exchange->http_status = 0;
    exchange->header_bytes = 0;
    exchange->body_len = 0;
    exchange->junk_bytes = 0;
    (void)curl_easy_setopt(exchange->transfer.easy, CURLOPT_CURLU, url);
    if (!curl_loop_add(exchange->loop, &exchange->transfer)) {
        set_problem(exchange, TRUNK_INTERNAL, "out of memory");
        return false;
    }
    exchange->is_active = true;
    return true;
}

static void on_transfer_end(void *ctx, CURLcode code) {
    struct exchange *exchange = ctx;
    exchange->is_active = false;
    if (exchange->problem == TRUNK_OK && is_redirect(exchange->http_status) &&
        follow_redirect(exchange)) {
        return;
    }
    tell_end(exchange, code);
}

/* --- the calls --- */

/* With the header section in one piece: a second one costs as much as all else of a call. */
static void set_small_body(struct exchange *exchange) {
    CURL *easy = exchange->transfer.easy;
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->out.len);
    (void)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, exchange->out.data);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
}

/* Without a SEEKFUNCTION: with one, libcurl would send the body again when a kept connection dies
 * after it went out. */
static void set_large_body(struct exchange *exchange) {
    CURL *easy = exchange->transfer.easy;
    (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
    (void)curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->out.len);
}

static void set_method(struct exchange *exchange) {
    CURL *easy = exchange->transfer.easy;
    if (exchange->method == EXCHANGE_POST) {
        (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
        if (exchange->out.len <= SMALL_BODY_BYTES) {
            set_small_body(exchange);
        } else {
            set_large_body(exchange);
        }
    } else if (exchange->method == EXCHANGE_DELETE) {
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
    }
}

static void set_timeouts(CURL *easy, const struct exchange_setup *setup) {
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)setup->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)setup->timeout_ms);
    /* A stream may be silent for hours: find out that its other end is gone. */
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
}

static bool is_plain(CURLU *url) {
    char *scheme = NULL;
    bool is_http =
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "http") == 0;
    curl_free(scheme);
    return is_http;
}

static void set_options(struct exchange *exchange, const struct exchange_options *options) {
    CURL *easy = exchange->transfer.easy;
    (void)curl_easy_setopt(easy, CURLOPT_CURLU, exchange->url);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "trunkd/" DRIVER_VERSION);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    if (options->proxy != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy);
    }
    /* Some proxies (tinyproxy) close each connection without having said so. What was sent into one
     * just then might have run, and would be lost. */
    if (options->may_have_proxy && is_plain(exchange->url)) {
        (void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    if (options->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    }
}

struct exchange *exchange_start(struct curl_loop *loop, const struct exchange_options *options,
                                const struct exchange_setup *setup,
                                const struct exchange_events *events, void *ctx) {
    struct exchange *exchange = curl_loop_take_block(loop, sizeof *exchange);
    if (exchange == NULL) {
        curl_slist_free_all(setup->headers);
        return NULL;
    }
    exchange->loop = loop;
    exchange->events = events;
    exchange->ctx = ctx;
    exchange->method = setup->method;
    exchange->headers = setup->headers;
    exchange->out = setup->body;
    exchange->max_message_bytes = setup->max_message_bytes;
    exchange->reader.max_event_bytes = setup->max_message_bytes;
    exchange->url = curl_url_dup(setup->url);
    exchange->transfer = (struct transfer){
        .easy = curl_loop_take_easy(loop), .on_end = on_transfer_end, .ctx = exchange};
    if (exchange->url == NULL || exchange->transfer.easy == NULL) {
        exchange_free(exchange);
        return NULL;
    }
    set_options(exchange, options);
    set_method(exchange);
    set_timeouts(exchange->transfer.easy, setup);
    exchange->is_active = curl_loop_add(loop, &exchange->transfer);
    if (!exchange->is_active) {
        exchange_free(exchange);
        return NULL;
    }
    return exchange;
}

void exchange_free(struct exchange *exchange) {
    if (exchange == NULL) {
        return;
    }
    if (exchange->is_active) {
        curl_loop_remove(exchange->loop, &exchange->transfer);
    }
    curl_loop_give_easy(exchange->loop, exchange->transfer.easy);
    curl_url_cleanup(exchange->url);
    curl_slist_free_all(exchange->headers);
    sse_reader_free(&exchange->reader);
    free(exchange->body);
    curl_loop_give_block(exchange->loop, exchange);
}

void exchange_pause(struct exchange *exchange, bool is_paused) {
    exchange->is_paused = is_paused;
    if (is_paused || !exchange->is_held || !exchange->is_active) {
        return;
    }
    exchange->is_held = false;
    CURLcode code = curl_easy_pause(exchange->transfer.easy, CURLPAUSE_CONT);
    if (code != CURLE_OK) { /* what was held back was the end, but libcurl would go on */
        curl_loop_remove(exchange->loop, &exchange->transfer);
        exchange->is_active = false;
        tell_end(exchange, code);
    }
}

bool exchange_forget_body(struct exchange *exchange) {
    exchange->is_forgotten = true;
    return exchange->nsent == exchange->out.len;
}

bool exchange_is_sent(const struct exchange *exchange) {
    return exchange->nsent > 0 || exchange->http_status != 0;
}

CURLU *exchange_url(const struct exchange *exchange) {
    return exchange->url;
}

const struct sse_reader *exchange_reader(const struct exchange *exchange) {
    return &exchange->reader;
}
