/* SPDX-License-Identifier: MIT
 * settings.c - what is checked, and what is read once. */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <trunk/plugin_util.h>

enum { MAX_PREFIX_BYTES = 64, MAX_PASSWORD_BYTES = 4096, MAX_DATABASE = 1 << 20 };

#define DEFAULT_PORT 6379
#define DEFAULT_PREFIX "trunkd:"

const struct trunk_param_spec settings_spec[] = {
    {.key = "socket",
     .help = "path of the server's unix socket; instead of host",
     .type = TRUNK_PARAM_PATH},
    {.key = "host",
     .help = "name or address of the server, for TCP; instead of socket",
     .type = TRUNK_PARAM_STRING},
    {.key = "port", .help = "of host, default 6379", .type = TRUNK_PARAM_INT},
    {.key = "username",
     .help = "of the server's ACL; default: the server's default user",
     .type = TRUNK_PARAM_STRING},
    {.key = "password",
     .help = "for username or the default user",
     .type = TRUNK_PARAM_STRING,
     .flags = TRUNK_PARAM_SECRET},
    {.key = "password_file",
     .help = "a file that holds the password, instead of password",
     .type = TRUNK_PARAM_PATH},
    {.key = "database", .fallback = "0", .help = "number of the database", .type = TRUNK_PARAM_INT},
    {.key = "prefix",
     .fallback = DEFAULT_PREFIX,
     .help = "begins the name of each key in the database, ends in ':'",
     .type = TRUNK_PARAM_STRING},
    {0},
};

/* The number of an INT, which the host has found to be one; -1 for one out of 0..most. */
static int read_number(const char *text, int most) {
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    return errno == 0 && number >= 0 && number <= most ? (int)number : -1;
}

