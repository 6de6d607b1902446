/* SPDX-License-Identifier: MIT
 * tokens.c - from a bearer token to a principal. */
#include "http/tokens.h"

#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "session/principal.h"

#define CHALLENGE "Bearer realm=\"trunkd\""
#define INVALID CHALLENGE ", error=\"invalid_token\", error_description="

_Static_assert(TOKEN_HASH_BYTES == SHA256_DIGEST_SIZE, "a SHA-256");

void tokens_clear(struct tokens *tokens) {
    for (size_t i = 0; i < tokens->count; i++) {
        free(tokens->items[i].name);
    }
    free(tokens->items);
    *tokens = (struct tokens){0};
}

void token_hash(const char *token, uint8_t out[TOKEN_HASH_BYTES]) {
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, strlen(token), (const uint8_t *)token);
    sha256_digest(&hash, TOKEN_HASH_BYTES, out);
}

/* What follows the scheme and its blanks; NULL: another scheme. */
static const char *find_bearer(const char *authorization) {
    static const char scheme[] = "Bearer";
    size_t len = sizeof scheme - 1;
    if (strncasecmp(authorization, scheme, len) != 0 ||
        (authorization[len] != ' ' && authorization[len] != '\0')) {
        return NULL;
    }
    return authorization + len + strspn(authorization + len, " ");
}

static const struct token *find_token(const struct tokens *tokens, const char *sent) {
    uint8_t digest[TOKEN_HASH_BYTES];
    const struct token *found = NULL;
    token_hash(sent, digest);
    for (size_t i = 0; i < tokens->count; i++) { /* to the end, wherever it is found */
        if (memeql_sec(tokens->items[i].sha256, digest, sizeof digest)) {
            found = &tokens->items[i];
        }
    }
    return found;
}

static struct auth_verdict refuse(const char *challenge, const char *text) {
    return (struct auth_verdict){.challenge = challenge, .text = text};
}

struct auth_verdict tokens_check(const struct tokens *tokens, bool allows_anonymous,
                                 const char *authorization, uint64_t now_s) {
    if (authorization == NULL && allows_anonymous) {
        return (struct auth_verdict){.principal = PRINCIPAL_ANONYMOUS};
    }
    const char *sent = authorization != NULL ? find_bearer(authorization) : NULL;
    if (sent == NULL) {
        return refuse(CHALLENGE, "a bearer token is needed");
    }
    const struct token *token = find_token(tokens, sent);
    if (token == NULL) {
        return refuse(INVALID "\"the token is unknown\"", "the token is unknown");
    }
    if (token->expires_s != 0 && now_s >= token->expires_s) {
        return refuse(INVALID "\"the token has expired\"", "the token has expired");
    }
    return (struct auth_verdict){.principal = token->name};
}
