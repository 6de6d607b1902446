/* SPDX-License-Identifier: MIT
 * record.c - the stored form of a session. */
#include "session/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "base/alloc.h"
#include "wire/json.h"

#define RECORD_FORMAT "1"

void record_key(const char *id, char out_key[RECORD_KEY_SIZE]) {
    (void)snprintf(out_key, RECORD_KEY_SIZE, "s:%s", id);
}

static void clear_leg(struct record_leg *leg) {
    const char *const texts[] = {leg->backend, leg->session, leg->protocol, leg->capabilities,
                                 leg->config};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free((void *)(uintptr_t)texts[i]);
    }
}

static void copy_leg(const struct record_leg *from, struct record_leg *out) {
    out->backend = xstrdup(from->backend);
    out->session = xstrdup(from->session);
    out->protocol = xstrdup(from->protocol);
    out->capabilities = xstrdup(from->capabilities);
    out->config = xstrdup(from->config);
}

void record_clear(struct record *record) {
    free(record->principal);
    free(record->owner);
    free(record->protocol);
    free(record->client);
    free(record->capabilities);
    free(record->log_level);
    free(record->subscriptions);
    for (size_t i = 0; i < record->nlegs; i++) {
        clear_leg(&record->legs[i]);
    }
    free(record->legs);
    *record = (struct record){0};
}

void record_copy(const struct record *from, struct record *out) {
    *out = *from;
    out->principal = xstrdup(from->principal);
    out->owner = xstrdup(from->owner);
    out->protocol = xstrdup(from->protocol);
    out->client = xstrdup(from->client);
    out->capabilities = xstrdup(from->capabilities);
    out->log_level = xstrdup(from->log_level);
    out->subscriptions = xstrdup(from->subscriptions);
    out->legs = xcalloc(from->nlegs, sizeof *out->legs);
    for (size_t i = 0; i < from->nlegs; i++) {
        copy_leg(&from->legs[i], &out->legs[i]);
    }
}

void record_set_leg(struct record *record, const struct record_leg *leg) {
    size_t at = 0;
    while (at < record->nlegs && strcmp(record->legs[at].backend, leg->backend) < 0) {
        at++;
    }
    if (at < record->nlegs && strcmp(record->legs[at].backend, leg->backend) == 0) {
        clear_leg(&record->legs[at]);
    } else {
        record->legs = xrealloc(record->legs, (record->nlegs + 1) * sizeof *record->legs);
        memmove(&record->legs[at + 1], &record->legs[at],
                (record->nlegs - at) * sizeof *record->legs);
        record->nlegs++;
    }
    copy_leg(leg, &record->legs[at]);
}

void record_drop_leg(struct record *record, size_t at) {
    clear_leg(&record->legs[at]);
    record->nlegs--;
    memmove(&record->legs[at], &record->legs[at + 1], (record->nlegs - at) * sizeof *record->legs);
}

static void add(struct json_object *object, const char *key, const char *value) {
    (void)json_object_object_add(object, key, json_object_new_string(value));
}

static void add_u64(struct json_object *object, const char *key, uint64_t value) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    add(object, key, text);
}

static void add_leg_member(struct json_object *object, const char *backend, const char *member,
                           const char *value) {
    char *key = xasprintf("backend.%s.%s", backend, member);
    add(object, key, value);
    free(key);
}

