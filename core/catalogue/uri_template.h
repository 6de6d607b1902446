/* SPDX-License-Identifier: MIT
 * uri_template.h - does a URI belong to a URI template? RFC 6570 backwards, all four levels, in
 * time linear to the URI. */
#ifndef TRUNKD_CATALOGUE_URI_TEMPLATE_H
#define TRUNKD_CATALOGUE_URI_TEMPLATE_H

#include "base/slice.h"

/* Longer URIs match no template. */
#define URI_TEMPLATE_MAX_URI 4096

/* Whatever RFC 6570 expands the template to matches it, for values of any kind: any variable may be
 * missing or empty, a list, or a map where it is exploded. Beyond that, values may hold what the
 * RFC has escaped (servers read `{x}` as anything up to a slash), but {x} never a "/", "?" or "#",
 * and pairs of {?x,y} may come in any order. Each expression counts for itself: the same variable
 * twice may have two values. A template that breaks the syntax matches nothing. */
bool uri_template_match(struct trunk_slice pattern, struct trunk_slice uri);
/* How many bytes stand before the first expression, and outside of expressions: the more, the
 * narrower the template. */
size_t uri_template_prefix_len(struct trunk_slice pattern);
size_t uri_template_literal_len(struct trunk_slice pattern);

#endif
