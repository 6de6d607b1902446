/* SPDX-License-Identifier: MIT
 * headers.c - names, values, lists and the fields of answers. */
#include "headers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_visible(char c) {
    return c > ' ' && c < '\x7f';
}

bool header_name_is_valid(const char *name) {
    for (const char *c = name; *c != '\0'; c++) {
        if (!is_visible(*c) || strchr("\"(),/:;<=>?@[\\]{}", *c) != NULL) {
            return false;
        }
    }
    return *name != '\0';
}

bool header_value_is_valid(const char *value, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool header_is_reserved(const char *name) {
    static const char *const reserved[] = {"accept",
                                           "connection",
                                           "content-encoding",
                                           "content-length",
                                           "content-type",
                                           "expect",
                                           "host",
                                           "keep-alive",
                                           "last-event-id",
                                           "mcp-protocol-version",
                                           "mcp-session-id",
                                           "te",
                                           "trailer",
                                           "transfer-encoding",
                                           "upgrade"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcasecmp(name, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool headers_add_line(struct curl_slist **list, const char *line) {
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL) {
        return false;
    }
    *list = longer;
    return true;
}

/* libcurl sends an empty value only when it is written as "name;". Joined by hand: several times
 * for each call, formatting is felt. */
bool headers_add(struct curl_slist **list, const char *name, const char *value) {
    char small[256];
    size_t size = strlen(name) + strlen(value) + sizeof ": ";
    char *line = size <= sizeof small ? small : malloc(size);
    if (line == NULL) {
        return false;
    }
    char *end = stpcpy(line, name);
    (void)stpcpy(stpcpy(end, *value != '\0' ? ": " : ";"), value);
    bool is_added = headers_add_line(list, line);
    if (line != small) {
        free(line);
    }
    return is_added;
}

bool headers_have(const struct curl_slist *list, const char *name) {
    size_t len = strlen(name);
    for (; list != NULL; list = list->next) {
        if (strncasecmp(list->data, name, len) == 0 &&
            (list->data[len] == ':' || list->data[len] == ';')) {
            return true;
        }
    }
    return false;
}

void copy_printable(char *out, size_t size, const char *text, size_t len) {
    size_t count = len < size - 1 ? len : size - 1;
    for (size_t i = 0; i < count; i++) {
        out[i] = '?';
        if (is_visible(text[i]) || text[i] == ' ') {
            out[i] = text[i];
        }
    }
    out[count] = '\0';
}

static bool is_word(const char *value, size_t len, const char *word) {
    return strlen(word) == len && strncasecmp(value, word, len) == 0;
}

static enum content read_content(const char *value, size_t len) {
    const char *end = memchr(value, ';', len);
    len = end != NULL ? (size_t)(end - value) : len;
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t')) {
        len--;
    }
    if (is_word(value, len, "application/json")) {
        return CONTENT_JSON;
    }
    return is_word(value, len, "text/event-stream") ? CONTENT_EVENTS : CONTENT_OTHER;
}

static void take_session_id(struct answer_headers *headers, const char *value, size_t len) {
    bool is_good = len > 0 && len <= MAX_SESSION_ID_BYTES;
    for (size_t i = 0; is_good && i < len; i++) {
        is_good = is_visible(value[i]);
    }
    headers->has_bad_session_id = !is_good;
    if (is_good) {
        memcpy(headers->session_id, value, len);
        headers->session_id[len] = '\0';
    }
}

static void take_location(struct answer_headers *headers, const char *value, size_t len) {
    if (len < sizeof headers->location && memchr(value, '\0', len) == NULL) {
        memcpy(headers->location, value, len);
        headers->location[len] = '\0';
    }
}

void answer_headers_take(struct answer_headers *headers, const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    if (colon == NULL) {
        return;
    }
    size_t name_len = (size_t)(colon - line);
    const char *value = colon + 1;
    len -= name_len + 1;
    while (len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        len--;
    }
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t' || value[len - 1] == '\r' ||
                       value[len - 1] == '\n')) {
        len--;
    }
    if (is_word(line, name_len, "content-type")) {
        headers->content = read_content(value, len);
        copy_printable(headers->content_type, sizeof headers->content_type, value, len);
    } else if (is_word(line, name_len, "mcp-session-id")) {
        take_session_id(headers, value, len);
    } else if (is_word(line, name_len, "www-authenticate") && headers->challenge[0] == '\0') {
        copy_printable(headers->challenge, sizeof headers->challenge, value, len);
    } else if (is_word(line, name_len, "retry-after")) {
        copy_printable(headers->retry_after, sizeof headers->retry_after, value, len);
    } else if (is_word(line, name_len, "location")) {
        take_location(headers, value, len);
    }
}
