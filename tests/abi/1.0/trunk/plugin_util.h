/* SPDX-License-Identifier: MIT
 * trunk/plugin_util.h - small inline helpers for drivers written in C. Optional: nothing in the ABI
 * depends on it. Needs <stdarg.h> and <stdio.h> beside the ABI's own two headers. */
#ifndef TRUNK_PLUGIN_UTIL_H
#define TRUNK_PLUGIN_UTIL_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <trunk/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Logs a formatted line (cut at 1 KiB). Any thread. */
__attribute__((format(printf, 3, 4))) static inline void
trunk_logf(const struct trunk_host *host, int32_t level, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    host->log(host->ctx, level, text);
}

/* Fills *error (which may be NULL) and returns status, so that a check reads `return
 * trunk_fail(...)`. key is the parameter at fault, or "". */
__attribute__((format(printf, 4, 5))) static inline int32_t
trunk_fail(struct trunk_error *error, int32_t status, const char *key, const char *format, ...) {
    if (error != NULL) {
        va_list args;
        error->status = status;
        (void)snprintf(error->key, sizeof error->key, "%s", key);
        va_start(args, format);
        (void)vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
    }
    return status;
}

/* Completes op with a status and a text (NULL for none) and no value. Any thread. */
static inline void trunk_complete(const struct trunk_host *host, trunk_op op, int32_t status,
                                  const char *message) {
    struct trunk_reply reply;
    memset(&reply, 0, sizeof reply);
    reply.struct_size = sizeof reply;
    reply.status = status;
    reply.message = message;
    host->complete(host->ctx, op, &reply);
}

/* The value of the first parameter with this key, or fallback. */
static inline const char *trunk_param_get(const struct trunk_param *params, size_t nparams,
                                          const char *key, const char *fallback) {
    size_t i;
    for (i = 0; i < nparams; i++) {
        if (strcmp(params[i].key, key) == 0) {
            return params[i].value;
        }
    }
    return fallback;
}

#ifdef __cplusplus
}
#endif
#endif
