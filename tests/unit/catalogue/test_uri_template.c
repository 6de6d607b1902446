/* SPDX-License-Identifier: MIT
 * test_uri_template.c - RFC 6570 backwards: every example of its section 3.2 matches, and near
 * misses do not. */
#include "unit/wire/fixture.h"

#include <stdio.h>

#include "catalogue/uri_template.h"

struct sample {
    const char *pattern;
    const char *uri;
};

static void assert_all(const struct sample *samples, size_t count, bool expected) {
    for (size_t i = 0; i < count; i++) {
        if (uri_template_match(slice_cstr(samples[i].pattern), slice_cstr(samples[i].uri)) !=
            expected) {
            fail_msg("%s %s %s", samples[i].pattern, expected ? "does not match" : "matches",
                     samples[i].uri);
        }
    }
}

#define ASSERT_MATCH(...)                                                                          \
    do {                                                                                           \
        static const struct sample samples[] = {__VA_ARGS__};                                      \
        assert_all(samples, sizeof samples / sizeof samples[0], true);                             \
    } while (0)
#define ASSERT_NO_MATCH(...)                                                                       \
    do {                                                                                           \
        static const struct sample samples[] = {__VA_ARGS__};                                      \
        assert_all(samples, sizeof samples / sizeof samples[0], false);                            \
    } while (0)

static void test_literal_template_matches_itself_only(void **state) {
    (void)state;
    ASSERT_MATCH({"", ""}, {"test://a", "test://a"});
    ASSERT_NO_MATCH({"test://a", "test://"}, {"test://a", "test://ab"}, {"test://a", "test://b"},
                    {"", "a"}, {"a", ""});
}

static void test_simple_expansion(void **state) {
    (void)state;
    ASSERT_MATCH({"{var}", "value"}, {"{hello}", "Hello%20World%21"}, {"{half}", "50%25"},
                 {"O{empty}X", "OX"}, {"O{undef}X", "OX"}, {"{x,y}", "1024,768"},
                 {"{x,hello,y}", "1024,Hello%20World%21,768"}, {"?{x,empty}", "?1024,"},
                 {"?{x,undef}", "?1024"}, {"{var:3}", "val"}, {"{var:30}", "value"},
                 {"{list}", "red,green,blue"}, {"{list*}", "red,green,blue"},
                 {"{keys}", "semi,%3B,dot,.,comma,%2C"}, {"{keys*}", "semi=%3B,dot=.,comma=%2C"},
                 {"test://template/{id}/data", "test://template/123/data"},
                 {"{a}-{b}-{c}", "1-2-3-4"}, {"{a}{b}", "xy"}, {"note://{id}", "note://a:b c"});
    ASSERT_NO_MATCH({"{var}", "a/b"}, {"{var}", "a?b"}, {"{var}", "a#b"},
                    {"test://template/{id}/data", "test://template/1/2/data"},
                    {"test://template/{id}/data", "test://template/123/date"},
                    {"test://template/{id}/data", "test://template/123/data/"},
                    {"test://template/{id}/data", "Test://template/123/data"}, {"{var:3}", "valu"},
                    {"{a}-{b}-{c}", "1-2"});
}

static void test_reserved_and_fragment_expansion(void **state) {
    (void)state;
    ASSERT_MATCH({"{+var}", "value"}, {"{+hello}", "Hello%20World!"}, {"{+half}", "50%25"},
                 {"{+base}index", "http://example.com/home/index"}, {"O{+empty}X", "OX"},
                 {"{+path}/here", "/foo/bar/here"}, {"here?ref={+path}", "here?ref=/foo/bar"},
                 {"up{+path}{var}/here", "up/foo/barvalue/here"}, {"{+x,hello,y}", "1024,H!,768"},
                 {"{+path:6}/here", "/foo/b/here"}, {"{+keys*}", "semi=;,dot=.,comma=,"},
                 {"file://{+path}", "file:///a/b?c#d"}, {"{#var}", "#value"},
                 {"{#hello}", "#Hello%20World!"}, {"foo{#empty}", "foo#"}, {"foo{#undef}", "foo"},
                 {"{#path,x}/here", "#/foo/bar,1024/here"}, {"{#path:6}/here", "#/foo/b/here"});
    ASSERT_NO_MATCH({"{+path}/here", "/foo/bar/there"}, {"{+path:6}/here", "/foo/ba/here"},
                    {"{#var}", "value"}, {"foo{#var}", "foo?#"});
}

