/* SPDX-License-Identifier: MIT
 * names.h - the names that a client sees of tools and prompts (design.md section 8). */
#ifndef TRUNKD_CATALOGUE_NAMES_H
#define TRUNKD_CATALOGUE_NAMES_H

#include "base/slice.h"

enum naming_strategy {
    NAMING_PREFIX,   /* every name prefixed */
    NAMING_CONFLICT, /* a name that several backends have is prefixed at each of them */
    NAMING_PRIORITY  /* the first backend that has it keeps the bare name, the others' are hidden */
};

/* Of one configuration; borrowed strings. */
struct naming {
    enum naming_strategy strategy;
    const char *prefix_format;   /* what stands before a prefixed name; "{backend}" in it is the
                                    backend's name */
    const char *const *priority; /* backends, the first first; others come after these */
    size_t npriority;
};

/* A generated name is at most this long, so that every client takes it (protocol.md 5.6). */
#define NAMES_MAX_BYTES 64

/* Appends the prefixed name of a backend's tool or prompt, both plain (unescaped). One that is
 * longer than NAMES_MAX_BYTES is cut, and ends in "_" and 8 hex digits that are the same in every
 * process. */
void names_generate(struct buffer *out, const struct naming *naming, const char *backend,
                    struct trunk_slice name);
/* Appends what stands before the prefixed names of a backend. */
void names_append_prefix(struct buffer *out, const struct naming *naming, const char *backend);
/* Could a client's name be one of this backend, whose lists are not known? */
bool names_could_be(const struct naming *naming, struct trunk_slice name, const char *backend);
/* The place of a backend that stands at `index` of all: the lower wins. */
size_t names_rank(const struct naming *naming, const char *backend, size_t index);

#endif
