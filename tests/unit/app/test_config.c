/* SPDX-License-Identifier: MIT
 * test_config.c - good configs load whole; every bad one is told by its path, its problem and its
 * remedy. */
#include "app/config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include <json-c/json.h>

#include "app/check.h"
#include "app/config_file.h"
#include "app/config_schema.h"
#include "base/alloc.h"

#define MAX_TOLD 32

/* What config_load told; where without the file's name. */
struct told {
    size_t count;
    char where[MAX_TOLD][256];
    char problem[MAX_TOLD][512];
};

static char config_path[256];

static int make_config_path(void **state) {
    (void)state;
    (void)snprintf(config_path, sizeof config_path, "%s/test_config_XXXXXX", TEST_BINARY_DIR);
    int fd = mkstemp(config_path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_config_path(void **state) {
    (void)state;
    return unlink(config_path);
}

static void remember(void *ctx, const char *where, const char *problem) {
    struct told *told = ctx;
    size_t prefix = strlen(config_path);
    assert_true(told->count < MAX_TOLD);
    assert_int_equal(strncmp(where, config_path, prefix), 0);
    (void)snprintf(told->where[told->count], sizeof told->where[0], "%s", where + prefix);
    (void)snprintf(told->problem[told->count], sizeof told->problem[0], "%s", problem);
    told->count++;
}

static struct config *load_bytes(const void *bytes, size_t len, struct told *told) {
    struct config *config = NULL;
    FILE *file = fopen(config_path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    *told = (struct told){0};
    size_t count = config_load(config_path, NULL, remember, told, &config);
    assert_int_equal(count, told->count);
    assert_int_equal(config == NULL, told->count > 0);
    return config;
}

static struct config *load(const char *text, struct told *told) {
    return load_bytes(text, strlen(text), told);
}

static struct config *load_good(const char *text) {
    struct told told;
    struct config *config = load(text, &told);
    if (config == NULL) {
        fail_msg("%s: %s: %s", text, told.where[0], told.problem[0]);
    }
    return config;
}

static const char *find_param(const struct param_list *params, const char *key, size_t nth) {
    for (size_t i = 0; i < params->count; i++) {
        if (strcmp(params->items[i].key, key) == 0 && nth-- == 0) {
            return params->items[i].value;
        }
    }
    return "(absent)";
}

static void test_empty_object_gives_the_defaults(void **state) {
    (void)state;
    struct config *config = load_good("{}");
    assert_string_equal(config->file, config_path);
    assert_true(config->node[0] != '\0');
    assert_string_equal(config->listen.address, "127.0.0.1");
    assert_int_equal(config->listen.port, 4483);
    assert_string_equal(config->listen.path, "/mcp");
    assert_null(config->listen.allowed_hosts[0]);
    assert_null(config->listen.allowed_origins[0]);
    assert_int_equal(config->listen.max_body_bytes, 8 << 20);
    assert_int_equal(config->listen.max_connections, 10000);
    assert_int_equal(config->listen.header_timeout_ms, 10000);
    assert_int_equal(config->listen.body_timeout_ms, 30000);
    assert_int_equal(config->listen.idle_timeout_ms, 120000);
    assert_int_equal(config->listen.stream_keepalive_ms, 15000);
    assert_true(config->auth.allows_anonymous);
    assert_string_equal(config->auth.tokens_file, "");
    assert_int_equal(config->auth.tokens.count, 0);
    assert_null(config->plugin_dirs[0]);
    assert_string_equal(config->storage.name, "storage");
    assert_string_equal(config->storage.plugin->desc.name, "sqlite");
    assert_string_equal(find_param(&config->storage.params, "path", 0),
                        "/var/lib/trunkd/sessions.db");
    assert_string_equal(find_param(&config->storage.params, "synchronous", 0), "normal");
    assert_int_equal(config->start_wait_ms, 10000);
    assert_int_equal(config->nfactories, 0);
    assert_int_equal(config->nbackends, 0);
    assert_int_equal(config->session.ttl_ms, 24 * 3600 * 1000);
    assert_int_equal(config->session.max_lifetime_ms, 0);
    assert_int_equal(config->session.max_sessions, 0);
    assert_int_equal(config->session.max_per_principal, 0);
    assert_int_equal(config->session.leg_timeout_ms, 20000);
    assert_int_equal(config->session.list_wait_ms, 10000);
    assert_int_equal(config->session.drain_ms, 5000);
    assert_int_equal(config->session.max_inflight, 64);
    assert_int_equal(config->session.max_message_bytes, 16 << 20);
    assert_int_equal(config->log_level, TRUNK_LOG_INFO);
    assert_int_equal(config->log_format, LOG_LOGFMT);
    config_free(config);
}

static void test_every_key_reaches_its_place(void **state) {
    (void)state;
    struct config *config = load_good(
        "{\"node\": {\"name\": \"n1\"},\n"
        "\"listen\": {\"address\": \"::1\", \"port\": 0, \"path\": \"/x\", \"allowed_hosts\": "
        "[\"a\", "
        "\"b\"], \"allowed_origins\": [\"http://a\"], \"max_body\": 0, \"max_connections\": 7, "
        "\"header_timeout\": \"1s\", \"body_timeout\": \"2s\", \"idle_timeout\": \"3s\", "
        "\"stream_keepalive\": \"0\"},\n"
        "\"plugin_dirs\": [\"/nowhere\"],\n"
        "\"storage\": {\"driver\": \"memory\", \"params\": {}, \"start_wait\": \"2s\"},\n"
        "\"factories\": {\"mine\": {\"driver\": \"stdio\", \"params\": {}}},\n"
        "\"session\": {\"ttl\": \"1s\", \"leg_timeout\": \"1ms\", \"list_wait\": \"0\", \"drain\": "
        "\"0\", \"max_inflight\": 0, \"max_message\": \"64KiB\", \"max_lifetime\": \"9h\", "
        "\"max_sessions\": 8, "
        "\"max_per_principal\": 7, \"replay_events\": 5, \"replay_bytes\": \"2KiB\"},\n"
        "\"mcpServers\": {\"a\": {\"command\": \"x\", \"factory\": \"mine\"}},\n"
        "\"aggregation\": {\"strategy\": \"priority\", \"prefix_format\": \"x.{backend}/\", "
        "\"priority\": [\"a\"], \"page_size\": 3},\n"
        "\"log\": {\"level\": \"debug\", \"format\": \"json\"}}");
    assert_string_equal(config->node, "n1");
    assert_string_equal(config->listen.address, "::1");
    assert_int_equal(config->listen.port, 0);
    assert_string_equal(config->listen.path, "/x");
    assert_string_equal(config->listen.allowed_hosts[1], "b");
    assert_null(config->listen.allowed_hosts[2]);
    assert_string_equal(config->listen.allowed_origins[0], "http://a");
    assert_int_equal(config->listen.max_body_bytes, 0);
    assert_int_equal(config->listen.max_connections, 7);
    assert_int_equal(config->listen.header_timeout_ms, 1000);
    assert_int_equal(config->listen.body_timeout_ms, 2000);
    assert_int_equal(config->listen.idle_timeout_ms, 3000);
    assert_int_equal(config->listen.stream_keepalive_ms, 0);
    assert_string_equal(config->plugin_dirs[0], "/nowhere");
    assert_int_equal(config->start_wait_ms, 2000);
    assert_int_equal(config->nfactories, 1);
    assert_string_equal(config->factories[0].name, "mine");
    assert_int_equal(config->session.ttl_ms, 1000);
    assert_int_equal(config->session.max_lifetime_ms, 9 * 3600 * 1000);
    assert_int_equal(config->session.max_sessions, 8);
    assert_int_equal(config->session.max_per_principal, 7);
    assert_int_equal(config->session.replay_events, 5);
    assert_int_equal(config->session.replay_bytes, 2 << 10);
    assert_int_equal(config->session.naming.strategy, NAMING_PRIORITY);
    assert_string_equal(config->session.naming.prefix_format, "x.{backend}/");
    assert_int_equal(config->session.naming.npriority, 1);
    assert_string_equal(config->session.naming.priority[0], "a");
    assert_int_equal(config->session.page_size, 3);
    assert_int_equal(config->session.leg_timeout_ms, 1);
    assert_int_equal(config->session.list_wait_ms, 0);
    assert_int_equal(config->session.drain_ms, 0);
    assert_int_equal(config->session.max_inflight, 0);
    assert_int_equal(config->session.max_message_bytes, 64 << 10);
    assert_int_equal(config->log_level, TRUNK_LOG_DEBUG);
    assert_int_equal(config->log_format, LOG_JSON);
    config_free(config);
}

static void test_backends_are_sorted_and_typed_by_their_factory(void **state) {
    (void)state;
    assert_int_equal(setenv("T_SECRET", "hunter2", 1), 0);
    struct config *config = load_good(
        "{\"factories\": {\"other\": {\"driver\": \"stdio\"}},\n"
        "\"mcpServers\": {\n"
        "  \"z\": {\"command\": \"a\", \"disabled\": true, \"timeout\": \"0\"},\n"
        "  \"my files \xc3\xa9!\": {\"factory\": \"other\", \"command\": \"b\", \"required\": "
        "true,\n"
        "    \"args\": [\"x\", \"${T_SECRET}\"], \"env\": {\"K\": \"v\"}, \"timeout\": \"7s\"}}}");
    assert_int_equal(config->nfactories, 2);
    assert_int_equal(config->nbackends, 2);
    const struct config_backend *files = &config->backends[0];
    const struct config_backend *z = &config->backends[1];
    assert_string_equal(files->name, "my-files---");
    assert_string_equal(config->factories[files->factory].name, "other");
    assert_true(files->is_required);
    assert_false(files->is_disabled);
    assert_int_equal(files->timeout_ms, 7000);
    assert_string_equal(find_param(&files->params, "command", 0), "b");
    assert_string_equal(find_param(&files->params, "args", 0), "x");
    assert_string_equal(find_param(&files->params, "args", 1), "hunter2");
    assert_string_equal(find_param(&files->params, "env.K", 0), "v");
    assert_string_equal(z->name, "z");
    assert_string_equal(config->factories[z->factory].name, "stdio");
    assert_true(z->is_disabled);
    assert_false(z->is_required);
    assert_int_equal(z->timeout_ms, 0);
    config_free(config);
}

static void test_timeout_of_a_backend_is_55_seconds_unless_said(void **state) {
    (void)state;
    struct config *config = load_good("{\"mcpServers\": {\"a\": {\"command\": \"a\"}}}");
    assert_int_equal(config->backends[0].timeout_ms, 55000);
    config_free(config);
}

static void test_comments_are_white_space_and_not_in_strings(void **state) {
    (void)state;
    struct config *config = load_good(
        "// head\n{ /* a \" b\n */ \"node\": // tail \"\n {\"name\": \"a//b/*c*/\\\"//\"}}//");
    assert_string_equal(config->node, "a//b/*c*/\"//");
    config_free(config);
}

/* A config with exactly one problem: where it is, what is wrong, what to do. */
struct bad {
    const char *text;
    const char *where;
    const char *problem;
    const char *remedy;
};

static void assert_told(const struct told *told, size_t index, const struct bad *bad) {
    const char *problem = told->problem[index];
    if (strcmp(told->where[index], bad->where) != 0 || strstr(problem, bad->problem) == NULL ||
        strstr(problem, bad->remedy) == NULL) {
        fail_msg("%s\ntold:     %s: %s\nexpected: %s: ... %s ... %s", bad->text, told->where[index],
                 problem, bad->where, bad->problem, bad->remedy);
    }
}

static void assert_all_bad(const struct bad *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct told told;
        assert_null(load(cases[i].text, &told));
        assert_told(&told, 0, &cases[i]);
        if (told.count != 1) {
            fail_msg("%s\nalso told: %s: %s", cases[i].text, told.where[1], told.problem[1]);
        }
    }
}
#define ASSERT_ALL_BAD(cases) assert_all_bad(cases, sizeof(cases) / sizeof(cases)[0])

static void test_bad_syntax_is_told_by_line_and_column(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"", "", "is empty", "write an object"},
        {" // nothing\n/* here */ ", "", "is empty", "write an object"},
        {"[]", "", "not an object", "put everything inside {"},
        {"{\n  \"log\": {},\n}", ":2:12", "not valid JSON: ", "correct"},
        {"{\"plugin_dirs\": [\"/a\",]}", ":1:22", "not valid JSON: ", "correct"},
        {"{}\n\n x", ":3:2", "not valid JSON: ", "correct"},
        {"{} {}", ":1:4", "not valid JSON: ", "correct"},
        {"{\"node\": {'name': \"a\"}}", ":1:11", "not valid JSON: ", "correct"},
        {"{\"listen\": {\"port\": 0x10}}", ":1:22", "not valid JSON: ", "correct"},
        {"{\"listen\": {\"port\": NaN}}", ":1:21", "not valid JSON: ", "correct"},
        {"{\"log\": {}", ":1:11", "not valid JSON: ", "correct"},
        {"{\n /* \"log\": {} }", ":2:2", "comment without an end", "close it with */"},
        {"{ / }", ":1:3", "not valid JSON: ", "correct"},
        {"/", ":1:1", "not valid JSON: ", "correct"},
        {"{\"node\": {\"name\": \"\xc3\xa9\xff\"}}", ":1:21", "UTF-8", "save the file as UTF-8"},
        {"\xef\xbb\xbf{}", ":1:1", "byte order mark", "save the file as UTF-8 without one"},
        {"{\"node\": {\"name\": \"a\n\"}}", ":1:21", "not valid JSON: ", "correct"},
    };
    ASSERT_ALL_BAD(cases);
}

