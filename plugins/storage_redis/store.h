/* SPDX-License-Identifier: MIT
 * store.h - an open store, and what its calls have in common: names of keys, numbers as texts, and
 * the way an answer becomes a completion. */
#ifndef STORAGE_REDIS_STORE_H
#define STORAGE_REDIS_STORE_H

#include <trunk/plugin.h>

#include "connection.h"
#include "settings.h"

/* A record's keys are forgotten by the server so much later than the record ends, when no sweep
 * came. */
#define SAFETY_MS (UINT64_C(24) * 3600 * 1000)

enum { VERSION_DIGITS = 16, NUMBER_BYTES = 21, MAX_KEY_BYTES = 256 };

struct store {
    const struct trunk_host *host;
    struct settings settings;
    struct connection *connection;
    char *value_prefix; /* PREFIX value: */
    char *log_prefix;   /* PREFIX log: */
    char *expiry;       /* PREFIX expiry */
};

/* NULL: out of memory, settings are as they were; else they are the store's. Begins to connect. */
struct store *store_new(const struct trunk_host *host, const struct settings *settings);
/* Completes what is pending with CANCELLED. */
void store_free(struct store *store);

uint64_t store_now_ms(const struct store *store);
/* With a text for what a status says of a record; no other statuses. */
void store_complete(const struct store *store, trunk_op op, int32_t status);
void store_complete_with(const struct store *store, trunk_op op, int32_t status, const char *text);

/* A value as the server keeps it, cut. */
struct stored {
    uint64_t version;
    struct trunk_slice value;
};
/* False: it is no record. */
bool stored_read(struct stored *out_stored, const char *data, size_t len);
void stored_write_version(char *out_digits, uint64_t version); /* VERSION_DIGITS, no NUL */

/* Adds an argument, which stays where it is until the request is done. */
void request_add(struct request *request, const void *data, size_t len);
void request_add_text(struct request *request, const char *text);
/* buffer: of NUMBER_BYTES. */
void request_add_number(struct request *request, char *buffer, uint64_t number);

#endif
