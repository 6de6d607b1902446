/* SPDX-License-Identifier: MIT
 * request.c - the edge's checks of one HTTP request. */
#include "http/request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"
#include "http/allowed.h"

#define MEDIA_JSON "application/json"
#define MEDIA_STREAM "text/event-stream"

static bool equal_nocase(struct trunk_slice a, const char *text) {
    return a.len == strlen(text) && strncasecmp(a.data, text, a.len) == 0;
}

static struct trunk_slice trim(struct trunk_slice slice) {
    const char *data = slice.data;
    size_t len = slice.len;
    while (len > 0 && (data[0] == ' ' || data[0] == '\t')) {
        data++;
        len--;
    }
    while (len > 0 && (data[len - 1] == ' ' || data[len - 1] == '\t')) {
        len--;
    }
    return slice_of(data, len);
}

/* Cuts *rest at the first separator: returns the trimmed part before it, leaves in *rest what
 * follows. */
static struct trunk_slice next_part(struct trunk_slice *rest, char separator) {
    const char *data = rest->data;
    const char *end = memchr(data, separator, rest->len);
    size_t len = end != NULL ? (size_t)(end - data) : rest->len;
    size_t used = end != NULL ? len + 1 : len;
    *rest = slice_of(data + used, rest->len - used);
    return trim(slice_of(data, len));
}

static bool is_digits(struct trunk_slice slice) {
    const char *data = slice.data;
    for (size_t i = 0; i < slice.len; i++) {
        if (data[i] < '0' || data[i] > '9') {
            return false;
        }
    }
    return slice.len > 0;
}

static bool is_token(const char *name) {
    size_t len = 0;
    while (isalnum((unsigned char)name[len]) ||
           (name[len] != '\0' && strchr("!#$%&'*+-.^_`|~", name[len]) != NULL)) {
        len++;
    }
    return len > 0 && name[len] == '\0';
}

static bool is_visible_ascii(const char *text) {
    while (*text > 0x20 && *text < 0x7f) {
        text++;
    }
    return *text == '\0';
}

/* Is the weight among a media range's parameters 0, as in ";q=0.0"? */
static bool weight_is_zero(struct trunk_slice params) {
    while (params.len > 0) {
        struct trunk_slice param = next_part(&params, ';');
        const char *data = param.data;
        if (param.len < 3 || (data[0] != 'q' && data[0] != 'Q') || data[1] != '=') {
            continue;
        }
        for (size_t i = 2; i < param.len; i++) {
            if (data[i] != '0' && data[i] != '.') {
                return false;
            }
        }
        return true;
    }
    return false;
}

static void weigh_range(struct request_accept *accept, struct trunk_slice range, const char *type,
                        const char *main_range, bool is_wanted) {
    int specificity = equal_nocase(range, type)         ? 3
                      : equal_nocase(range, main_range) ? 2
                      : slice_equal_cstr(range, "*/*")  ? 1
                                                        : 0;
    if (specificity > accept->specificity) {
        *accept = (struct request_accept){specificity, is_wanted};
    } else if (specificity > 0 && specificity == accept->specificity) {
        accept->is_wanted |= is_wanted;
    }
}

static void add_accept(struct request *request, const char *value) {
    struct trunk_slice rest = slice_cstr(value);
    while (rest.len > 0) {
        struct trunk_slice params = next_part(&rest, ',');
        struct trunk_slice range = next_part(&params, ';');
        bool is_wanted = !weight_is_zero(params);
        weigh_range(&request->accepts_json, range, MEDIA_JSON, "application/*", is_wanted);
        weigh_range(&request->accepts_stream, range, MEDIA_STREAM, "text/*", is_wanted);
    }
}

void request_add_header(struct request *request, const char *name, const char *value) {
    const struct {
        const char *name;
        struct request_field *field;
    } fields[] = {
        {"Host", &request->host},
        {"Origin", &request->origin},
        {"Content-Type", &request->content_type},
        {"Content-Length", &request->content_length},
        {"Transfer-Encoding", &request->transfer_encoding},
        {"Mcp-Session-Id", &request->session_id},
        {"MCP-Protocol-Version", &request->protocol_version},
        {"Last-Event-ID", &request->last_event_id},
        {"Authorization", &request->authorization},
        {"Access-Control-Request-Headers", &request->asked_headers},
    };
    if (!is_token(name)) {
        request->has_bad_name = true;
        return;
    }
    if (strcasecmp(name, "Accept") == 0) {
        add_accept(request, value);
        return;
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcasecmp(name, fields[i].name) == 0) {
            if (fields[i].field->count++ == 0) {
                fields[i].field->value = value;
            }
            return;
        }
    }
}

