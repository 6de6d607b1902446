/* SPDX-License-Identifier: MIT
 * record.h - the stored form of a session: a flat JSON object of strings with a format number
 * (design.md section 5). */
#ifndef TRUNKD_SESSION_RECORD_H
#define TRUNKD_SESSION_RECORD_H

#include <stdbool.h>
#include "base/slice.h"

#define RECORD_KEY_SIZE (2 + 32 + 1)

struct record_leg { /* of a record: owned by it */
    const char *backend;
    const char *session; /* the driver's snapshot; "" without one */
    const char *protocol;
    const char *capabilities; /* of the backend, raw JSON */
    const char *config;       /* hash of the backend's config */
};

struct record {
    bool is_active; /* state: "active", else "placeholder" */
    bool is_terminated;
    bool is_initialized; /* the client's notifications/initialized came */
    char *principal;     /* "": anonymous */
    uint64_t created_ms;
    char *owner; /* node */
    uint64_t epoch;
    char *protocol;          /* negotiated with the client */
    char *client;            /* clientInfo, raw JSON */
    char *capabilities;      /* of the client, raw JSON */
    char *log_level;         /* of logging/setLevel; "": none was set */
    char *subscriptions;     /* URIs, a JSON array */
    struct record_leg *legs; /* sorted by backend */
    size_t nlegs;
};

void record_key(const char *id, char out_key[RECORD_KEY_SIZE]);
void record_clear(struct record *record); /* frees, and leaves {0} */
void record_copy(const struct record *from, struct record *out);
/* Adds a copy of the leg, or replaces what is there of this backend. */
void record_set_leg(struct record *record, const struct record_leg *leg);
void record_drop_leg(struct record *record, size_t at);
void record_encode(const struct record *record, struct buffer *out);
/* TRUNK_OK with *out filled, or TRUNK_INVALID with *out_what = why (static text), *out left {0}. */
int32_t record_decode(struct trunk_slice text, struct record *out, const char **out_what);

#endif