static int32_t check_server(const char *socket, const char *host, const char *port,
                            struct trunk_error *error) {
    if (socket == NULL && host == NULL) {
        return trunk_fail(error, TRUNK_INVALID, "socket",
                          "is missing: say where the server is, by socket or by host");
    }
    if (socket != NULL && host != NULL) {
        return trunk_fail(error, TRUNK_INVALID, "host",
                          "cannot be given together with socket: choose one of them");
    }
    if (socket != NULL && strlen(socket) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        return trunk_fail(error, TRUNK_INVALID, "socket",
                          "is too long for a unix socket: at most %zu bytes",
                          sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
    }
    if (host != NULL && *host == '\0') {
        return trunk_fail(error, TRUNK_INVALID, "host", "is empty: give a name or an address");
    }
    if (port != NULL && host == NULL) {
        return trunk_fail(error, TRUNK_INVALID, "port", "is of a host, and there is none");
    }
    if (port != NULL && read_number(port, UINT16_MAX) <= 0) {
        return trunk_fail(error, TRUNK_INVALID, "port", "must be 1 to 65535");
    }
    return TRUNK_OK;
}

static int32_t check_login(const char *username, const char *password, const char *password_file,
                           struct trunk_error *error) {
    if (password != NULL && password_file != NULL) {
        return trunk_fail(error, TRUNK_INVALID, "password_file",
                          "cannot be given together with password: choose one of them");
    }
    if (password != NULL && *password == '\0') {
        return trunk_fail(error, TRUNK_INVALID, "password",
                          "is empty: leave it out when the server asks for none");
    }
    if (username != NULL && password == NULL && password_file == NULL) {
        return trunk_fail(error, TRUNK_INVALID, "username",
                          "needs a password too, by password or password_file");
    }
    return TRUNK_OK;
}

static int32_t check_prefix(const char *prefix, struct trunk_error *error) {
    size_t len = strlen(prefix);
    if (len == 0 || prefix[len - 1] != ':' || len > MAX_PREFIX_BYTES) {
        return trunk_fail(error, TRUNK_INVALID, "prefix",
                          "must end in ':', like \"trunkd:\", and have at most %d bytes",
                          MAX_PREFIX_BYTES);
    }
    for (size_t i = 0; i < len; i++) {
        if (prefix[i] < '!' || prefix[i] > '~') {
            return trunk_fail(error, TRUNK_INVALID, "prefix",
                              "must be visible ASCII characters, without a space");
        }
    }
    return TRUNK_OK;
}

int32_t settings_check(const struct trunk_param *params, size_t nparams,
                       struct trunk_error *error) {
    const char *database = trunk_param_get(params, nparams, "database", "0");
    int32_t status = check_server(trunk_param_get(params, nparams, "socket", NULL),
                                  trunk_param_get(params, nparams, "host", NULL),
                                  trunk_param_get(params, nparams, "port", NULL), error);
    if (status == TRUNK_OK) {
        status = check_login(trunk_param_get(params, nparams, "username", NULL),
                             trunk_param_get(params, nparams, "password", NULL),
                             trunk_param_get(params, nparams, "password_file", NULL), error);
    }
    if (status == TRUNK_OK && read_number(database, MAX_DATABASE) < 0) {
        status = trunk_fail(error, TRUNK_INVALID, "database", "must be 0 or a little more");
    }
    if (status == TRUNK_OK) {
        status = check_prefix(trunk_param_get(params, nparams, "prefix", DEFAULT_PREFIX), error);
    }
    return status;
}

/* The file's content without the line break at its end. */
static int32_t read_password(char **out_password, const char *path, struct trunk_error *error) {
    char content[MAX_PASSWORD_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, content, sizeof content) : -1;
    int failure = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (len < 0) {
        return trunk_fail(error, TRUNK_INVALID, "password_file", "cannot be read: %s",
                          strerror(failure));
    }
    while (len > 0 && (content[len - 1] == '\n' || content[len - 1] == '\r')) {
        len--;
    }
    if (len == 0 || len > MAX_PASSWORD_BYTES || memchr(content, '\0', (size_t)len) != NULL) {
        return trunk_fail(error, TRUNK_INVALID, "password_file",
                          "must hold the password alone, 1 to %d bytes", MAX_PASSWORD_BYTES);
    }
    *out_password = strndup(content, (size_t)len);
    explicit_bzero(content, sizeof content);
    return *out_password != NULL
               ? TRUNK_OK
               : trunk_fail(error, TRUNK_UNAVAILABLE, "password_file", "out of memory");
}

int32_t settings_read(struct settings *out_settings, const struct trunk_param *params,
                      size_t nparams, struct trunk_error *error) {
    const char *port = trunk_param_get(params, nparams, "port", NULL);
    const char *password = trunk_param_get(params, nparams, "password", NULL);
    const char *password_file = trunk_param_get(params, nparams, "password_file", NULL);
    *out_settings = (struct settings){
        .socket = trunk_param_get(params, nparams, "socket", NULL),
        .host = trunk_param_get(params, nparams, "host", NULL),
        .port = port != NULL ? read_number(port, UINT16_MAX) : DEFAULT_PORT,
        .username = trunk_param_get(params, nparams, "username", ""),
        .database = read_number(trunk_param_get(params, nparams, "database", "0"), MAX_DATABASE),
        .prefix = trunk_param_get(params, nparams, "prefix", DEFAULT_PREFIX),
    };
    int32_t status = TRUNK_OK;
    if (out_settings->socket != NULL) {
        (void)snprintf(out_settings->name, sizeof out_settings->name, "%s", out_settings->socket);
    } else {
        bool has_colon = strchr(out_settings->host, ':') != NULL;
        (void)snprintf(out_settings->name, sizeof out_settings->name,
                       has_colon ? "[%s]:%d" : "%s:%d", out_settings->host, out_settings->port);
    }
    if (status == TRUNK_OK && password != NULL) {
        out_settings->password = strdup(password);
        if (out_settings->password == NULL) {
            status = trunk_fail(error, TRUNK_UNAVAILABLE, "password", "out of memory");
        }
    } else if (status == TRUNK_OK && password_file != NULL) {
        status = read_password(&out_settings->password, password_file, error);
    }
    return status;
}

void settings_clear(struct settings *settings) {
    if (settings->password != NULL) {
        explicit_bzero(settings->password, strlen(settings->password));
    }
    free(settings->password);
}