/* Does the request claim a body, whether or not its method takes one? */
static bool claims_body(const struct request *request) {
    return request->transfer_encoding.count > 0 ||
           (request->content_length.count > 0 && strcmp(request->content_length.value, "0") != 0);
}

/* What two readers of the same bytes may understand differently is refused: the way requests are
 * smuggled. */
static const char *check_framing(const struct request *request) {
    if (request->defect != NULL) {
        return request->defect;
    }
    if (!is_visible_ascii(request->target)) {
        return "the request target is not a URL";
    }
    if (request->has_bad_name) {
        return "malformed header name";
    }
    if (request->transfer_encoding.count > 0) {
        if (request->transfer_encoding.count > 1 ||
            strcasecmp(request->transfer_encoding.value, "chunked") != 0) {
            return "Transfer-Encoding must be chunked";
        }
        if (request->content_length.count > 0) {
            return "Transfer-Encoding together with Content-Length";
        }
    }
    if (request->content_length.count > 1 ||
        (request->content_length.count == 1 &&
         !is_digits(slice_cstr(request->content_length.value)))) {
        return "Content-Length must be one number";
    }
    if (request->host.count != 1) {
        return "exactly one Host header is needed";
    }
    if (request->authorization.count > 1 || request->session_id.count > 1 ||
        request->protocol_version.count > 1 || request->last_event_id.count > 1) {
        return "more than one Authorization, Mcp-Session-Id, MCP-Protocol-Version or Last-Event-ID";
    }
    if ((request->method == REQUEST_GET || request->method == REQUEST_DELETE) &&
        claims_body(request)) {
        return "GET and DELETE take no body";
    }
    return NULL;
}

static bool is_json(const struct request_field *content_type) {
    if (content_type->count != 1) {
        return false;
    }
    struct trunk_slice rest = slice_cstr(content_type->value);
    return equal_nocase(next_part(&rest, ';'), MEDIA_JSON);
}

static struct request_verdict refuse(int status, const char *text) {
    return (struct request_verdict){.status = status, .text = text};
}

static struct request_verdict check_post(const struct request *request,
                                         const struct http_options *options) {
    if (!is_json(&request->content_type)) {
        return refuse(415, "Content-Type must be " MEDIA_JSON);
    }
    if (!request->accepts_json.is_wanted || !request->accepts_stream.is_wanted) {
        return refuse(406, "Accept must name both " MEDIA_JSON " and " MEDIA_STREAM);
    }
    if (options->max_body_bytes > 0 && request->body_bytes > options->max_body_bytes) {
        return refuse(413, "the body is larger than listen.max_body");
    }
    return refuse(0, NULL);
}

static struct request_verdict check_endpoint(const struct request *request,
                                             const struct http_options *options) {
    if (!slice_equal_cstr(slice_of(request->target, strcspn(request->target, "?")),
                          options->path)) {
        return refuse(404, "no such path");
    }
    switch (request->method) {
    case REQUEST_POST:
        return check_post(request, options);
    case REQUEST_GET:
        return request->accepts_stream.is_wanted ? refuse(0, NULL)
                                                 : refuse(406, "Accept must name " MEDIA_STREAM);
    case REQUEST_DELETE:
        return refuse(0, NULL);
    case REQUEST_OPTIONS:
        if (request->origin.count == 1) {
            return refuse(0, NULL);
        }
        break;
    case REQUEST_OTHER:
        break;
    }
    return refuse(405, "the methods are GET, POST and DELETE");
}

static struct request_verdict check(const struct request *request,
                                    const struct http_options *options) {
    const char *wrong = check_framing(request);
    if (wrong != NULL) {
        return refuse(400, wrong);
    }
    if (!allowed_host(request->host.value, options)) {
        return refuse(403, "Host is not allowed");
    }
    if (request->origin.count > 1 ||
        (request->origin.count == 1 && !allowed_origin(request->origin.value, options))) {
        return refuse(403, "Origin is not allowed");
    }
    struct request_verdict verdict = check_endpoint(request, options);
    verdict.may_share = request->origin.count == 1;
    return verdict;
}

struct request_verdict request_check(const struct request *request,
                                     const struct http_options *options) {
    struct request_verdict verdict = check(request, options);
    /* Only a POST's body is sure to have been read; another's would be taken for the next request.
     */
    verdict.must_close =
        verdict.status == 400 || (request->method != REQUEST_POST && claims_body(request));
    return verdict;
}
