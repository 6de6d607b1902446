/* SPDX-License-Identifier: MIT
 * options.c - the command line. */
#include "app/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#include <trunk/factory.h>

#include "base/status.h"
#include "plugin/params.h"

static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                             {"help", no_argument, NULL, 'h'},
                                             {"version", no_argument, NULL, 'V'},
                                             {NULL, 0, NULL, 0}};
static const char *const long_words[] = {"--config", "--help", "--version"};

static const struct {
    const char *word;
    enum command command;
    const char *arguments;
    const char *help;
} commands[] = {
    {"serve", COMMAND_SERVE, "-c FILE", "run; prints one line \"ready mcp=URL\" when it serves"},
    {"check", COMMAND_CHECK, "-c FILE", "check the config; connects to nothing"},
    {"backends", COMMAND_BACKENDS, "-c FILE", "connect to each backend and tell how it is"},
    {"plugins", COMMAND_PLUGINS, "-c FILE", "list the plugins that are found"},
    {"plugin-info", COMMAND_PLUGIN_INFO, "FILE.so", "what a shared object says of itself"},
    {"help", COMMAND_HELP, "", "this text"},
};
#define NCOMMANDS (sizeof commands / sizeof commands[0])

static int32_t refuse_option(char **argv, struct trunk_error *error) {
    const char *word = argv[optind - 1];
    if (strncmp(word, "--", 2) != 0) {
        return error_set(error, TRUNK_INVALID, "", "unknown option -%c; see trunkd --help", optopt);
    }
    const char *nearest = nearest_word(word, long_words, sizeof long_words / sizeof long_words[0]);
    if (nearest != NULL && strcmp(nearest, word) != 0) {
        return error_set(error, TRUNK_INVALID, "", "unknown option %s; did you mean %s?", word,
                         nearest);
    }
    return error_set(error, TRUNK_INVALID, "", "unknown option %s; see trunkd --help", word);
}

static int32_t find_command(const char *word, size_t *out_index, struct trunk_error *error) {
    const char *words[NCOMMANDS];
    for (size_t i = 0; i < NCOMMANDS; i++) {
        words[i] = commands[i].word;
        if (strcmp(word, words[i]) == 0) {
            *out_index = i;
            return TRUNK_OK;
        }
    }
    const char *nearest = nearest_word(word, words, NCOMMANDS);
    if (nearest != NULL) {
        return error_set(error, TRUNK_INVALID, "", "unknown command \"%s\"; did you mean \"%s\"?",
                         word, nearest);
    }
    return error_set(error, TRUNK_INVALID, "", "unknown command \"%s\"; see trunkd --help", word);
}

/* argv[optind] and what follows: the command and its operands. */
static int32_t take_operands(int argc, char **argv, struct options *out,
                             struct trunk_error *error) {
    size_t index = 0;
    if (optind == argc) {
        return error_set(error, TRUNK_INVALID, "", "no command given; see trunkd --help");
    }
    int32_t status = find_command(argv[optind++], &index, error);
    if (status != TRUNK_OK) {
        return status;
    }
    const char *word = commands[index].word;
    const char *arguments = commands[index].arguments;
    bool takes_config = strcmp(arguments, "-c FILE") == 0;
    out->command = commands[index].command;
    if (out->command == COMMAND_PLUGIN_INFO && optind < argc) {
        out->plugin_file = argv[optind++];
    }
    if (optind < argc) {
        return error_set(error, TRUNK_INVALID, "", "\"%s\" is too much; write trunkd %s %s",
                         argv[optind], word, arguments);
    }
    if (!takes_config && out->config_file != NULL) {
        return error_set(error, TRUNK_INVALID, "", "%s takes no config; write trunkd %s %s", word,
                         word, arguments);
    }
    if ((takes_config && out->config_file == NULL) ||
        (out->command == COMMAND_PLUGIN_INFO && out->plugin_file == NULL)) {
        return error_set(error, TRUNK_INVALID, "", "%s needs a file; write trunkd %s %s", word,
                         word, arguments);
    }
    return TRUNK_OK;
}

int32_t options_parse(int argc, char **argv, struct options *out, struct trunk_error *error) {
    int option = 0;
    *out = (struct options){COMMAND_HELP, NULL, NULL};
    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:hV", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            if (out->config_file != NULL) {
                return error_set(error, TRUNK_INVALID, "", "-c is given twice; give one file");
            }
            out->config_file = optarg;
            break;
        case 'h':
            out->command = COMMAND_HELP;
            return TRUNK_OK;
        case 'V':
            out->command = COMMAND_VERSION;
            return TRUNK_OK;
        case ':':
            return error_set(error, TRUNK_INVALID, "", "%s needs a file; write -c FILE",
                             argv[optind - 1]);
        default:
            return refuse_option(argv, error);
        }
    }
    return take_operands(argc, argv, out, error);
}

void options_print_help(FILE *out) {
    (void)fprintf(out, "trunkd keeps MCP sessions: one session for a client, many MCP servers "
                       "behind it.\n\nusage:\n");
    for (size_t i = 0; i < NCOMMANDS; i++) {
        (void)fprintf(out, "  trunkd %-12s %-8s %s\n", commands[i].word, commands[i].arguments,
                      commands[i].help);
    }
    (void)fprintf(out, "\noptions:\n"
                       "  -c, --config FILE   the config\n"
                       "  -h, --help          this text\n"
                       "  -V, --version       the version\n"
                       "\nexit codes: 0 good, 1 failed at run time, 2 bad usage or config\n");
}

void options_print_version(FILE *out) {
    (void)fprintf(out, "trunkd %s (plugin ABI %d.%d, factories %d.%d)\n", TRUNKD_VERSION,
                  TRUNK_ABI_MAJOR, TRUNK_ABI_MINOR, TRUNK_FACTORY_ABI_MAJOR,
                  TRUNK_FACTORY_ABI_MINOR);
}
