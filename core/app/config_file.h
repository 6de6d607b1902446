/* SPDX-License-Identifier: MIT
 * config_file.h - from a file to a tree: reads it, takes the comments out, checks the JSON
 * strictly. */
#ifndef TRUNKD_APP_CONFIG_FILE_H
#define TRUNKD_APP_CONFIG_FILE_H

#include <json-c/json_object.h>
#include "app/problems.h"

#define CONFIG_FILE_MAX_BYTES (4u << 20)

/* Gives the document, an object, which the caller puts; or NULL with at least one problem told. The
 * file is JSON as RFC 8259 has it, with comments of both kinds where white space may stand. Members
 * that occur twice and strings with a NUL are problems too, beside a tree that is given all the
 * same. */
struct json_object *config_file_read(struct problems *problems);
/* The two halves of it. flags: further ones of open(2). -1: told. The caller closes. */
int config_file_open(struct problems *problems, int flags);
struct json_object *config_file_read_fd(int fd, struct problems *problems);

#endif
