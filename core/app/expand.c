/* SPDX-License-Identifier: MIT
 * expand.c - ${NAME} and ${NAME:-default} in the config's strings, from the environment. */
#include "app/expand.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "base/alloc.h"
#include "base/status.h"

/* ASCII only, whatever the locale. */
static size_t measure_name(const char *text) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (*text >= '0' && *text <= '9') {
        return 0;
    }
    return strspn(text, letters);
}

/* reference stands behind "${"; *out_after gets what follows its '}'. */
static int32_t expand_reference(const char *reference, struct buffer *out, const char **out_after,
                                struct trunk_error *error) {
    size_t name_len = measure_name(reference);
    const char *rest = reference + name_len;
    const char *end = strchr(rest, '}');
    if (end == NULL) {
        return error_set(error, TRUNK_INVALID, "",
                         "\"${\" without \"}\"; close it, or write $${ for a literal ${");
    }
    bool has_default = strncmp(rest, ":-", 2) == 0;
    if (name_len == 0 || (rest != end && !has_default)) {
        return error_set(error, TRUNK_INVALID, "",
                         "not the name of an environment variable in \"${...}\"; write ${NAME} or "
                         "${NAME:-default}, or $${ for a literal ${");
    }
    char *name = slice_strdup(slice_of(reference, name_len));
    const char *value = getenv(name);
    int32_t status = TRUNK_OK;
    if (value != NULL && (*value != '\0' || !has_default)) {
        buffer_append_cstr(out, value);
    } else if (has_default) {
        buffer_append(out, rest + 2, (size_t)(end - rest - 2));
    } else {
        status = error_set(error, TRUNK_INVALID, "",
                           "environment variable %s is not set; set it, or give a default: "
                           "${%s:-default}",
                           name, name);
    }
    free(name);
    *out_after = end + 1;
    return status;
}

int32_t expand_text(const char *text, struct buffer *out, struct trunk_error *error) {
    while (*text != '\0') {
        size_t plain = strcspn(text, "$");
        buffer_append(out, text, plain);
        text += plain;
        if (strncmp(text, "$${", 3) == 0) {
            buffer_append_cstr(out, "${");
            text += 3;
        } else if (strncmp(text, "${", 2) == 0) {
            int32_t status = expand_reference(text + 2, out, &text, error);
            if (status != TRUNK_OK) {
                return status;
            }
        } else if (*text == '$') {
            buffer_append(out, text++, 1);
        }
    }
    return TRUNK_OK;
}

static void expand_string(struct json_object *string, struct buffer *path,
                          struct problems *problems) {
    const char *text = json_object_get_string(string);
    if (strchr(text, '$') == NULL) {
        return;
    }
    struct buffer expanded = {0};
    struct trunk_error error = {0};
    if (expand_text(text, &expanded, &error) == TRUNK_OK) {
        json_object_set_string(string, buffer_cstr(&expanded));
    } else {
        problems_add(problems, buffer_cstr(path), "%s", error.text);
    }
    buffer_free(&expanded);
}

static void expand_value(struct json_object *value, struct buffer *path,
                         struct problems *problems) {
    size_t len = path->len;
    if (json_object_is_type(value, json_type_string)) {
        expand_string(value, path, problems);
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            path_append_index(path, i);
            expand_value(json_object_array_get_idx(value, i), path, problems);
            path->len = len;
        }
    } else if (json_object_is_type(value, json_type_object)) {
        struct json_object_iter it;
        json_object_object_foreachC(value, it) {
            path_append_member(path, it.key);
            expand_value(it.val, path, problems);
            path->len = len;
        }
    }
}

void expand_tree(struct json_object *value, const char *path, struct problems *problems) {
    struct buffer place = {0};
    buffer_append_cstr(&place, path);
    expand_value(value, &place, problems);
    buffer_free(&place);
}
