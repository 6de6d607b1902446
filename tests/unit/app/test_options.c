/* SPDX-License-Identifier: MIT
 * test_options.c - the command line. */
#include "app/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MAX_WORDS 8

static int32_t parse(const char *const *words, struct options *out, struct trunk_error *error) {
    char *argv[MAX_WORDS + 2] = {(char *)"trunkd"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++) {
        argv[argc] = (char *)words[argc - 1];
    }
    return options_parse(argc, argv, out, error);
}

static void test_good_lines_give_command_and_file(void **state) {
    (void)state;
    static const struct {
        const char *words[MAX_WORDS];
        struct options expected;
    } cases[] = {
        {{"serve", "-c", "f"}, {COMMAND_SERVE, "f", NULL}},
        {{"-c", "f", "serve"}, {COMMAND_SERVE, "f", NULL}},
        {{"serve", "--config=f"}, {COMMAND_SERVE, "f", NULL}},
        {{"check", "--config", "f"}, {COMMAND_CHECK, "f", NULL}},
        {{"backends", "-cf"}, {COMMAND_BACKENDS, "f", NULL}},
        {{"plugins", "-c", "f"}, {COMMAND_PLUGINS, "f", NULL}},
        {{"plugin-info", "x.so"}, {COMMAND_PLUGIN_INFO, NULL, "x.so"}},
        {{"help"}, {COMMAND_HELP, NULL, NULL}},
        {{"--help"}, {COMMAND_HELP, NULL, NULL}},
        {{"serve", "-h"}, {COMMAND_HELP, NULL, NULL}},
        {{"--version"}, {COMMAND_VERSION, NULL, NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options;
        struct trunk_error error = {0};
        assert_int_equal(parse(cases[i].words, &options, &error), TRUNK_OK);
        assert_int_equal(options.command, cases[i].expected.command);
        if (cases[i].expected.config_file != NULL) {
            assert_string_equal(options.config_file, cases[i].expected.config_file);
        }
        if (cases[i].expected.plugin_file != NULL) {
            assert_string_equal(options.plugin_file, cases[i].expected.plugin_file);
        }
    }
}

static void test_bad_lines_say_what_is_wrong_and_what_to_do(void **state) {
    (void)state;
    static const struct {
        const char *words[MAX_WORDS];
        const char *text;
    } cases[] = {
        {{NULL}, "no command given; see trunkd --help"},
        {{"serv", "-c", "f"}, "unknown command \"serv\"; did you mean \"serve\"?"},
        {{"plugin-inf", "f"}, "unknown command \"plugin-inf\"; did you mean \"plugin-info\"?"},
        {{"dance"}, "unknown command \"dance\"; see trunkd --help"},
        {{"serve"}, "serve needs a file; write trunkd serve -c FILE"},
        {{"serve", "-c"}, "-c needs a file; write -c FILE"},
        {{"serve", "--config"}, "--config needs a file; write -c FILE"},
        {{"plugin-info"}, "plugin-info needs a file; write trunkd plugin-info FILE.so"},
        {{"plugin-info", "-c", "f", "x"},
         "plugin-info takes no config; write trunkd plugin-info FILE.so"},
        {{"serve", "f"}, "\"f\" is too much; write trunkd serve -c FILE"},
        {{"serve", "-c", "f", "-c", "g"}, "-c is given twice; give one file"},
        {{"serve", "-x"}, "unknown option -x; see trunkd --help"},
        {{"serve", "--confg"}, "unknown option --confg; did you mean --config?"},
        {{"serve", "--zzzzzz"}, "unknown option --zzzzzz; see trunkd --help"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options;
        struct trunk_error error = {0};
        assert_int_equal(parse(cases[i].words, &options, &error), TRUNK_INVALID);
        assert_string_equal(error.text, cases[i].text);
    }
}

static void test_help_names_every_command(void **state) {
    (void)state;
    static const char *const words[] = {"serve",   "check",       "backends",
                                        "plugins", "plugin-info", "--version"};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    options_print_help(out);
    options_print_version(out);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_non_null(strstr(text, words[i]));
    }
    assert_non_null(strstr(text, "plugin ABI 1.0, factories 0.9"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_lines_give_command_and_file),
        cmocka_unit_test(test_bad_lines_say_what_is_wrong_and_what_to_do),
        cmocka_unit_test(test_help_names_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
