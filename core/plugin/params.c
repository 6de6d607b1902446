/* SPDX-License-Identifier: MIT
 * params.c - reads the keys of a driver or backend by the driver's spec, and tells every problem.
 */
#include "plugin/params.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "base/alloc.h"
#include "base/status.h"

#define SHOWN_VALUE_LEN 40

static const struct {
    const char *name;
    const char *noun; /* what the config must hold */
} types[] = {
    [TRUNK_PARAM_STRING] = {"string", "a string"},
    [TRUNK_PARAM_INT] = {"int", "a whole number"},
    [TRUNK_PARAM_BOOL] = {"bool", "true or false"},
    [TRUNK_PARAM_DURATION] = {"duration", "a duration like \"30s\""},
    [TRUNK_PARAM_SIZE] = {"size", "a size like \"8MiB\""},
    [TRUNK_PARAM_PATH] = {"path", "a path (a string)"},
    [TRUNK_PARAM_LIST] = {"list", "a list of strings"},
    [TRUNK_PARAM_MAP] = {"map", "an object of strings"},
};
#define NTYPES (sizeof types / sizeof types[0])

const char *params_type_name(uint32_t type) {
    return type < NTYPES ? types[type].name : NULL;
}

/* One run of params_parse. */
struct parsing {
    const struct trunk_param_spec *spec;
    bool backend;
    struct buffer path; /* of what is looked at */
    struct param_list *out;
    param_problem_fn problem;
    void *ctx;
    size_t nproblems;
};

__attribute__((format(printf, 2, 3))) static void tell_problem(struct parsing *parsing,
                                                               const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    parsing->nproblems++;
    parsing->problem(parsing->ctx, buffer_cstr(&parsing->path), len < 0 ? "out of memory" : text);
    if (len >= 0) {
        free(text);
    }
}

/* Makes path that of a member; the caller cuts it back to the length that is returned. */
static size_t enter_member(struct parsing *parsing, const char *name) {
    size_t len = parsing->path.len;
    if (len > 0) {
        buffer_append_cstr(&parsing->path, ".");
    }
    buffer_append_cstr(&parsing->path, name);
    return len;
}

/* Takes over value. */
static void add_param(struct param_list *list, const char *key, char *value) {
    list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = (struct trunk_param){.key = xstrdup(key), .value = value};
}

static const char *describe_value(struct json_object *value) {
    switch (json_object_get_type(value)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return "true or false";
    case json_type_double:
        return "a number with a fraction";
    case json_type_int:
        return "a number";
    case json_type_string:
        return "a string";
    case json_type_array:
        return "a list";
    case json_type_object:
        return "an object";
    }
    return "something else";
}

static void tell_wrong_type(struct parsing *parsing, const char *noun, struct json_object *value) {
    tell_problem(parsing, "must be %s, not %s", noun, describe_value(value));
}

/* The string in value; NULL when it is none that a driver can be given, which has been told then.
 */
static const char *read_string(struct parsing *parsing, const char *noun,
                               struct json_object *value) {
    if (!json_object_is_type(value, json_type_string)) {
        tell_wrong_type(parsing, noun, value);
        return NULL;
    }
    const char *text = json_object_get_string(value);
    if (strlen(text) != (size_t)json_object_get_string_len(value)) {
        tell_problem(parsing, "must not contain the character \\u0000; remove it");
        return NULL;
    }
    return text;
}

/* At most SHOWN_VALUE_LEN bytes of it, cut at a character. */
static int cut_shown(const char *text) {
    size_t len = strnlen(text, SHOWN_VALUE_LEN);
    while (text[len] != '\0' && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
        len--;
    }
    return (int)len;
}

