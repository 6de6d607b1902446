/* SPDX-License-Identifier: MIT
 * settings.h - the parameters of a configured store: checked, then read, with the password fetched
 * from its file. */
#ifndef STORAGE_REDIS_SETTINGS_H
#define STORAGE_REDIS_SETTINGS_H

#include <trunk/plugin.h>

/* Texts are borrowed from the parameters, which live as long as the store is open. */
struct settings {
    const char *socket; /* NULL: by TCP */
    const char *host;
    int port;
    const char *username; /* "": none */
    char *password;       /* owned; NULL: none */
    int database;
    const char *prefix;
    char name[128]; /* of the server, for people: the socket's path, or HOST:PORT */
};

extern const struct trunk_param_spec settings_spec[];

/* As `check` of the ABI: touches nothing. */
int32_t settings_check(const struct trunk_param *params, size_t nparams, struct trunk_error *error);
/* params have passed settings_check. Reads the password's file. Not OK: nothing is to be cleared.
 */
int32_t settings_read(struct settings *out_settings, const struct trunk_param *params,
                      size_t nparams, struct trunk_error *error);
void settings_clear(struct settings *settings);

#endif
