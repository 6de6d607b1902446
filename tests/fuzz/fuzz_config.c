/* SPDX-License-Identifier: MIT
 * fuzz_config.c - any bytes as a config file: read, checked and expanded. No plugin is loaded. */
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/config_file.h"
#include "app/expand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_problem(void *ctx, const char *where, const char *problem) {
    size_t *count = ctx;
    /* The file's name comes first, and what is wrong is followed by what to do. */
    if (strncmp(where, "/proc/self/fd/", 14) != 0 || strlen(problem) < 3) {
        abort();
    }
    (*count)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct problems problems;
    size_t told = 0;
    char path[64];
    int fd = memfd_create("config", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    (void)setenv("SET", "value", 1);
    problems_init(&problems, path, count_problem, &told);
    struct json_object *tree = config_file_read(&problems);
    if (tree == NULL && told == 0) {
        abort();
    }
    if (tree != NULL) {
        if (!json_object_is_type(tree, json_type_object)) {
            abort();
        }
        expand_tree(tree, "", &problems);
        (void)json_object_to_json_string(tree);
    }
    if (told != problems.count) {
        abort();
    }
    json_object_put(tree);
    problems_clear(&problems);
    (void)close(fd);
    return 0;
}
