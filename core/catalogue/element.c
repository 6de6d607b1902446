/* SPDX-License-Identifier: MIT
 * element.c - elements of lists against a table of what the revisions say of their members. */
#include "catalogue/element.h"

#include <stdio.h>
#include <stdlib.h>

#include "catalogue/timestamp.h"

enum shape {
    SHAPE_STRING,
    SHAPE_CHOICE, /* one of the strings in words */
    SHAPE_BOOLEAN,
    SHAPE_NUMBER,
    SHAPE_SHARE, /* a number from 0 to 1 */
    SHAPE_TIME,
    SHAPE_STRINGS, /* an array; of words, if there are any */
    SHAPE_OBJECT,
    SHAPE_OBJECTS, /* an array */
    SHAPE_EXECUTION,
    SHAPE_SCHEMA, /* a JSON schema of an object */
    SHAPE_SCHEMAS /* an object of JSON schemas, none of which is just true or false */
};

struct member {
    const char *name;
    enum shape shape;
    bool is_required;
    const struct member
        *members;             /* of the object, or of each one in the array; ends without a name */
    const char *const *words; /* ends with NULL */
};

static const char *const roles[] = {"user", "assistant", NULL};
static const char *const themes[] = {"light", "dark", NULL};
static const char *const task_supports[] = {"required", "optional", "forbidden", NULL};
static const char *const object_type[] = {"object", NULL};

static const struct member schema_members[] = {
    {"type", SHAPE_CHOICE, true, NULL, object_type},
    {"properties", SHAPE_SCHEMAS, false, NULL, NULL},
    {"required", SHAPE_STRINGS, false, NULL, NULL},
    {0},
};
static const struct member icon_members[] = {
    {"src", SHAPE_STRING, true, NULL, NULL},
    {"mimeType", SHAPE_STRING, false, NULL, NULL},
    {"sizes", SHAPE_STRINGS, false, NULL, NULL},
    {"theme", SHAPE_CHOICE, false, NULL, themes},
    {0},
};
static const struct member hint_members[] = {
    {"title", SHAPE_STRING, false, NULL, NULL},
    {"readOnlyHint", SHAPE_BOOLEAN, false, NULL, NULL},
    {"destructiveHint", SHAPE_BOOLEAN, false, NULL, NULL},
    {"idempotentHint", SHAPE_BOOLEAN, false, NULL, NULL},
    {"openWorldHint", SHAPE_BOOLEAN, false, NULL, NULL},
    {0},
};
static const struct member execution_members[] = {
    {"taskSupport", SHAPE_CHOICE, false, NULL, task_supports},
    {0},
};
static const struct member annotation_members[] = {
    {"audience", SHAPE_STRINGS, false, NULL, roles},
    {"priority", SHAPE_SHARE, false, NULL, NULL},
    {"lastModified", SHAPE_TIME, false, NULL, NULL},
    {0},
};
static const struct member argument_members[] = {
    {"name", SHAPE_STRING, true, NULL, NULL},
    {"description", SHAPE_STRING, false, NULL, NULL},
    {"required", SHAPE_BOOLEAN, false, NULL, NULL},
    {0},
};

/* The key of each comes first. */
static const struct member tool_members[] = {
    {"name", SHAPE_STRING, true, NULL, NULL},
    {"title", SHAPE_STRING, false, NULL, NULL},
    {"description", SHAPE_STRING, false, NULL, NULL},
    {"inputSchema", SHAPE_SCHEMA, true, schema_members, NULL},
    {"outputSchema", SHAPE_SCHEMA, false, schema_members, NULL},
    {"annotations", SHAPE_OBJECT, false, hint_members, NULL},
    {"execution", SHAPE_EXECUTION, false, execution_members, NULL},
    {"icons", SHAPE_OBJECTS, false, icon_members, NULL},
    {"_meta", SHAPE_OBJECT, false, NULL, NULL},
    {0},
};
static const struct member prompt_members[] = {
    {"name", SHAPE_STRING, true, NULL, NULL},
    {"title", SHAPE_STRING, false, NULL, NULL},
    {"description", SHAPE_STRING, false, NULL, NULL},
    {"arguments", SHAPE_OBJECTS, false, argument_members, NULL},
    {"icons", SHAPE_OBJECTS, false, icon_members, NULL},
    {"_meta", SHAPE_OBJECT, false, NULL, NULL},
    {0},
};
static const struct member resource_members[] = {
    {"uri", SHAPE_STRING, true, NULL, NULL},
    {"name", SHAPE_STRING, true, NULL, NULL},
    {"title", SHAPE_STRING, false, NULL, NULL},
    {"description", SHAPE_STRING, false, NULL, NULL},
    {"mimeType", SHAPE_STRING, false, NULL, NULL},
    {"size", SHAPE_NUMBER, false, NULL, NULL},
    {"annotations", SHAPE_OBJECT, false, annotation_members, NULL},
    {"icons", SHAPE_OBJECTS, false, icon_members, NULL},
    {"_meta", SHAPE_OBJECT, false, NULL, NULL},
    {0},
};
static const struct member template_members[] = {
    {"uriTemplate", SHAPE_STRING, true, NULL, NULL},
    {"name", SHAPE_STRING, true, NULL, NULL},
    {"title", SHAPE_STRING, false, NULL, NULL},
    {"description", SHAPE_STRING, false, NULL, NULL},
    {"mimeType", SHAPE_STRING, false, NULL, NULL},
    {"annotations", SHAPE_OBJECT, false, annotation_members, NULL},
    {"icons", SHAPE_OBJECTS, false, icon_members, NULL},
    {"_meta", SHAPE_OBJECT, false, NULL, NULL},
    {0},
};

