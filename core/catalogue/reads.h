/* SPDX-License-Identifier: MIT
 * reads.h - which leg a URI belongs to, for reading and subscribing. */
#ifndef TRUNKD_CATALOGUE_READS_H
#define TRUNKD_CATALOGUE_READS_H

#include "catalogue/list.h"

/* The route of the resource with this (plain) URI; else of the template that matches it with the
 * most literal text; else of the resource or template that it has the longest beginning in common
 * with, its scheme at least (of a template, what stands before the first expression). Of equals the
 * first of the list. NULL: nobody's. Only the leg of the route is meant: the URI goes to the
 * backend as the client wrote it. */
const struct route *reads_find(const struct list *resources, const struct list *templates,
                               struct trunk_slice uri);

#endif