static void test_unknown_key_is_told_with_the_nearest_one(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"{\"mcpServer\": {}}", ": mcpServer", "unknown key", "did you mean \"mcpServers\"?"},
        {"{\"listen\": {\"adress\": \"::1\"}}", ": listen.adress", "unknown key",
         "did you mean \"address\"?"},
        {"{\"listen\": {\"certificate\": 1}}", ": listen.certificate", "unknown key",
         "the keys here are: address, port, path"},
        {"{\"admin\": {}}", ": admin", "unknown key", "the keys here are: node, listen"},
        {"{\"session\": {\"tll\": \"1h\"}}", ": session.tll", "unknown key", "\"ttl\""},
        {"{\"log\": {\"levels\": \"info\"}}", ": log.levels", "unknown key", "\"level\""},
        {"{\"node\": {\"nam\": \"a\"}}", ": node.nam", "unknown key", "\"name\""},
        {"{\"storage\": {\"param\": {}}}", ": storage.param", "unknown key", "\"params\""},
        {"{\"factories\": {\"a\": {\"driver\": \"stdio\", \"parms\": {}}}}", ": factories.a.parms",
         "unknown key", "\"params\""},
        {"{\"storage\": {\"driver\": \"memory\", \"params\": {\"zzz\": 1}}}",
         ": storage.params.zzz", "unknown key", "remove it, there are no keys here"},
        {"{\"mcpServers\": {\"a\": {\"command\": \"c\", \"arg\": []}}}", ": mcpServers.a.arg",
         "unknown key", "did you mean \"args\"?"},
        {"{\"mcpServers\": {\"a\": {\"command\": \"c\", \"timeouts\": \"1s\"}}}",
         ": mcpServers.a.timeouts", "unknown key", "did you mean \"timeout\"?"},
        {"{\"mcpServers\": {\"a\": {\"comand\": \"c\"}}}", ": mcpServers.a.comand", "unknown key",
         "did you mean \"command\"?"},
    };
    ASSERT_ALL_BAD(cases);
}

