/* SPDX-License-Identifier: MIT
 * tools.c - what each tool does. */
#include "tools.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/random.h"

#define SECRET_BYTES 16
#define MAX_MS (UINT64_C(24) * 3600 * 1000)
#define MAX_STEPS UINT64_C(100000)
#define MAX_FLOOD UINT64_C(10000000)
#define MAX_BYTES (UINT64_C(256) << 20)
#define DEMO_ERROR (-32050)

struct tools {
    const struct demo_options *options;
    const struct output *output;
    char secret[2 * SECRET_BYTES + 1]; /* one per session */
    char **added;                      /* names that --tools and add_tool gave */
    uint64_t nadded;
    uint64_t counter;
    uint64_t ncalls;
    uint64_t nrunning;
    uint64_t ncancelled;
};

struct tool {
    const char *name;
    const char *description;
    const char *properties; /* of the input schema */
    void (*run)(struct tools *tools, struct tool_call *call);
};

static void end_with_text(struct tool_call *call, const char *text, bool is_error) {
    struct json_object *part = json_object_new_object();
    json_object_object_add(part, "type", json_object_new_string("text"));
    json_object_object_add(part, "text", json_object_new_string(text));
    struct json_object *content = json_object_new_array();
    json_object_array_add(content, part);
    call->member = "result";
    call->body = json_object_new_object();
    json_object_object_add(call->body, "content", content);
    if (is_error) {
        json_object_object_add(call->body, "isError", json_object_new_boolean(true));
    }
}

static void end_with_number(struct tool_call *call, uint64_t number) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    end_with_text(call, text, false);
}

static void end_with_error(struct tool_call *call) {
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "reason", json_object_new_string("asked for"));
    call->member = "error";
    call->body = json_object_new_object();
    json_object_object_add(call->body, "code", json_object_new_int(DEMO_ERROR));
    json_object_object_add(call->body, "message", json_object_new_string("the demo error"));
    json_object_object_add(call->body, "data", data);
}

/* False: the call has ended with what is wrong. */
static bool take_string(struct tool_call *call, const char *key, const char **out_text) {
    struct json_object *value = json_object_object_get(call->arguments, key);
    if (!json_object_is_type(value, json_type_string)) {
        char *text = xasprintf("the argument \"%s\" must be a string", key);
        end_with_text(call, text, true);
        free(text);
        return false;
    }
    *out_text = json_object_get_string(value);
    return true;
}

/* An absent argument leaves *number as it is. */
static bool take_number(struct tool_call *call, const char *key, uint64_t max, uint64_t *number) {
    struct json_object *value = json_object_object_get(call->arguments, key);
    if (value == NULL) {
        return true;
    }
    int64_t given = json_object_get_int64(value);
    if (!json_object_is_type(value, json_type_int) || given < 0 || (uint64_t)given > max) {
        char *text =
            xasprintf("the argument \"%s\" must be an integer from 0 to %" PRIu64, key, max);
        end_with_text(call, text, true);
        free(text);
        return false;
    }
    *number = (uint64_t)given;
    return true;
}

static void run_echo(struct tools *tools, struct tool_call *call) {
    const char *text = NULL;
    (void)tools;
    if (take_string(call, "text", &text)) {
        end_with_text(call, text, false);
    }
}

