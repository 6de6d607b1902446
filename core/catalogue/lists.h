/* SPDX-License-Identifier: MIT
 * lists.h - merges the tools of the backends into the one list a client sees, by slices: an
 * element's bytes stay, its name is spliced (design.md section 7). Deterministic: backends in the
 * order given (sorted by the caller), tools in their own. */
#ifndef TRUNKD_CATALOGUE_LISTS_H
#define TRUNKD_CATALOGUE_LISTS_H

#include "base/log.h"
#include "base/slice.h"
#include "catalogue/routes.h"

struct list_source {
    const char *backend;             /* its name */
    void *leg;                       /* put into the routes, not looked at */
    const struct trunk_slice *pages; /* the checked `tools` arrays of its pages */
    size_t npages;
};

/* Appends `{"tools":[...]}` to out and adds a route per element to routes (which starts empty). An
 * element that is no object, has no one string `name`, or whose client name is taken already is
 * left out with a log line that names backend and tool. Returns the number of tools. */
size_t lists_merge_tools(const struct list_source *sources, size_t nsources, struct log *log,
                         struct buffer *out, struct routes *routes);

#endif
