/* SPDX-License-Identifier: MIT
 * auth.h - the authenticator as configured: tokens and the anonymous principal; follows the tokens
 * file while it changes. */
#ifndef TRUNKD_APP_AUTH_H
#define TRUNKD_APP_AUTH_H

#include "app/config.h"
#include "loop/loop.h"

struct auth;
/* Takes the tokens over from config, which outlives it. Looks at the file once a second: a new one
 * that is good takes effect, a bad one is logged once and changes nothing. */
struct auth *auth_new(struct loop *loop, struct log *log, struct config_auth *config);
const struct authenticator *auth_authenticator(const struct auth *auth);
void auth_free(struct auth *auth); /* NULL is fine */

#endif
