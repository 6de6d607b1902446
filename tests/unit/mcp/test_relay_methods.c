/* SPDX-License-Identifier: MIT
 * test_relay_methods.c - every relayed method on its way to the leg that has what it names, and
 * results for older and for strict clients. */
#include "cue_rig.h"

#define RESOURCES                                                                                  \
    "{\"resources\":[{\"uri\":\"x:1\",\"name\":\"n\"},{\"uri\":\"x://dir\",\"name\":\"d\"}]}"
#define TEMPLATES "{\"resourceTemplates\":[{\"uriTemplate\":\"t://{id}/data\",\"name\":\"t\"}]}"
#define PROMPTS "{\"prompts\":[{\"name\":\"hi\"}]}"

static void begin(struct cue_rig *self, const char *protocol) {
    cue_factory_push_result(self->cue, "resources/list", RESOURCES);
    cue_factory_push_result(self->cue, "resources/templates/list", TEMPLATES);
    cue_factory_push_result(self->cue, "prompts/list", PROMPTS);
    open_session(self, protocol, "{}");
}

static void expect(struct cue_rig *self, const char *body, const char *answered) {
    rig_expect(self->rig, self->rig->id, body, 200, answered);
}

/* What the backend got last has this in it. */
static void expect_at(struct cue_rig *self, const char *backend, const char *method,
                      const char *part) {
    const char *last = cue_factory_last(self->cue, backend, method);
    if (strstr(last, part) == NULL) {
        fail_msg("%s at %s: %s", method, backend, last);
    }
}

static void test_prompt_goes_to_its_backend_under_its_own_name(void **state) {
    struct cue_rig *self = *state;
    begin(self, "2025-06-18");
    cue_factory_push_result(self->cue, "prompts/get", "{\"messages\":[]}");
    expect(self, REQUEST("1", "prompts/get", "{\"arguments\":{\"x\":\"1\"},\"name\":\"b_hi\"}"),
           RESULT("1", "{\"messages\":[]}"));
    expect_at(self, "b", "prompts/get",
              "\"params\":{\"arguments\":{\"x\":\"1\"},\"name\":\"hi\"}}");
    assert_int_equal(cue_factory_count(self->cue, "a", "prompts/get"), 0);
}

static void test_resource_is_read_by_uri_by_template_and_by_neighbour(void **state) {
    struct cue_rig *self = *state;
    static const char *const uris[] = {"\"x:1\"", "\"t://\\u0031/data\"", "\"x://dir/file\""};
    begin(self, "2025-06-18");
    for (size_t i = 0; i < 3; i++) {
        char body[256];
        char params[128];
        (void)snprintf(params, sizeof params, "{\"uri\":%s}", uris[i]);
        (void)snprintf(body, sizeof body, REQUEST("1", "resources/read", "%s"), params);
        expect(self, body, RESULT("1", "{}"));
        expect_at(self, "a", "resources/read", params);
    }
    assert_int_equal(cue_factory_count(self->cue, "b", "resources/read"), 0);
}

static void test_what_nobody_has_is_told_as_its_kind_demands(void **state) {
    struct cue_rig *self = *state;
    begin(self, "2025-06-18");
    expect(self, REQUEST("1", "prompts/get", "{\"name\":\"b_ho\"}"),
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"Unknown prompt: "
           "b_ho\"}}");
    expect(self, REQUEST("1", "tools/call", "{\"name\":\"hi\"}"),
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"Unknown tool: "
           "hi\"}}");
    expect(self, REQUEST("1", "resources/read", "{\"uri\":\"none:\\u0031\"}"),
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32002,\"message\":\"Resource not "
           "found\",\"data\":{\"uri\":\"none:\\u0031\"}}}");
    expect(self,
           REQUEST("1", "completion/complete",
                   "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"none\"},\"argument\":{\"name\":"
                   "\"x\",\"value\":\"\"}}"),
           RESULT("1", "{\"completion\":{\"values\":[]}}"));
}