static void tell_bad_text(struct parsing *parsing, const struct trunk_param_spec *spec,
                          const char *text) {
    const char *what = "duration: write a number with ms, s, m, h or d, like \"30s\"";
    if (spec->type == TRUNK_PARAM_PATH) {
        tell_problem(parsing, "must not be empty; write a path");
        return;
    }
    if (spec->type == TRUNK_PARAM_SIZE) {
        what = "size: write a number with B, KiB, MiB or GiB, like \"8MiB\"";
    }
    if (spec->flags & TRUNK_PARAM_SECRET) {
        tell_problem(parsing, "is not a %s", what);
    } else {
        bool is_cut = strlen(text) > SHOWN_VALUE_LEN;
        tell_problem(parsing, "\"%.*s%s\" is not a %s", cut_shown(text), text, is_cut ? "..." : "",
                     what);
    }
}

/* json-c clamps what is beyond 64 bits, so the ends of the range are told from it no more. */
static char *read_int(struct parsing *parsing, const struct trunk_param_spec *spec,
                      struct json_object *value) {
    bool is_size = spec->type == TRUNK_PARAM_SIZE;
    int64_t number = json_object_get_int64(value);
    if (json_object_get_uint64(value) > INT64_MAX) {
        tell_problem(parsing, "is too large; write at most %" PRId64, INT64_MAX);
        return NULL;
    }
    if (is_size && number < 0) {
        tell_problem(parsing, "must not be negative; write a number of bytes, or like \"8MiB\"");
        return NULL;
    }
    return xasprintf("%" PRId64, number);
}

static char *read_scalar(struct parsing *parsing, const struct trunk_param_spec *spec,
                         struct json_object *value) {
    const char *noun = types[spec->type].noun;
    if (spec->type == TRUNK_PARAM_BOOL) {
        if (json_object_is_type(value, json_type_boolean)) {
            return xstrdup(json_object_get_boolean(value) ? "true" : "false");
        }
        tell_wrong_type(parsing, noun, value);
        return NULL;
    }
    bool may_be_number = spec->type == TRUNK_PARAM_INT || spec->type == TRUNK_PARAM_SIZE;
    if (may_be_number && json_object_is_type(value, json_type_int)) {
        return read_int(parsing, spec, value);
    }
    if (spec->type == TRUNK_PARAM_INT) {
        tell_wrong_type(parsing, noun, value);
        return NULL;
    }
    const char *text = read_string(parsing, noun, value);
    if (text == NULL) {
        return NULL;
    }
    char *normal = param_text_normalise(spec->type, text);
    if (normal == NULL) {
        tell_bad_text(parsing, spec, text);
    }
    return normal;
}

static void read_list(struct parsing *parsing, const struct trunk_param_spec *spec,
                      struct json_object *value) {
    if (!json_object_is_type(value, json_type_array)) {
        tell_wrong_type(parsing, types[spec->type].noun, value);
        return;
    }
    size_t path_len = parsing->path.len;
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        buffer_printf(&parsing->path, "[%zu]", i);
        const char *text = read_string(parsing, "a string", json_object_array_get_idx(value, i));
        if (text != NULL) {
            add_param(parsing->out, spec->key, xstrdup(text));
        }
        parsing->path.len = path_len;
    }
}

static void read_map(struct parsing *parsing, const struct trunk_param_spec *spec,
                     struct json_object *value) {
    if (!json_object_is_type(value, json_type_object)) {
        tell_wrong_type(parsing, types[spec->type].noun, value);
        return;
    }
    struct json_object_iterator end = json_object_iter_end(value);
    for (struct json_object_iterator at = json_object_iter_begin(value);
         !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        size_t path_len = enter_member(parsing, name);
        const char *text = read_string(parsing, "a string", json_object_iter_peek_value(&at));
        if (text != NULL) {
            char *key = xasprintf("%s.%s", spec->key, name);
            add_param(parsing->out, key, xstrdup(text));
            free(key);
        }
        parsing->path.len = path_len;
    }
}

