/* SPDX-License-Identifier: MIT
 * fuzz_request.c - any head of a request through the edge's scan and checks. The first byte chooses
 * the configuration, the next the pieces; then come the request line and header lines. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/cors.h"
#include "http/header_scan.h"
#include "http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Whole and in pieces is the same; what is complete has no byte that could be read in two ways. */
static struct header_scan scan(const char *bytes, size_t len, size_t piece) {
    struct header_scan whole = {0};
    struct header_scan parts = {0};
    header_scan_feed(&whole, bytes, len);
    for (size_t at = 0; at < len; at += piece) {
        header_scan_feed(&parts, bytes + at, len - at < piece ? len - at : piece);
    }
    expect(whole.state == parts.state && whole.defect == parts.defect);
    expect((whole.state == HEADER_SCAN_BAD) == (whole.defect != NULL));
    if (whole.state == HEADER_SCAN_COMPLETE) {
        const char *end = memmem(bytes, len, "\r\n\r\n", 4);
        expect(end != NULL);
        for (const char *at = bytes; at < end; at++) {
            expect(*at != '\0' && (*at != '\n' || at[-1] == '\r') &&
                   (*at != '\r' || at[1] == '\n'));
        }
    }
    return whole;
}

/* Lines as a lenient parser cuts them: at the first colon, blanks around the value taken away. */
static void add_line(struct request *request, char *line) {
    char *colon = strchr(line, ':');
    if (colon != NULL) {
        *colon = '\0';
        char *value = colon + 1 + strspn(colon + 1, " ");
        request_add_header(request, line, value);
    }
}

static void check_verdict(const struct request *request, const struct http_options *options) {
    static const int statuses[] = {0, 400, 403, 404, 405, 406, 413, 415};
    struct request_verdict verdict = request_check(request, options);
    bool is_known = false;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        is_known |= verdict.status == statuses[i];
    }
    expect(is_known && (verdict.status == 0) == (verdict.text == NULL));
    expect(verdict.status != 400 || (verdict.must_close && !verdict.may_share));
    expect(!verdict.may_share || request->origin.count == 1);
    if (verdict.status != 0) {
        return;
    }
    expect(request->defect == NULL && !request->has_bad_name && request->host.count == 1);
    expect(request->content_length.count + request->transfer_encoding.count <= 1);
    expect(request->origin.count == 0 || verdict.may_share);
    expect(strncmp(request->target, "/mcp", 4) == 0);
    expect(request->method != REQUEST_OTHER);
    expect(request->method == REQUEST_POST || verdict.must_close ||
           (request->transfer_encoding.count == 0));
    if (request->content_length.count == 1) {
        const char *length = request->content_length.value;
        expect(*length != '\0' && strspn(length, "0123456789") == strlen(length));
    }
}

static void check_sharing(const struct request *request) {
    struct buffer out = {0};
    cors_append_allowed_headers(&out, request->asked_headers.value);
    expect(strpbrk(buffer_cstr(&out), "\r\n:\"*") == NULL);
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    char *hosts[] = {"trunk.example", "other.example:8080", NULL};
    char *origins[] = {"https://app.example", NULL};
    char *any[] = {"*", NULL};
    struct http_options options = {
        .address = (data[0] & 1) != 0 ? "0.0.0.0" : "127.0.0.1",
        .path = "/mcp",
        .max_body_bytes = 100,
        .allowed_hosts = (data[0] & 2) != 0 ? hosts : NULL,
        .allowed_origins = (data[0] & 4) != 0   ? origins
                           : (data[0] & 8) != 0 ? any
                                                : NULL,
    };
    size_t piece = (size_t)data[1] + 1;
    size_t len = size - 2;
    char *text = malloc(len + 1);
    expect(text != NULL);
    memcpy(text, data + 2, len);
    text[len] = '\0';
    struct header_scan head = scan(text, len, piece);
    struct request request = {.method = (enum request_method)(data[0] >> 4) % (REQUEST_OPTIONS + 1),
                              .target = "",
                              .body_bytes = data[1],
                              .defect = head.defect};
    char *rest = text;
    char *target = strsep(&rest, "\n");
    target[strcspn(target, "\r")] = '\0';
    request.target = target;
    for (char *line = NULL; (line = strsep(&rest, "\n")) != NULL;) {
        line[strcspn(line, "\r")] = '\0';
        add_line(&request, line);
    }
    check_verdict(&request, &options);
    check_sharing(&request);
    free(text);
    return 0;
}