void record_encode(const struct record *record, struct buffer *out) {
    struct json_object *object = json_object_new_object();
    struct buffer backends = {0};
    add(object, "format", RECORD_FORMAT);
    add(object, "state", record->is_active ? "active" : "placeholder");
    if (record->is_terminated) {
        add(object, "terminated", "true");
    }
    add(object, "principal", record->principal);
    add_u64(object, "created", record->created_ms);
    add(object, "owner", record->owner);
    add_u64(object, "epoch", record->epoch);
    add(object, "protocol", record->protocol);
    add(object, "client", record->client);
    add(object, "capabilities", record->capabilities);
    add(object, "initialized", record->is_initialized ? "true" : "false");
    add(object, "log_level", record->log_level);
    add(object, "subscriptions", record->subscriptions);
    for (size_t i = 0; i < record->nlegs; i++) {
        const struct record_leg *leg = &record->legs[i];
        buffer_append_cstr(&backends, i > 0 ? "," : "");
        buffer_append_cstr(&backends, leg->backend);
        add_leg_member(object, leg->backend, "session", leg->session);
        add_leg_member(object, leg->backend, "protocol", leg->protocol);
        add_leg_member(object, leg->backend, "capabilities", leg->capabilities);
        add_leg_member(object, leg->backend, "config", leg->config);
    }
    add(object, "backends", buffer_cstr(&backends));
    buffer_free(&backends);
    buffer_append_cstr(out, json_object_to_json_string_ext(
                                object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(object);
}

static const char *get(struct json_object *object, const char *key) {
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    return json_object_get_string(value);
}

static bool get_u64(struct json_object *object, const char *key, uint64_t *out) {
    const char *text = get(object, key);
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return false;
    }
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

static const char *get_leg_member(struct json_object *object, const char *backend,
                                  const char *member) {
    char *key = xasprintf("backend.%s.%s", backend, member);
    const char *value = get(object, key);
    free(key);
    return value != NULL ? value : "";
}

static const char *get_capabilities(struct json_object *object, const char *backend) {
    const char *text = get_leg_member(object, backend, "capabilities");
    return text[0] != '\0' ? text : "{}";
}

static void decode_legs(struct json_object *object, const char *backends, struct record *out) {
    char *copy = xstrdup(backends);
    char *rest = NULL;
    for (char *name = strtok_r(copy, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        struct record_leg leg = {.backend = name,
                                 .session = get_leg_member(object, name, "session"),
                                 .protocol = get_leg_member(object, name, "protocol"),
                                 .capabilities = get_capabilities(object, name),
                                 .config = get_leg_member(object, name, "config")};
        record_set_leg(out, &leg);
    }
    free(copy);
}

/* What is read by slices later must be checked text. */
static bool is_checked(const char *text, enum json_kind kind) {
    struct json_value root;
    struct json_error error;
    return json_cut(slice_cstr(text), NULL, 0, NULL, &root, &error) == TRUNK_OK &&
           root.type == kind;
}

static bool are_members_good(const struct record *record) {
    bool is_good = is_checked(record->capabilities, JSON_OBJECT) &&
                   is_checked(record->subscriptions, JSON_ARRAY);
    for (size_t i = 0; i < record->nlegs; i++) {
        is_good = is_good && is_checked(record->legs[i].capabilities, JSON_OBJECT);
    }
    return is_good;
}

static const char *decode_object(struct json_object *object, struct record *out) {
    const char *format = get(object, "format");
    const char *state = get(object, "state");
    const char *terminated = get(object, "terminated");
    const char *initialized = get(object, "initialized");
    const char *principal = get(object, "principal");
    const char *owner = get(object, "owner");
    const char *protocol = get(object, "protocol");
    const char *client = get(object, "client");
    const char *capabilities = get(object, "capabilities");
    const char *log_level = get(object, "log_level");
    const char *subscriptions = get(object, "subscriptions");
    const char *backends = get(object, "backends");
    if (format == NULL || strcmp(format, RECORD_FORMAT) != 0) {
        return "unknown format";
    }
    if (state == NULL || (strcmp(state, "active") != 0 && strcmp(state, "placeholder") != 0)) {
        return "unknown state";
    }
    if (principal == NULL || owner == NULL || protocol == NULL || client == NULL ||
        capabilities == NULL || backends == NULL || initialized == NULL ||
        !get_u64(object, "created", &out->created_ms) || !get_u64(object, "epoch", &out->epoch)) {
        return "a member is missing or of the wrong type";
    }
    out->is_active = strcmp(state, "active") == 0;
    out->is_terminated = terminated != NULL && strcmp(terminated, "true") == 0;
    out->is_initialized = strcmp(initialized, "true") == 0;
    out->principal = xstrdup(principal);
    out->owner = xstrdup(owner);
    out->protocol = xstrdup(protocol);
    out->client = xstrdup(client);
    out->capabilities = xstrdup(capabilities);
    out->log_level = xstrdup(log_level != NULL ? log_level : "");
    out->subscriptions = xstrdup(subscriptions != NULL ? subscriptions : "[]");
    decode_legs(object, backends, out);
    return are_members_good(out) ? NULL : "capabilities or subscriptions are not the JSON they are";
}

int32_t record_decode(struct trunk_slice text, struct record *out, const char **out_what) {
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *object = NULL;
    *out = (struct record){0};
    *out_what = "not a JSON object";
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    if (text.len <= INT32_MAX) {
        object = json_tokener_parse_ex(tokener, text.data, (int)text.len);
    }
    if (json_object_is_type(object, json_type_object)) {
        *out_what = decode_object(object, out);
    }
    (void)json_object_put(object);
    json_tokener_free(tokener);
    if (*out_what != NULL) {
        record_clear(out);
        return TRUNK_INVALID;
    }
    return TRUNK_OK;
}
