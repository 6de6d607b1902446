/* SPDX-License-Identifier: MIT
 * request.h - the edge's checks of one HTTP request (protocol.md 2.1, 2.10): what is refused before
 * anybody asks whose it is. Pure functions over what was sent; knows no HTTP library. */
#ifndef TRUNKD_HTTP_REQUEST_H
#define TRUNKD_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "http/server.h"

enum request_method { REQUEST_OTHER, REQUEST_POST, REQUEST_GET, REQUEST_DELETE, REQUEST_OPTIONS };

struct request_field {
    const char *value; /* of the first such header; NULL: absent */
    unsigned count;
};
/* What the Accept headers say of one media type: the most specific range that names it wins (RFC
 * 9110 12.5.1). */
struct request_accept {
    int specificity; /* 0: no range names it, 1: any type, 2: its main type, 3: itself */
    bool is_wanted;
};

/* Starts as {0}; method, target, body_bytes and defect are set by the caller, the rest by
 * request_add_header. Borrows all strings. */
struct request {
    enum request_method method;
    const char *target; /* as sent, with its query */
    size_t body_bytes;
    const char *defect; /* what header_scan found in the raw head; NULL: nothing */
    struct request_field host;
    struct request_field origin;
    struct request_field content_type;
    struct request_field content_length;
    struct request_field transfer_encoding;
    struct request_field session_id;
    struct request_field protocol_version;
    struct request_field last_event_id;
    struct request_field authorization;
    struct request_field asked_headers; /* Access-Control-Request-Headers */
    struct request_accept accepts_json;
    struct request_accept accepts_stream;
    bool has_bad_name; /* a header's name is no token: a space before its colon, for one */
};

/* To be called with each header in the order sent. */
void request_add_header(struct request *request, const char *name, const char *value);

struct request_verdict {
    int status;       /* 0: not refused */
    const char *text; /* static */
    bool must_close;  /* after the answer: where the next request starts is in doubt */
    bool may_share;   /* with the page that sent it: there is an Origin, and it is allowed */
};
/* The first check that fails, in this order: framing (400), Host and Origin (403), path (404),
 * method (405), and of a POST Content-Type (415), Accept (406), size (413); of a GET Accept (406).
 * OPTIONS is a method for pages only: with an Origin. */
struct request_verdict request_check(const struct request *request,
                                     const struct http_options *options);

#endif
