/* SPDX-License-Identifier: MIT
 * plugin.c - the factory driver `http`: each leg is a session with an MCP server over Streamable
 * HTTP, or over HTTP+SSE as it was before. */
#include <trunk/plugin_util.h>

#include <stdlib.h>
#include <unistd.h>

#include "leg.h"

static const struct trunk_param_spec spec[] = {
    {.key = "type",
     .fallback = "http",
     .help = "http: Streamable HTTP; sse: HTTP+SSE, as of 2024-11-05",
     .type = TRUNK_PARAM_STRING,
     .flags = TRUNK_PARAM_BACKEND},
    {.key = "url",
     .help = "where the MCP server is: http:// or https://",
     .type = TRUNK_PARAM_STRING,
     .flags = TRUNK_PARAM_REQUIRED | TRUNK_PARAM_BACKEND},
    {.key = "headers",
     .help = "header fields for every request to it",
     .type = TRUNK_PARAM_MAP,
     .flags = TRUNK_PARAM_BACKEND | TRUNK_PARAM_SECRET},
    {.key = "proxy",
     .help = "URL of a proxy, empty for none; default: http_proxy, https_proxy, no_proxy of the "
             "environment",
     .type = TRUNK_PARAM_STRING,
     .flags = TRUNK_PARAM_SECRET},
    {.key = "ca_file",
     .help = "certificates to trust instead of the system's, PEM",
     .type = TRUNK_PARAM_PATH},
    {0},
};

/* --- checks --- */

static bool has_part(CURLU *url, CURLUPart part) {
    char *text = NULL;
    bool is_there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return is_there;
}

static bool has_http_scheme(CURLU *url) {
    char *scheme = NULL;
    bool is_http = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return is_http;
}

static int32_t check_url(const char *text, struct trunk_error *error) {
    int32_t status = TRUNK_OK;
    CURLU *url = curl_url();
    if (url == NULL) {
        return trunk_fail(error, TRUNK_INVALID, "url", "out of memory");
    }
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
    if (code != CURLUE_OK) {
        status = trunk_fail(error, TRUNK_INVALID, "url", "is no URL: %s", curl_url_strerror(code));
    } else if (!has_http_scheme(url)) {
        status = trunk_fail(error, TRUNK_INVALID, "url", "must begin with http:// or https://");
    } else if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD)) {
        status = trunk_fail(error, TRUNK_INVALID, "url",
                            "must not have a user or password: use headers, with Authorization");
    }
    curl_url_cleanup(url);
    return status;
}

static int32_t check_header(const struct trunk_param *param, const char *name,
                            struct trunk_error *error) {
    if (!header_name_is_valid(name) || strlen(name) > MAX_FIELD_BYTES - 1) {
        return trunk_fail(error, TRUNK_INVALID, param->key, "is no name of a header field");
    }
    if (header_is_reserved(name)) {
        return trunk_fail(error, TRUNK_INVALID, param->key, "is set by the driver itself");
    }
    if (!header_value_is_valid(param->value, strlen(param->value))) {
        return trunk_fail(error, TRUNK_INVALID, param->key, "has a control character in its value");
    }
    return TRUNK_OK;
}

static int32_t check_backend(const struct trunk_param *params, size_t nparams,
                             struct trunk_error *error) {
    const char *type = trunk_param_get(params, nparams, "type", "http");
    if (strcmp(type, "http") != 0 && strcmp(type, "sse") != 0) {
        return trunk_fail(error, TRUNK_INVALID, "type", "is neither http nor sse");
    }
    int32_t status = check_url(trunk_param_get(params, nparams, "url", ""), error);
    for (size_t i = 0; i < nparams && status == TRUNK_OK; i++) {
        if (strncmp(params[i].key, "headers.", strlen("headers.")) == 0) {
            status = check_header(&params[i], params[i].key + strlen("headers."), error);
        }
    }
    return status;
}

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    const char *proxy = trunk_param_get(params, nparams, "proxy", "");
    if (*proxy == '\0') {
        return TRUNK_OK;
    }
    CURLU *url = curl_url();
    CURLUcode code = url != NULL ? curl_url_set(url, CURLUPART_URL, proxy,
                                                CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME)
                                 : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(url);
    if (code != CURLUE_OK) {
        return trunk_fail(error, TRUNK_INVALID, "proxy", "is no URL: %s", curl_url_strerror(code));
    }
    return TRUNK_OK;
}

