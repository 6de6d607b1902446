/* SPDX-License-Identifier: MIT
 * outcome.h - what an error of the server means for the call. */
#ifndef STORAGE_REDIS_OUTCOME_H
#define STORAGE_REDIS_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

struct outcome {
    int32_t status;     /* UNAVAILABLE, DENIED or INTERNAL: an error has changed nothing */
    const char *advice; /* for people, to be put after the server's text; NULL: none */
    bool is_no_script;  /* the server has forgotten the script */
    bool is_elsewhere;  /* another connection may be better off: the server is a replica now, or
                           wants us to log in again */
};

/* text: of the error, as the server gave it. */
struct outcome outcome_of_error(const char *text);

#endif
