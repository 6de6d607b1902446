/* SPDX-License-Identifier: MIT
 * test_lists.c - the tools of several backends as one list. */
#include "unit/wire/fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "catalogue/lists.h"

/* What was logged is read back from a temporary file. */
struct merged {
    FILE *file;
    struct log *log;
    struct buffer list;
    struct buffer logged;
    struct routes *routes;
    size_t count;
};

static struct merged merge(const struct list_source *sources, size_t nsources) {
    struct merged merged = {.file = tmpfile(), .routes = routes_new()};
    assert_non_null(merged.file);
    merged.log = log_new(fileno(merged.file), TRUNK_LOG_DEBUG, LOG_LOGFMT);
    merged.count = lists_merge_tools(sources, nsources, merged.log, &merged.list, merged.routes);
    off_t len = lseek(fileno(merged.file), 0, SEEK_END);
    buffer_reserve(&merged.logged, (size_t)len);
    assert_int_equal(pread(fileno(merged.file), merged.logged.data, (size_t)len, 0), len);
    merged.logged.len = (size_t)len;
    return merged;
}

static void end(struct merged *merged) {
    struct json_error error;
    assert_int_equal(check(buffer_slice(&merged->list), &error), TRUNK_OK);
    assert_int_equal(routes_count(merged->routes), merged->count);
    routes_free(merged->routes);
    buffer_free(&merged->list);
    buffer_free(&merged->logged);
    log_free(merged->log);
    (void)fclose(merged->file);
}

static size_t count_lines(const struct buffer *text) {
    size_t count = 0;
    for (size_t i = 0; i < text->len; i++) {
        count += text->data[i] == '\n';
    }
    return count;
}

static struct merged merge_one(const char *page) {
    struct trunk_slice pages[] = {slice_cstr(page)};
    struct list_source source = {"b", NULL, pages, 1};
    return merge(&source, 1);
}

static void assert_route(const struct merged *merged, const char *name, const void *leg,
                         const char *original) {
    const struct route *route = routes_find(merged->routes, slice_cstr(name));
    assert_non_null(route);
    assert_ptr_equal(route->leg, leg);
    assert_slice(route->original, original);
}

static void test_tools_of_all_backends_and_pages_are_listed_in_order(void **state) {
    (void)state;
    int legs[2] = {0};
    struct trunk_slice a[] = {slice_cstr("[{\"name\":\"z\"},{\"name\":\"y\"}]"), slice_cstr("[]"),
                              slice_cstr("[{\"name\":\"x\"}]")};
    struct trunk_slice b[] = {slice_cstr("[{\"name\":\"y\"}]")};
    struct list_source sources[] = {
        {"a", &legs[0], a, 3}, {"none", NULL, NULL, 0}, {"b", &legs[1], b, 1}};
    struct merged merged = merge(sources, 3);
    assert_int_equal(merged.count, 4);
    assert_slice(buffer_slice(&merged.list), "{\"tools\":[{\"name\":\"a_z\"},{\"name\":\"a_y\"},"
                                             "{\"name\":\"a_x\"},{\"name\":\"b_y\"}]}");
    assert_route(&merged, "a_y", &legs[0], "\"y\"");
    assert_route(&merged, "b_y", &legs[1], "\"y\"");
    assert_null(routes_find(merged.routes, slice_cstr("y")));
    assert_int_equal(merged.logged.len, 0);
    end(&merged);
}

static void test_nothing_gives_an_empty_list(void **state) {
    (void)state;
    struct merged merged = merge(NULL, 0);
    assert_int_equal(merged.count, 0);
    assert_slice(buffer_slice(&merged.list), "{\"tools\":[]}");
    end(&merged);
}

static void test_bytes_of_an_element_stay_but_for_its_name(void **state) {
    (void)state;
    struct merged merged = merge_one(
        "[ { \"x\" : 95.50 , \"inputSchema\":{\"name\":\"n\",\"max\":9007199254740993},\"name\" : "
        "\"t\" ,\"description\":\"\\u0061\\n\", \"x\":1e2 } ]");
    assert_slice(
        buffer_slice(&merged.list),
        "{\"tools\":[{ \"x\" : 95.50 , \"inputSchema\":{\"name\":\"n\",\"max\":9007199254740993},"
        "\"name\" : \"b_t\" ,\"description\":\"\\u0061\\n\", \"x\":1e2 }]}");
    end(&merged);
}

static void test_raw_line_breaks_of_an_element_become_spaces(void **state) {
    (void)state;
    struct merged merged = merge_one("[\n{\r\n\"name\":\n\"t\",\n\"x\":[\n]\n}\n]");
    assert_slice(buffer_slice(&merged.list), "{\"tools\":[{  \"name\": \"b_t\", \"x\":[ ] }]}");
    end(&merged);
}