static void test_label_and_path_expansion(void **state) {
    (void)state;
    ASSERT_MATCH({"{.who}", ".fred"}, {"{.who,who}", ".fred.fred"}, {"{.half,who}", ".50%25.fred"},
                 {"www{.dom*}", "www.example.com"}, {"X{.var}", "X.value"}, {"X{.empty}", "X."},
                 {"X{.undef}", "X"}, {"X{.var:3}", "X.val"}, {"X{.list}", "X.red,green,blue"},
                 {"X{.keys*}", "X.semi=%3B.dot=..comma=%2C"}, {"X{.empty_keys}", "X"},
                 {"{/who}", "/fred"}, {"{/who,who}", "/fred/fred"}, {"{/half,who}", "/50%25/fred"},
                 {"{/var,empty}", "/value/"}, {"{/var,undef}", "/value"},
                 {"{/var,x}/here", "/value/1024/here"}, {"{/var:1,var}", "/v/value"},
                 {"{/list}", "/red,green,blue"}, {"{/list*}", "/red/green/blue"},
                 {"{/list*,path:4}", "/red/green/blue/%2Ffoo"}, {"{/keys*}", "/semi=%3B/dot=."},
                 {"{/keys*}", ""});
    ASSERT_NO_MATCH({"{.who}", "fred"}, {"X{.var}", "X/value"}, {"{/who}", "fred"},
                    {"{/who}", "/fred/fred"}, {"{/who,who}", "/a/b/c"}, {"{/list*}", "/a?b"});
}

static void test_parameters_and_queries(void **state) {
    (void)state;
    ASSERT_MATCH({"{;who}", ";who=fred"}, {"{;half}", ";half=50%25"}, {"{;empty}", ";empty"},
                 {"{;v,empty,who}", ";v=6;empty;who=fred"}, {"{;v,bar,who}", ";v=6;who=fred"},
                 {"{;x,y}", ";x=1024;y=768"}, {"{;x,y,undef}", ";x=1024;y=768"},
                 {"{;hello:5}", ";hello=Hello"}, {"{;list}", ";list=red,green,blue"},
                 {"{;list*}", ";list=red;list=green"}, {"{;keys*}", ";semi=%3B;dot=.;comma=%2C"},
                 {"{;x}/end", ";x/end"}, {"{?who}", "?who=fred"}, {"{?half}", "?half=50%25"},
                 {"{?x,y}", "?x=1024&y=768"}, {"{?x,y,empty}", "?x=1024&y=768&empty="},
                 {"{?x,y,undef}", "?x=1024&y=768"}, {"{?x,y}", "?y=768&x=1024"}, {"{?x,y}", ""},
                 {"{?var:3}", "?var=val"}, {"{?list}", "?list=red,green,blue"},
                 {"{?list*}", "?list=red&list=green&list=blue"},
                 {"{?keys}", "?keys=semi,%3B,dot,."}, {"{?keys*}", "?semi=%3B&dot=.&comma=%2C"},
                 {"{?x,x2}", "?x2=1&x=2"}, {"{&who}", "&who=fred"},
                 {"?fixed=yes{&x}", "?fixed=yes&x=1024"}, {"?fixed=yes{&x}", "?fixed=yes"},
                 {"{&x,y,empty}", "&x=1024&y=768&empty="}, {"{+any}{?q}", "x?q=1?z=2"},
                 {"db://{t}{?q}#end", "db://t?q=1#end"});
    ASSERT_NO_MATCH({"{?x,y}", "x=1"}, {"{?x,y}", "?z=1"}, {"{?x,y}", "?x=1&z=2"},
                    {"{?x}", "?x=1#y"}, {"{?x}", "?x2=1"}, {"{?x}", "?"}, {"{;x}", ";y=1"},
                    {"?fixed=yes{&x}", "?fixed=yes&y=1"}, {"?fixed=yes{&x}", "?fixed=yes&"});
}

