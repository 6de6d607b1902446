/* SPDX-License-Identifier: MIT
 * tokens_file.h - reads auth.tokens_file:
 * {"tokens": [{"name": "alice", "sha256": "<hex>", "expires": "2027-01-01T00:00:00Z"}]}. */
#ifndef TRUNKD_APP_TOKENS_FILE_H
#define TRUNKD_APP_TOKENS_FILE_H

#include <sys/types.h>
#include <time.h>

#include "app/problems.h"
#include "http/tokens.h"

/* By which a changed file is known. {0}: of no file. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed; /* owner and mode too */
};
struct file_stamp file_stamp_of(const char *path); /* {0} if there is none that can be looked at */
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

/* Reads the file of problems into *out; with a problem told, *out stays as it is. A file that
 * others may read or write, or that belongs to neither this user nor root, is a problem.
 * *out_stamp is that of what was read. */
bool tokens_file_read(struct problems *problems, struct tokens *out, struct file_stamp *out_stamp);

#endif
