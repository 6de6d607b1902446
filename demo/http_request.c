/* SPDX-License-Identifier: MIT
 * http_request.c - the checks of MCP 2025-11-25, Transports: Streamable HTTP. */
#include "http_request.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>

#include "server.h"

#define PATH "/mcp"
#define INVALID_REQUEST (-32600)

const char *http_request_get(struct evhttp_request *request, const char *name) {
    return evhttp_find_header(evhttp_request_get_input_headers(request), name);
}

void http_request_set(struct evhttp_request *request, const char *name, const char *value) {
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

void http_request_answer(struct evhttp_request *request, int http_status, struct trunk_slice json) {
    if (json.len > 0) {
        http_request_set(request, "Content-Type", "application/json");
        (void)evbuffer_add(evhttp_request_get_output_buffer(request), json.data, json.len);
    }
    evhttp_send_reply(request, http_status, NULL, NULL);
}

void http_request_refuse(struct evhttp_request *request, int http_status, const char *text) {
    struct json_object *message = json_object_new_object();
    struct json_object *error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_int(INVALID_REQUEST));
    json_object_object_add(error, "message", json_object_new_string(text));
    json_object_object_add(message, "jsonrpc", json_object_new_string("2.0"));
    json_object_object_add(message, "error", error);
    const char *json = json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN);
    http_request_answer(request, http_status, (struct trunk_slice){json, strlen(json)});
    json_object_put(message);
}

/* A page of another site must not reach this server by a browser (DNS rebinding). */
static bool is_own_origin(const char *origin) {
    struct evhttp_uri *uri = origin != NULL ? evhttp_uri_parse(origin) : NULL;
    const char *host = uri != NULL ? evhttp_uri_get_host(uri) : NULL;
    bool is_own =
        origin == NULL ||
        (host != NULL && (strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0));
    if (uri != NULL) {
        evhttp_uri_free(uri);
    }
    return is_own;
}

static bool accepts(struct evhttp_request *request, const char *type) {
    const char *accept = http_request_get(request, "Accept");
    return accept != NULL && (strcasestr(accept, type) != NULL || strstr(accept, "*/*") != NULL);
}

static bool has_json(struct evhttp_request *request) {
    static const char type[] = "application/json";
    const char *content = http_request_get(request, "Content-Type");
    return content != NULL && strncasecmp(content, type, sizeof type - 1) == 0;
}

static bool is_at_path(struct evhttp_request *request) {
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    return path != NULL && strcmp(path, PATH) == 0;
}

bool http_request_check(struct evhttp_request *request) {
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    const char *version = http_request_get(request, "MCP-Protocol-Version");
    bool is_post = method == EVHTTP_REQ_POST;
    if (!is_own_origin(http_request_get(request, "Origin"))) {
        http_request_refuse(request, 403, "This origin may not ask");
    } else if (!is_at_path(request)) {
        http_request_refuse(request, 404, "The path is " PATH);
    } else if (!is_post && method != EVHTTP_REQ_GET && method != EVHTTP_REQ_DELETE) {
        http_request_set(request, "Allow", "GET, POST, DELETE");
        http_request_answer(request, 405, (struct trunk_slice){NULL, 0});
    } else if (method != EVHTTP_REQ_DELETE && !accepts(request, "text/event-stream")) {
        http_request_refuse(request, 406, "Accept must have text/event-stream");
    } else if (is_post && !accepts(request, "application/json")) {
        http_request_refuse(request, 406, "Accept must have application/json");
    } else if (is_post && !has_json(request)) {
        http_request_refuse(request, 415, "Content-Type must be application/json");
    } else if (version != NULL && !server_knows_version(version)) {
        http_request_refuse(request, 400, "Unsupported MCP-Protocol-Version");
    } else {
        return true;
    }
    return false;
}
