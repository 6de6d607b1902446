/* SPDX-License-Identifier: MIT
 * tokens.h - bearer tokens (RFC 6750), of which only the SHA-256 is known, and the principals they
 * stand for. */
#ifndef TRUNKD_HTTP_TOKENS_H
#define TRUNKD_HTTP_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/authenticator.h"

#define TOKEN_HASH_BYTES 32

struct token {
    char *name; /* the principal's; several tokens may be one principal's */
    uint8_t sha256[TOKEN_HASH_BYTES];
    uint64_t expires_s; /* since 1970; 0: never */
};
struct tokens {
    struct token *items;
    size_t count;
};
void token_hash(const char *token, uint8_t out[TOKEN_HASH_BYTES]);
void tokens_clear(struct tokens *tokens); /* frees, and leaves {0} */

/* The rule of authenticator.h. Without a header: the anonymous principal, where that is allowed.
 * With one: the principal of the token in it, or a refusal, whatever is allowed without. Takes as
 * long for one unknown token as for another. */
struct auth_verdict tokens_check(const struct tokens *tokens, bool allows_anonymous,
                                 const char *authorization, uint64_t now_s);

#endif