static void read_present(struct parsing *parsing, const struct trunk_param_spec *spec,
                         struct json_object *value) {
    if (spec->type == TRUNK_PARAM_LIST) {
        read_list(parsing, spec, value);
    } else if (spec->type == TRUNK_PARAM_MAP) {
        read_map(parsing, spec, value);
    } else {
        char *text = read_scalar(parsing, spec, value);
        if (text != NULL) {
            add_param(parsing->out, spec->key, text);
        }
    }
}

static void read_absent(struct parsing *parsing, const struct trunk_param_spec *spec) {
    if (spec->flags & TRUNK_PARAM_REQUIRED) {
        bool has_help = spec->help != NULL && *spec->help != '\0';
        tell_problem(parsing, "is missing; add it: %s%s%s", types[spec->type].noun,
                     has_help ? ", " : "", has_help ? spec->help : "");
    } else if (spec->fallback != NULL) {
        char *text = param_text_normalise(spec->type, spec->fallback);
        if (text != NULL) { /* always, of a spec that was checked */
            add_param(parsing->out, spec->key, text);
        }
    }
}

static bool is_ours(const struct parsing *parsing, const struct trunk_param_spec *spec) {
    return ((spec->flags & TRUNK_PARAM_BACKEND) != 0) == parsing->backend;
}

static const struct trunk_param_spec *find_spec(const struct trunk_param_spec *spec,
                                                const char *key) {
    for (; spec != NULL && spec->key != NULL; spec++) {
        if (strcmp(spec->key, key) == 0) {
            return spec;
        }
    }
    return NULL;
}

static bool has_word(const char *const *words, const char *word) {
    for (; words != NULL && *words != NULL; words++) {
        if (strcmp(*words, word) == 0) {
            return true;
        }
    }
    return false;
}

/* The keys that the object may have, NULL-terminated. Only the array is freed by the caller. */
static const char **list_known(const struct parsing *parsing, const char *const *also_known,
                               size_t *out_count) {
    const char **known = NULL;
    size_t count = 0;
    for (const struct trunk_param_spec *spec = parsing->spec; spec != NULL && spec->key != NULL;
         spec++) {
        if (is_ours(parsing, spec)) {
            known = xrealloc(known, (count + 1) * sizeof *known);
            known[count++] = spec->key;
        }
    }
    for (; also_known != NULL && *also_known != NULL; also_known++) {
        known = xrealloc(known, (count + 1) * sizeof *known);
        known[count++] = *also_known;
    }
    *out_count = count;
    return known;
}

static void tell_unknown(struct parsing *parsing, const char *name, const char *const *also_known) {
    size_t count;
    const char **known = list_known(parsing, also_known, &count);
    const char *nearest = nearest_word(name, known, count);
    if (find_spec(parsing->spec, name) != NULL) {
        tell_problem(parsing, "\"%s\" is a key of %s; move it there", name,
                     parsing->backend ? "the driver's own \"params\", not of a backend"
                                      : "each backend, not of the driver's own \"params\"");
    } else if (nearest != NULL) {
        tell_problem(parsing, "unknown key \"%s\"; did you mean \"%s\"?", name, nearest);
    } else if (count == 0) {
        tell_problem(parsing, "unknown key \"%s\"; remove it, there are no keys here", name);
    } else {
        struct buffer text = {0};
        for (size_t i = 0; i < count; i++) {
            buffer_printf(&text, "%s%s", i == 0 ? "" : ", ", known[i]);
        }
        tell_problem(parsing, "unknown key \"%s\"; remove it, the keys here are: %s", name,
                     buffer_cstr(&text));
        buffer_free(&text);
    }
    free(known);
}

static void tell_unknown_members(struct parsing *parsing, struct json_object *object,
                                 const char *const *also_known) {
    struct json_object_iterator end = json_object_iter_end(object);
    for (struct json_object_iterator at = json_object_iter_begin(object);
         !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        const struct trunk_param_spec *spec = find_spec(parsing->spec, name);
        if ((spec == NULL || !is_ours(parsing, spec)) && !has_word(also_known, name)) {
            size_t path_len = enter_member(parsing, name);
            tell_unknown(parsing, name, also_known);
            parsing->path.len = path_len;
        }
    }
}

