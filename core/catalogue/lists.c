/* SPDX-License-Identifier: MIT
 * lists.c - the backends' tools as one list, by slices. */
#include "catalogue/lists.h"

#include "catalogue/names.h"
#include "wire/jsonrpc.h"

struct merge {
    struct log *log;
    struct buffer *out;
    struct routes *routes;
    size_t count;
    struct buffer name;
    struct buffer encoded;
};

static void merge_tool(struct merge *merge, const struct list_source *source, const struct json_value *tool) {
    struct json_value name = {0};
    struct buffer original = {0};
    if (tool->type == JSON_OBJECT) {
        name = json_find(tool->text, "name");
    }
    if (name.type != JSON_STRING || name.count != 1) {
        log_warn(merge->log, "catalogue", "a tool without one name is left out backend=%s", source->backend);
        return;
    }
    json_string_decode(name.text, &original);
    buffer_clear(&merge->name);
    buffer_clear(&merge->encoded);
    names_append(&merge->name, source->backend, buffer_slice(&original));
    buffer_free(&original);
    struct route route = {source->leg, name.text};
    if (!routes_add(merge->routes, buffer_slice(&merge->name), &route)) {
        log_warn(merge->log, "catalogue", "a second tool of the same name is left out backend=%s tool=%s",
                 source->backend, buffer_cstr(&merge->name));
        return;
    }
    json_string_encode(&merge->encoded, buffer_slice(&merge->name));
    struct splice splice = {name.text, buffer_slice(&merge->encoded)};
    buffer_append_cstr(merge->out, merge->count++ > 0 ? "," : "");
    splice_append(merge->out, tool->text, &splice, 1);
}

size_t lists_merge_tools(const struct list_source *sources, size_t nsources, struct log *log,
                         struct buffer *out, struct routes *routes) {
    struct merge merge = {.log = log, .out = out, .routes = routes};
    buffer_append_cstr(out, "{\"tools\":[");
    for (size_t i = 0; i < nsources; i++) {
        for (size_t page = 0; page < sources[i].npages; page++) {
            size_t cursor = 0;
            struct json_value tool;
            while (json_array_next(sources[i].pages[page], &cursor, &tool)) {
                merge_tool(&merge, &sources[i], &tool);
            }
        }
    }
    buffer_append_cstr(out, "]}");
    buffer_free(&merge.name);
    buffer_free(&merge.encoded);
    return merge.count;
}
