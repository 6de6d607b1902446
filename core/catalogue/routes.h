/* SPDX-License-Identifier: MIT
 * routes.h - the client's name of a tool -> the leg that has it and the backend's own name. A hash
 * table with a seeded hash. */
#ifndef TRUNKD_CATALOGUE_ROUTES_H
#define TRUNKD_CATALOGUE_ROUTES_H

#include "base/slice.h"

struct route {
    void *leg; /* not looked at */
    struct trunk_slice
        original; /* the backend's own name as written in its list: JSON text with quotes */
    struct trunk_slice name; /* the client's, plain; set by routes_add */
};
struct routes;
struct routes *routes_new(void);
void routes_free(struct routes *routes);
/* Copies name and route->original. The route kept, or NULL if the name is there already. */
const struct route *routes_add(struct routes *routes, struct trunk_slice name,
                               const struct route *route);
const struct route *routes_find(const struct routes *routes,
                                struct trunk_slice name); /* plain name; NULL if none */
size_t routes_count(const struct routes *routes);

#endif