static void test_completion_is_asked_of_the_backend_that_its_reference_names(void **state) {
    struct cue_rig *self = *state;
    begin(self, "2025-06-18");
    expect(self,
           REQUEST("1", "completion/complete",
                   "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"b_hi\"},\"name\":\"kept\"}"),
           RESULT("1", "{}"));
    expect_at(self, "b", "completion/complete",
              "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"hi\"},\"name\":\"kept\"}");
    expect(self,
           REQUEST("1", "completion/complete",
                   "{\"ref\":{\"uri\":\"t://{id}/data\",\"type\":\"ref/resource\"}}"),
           RESULT("1", "{}"));
    expect_at(self, "a", "completion/complete", "\"uri\":\"t://{id}/data\"");
}

static void test_completion_without_a_reference_is_invalid(void **state) {
    struct cue_rig *self = *state;
    static const char *const bodies[] = {
        REQUEST("1", "completion/complete", "{}"),
        REQUEST("1", "completion/complete", "{\"ref\":{\"type\":\"ref/other\",\"name\":\"x\"}}"),
        REQUEST("1", "completion/complete", "{\"ref\":{\"type\":\"ref/prompt\",\"uri\":\"x\"}}"),
        REQUEST("1", "completion/complete",
                "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"x\",\"name\":\"y\"}}")};
    begin(self, "2025-06-18");
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct fake *fake = rig_post(self->rig, self->rig->id, bodies[i]);
        assert_non_null(strstr(buffer_cstr(&fake->body), "-32602"));
        fake_free(fake);
    }
}

static void test_subscription_is_stored_before_it_is_answered(void **state) {
    struct cue_rig *self = *state;
    begin(self, "2025-06-18");
    struct session *session =
        manager_find_live(self->rig->manager, self->rig->id, PRINCIPAL_ANONYMOUS);
    expect(self, REQUEST("1", "resources/subscribe", "{\"uri\":\"x:1\"}"), RESULT("1", "{}"));
    assert_string_equal(session_record(session)->subscriptions, "[\"x:1\"]");
    expect(self, REQUEST("2", "resources/unsubscribe", "{\"uri\":\"x:1\"}"), RESULT("2", "{}"));
    assert_string_equal(session_record(session)->subscriptions, "[]");
    assert_int_equal(cue_factory_count(self->cue, "a", "resources/subscribe"), 1);
    assert_int_equal(cue_factory_count(self->cue, "a", "resources/unsubscribe"), 1);
}

static void test_subscription_that_the_backend_refuses_is_not_stored(void **state) {
    struct cue_rig *self = *state;
    begin(self, "2025-06-18");
    cue_factory_hold(self->cue, NULL, "resources/subscribe");
    struct fake *fake = start(self, REQUEST("1", "resources/subscribe", "{\"uri\":\"x:1\"}"));
    uint64_t number = take(self, "a", "resources/subscribe");
    say(self, "a", number,
        "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"error\":{\"code\":-32601,\"message\":\"no\"}}",
        number);
    expect_body(fake,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no\"}}");
    const struct session *session =
        manager_find_live(self->rig->manager, self->rig->id, PRINCIPAL_ANONYMOUS);
    assert_string_equal(session_record(session)->subscriptions, "[]");
    fake_free(fake);
}

static void test_task_of_a_call_is_left_out(void **state) {
    struct cue_rig *self = *state;
    begin(self, "2025-11-25");
    expect(self,
           REQUEST("1", "tools/call",
                   "{\"task\":{\"ttl\":1},\"_meta\":{\"progressToken\":7},\"name\":\"a_echo\","
                   "\"arguments\":{\"task\":1}}"),
           RESULT("1", "{}"));
    expect_at(self, "a", "tools/call", "\"params\":{\"_meta\":{\"progressToken\":");
    expect_at(self, "a", "tools/call", "},\"name\":\"echo\",\"arguments\":{\"task\":1}}}");
    expect(self, REQUEST("1", "prompts/get", "{\"name\":\"a_hi\",\"task\":{}}"), RESULT("1", "{}"));
    expect_at(self, "a", "prompts/get", "\"task\":{}");
}

