/* SPDX-License-Identifier: MIT
 * test_allowed.c - which entries of allowed_hosts and allowed_origins can be of use, and which
 * headers they let in. */
#include "http/allowed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_every_host_that_clients_send_is_a_good_entry(void **state) {
    (void)state;
    static const char *const good[] = {"localhost",   "trunk.example", "TRUNK.example:8443",
                                       "192.0.2.7",   "192.0.2.7:1",   "[2001:db8::7]",
                                       "[::1]:65535", "a_b",           "xn--bcher-kva.example"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (allowed_host_find_defect(good[i]) != NULL) {
            fail_msg("%s: %s", good[i], allowed_host_find_defect(good[i]));
        }
        char *entries[] = {(char *)(uintptr_t)good[i], NULL};
        struct http_options options = {.address = "127.0.0.1", .allowed_hosts = entries};
        assert_true(allowed_host(good[i], &options));
        assert_false(allowed_host("other.example", &options));
    }
}

static void test_entry_that_equals_no_host_header_is_a_defect(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",       "http://a", "a/mcp",     "a:",        "a:0",      "a:65536", "a:x", ":80",
        "*",      "*.a",      "a b",       "a,b",       "::1",      "[::1",    "[a]", "[::1]x",
        "[::1]:", "user@a",   "[1.2.3.4]", "a\xc3\xa9", "a:000080", "[]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (allowed_host_find_defect(bad[i]) == NULL) {
            fail_msg("\"%s\" is taken for a host", bad[i]);
        }
    }
}

static void test_every_origin_that_browsers_send_is_a_good_entry(void **state) {
    (void)state;
    static const char *const good[] = {"https://app.example",
                                       "http://app.example:8080",
                                       "http://[::1]:3000",
                                       "vscode-webview://0a1b2c",
                                       "http://localhost:443",
                                       "chrome-extension://abcdefgh",
                                       "*"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (allowed_origin_find_defect(good[i]) != NULL) {
            fail_msg("%s: %s", good[i], allowed_origin_find_defect(good[i]));
        }
        char *entries[] = {(char *)(uintptr_t)good[i], NULL};
        struct http_options options = {.address = "127.0.0.1", .allowed_origins = entries};
        assert_true(allowed_origin(good[i], &options));
        assert_int_equal(allowed_origin("https://other.example", &options), good[i][0] == '*');
        assert_false(allowed_origin("null", &options));
    }
}

static void test_entry_that_equals_no_origin_is_a_defect(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "app.example",
                                      "https://",
                                      "https:app",
                                      "://app.example",
                                      "https://app.example/",
                                      "https://app.example/x",
                                      "https://app.example:443",
                                      "http://app.example:80",
                                      "https://*.example",
                                      "https://u@app.example",
                                      "null",
                                      "NULL",
                                      "https://a b",
                                      "1a://b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (allowed_origin_find_defect(bad[i]) == NULL) {
            fail_msg("\"%s\" is taken for an origin", bad[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_host_that_clients_send_is_a_good_entry),
        cmocka_unit_test(test_entry_that_equals_no_host_header_is_a_defect),
        cmocka_unit_test(test_every_origin_that_browsers_send_is_a_good_entry),
        cmocka_unit_test(test_entry_that_equals_no_origin_is_a_defect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
