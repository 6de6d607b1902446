/* SPDX-License-Identifier: MIT
 * config_schema.h - the keys that the core itself reads: names, types, defaults, limits and
 * targets, one table per block of the config; and the reader that works by such a table. */
#ifndef TRUNKD_APP_CONFIG_SCHEMA_H
#define TRUNKD_APP_CONFIG_SCHEMA_H

#include <json-c/json_object.h>
#include <stdint.h>
#include "app/problems.h"

enum schema_type {
    SCHEMA_STRING,   /* char *, owned by the target; never NULL */
    SCHEMA_STRINGS,  /* char **, NULL-terminated, owned by the target; never NULL */
    SCHEMA_BOOL,     /* bool */
    SCHEMA_PORT,     /* uint16_t */
    SCHEMA_COUNT,    /* uint64_t */
    SCHEMA_DURATION, /* uint64_t in ms; at most 100 years, so that sums with a clock cannot overflow
                      */
    SCHEMA_SIZE,     /* uint64_t in bytes; a number in the file is bytes */
    SCHEMA_CHOICE,   /* int32_t, or an enum */
    SCHEMA_LIST,     /* struct json_object *, an array borrowed from the tree; NULL if absent */
    SCHEMA_BLOCK     /* the same, an object */
};

struct schema_choice {
    const char *word; /* NULL ends the list */
    int32_t value;
};

struct schema_key {
    const char *name; /* NULL ends the table */
    enum schema_type type;
    size_t offset;        /* into the target */
    const char *fallback; /* as a string in the file; NULL: "", no strings, no block */
    const struct schema_choice *choices; /* of a CHOICE */
    uint64_t min_ms;                     /* of a DURATION */
};

/* Targets that hold a block's values until drivers and backends are made of them. */
struct root_block {
    struct json_object *node;
    struct json_object *listen;
    struct json_object *auth;
    char **plugin_dirs;
    struct json_object *storage;
    struct json_object *factories;
    struct json_object *backends;
    struct json_object *aggregation;
    struct json_object *session;
    struct json_object *log;
};
struct storage_block {
    char *driver;
    struct json_object *params;
    uint64_t start_wait_ms;
};
struct factory_block {
    char *driver;
    struct json_object *params;
};
struct backend_block {
    char *factory; /* "": not said */
    char *type;    /* "": not said */
    bool is_disabled;
    bool is_required;
    uint64_t timeout_ms;
    uint64_t max_timeout_ms;
};

struct tokens_block {
    struct json_object *tokens;
};
struct token_block {
    char *name;
    char *sha256;
    char *expires; /* "": never */
};

extern const struct schema_key schema_root[];        /* struct root_block */
extern const struct schema_key schema_dirs[];        /* char **: plugin_dirs of the root alone */
extern const struct schema_key schema_node[];        /* struct config */
extern const struct schema_key schema_listen[];      /* struct http_options */
extern const struct schema_key schema_auth[];        /* struct config */
extern const struct schema_key schema_storage[];     /* struct storage_block */
extern const struct schema_key schema_factory[];     /* struct factory_block */
extern const struct schema_key schema_backend[];     /* struct backend_block */
extern const struct schema_key schema_aggregation[]; /* struct config_aggregation */
extern const struct schema_key schema_session[];     /* struct session_options */
extern const struct schema_key schema_log[];         /* struct config */
extern const struct schema_key schema_tokens[]; /* struct tokens_block: the root of a tokens file */
extern const struct schema_key schema_token[];  /* struct token_block: a member of its list */

/* Fills target from object (NULL: all defaults). An ill-typed or ill-valued member is a problem and
 * leaves the default, so target is whole in any case. A member that the table does not name is a
 * problem with the nearest known key, unless is_open: then others read the same object too. path is
 * the object's own. */
void schema_read(const struct schema_key *table, struct json_object *object, const char *path,
                 bool is_open, void *target, struct problems *problems);
/* Frees what target owns by the table. */
void schema_clear(const struct schema_key *table, void *target);
/* true if value is an object, else a problem at path. */
bool schema_expect_block(struct json_object *value, const char *path, struct problems *problems);
/* The names of the table, NULL-terminated; the caller frees the array, not the names. */
const char **schema_names(const struct schema_key *table);

#endif