static void test_wrong_type_is_told_with_the_right_one(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"{\"listen\": []}", ": listen", "a list where an object belongs", "write { ... }"},
        {"{\"mcpServers\": null}", ": mcpServers", "null where an object belongs", "write {"},
        {"{\"mcpServers\": {\"a\": \"npx\"}}", ": mcpServers.a", "a string where an object belongs",
         "write {"},
        {"{\"factories\": {\"a\": 1}}", ": factories.a", "a number where an object belongs",
         "write {"},
        {"{\"storage\": {\"params\": []}}", ": storage.params", "a list where an object belongs",
         "write {"},
        {"{\"node\": {\"name\": 1}}", ": node.name", "a number where a string belongs",
         "put it in double quotes"},
        {"{\"listen\": {\"port\": \"80\"}}", ": listen.port", "a string where a port belongs",
         "write a number from 0 to 65535"},
        {"{\"listen\": {\"port\": 1.5}}", ": listen.port", "a number where a port belongs",
         "write a number from 0 to 65535"},
        {"{\"listen\": {\"port\": 65536}}", ": listen.port", "not a port",
         "write a number from 0 to 65535"},
        {"{\"listen\": {\"port\": -1}}", ": listen.port", "not a port",
         "write a number from 0 to 65535"},
        {"{\"listen\": {\"allowed_hosts\": \"a\"}}", ": listen.allowed_hosts",
         "a string where a list of strings belongs", "write [\"one\", \"two\"]"},
        {"{\"listen\": {\"allowed_hosts\": [\"a\", 1]}}", ": listen.allowed_hosts[1]",
         "a number where a string belongs", "write [\"one\", \"two\"]"},
        {"{\"listen\": {\"max_body\": \"8 parsecs\"}}", ": listen.max_body", "not a size",
         "such as \"64KiB\""},
        {"{\"listen\": {\"max_body\": -1}}", ": listen.max_body", "not a size",
         "such as \"64KiB\""},
        {"{\"session\": {\"drain\": 5}}", ": session.drain", "a number where a duration belongs",
         "such as \"30s\""},
        {"{\"session\": {\"drain\": \"5\"}}", ": session.drain", "not a duration",
         "such as \"30s\""},
        {"{\"session\": {\"drain\": \"99999999999999999999h\"}}", ": session.drain",
         "not a duration", "such as \"30s\""},
        {"{\"session\": {\"max_inflight\": \"64\"}}", ": session.max_inflight",
         "a string where a whole number belongs", "without quotes"},
        {"{\"session\": {\"max_inflight\": -1}}", ": session.max_inflight", "not a whole number",
         "write 0 (no limit) or more"},
        {"{\"log\": {\"level\": \"loud\"}}", ": log.level", "not a known word",
         "write one of \"error\", \"warn\", \"info\", \"debug\""},
        {"{\"log\": {\"format\": true}}", ": log.format",
         "true or false where a known word belongs", "\"logfmt\", \"json\""},
        {"{\"mcpServers\": {\"a\": {\"command\": \"c\", \"disabled\": \"true\"}}}",
         ": mcpServers.a.disabled", "a string where true or false belongs", "without quotes"},
        {"{\"mcpServers\": {\"a\": {\"command\": \"c\", \"timeout\": 55}}}",
         ": mcpServers.a.timeout", "a number where a duration belongs", "such as \"30s\""},
        {"{\"mcpServers\": {\"a\": {\"command\": 1}}}", ": mcpServers.a.command",
         "must be a string", "not a number"},
        {"{\"mcpServers\": {\"a\": {\"command\": \"c\", \"args\": \"-y\"}}}", ": mcpServers.a.args",
         "must be a list of strings", "not a string"},
        {"{\"mcpServers\": {\"a\": {\"command\": \"c\", \"env\": []}}}", ": mcpServers.a.env",
         "must be an object of strings", "not a list"},
    };
    ASSERT_ALL_BAD(cases);
}