static const struct member *const tables[LIST_KINDS] = {
    [LIST_TOOLS] = tool_members,
    [LIST_PROMPTS] = prompt_members,
    [LIST_RESOURCES] = resource_members,
    [LIST_TEMPLATES] = template_members,
};

enum { MAX_MEMBERS = 16 };

/* The first thing wrong, innermost. */
struct finding {
    const char *member;
    const char *what;
};

/* The first occurrence of each member of a table, and how often it occurred. */
struct found {
    struct json_value values[MAX_MEMBERS];
};

static const struct member *find_member(const struct member *members, struct trunk_slice key) {
    for (; members->name != NULL; members++) {
        if (json_string_equal(key, slice_cstr(members->name))) {
            return members;
        }
    }
    return NULL;
}

static void find_members(struct trunk_slice object, const struct member *members,
                         struct found *out) {
    struct trunk_slice key;
    struct json_value value;
    size_t cursor = 0;
    *out = (struct found){0};
    while (json_object_next(object, &cursor, &key, &value)) {
        const struct member *member = find_member(members, key);
        if (member != NULL && out->values[member - members].count++ == 0) {
            out->values[member - members] = value;
        }
    }
}

static bool check_object(struct trunk_slice object, const struct member *members,
                         struct finding *out);

static bool is_word(struct trunk_slice quoted, const char *const *words) {
    if (words == NULL) {
        return true;
    }
    for (; *words != NULL; words++) {
        if (json_string_equal(quoted, slice_cstr(*words))) {
            return true;
        }
    }
    return false;
}

static bool is_share(struct trunk_slice number) {
    char digits[64];
    if (number.len >= sizeof digits) {
        return false;
    }
    memcpy(digits, number.data, number.len);
    digits[number.len] = '\0';
    double value = strtod(digits, NULL);
    return value >= 0 && value <= 1;
}

static bool are_strings(struct trunk_slice array, const char *const *words) {
    size_t cursor = 0;
    struct json_value value;
    while (json_array_next(array, &cursor, &value)) {
        if (value.type != JSON_STRING || !is_word(value.text, words)) {
            return false;
        }
    }
    return true;
}

static bool are_schemas(struct trunk_slice object) {
    struct trunk_slice key;
    struct json_value value;
    size_t cursor = 0;
    while (json_object_next(object, &cursor, &key, &value)) {
        if (value.type != JSON_OBJECT && value.type != JSON_ARRAY) {
            return false;
        }
    }
    return true;
}

static bool check_objects(struct trunk_slice array, const struct member *members,
                          struct finding *out) {
    size_t cursor = 0;
    struct json_value value;
    while (json_array_next(array, &cursor, &value)) {
        if (value.type != JSON_OBJECT) {
            out->what = "is not an array of objects";
            return false;
        }
        if (!check_object(value.text, members, out)) {
            return false;
        }
    }
    return true;
}

/* NULL: the type is right. */
static const char *check_type(enum shape shape, enum json_kind type) {
    switch (shape) {
    case SHAPE_STRING:
    case SHAPE_CHOICE:
    case SHAPE_TIME:
        return type == JSON_STRING ? NULL : "is not a string";
    case SHAPE_BOOLEAN:
        return type == JSON_TRUE || type == JSON_FALSE ? NULL : "is neither true nor false";
    case SHAPE_NUMBER:
    case SHAPE_SHARE:
        return type == JSON_NUMBER ? NULL : "is not a number";
    case SHAPE_STRINGS:
    case SHAPE_OBJECTS:
        return type == JSON_ARRAY ? NULL : "is not an array";
    case SHAPE_OBJECT:
    case SHAPE_EXECUTION:
    case SHAPE_SCHEMA:
    case SHAPE_SCHEMAS:
        break;
    }
    return type == JSON_OBJECT ? NULL : "is not an object";
}

