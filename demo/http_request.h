/* SPDX-License-Identifier: MIT
 * http_request.h - what a request must have before a session sees it, and the answers that are
 * whole. */
#ifndef DEMO_HTTP_REQUEST_H
#define DEMO_HTTP_REQUEST_H

#include <stdbool.h>

#include <trunk/types.h>

struct evhttp_request;

/* NULL: absent. */
const char *http_request_get(struct evhttp_request *request, const char *name);
void http_request_set(struct evhttp_request *request, const char *name, const char *value);
/* Is it for this server at all: path, method, origin, what it accepts, content type, version? If
 * not, it is refused. */
bool http_request_check(struct evhttp_request *request);
/* Answers with an error of JSON-RPC. */
void http_request_refuse(struct evhttp_request *request, int http_status, const char *text);
/* json empty: no body. */
void http_request_answer(struct evhttp_request *request, int http_status, struct trunk_slice json);

#endif
