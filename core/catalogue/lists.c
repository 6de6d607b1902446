/* SPDX-License-Identifier: MIT
 * lists.c - the backends' tools as one list, by slices. */
#include "catalogue/lists.h"

#include "catalogue/names.h"
#include "wire/jsonrpc.h"

/* A backend chooses how many of its tools are bad, so it must not choose how much is logged. */
enum { MAX_LOGGED = 8, MAX_LOGGED_NAME_BYTES = 200 };

struct merge {
    struct log *log;
    struct buffer *out;
    struct routes *routes;
    size_t count;
    struct buffer original; /* of one tool, as the two below; kept to spare allocations */
    struct buffer name;
    struct buffer encoded;
};

/* name as the backend wrote it: the quotes keep it from looking like another key=value. */
static void leave_out(const struct merge *merge, const char *backend, struct trunk_slice name,
                      const char *why, size_t left_out) {
    if (left_out < MAX_LOGGED) {
        size_t len = name.len < MAX_LOGGED_NAME_BYTES ? name.len : MAX_LOGGED_NAME_BYTES;
        log_warn(merge->log, "catalogue", "a tool is left out: %s backend=%s tool=%.*s", why,
                 backend, (int)len, (const char *)name.data);
    }
}

/* NULL, or why it is left out. *out_name: its name, `""` if it has none. */
static const char *merge_tool(struct merge *merge, const struct list_source *source,
                              const struct json_value *tool, struct trunk_slice *out_name) {
    *out_name = slice_cstr("\"\"");
    if (tool->type != JSON_OBJECT) {
        return "it is no object";
    }
    struct json_value name = json_find(tool->text, "name");
    if (name.type != JSON_STRING) {
        return "it has no name that is a string";
    }
    *out_name = name.text;
    if (name.count != 1) {
        return "it has more than one name";
    }
    buffer_clear(&merge->original);
    buffer_clear(&merge->name);
    buffer_clear(&merge->encoded);
    json_string_decode(name.text, &merge->original);
    names_append(&merge->name, source->backend, buffer_slice(&merge->original));
    struct route route = {.leg = source->leg, .original = name.text};
    if (!routes_add(merge->routes, buffer_slice(&merge->name), &route)) {
        return "its name is taken";
    }
    json_string_encode(&merge->encoded, buffer_slice(&merge->name));
    struct splice splice = {name.text, buffer_slice(&merge->encoded)};
    buffer_append_cstr(merge->out, merge->count++ > 0 ? "," : "");
    splice_append(merge->out, tool->text, &splice, 1);
    return NULL;
}

static void merge_source(struct merge *merge, const struct list_source *source) {
    size_t left_out = 0;
    for (size_t page = 0; page < source->npages; page++) {
        size_t cursor = 0;
        struct json_value tool;
        while (json_array_next(source->pages[page], &cursor, &tool)) {
            struct trunk_slice name;
            const char *why = merge_tool(merge, source, &tool, &name);
            if (why != NULL) {
                leave_out(merge, source->backend, name, why, left_out++);
            }
        }
    }
    if (left_out > MAX_LOGGED) {
        log_warn(merge->log, "catalogue", "more tools are left out backend=%s count=%zu",
                 source->backend, left_out - MAX_LOGGED);
    }
}

size_t lists_merge_tools(const struct list_source *sources, size_t nsources, struct log *log,
                         struct buffer *out, struct routes *routes) {
    struct merge merge = {.log = log, .out = out, .routes = routes};
    buffer_append_cstr(out, "{\"tools\":[");
    for (size_t i = 0; i < nsources; i++) {
        merge_source(&merge, &sources[i]);
    }
    buffer_append_cstr(out, "]}");
    buffer_free(&merge.original);
    buffer_free(&merge.name);
    buffer_free(&merge.encoded);
    return merge.count;
}