static void test_tasks_are_no_methods_here(void **state) {
    struct cue_rig *self = *state;
    static const char *const bodies[] = {
        REQUEST("1", "tasks/get", "{\"taskId\":\"1\"}"), REQUEST("1", "tasks/list", "{}"),
        REQUEST("1", "tasks/result", "{}"), REQUEST("1", "tasks/cancel", "{}"),
        REQUEST("1", "server/discover", "{}")};
    begin(self, "2025-11-25");
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        expect(self, bodies[i],
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"Method not "
               "found\"}}");
    }
}

#define LINK "{\"type\":\"resource_link\",\"uri\":\"x:1\",\"name\":\"n\"}"
#define LINK_TEXT "{\"type\":\"text\",\"text\":\"Resource n: x:1\"}"

static void test_older_clients_get_content_that_they_know(void **state) {
    struct cue_rig *self = *state;
    begin(self, "2025-03-26");
    cue_factory_push_result(self->cue, "tools/call",
                            "{\"structuredContent\":[1],\"content\":[" LINK "]}");
    cue_factory_push_result(self->cue, "prompts/get",
                            "{\"messages\":[{\"role\":\"user\",\"content\":" LINK "}]}");
    expect(self, CALL("1", "a_echo"), RESULT("1", "{\"content\":[" LINK_TEXT "]}"));
    expect(self, REQUEST("2", "prompts/get", "{\"name\":\"a_hi\"}"),
           RESULT("2", "{\"messages\":[{\"role\":\"user\",\"content\":" LINK_TEXT "}]}"));
    open_session(self, "2025-06-18", "{}");
    expect(self, CALL("3", "a_echo"), RESULT("3", "{\"content\":[" LINK "]}"));
}

static void test_strict_clients_get_no_structured_content_but_objects(void **state) {
    struct cue_rig *self = *state;
    begin(self, "2025-11-25");
    cue_factory_push_result(self->cue, "tools/call", "{\"content\":[],\"structuredContent\":null}");
    cue_factory_push_result(self->cue, "tools/call", "{\"structuredContent\":{\"a\":[1.0]}}");
    expect(self, CALL("1", "a_echo"), RESULT("1", "{\"content\":[]}"));
    expect(self, CALL("2", "a_echo"), RESULT("2", "{\"structuredContent\":{\"a\":[1.0]}}"));
}

static void test_completions_end_with_the_hundredth(void **state) {
    struct cue_rig *self = *state;
    struct buffer result = {0};
    begin(self, "2025-11-25");
    buffer_append_cstr(&result, "{\"completion\":{\"values\":[\"0\"");
    for (int i = 1; i < 150; i++) {
        buffer_printf(&result, ",\"%d\"", i);
    }
    buffer_append_cstr(&result, "],\"total\":150}}");
    cue_factory_push_result(self->cue, "completion/complete", buffer_cstr(&result));
    struct fake *fake = rig_post(self->rig, self->rig->id,
                                 REQUEST("1", "completion/complete",
                                         "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"a_hi\"}}"));
    assert_non_null(strstr(buffer_cstr(&fake->body), "\"99\"],\"total\":150}}}"));
    fake_free(fake);
    buffer_free(&result);
}

static void test_strange_ids_and_tokens_come_back_as_they_were(void **state) {
    struct cue_rig *self = *state;
    static const char *const tokens[] = {"\"1\"", "1", "1.5", "-0", "1e3", "18446744073709551617",
                                         "\"\""};
    begin(self, "2025-06-18");
    cue_factory_hold(self->cue, NULL, "tools/call");
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        char body[256];
        char wanted[128];
        (void)snprintf(body, sizeof body,
                       REQUEST("\"1\"", "tools/call",
                               "{\"name\":\"a_echo\",\"_meta\":{\"progressToken\":%s}}"),
                       tokens[i]);
        struct fake *fake = start(self, body);
        uint64_t number = take(self, "a", "tools/call");
        say(self, "a", number,
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
            "\"progressToken\":%" PRIu64 ",\"progress\":0}}",
            number);
        (void)snprintf(wanted, sizeof wanted, "\"params\":{\"progressToken\":%s,\"progress\":0}}",
                       tokens[i]);
        assert_non_null(strstr(buffer_cstr(&fake->events), wanted));
        answer(self, "a", number, "{}");
        assert_non_null(strstr(buffer_cstr(&fake->events), RESULT("\"1\"", "{}")));
        fake_free(fake);
    }
}