static void test_value_that_cannot_work_is_told(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"{\"listen\": {\"address\": \"localhost\"}}", ": listen.address", "not a numeric address",
         "\"::1\""},
        {"{\"listen\": {\"address\": \"\"}}", ": listen.address", "not a numeric address",
         "\"::1\""},
        {"{\"auth\": {\"tokens_file\": \"tokens.json\"}}", ": auth.tokens_file", "a relative path",
         "write the absolute one"},
        {"{\"auth\": {\"anonymous\": false}}", ": auth.tokens_file", "nobody could come in",
         "give a file of tokens"},
        {"{\"listen\": {\"path\": \"mcp\"}}", ": listen.path", "not the path of a URL",
         "begin it with \"/\""},
        {"{\"listen\": {\"path\": \"/a?b\"}}", ": listen.path", "not the path of a URL",
         "begin it with \"/\""},
        {"{\"node\": {\"name\": \"a b\"}}", ": node.name", "not a node name", "visible ASCII"},
        {"{\"plugin_dirs\": [\"/a\", \"plugins\"]}", ": plugin_dirs[1]", "a relative path",
         "write the absolute one"},
        {"{\"session\": {\"ttl\": \"999ms\"}}", ": session.ttl", "too short",
         "write at least \"1s\""},
        {"{\"session\": {\"ttl\": \"0\"}}", ": session.ttl", "too short", "write at least \"1s\""},
        {"{\"session\": {\"leg_timeout\": \"0\"}}", ": session.leg_timeout", "too short",
         "write at least \"1ms\""},
        {"{\"session\": {\"ttl\": \"900000h\"}}", ": session.ttl", "longer than 100 years",
         "write less"},
        {"{\"storage\": {\"driver\": \"nosuch\"}}", ": storage.driver",
         "there is no storage-nosuch.so", "add its directory to plugin_dirs"},
        {"{\"storage\": {\"driver\": \"../memory\"}}", ": storage.driver", "is a relative path",
         "write it from / on"},
        {"{\"factories\": {\"a\": {\"driver\": \"nosuch\"}}}", ": factories.a.driver",
         "there is no factory-nosuch.so", "add its directory to plugin_dirs"},
        {"{\"factories\": {\"a\": {}}}", ": factories.a.driver", "missing",
         "write the name of a factory driver"},
        {"{\"factories\": {\"stdio\": {}}, \"mcpServers\": {\"a\": {\"command\": \"c\"}}}",
         ": factories.stdio.driver", "missing", "write the name of a factory driver"},
        {"{\"mcpServers\": {\"a\": {}}}", ": mcpServers.a", "has neither \"command\" nor \"url\"",
         "add \"command\""},
        {"{\"plugin_dirs\": [\"" TEST_BINARY_DIR
         "/bad_plugins\"], \"storage\": {\"driver\": \"exit\"}}",
         ": storage.driver", "ended the process", "mend its constructors"},
        {"{\"mcpServers\": {\"a\": {\"command\": \"c\", \"timeout\": \"2m\", \"max_timeout\": "
         "\"1m\"}}}",
         ": mcpServers.a.timeout", "longer than max_timeout", "make it shorter"},
        {"{\"mcpServers\": {\"a\": {\"url\": \"ftp://x/mcp\"}}}", ": mcpServers.a.url", "", ""},
        {"{\"mcpServers\": {\"a\": {\"type\": \"htpp\", \"url\": \"http://x/mcp\"}}}",
         ": mcpServers.a.type", "no such type, did you mean \"http\"?", "write \"stdio\""},
        {"{\"mcpServers\": {\"a\": {\"type\": \"http\"}}}", ": mcpServers.a.url", "missing", ""},
        {"{\"mcpServers\": {\"a\": {\"factory\": \"b\", \"command\": \"c\"}}}",
         ": mcpServers.a.factory", "no such factory", "name one of \"stdio\""},
        {"{\"mcpServers\": {\"a\": {\"factory\": \"stdio\"}}}", ": mcpServers.a.command",
         "is missing", "add it"},
        {"{\"mcpServers\": {\"a b\": {\"command\": \"c\"}, \"a-b\": {\"command\": \"c\"}}}",
         ": mcpServers.a-b", "\"a b\" and \"a-b\" both become the name \"a-b\"",
         "rename one of them"},
        {"{\"mcpServers\": {\"\": {\"command\": \"c\"}}}", ": mcpServers.",
         "a backend without a name", "give it one"},
    };
    ASSERT_ALL_BAD(cases);
}

