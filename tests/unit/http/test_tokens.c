/* SPDX-License-Identifier: MIT
 * test_tokens.c - from an Authorization header to a principal or a refusal. */
#include "http/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"

#define EXPIRES_S 2000u

/* The SHA-256 of "abc", as FIPS 180-2 has it. */
static const uint8_t of_abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
static int set_up(void **state) {
    struct tokens *tokens = xcalloc(1, sizeof *tokens);
    tokens->count = 3;
    tokens->items = xcalloc(tokens->count, sizeof *tokens->items);
    for (size_t i = 0; i < tokens->count; i++) {
        tokens->items[i].name = xasprintf("user%zu", i);
        memset(tokens->items[i].sha256, (int)i, TOKEN_HASH_BYTES);
    }
    memcpy(tokens->items[1].sha256, of_abc, sizeof of_abc);
    tokens->items[1].expires_s = EXPIRES_S;
    *state = tokens;
    return 0;
}

static int tear_down(void **state) {
    struct tokens *tokens = *state;
    tokens_clear(tokens);
    assert_null(tokens->items);
    free(tokens);
    return 0;
}

static void assert_refused(const struct tokens *tokens, const char *authorization, uint64_t now_s,
                           const char *error) {
    for (int allows_anonymous = 0; allows_anonymous < 2; allows_anonymous++) {
        if (authorization == NULL && allows_anonymous) {
            continue;
        }
        struct auth_verdict verdict = tokens_check(tokens, allows_anonymous, authorization, now_s);
        assert_null(verdict.principal);
        assert_non_null(verdict.text);
        assert_int_equal(strncmp(verdict.challenge, "Bearer realm=\"trunkd\"", 21), 0);
        if (error == NULL) {
            assert_string_equal(verdict.challenge, "Bearer realm=\"trunkd\"");
        } else {
            assert_non_null(strstr(verdict.challenge, ", error=\"invalid_token\", "));
            assert_non_null(strstr(verdict.challenge, error));
        }
    }
}

static void assert_accepted(const struct tokens *tokens, const char *authorization,
                            const char *principal) {
    struct auth_verdict verdict = tokens_check(tokens, false, authorization, 0);
    assert_non_null(verdict.principal);
    assert_string_equal(verdict.principal, principal);
    verdict = tokens_check(tokens, true, authorization, EXPIRES_S - 1);
    assert_string_equal(verdict.principal, principal);
}

static void test_known_token_is_its_principal(void **state) {
    assert_accepted(*state, "Bearer abc", "user1");
    assert_accepted(*state, "bearer  abc", "user1");
    assert_accepted(*state, "BEARER abc", "user1");
}

static void test_wrong_token_is_refused_even_where_none_is_needed(void **state) {
    static const char *const wrong[] = {"Bearer abd", "Bearer ABC", "Bearer abc ", "Bearer abc,d",
                                        "Bearer ",    "Bearer",     "Bearer abcd", "Bearer \tabc"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_refused(*state, wrong[i], 0, "the token is unknown");
    }
    struct tokens none = {0};
    assert_refused(&none, "Bearer abc", 0, "the token is unknown");
}

static void test_another_scheme_is_no_token(void **state) {
    assert_refused(*state, "Basic YTpi", 0, NULL);
    assert_refused(*state, "", 0, NULL);
    assert_refused(*state, "abc", 0, NULL);
    assert_refused(*state, "Bearerabc", 0, NULL);
    assert_refused(*state, " Bearer abc", 0, NULL);
}

static void test_expired_token_is_refused_from_that_second_on(void **state) {
    assert_refused(*state, "Bearer abc", EXPIRES_S, "the token has expired");
    assert_refused(*state, "Bearer abc", UINT64_MAX, "the token has expired");
}

static void test_without_a_token_one_is_anonymous_or_refused(void **state) {
    struct auth_verdict verdict = tokens_check(*state, true, NULL, 0);
    assert_string_equal(verdict.principal, "");
    assert_refused(*state, NULL, 0, NULL);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_known_token_is_its_principal),
        CASE(test_wrong_token_is_refused_even_where_none_is_needed),
        CASE(test_another_scheme_is_no_token),
        CASE(test_expired_token_is_refused_from_that_second_on),
        CASE(test_without_a_token_one_is_anonymous_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
