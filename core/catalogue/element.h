/* SPDX-License-Identifier: MIT
 * element.h - would strict clients take this element of a list? One that they do not take costs
 * them the whole list (protocol.md 5.2). */
#ifndef TRUNKD_CATALOGUE_ELEMENT_H
#define TRUNKD_CATALOGUE_ELEMENT_H

#include "wire/json.h"

enum list_kind { LIST_TOOLS, LIST_PROMPTS, LIST_RESOURCES, LIST_TEMPLATES, LIST_KINDS };

#define ELEMENT_MAX_STRIPS 2

struct element {
    struct trunk_slice text;
    struct trunk_slice key; /* its name, uri or uriTemplate: JSON text with quotes; `""` if it has
                               none */
    /* Parts of text that are to be left out, in order, each with its comma: an outputSchema that
     * clients do not take, and an execution that offers tasks, which trunkd does not. */
    struct trunk_slice strips[ELEMENT_MAX_STRIPS];
    size_t nstrips;
    char problem[96]; /* why it is unusable, or its outputSchema is; plain */
};

/* text is checked JSON of any type. False: it is unusable, for out->problem. What the revisions
 * know of an element is held to be as they say, occurs once, and is not null; other members may be
 * anything. A tool that runs only as a task is unusable (protocol.md 5.4). */
bool element_read(enum list_kind kind, const struct json_value *value, struct element *out);

#endif