/* A path that may be absent may be written as "" too, as in the example that shows every key. */
static bool is_left_empty(const struct trunk_param_spec *spec, struct json_object *value) {
    return spec->type == TRUNK_PARAM_PATH && !(spec->flags & TRUNK_PARAM_REQUIRED) &&
           json_object_is_type(value, json_type_string) && json_object_get_string_len(value) == 0;
}

size_t params_parse(const struct trunk_param_spec *spec, bool backend, struct json_object *object,
                    const char *path, const char *const *also_known, struct param_list *out,
                    param_problem_fn problem, void *ctx) {
    struct parsing parsing = {
        .spec = spec, .backend = backend, .out = out, .problem = problem, .ctx = ctx};
    *out = (struct param_list){0};
    buffer_append_cstr(&parsing.path, path);
    if (object != NULL && !json_object_is_type(object, json_type_object)) {
        tell_wrong_type(&parsing, "an object", object);
        buffer_free(&parsing.path);
        return parsing.nproblems;
    }
    for (; spec != NULL && spec->key != NULL; spec++) {
        struct json_object *value = NULL;
        if (!is_ours(&parsing, spec)) {
            continue;
        }
        size_t path_len = enter_member(&parsing, spec->key);
        if (object != NULL && json_object_object_get_ex(object, spec->key, &value) &&
            !is_left_empty(spec, value)) {
            read_present(&parsing, spec, value);
        } else {
            read_absent(&parsing, spec);
        }
        parsing.path.len = path_len;
    }
    if (object != NULL) {
        tell_unknown_members(&parsing, object, also_known);
    }
    buffer_free(&parsing.path);
    return parsing.nproblems;
}

bool params_is_secret(const struct trunk_param_spec *spec, const char *key) {
    size_t len = strcspn(key, "."); /* of the map that it is in */
    for (; spec != NULL && spec->key != NULL; spec++) {
        if (strncmp(spec->key, key, len) == 0 && spec->key[len] == '\0') {
            return (spec->flags & TRUNK_PARAM_SECRET) != 0;
        }
    }
    return false;
}

void params_free(struct param_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free((char *)list->items[i].key);
        free((char *)list->items[i].value);
    }
    free(list->items);
    *list = (struct param_list){0};
}

static bool is_key(const char *key) {
    size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len > 0 && len < sizeof((struct trunk_error *)0)->key && key[len] == '\0';
}

int32_t params_check_spec(const struct trunk_param_spec *spec, struct trunk_error *error) {
    for (size_t i = 0; spec != NULL && spec[i].key != NULL; i++) {
        const char *key = spec[i].key;
        if (!is_key(key)) {
            return error_set(error, TRUNK_INVALID, "",
                             "the key of parameter %zu is not 1..63 of A-Z, a-z, 0-9, _ and -; "
                             "rename it",
                             i);
        }
        if (params_type_name(spec[i].type) == NULL) {
            return error_set(error, TRUNK_INVALID, "",
                             "parameter \"%.40s\" has type %u, which is none; set a TRUNK_PARAM_ "
                             "type",
                             key, (unsigned)spec[i].type);
        }
        if (find_spec(spec, key) != &spec[i]) {
            return error_set(error, TRUNK_INVALID, "",
                             "parameter \"%.40s\" stands twice in the table; remove one", key);
        }
        char *normal = spec[i].fallback == NULL
                           ? xstrdup("")
                           : param_text_normalise(spec[i].type, spec[i].fallback);
        if (normal == NULL) {
            return error_set(error, TRUNK_INVALID, "",
                             "the fallback of parameter \"%.40s\" is no %s; correct it (lists and "
                             "maps have none)",
                             key, types[spec[i].type].name);
        }
        free(normal);
    }
    return TRUNK_OK;
}
