/* SPDX-License-Identifier: MIT
 * config_aggregation.c - reads and checks the `aggregation` block. */
#include "app/config_aggregation.h"

#include <string.h>

#include "app/config_schema.h"
#include "base/slice.h"

#define PLACEHOLDER "{backend}"

/* What stands in a name that every client takes (protocol.md 5.6). */
static bool is_of_names(const char *text) {
    return text[strspn(
               text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/")] == '\0';
}

static void check_prefix_format(const char *format, struct problems *problems) {
    const char *at = strstr(format, PLACEHOLDER);
    struct buffer rest = {0};
    if (at != NULL) {
        buffer_append(&rest, format, (size_t)(at - format));
        buffer_append_cstr(&rest, at + sizeof PLACEHOLDER - 1);
    }
    if (at == NULL) {
        problems_add(problems, "aggregation.prefix_format",
                     "without \"{backend}\" names of different backends could be equal; write "
                     "\"{backend}_\"");
    } else if (!is_of_names(buffer_cstr(&rest))) {
        problems_add(problems, "aggregation.prefix_format",
                     "clients do not take such names; use letters, digits, \"_\", \".\", \"-\" and "
                     "\"/\" beside \"{backend}\"");
    }
    buffer_free(&rest);
}

static bool is_backend(const struct config *config, const char *name) {
    for (size_t i = 0; i < config->nbackends; i++) {
        if (strcmp(config->backends[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_priority(const struct config *config, struct problems *problems) {
    char **priority = config->aggregation.priority;
    for (size_t i = 0; priority[i] != NULL; i++) {
        struct buffer path = {0};
        path_append_member(&path, "aggregation.priority");
        path_append_index(&path, i);
        if (!is_backend(config, priority[i])) {
            problems_add(problems, buffer_cstr(&path),
                         "not a backend of mcpServers; write its name as it is there");
        }
        buffer_free(&path);
    }
}

void config_aggregation_read(struct config *config, struct json_object *object,
                             struct problems *problems) {
    struct config_aggregation *aggregation = &config->aggregation;
    struct naming *naming = &config->session.naming;
    schema_read(schema_aggregation, object, "aggregation", false, aggregation, problems);
    check_prefix_format(aggregation->prefix_format, problems);
    check_priority(config, problems);
    naming->strategy = (enum naming_strategy)aggregation->strategy;
    naming->prefix_format = aggregation->prefix_format;
    naming->priority = (const char *const *)aggregation->priority;
    while (aggregation->priority[naming->npriority] != NULL) {
        naming->npriority++;
    }
    config->session.page_size = aggregation->page_size;
}
