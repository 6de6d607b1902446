/* SPDX-License-Identifier: MIT
 * auth.c - the authenticator as configured. */
#include "app/auth.h"

#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"

#define LOOK_INTERVAL_MS 1000

struct auth {
    struct authenticator authenticator;
    struct log *log;
    const struct config_auth *config;
    struct loop_timer *timer; /* NULL: there is no file */
    struct tokens tokens;
    struct file_stamp stamp; /* of the file that was last read, well or not */
};

/* A date that somebody wrote down is one of the system's clock, even when that jumps. */
static struct auth_verdict check(void *ctx, const char *authorization) {
    const struct auth *auth = ctx;
    return tokens_check(&auth->tokens, auth->config->allows_anonymous, authorization,
                        (uint64_t)time(NULL));
}

static void log_problem(void *ctx, const char *where, const char *problem) {
    const struct auth *auth = ctx;
    log_error(auth->log, "auth", "tokens stay as they were: %s: %s", where, problem);
}

static void reread(struct auth *auth) {
    struct problems problems;
    problems_init(&problems, auth->config->tokens_file, log_problem, auth);
    if (tokens_file_read(&problems, &auth->tokens, &auth->stamp)) {
        log_info(auth->log, "auth", "tokens read again count=%zu", auth->tokens.count);
    }
    problems_clear(&problems);
}

static void look(void *arg) {
    struct auth *auth = arg;
    struct file_stamp stamp = file_stamp_of(auth->config->tokens_file);
    if (!file_stamp_equal(&stamp, &auth->stamp)) {
        auth->stamp = stamp; /* if it cannot even be opened, it is told once all the same */
        reread(auth);
    }
    loop_timer_set(auth->timer, LOOK_INTERVAL_MS);
}

struct auth *auth_new(struct loop *loop, struct log *log, struct config_auth *config) {
    struct auth *auth = xcalloc(1, sizeof *auth);
    *auth = (struct auth){.authenticator = {check, auth},
                          .log = log,
                          .config = config,
                          .tokens = config->tokens,
                          .stamp = config->stamp};
    config->tokens = (struct tokens){0};
    if (config->tokens_file[0] != '\0') {
        auth->timer = loop_timer_new(loop, look, auth);
        loop_timer_set(auth->timer, LOOK_INTERVAL_MS);
    }
    return auth;
}

const struct authenticator *auth_authenticator(const struct auth *auth) {
    return &auth->authenticator;
}

void auth_free(struct auth *auth) {
    if (auth != NULL) {
        loop_timer_free(auth->timer);
        tokens_clear(&auth->tokens);
        free(auth);
    }
}
