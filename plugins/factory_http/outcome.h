/* SPDX-License-Identifier: MIT
 * outcome.h - what the answer to a POST, or its absence, means for the op that sent it (ABI rules 8
 * and 13). Pure. */
#ifndef FACTORY_HTTP_OUTCOME_H
#define FACTORY_HTTP_OUTCOME_H

#include "exchange.h"

enum { OUTCOME_TEXT_BYTES = 640 };

struct outcome_context {
    const char *backend;
    bool has_session; /* the request named a session */
    bool is_good;     /* which had been accepted before */
};

/* OK: a whole 2xx answer; what is in it is for the caller to judge. Else out_text says why. */
int32_t outcome_of(const struct exchange_result *result, const struct outcome_context *context,
                   char *out_text, size_t size);
/* The same of the DELETE that ends a session. OK: the session is gone, or the server lets nobody
 * end it. UNCERTAIN: the server may still hold it, and another DELETE may end it. */
int32_t outcome_of_delete(const struct exchange_result *result, const char *backend, char *out_text,
                          size_t size);
/* May this failure pass, so that the same GET is worth another try? */
bool outcome_is_transient(const struct exchange_result *result);

#endif
