/* SPDX-License-Identifier: MIT
 * command.h - what to run for a backend: its parameters as argument list, environment and files to
 * try. */
#ifndef FACTORY_STDIO_COMMAND_H
#define FACTORY_STDIO_COMMAND_H

#include <trunk/plugin.h>

/* Made before the vfork, since nothing may be allocated after it. Owned by the command; lists end
 * with NULL. */
struct command {
    char **argv;  /* argv[0] is the command as configured */
    char **envp;  /* HOME LOGNAME PATH SHELL TERM USER of the host, those that are set, and env.* */
    char **files; /* what to exec, in this order: argv[0] itself, or one file for each directory of
                     the child's PATH */
    char *cwd;    /* NULL: the host's own */
};

/* What is wrong with a backend's parameters, touching nothing: OK, or INVALID with the key in
 * *error. */
int32_t command_check(const struct trunk_param *params, size_t nparams, struct trunk_error *error);
/* params passed command_check. OK; INTERNAL: out of memory, *out is then empty. */
int32_t command_build(const struct trunk_param *params, size_t nparams, struct command *out);
void command_free(struct command *command); /* leaves {0} */

#endif