static void test_escaped_names_are_decoded_for_the_client_and_kept_for_the_backend(void **state) {
    (void)state;
    struct merged merged = merge_one("[{\"n\\u0061me\":\"\\u0074\\\"\\u4e2d\"}]");
    assert_slice(buffer_slice(&merged.list),
                 "{\"tools\":[{\"n\\u0061me\":\"b_t\\\"\xe4\xb8\xad\"}]}");
    assert_route(&merged, "b_t\"\xe4\xb8\xad", NULL, "\"\\u0074\\\"\\u4e2d\"");
    end(&merged);
}

static void test_unusable_elements_are_left_out_and_logged(void **state) {
    (void)state;
    struct merged merged = merge_one("[1,{},{\"name\":2},{\"name\":\"twice\",\"n\\u0061me\":\"t\"},"
                                     "{\"name\":\"good\"},[{\"name\":\"t\"}],null]");
    assert_int_equal(merged.count, 1);
    assert_slice(buffer_slice(&merged.list), "{\"tools\":[{\"name\":\"b_good\"}]}");
    assert_int_equal(count_lines(&merged.logged), 6);
    const char *logged = buffer_cstr(&merged.logged);
    assert_non_null(strstr(logged, "level=warn module=catalogue "));
    assert_non_null(strstr(logged, "it is no object\" backend=b tool=\"\"\n"));
    assert_non_null(strstr(logged, "it has no name that is a string\" backend=b tool=\"\"\n"));
    assert_non_null(strstr(logged, "it has more than one name\" backend=b tool=\"twice\"\n"));
    end(&merged);
}

static void test_tool_whose_name_is_taken_is_left_out(void **state) {
    (void)state;
    int legs[2] = {0};
    struct trunk_slice a[] = {slice_cstr("[{\"name\":\"b_c\",\"x\":1},{\"name\":\"\\u0062_c\"}]")};
    struct trunk_slice b[] = {slice_cstr("[{\"name\":\"c\"},{\"name\":\"d\"}]")};
    struct list_source sources[] = {{"a", &legs[0], a, 1}, {"a_b", &legs[1], b, 1}};
    struct merged merged = merge(sources, 2);
    assert_slice(buffer_slice(&merged.list),
                 "{\"tools\":[{\"name\":\"a_b_c\",\"x\":1},{\"name\":\"a_b_d\"}]}");
    assert_route(&merged, "a_b_c", &legs[0], "\"b_c\"");
    assert_non_null(
        strstr(buffer_cstr(&merged.logged), "its name is taken\" backend=a_b tool=\"c\"\n"));
    assert_int_equal(count_lines(&merged.logged), 2);
    end(&merged);
}

static void test_log_of_one_backend_is_bounded(void **state) {
    (void)state;
    struct buffer page = {0};
    buffer_append_cstr(&page, "[{\"name\":\"t\"}");
    for (int i = 0; i < 1000; i++) {
        buffer_append_cstr(&page, ",{\"name\":\"t\"}");
    }
    buffer_append_cstr(&page, "]");
    struct merged merged = merge_one(buffer_cstr(&page));
    assert_int_equal(merged.count, 1);
    assert_int_equal(count_lines(&merged.logged), 9);
    assert_non_null(
        strstr(buffer_cstr(&merged.logged), "more tools are left out\" backend=b count=992\n"));
    end(&merged);
    buffer_free(&page);
}

static void test_log_may_be_absent(void **state) {
    (void)state;
    struct trunk_slice pages[] = {slice_cstr("[1,{\"name\":\"t\"}]")};
    struct list_source source = {"b", NULL, pages, 1};
    struct buffer out = {0};
    struct routes *routes = routes_new();
    assert_int_equal(lists_merge_tools(&source, 1, NULL, &out, routes), 1);
    assert_buffer(&out, "{\"tools\":[{\"name\":\"b_t\"}]}");
    routes_free(routes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tools_of_all_backends_and_pages_are_listed_in_order),
        cmocka_unit_test(test_nothing_gives_an_empty_list),
        cmocka_unit_test(test_bytes_of_an_element_stay_but_for_its_name),
        cmocka_unit_test(test_raw_line_breaks_of_an_element_become_spaces),
        cmocka_unit_test(test_escaped_names_are_decoded_for_the_client_and_kept_for_the_backend),
        cmocka_unit_test(test_unusable_elements_are_left_out_and_logged),
        cmocka_unit_test(test_tool_whose_name_is_taken_is_left_out),
        cmocka_unit_test(test_log_of_one_backend_is_bounded),
        cmocka_unit_test(test_log_may_be_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
