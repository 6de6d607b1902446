/* SPDX-License-Identifier: MIT
 * status.c - names of the ABI's statuses, and filling of struct trunk_error. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *status_name(int32_t status) {
    switch (status) {
    case TRUNK_OK:
        return "OK";
    case TRUNK_NOT_FOUND:
        return "NOT_FOUND";
    case TRUNK_EXISTS:
        return "EXISTS";
    case TRUNK_CONFLICT:
        return "CONFLICT";
    case TRUNK_INVALID:
        return "INVALID";
    case TRUNK_TOO_LARGE:
        return "TOO_LARGE";
    case TRUNK_UNSUPPORTED:
        return "UNSUPPORTED";
    case TRUNK_UNAVAILABLE:
        return "UNAVAILABLE";
    case TRUNK_UNCERTAIN:
        return "UNCERTAIN";
    case TRUNK_TIMEOUT:
        return "TIMEOUT";
    case TRUNK_CANCELLED:
        return "CANCELLED";
    case TRUNK_DENIED:
        return "DENIED";
    case TRUNK_INTERNAL:
        return "INTERNAL";
    default:
        return "status?";
    }
}

/* text was filled up to its size: takes the last character off when it is not there as a whole. */
static void drop_partial_character(char *text) {
    size_t len = strlen(text);
    size_t start = len;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (len - (start - 1) < wanted) {
        text[start - 1] = '\0';
    }
}

int32_t error_set(struct trunk_error *error, int32_t status, const char *key, const char *format,
                  ...) {
    if (error == NULL) {
        return status;
    }
    struct trunk_error filled = {.status = status}; /* the arguments may point into *error */
    if ((size_t)snprintf(filled.key, sizeof filled.key, "%s", key) >= sizeof filled.key) {
        drop_partial_character(filled.key);
    }
    va_list args;
    va_start(args, format);
    int len = vsnprintf(filled.text, sizeof filled.text, format, args);
    va_end(args);
    if (len >= (int)sizeof filled.text) {
        drop_partial_character(filled.text);
    }
    *error = filled;
    return status;
}
