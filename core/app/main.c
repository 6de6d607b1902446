/* SPDX-License-Identifier: MIT
 * main.c - the program: reads the command line, loads the config, and hands over to the command. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "app/backends.h"
#include "app/check.h"
#include "app/config.h"
#include "app/options.h"
#include "app/server.h"
#include "plugin/describe.h"

enum { KEPT_HEAP_BYTES = 8 << 20 };
enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_BAD_USAGE = 2 };

static void print_problem(void *ctx, const char *where, const char *problem) {
    (void)fprintf(ctx, "%s: %s\n", where, problem);
}

static int run_with_config(enum command command, struct config *config) {
    if (command == COMMAND_CHECK) {
        check_print(config, stdout);
        return EXIT_GOOD;
    }
    struct log *log = log_new(STDERR_FILENO, config->log_level, config->log_format);
    int code = command == COMMAND_SERVE ? serve_command(config, log)
                                        : backends_command(config, log, stdout);
    log_free(log);
    return code;
}

static int load_and_run(const struct options *options) {
    /* The log that the config describes is not known while it is loaded. */
    struct log *log = log_new(STDERR_FILENO, TRUNK_LOG_WARN, LOG_LOGFMT);
    struct config *config = NULL;
    int code = EXIT_BAD_USAGE;
    if (config_load(options->config_file, log, print_problem, stderr, &config) == 0) {
        code = run_with_config(options->command, config);
        config_free(config);
    }
    log_free(log);
    return code;
}

static int list_plugins(const char *file) {
    struct log *log = log_new(STDERR_FILENO, TRUNK_LOG_WARN, LOG_LOGFMT);
    struct loader *loader = NULL;
    int code = EXIT_BAD_USAGE;
    if (config_load_dirs(file, log, print_problem, stderr, &loader) == 0) {
        code = describe_all(loader, stdout) == 0 ? EXIT_GOOD : EXIT_FAILED;
        loader_free(loader);
    }
    log_free(log);
    return code;
}

static int describe_plugin(const char *file) {
    struct trunk_error error = {0};
    if (describe_file(file, stdout, &error) != TRUNK_OK) {
        (void)fprintf(stderr, "trunkd: %s\n", error.text);
        return EXIT_FAILED;
    }
    return EXIT_GOOD;
}

static int run_command(const struct options *options) {
    switch (options->command) {
    case COMMAND_HELP:
        options_print_help(stdout);
        return EXIT_GOOD;
    case COMMAND_VERSION:
        options_print_version(stdout);
        return EXIT_GOOD;
    case COMMAND_PLUGINS:
        return list_plugins(options->config_file);
    case COMMAND_PLUGIN_INFO:
        return describe_plugin(options->plugin_file);
    case COMMAND_SERVE:
    case COMMAND_CHECK:
    case COMMAND_BACKENDS:
        break;
    }
    return load_and_run(options);
}

int main(int argc, char **argv) {
    /* Before anything is written: a peer that hangs up must not end the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    /* A call's buffers come and go at the top of the heap: not a system call each time. */
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_HEAP_BYTES);
    (void)mallopt(M_TOP_PAD, KEPT_HEAP_BYTES / 8);
    struct options options;
    struct trunk_error error = {0};
    if (options_parse(argc, argv, &options, &error) != TRUNK_OK) {
        (void)fprintf(stderr, "trunkd: %s\n\n", error.text);
        options_print_help(stderr);
        return EXIT_BAD_USAGE;
    }
    int code = run_command(&options);
    if (fflush(stdout) != 0 && code == EXIT_GOOD) {
        perror("trunkd: standard output");
        code = EXIT_FAILED;
    }
    return code;
}