static bool is_number(struct json_object *value) {
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

static void run_add(struct tools *tools, struct tool_call *call) {
    struct json_object *a = json_object_object_get(call->arguments, "a");
    struct json_object *b = json_object_object_get(call->arguments, "b");
    int64_t sum = 0;
    char text[40];
    (void)tools;
    if (!is_number(a) || !is_number(b)) {
        end_with_text(call, "the arguments \"a\" and \"b\" must be numbers", true);
        return;
    }
    if (json_object_is_type(a, json_type_int) && json_object_is_type(b, json_type_int) &&
        !__builtin_add_overflow(json_object_get_int64(a), json_object_get_int64(b), &sum)) {
        (void)snprintf(text, sizeof text, "%" PRId64, sum);
    } else {
        (void)snprintf(text, sizeof text, "%.15g",
                       json_object_get_double(a) + json_object_get_double(b));
    }
    end_with_text(call, text, false);
}

static void run_time(struct tools *tools, struct tool_call *call) {
    time_t now = time(NULL);
    struct tm utc;
    char text[40];
    (void)tools;
    (void)gmtime_r(&now, &utc);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    end_with_text(call, text, false);
}

static void run_secret(struct tools *tools, struct tool_call *call) {
    end_with_text(call, tools->secret, false);
}

static void run_counter(struct tools *tools, struct tool_call *call) {
    end_with_number(call, ++tools->counter);
}

static void run_calls(struct tools *tools, struct tool_call *call) {
    char *text =
        xasprintf("{\"calls\":%" PRIu64 ",\"running\":%" PRIu64 ",\"cancelled\":%" PRIu64 "}",
                  tools->ncalls, tools->nrunning - 1, tools->ncancelled);
    end_with_text(call, text, false);
    free(text);
}

static void run_sleep(struct tools *tools, struct tool_call *call) {
    call->steps = tools->options->progress_steps;
    if (take_number(call, "ms", MAX_MS, &call->wait_ms) &&
        take_number(call, "steps", MAX_STEPS, &call->steps)) {
        end_with_text(call, "slept", false);
    }
}

static void run_progress(struct tools *tools, struct tool_call *call) {
    (void)tools;
    call->steps = 3;
    call->has_step_logs = true;
    if (take_number(call, "steps", MAX_STEPS, &call->steps)) {
        end_with_text(call, "done", false);
    }
}

static void run_fail(struct tools *tools, struct tool_call *call) {
    (void)tools;
    end_with_text(call, "the tool failed, as asked for", true);
}

static void run_error(struct tools *tools, struct tool_call *call) {
    (void)tools;
    end_with_error(call);
}

static void run_crash(struct tools *tools, struct tool_call *call) {
    uint64_t status = UINT64_MAX;
    (void)tools;
    if (!take_number(call, "exit", 255, &status)) {
        return;
    }
    (void)fflush(stdout); /* what was said before */
    if (status == UINT64_MAX) {
        abort();
    }
    _exit((int)status);
}

static void run_garbage(struct tools *tools, struct tool_call *call) {
    output_garbage(tools->output, call->stream, OUTPUT_GARBAGE_KINDS);
    end_with_text(call, "after garbage", false);
}

static void run_flood(struct tools *tools, struct tool_call *call) {
    uint64_t count = 1000;
    if (!take_number(call, "count", MAX_FLOOD, &count)) {
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        output_log(tools->output, call->stream, "flood");
    }
    end_with_text(call, "after the flood", false);
}

static void run_big(struct tools *tools, struct tool_call *call) {
    uint64_t bytes = 1024;
    (void)tools;
    if (!take_number(call, "bytes", MAX_BYTES, &bytes)) {
        return;
    }
    char *text = xmalloc(bytes + 1);
    memset(text, 'x', bytes);
    text[bytes] = '\0';
    end_with_text(call, text, false);
    free(text);
}

static void run_add_tool(struct tools *tools, struct tool_call *call);

#define INTEGER(key) "\"" key "\":{\"type\":\"integer\"}"
#define STRING(key) "\"" key "\":{\"type\":\"string\"}"
#define NUMBER(key) "\"" key "\":{\"type\":\"number\"}"

static const struct tool builtin_tools[] = {
    {"echo", "Answers the text", STRING("text"), run_echo},
    {"add", "Adds two numbers", NUMBER("a") "," NUMBER("b"), run_add},
    {"time", "The time in UTC", "", run_time},
    {"secret", "A random secret of this backend session", "", run_secret},
    {"counter", "Counts up and answers the number", "", run_counter},
    {"calls", "How many calls began, run and were cancelled in this session, this one left out", "",
     run_calls},
    {"sleep", "Answers after so many ms, with so many steps of progress",
     INTEGER("ms") "," INTEGER("steps"), run_sleep},
    {"progress", "Tells so many steps as progress and log messages, then answers", INTEGER("steps"),
     run_progress},
    {"fail", "Answers a result with isError", "", run_fail},
    {"error", "Answers a JSON-RPC error", "", run_error},
    {"crash", "Aborts, or exits with the given status, in mid-call", INTEGER("exit"), run_crash},
    {"garbage", "Says lines that are no messages, then answers", "", run_garbage},
    {"flood", "Says so many log messages at once, then answers", INTEGER("count"), run_flood},
    {"big", "Answers so many bytes of text", INTEGER("bytes"), run_big},
    {"add_tool", "Adds a tool and tells that the list has changed", STRING("name"), run_add_tool},
};
#define NBUILTIN (sizeof builtin_tools / sizeof builtin_tools[0])

static const struct tool *find_builtin(const char *name) {
    for (size_t i = 0; i < NBUILTIN; i++) {
        if (strcmp(builtin_tools[i].name, name) == 0) {
            return &builtin_tools[i];
        }
    }
    return NULL;
}

static bool is_added(const struct tools *tools, const char *name) {
    for (uint64_t i = 0; i < tools->nadded; i++) {
        if (strcmp(tools->added[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* name is taken over. */
static void add_name(struct tools *tools, char *name) {
    tools->added = xrealloc(tools->added, (tools->nadded + 1) * sizeof *tools->added);
    tools->added[tools->nadded++] = name;
}

static void run_add_tool(struct tools *tools, struct tool_call *call) {
    const char *name = NULL;
    if (!take_string(call, "name", &name)) {
        return;
    }
    if (name[0] == '\0' || find_builtin(name) != NULL || is_added(tools, name)) {
        end_with_text(call, "a tool needs a name of its own", true);
        return;
    }
    add_name(tools, xstrdup(name));
    output_tools_changed(tools->output, call->stream);
    end_with_text(call, "added", false);
}

struct tools *tools_new(const struct demo_options *options, const struct output *output) {
    struct tools *tools = xcalloc(1, sizeof *tools);
    tools->options = options;
    tools->output = output;
    random_hex(tools->secret, SECRET_BYTES);
    for (uint64_t i = 0; i < options->tools; i++) {
        add_name(tools, xasprintf("tool_%" PRIu64, i));
    }
    return tools;
}

void tools_free(struct tools *tools) {
    for (uint64_t i = 0; i < tools->nadded; i++) {
        free(tools->added[i]);
    }
    free((void *)tools->added);
    free(tools);
}

static struct json_object *describe_tool(const struct tools *tools, uint64_t index) {
    const struct tool *tool = index < NBUILTIN ? &builtin_tools[index] : NULL;
    char *schema = xasprintf("{\"type\":\"object\",\"properties\":{%s}}",
                             tool != NULL ? tool->properties : "");
    struct json_object *object = json_object_new_object();
    json_object_object_add(
        object, "name",
        json_object_new_string(tool != NULL ? tool->name : tools->added[index - NBUILTIN]));
    json_object_object_add(
        object, "description",
        json_object_new_string(tool != NULL ? tool->description : "Answers its own name"));
    json_object_object_add(object, "inputSchema", json_tokener_parse(schema));
    free(schema);
    return object;
}

struct json_object *tools_list(const struct tools *tools, const char *cursor) {
    uint64_t count = NBUILTIN + tools->nadded;
    uint64_t first = 0;
    if (cursor != NULL) {
        char *end = NULL;
        first = strtoull(cursor, &end, 10);
        if (end == cursor || *end != '\0' || first >= count) {
            return NULL;
        }
    }
    uint64_t page = tools->options->page;
    uint64_t last = page == 0 || page > count - first ? count : first + page;
    struct json_object *list = json_object_new_array();
    for (uint64_t i = first; i < last; i++) {
        json_object_array_add(list, describe_tool(tools, i));
    }
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "tools", list);
    if (last < count) {
        char next[24];
        (void)snprintf(next, sizeof next, "%" PRIu64, last);
        json_object_object_add(result, "nextCursor", json_object_new_string(next));
    }
    return result;
}

bool tools_begin(struct tools *tools, const char *name, struct tool_call *call) {
    const struct tool *tool = find_builtin(name);
    if (tool == NULL && !is_added(tools, name)) {
        return false;
    }
    tools->nrunning++;
    if (tools->options->has_errors) {
        end_with_error(call);
    } else if (tool != NULL) {
        tool->run(tools, call);
    } else {
        end_with_text(call, name, false);
    }
    tools->ncalls += tool != NULL && tool->run == run_calls ? 0 : 1;
    return true;
}

void tools_end(struct tools *tools, bool was_cancelled) {
    tools->nrunning--;
    tools->ncancelled += was_cancelled ? 1 : 0;
}