static void
test_address_that_other_hosts_reach_needs_hosts_and_a_word_on_who_comes_in(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"{\"listen\": {\"address\": \"0.0.0.0\"}, \"auth\": {\"anonymous\": true}}",
         ": listen.allowed_hosts", "can be reached from other hosts", "[\"trunk.example\"]"},
        {"{\"listen\": {\"address\": \"::\", \"allowed_hosts\": [\"trunk.example\"]}}", ": auth",
         "can be reached from other hosts", "give tokens_file, or write \"anonymous\": true"},
        {"{\"listen\": {\"address\": \"192.0.2.1\", \"allowed_hosts\": [\"trunk.example\"]}, "
         "\"auth\": "
         "{\"tokens_file\": \"\"}}",
         ": auth", "can be reached from other hosts", "give tokens_file"},
    };
    ASSERT_ALL_BAD(cases);
    config_free(load_good("{\"listen\": {\"address\": \"0.0.0.0\", \"allowed_hosts\": [\"a\"]}, "
                          "\"auth\": {\"anonymous\": true}}"));
}

static void test_aggregation_that_cannot_work_is_told(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"{\"aggregation\": {\"strategy\": \"manual\"}}", ": aggregation.strategy",
         "not a known word", "conflict"},
        {"{\"aggregation\": {\"prefix_format\": \"x_\"}}", ": aggregation.prefix_format",
         "could be equal", "write \"{backend}_\""},
        {"{\"aggregation\": {\"prefix_format\": \"{backend} \"}}", ": aggregation.prefix_format",
         "clients do not take such names", "use letters"},
        {"{\"aggregation\": {\"priority\": [\"nobody\"]}}", ": aggregation.priority[0]",
         "not a backend", "write its name"},
        {"{\"aggregation\": {\"page_size\": -1}}", ": aggregation.page_size", "", ""},
        {"{\"aggregation\": {\"page_sise\": 1}}", ": aggregation.page_sise", "", "page_size"},
        {"{\"session\": {\"replay_events\": \"1\"}}", ": session.replay_events", "", ""},
        {"{\"session\": {\"replay_bytes\": \"1 MB\"}}", ": session.replay_bytes", "", "MiB"},
    };
    ASSERT_ALL_BAD(cases);
}

