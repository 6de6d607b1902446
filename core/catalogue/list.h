/* SPDX-License-Identifier: MIT
 * list.h - one of the four lists that a client sees, merged from those of the backends by slices:
 * an element's bytes stay, its name is spliced (design.md section 7). Deterministic: backends in
 * the order given (sorted by the caller), elements in their own. */
#ifndef TRUNKD_CATALOGUE_LIST_H
#define TRUNKD_CATALOGUE_LIST_H

#include "base/log.h"
#include "catalogue/element.h"
#include "catalogue/names.h"
#include "catalogue/routes.h"

struct list_info {
    const char *method;  /* "tools/list" */
    const char *member;  /* of its result: "tools" */
    const char *changed; /* "notifications/tools/list_changed" */
};
const struct list_info *list_info(enum list_kind kind);

struct list_source {
    const char *backend;             /* its name */
    void *leg;                       /* put into the routes, not looked at */
    const struct trunk_slice *pages; /* the checked arrays of its pages */
    size_t npages;                   /* 0: its list is not known, or empty */
};

struct list;
struct list *list_new(enum list_kind kind);
void list_free(struct list *list); /* NULL is fine */

/* Makes the list from the sources, whose pages are checked arrays of its kind; true if it differs
 * from what it was. The sources may go then. Tools and prompts get names by naming. Resources and
 * templates keep their URIs; of several backends that have one, that of the lowest rank
 * (names_rank) counts. A prefixed name that begins with the longer prefix of another source is left
 * out, whatever that one lists: whose a name is depends on the config alone. An element that strict
 * clients do not take (element_read), or whose client name or URI is taken, is left out with a log
 * line that names backend and element; so many of each backend, and no more. Sources are all
 * backends, with pages or without. */
bool list_merge(struct list *list, const struct list_source *sources, size_t nsources,
                const struct naming *naming, struct log *log);

size_t list_count(const struct list *list);
/* By the client's name or URI, plain; NULL if none. Valid until the next merge. */
const struct route *list_find(const struct list *list, struct trunk_slice key);
const struct route *list_at(const struct list *list, size_t index); /* index < list_count */

/* Appends the result of a list request, e.g. `{"tools":[...],"nextCursor":"..."}`: page_size
 * elements (0: all) from cursor (plain text; NULL: from the beginning). A page that was given
 * before the list changed is continued behind the element that it ended with, wherever that is now,
 * or else at the same place. False: the cursor is not one of this list's (-32602). */
bool list_append_page(const struct list *list, const struct trunk_slice *cursor, size_t page_size,
                      struct buffer *out);

#endif
