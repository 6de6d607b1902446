/* SPDX-License-Identifier: MIT
 * downlevel.c - results for older and for strict clients. */
#include "wire/downlevel.h"

#include "wire/json.h"
#include "wire/versions.h"

#define MAX_COMPLETIONS 100

struct editor {
    struct trunk_slice whole;
    const char *last; /* up to here it is in out */
    struct buffer *out;
    bool is_changed;
};

static struct editor edit(struct trunk_slice whole, struct buffer *out) {
    return (struct editor){whole, whole.data, out, false};
}

/* Copies what stands before a part and leaves the part out. */
static void leave_out(struct editor *editor, struct trunk_slice part) {
    const char *begin = part.data;
    buffer_append(editor->out, editor->last, (size_t)(begin - editor->last));
    editor->last = begin + part.len;
    editor->is_changed = true;
}

static bool finish(struct editor *editor) {
    const char *end = (const char *)editor->whole.data + editor->whole.len;
    if (editor->is_changed) {
        buffer_append(editor->out, editor->last, (size_t)(end - editor->last));
    }
    return editor->is_changed;
}

bool downlevel_is_needed(const char *version) {
    return !version_at_least(version, "2025-06-18");
}

/* Appends a member's text, plain, with what stands before it; nothing if it is absent. */
static void append_member(struct buffer *plain, struct trunk_slice object, const char *name,
                          const char *before) {
    struct json_value value = json_find(object, name);
    if (value.type == JSON_STRING) {
        buffer_append_cstr(plain, before);
        json_string_decode(value.text, plain);
    }
}

static void describe_link(struct trunk_slice block, struct buffer *plain) {
    buffer_append_cstr(plain, "Resource");
    append_member(plain, block, "name", " ");
    append_member(plain, block, "uri", ": ");
    append_member(plain, block, "description", "\n");
}

static void describe_audio(struct trunk_slice block, struct buffer *plain) {
    buffer_append_cstr(plain, "Audio");
    append_member(plain, block, "mimeType", " ");
    buffer_append_cstr(plain, " was left out: this client's protocol revision has none");
}

static void edit_block(struct editor *editor, const char *version, struct trunk_slice block) {
    struct json_value type = json_find(block, "type");
    struct buffer plain = {0};
    if (type.type != JSON_STRING) {
        return;
    }
    if (json_string_equal(type.text, slice_cstr("resource_link")) &&
        !version_at_least(version, "2025-06-18")) {
        describe_link(block, &plain);
    } else if (json_string_equal(type.text, slice_cstr("audio")) &&
               !version_at_least(version, "2025-03-26")) {
        describe_audio(block, &plain);
    }
    if (plain.len > 0) {
        leave_out(editor, block);
        buffer_append_cstr(editor->out, "{\"type\":\"text\",\"text\":");
        json_string_encode(editor->out, buffer_slice(&plain));
        buffer_append_cstr(editor->out, "}");
    }
    buffer_free(&plain);
}

/* One block, or an array of them. */
static void edit_content(struct editor *editor, const char *version,
                         const struct json_value *content) {
    struct json_value block;
    size_t cursor = 0;
    if (content->type == JSON_OBJECT) {
        edit_block(editor, version, content->text);
    }
    while (content->type == JSON_ARRAY && json_array_next(content->text, &cursor, &block)) {
        if (block.type == JSON_OBJECT) {
            edit_block(editor, version, block.text);
        }
    }
}

static void edit_messages(struct editor *editor, const char *version,
                          const struct json_value *messages) {
    struct json_value message;
    size_t cursor = 0;
    while (messages->type == JSON_ARRAY && json_array_next(messages->text, &cursor, &message)) {
        if (message.type == JSON_OBJECT) {
            struct json_value content = json_find(message.text, "content");
            edit_content(editor, version, &content);
        }
    }
}

bool downlevel_content(const char *version, struct trunk_slice object, struct buffer *out) {
    struct editor editor = edit(object, out);
    struct trunk_slice key;
    struct json_value value;
    size_t cursor = 0;
    while (json_object_next(object, &cursor, &key, &value)) {
        if (json_string_equal(key, slice_cstr("content"))) {
            edit_content(&editor, version, &value);
        } else if (json_string_equal(key, slice_cstr("messages"))) {
            edit_messages(&editor, version, &value);
        }
    }
    return finish(&editor);
}

/* Each bad one goes, with the comma before it or, of the first member, behind it. */
bool downlevel_structured(struct trunk_slice result, struct buffer *out) {
    struct editor editor = edit(result, out);
    const char *begin = (const char *)result.data + 1;
    struct trunk_slice key;
    struct json_value value;
    size_t cursor = 0;
    bool is_first = true;
    while (json_object_next(result, &cursor, &key, &value)) {
        const char *end = (const char *)value.text.data + value.text.len;
        if (value.type == JSON_OBJECT || !json_string_equal(key, slice_cstr("structuredContent"))) {
            is_first = false;
        } else {
            size_t next = cursor;
            struct trunk_slice next_key;
            if (is_first && json_object_next(result, &next, &next_key, &value)) {
                end = next_key.data;
            }
            leave_out(&editor, slice_of(begin, (size_t)(end - begin)));
        }
        begin = end;
    }
    return finish(&editor);
}

bool downlevel_completion(struct trunk_slice result, struct buffer *out) {
    struct editor editor = edit(result, out);
    struct json_value completion = json_find(result, "completion");
    struct trunk_slice key;
    struct json_value value;
    size_t cursor = 0;
    if (completion.type != JSON_OBJECT) {
        return false;
    }
    struct json_value values = json_find(completion.text, "values");
    const char *end = NULL;
    size_t count = 0;
    while (values.type == JSON_ARRAY && json_array_next(values.text, &cursor, &value)) {
        if (++count == MAX_COMPLETIONS) {
            end = (const char *)value.text.data + value.text.len;
        }
    }
    if (count <= MAX_COMPLETIONS) {
        return false;
    }
    const char *close = (const char *)values.text.data + values.text.len - 1;
    cursor = 0;
    while (json_object_next(completion.text, &cursor, &key, &value)) {
        if (value.text.data == values.text.data) {
            leave_out(&editor, slice_of(end, (size_t)(close - end)));
        } else if (json_string_equal(key, slice_cstr("hasMore"))) {
            leave_out(&editor, value.text);
            buffer_append_cstr(out, "true");
        }
    }
    return finish(&editor);
}
