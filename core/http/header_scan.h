/* SPDX-License-Identifier: MIT
 * header_scan.h - reads along the raw bytes of a request's head, for what an HTTP library that
 * parses leniently does not tell: where the head ends, and bytes that two readers may understand
 * differently. */
#ifndef TRUNKD_HTTP_HEADER_SCAN_H
#define TRUNKD_HTTP_HEADER_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum header_scan_state {
    HEADER_SCAN_START = 0,  /* no byte yet */
    HEADER_SCAN_LINE_START, /* of a line that is not the first */
    HEADER_SCAN_LINE,       /* within a line */
    HEADER_SCAN_LINE_END,   /* behind the CR of a line */
    HEADER_SCAN_EMPTY_END,  /* behind the CR of the empty line */
    HEADER_SCAN_COMPLETE,   /* behind the empty line */
    HEADER_SCAN_BAD         /* defect says what is wrong; where the head ends is in doubt */
};

/* Starts as {0}, for each request anew. */
struct header_scan {
    enum header_scan_state state;
    const char *defect; /* static; NULL: none */
};

/* Reads on; ignores what comes after the head or after a defect. */
void header_scan_feed(struct header_scan *scan, const char *data, size_t len);

#endif