static void test_id_that_is_in_flight_may_be_used_again(void **state) {
    struct cue_rig *self = *state;
    begin(self, "2025-06-18");
    cue_factory_hold(self->cue, NULL, "tools/call");
    struct fake *first = start(self, CALL("1", "a_echo"));
    struct fake *second = start(self, CALL("1", "a_echo"));
    uint64_t one = take(self, "a", "tools/call");
    uint64_t two = take(self, "a", "tools/call");
    assert_true(two > one);
    answer(self, "a", two, "{\"n\":2}");
    answer(self, "a", two, "{\"n\":3}"); /* doubled */
    assert_false(first->is_ended);
    answer(self, "a", one, "{\"n\":1}");
    expect_body(first, RESULT("1", "{\"n\":1}"));
    expect_body(second, RESULT("1", "{\"n\":2}"));
    fake_free(first);
    fake_free(second);
}

static void test_bad_cursor_is_invalid_params(void **state) {
    struct cue_rig *self = *state;
    static const char *const methods[] = {"tools/list", "prompts/list", "resources/list",
                                          "resources/templates/list"};
    static const char *const cursors[] = {"\"\"", "\"x\"", "null", "1", "{}"};
    begin(self, "2025-06-18");
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        for (size_t j = 0; j < sizeof cursors / sizeof cursors[0]; j++) {
            char body[256];
            (void)snprintf(body, sizeof body, REQUEST("1", "%s", "{\"cursor\":%s}"), methods[i],
                           cursors[j]);
            struct fake *fake = rig_post(self->rig, self->rig->id, body);
            assert_non_null(strstr(buffer_cstr(&fake->body), "-32602"));
            fake_free(fake);
        }
    }
}

static void test_lists_come_in_pages_with_cursors(void **state) {
    struct cue_rig *self = *state;
    self->rig->options.page_size = 1;
    begin(self, "2025-06-18");
    struct fake *fake = rig_post(self->rig, self->rig->id, REQUEST("1", "prompts/list", "{}"));
    const char *at = strstr(buffer_cstr(&fake->body), "\"nextCursor\":\"");
    char body[256];
    assert_non_null(strstr(buffer_cstr(&fake->body), "[{\"name\":\"a_hi\"}]"));
    assert_non_null(at);
    at += strlen("\"nextCursor\":\"");
    (void)snprintf(body, sizeof body, REQUEST("2", "prompts/list", "{\"cursor\":\"%.*s\"}"),
                   (int)strcspn(at, "\""), at);
    expect(self, body, RESULT("2", "{\"prompts\":[{\"name\":\"b_hi\"}]}"));
    fake_free(fake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CUE_TEST(test_prompt_goes_to_its_backend_under_its_own_name),
        CUE_TEST(test_resource_is_read_by_uri_by_template_and_by_neighbour),
        CUE_TEST(test_what_nobody_has_is_told_as_its_kind_demands),
        CUE_TEST(test_completion_is_asked_of_the_backend_that_its_reference_names),
        CUE_TEST(test_completion_without_a_reference_is_invalid),
        CUE_TEST(test_subscription_is_stored_before_it_is_answered),
        CUE_TEST(test_subscription_that_the_backend_refuses_is_not_stored),
        CUE_TEST(test_task_of_a_call_is_left_out),
        CUE_TEST(test_tasks_are_no_methods_here),
        CUE_TEST(test_older_clients_get_content_that_they_know),
        CUE_TEST(test_strict_clients_get_no_structured_content_but_objects),
        CUE_TEST(test_completions_end_with_the_hundredth),
        CUE_TEST(test_strange_ids_and_tokens_come_back_as_they_were),
        CUE_TEST(test_id_that_is_in_flight_may_be_used_again),
        CUE_TEST(test_bad_cursor_is_invalid_params),
        CUE_TEST(test_lists_come_in_pages_with_cursors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
