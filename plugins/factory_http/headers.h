/* SPDX-License-Identifier: MIT
 * headers.h - header fields: what may be sent, lists for libcurl, and what answers carry. Pure. */
#ifndef FACTORY_HTTP_HEADERS_H
#define FACTORY_HTTP_HEADERS_H

#include <stdbool.h>

#include <curl/curl.h>

#include <trunk/types.h>

enum { MAX_SESSION_ID_BYTES = 1024, MAX_FIELD_BYTES = 256 };

bool header_name_is_valid(const char *name);
/* No control characters. */
bool header_value_is_valid(const char *value, size_t len);
/* One that the driver sets itself, so that a configured one would only contradict it. */
bool header_is_reserved(const char *name);

/* A line as libcurl wants it, and "name: value". Give false when out of memory; *list stays valid
 * then. */
bool headers_add_line(struct curl_slist **list, const char *line);
bool headers_add(struct curl_slist **list, const char *name, const char *value);
/* Is there a field of this name in the list? */
bool headers_have(const struct curl_slist *list, const char *name);

enum content { CONTENT_NONE, CONTENT_JSON, CONTENT_EVENTS, CONTENT_OTHER };

/* What the driver looks at in the header section of an answer. Zero before the first line. */
struct answer_headers {
    enum content content;
    bool has_bad_session_id; /* too long, or not visible ASCII */
    char content_type[64];   /* what the backend called it; for texts */
    char session_id[MAX_SESSION_ID_BYTES + 1];
    char challenge[MAX_FIELD_BYTES];   /* WWW-Authenticate, for texts */
    char retry_after[MAX_FIELD_BYTES]; /* for texts */
    char location[2048];               /* "" also when it is longer */
};
/* line: one field with or without its line end. */
void answer_headers_take(struct answer_headers *headers, const char *line, size_t len);

/* Copies text from a peer for people: control characters and what is not ASCII become '?'. Cut at
 * size. */
void copy_printable(char *out, size_t size, const char *text, size_t len);

#endif
