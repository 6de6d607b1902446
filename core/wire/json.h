/* SPDX-License-Identifier: MIT
 * json.h - the one-pass checker of everything that is relayed, which also cuts out the members that
 * trunkd reads (design.md section 7), and the few readers and writers that work on checked text.
 * RFC 8259 exactly: valid UTF-8, no raw control bytes in strings, at most 128 levels, nothing after
 * the document. Allocates nothing. */
#ifndef TRUNKD_WIRE_JSON_H
#define TRUNKD_WIRE_JSON_H

#include <stdbool.h>
#include <trunk/types.h>
#include "base/slice.h"

#define JSON_MAX_DEPTH 128
#define JSON_ROOT (-1)
#define JSON_MAX_PATHS 32

/* Not json_type, and json_find below not json_object_get: json-c has those names. */
enum json_kind {
    JSON_NONE = 0,
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* A member that the caller wants to see: its name, and the index of the object that holds it in the
 * same table (which stands before it), or JSON_ROOT for the root object. */
struct json_path {
    int parent;
    const char *name; /* compared after unescaping the member's key */
};
struct json_value {
    struct trunk_slice
        text; /* the value's own bytes, a string with its quotes; within the checked text */
    enum json_kind type; /* JSON_NONE: absent */
    uint32_t count; /* how often the member occurred; the first one's text is kept. More than 1:
                       ambiguous */
};
struct json_error {
    size_t offset;    /* of the first wrong byte or word, from 0; of the opening quote of a string
                         without end */
    const char *what; /* static text: "trailing comma", "invalid UTF-8", ... */
};

/* Checks text and fills values[i] for paths[i] (npaths <= JSON_MAX_PATHS). *out_root gets the whole
 * document without the white space around it. Under a doubled parent the first one's members are
 * kept. TRUNK_OK, TRUNK_INVALID (out_error says where), or TRUNK_TOO_LARGE (too deep); if not OK,
 * values and *out_root mean nothing. */
int32_t json_cut(struct trunk_slice text, const struct json_path *paths, size_t npaths,
                 struct json_value *values, struct json_value *out_root,
                 struct json_error *out_error);

/* The following take text that has passed json_cut. */

/* Walks an array or object: *cursor starts at 0; false at the end. key keeps its quotes. */
bool json_array_next(struct trunk_slice array, size_t *cursor, struct json_value *out_element);
bool json_object_next(struct trunk_slice object, size_t *cursor, struct trunk_slice *out_key,
                      struct json_value *out_value);
/* The first member with this (unescaped) name, count as in json_cut; type JSON_NONE if absent. */
struct json_value json_find(struct trunk_slice object, const char *name);
/* What has to be left out of the object for it to be without these members, each of which occurs
 * once at most: in order, each with the comma to one side of it. out_parts has room for count. */
size_t json_find_parts(struct trunk_slice object, const char *const *names, size_t count,
                       struct trunk_slice *out_parts);
bool json_string_equal(struct trunk_slice quoted, struct trunk_slice plain); /* after unescaping */
/* Appends the unescaped bytes. A lone surrogate becomes U+FFFD. */
void json_string_decode(struct trunk_slice quoted, struct buffer *out);
/* A non-negative integer without fraction or exponent that fits 64 bits. */
bool json_number_u64(struct trunk_slice number, uint64_t *out);

/* Appends plain as a JSON string with quotes. plain is valid UTF-8 (else bad bytes become U+FFFD).
 */
void json_string_encode(struct buffer *out, struct trunk_slice plain);
/* Appends json with each raw CR and LF (white space between tokens: strings cannot hold them) as a
 * space. */
void json_append_one_line(struct buffer *out, struct trunk_slice json);

#endif
