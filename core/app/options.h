/* SPDX-License-Identifier: MIT
 * options.h - the command line. */
#ifndef TRUNKD_APP_OPTIONS_H
#define TRUNKD_APP_OPTIONS_H

#include <stdio.h>
#include <trunk/types.h>

enum command {
    COMMAND_HELP,
    COMMAND_VERSION,
    COMMAND_SERVE,
    COMMAND_CHECK,
    COMMAND_BACKENDS,
    COMMAND_PLUGINS,
    COMMAND_PLUGIN_INFO
};

/* Strings are borrowed from argv. */
struct options {
    enum command command;
    const char *config_file; /* of the commands that take -c, else NULL */
    const char *plugin_file; /* of PLUGIN_INFO, else NULL */
};

/* TRUNK_OK, or TRUNK_INVALID with a text that says what is wrong and what to do. Sorts argv. */
int32_t options_parse(int argc, char **argv, struct options *out, struct trunk_error *error);
void options_print_help(FILE *out);
void options_print_version(FILE *out);

#endif