static void test_length_of_a_prefix_counts_characters(void **state) {
    (void)state;
    ASSERT_MATCH({"{v:1}", "%41"}, {"{v:1}", "%C3%A9"}, {"{v:2}", "%C3%A9x"}, {"{v:1}", "\xc3\xa9"},
                 {"{v:1}{w:1}", "ab"}, {"x{v:1}x", "xxx"});
    ASSERT_NO_MATCH({"{v:1}", "%41x"}, {"{v:1}", "%C3%A9%C3%A9"}, {"{v:1}", "\xc3\xa9\xc3\xa9"},
                    {"{v:1}{w:1}", "abc"});
}

static void test_broken_template_matches_nothing(void **state) {
    (void)state;
    ASSERT_NO_MATCH({"{", "{"}, {"a{b", "ab"}, {"a}b", "a}b"}, {"{}", ""}, {"{a", "a"},
                    {"{a,}", "a"}, {"{,a}", "a"}, {"{a b}", "a"}, {"{=a}", "a"}, {"{!a}", "a"},
                    {"{|a}", "a"}, {"{a:0}", ""}, {"{a:}", "a"}, {"{a:10000}", "a"},
                    {"{a:01}", "a"}, {"{a*:3}", "a"}, {"{a{b}}", "a"}, {"{+}", "a"}, {"x{}", "x"});
}

/* A pattern that backtracking matchers take ages for. */
static void test_time_does_not_explode(void **state) {
    (void)state;
    struct buffer pattern = {0};
    struct buffer uri = {0};
    for (int i = 0; i < 200; i++) {
        buffer_append_cstr(&pattern, "{+a}a{b*}");
    }
    buffer_append_cstr(&pattern, "!");
    while (uri.len < URI_TEMPLATE_MAX_URI) {
        buffer_append_cstr(&uri, "a");
    }
    assert_false(uri_template_match(buffer_slice(&pattern), buffer_slice(&uri)));
    pattern.len--;
    assert_true(uri_template_match(buffer_slice(&pattern), buffer_slice(&uri)));
    buffer_append_cstr(&uri, "a");
    assert_false(uri_template_match(buffer_slice(&pattern), buffer_slice(&uri)));
    buffer_free(&pattern);
    buffer_free(&uri);
}

static void test_literal_text_is_counted(void **state) {
    (void)state;
    assert_int_equal(uri_template_prefix_len(slice_cstr("test://{a}/b{c}d")), 7);
    assert_int_equal(uri_template_literal_len(slice_cstr("test://{a}/b{c}d")), 10);
    assert_int_equal(uri_template_prefix_len(slice_cstr("test://a")), 8);
    assert_int_equal(uri_template_literal_len(slice_cstr("test://a")), 8);
    assert_int_equal(uri_template_prefix_len(slice_of(NULL, 0)), 0);
    assert_int_equal(uri_template_literal_len(slice_of(NULL, 0)), 0);
    assert_true(uri_template_match(slice_of(NULL, 0), slice_of(NULL, 0)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literal_template_matches_itself_only),
        cmocka_unit_test(test_simple_expansion),
        cmocka_unit_test(test_reserved_and_fragment_expansion),
        cmocka_unit_test(test_label_and_path_expansion),
        cmocka_unit_test(test_parameters_and_queries),
        cmocka_unit_test(test_length_of_a_prefix_counts_characters),
        cmocka_unit_test(test_broken_template_matches_nothing),
        cmocka_unit_test(test_time_does_not_explode),
        cmocka_unit_test(test_literal_text_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
