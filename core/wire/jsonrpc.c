/* SPDX-License-Identifier: MIT
 * jsonrpc.c - cutting and writing of JSON-RPC messages. */
#include "wire/jsonrpc.h"

#include <stdio.h>

enum {
    PATH_JSONRPC,
    PATH_ID,
    PATH_METHOD,
    PATH_PARAMS,
    PATH_RESULT,
    PATH_ERROR,
    PATH_NAME,
    PATH_URI,
    PATH_CURSOR,
    PATH_TASK,
    PATH_META,
    PATH_META_TOKEN,
    PATH_PROGRESS_TOKEN,
    PATH_REQUEST_ID,
    PATH_PROTOCOL_VERSION,
    PATH_CAPABILITIES,
    PATH_CLIENT_INFO,
    PATH_RESULT_CURSOR,
    PATH_RESULT_STRUCTURED,
    PATH_RESULT_PROTOCOL_VERSION,
    PATH_RESULT_CAPABILITIES,
    PATH_RESULT_SERVER_INFO,
    PATH_RESULT_INSTRUCTIONS,
    PATH_ERROR_CODE,
    PATH_ERROR_MESSAGE,
    PATH_COUNT
};

static const struct json_path paths[PATH_COUNT] = {
    [PATH_JSONRPC] = {JSON_ROOT, "jsonrpc"},
    [PATH_ID] = {JSON_ROOT, "id"},
    [PATH_METHOD] = {JSON_ROOT, "method"},
    [PATH_PARAMS] = {JSON_ROOT, "params"},
    [PATH_RESULT] = {JSON_ROOT, "result"},
    [PATH_ERROR] = {JSON_ROOT, "error"},
    [PATH_NAME] = {PATH_PARAMS, "name"},
    [PATH_URI] = {PATH_PARAMS, "uri"},
    [PATH_CURSOR] = {PATH_PARAMS, "cursor"},
    [PATH_TASK] = {PATH_PARAMS, "task"},
    [PATH_META] = {PATH_PARAMS, "_meta"},
    [PATH_META_TOKEN] = {PATH_META, "progressToken"},
    [PATH_PROGRESS_TOKEN] = {PATH_PARAMS, "progressToken"},
    [PATH_REQUEST_ID] = {PATH_PARAMS, "requestId"},
    [PATH_PROTOCOL_VERSION] = {PATH_PARAMS, "protocolVersion"},
    [PATH_CAPABILITIES] = {PATH_PARAMS, "capabilities"},
    [PATH_CLIENT_INFO] = {PATH_PARAMS, "clientInfo"},
    [PATH_RESULT_CURSOR] = {PATH_RESULT, "nextCursor"},
    [PATH_RESULT_STRUCTURED] = {PATH_RESULT, "structuredContent"},
    [PATH_RESULT_PROTOCOL_VERSION] = {PATH_RESULT, "protocolVersion"},
    [PATH_RESULT_CAPABILITIES] = {PATH_RESULT, "capabilities"},
    [PATH_RESULT_SERVER_INFO] = {PATH_RESULT, "serverInfo"},
    [PATH_RESULT_INSTRUCTIONS] = {PATH_RESULT, "instructions"},
    [PATH_ERROR_CODE] = {PATH_ERROR, "code"},
    [PATH_ERROR_MESSAGE] = {PATH_ERROR, "message"},
};

static int32_t refuse(struct message_error *error, int code, const char *text) {
    error->code = code;
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    return TRUNK_INVALID;
}

/* A string, or a number with neither fraction nor exponent. */
static bool is_id(const struct json_value *id) {
    if (id->type != JSON_NUMBER) {
        return id->type == JSON_STRING;
    }
    const char *text = id->text.data;
    for (size_t i = 0; i < id->text.len; i++) {
        if (text[i] != '-' && (text[i] < '0' || text[i] > '9')) {
            return false;
        }
    }
    return true;
}

static bool is_version_2(const struct json_value *version) {
    return version->type == JSON_STRING && json_string_equal(version->text, slice_cstr("2.0"));
}

/* A member that trunkd reads occurs once, or a backend would see another message than the one that
 * was allowed. */
static const char *find_doubled(const struct json_value values[PATH_COUNT]) {
    for (size_t i = 0; i < PATH_COUNT; i++) {
        if (values[i].count > 1) {
            return paths[i].name;
        }
    }
    return NULL;
}

