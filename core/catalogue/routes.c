/* SPDX-License-Identifier: MIT
 * routes.c - from the client's name of a tool to leg and original name. */
#include "catalogue/routes.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

struct entry { /* followed in memory by name and original name */
    UT_hash_handle hh;
    struct route route;
    char bytes[];
};

struct routes {
    struct entry *entries;
};

struct routes *routes_new(void) {
    return xcalloc(1, sizeof(struct routes));
}

void routes_free(struct routes *routes) {
    if (routes == NULL) {
        return;
    }
    struct entry *entry = routes->entries;
    HASH_CLEAR(hh, routes->entries); /* frees the table only */
    while (entry != NULL) {
        struct entry *next = entry->hh.next;
        free(entry);
        entry = next;
    }
    free(routes);
}

static struct entry *find(const struct routes *routes, struct trunk_slice name) {
    struct entry *entry = NULL;
    const void *key = name.len > 0 ? name.data : ""; /* memcmp takes no NULL */
    HASH_FIND(hh, routes->entries, key, name.len, entry);
    return entry;
}

const struct route *routes_add(struct routes *routes, struct trunk_slice name,
                               const struct route *route) {
    if (find(routes, name) != NULL) {
        return NULL;
    }
    struct entry *entry = xcalloc(1, sizeof *entry + name.len + route->original.len);
    char *original = entry->bytes + name.len;
    if (name.len > 0) {
        memcpy(entry->bytes, name.data, name.len);
    }
    memcpy(original, route->original.data, route->original.len);
    entry->route = (struct route){route->leg, slice_of(original, route->original.len),
                                  slice_of(entry->bytes, name.len)};
    HASH_ADD_KEYPTR(hh, routes->entries, entry->bytes, name.len, entry);
    return &entry->route;
}

const struct route *routes_find(const struct routes *routes, struct trunk_slice name) {
    const struct entry *entry = find(routes, name);
    return entry != NULL ? &entry->route : NULL;
}

size_t routes_count(const struct routes *routes) {
    return HASH_COUNT(routes->entries);
}
