/* SPDX-License-Identifier: MIT
 * allowed.c - which Host and Origin headers are accepted. */
#include "http/allowed.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"
#include "http/listen_socket.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_BYTES LETTERS DIGITS "-_."

struct authority {
    struct trunk_slice host; /* [ ] kept */
    struct trunk_slice port; /* empty: none */
};

/* False if text is not host[:port]. */
static bool split_authority(const char *text, struct authority *out) {
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    size_t host_len = bracket != NULL ? (size_t)(bracket - text) + 1 : strcspn(text, ":");
    const char *rest = text + host_len;
    out->host = slice_of(text, host_len);
    out->port = slice_of(rest, 0);
    if (*rest == '\0') {
        return host_len > 0;
    }
    out->port = slice_cstr(rest + 1);
    return host_len > 0 && *rest == ':' && out->port.len > 0 &&
           strspn(rest + 1, DIGITS) == out->port.len;
}

static bool equal_nocase(struct trunk_slice a, struct trunk_slice b) {
    return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

static bool has_entries(char *const *list) {
    return list != NULL && list[0] != NULL;
}

bool allowed_host(const char *host, const struct http_options *options) {
    struct authority sent;
    if (!split_authority(host, &sent)) {
        return false;
    }
    if (!has_entries(options->allowed_hosts)) {
        return listen_address_is_loopback(options->address) &&
               (equal_nocase(sent.host, slice_cstr("localhost")) ||
                equal_nocase(sent.host, slice_cstr("127.0.0.1")) ||
                equal_nocase(sent.host, slice_cstr("[::1]")));
    }
    for (char *const *entry = options->allowed_hosts; *entry != NULL; entry++) {
        struct authority allowed;
        if (split_authority(*entry, &allowed) && equal_nocase(allowed.host, sent.host) &&
            (allowed.port.len == 0 || slice_equal(allowed.port, sent.port))) {
            return true;
        }
    }
    return false;
}

bool allowed_origin(const char *origin, const struct http_options *options) {
    if (strcasecmp(origin, "null") == 0) {
        return false; /* whoever wrote the page */
    }
    if (has_entries(options->allowed_origins)) {
        for (char *const *entry = options->allowed_origins; *entry != NULL; entry++) {
            if (strcmp(*entry, "*") == 0 || strcasecmp(*entry, origin) == 0) {
                return true;
            }
        }
    }
    const char *authority = strncasecmp(origin, "http://", 7) == 0    ? origin + 7
                            : strncasecmp(origin, "https://", 8) == 0 ? origin + 8
                                                                      : NULL;
    return authority != NULL && allowed_host(authority, options);
}

static bool is_host(struct trunk_slice host) {
    const char *text = host.data;
    if (text[0] == '[') {
        char address[64];
        if (host.len < 2 || host.len - 2 >= sizeof address || text[host.len - 1] != ']') {
            return false;
        }
        memcpy(address, text + 1, host.len - 2);
        address[host.len - 2] = '\0';
        return strchr(address, ':') != NULL && listen_address_is_numeric(address);
    }
    return strspn(text, NAME_BYTES) >= host.len;
}

static bool is_port(struct trunk_slice port) {
    return port.len <= 5 && strtoul(port.data, NULL, 10) >= 1 &&
           strtoul(port.data, NULL, 10) <= UINT16_MAX;
}

const char *allowed_host_find_defect(const char *entry) {
    struct authority authority;
    if (strchr(entry, '/') != NULL) {
        return "a URL or path; write the host alone, as in \"trunk.example\" or "
               "\"trunk.example:8443\"";
    }
    if (strchr(entry, '*') != NULL) {
        return "a pattern; write each host that clients use, as in \"trunk.example\"";
    }
    if (!split_authority(entry, &authority) || !is_host(authority.host) ||
        (authority.port.len > 0 && !is_port(authority.port))) {
        return "not a host; write a name or address as clients do, with a port if it matters: "
               "\"trunk.example\", \"192.0.2.7:8443\" or \"[2001:db8::7]\"";
    }
    return NULL;
}

const char *allowed_origin_find_defect(const char *entry) {
    static const char not_origin[] =
        "not an origin; write scheme and host, as in \"https://app.example\", or \"*\" for any";
    if (strcmp(entry, "*") == 0) {
        return NULL;
    }
    if (strcasecmp(entry, "null") == 0) {
        return "the origin of sandboxed pages and files, whoever wrote them, is never allowed; "
               "remove it";
    }
    size_t scheme_len = strspn(entry, LETTERS DIGITS "+-.");
    if (scheme_len == 0 || strspn(entry, LETTERS) == 0 ||
        strncmp(entry + scheme_len, "://", 3) != 0) {
        return not_origin;
    }
    struct authority authority;
    const char *rest = entry + scheme_len + 3;
    if (strchr(rest, '/') != NULL) {
        return "has a path, and browsers send none; end it behind the host, as in "
               "\"https://app.example\"";
    }
    if (!split_authority(rest, &authority) || !is_host(authority.host) ||
        (authority.port.len > 0 && !is_port(authority.port))) {
        return not_origin;
    }
    bool is_http = scheme_len == 4 && strncasecmp(entry, "http", 4) == 0;
    bool is_https = scheme_len == 5 && strncasecmp(entry, "https", 5) == 0;
    if ((is_http && slice_equal_cstr(authority.port, "80")) ||
        (is_https && slice_equal_cstr(authority.port, "443"))) {
        return "has the default port, which browsers leave out; write it without";
    }
    return NULL;
}
