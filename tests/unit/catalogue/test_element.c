/* SPDX-License-Identifier: MIT
 * test_element.c - which elements of lists strict clients take. */
#include "unit/wire/fixture.h"

#include "catalogue/element.h"

#define SCHEMA "\"inputSchema\":{\"type\":\"object\"}"
#define TOOL(more) "{\"name\":\"t\"," SCHEMA more "}"
#define RESOURCE(more) "{\"uri\":\"u:1\",\"name\":\"r\"" more "}"

static struct json_value value_of(const char *text) {
    struct json_error error;
    struct json_value value = {0};
    assert_int_equal(json_cut(slice_cstr(text), NULL, 0, NULL, &value, &error), TRUNK_OK);
    return value;
}

static void assert_good(enum list_kind kind, const char *text, const char *key) {
    struct json_value value = value_of(text);
    struct element element;
    if (!element_read(kind, &value, &element)) {
        fail_msg("%s: %s", text, element.problem);
    }
    assert_slice(element.text, text);
    assert_slice(element.key, key);
    assert_int_equal(element.nstrips, 0);
}

static void assert_bad(enum list_kind kind, const char *text, const char *problem) {
    struct json_value value = value_of(text);
    struct element element;
    if (element_read(kind, &value, &element)) {
        fail_msg("%s is taken", text);
    }
    assert_string_equal(element.problem, problem);
}

static void test_plain_elements_are_taken(void **state) {
    (void)state;
    assert_good(LIST_TOOLS, TOOL(""), "\"t\"");
    assert_good(LIST_PROMPTS, "{\"name\":\"p\"}", "\"p\"");
    assert_good(LIST_RESOURCES, RESOURCE(""), "\"u:1\"");
    assert_good(LIST_TEMPLATES, "{\"name\":\"n\",\"uriTemplate\":\"u:{x}\"}", "\"u:{x}\"");
}

static void test_everything_that_the_revisions_know_is_taken(void **state) {
    (void)state;
    assert_good(
        LIST_TOOLS,
        "{\"title\":\"T\",\"name\":\"t\",\"description\":\"d\",\"inputSchema\":{\"$schema\":\"s\","
        "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\",\"default\":null},\"b\":"
        "{}},\"required\":[\"a\"],\"additionalProperties\":false,\"$defs\":{\"x\":true}},"
        "\"outputSchema\":{\"type\":\"object\",\"properties\":{}},\"annotations\":{\"title\":\"x\","
        "\"readOnlyHint\":true,\"destructiveHint\":false,\"other\":null},\"execution\":"
        "{\"taskSupport\":\"forbidden\"},\"icons\":[{\"src\":\"s\",\"sizes\":[\"any\"],"
        "\"mimeType\":"
        "\"m\",\"theme\":\"dark\"}],\"_meta\":{\"x\":null},\"unknown\":null}",
        "\"t\"");
    assert_good(LIST_PROMPTS,
                "{\"name\":\"p\",\"arguments\":[{\"name\":\"a\",\"description\":\"d\",\"required\":"
                "true},{\"name\":\"b\"}],\"icons\":[]}",
                "\"p\"");
    assert_good(LIST_RESOURCES,
                RESOURCE(",\"size\":12.5,\"mimeType\":\"m\",\"annotations\":{\"audience\":"
                         "[\"user\",\"assistant\"],\"priority\":1.0,\"lastModified\":"
                         "\"2025-01-12T15:00:58Z\"}"),
                "\"u:1\"");
    assert_good(LIST_RESOURCES, RESOURCE(",\"annotations\":{\"priority\":0}"), "\"u:1\"");
}