static const char *find_kind(const struct json_value v[PATH_COUNT], enum message_kind *out_kind) {
    bool has_id = v[PATH_ID].type != JSON_NONE;
    if (v[PATH_METHOD].type != JSON_NONE) {
        if (v[PATH_METHOD].type != JSON_STRING) {
            return "method is not a string";
        }
        if (v[PATH_RESULT].type != JSON_NONE || v[PATH_ERROR].type != JSON_NONE) {
            return "method together with result or error";
        }
        if (v[PATH_PARAMS].type != JSON_NONE && v[PATH_PARAMS].type != JSON_OBJECT) {
            return "params is not an object";
        }
        if (has_id && !is_id(&v[PATH_ID])) {
            return "id is neither a string nor an integer";
        }
        *out_kind = has_id ? MESSAGE_REQUEST : MESSAGE_NOTIFICATION;
        return NULL;
    }
    if (v[PATH_RESULT].type != JSON_NONE && v[PATH_ERROR].type != JSON_NONE) {
        return "result together with error";
    }
    if (v[PATH_RESULT].type != JSON_NONE) {
        *out_kind = MESSAGE_RESULT;
        return v[PATH_RESULT].type != JSON_OBJECT ? "result is not an object"
               : !is_id(&v[PATH_ID])              ? "a result needs an id, a string or an integer"
                                                  : NULL;
    }
    if (v[PATH_ERROR].type != JSON_NONE) {
        *out_kind = MESSAGE_ERROR;
        return v[PATH_ERROR].type != JSON_OBJECT ? "error is not an object"
               : has_id && v[PATH_ID].type != JSON_NULL && !is_id(&v[PATH_ID])
                   ? "id is neither a string nor an integer"
                   : NULL;
    }
    return "neither method, result nor error";
}

static void fill(struct message *out, const struct json_value v[PATH_COUNT]) {
    out->id = v[PATH_ID].type == JSON_NULL ? (struct json_value){0} : v[PATH_ID];
    out->method = v[PATH_METHOD];
    out->params = v[PATH_PARAMS];
    out->result = v[PATH_RESULT];
    out->error = v[PATH_ERROR];
    out->name = v[PATH_NAME];
    out->uri = v[PATH_URI];
    out->cursor = v[PATH_CURSOR];
    out->task = v[PATH_TASK];
    out->meta = v[PATH_META];
    out->meta_token = v[PATH_META_TOKEN];
    out->progress_token = v[PATH_PROGRESS_TOKEN];
    out->request_id = v[PATH_REQUEST_ID];
    out->protocol_version = v[PATH_PROTOCOL_VERSION];
    out->capabilities = v[PATH_CAPABILITIES];
    out->client_info = v[PATH_CLIENT_INFO];
    out->result_cursor = v[PATH_RESULT_CURSOR];
    out->result_structured = v[PATH_RESULT_STRUCTURED];
    out->result_protocol_version = v[PATH_RESULT_PROTOCOL_VERSION];
    out->result_capabilities = v[PATH_RESULT_CAPABILITIES];
    out->result_server_info = v[PATH_RESULT_SERVER_INFO];
    out->result_instructions = v[PATH_RESULT_INSTRUCTIONS];
    out->error_code = v[PATH_ERROR_CODE];
    out->error_message = v[PATH_ERROR_MESSAGE];
}

int32_t message_parse(struct trunk_slice text, struct message *out,
                      struct message_error *out_error) {
    struct json_value values[PATH_COUNT];
    struct json_value root;
    struct json_error error;
    *out_error = (struct message_error){0};
    int32_t status = json_cut(text, paths, PATH_COUNT, values, &root, &error);
    if (status != TRUNK_OK) {
        out_error->code = status == TRUNK_TOO_LARGE ? JSONRPC_INVALID_REQUEST : JSONRPC_PARSE_ERROR;
        (void)snprintf(out_error->text, sizeof out_error->text, "%s at byte %zu", error.what,
                       error.offset);
        return TRUNK_INVALID;
    }
    if (root.type != JSON_OBJECT) {
        return refuse(out_error, JSONRPC_INVALID_REQUEST,
                      root.type == JSON_ARRAY ? "batches are not accepted" : "not a JSON object");
    }
    if (values[PATH_ID].count == 1 && is_id(&values[PATH_ID])) {
        out_error->id = values[PATH_ID].text;
    }
    const char *doubled = find_doubled(values);
    if (doubled != NULL) {
        out_error->code = JSONRPC_INVALID_REQUEST;
        (void)snprintf(out_error->text, sizeof out_error->text, "member \"%s\" occurs twice",
                       doubled);
        return TRUNK_INVALID;
    }
    if (!is_version_2(&values[PATH_JSONRPC])) {
        return refuse(out_error, JSONRPC_INVALID_REQUEST, "jsonrpc is not \"2.0\"");
    }
    const char *problem = find_kind(values, &out->kind);
    if (problem != NULL) {
        return refuse(out_error, JSONRPC_INVALID_REQUEST, problem);
    }
    out->text = root.text;
    fill(out, values);
    return TRUNK_OK;
}

bool message_is(const struct message *message, const char *method) {
    return message->method.type == JSON_STRING &&
           json_string_equal(message->method.text, slice_cstr(method));
}

