/* SPDX-License-Identifier: MIT
 * describe.h - what a shared object says of itself, read in a child process: loading runs its
 * constructors. */
#ifndef TRUNKD_PLUGIN_DESCRIBE_H
#define TRUNKD_PLUGIN_DESCRIBE_H

#include <stdio.h>
#include "plugin/loader.h"

/* trunkd plugin-info: kind, name, version, ABI, capabilities, summary and parameters of path, to
 * out. A child that crashes, hangs (10 s) or refuses is told in *error. */
int32_t describe_file(const char *path, FILE *out, struct trunk_error *error);
/* The same with another limit: a child that takes longer is killed. */
int32_t describe_file_within(const char *path, uint64_t limit_ms, FILE *out,
                             struct trunk_error *error);
/* Loads path in a child and forgets it: a plugin whose constructors crash, hang or end the process
 * is refused with a text instead of taking trunkd along. */
int32_t describe_try(const char *path, struct trunk_error *error);
/* trunkd plugins: one line for each plugin that the loader lists; a refused one with its text, a
 * crash or a hang of one harms no other. Returns how many were refused. */
size_t describe_all(struct loader *loader, FILE *out);

#endif
