/* SPDX-License-Identifier: MIT
 * kit_folder.h - counts descriptors and threads of this process. */
#ifndef TRUNK_KIT_FOLDER_H
#define TRUNK_KIT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* How many entries a folder has; of /proc/self/fd those that would be inherited by a program, if so
 * asked. */
size_t kit_count_entries(const char *path, bool only_inherited);

#endif