static bool check_value(const struct member *member, const struct json_value *value,
                        struct finding *out) {
    *out = (struct finding){member->name, check_type(member->shape, value->type)};
    if (value->count > 1) {
        out->what = "occurs twice";
    }
    if (out->what != NULL) {
        return false;
    }
    switch (member->shape) {
    case SHAPE_CHOICE:
        out->what = is_word(value->text, member->words) ? NULL : "has an unknown value";
        break;
    case SHAPE_SHARE:
        out->what = is_share(value->text) ? NULL : "is not between 0 and 1";
        break;
    case SHAPE_TIME:
        out->what = timestamp_is_valid(value->text) ? NULL : "is not a time in ISO 8601";
        break;
    case SHAPE_STRINGS:
        out->what = are_strings(value->text, member->words) ? NULL : "is not an array of strings";
        break;
    case SHAPE_SCHEMAS:
        out->what = are_schemas(value->text) ? NULL : "has a schema that is not an object";
        break;
    case SHAPE_OBJECTS:
        return check_objects(value->text, member->members, out);
    case SHAPE_OBJECT:
    case SHAPE_EXECUTION:
    case SHAPE_SCHEMA:
        return member->members == NULL || check_object(value->text, member->members, out);
    default:
        break;
    }
    return out->what == NULL;
}

static bool check_object(struct trunk_slice object, const struct member *members,
                         struct finding *out) {
    struct found found;
    find_members(object, members, &found);
    for (size_t i = 0; members[i].name != NULL; i++) {
        if (found.values[i].count == 0) {
            if (members[i].is_required) {
                *out = (struct finding){members[i].name, "is missing"};
                return false;
            }
        } else if (!check_value(&members[i], &found.values[i], out)) {
            return false;
        }
    }
    return true;
}

static bool refuse(struct element *out, const char *member, const struct finding *finding) {
    bool is_inner = strcmp(member, finding->member) != 0;
    (void)snprintf(out->problem, sizeof out->problem, "%s%s%s %s", member, is_inner ? "." : "",
                   is_inner ? finding->member : "", finding->what);
    return false;
}

/* What an execution says of tasks; the value has been checked. */
static bool has_task_support(const struct json_value *execution, const char *word) {
    struct json_value support = json_find(execution->text, "taskSupport");
    return support.type == JSON_STRING && json_string_equal(support.text, slice_cstr(word));
}

bool element_read(enum list_kind kind, const struct json_value *value, struct element *out) {
    const struct member *members = tables[kind];
    const char *strips[ELEMENT_MAX_STRIPS];
    struct found found;
    *out = (struct element){.text = value->text, .key = slice_cstr("\"\"")};
    if (value->type != JSON_OBJECT) {
        return refuse(out, "it", &(struct finding){"it", "is not an object"});
    }
    find_members(value->text, members, &found);
    if (found.values[0].type == JSON_STRING) {
        out->key = found.values[0].text;
    }
    for (size_t i = 0; members[i].name != NULL; i++) {
        struct finding finding = {members[i].name, "is missing"};
        if (found.values[i].count == 0 && !members[i].is_required) {
            continue;
        }
        bool is_good =
            found.values[i].count != 0 && check_value(&members[i], &found.values[i], &finding);
        if (is_good && members[i].shape != SHAPE_EXECUTION) {
            if (i == 0 && slice_equal_cstr(out->key, "\"\"")) {
                return refuse(out, members[0].name, &(struct finding){members[0].name, "is empty"});
            }
            continue;
        }
        if (is_good && !has_task_support(&found.values[i], "required")) {
            if (has_task_support(&found.values[i], "optional")) {
                strips[out->nstrips++] = members[i].name;
            }
            continue;
        }
        if (is_good) {
            finding = (struct finding){members[i].name, "says that it runs only as a task"};
        }
        /* A tool can do without: then its clients do not look into structured content. */
        if (members[i].shape == SHAPE_SCHEMA && !members[i].is_required &&
            found.values[i].count == 1) {
            strips[out->nstrips++] = members[i].name;
            (void)refuse(out, members[i].name, &finding);
            continue;
        }
        return refuse(out, members[i].name, &finding);
    }
    if (out->nstrips > 0) {
        out->nstrips = json_find_parts(value->text, strips, out->nstrips, out->strips);
    }
    return true;
}
