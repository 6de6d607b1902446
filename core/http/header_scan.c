/* SPDX-License-Identifier: MIT
 * header_scan.c - reads along the raw bytes of a request's head. */
#include "http/header_scan.h"

static enum header_scan_state refuse(struct header_scan *scan, const char *defect) {
    scan->defect = defect;
    return HEADER_SCAN_BAD;
}

static enum header_scan_state read_in_line(struct header_scan *scan, unsigned char byte) {
    if (byte == '\r') {
        return HEADER_SCAN_LINE_END;
    }
    if (byte == '\n') {
        return refuse(scan, "a line ends with LF alone");
    }
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
        return refuse(scan, "control byte in the head");
    }
    return HEADER_SCAN_LINE;
}

static enum header_scan_state read_line_end(struct header_scan *scan, unsigned char byte,
                                            enum header_scan_state next) {
    return byte == '\n' ? next : refuse(scan, "CR without LF");
}

static enum header_scan_state read_byte(struct header_scan *scan, unsigned char byte) {
    switch (scan->state) {
    case HEADER_SCAN_START:
        return byte == '\r' ? refuse(scan, "empty request line") : read_in_line(scan, byte);
    case HEADER_SCAN_LINE_START:
        if (byte == ' ' || byte == '\t') {
            return refuse(scan, "folded header");
        }
        return byte == '\r' ? HEADER_SCAN_EMPTY_END : read_in_line(scan, byte);
    case HEADER_SCAN_LINE:
        return read_in_line(scan, byte);
    case HEADER_SCAN_LINE_END:
        return read_line_end(scan, byte, HEADER_SCAN_LINE_START);
    case HEADER_SCAN_EMPTY_END:
        return read_line_end(scan, byte, HEADER_SCAN_COMPLETE);
    case HEADER_SCAN_COMPLETE:
    case HEADER_SCAN_BAD:
        break;
    }
    return scan->state;
}

void header_scan_feed(struct header_scan *scan, const char *data, size_t len) {
    for (size_t i = 0; i < len && scan->state < HEADER_SCAN_COMPLETE; i++) {
        scan->state = read_byte(scan, (unsigned char)data[i]);
    }
}
