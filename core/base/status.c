/* SPDX-License-Identifier: MIT
 * status.c - names of statuses, and errors with a text. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *status_name(int32_t status) {
    static const char *const names[] = {
        [TRUNK_OK] = "OK",
        [TRUNK_NOT_FOUND] = "NOT_FOUND",
        [TRUNK_EXISTS] = "EXISTS",
        [TRUNK_CONFLICT] = "CONFLICT",
        [TRUNK_INVALID] = "INVALID",
        [TRUNK_TOO_LARGE] = "TOO_LARGE",
        [TRUNK_UNSUPPORTED] = "UNSUPPORTED",
        [TRUNK_UNAVAILABLE] = "UNAVAILABLE",
        [TRUNK_UNCERTAIN] = "UNCERTAIN",
        [TRUNK_TIMEOUT] = "TIMEOUT",
        [TRUNK_CANCELLED] = "CANCELLED",
        [TRUNK_DENIED] = "DENIED",
        [TRUNK_INTERNAL] = "INTERNAL",
    };
    if (status < 0 || (size_t)status >= sizeof names / sizeof names[0]) {
        return "status?";
    }
    return names[status];
}

/* A cut inside a UTF-8 character would make the text invalid where it is shown. */
static void trim_half_character(char *text) {
    size_t len = strlen(text);
    size_t start = len;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start > 0 && ((unsigned char)text[start - 1] & 0x80) != 0) {
        unsigned char lead = (unsigned char)text[start - 1];
        size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (len - (start - 1) < wanted) {
            text[start - 1] = '\0';
        }
    }
}

int32_t error_set(struct trunk_error *error, int32_t status, const char *key, const char *format, ...) {
    if (error != NULL) {
        va_list args;
        error->status = status;
        (void)snprintf(error->key, sizeof error->key, "%s", key);
        va_start(args, format);
        int len = vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
        if (len >= (int)sizeof error->text) {
            trim_half_character(error->text);
        }
    }
    return status;
}