static bool has_environment(const char *const *names) {
    while (*names != NULL && getenv(*names) == NULL) {
        names++;
    }
    return *names != NULL;
}

/* Told that there is no proxy, libcurl does not look for one in the environment at each request. */
static struct exchange_options choose_options(const char *proxy, const char *ca_file) {
    static const char *const plain[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    static const char *const secure[] = {"https_proxy", "HTTPS_PROXY", NULL};
    bool is_free = proxy == NULL;
    if (is_free && !has_environment(plain) && !has_environment(secure)) {
        proxy = "";
    }
    return (struct exchange_options){
        .proxy = proxy,
        .ca_file = ca_file,
        .may_have_proxy = is_free ? has_environment(plain) : *proxy != '\0',
    };
}

/* --- the calls; each ends with what libcurl has to do at once --- */

static int32_t open_factory(const struct trunk_host *host, const struct trunk_param *params,
                            size_t nparams, void **self, struct trunk_error *error) {
    const char *ca_file = trunk_param_get(params, nparams, "ca_file", NULL);
    if (ca_file != NULL && access(ca_file, R_OK) != 0) {
        return trunk_fail(error, TRUNK_INVALID, "ca_file", "cannot be read");
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return trunk_fail(error, TRUNK_INTERNAL, "", "libcurl cannot be set up");
    }
    struct factory *factory = calloc(1, sizeof *factory);
    struct curl_loop *loop = curl_loop_new(host);
    if (factory == NULL || loop == NULL) {
        free(factory);
        curl_loop_free(loop);
        curl_global_cleanup();
        return trunk_fail(error, TRUNK_INTERNAL, "", "out of memory");
    }
    factory->host = host;
    factory->loop = loop;
    factory->options = choose_options(trunk_param_get(params, nparams, "proxy", NULL), ca_file);
    LIST_INIT(&factory->legs);
    *self = factory;
    return TRUNK_OK;
}

static void close_factory(void *self) {
    struct factory *factory = self;
    struct leg *leg;
    while ((leg = LIST_FIRST(&factory->legs)) != NULL) {
        leg_destroy(leg);
    }
    curl_loop_free(factory->loop);
    curl_global_cleanup();
    free(factory);
}

static void make_leg(void *self, const struct trunk_make *make, trunk_op op) {
    struct factory *factory = self;
    leg_make(factory, make, op);
    curl_loop_run(factory->loop);
}

static void request(void *leg, const struct trunk_request *how, trunk_op op) {
    struct curl_loop *loop = ((struct leg *)leg)->factory->loop;
    leg_request(leg, how, op);
    curl_loop_run(loop);
}

static void send_message(void *leg, const struct trunk_request *message, trunk_op op) {
    struct curl_loop *loop = ((struct leg *)leg)->factory->loop;
    leg_send(leg, message, op);
    curl_loop_run(loop);
}

static void listen_for_unasked(void *leg, const struct trunk_request *how, trunk_op op) {
    struct curl_loop *loop = ((struct leg *)leg)->factory->loop;
    leg_listen(leg, how, op);
    curl_loop_run(loop);
}

static void cancel_request(void *leg, uint64_t number) {
    struct curl_loop *loop = ((struct leg *)leg)->factory->loop;
    leg_cancel_request(leg, number);
    curl_loop_run(loop);
}

static void snapshot(void *leg, trunk_op op) {
    leg_snapshot(leg, op);
}

static void finish(void *leg, const struct trunk_finish *how, trunk_op op) {
    struct curl_loop *loop = ((struct leg *)leg)->factory->loop;
    leg_finish(leg, how, op);
    curl_loop_run(loop);
}

static void pause_stream(void *leg, uint64_t number, int32_t paused) {
    struct curl_loop *loop = ((struct leg *)leg)->factory->loop;
    leg_pause(leg, number, paused != 0);
    curl_loop_run(loop);
}

static const struct trunk_factory_ops ops = {
    .struct_size = sizeof ops,
    .caps = TRUNK_CAP_RESTORE,
    .check = check,
    .check_backend = check_backend,
    .open = open_factory,
    .close = close_factory,
    .make = make_leg,
    .request = request,
    .send = send_message,
    .listen = listen_for_unasked,
    .cancel_request = cancel_request,
    .snapshot = snapshot,
    .finish = finish,
    .pause = pause_stream,
};

TRUNK_FACTORY_PLUGIN(9, "http", DRIVER_VERSION,
                     "MCP servers over Streamable HTTP, or over HTTP+SSE", spec, &ops);