static void test_host_or_origin_that_no_client_sends_is_told(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"{\"listen\": {\"allowed_hosts\": [\"a\", \"https://trunk.example\"]}}",
         ": listen.allowed_hosts[1]", "a URL or path", "\"trunk.example\""},
        {"{\"listen\": {\"allowed_hosts\": [\"*.example\"]}}", ": listen.allowed_hosts[0]",
         "a pattern", "each host"},
        {"{\"listen\": {\"allowed_hosts\": [\"\"]}}", ": listen.allowed_hosts[0]", "not a host",
         "\"trunk.example\""},
        {"{\"listen\": {\"allowed_origins\": [\"app.example\"]}}", ": listen.allowed_origins[0]",
         "not an origin", "\"https://app.example\""},
        {"{\"listen\": {\"allowed_origins\": [\"null\"]}}", ": listen.allowed_origins[0]",
         "never allowed", "remove it"},
    };
    ASSERT_ALL_BAD(cases);
}

static void test_doubled_member_is_told_at_any_level(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"{\"log\": {}, \"log\": {}}", ": log", "occurs twice", "remove one of them"},
        {"{\"log\": {\"level\": \"info\", \"l\\u0065vel\": \"warn\"}}", ": log.level",
         "occurs twice", "remove one of them"},
        {"{\"mcpServers\": {\"a\": {\"command\": \"c\"}, \"a\": {\"command\": \"d\"}}}",
         ": mcpServers.a", "occurs twice", "remove one of them"},
        {"{\"mcpServers\": {\"a\": {\"command\": \"c\", \"env\": {\"K\": \"1\", \"K\": \"2\"}}}}",
         ": mcpServers.a.env.K", "occurs twice", "remove one of them"},
        {"{\"node\": {\"name\": \"a\\u0000b\"}}", ": node.name", "a string with a NUL",
         "remove it"},
    };
    ASSERT_ALL_BAD(cases);
}

static void test_unset_variable_is_told_and_no_value_is_shown(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"{\"mcpServers\": {\"a\": {\"command\": \"${T_SECRET}\", \"args\": [\"x\", "
         "\"${T_NONE}\"]}}}",
         ": mcpServers.a.args[1]", "environment variable T_NONE is not set", "${T_NONE:-default}"},
        {"{\"session\": {\"ttl\": \"${T_NONE}\"}}", ": session.ttl", "T_NONE is not set", "set it"},
        {"{\"session\": {\"ttl\": \"${T_SECRET}\"}}", ": session.ttl", "not a duration", "\"30s\""},
        {"{\"listen\": {\"address\": \"${T_SECRET}\"}}", ": listen.address", "not a numeric",
         "\"::1\""},
        {"{\"log\": {\"level\": \"${T_SECRET}\"}}", ": log.level", "not a known word", "\"info\""},
        {"{\"mcpServers\": {\"a\": {\"factory\": \"${T_SECRET}\"}}}", ": mcpServers.a.factory",
         "no such factory", "name one of"},
    };
    assert_int_equal(setenv("T_SECRET", "hunter2", 1), 0);
    assert_int_equal(unsetenv("T_NONE"), 0);
    ASSERT_ALL_BAD(cases);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct told told;
        assert_null(load(cases[i].text, &told));
        assert_null(strstr(told.problem[0], "hunter2"));
    }
}

static void test_all_problems_are_told_in_one_go(void **state) {
    (void)state;
    struct told told;
    assert_int_equal(unsetenv("T_NONE"), 0);
    assert_null(
        load("{\"log\": {\"level\": 1, \"level\": 2}, \"nod\": {}, \"listen\": {\"path\": "
             "\"${T_NONE}\", \"port\": true}, \"session\": {\"ttl\": \"0\"}, \"mcpServers\": "
             "{\"a\": {\"command\": \"c\", \"x\": 1}, \"b\": {}}}",
             &told));
    static const char *const places[] = {": log.level",   ": listen.path", ": nod",
                                         ": listen.port", ": session.ttl", ": mcpServers.a.x",
                                         ": mcpServers.b"};
    assert_int_equal(told.count, sizeof places / sizeof places[0]);
    for (size_t i = 0; i < told.count; i++) {
        assert_string_equal(told.where[i], places[i]);
    }
}

