/* SPDX-License-Identifier: MIT
 * kit_folder.c - both are folders of /proc. */
#include "kit_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "kit_fail.h"

size_t kit_count_entries(const char *path, bool only_inherited) {
    DIR *folder = opendir(path);
    if (folder == NULL) {
        KIT_FAIL("%s cannot be read", path);
    }
    size_t count = 0;
    const struct dirent *entry = NULL;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        int flags = only_inherited ? fcntl((int)strtol(entry->d_name, NULL, 10), F_GETFD) : 0;
        count += flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }
    (void)closedir(folder);
    return count;
}
