/* SPDX-License-Identifier: MIT
 * handshake.c - the steps, and what INFO tells. */
#include "handshake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"

enum { STEP_AUTH, STEP_INFO, STEP_SELECT, STEP_SCRIPTS, STEP_COUNT = STEP_SCRIPTS + SCRIPT_COUNT };

/* Streams are trimmed by number, and scanned by type. */
enum { OLDEST_MAJOR = 6, OLDEST_MINOR = 2 };

static bool is_needed(const struct settings *settings, unsigned step) {
    return (step != STEP_AUTH || settings->password != NULL) &&
           (step != STEP_SELECT || settings->database != 0);
}

static void skip_needless(struct handshake *handshake) {
    while (handshake->step < STEP_COUNT && !is_needed(handshake->settings, handshake->step)) {
        handshake->step++;
    }
}

static int send_step(const struct settings *settings, unsigned step, redisAsyncContext *ac,
                     redisCallbackFn *fn, void *privdata) {
    switch (step) {
    case STEP_AUTH:
        return *settings->username != '\0'
                   ? redisAsyncCommand(ac, fn, privdata, "AUTH %s %s", settings->username,
                                       settings->password)
                   : redisAsyncCommand(ac, fn, privdata, "AUTH %s", settings->password);
    case STEP_INFO:
        return redisAsyncCommand(ac, fn, privdata, "INFO");
    case STEP_SELECT:
        return redisAsyncCommand(ac, fn, privdata, "SELECT %d", settings->database);
    default:
        return redisAsyncCommand(ac, fn, privdata, "SCRIPT LOAD %s",
                                 script_text((enum script)(step - STEP_SCRIPTS)));
    }
}

bool handshake_begin(struct handshake *out_handshake, const struct settings *settings,
                     redisAsyncContext *ac, redisCallbackFn *fn, void *privdata) {
    *out_handshake = (struct handshake){.settings = settings};
    for (unsigned step = 0; step < STEP_COUNT; step++) {
        if (is_needed(settings, step) && send_step(settings, step, ac, fn, privdata) != REDIS_OK) {
            return false;
        }
    }
    skip_needless(out_handshake);
    return true;
}

bool handshake_is_over(const struct handshake *handshake) {
    return handshake->step == STEP_COUNT;
}

/* The value of "NAME:VALUE" on a line of its own, cut to what out_value takes; "" without one. */
static void find_field(const char *info, const char *name, char *out_value, size_t size) {
    size_t len = strlen(name);
    *out_value = '\0';
    for (const char *line = info; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            const char *value = line + len + 1;
            (void)snprintf(out_value, size, "%.*s", (int)strcspn(value, "\r\n"), value);
            return;
        }
    }
}

static int32_t take_info(struct handshake *handshake, const char *info, char *out_text,
                         size_t text_size) {
    char version[32];
    char valkey[32];
    char role[16];
    char policy[32];
    find_field(info, "redis_version", version, sizeof version);
    find_field(info, "valkey_version", valkey, sizeof valkey);
    find_field(info, "run_id", handshake->run_id, sizeof handshake->run_id);
    find_field(info, "role", role, sizeof role);
    find_field(info, "maxmemory_policy", policy, sizeof policy);
    char *end = NULL;
    bool is_valkey = *valkey != '\0'; /* which tells the version of Redis that it is like, too */
    (void)snprintf(handshake->server, sizeof handshake->server, "%s %s",
                   is_valkey ? "valkey" : "redis", is_valkey ? valkey : version);
    unsigned long major = strtoul(version, &end, 10);
    unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    if (*version == '\0') {
        (void)snprintf(out_text, text_size, "it does not tell its version: is it a redis server?");
        return TRUNK_UNAVAILABLE;
    }
    if (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR)) {
        (void)snprintf(out_text, text_size,
                       "its version is %s, and %d.%d is the oldest that can be used", version,
                       OLDEST_MAJOR, OLDEST_MINOR);
        return TRUNK_UNAVAILABLE;
    }
    if (strcmp(role, "slave") == 0) {
        (void)snprintf(out_text, text_size, "it is a replica, and what is needed is its master");
        return TRUNK_UNAVAILABLE;
    }
    handshake->may_evict = *policy != '\0' && strcmp(policy, "noeviction") != 0;
    return TRUNK_OK;
}

/* Some errors quote the command. */
static void tell_error(const struct handshake *handshake, const char *error, const char *advice,
                       char *out_text, size_t text_size) {
    const char *password = handshake->settings->password;
    bool has_secret = password != NULL && strstr(error, password) != NULL;
    (void)snprintf(out_text, text_size, "%s%s%s", has_secret ? "it refuses our login" : error,
                   advice != NULL ? "; " : "", advice != NULL ? advice : "");
}

int32_t handshake_take(struct handshake *handshake, const redisReply *reply, char *out_text,
                       size_t text_size) {
    unsigned step = handshake->step++;
    skip_needless(handshake);
    if (reply->type == REDIS_REPLY_ERROR) {
        struct outcome outcome = outcome_of_error(reply->str);
        tell_error(handshake, reply->str, outcome.advice, out_text, text_size);
        if (outcome.status == TRUNK_INTERNAL) { /* an error that is not known */
            return step == STEP_AUTH ? TRUNK_DENIED : TRUNK_UNAVAILABLE;
        }
        return outcome.status;
    }
    bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
    if (!is_text || (step >= STEP_SCRIPTS && reply->len != SHA_BYTES)) {
        (void)snprintf(out_text, text_size, "it answers strangely: is it a redis server?");
        return TRUNK_UNAVAILABLE;
    }
    if (step == STEP_INFO) {
        return take_info(handshake, reply->str, out_text, text_size);
    }
    if (step >= STEP_SCRIPTS) {
        memcpy(handshake->shas[step - STEP_SCRIPTS], reply->str, SHA_BYTES + 1);
    }
    return TRUNK_OK;
}