static void test_hostile_files_are_told_clearly(void **state) {
    (void)state;
    struct told told;
    size_t len = (4u << 20) + 1;
    char *large = xmalloc(len);
    memset(large, ' ', len);
    assert_null(load_bytes(large, len, &told));
    assert_string_equal(told.where[0], "");
    assert_non_null(strstr(told.problem[0], "larger than 4 MiB"));

    memset(large, '[', len);
    assert_null(load_bytes(large, 1000, &told));
    assert_non_null(strstr(told.problem[0], "not valid JSON: "));
    free(large);

    assert_null(load_bytes("{}\0{}", 5, &told));
    assert_string_equal(told.where[0], ":1:3");
}

static void remember_problem(void *ctx, const char *where, const char *problem) {
    (void)snprintf(ctx, 512, "%s: %s", where, problem);
}

static void test_file_that_cannot_be_read_is_told_clearly(void **state) {
    (void)state;
    char text[512] = "";
    struct config *config = NULL;
    struct loader *loader = NULL;
    assert_int_equal(config_load("/nowhere/x.json", NULL, remember_problem, text, &config), 1);
    assert_null(config);
    assert_string_equal(text, "/nowhere/x.json: cannot be read: No such file or directory; give a "
                              "file that exists and may be read");
    assert_int_equal(config_load("/", NULL, remember_problem, text, &config), 1);
    assert_string_equal(text, "/: is a directory; give the config file in it");
    assert_int_equal(config_load_dirs("/", NULL, remember_problem, text, &loader), 1);
    assert_null(loader);
}

static void test_plugin_dirs_load_from_a_config_that_is_otherwise_wrong(void **state) {
    (void)state;
    struct told told;
    struct loader *loader = NULL;
    assert_null(
        load("{\"plugin_dirs\": [\"/nowhere\"], \"storage\": {\"driver\": \"nosuch\"}}", &told));
    told.count = 0;
    assert_int_equal(config_load_dirs(config_path, NULL, remember, &told, &loader), 0);
    assert_non_null(loader);
    loader_free(loader);
    assert_null(load("{\"plugin_dirs\": [\"${T_NONE}\", \"x\"]}", &told));
    told.count = 0;
    assert_int_equal(config_load_dirs(config_path, NULL, remember, &told, &loader), 2);
    assert_null(loader);
    assert_string_equal(told.where[0], ": plugin_dirs[0]");
    assert_string_equal(told.where[1], ": plugin_dirs[1]");
}

/* Freed by the caller. */
static char *print_check(const struct config *config) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    check_print(config, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_check_prints(const struct config *config, const char *expected) {
    char *text = print_check(config);
    if (strstr(text, expected) == NULL) {
        fail_msg("\"%s\" does not contain \"%s\"", text, expected);
    }
    free(text);
}

static void assert_check_prints_not(const struct config *config, const char *part) {
    char *text = print_check(config);
    assert_null(strstr(text, part));
    free(text);
}

static void test_check_tells_what_a_good_config_would_do(void **state) {
    (void)state;
    struct config *config = load_good("{\"listen\": {\"address\": \"::1\"}}");
    assert_check_prints(config, "mcpServers: no backend is configured");
    assert_check_prints(config, "\nOK: 0 backends, storage sqlite, listen http://[::1]:4483/mcp\n");
    config_free(config);
    config = load_good("{\"mcpServers\": {\"a\": {\"command\": \"c\"}, \"b\": {\"command\": \"c\", "
                       "\"disabled\": true}}}");
    assert_check_prints(
        config, "OK: 2 backends (1 disabled), storage sqlite, listen http://127.0.0.1:4483/mcp\n");
    assert_false(config_lets_strangers_in(config));
    config_free(config);
}

static void test_check_warns_of_a_prefix_that_begins_like_another(void **state) {
    static const char backends[] = "\"mcpServers\": {\"git\": {\"command\": \"c\"}, "
                                   "\"git_hub\": {\"command\": \"c\"}}";
    (void)state;
    char text[256];
    (void)snprintf(text, sizeof text, "{%s}", backends);
    struct config *config = load_good(text);
    assert_check_prints(config, "mcpServers.git: tools whose names begin with \"git_hub_\" belong "
                                "to git_hub, others of that name are left out\n");
    config_free(config);
    (void)snprintf(text, sizeof text, "{%s, \"aggregation\": {\"prefix_format\": \"{backend}.\"}}",
                   backends);
    config = load_good(text);
    assert_check_prints_not(config, "warning");
    config_free(config);
}

static void test_check_warns_when_tokens_do_not_keep_strangers_out(void **state) {
    (void)state;
    char tokens[512];
    char text[1024];
    static const char *const anonymous[] = {"", "\"anonymous\": true,", "\"anonymous\": false,"};
    (void)snprintf(tokens, sizeof tokens, "%s.tokens", config_path);
    int fd = open(tokens, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "{\"tokens\": []}", 14), 14);
    assert_int_equal(close(fd), 0);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(text, sizeof text,
                       "{\"listen\": {\"address\": \"::\", \"allowed_hosts\": [\"a\"]}, \"auth\": "
                       "{%s \"tokens_file\": \"%s\"}}",
                       anonymous[i], tokens);
        struct config *config = load_good(text);
        assert_int_equal(config->auth.allows_anonymous, i < 2);
        assert_int_equal(config_lets_strangers_in(config), i == 0);
        if (i == 0) {
            assert_check_prints(config, "auth.anonymous: not said, so clients of other hosts come "
                                        "in without a token; write true or false\n");
        }
        config_free(config);
    }
    assert_int_equal(unlink(tokens), 0);
}