static void test_tools_that_break_strict_clients_are_not(void **state) {
    (void)state;
    assert_bad(LIST_TOOLS, "1", "it is not an object");
    assert_bad(LIST_TOOLS, "[]", "it is not an object");
    assert_bad(LIST_TOOLS, "{}", "name is missing");
    assert_bad(LIST_TOOLS, "{\"name\":2," SCHEMA "}", "name is not a string");
    assert_bad(LIST_TOOLS, "{\"name\":\"\"," SCHEMA "}", "name is empty");
    assert_bad(LIST_TOOLS, "{\"name\":\"t\"}", "inputSchema is missing");
    assert_bad(LIST_TOOLS, "{\"name\":\"t\",\"inputSchema\":null}", "inputSchema is not an object");
    assert_bad(LIST_TOOLS, "{\"name\":\"t\",\"inputSchema\":{}}", "inputSchema.type is missing");
    assert_bad(LIST_TOOLS, "{\"name\":\"t\",\"inputSchema\":{\"type\":\"array\"}}",
               "inputSchema.type has an unknown value");
    assert_bad(LIST_TOOLS, "{\"name\":\"t\",\"inputSchema\":{\"type\":[\"object\"]}}",
               "inputSchema.type is not a string");
    assert_bad(LIST_TOOLS,
               "{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":true}}}",
               "inputSchema.properties has a schema that is not an object");
    assert_bad(LIST_TOOLS,
               "{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":null}}}",
               "inputSchema.properties has a schema that is not an object");
    assert_bad(LIST_TOOLS,
               "{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",\"required\":[1]}}",
               "inputSchema.required is not an array of strings");
    assert_bad(LIST_TOOLS, TOOL(",\"description\":null"), "description is not a string");
    assert_bad(LIST_TOOLS, TOOL(",\"title\":null"), "title is not a string");
    assert_bad(LIST_TOOLS, TOOL(",\"_meta\":null"), "_meta is not an object");
    assert_bad(LIST_TOOLS, TOOL(",\"annotations\":{\"readOnlyHint\":null}"),
               "annotations.readOnlyHint is neither true nor false");
    assert_bad(LIST_TOOLS, TOOL(",\"execution\":{\"taskSupport\":\"maybe\"}"),
               "execution.taskSupport has an unknown value");
    assert_bad(LIST_TOOLS, TOOL(",\"icons\":[1]"), "icons is not an array of objects");
    assert_bad(LIST_TOOLS, TOOL(",\"icons\":[{}]"), "icons.src is missing");
}

static void test_other_elements_that_break_strict_clients_are_not(void **state) {
    (void)state;
    assert_bad(LIST_PROMPTS, "{\"name\":\"p\",\"arguments\":null}", "arguments is not an array");
    assert_bad(LIST_PROMPTS, "{\"name\":\"p\",\"arguments\":[{}]}", "arguments.name is missing");
    assert_bad(LIST_RESOURCES, "{\"name\":\"r\"}", "uri is missing");
    assert_bad(LIST_RESOURCES, "{\"uri\":\"u:1\"}", "name is missing");
    assert_bad(LIST_RESOURCES, RESOURCE(",\"size\":\"1\""), "size is not a number");
    assert_bad(LIST_RESOURCES, RESOURCE(",\"annotations\":{\"priority\":1.5}"),
               "annotations.priority is not between 0 and 1");
    assert_bad(LIST_RESOURCES, RESOURCE(",\"annotations\":{\"priority\":-0.1}"),
               "annotations.priority is not between 0 and 1");
    assert_bad(LIST_RESOURCES, RESOURCE(",\"annotations\":{\"audience\":[\"all\"]}"),
               "annotations.audience is not an array of strings");
    assert_bad(LIST_RESOURCES, RESOURCE(",\"annotations\":{\"lastModified\":\"today\"}"),
               "annotations.lastModified is not a time in ISO 8601");
    assert_bad(LIST_TEMPLATES, "{\"name\":\"n\",\"uriTemplate\":null}",
               "uriTemplate is not a string");
}

static void test_known_member_that_occurs_twice_is_refused(void **state) {
    (void)state;
    assert_bad(LIST_TOOLS, TOOL(",\"n\\u0061me\":\"u\""), "name occurs twice");
    assert_bad(LIST_TOOLS, TOOL("," SCHEMA), "inputSchema occurs twice");
    assert_bad(LIST_TOOLS, TOOL(",\"outputSchema\":1,\"outputSchema\":{\"type\":\"object\"}"),
               "outputSchema occurs twice");
    assert_bad(LIST_TOOLS, TOOL(",\"annotations\":{\"title\":\"a\",\"title\":\"b\"}"),
               "annotations.title occurs twice");
    assert_good(LIST_TOOLS, TOOL(",\"x\":1,\"x\":2"), "\"t\"");
}

