/* SPDX-License-Identifier: MIT
 * test_head.c - the scan of a request's raw head, and the header names that pages may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "http/cors.h"
#include "http/header_scan.h"

/* Feeds bytes in pieces of each size; the outcome is the same for all. */
static struct header_scan scan_bytes(const char *bytes, size_t len) {
    struct header_scan whole = {0};
    header_scan_feed(&whole, bytes, len);
    for (size_t piece = 1; piece < len; piece++) {
        struct header_scan scan = {0};
        for (size_t at = 0; at < len; at += piece) {
            header_scan_feed(&scan, bytes + at, len - at < piece ? len - at : piece);
        }
        assert_int_equal(scan.state, whole.state);
        assert_ptr_equal(scan.defect, whole.defect);
    }
    return whole;
}
#define SCAN(text) scan_bytes(text, sizeof(text) - 1)

static void assert_bad(struct header_scan scan, const char *defect) {
    assert_int_equal(scan.state, HEADER_SCAN_BAD);
    assert_string_equal(scan.defect, defect);
}

static void test_head_ends_at_its_empty_line_and_not_before(void **state) {
    (void)state;
    assert_int_equal(SCAN("").state, HEADER_SCAN_START);
    assert_int_equal(SCAN("GET / HTTP/1.1").state, HEADER_SCAN_LINE);
    assert_int_equal(SCAN("GET / HTTP/1.1\r").state, HEADER_SCAN_LINE_END);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\nA: b\r\n").state, HEADER_SCAN_LINE_START);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\nA: b\r\n\r").state, HEADER_SCAN_EMPTY_END);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\nA: \tb\xc3\xa9\r\n\r\n").state, HEADER_SCAN_COMPLETE);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\n\r\n\n\n \0\r").state, HEADER_SCAN_COMPLETE);
    assert_null(SCAN("GET / HTTP/1.1\r\n\r\n\n\n \0\r").defect);
}

static void test_each_doubtful_byte_is_a_defect(void **state) {
    (void)state;
    assert_bad(SCAN("GET / HTTP/1.1\n\r\n"), "a line ends with LF alone");
    assert_bad(SCAN("GET / HTTP/1.1\r\n\n"), "a line ends with LF alone");
    assert_bad(SCAN("\n"), "a line ends with LF alone");
    assert_bad(SCAN("GET / HTTP/1.1\r\r\n"), "CR without LF");
    assert_bad(SCAN("GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n"), "CR without LF");
    assert_bad(SCAN("GET / HTTP/1.1\r\n\rA: b\r\n\r\n"), "CR without LF");
    assert_bad(SCAN("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"), "folded header");
    assert_bad(SCAN("GET / HTTP/1.1\r\n\tA: b\r\n\r\n"), "folded header");
    assert_bad(SCAN("GET / HTTP/1.1\r\nA: \0\r\n\r\n"), "control byte in the head");
    assert_bad(SCAN("GET / HTTP/1.1\r\nA: \x7f\r\n\r\n"), "control byte in the head");
    assert_bad(SCAN("\x16\x03\x01"), "control byte in the head");
    assert_bad(SCAN("\r\nGET / HTTP/1.1\r\n\r\n"), "empty request line");
}

static void assert_allowed(const char *requested, const char *allowed) {
    struct buffer out = {0};
    cors_append_allowed_headers(&out, requested);
    assert_string_equal(buffer_cstr(&out), allowed);
    buffer_free(&out);
}

static void test_requested_headers_of_mcp_are_allowed_as_written(void **state) {
    (void)state;
    assert_allowed(NULL, "");
    assert_allowed("", "");
    assert_allowed(" ,, ,", "");
    assert_allowed("Content-Type", "Content-Type");
    assert_allowed("accept,authorization,mcp-session-id,mcp-protocol-version,last-event-id",
                   "accept, authorization, mcp-session-id, mcp-protocol-version, last-event-id");
    assert_allowed("x-api-key, mcp-method ,\tmcp-name", "mcp-method, mcp-name");
    assert_allowed("mcp-param-, mcp-param-A_b.1, mcp-param-a(b), mcp-paramx", "mcp-param-A_b.1");
    assert_allowed("content-typ, content-types, *", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_ends_at_its_empty_line_and_not_before),
        cmocka_unit_test(test_each_doubtful_byte_is_a_defect),
        cmocka_unit_test(test_requested_headers_of_mcp_are_allowed_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
