/* SPDX-License-Identifier: MIT
 * command.c - a backend's parameters as argument list, environment and files to try. */
#include "command.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trunk/plugin_util.h>

#define ENV_KEY "env."
#define ENV_KEY_LEN (sizeof ENV_KEY - 1)
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

static const char *const inherited[] = {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"};

static bool is_env_key(const char *key) {
    return strncmp(key, ENV_KEY, ENV_KEY_LEN) == 0;
}

static size_t count_list(char *const *list) {
    size_t count = 0;
    while (list != NULL && list[count] != NULL) {
        count++;
    }
    return count;
}

static void free_list(char **list) {
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        free(list[i]);
    }
    free(list);
}

__attribute__((format(printf, 2, 3))) static bool add_to_list(char ***list, const char *format,
                                                              ...) {
    size_t count = count_list(*list);
    char **longer = reallocarray(*list, count + 2, sizeof *longer);
    if (longer == NULL) {
        return false;
    }
    *list = longer;
    longer[count] = NULL;
    longer[count + 1] = NULL;
    va_list args;
    va_start(args, format);
    int written = vasprintf(&longer[count], format, args);
    va_end(args);
    if (written < 0) {
        longer[count] = NULL;
    }
    return written >= 0;
}

static bool add_environment(struct command *out, const struct trunk_param *params, size_t nparams) {
    char key[ENV_KEY_LEN + 16];
    for (size_t i = 0; i < sizeof inherited / sizeof inherited[0]; i++) {
        (void)snprintf(key, sizeof key, ENV_KEY "%s", inherited[i]);
        const char *value = getenv(inherited[i]);
        if (value != NULL && trunk_param_get(params, nparams, key, NULL) == NULL &&
            !add_to_list(&out->envp, "%s=%s", inherited[i], value)) {
            return false;
        }
    }
    for (size_t i = 0; i < nparams; i++) {
        if (is_env_key(params[i].key) &&
            !add_to_list(&out->envp, "%s=%s", params[i].key + ENV_KEY_LEN, params[i].value)) {
            return false;
        }
    }
    /* exec wants a list even when nothing is in it. */
    return out->envp != NULL || (out->envp = calloc(1, sizeof *out->envp)) != NULL;
}

/* An empty PATH entry, which a shell takes for the current directory, is skipped: nobody who
 * configures a server means it. */
static bool add_files(struct command *out, const char *path) {
    const char *name = out->argv[0];
    if (strchr(name, '/') != NULL) {
        return add_to_list(&out->files, "%s", name);
    }
    for (size_t len; *path != '\0'; path += len + (path[len] == ':')) {
        len = strcspn(path, ":");
        if (len > 0 && !add_to_list(&out->files, "%.*s/%s", (int)len, path, name)) {
            return false;
        }
    }
    return out->files != NULL || (out->files = calloc(1, sizeof *out->files)) != NULL;
}

/* NULL when none is configured; an empty one counts as none. */
static const char *find_cwd(const struct trunk_param *params, size_t nparams) {
    const char *cwd = trunk_param_get(params, nparams, "cwd", NULL);
    return cwd != NULL && cwd[0] != '\0' ? cwd : NULL;
}

int32_t command_check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    const char *command = trunk_param_get(params, nparams, "command", "");
    if (command[0] == '\0') {
        return trunk_fail(error, TRUNK_INVALID, "command",
                          "is empty; give the program to run, such as \"npx\"");
    }
    const char *cwd = find_cwd(params, nparams);
    if (cwd != NULL && cwd[0] != '/') {
        return trunk_fail(error, TRUNK_INVALID, "cwd", "\"%.100s\" is not an absolute path", cwd);
    }
    for (size_t i = 0; i < nparams; i++) {
        if (is_env_key(params[i].key)) {
            const char *name = params[i].key + ENV_KEY_LEN;
            if (name[0] == '\0' || strchr(name, '=') != NULL) {
                return trunk_fail(error, TRUNK_INVALID, params[i].key,
                                  "is not the name of a variable: it is empty or has a '='");
            }
        }
    }
    return TRUNK_OK;
}

int32_t command_build(const struct trunk_param *params, size_t nparams, struct command *out) {
    *out = (struct command){0};
    if (!add_to_list(&out->argv, "%s", trunk_param_get(params, nparams, "command", ""))) {
        goto fail;
    }
    for (size_t i = 0; i < nparams; i++) {
        if (strcmp(params[i].key, "args") == 0 && !add_to_list(&out->argv, "%s", params[i].value)) {
            goto fail;
        }
    }
    const char *path = trunk_param_get(params, nparams, ENV_KEY "PATH", getenv("PATH"));
    const char *cwd = find_cwd(params, nparams);
    if (!add_environment(out, params, nparams) || !add_files(out, path ? path : DEFAULT_PATH) ||
        (cwd != NULL && (out->cwd = strdup(cwd)) == NULL)) {
        goto fail;
    }
    return TRUNK_OK;
fail:
    command_free(out);
    return TRUNK_INTERNAL;
}

void command_free(struct command *command) {
    free_list(command->argv);
    free_list(command->envp);
    free_list(command->files);
    free(command->cwd);
    *command = (struct command){0};
}
