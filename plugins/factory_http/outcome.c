/* SPDX-License-Identifier: MIT
 * outcome.c - HTTP statuses to statuses of the ABI, and texts. */
#include "outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXCERPT_BYTES = 160, NUMBER_BYTES = 16 };

static bool key_is(struct trunk_slice key, const char *name) {
    return key.len == strlen(name) && memcmp(key.data, name, key.len) == 0;
}

static long read_number(const char *at, const char *end) {
    char text[NUMBER_BYTES];
    size_t len = (size_t)(end - at);
    len = len < sizeof text ? len : sizeof text - 1;
    memcpy(text, at, len);
    text[len] = '\0';
    return strtol(text, NULL, 10);
}

/* Walks over the body without checking it. 0: it is no JSON-RPC error. */
static long find_error_code(struct trunk_slice body) {
    struct trunk_slice key = {0};
    const char *end = (const char *)body.data + body.len;
    int depth = 0;
    bool is_jsonrpc = false;
    bool is_in_error = false;
    long code = 0;
    for (const char *at = body.data; at < end; at++) {
        if (*at == '"') {
            const char *start = ++at;
            while (at < end && *at != '"') {
                at += *at == '\\' ? 2 : 1;
            }
            key = (struct trunk_slice){start, at < end ? (size_t)(at - start) : 0};
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        } else if (*at == ':' && depth == 1) {
            is_in_error = key_is(key, "error");
            is_jsonrpc = is_jsonrpc || key_is(key, "jsonrpc");
        } else if (*at == ':' && depth == 2 && is_in_error && key_is(key, "code")) {
            code = read_number(at + 1, end);
        }
    }
    return is_jsonrpc ? code : 0;
}

/* What some servers say of a session they do not know (protocol.md 3.1): anything that is no error
 * of JSON-RPC, or one with a code that servers use for it (of their own, or "invalid request"). Any
 * other code judges the request, which a server may have begun to run. */
static bool may_mean_lost_session(struct trunk_slice body) {
    long code = find_error_code(body);
    return code == 0 || code == -32000 || code == -32001 || code == -32600;
}

static int32_t status_of_refusal(const struct exchange_result *result,
                                 const struct outcome_context *context) {
    switch (result->http_status) {
    case 400:
        return context->is_good && may_mean_lost_session(result->body) ? TRUNK_NOT_FOUND
                                                                       : TRUNK_INVALID;
    case 401:
    case 403:
    case 429: /* it was not run, but to send it again at once is what the server asks not to do */
        return TRUNK_DENIED;
    case 404:
        return context->has_session ? TRUNK_NOT_FOUND : TRUNK_INVALID;
    case 408: /* of a proxy it proves nothing */
        return TRUNK_UNCERTAIN;
    case 413:
        return TRUNK_TOO_LARGE;
    default: /* a server that broke on the way may have done it */
        return result->http_status >= 500 ? TRUNK_UNCERTAIN : TRUNK_INVALID;
    }
}

static void describe_refusal(const struct exchange_result *result, const char *backend, char *text,
                             size_t size) {
    const struct answer_headers *headers = result->headers;
    char excerpt[EXCERPT_BYTES];
    copy_printable(excerpt, sizeof excerpt, result->body.data, result->body.len);
    (void)snprintf(text, size, "backend %s answered HTTP %ld%s%s%s%s%s%s", backend,
                   result->http_status, headers->challenge[0] != '\0' ? ", WWW-Authenticate: " : "",
                   headers->challenge, headers->retry_after[0] != '\0' ? ", Retry-After: " : "",
                   headers->retry_after, excerpt[0] != '\0' ? ": " : "", excerpt);
}

int32_t outcome_of(const struct exchange_result *result, const struct outcome_context *context,
                   char *out_text, size_t size) {
    out_text[0] = '\0';
    if (result->problem != TRUNK_OK) {
        (void)snprintf(out_text, size, "backend %s: %s", context->backend, result->text);
        return result->problem;
    }
    if (result->http_status >= 300) {
        describe_refusal(result, context->backend, out_text, size);
        return status_of_refusal(result, context);
    }
    if (result->is_whole && result->http_status != 0) {
        return TRUNK_OK;
    }
    (void)snprintf(out_text, size, "backend %s: %s%s", context->backend,
                   result->is_sent ? "the answer was lost: " : "", result->text);
    return result->is_sent ? TRUNK_UNCERTAIN : TRUNK_UNAVAILABLE;
}

bool outcome_is_transient(const struct exchange_result *result) {
    if (result->problem != TRUNK_OK) {
        return false;
    }
    return result->http_status == 0 || result->http_status == 408 || result->http_status == 429 ||
           result->http_status >= 500 || (result->http_status < 300 && !result->is_whole);
}

/* A refusal that another try would meet again is final: the server ends such sessions by itself.
 * 501 says of the method what 405 says of it here. */
int32_t outcome_of_delete(const struct exchange_result *result, const char *backend, char *out_text,
                          size_t size) {
    long http_status = result->http_status;
    bool may_pass = http_status == 401 || http_status == 403 || http_status == 408 ||
                    http_status == 429 || (http_status >= 500 && http_status != 501);
    out_text[0] = '\0';
    if (may_pass) {
        describe_refusal(result, backend, out_text, size);
    } else if (http_status == 0) {
        (void)snprintf(out_text, size, "backend %s: %s", backend, result->text);
    } else {
        return TRUNK_OK;
    }
    return TRUNK_UNCERTAIN;
}
