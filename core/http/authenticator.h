/* SPDX-License-Identifier: MIT
 * authenticator.h - who sent a request: the one place where a credential becomes a principal.
 * Another kind of credential is another implementation of this interface. */
#ifndef TRUNKD_HTTP_AUTHENTICATOR_H
#define TRUNKD_HTTP_AUTHENTICATOR_H

struct auth_verdict {
    const char *principal; /* whose request it is; valid until the next call. NULL: 401 */
    const char *challenge; /* of the 401: the value of WWW-Authenticate; static */
    const char *text;      /* of the 401: why; static, and silent about what was sent */
};

struct authenticator {
    /* authorization: the Authorization header; NULL: none was sent. Called on the loop. */
    struct auth_verdict (*check)(void *ctx, const char *authorization);
    void *ctx;
};

#endif