static void assert_stripped(const char *text, const char *strip, const char *problem) {
    struct json_value value = value_of(text);
    struct element element;
    assert_true(element_read(LIST_TOOLS, &value, &element));
    assert_int_equal(element.nstrips, 1);
    assert_slice(element.strips[0], strip);
    assert_string_equal(element.problem, problem);
}

static void test_output_schema_that_is_not_of_an_object_is_stripped_with_its_comma(void **state) {
    (void)state;
    assert_stripped(TOOL(",\"outputSchema\":{\"type\":\"array\"}"),
                    ",\"outputSchema\":{\"type\":\"array\"}",
                    "outputSchema.type has an unknown value");
    assert_stripped("{ \"outputSchema\" : true , \"name\":\"t\"," SCHEMA "}",
                    "\"outputSchema\" : true , ", "outputSchema is not an object");
    assert_stripped("{\"name\":\"t\" , \"outputSchema\":null,\"x\":1," SCHEMA "}",
                    " , \"outputSchema\":null", "outputSchema is not an object");
}

static void test_tool_that_runs_only_as_a_task_is_not_shown(void **state) {
    (void)state;
    assert_bad(LIST_TOOLS, TOOL(",\"execution\":{\"taskSupport\":\"required\"}"),
               "execution says that it runs only as a task");
    assert_good(LIST_TOOLS, TOOL(",\"execution\":{}"), "\"t\"");
}

static void test_offer_to_run_as_a_task_is_stripped(void **state) {
    (void)state;
    assert_stripped(TOOL(",\"execution\":{\"x\":1,\"t\\u0061skSupport\":\"optional\"},\"y\":2"),
                    ",\"execution\":{\"x\":1,\"t\\u0061skSupport\":\"optional\"}", "");
    struct element element;
    struct json_value value = value_of(
        "{\"execution\":{\"taskSupport\":\"optional\"}, \"outputSchema\":1 ,\"name\":\"t\"," SCHEMA
        "}");
    assert_true(element_read(LIST_TOOLS, &value, &element));
    assert_int_equal(element.nstrips, 2);
    assert_slice(element.strips[0], "\"execution\":{\"taskSupport\":\"optional\"}, ");
    assert_slice(element.strips[1], "\"outputSchema\":1 ,");
    assert_string_equal(element.problem, "outputSchema is not an object");
}

static void test_stripping_does_not_save_a_tool_that_is_bad_elsewhere(void **state) {
    (void)state;
    assert_bad(LIST_TOOLS, TOOL(",\"outputSchema\":{},\"annotations\":1"),
               "annotations is not an object");
}

static void test_key_is_told_of_what_is_refused(void **state) {
    (void)state;
    struct json_value value = value_of("{\"name\":\"t\"}");
    struct element element;
    assert_false(element_read(LIST_TOOLS, &value, &element));
    assert_slice(element.key, "\"t\"");
    value = value_of("{\"name\":1}");
    assert_false(element_read(LIST_TOOLS, &value, &element));
    assert_slice(element.key, "\"\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_elements_are_taken),
        cmocka_unit_test(test_everything_that_the_revisions_know_is_taken),
        cmocka_unit_test(test_tools_that_break_strict_clients_are_not),
        cmocka_unit_test(test_other_elements_that_break_strict_clients_are_not),
        cmocka_unit_test(test_known_member_that_occurs_twice_is_refused),
        cmocka_unit_test(test_output_schema_that_is_not_of_an_object_is_stripped_with_its_comma),
        cmocka_unit_test(test_tool_that_runs_only_as_a_task_is_not_shown),
        cmocka_unit_test(test_offer_to_run_as_a_task_is_stripped),
        cmocka_unit_test(test_stripping_does_not_save_a_tool_that_is_bad_elsewhere),
        cmocka_unit_test(test_key_is_told_of_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
