/* SPDX-License-Identifier: MIT
 * config_schema.c - the tables of the core's own keys, and the reader that works by them. */
#include "app/config_schema.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "app/config.h"
#include "base/alloc.h"
#include "plugin/params.h"

#define DURATION_MAX_MS (100ull * 365 * 24 * 3600 * 1000)

static const struct schema_choice log_levels[] = {{"error", TRUNK_LOG_ERROR},
                                                  {"warn", TRUNK_LOG_WARN},
                                                  {"info", TRUNK_LOG_INFO},
                                                  {"debug", TRUNK_LOG_DEBUG},
                                                  {NULL, 0}};
static const struct schema_choice log_formats[] = {
    {"logfmt", LOG_LOGFMT}, {"json", LOG_JSON}, {NULL, 0}};

const struct schema_key schema_root[] = {
    {"node", SCHEMA_BLOCK, offsetof(struct root_block, node), NULL, NULL, 0},
    {"listen", SCHEMA_BLOCK, offsetof(struct root_block, listen), NULL, NULL, 0},
    {"auth", SCHEMA_BLOCK, offsetof(struct root_block, auth), NULL, NULL, 0},
    {"plugin_dirs", SCHEMA_STRINGS, offsetof(struct root_block, plugin_dirs), NULL, NULL, 0},
    {"storage", SCHEMA_BLOCK, offsetof(struct root_block, storage), NULL, NULL, 0},
    {"factories", SCHEMA_BLOCK, offsetof(struct root_block, factories), NULL, NULL, 0},
    {"mcpServers", SCHEMA_BLOCK, offsetof(struct root_block, backends), NULL, NULL, 0},
    {"aggregation", SCHEMA_BLOCK, offsetof(struct root_block, aggregation), NULL, NULL, 0},
    {"session", SCHEMA_BLOCK, offsetof(struct root_block, session), NULL, NULL, 0},
    {"log", SCHEMA_BLOCK, offsetof(struct root_block, log), NULL, NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

const struct schema_key schema_dirs[] = {{"plugin_dirs", SCHEMA_STRINGS, 0, NULL, NULL, 0},
                                         {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

const struct schema_key schema_node[] = {
    {"name", SCHEMA_STRING, offsetof(struct config, node), NULL, NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

#define LISTEN(member) offsetof(struct http_options, member)
const struct schema_key schema_listen[] = {
    {"address", SCHEMA_STRING, LISTEN(address), "127.0.0.1", NULL, 0},
    {"port", SCHEMA_PORT, LISTEN(port), "4483", NULL, 0},
    {"path", SCHEMA_STRING, LISTEN(path), "/mcp", NULL, 0},
    {"allowed_hosts", SCHEMA_STRINGS, LISTEN(allowed_hosts), NULL, NULL, 0},
    {"allowed_origins", SCHEMA_STRINGS, LISTEN(allowed_origins), NULL, NULL, 0},
    {"max_body", SCHEMA_SIZE, LISTEN(max_body_bytes), "8MiB", NULL, 0},
    {"max_connections", SCHEMA_COUNT, LISTEN(max_connections), "10000", NULL, 0},
    {"header_timeout", SCHEMA_DURATION, LISTEN(header_timeout_ms), "10s", NULL, 0},
    {"body_timeout", SCHEMA_DURATION, LISTEN(body_timeout_ms), "30s", NULL, 0},
    {"idle_timeout", SCHEMA_DURATION, LISTEN(idle_timeout_ms), "120s", NULL, 0},
    {"stream_keepalive", SCHEMA_DURATION, LISTEN(stream_keepalive_ms), "15s", NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};
#undef LISTEN

const struct schema_key schema_auth[] = {
    {"anonymous", SCHEMA_BOOL, offsetof(struct config, auth.allows_anonymous), "true", NULL, 0},
    {"tokens_file", SCHEMA_STRING, offsetof(struct config, auth.tokens_file), NULL, NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

const struct schema_key schema_storage[] = {
    {"driver", SCHEMA_STRING, offsetof(struct storage_block, driver), "sqlite", NULL, 0},
    {"params", SCHEMA_BLOCK, offsetof(struct storage_block, params), NULL, NULL, 0},
    {"start_wait", SCHEMA_DURATION, offsetof(struct storage_block, start_wait_ms), "10s", NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

const struct schema_key schema_factory[] = {
    {"driver", SCHEMA_STRING, offsetof(struct factory_block, driver), NULL, NULL, 0},
    {"params", SCHEMA_BLOCK, offsetof(struct factory_block, params), NULL, NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

const struct schema_key schema_backend[] = {
    {"factory", SCHEMA_STRING, offsetof(struct backend_block, factory), NULL, NULL, 0},
    {"type", SCHEMA_STRING, offsetof(struct backend_block, type), NULL, NULL, 0},
    {"disabled", SCHEMA_BOOL, offsetof(struct backend_block, is_disabled), "false", NULL, 0},
    {"required", SCHEMA_BOOL, offsetof(struct backend_block, is_required), "false", NULL, 0},
    {"timeout", SCHEMA_DURATION, offsetof(struct backend_block, timeout_ms), "55s", NULL, 0},
    {"max_timeout", SCHEMA_DURATION, offsetof(struct backend_block, max_timeout_ms), "10m", NULL,
     0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

static const struct schema_choice strategies[] = {{"prefix", NAMING_PREFIX},
                                                  {"conflict", NAMING_CONFLICT},
                                                  {"priority", NAMING_PRIORITY},
                                                  {NULL, 0}};
#define AGGREGATION(member) offsetof(struct config_aggregation, member)
const struct schema_key schema_aggregation[] = {
    {"strategy", SCHEMA_CHOICE, AGGREGATION(strategy), "prefix", strategies, 0},
    {"prefix_format", SCHEMA_STRING, AGGREGATION(prefix_format), "{backend}_", NULL, 0},
    {"priority", SCHEMA_STRINGS, AGGREGATION(priority), NULL, NULL, 0},
    {"page_size", SCHEMA_COUNT, AGGREGATION(page_size), "1000", NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};
#undef AGGREGATION

#define SESSION(member) offsetof(struct session_options, member)
const struct schema_key schema_session[] = {
    {"ttl", SCHEMA_DURATION, SESSION(ttl_ms), "24h", NULL, 1000},
    {"max_lifetime", SCHEMA_DURATION, SESSION(max_lifetime_ms), "0", NULL, 0},
    {"leg_timeout", SCHEMA_DURATION, SESSION(leg_timeout_ms), "20s", NULL, 1},
    {"list_wait", SCHEMA_DURATION, SESSION(list_wait_ms), "10s", NULL, 0},
    {"drain", SCHEMA_DURATION, SESSION(drain_ms), "5s", NULL, 0},
    {"max_sessions", SCHEMA_COUNT, SESSION(max_sessions), "0", NULL, 0},
    {"max_per_principal", SCHEMA_COUNT, SESSION(max_per_principal), "0", NULL, 0},
    {"max_inflight", SCHEMA_COUNT, SESSION(max_inflight), "64", NULL, 0},
    {"replay_events", SCHEMA_COUNT, SESSION(replay_events), "1000", NULL, 0},
    {"replay_bytes", SCHEMA_SIZE, SESSION(replay_bytes), "1MiB", NULL, 0},
    {"max_message", SCHEMA_SIZE, SESSION(max_message_bytes), "16MiB", NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};
#undef SESSION

const struct schema_key schema_log[] = {
    {"level", SCHEMA_CHOICE, offsetof(struct config, log_level), "info", log_levels, 0},
    {"format", SCHEMA_CHOICE, offsetof(struct config, log_format), "logfmt", log_formats, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

const struct schema_key schema_tokens[] = {
    {"tokens", SCHEMA_LIST, offsetof(struct tokens_block, tokens), NULL, NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

const struct schema_key schema_token[] = {
    {"name", SCHEMA_STRING, offsetof(struct token_block, name), NULL, NULL, 0},
    {"sha256", SCHEMA_STRING, offsetof(struct token_block, sha256), NULL, NULL, 0},
    {"expires", SCHEMA_STRING, offsetof(struct token_block, expires), NULL, NULL, 0},
    {NULL, SCHEMA_BLOCK, 0, NULL, NULL, 0}};

_Static_assert(sizeof(enum log_format) == sizeof(int32_t), "a CHOICE is written as an int32_t");

/* What a key of each type should be, and how to write it. */
static const struct {
    const char *noun;
    const char *remedy;
} expectations[] = {
    [SCHEMA_STRING] = {"a string", "put it in double quotes"},
    [SCHEMA_STRINGS] = {"a list of strings", "write [\"one\", \"two\"]"},
    [SCHEMA_BOOL] = {"true or false", "write true or false without quotes"},
    [SCHEMA_PORT] = {"a port", "write a number from 0 to 65535"},
    [SCHEMA_COUNT] = {"a whole number", "write 0 (no limit) or more, without quotes"},
    [SCHEMA_DURATION] = {"a duration",
                         "write a number with its unit, such as \"30s\", \"15m\" or \"24h\""},
    [SCHEMA_SIZE] = {"a size", "write a number with its unit, such as \"64KiB\" or \"8MiB\""},
    [SCHEMA_CHOICE] = {"a known word", NULL},
    [SCHEMA_LIST] = {"a list", "write [ ... ]"},
    [SCHEMA_BLOCK] = {"an object", "write { ... }"},
};

static const char *type_noun(struct json_object *value) {
    switch (json_object_get_type(value)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return "true or false";
    case json_type_int:
    case json_type_double:
        return "a number";
    case json_type_string:
        return "a string";
    case json_type_array:
        return "a list";
    case json_type_object:
        return "an object";
    }
    return "a value";
}

/* The remedy of one key; the caller frees it. */
static char *write_remedy(const struct schema_key *key) {
    if (key->type != SCHEMA_CHOICE) {
        return xstrdup(expectations[key->type].remedy);
    }
    struct buffer text = {0};
    buffer_append_cstr(&text, "write one of");
    for (const struct schema_choice *choice = key->choices; choice->word != NULL; choice++) {
        buffer_printf(&text, "%s \"%s\"", choice == key->choices ? "" : ",", choice->word);
    }
    char *remedy = xstrdup(buffer_cstr(&text));
    buffer_free(&text);
    return remedy;
}

static char **copy_strings(struct json_object *array) {
    size_t count = array == NULL ? 0 : json_object_array_length(array);
    char **strings = xcalloc(count + 1, sizeof *strings);
    for (size_t i = 0; i < count; i++) {
        strings[i] = xstrdup(json_object_get_string(json_object_array_get_idx(array, i)));
    }
    return strings;
}

static void free_strings(char **strings) {
    for (size_t i = 0; strings != NULL && strings[i] != NULL; i++) {
        free(strings[i]);
    }
    free(strings);
}

static bool find_choice(const struct schema_choice *choices, const char *word, int32_t *out_value) {
    for (; choices->word != NULL; choices++) {
        if (strcmp(choices->word, word) == 0) {
            *out_value = choices->value;
            return true;
        }
    }
    return false;
}

/* Takes a string of the file, or a fallback of the table. false: it is not what the type wants,
 * target is untouched. */
static bool set_from_text(const struct schema_key *key, const char *text, void *target) {
    uint64_t number = 0;
    int32_t choice = 0;
    switch (key->type) {
    case SCHEMA_STRING:
        free(*(char **)target);
        *(char **)target = xstrdup(text);
        return true;
    case SCHEMA_DURATION:
        if (duration_parse(text, &number) != TRUNK_OK) {
            return false;
        }
        *(uint64_t *)target = number;
        return true;
    case SCHEMA_SIZE:
        if (size_parse(text, &number) != TRUNK_OK) {
            return false;
        }
        *(uint64_t *)target = number;
        return true;
    case SCHEMA_CHOICE:
        if (!find_choice(key->choices, text, &choice)) {
            return false;
        }
        memcpy(target, &choice, sizeof choice);
        return true;
    default:
        return false;
    }
}

static void set_number(const struct schema_key *key, uint64_t number, void *target) {
    if (key->type == SCHEMA_PORT) {
        *(uint16_t *)target = (uint16_t)number;
    } else {
        *(uint64_t *)target = number;
    }
}

static void set_fallback(const struct schema_key *key, void *target) {
    const char *fallback = key->fallback == NULL ? "" : key->fallback;
    switch (key->type) {
    case SCHEMA_STRINGS:
        *(char ***)target = copy_strings(NULL);
        break;
    case SCHEMA_BOOL:
        *(bool *)target = strcmp(fallback, "true") == 0;
        break;
    case SCHEMA_PORT:
    case SCHEMA_COUNT:
        set_number(key, strtoull(fallback, NULL, 10), target);
        break;
    case SCHEMA_LIST:
    case SCHEMA_BLOCK:
        *(struct json_object **)target = NULL;
        break;
    case SCHEMA_STRING:
        *(char **)target = NULL;
        (void)set_from_text(key, fallback, target);
        break;
    default:
        (void)set_from_text(key, fallback, target);
    }
}

/* Does the member have the JSON type that the key is written in? */
static bool is_right_type(const struct schema_key *key, struct json_object *value) {
    switch (key->type) {
    case SCHEMA_STRINGS:
    case SCHEMA_LIST:
        return json_object_is_type(value, json_type_array);
    case SCHEMA_BOOL:
        return json_object_is_type(value, json_type_boolean);
    case SCHEMA_PORT:
    case SCHEMA_COUNT:
        return json_object_is_type(value, json_type_int);
    case SCHEMA_SIZE:
        return json_object_is_type(value, json_type_int) ||
               json_object_is_type(value, json_type_string);
    case SCHEMA_BLOCK:
        return json_object_is_type(value, json_type_object);
    default:
        return json_object_is_type(value, json_type_string);
    }
}

/* Takes a member of the right JSON type. */
static bool set_value(const struct schema_key *key, struct json_object *value, void *target) {
    if (key->type == SCHEMA_STRINGS) {
        free_strings(*(char ***)target);
        *(char ***)target = copy_strings(value);
        return true;
    }
    if (key->type == SCHEMA_BOOL) {
        *(bool *)target = json_object_get_boolean(value);
        return true;
    }
    if (key->type == SCHEMA_LIST || key->type == SCHEMA_BLOCK) {
        *(struct json_object **)target = value;
        return true;
    }
    if (json_object_is_type(value, json_type_int)) {
        int64_t number = json_object_get_int64(value);
        if (number < 0 || (key->type == SCHEMA_PORT && number > UINT16_MAX)) {
            return false;
        }
        set_number(key, (uint64_t)number, target);
        return true;
    }
    return set_from_text(key, json_object_get_string(value), target);
}

static void check_limits(const struct schema_key *key, const char *path, void *target,
                         struct problems *problems) {
    uint64_t ms = key->type == SCHEMA_DURATION ? *(uint64_t *)target : key->min_ms;
    if (ms < key->min_ms) {
        problems_add(
            problems, path, "too short; write at least \"%llu%s\"",
            (unsigned long long)(key->min_ms % 1000 == 0 ? key->min_ms / 1000 : key->min_ms),
            key->min_ms % 1000 == 0 ? "s" : "ms");
        set_fallback(key, target);
    } else if (ms > DURATION_MAX_MS) {
        problems_add(problems, path, "longer than 100 years; write less, or \"0\" for none");
        set_fallback(key, target);
    }
}

static bool are_strings(struct json_object *array, struct buffer *path, const char *remedy,
                        struct problems *problems) {
    size_t len = path->len;
    bool is_good = true;
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        struct json_object *element = json_object_array_get_idx(array, i);
        if (!json_object_is_type(element, json_type_string)) {
            path_append_index(path, i);
            problems_add(problems, buffer_cstr(path), "%s where a string belongs; %s",
                         type_noun(element), remedy);
            path->len = len;
            is_good = false;
        }
    }
    return is_good;
}

static void read_member(const struct schema_key *key, struct json_object *value,
                        struct buffer *path, void *target, struct problems *problems) {
    const char *noun = expectations[key->type].noun;
    char *remedy = write_remedy(key);
    if (!is_right_type(key, value)) {
        problems_add(problems, buffer_cstr(path), "%s where %s belongs; %s", type_noun(value), noun,
                     remedy);
    } else if (key->type == SCHEMA_STRINGS && !are_strings(value, path, remedy, problems)) {
        /* Told, element by element. */
    } else if (!set_value(key, value, target)) {
        problems_add(problems, buffer_cstr(path), "not %s; %s", noun, remedy);
    } else {
        check_limits(key, buffer_cstr(path), target, problems);
    }
    free(remedy);
}

static void refuse_unknown(const struct schema_key *table, struct json_object *object,
                           struct buffer *path, struct problems *problems) {
    const char **names = schema_names(table);
    size_t count = 0;
    size_t path_len = path->len;
    struct buffer known = {0};
    for (; names[count] != NULL; count++) {
        buffer_printf(&known, "%s%s", count == 0 ? "" : ", ", names[count]);
    }
    struct json_object_iter it;
    json_object_object_foreachC(object, it) {
        const struct schema_key *key = table;
        while (key->name != NULL && strcmp(key->name, it.key) != 0) {
            key++;
        }
        if (key->name == NULL) {
            const char *nearest = nearest_word(it.key, names, count);
            path_append_member(path, it.key);
            if (nearest != NULL) {
                problems_add(problems, buffer_cstr(path), "unknown key; did you mean \"%s\"?",
                             nearest);
            } else {
                problems_add(problems, buffer_cstr(path),
                             "unknown key; remove it, the keys here are: %s", buffer_cstr(&known));
            }
            path->len = path_len;
        }
    }
    buffer_free(&known);
    free(names);
}

void schema_read(const struct schema_key *table, struct json_object *object, const char *path,
                 bool is_open, void *target, struct problems *problems) {
    struct buffer place = {0};
    buffer_append_cstr(&place, path);
    size_t place_len = place.len;
    for (const struct schema_key *key = table; key->name != NULL; key++) {
        void *member = (char *)target + key->offset;
        struct json_object *value = NULL;
        set_fallback(key, member);
        if (object != NULL && json_object_object_get_ex(object, key->name, &value)) {
            path_append_member(&place, key->name);
            read_member(key, value, &place, member, problems);
            place.len = place_len;
        }
    }
    if (object != NULL && !is_open) {
        refuse_unknown(table, object, &place, problems);
    }
    buffer_free(&place);
}

void schema_clear(const struct schema_key *table, void *target) {
    for (const struct schema_key *key = table; key->name != NULL; key++) {
        void *member = (char *)target + key->offset;
        if (key->type == SCHEMA_STRING) {
            free(*(char **)member);
            *(char **)member = NULL;
        } else if (key->type == SCHEMA_STRINGS) {
            free_strings(*(char ***)member);
            *(char ***)member = NULL;
        }
    }
}

bool schema_expect_block(struct json_object *value, const char *path, struct problems *problems) {
    bool is_block = json_object_is_type(value, json_type_object);
    if (!is_block) {
        problems_add(problems, path, "%s where an object belongs; %s", type_noun(value),
                     expectations[SCHEMA_BLOCK].remedy);
    }
    return is_block;
}

const char **schema_names(const struct schema_key *table) {
    size_t count = 0;
    while (table[count].name != NULL) {
        count++;
    }
    const char **names = xcalloc(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = table[i].name;
    }
    return names;
}
