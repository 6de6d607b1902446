/* SPDX-License-Identifier: MIT
 * run.h - runs one case in a process of its own, with a time limit, and tells how it went. */
#ifndef TRUNKD_CHECK_RUN_H
#define TRUNKD_CHECK_RUN_H

#include "kit_case.h"

enum run_result { RUN_PASSED, RUN_FAILED };

/* What to run cases on. */
struct run_subject {
    const char *path; /* of the driver */
    char *const *pairs;
    size_t npairs;
    const char *peer;   /* command of an MCP server: over stdio, or with has_http_peer over HTTP */
    bool has_http_peer; /* each case gets one of its own */
    unsigned limit_s;   /* of a case, in real time */
};

/* What a driver says of itself. */
struct run_probe {
    uint32_t kind;
    uint32_t needs; /* KIT_NEEDS_... that it meets */
    uint16_t abi_major;
    uint16_t abi_minor;
    char caps[64];
    char name[64];
    char version[64];
    char summary[160];
};

/* How a case failed. */
struct run_failure {
    char sentence[320];
    char text[512];
    char output[4000]; /* the end of what the driver and the case wrote */
};

/* Loads the driver in a process of its own, and reads its parameters. */
enum run_result run_probe(const struct run_subject *subject, struct run_probe *out_probe,
                          struct run_failure *out_failure);
enum run_result run_case(const struct run_subject *subject, const struct kit_case *what,
                         struct run_failure *out_failure);

#endif
