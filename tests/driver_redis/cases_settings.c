/* SPDX-License-Identifier: MIT
 * cases_settings.c - parameters that are wrong: the key at fault, and what to do. */
#include "rig.h"

#include <stdio.h>

struct wrong {
    const char *const pairs[4];
    const char *key;
    const char *text;
};

static const struct wrong wrongs[] = {
    {{NULL}, "socket", "by socket or by host"},
    {{"socket=/run/s", "host=h"}, "host", "together with socket"},
    {{"socket=/run/"
      "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
      "123456789012"},
     "socket",
     "at most 107 bytes"},
    {{"host="}, "host", "is empty"},
    {{"socket=/run/s", "port=1"}, "port", "of a host"},
    {{"host=h", "port=0"}, "port", "1 to 65535"},
    {{"host=h", "port=65536"}, "port", "1 to 65535"},
    {{"host=h", "port=-1"}, "port", "1 to 65535"},
    {{"host=h", "password=p", "password_file=/p"}, "password_file", "together with password"},
    {{"host=h", "password="}, "password", "is empty"},
    {{"host=h", "username=u"}, "username", "needs a password"},
    {{"host=h", "database=-1"}, "database", "0 or"},
    {{"host=h", "database=99999999999999"}, "database", "0 or"},
    {{"host=h", "prefix="}, "prefix", "must end in ':'"},
    {{"host=h", "prefix=trunkd"}, "prefix", "must end in ':'"},
    {{"host=h", "prefix=a b:"}, "prefix", "visible ASCII"},
    {{"host=h", "prefix=0123456789012345678901234567890123456789012345678901234567890123:"},
     "prefix",
     "at most 64 bytes"},
};

static void test_check_names_the_parameter_and_what_to_do(void **state) {
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct trunk_error error;
        assert_int_equal(rig_open_with(rig, wrongs[i].pairs, &error), TRUNK_INVALID);
        assert_string_equal(error.key, wrongs[i].key);
        if (strstr(error.text, wrongs[i].text) == NULL) {
            fail_msg("%s: \"%s\" has no \"%s\"", error.key, error.text, wrongs[i].text);
        }
    }
}

static void test_a_password_file_that_is_none_is_told_by_open(void **state) {
    struct rig *rig = *state;
    static const struct wrong files[] = {
        {{"socket=/nowhere", "password_file=/no/such/file"}, "password_file", "cannot be read"},
        {{"socket=/nowhere", "password_file=/"}, "password_file", "cannot be read"},
        {{"socket=/nowhere", "password_file=/dev/null"}, "password_file", "alone"},
        {{"socket=/nowhere", "password_file=/dev/zero"}, "password_file", "alone"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct trunk_error error;
        assert_int_equal(rig_open_with(rig, files[i].pairs, &error), TRUNK_INVALID);
        assert_string_equal(error.key, files[i].key);
        assert_non_null(strstr(error.text, files[i].text));
    }
}

int run_settings_cases(void) {
    const struct CMUnitTest cases[] = {
        RIG_CASE(test_check_names_the_parameter_and_what_to_do),
        RIG_CASE(test_a_password_file_that_is_none_is_told_by_open),
    };
    return cmocka_run_group_tests_name("redis: parameters", cases, NULL, NULL);
}