static int32_t find_member(struct trunk_slice object, const char *name, enum json_kind kind,
                           struct json_value *out) {
    *out = json_find(object, name);
    if (out->type == JSON_NONE) {
        return TRUNK_NOT_FOUND;
    }
    return out->count == 1 && out->type == kind ? TRUNK_OK : TRUNK_INVALID;
}

int32_t message_param(const struct message *message, const char *name, enum json_kind kind,
                      struct json_value *out) {
    *out = (struct json_value){0};
    return message->params.type == JSON_OBJECT ? find_member(message->params.text, name, kind, out)
                                               : TRUNK_NOT_FOUND;
}

int32_t message_ref(const struct message *message, bool *out_is_prompt,
                    struct trunk_slice *out_target) {
    struct json_value ref;
    struct json_value type;
    struct json_value target;
    if (message_param(message, "ref", JSON_OBJECT, &ref) != TRUNK_OK ||
        find_member(ref.text, "type", JSON_STRING, &type) != TRUNK_OK) {
        return TRUNK_INVALID;
    }
    *out_is_prompt = json_string_equal(type.text, slice_cstr("ref/prompt"));
    if (!*out_is_prompt && !json_string_equal(type.text, slice_cstr("ref/resource"))) {
        return TRUNK_INVALID;
    }
    if (find_member(ref.text, *out_is_prompt ? "name" : "uri", JSON_STRING, &target) != TRUNK_OK) {
        return TRUNK_INVALID;
    }
    *out_target = target.text;
    return TRUNK_OK;
}

void jsonrpc_write_request(struct buffer *out, uint64_t id, const char *method,
                           struct trunk_slice params) {
    buffer_reserve(out, params.len + strlen(method) + 80);
    buffer_append_cstr(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    buffer_append_u64(out, id);
    buffer_append_cstr(out, ",\"method\":\"");
    buffer_append_cstr(out, method);
    buffer_append_cstr(out, "\",\"params\":");
    json_append_one_line(out, params);
    buffer_append_cstr(out, "}");
}

void jsonrpc_write_notification(struct buffer *out, const char *method, struct trunk_slice params) {
    buffer_append_cstr(out, "{\"jsonrpc\":\"2.0\",\"method\":\"");
    buffer_append_cstr(out, method);
    buffer_append_cstr(out, "\"");
    if (params.len > 0) {
        buffer_append_cstr(out, ",\"params\":");
        json_append_one_line(out, params);
    }
    buffer_append_cstr(out, "}");
}

static void write_answer(struct buffer *out, struct trunk_slice id, const char *member,
                         struct trunk_slice value) {
    buffer_reserve(out, id.len + value.len + 48);
    buffer_append_cstr(out, "{\"jsonrpc\":\"2.0\"");
    if (id.len > 0) {
        buffer_append_cstr(out, ",\"id\":");
        json_append_one_line(out, id);
    }
    buffer_append_cstr(out, ",\"");
    buffer_append_cstr(out, member);
    buffer_append_cstr(out, "\":");
    json_append_one_line(out, value);
    buffer_append_cstr(out, "}");
}

void jsonrpc_write_result(struct buffer *out, struct trunk_slice id, struct trunk_slice result) {
    write_answer(out, id, "result", result);
}

void jsonrpc_write_error(struct buffer *out, struct trunk_slice id, int code, const char *text) {
    struct buffer error = {0};
    buffer_printf(&error, "{\"code\":%d,\"message\":", code);
    json_string_encode(&error, slice_cstr(text));
    buffer_append_cstr(&error, "}");
    write_answer(out, id, "error", buffer_slice(&error));
    buffer_free(&error);
}

void jsonrpc_write_error_object(struct buffer *out, struct trunk_slice id,
                                struct trunk_slice error) {
    write_answer(out, id, "error", error);
}

void splices_add(struct splices *splices, struct trunk_slice old_text,
                 struct trunk_slice new_text) {
    const char *begin = old_text.data;
    size_t at = splices->count++;
    while (at > 0 && begin < (const char *)splices->items[at - 1].old_text.data) {
        splices->items[at] = splices->items[at - 1];
        at--;
    }
    splices->items[at] = (struct splice){old_text, new_text};
}

void splice_append(struct buffer *out, struct trunk_slice text, const struct splice *splices,
                   size_t count) {
    const char *at = text.data;
    const char *end = at + text.len;
    for (size_t i = 0; i < count; i++) {
        const char *begin = splices[i].old_text.data;
        json_append_one_line(out, slice_of(at, (size_t)(begin - at)));
        json_append_one_line(out, splices[i].new_text);
        at = begin + splices[i].old_text.len;
    }
    json_append_one_line(out, slice_of(at, (size_t)(end - at)));
}