static void test_configs_that_are_shipped_load(void **state) {
    (void)state;
    static const char *const files[] = {TEST_SOURCE_DIR "/conf/trunkd.json",
                                        TEST_SOURCE_DIR "/conf/quickstart.json"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char text[512] = "";
        struct config *config = NULL;
        (void)config_load(files[i], NULL, remember_problem, text, &config);
        assert_string_equal(text, "");
        assert_non_null(config);
        config_free(config);
    }
}

static const struct {
    const char *block; /* "": the root */
    const struct schema_key *table;
} blocks[] = {{"", schema_root},
              {"node", schema_node},
              {"listen", schema_listen},
              {"auth", schema_auth},
              {"storage", schema_storage},
              {"factories", schema_factory},
              {"mcpServers", schema_backend},
              {"session", schema_session},
              {"log", schema_log}};

/* object is the block, or for factories and backends one of its members. Both ways: no key is
 * missing, none is invented. */
static void assert_has_keys(struct json_object *object, const struct schema_key *table,
                            bool is_closed) {
    int count = 0;
    for (; table[count].name != NULL; count++) {
        if (!json_object_object_get_ex(object, table[count].name, NULL)) {
            fail_msg("%s is missing in %s", table[count].name, json_object_to_json_string(object));
        }
    }
    assert_true(!is_closed || json_object_object_length(object) == count);
}

static struct json_object *read_shipped(const char *file) {
    struct problems problems;
    char text[512] = "";
    problems_init(&problems, file, remember_problem, text);
    struct json_object *tree = config_file_read(&problems);
    assert_string_equal(text, "");
    assert_non_null(tree);
    problems_clear(&problems);
    return tree;
}

static void test_full_config_has_every_key(void **state) {
    (void)state;
    struct json_object *tree = read_shipped(TEST_SOURCE_DIR "/conf/trunkd.json");
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        struct json_object *block = tree;
        if (blocks[i].block[0] != '\0') {
            assert_true(json_object_object_get_ex(tree, blocks[i].block, &block));
        }
        if (blocks[i].table == schema_factory || blocks[i].table == schema_backend) {
            struct json_object_iterator first = json_object_iter_begin(block);
            block = json_object_iter_peek_value(&first);
        }
        assert_has_keys(block, blocks[i].table, blocks[i].table != schema_backend);
    }
    json_object_put(tree);
}

static void test_editor_schema_has_the_same_keys(void **state) {
    (void)state;
    struct json_object *tree = read_shipped(TEST_SOURCE_DIR "/conf/trunkd.schema.json");
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        struct json_object *block = tree;
        if (blocks[i].block[0] != '\0') {
            block =
                json_object_object_get(json_object_object_get(tree, "properties"), blocks[i].block);
        }
        if (blocks[i].table == schema_factory || blocks[i].table == schema_backend) {
            block = json_object_object_get(block, "additionalProperties");
        }
        assert_has_keys(json_object_object_get(block, "properties"), blocks[i].table, true);
    }
    json_object_put(tree);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_object_gives_the_defaults),
        cmocka_unit_test(test_every_key_reaches_its_place),
        cmocka_unit_test(test_backends_are_sorted_and_typed_by_their_factory),
        cmocka_unit_test(test_timeout_of_a_backend_is_55_seconds_unless_said),
        cmocka_unit_test(test_comments_are_white_space_and_not_in_strings),
        cmocka_unit_test(test_bad_syntax_is_told_by_line_and_column),
        cmocka_unit_test(test_unknown_key_is_told_with_the_nearest_one),
        cmocka_unit_test(test_wrong_type_is_told_with_the_right_one),
        cmocka_unit_test(test_value_that_cannot_work_is_told),
        cmocka_unit_test(
            test_address_that_other_hosts_reach_needs_hosts_and_a_word_on_who_comes_in),
        cmocka_unit_test(test_aggregation_that_cannot_work_is_told),
        cmocka_unit_test(test_host_or_origin_that_no_client_sends_is_told),
        cmocka_unit_test(test_doubled_member_is_told_at_any_level),
        cmocka_unit_test(test_unset_variable_is_told_and_no_value_is_shown),
        cmocka_unit_test(test_all_problems_are_told_in_one_go),
        cmocka_unit_test(test_hostile_files_are_told_clearly),
        cmocka_unit_test(test_file_that_cannot_be_read_is_told_clearly),
        cmocka_unit_test(test_plugin_dirs_load_from_a_config_that_is_otherwise_wrong),
        cmocka_unit_test(test_check_tells_what_a_good_config_would_do),
        cmocka_unit_test(test_check_warns_of_a_prefix_that_begins_like_another),
        cmocka_unit_test(test_check_warns_when_tokens_do_not_keep_strangers_out),
        cmocka_unit_test(test_configs_that_are_shipped_load),
        cmocka_unit_test(test_full_config_has_every_key),
        cmocka_unit_test(test_editor_schema_has_the_same_keys),
    };
    return cmocka_run_group_tests(tests, make_config_path, remove_config_path);
}
