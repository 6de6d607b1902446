/* SPDX-License-Identifier: MIT
 * reads.c - from a URI to its leg. */
#include "catalogue/reads.h"

#include "catalogue/uri_template.h"

struct best {
    const struct route *route;
    size_t len;
};

static size_t count_common(struct trunk_slice a, struct trunk_slice b) {
    const char *left = a.data;
    const char *right = b.data;
    size_t len = a.len < b.len ? a.len : b.len;
    size_t count = 0;
    while (count < len && left[count] == right[count]) {
        count++;
    }
    return count;
}

/* Behind the colon of the scheme; 0: it has none. */
static size_t scheme_len(struct trunk_slice uri) {
    const char *colon = uri.len > 0 ? memchr(uri.data, ':', uri.len) : NULL;
    return colon != NULL ? (size_t)(colon - (const char *)uri.data) + 1 : 0;
}

static void take_better(struct best *best, const struct route *route, size_t len) {
    if (len >= best->len && (best->route == NULL || len > best->len)) {
        *best = (struct best){route, len};
    }
}

static const struct route *find_template(const struct list *templates, struct trunk_slice uri) {
    struct best best = {0};
    for (size_t i = 0; i < list_count(templates); i++) {
        const struct route *route = list_at(templates, i);
        size_t len = uri_template_literal_len(route->name);
        if ((best.route == NULL || len > best.len) && uri_template_match(route->name, uri)) {
            best = (struct best){route, len};
        }
    }
    return best.route;
}

static const struct route *find_neighbour(const struct list *resources,
                                          const struct list *templates, struct trunk_slice uri) {
    struct best best = {.len = scheme_len(uri)};
    if (best.len == 0) {
        return NULL;
    }
    for (size_t i = 0; i < list_count(resources); i++) {
        const struct route *route = list_at(resources, i);
        take_better(&best, route, count_common(route->name, uri));
    }
    for (size_t i = 0; i < list_count(templates); i++) {
        const struct route *route = list_at(templates, i);
        struct trunk_slice literal =
            slice_of(route->name.data, uri_template_prefix_len(route->name));
        take_better(&best, route, count_common(literal, uri));
    }
    return best.route;
}

const struct route *reads_find(const struct list *resources, const struct list *templates,
                               struct trunk_slice uri) {
    const struct route *route = list_find(resources, uri);
    if (route == NULL) {
        route = find_template(templates, uri);
    }
    return route != NULL ? route : find_neighbour(resources, templates, uri);
}
