/* SPDX-License-Identifier: MIT
 * store.c - making and ending a store, and small conversions. */
#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trunk/plugin_util.h>

static char *join(const char *prefix, const char *rest) {
    size_t size = strlen(prefix) + strlen(rest) + 1;
    char *text = malloc(size);
    if (text != NULL) {
        (void)snprintf(text, size, "%s%s", prefix, rest);
    }
    return text;
}

static void free_parts(struct store *store) {
    connection_free(store->connection);
    free(store->value_prefix);
    free(store->log_prefix);
    free(store->expiry);
    free(store);
}

struct store *store_new(const struct trunk_host *host, const struct settings *settings) {
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return NULL;
    }
    store->host = host;
    store->settings = *settings;
    store->value_prefix = join(settings->prefix, "value:");
    store->log_prefix = join(settings->prefix, "log:");
    store->expiry = join(settings->prefix, "expiry");
    if (store->value_prefix != NULL && store->log_prefix != NULL && store->expiry != NULL) {
        store->connection = connection_new(host, &store->settings);
    }
    if (store->connection == NULL) {
        free_parts(store);
        return NULL;
    }
    return store;
}

void store_free(struct store *store) {
    struct settings settings = store->settings;
    free_parts(store);
    settings_clear(&settings);
}

uint64_t store_now_ms(const struct store *store) {
    return store->host->wall_ms(store->host->ctx);
}

void store_complete_with(const struct store *store, trunk_op op, int32_t status, const char *text) {
    trunk_complete(store->host, op, status, text);
}

void store_complete(const struct store *store, trunk_op op, int32_t status) {
    const char *text = NULL;
    char foreign[320];
    switch (status) {
    case TRUNK_OK:
        break;
    case TRUNK_NOT_FOUND:
        text = "no such record";
        break;
    case TRUNK_EXISTS:
        text = "the record exists";
        break;
    case TRUNK_CONFLICT:
        text = "the record has changed, or the log is further on";
        break;
    case TRUNK_INVALID:
        text = "no such mode, or not a cursor of this driver";
        break;
    case TRUNK_UNAVAILABLE:
        text = "out of memory or of random numbers";
        break;
    default:
        status = TRUNK_INTERNAL;
        (void)snprintf(foreign, sizeof foreign,
                       "redis at %s: something else writes under our prefix %s: what is there is "
                       "no record",
                       store->settings.name, store->settings.prefix);
        text = foreign;
        break;
    }
    store_complete_with(store, op, status, text);
}

bool stored_read(struct stored *out_stored, const char *data, size_t len) {
    uint64_t version = 0;
    if (len < VERSION_DIGITS + 1 || data[VERSION_DIGITS] != ' ') {
        return false;
    }
    for (size_t i = 0; i < VERSION_DIGITS; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, data[i], sizeof digits - 1);
        if (digit == NULL) {
            return false;
        }
        version = version << 4 | (uint64_t)(digit - digits);
    }
    *out_stored = (struct stored){version, {data + VERSION_DIGITS + 1, len - VERSION_DIGITS - 1}};
    return version != 0;
}

void stored_write_version(char *out_digits, uint64_t version) {
    char digits[VERSION_DIGITS + 1];
    (void)snprintf(digits, sizeof digits, "%016" PRIx64, version);
    memcpy(out_digits, digits, VERSION_DIGITS);
}

void request_add(struct request *request, const void *data, size_t len) {
    request->args[request->nargs] = len > 0 ? data : "";
    request->lens[request->nargs] = len;
    request->nargs++;
}

void request_add_text(struct request *request, const char *text) {
    request_add(request, text, strlen(text));
}

void request_add_number(struct request *request, char *buffer, uint64_t number) {
    int len = snprintf(buffer, NUMBER_BYTES, "%" PRIu64, number);
    request_add(request, buffer, (size_t)len);
}
