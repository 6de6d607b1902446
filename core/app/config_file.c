/* SPDX-License-Identifier: MIT
 * config_file.c - from a file to a tree: reads it, takes the comments out, checks the JSON
 * strictly. */
#include "app/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/alloc.h"
#include "wire/json.h"

static bool read_descriptor(int fd, struct buffer *out) {
    for (;;) {
        buffer_reserve(out, 64u << 10);
        ssize_t got = read(fd, out->data + out->len, out->capacity - out->len);
        if (got < 0 && errno != EINTR) {
            return false;
        }
        if (got == 0 || out->len > CONFIG_FILE_MAX_BYTES) {
            return true;
        }
        out->len += got > 0 ? (size_t)got : 0;
    }
}

static void add_unreadable(struct problems *problems, int cause) {
    if (cause == EISDIR) {
        problems_add(problems, "", "is a directory; give the config file in it");
    } else {
        problems_add(problems, "", "cannot be read: %s; give a file that exists and may be read",
                     strerror(cause));
    }
}

static bool read_file(int fd, struct problems *problems, struct buffer *out) {
    if (!read_descriptor(fd, out)) {
        add_unreadable(problems, errno);
        return false;
    }
    if (out->len > CONFIG_FILE_MAX_BYTES) {
        problems_add(problems, "",
                     "larger than %u MiB; a config is never that large, give another file",
                     CONFIG_FILE_MAX_BYTES >> 20);
        return false;
    }
    return true;
}

/* The length of the string that starts at text[at], or of what is there of it. */
static size_t measure_string(const char *text, size_t at, size_t len) {
    size_t i = at + 1;
    while (i < len && text[i] != '"') {
        i += text[i] == '\\' ? 2 : 1;
    }
    return (i < len ? i + 1 : len) - at;
}

/* Comments become spaces, byte by byte, so that offsets still say where things stand in the file.
 */
static bool blank_comments(struct problems *problems, struct buffer *text) {
    char *data = text->data;
    for (size_t i = 0; i < text->len;) {
        if (data[i] == '"') {
            i += measure_string(data, i, text->len);
            continue;
        }
        if (data[i] != '/' || i + 1 == text->len || (data[i + 1] != '/' && data[i + 1] != '*')) {
            i++;
            continue;
        }
        bool is_block = data[i + 1] == '*';
        const char *mark = is_block ? "*/" : "\n";
        const char *end =
            i + 2 < text->len ? memmem(data + i + 2, text->len - i - 2, mark, strlen(mark)) : NULL;
        if (end == NULL && is_block) {
            problems_add_at(problems, buffer_slice(text), i,
                            "comment without an end; close it with */");
            return false;
        }
        size_t stop = end == NULL ? text->len : (size_t)(end - data) + (is_block ? 2 : 0);
        for (; i < stop; i++) {
            data[i] = data[i] == '\n' ? '\n' : ' ';
        }
    }
    return true;
}

static bool is_blank(const struct buffer *text) {
    for (size_t i = 0; i < text->len; i++) {
        if (strchr(" \t\r\n", text->data[i]) == NULL || text->data[i] == '\0') {
            return false;
        }
    }
    return true;
}

static const char *find_syntax_remedy(const char *what) {
    if (strstr(what, "UTF-8") != NULL) {
        return "save the file as UTF-8";
    }
    if (strstr(what, "comma") != NULL) {
        return "correct the commas around this place";
    }
    return "correct it at this place";
}

static bool check_syntax(struct problems *problems, const struct buffer *text,
                         struct json_value *out_root) {
    struct trunk_slice slice = buffer_slice(text);
    struct json_error error = {0, ""};
    if (text->len >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0) {
        problems_add_at(problems, slice, 0, "byte order mark; save the file as UTF-8 without one");
        return false;
    }
    if (is_blank(text)) {
        problems_add(problems, "", "is empty; write an object, at least {}");
        return false;
    }
    if (json_cut(slice, NULL, 0, NULL, out_root, &error) != TRUNK_OK) {
        problems_add_at(problems, slice, error.offset, "not valid JSON: %s; %s", error.what,
                        find_syntax_remedy(error.what));
        return false;
    }
    if (out_root->type != JSON_OBJECT) {
        problems_add(problems, "", "the document is not an object; put everything inside { ... }");
        return false;
    }
    return true;
}

static int compare_words(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *decode_string(struct trunk_slice quoted, bool *out_has_nul) {
    struct buffer plain = {0};
    json_string_decode(quoted, &plain);
    char *text = slice_strdup(buffer_slice(&plain));
    *out_has_nul = strlen(text) != plain.len;
    buffer_free(&plain);
    return text;
}

static void check_value(const struct json_value *value, struct buffer *path,
                        struct problems *problems);

static void check_object(struct trunk_slice object, struct buffer *path,
                         struct problems *problems) {
    size_t path_len = path->len;
    size_t cursor = 0;
    size_t count = 0;
    size_t capacity = 0;
    char **keys = NULL;
    struct trunk_slice quoted;
    struct json_value member;
    while (json_object_next(object, &cursor, &quoted, &member)) {
        bool has_nul = false;
        if (count == capacity) {
            capacity = capacity * 2 + 8;
            keys = xrealloc(keys, capacity * sizeof *keys);
        }
        keys[count] = decode_string(quoted, &has_nul);
        path_append_member(path, keys[count++]);
        if (has_nul) {
            problems_add(problems, buffer_cstr(path), "a key with a NUL character; remove it");
        }
        check_value(&member, path, problems);
        path->len = path_len;
    }
    if (count > 1) {
        qsort(keys, count, sizeof *keys, compare_words);
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(keys[i - 1], keys[i]) == 0) {
            path_append_member(path, keys[i]);
            problems_add(problems, buffer_cstr(path), "occurs twice; remove one of them");
            path->len = path_len;
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(keys[i]);
    }
    free(keys);
}

static void check_array(struct trunk_slice array, struct buffer *path, struct problems *problems) {
    size_t path_len = path->len;
    size_t cursor = 0;
    size_t index = 0;
    struct json_value element;
    while (json_array_next(array, &cursor, &element)) {
        path_append_index(path, index++);
        check_value(&element, path, problems);
        path->len = path_len;
    }
}

/* What the syntax allows and a tree of C strings would hide. */
static void check_value(const struct json_value *value, struct buffer *path,
                        struct problems *problems) {
    if (value->type == JSON_OBJECT) {
        check_object(value->text, path, problems);
    } else if (value->type == JSON_ARRAY) {
        check_array(value->text, path, problems);
    } else if (value->type == JSON_STRING) {
        bool has_nul = false;
        free(decode_string(value->text, &has_nul));
        if (has_nul) {
            problems_add(problems, buffer_cstr(path), "a string with a NUL character; remove it");
        }
    }
}

static struct json_object *parse_tree(struct trunk_slice text, struct problems *problems) {
    /* json-c counts one level more for the scalars inside the deepest object. */
    struct json_tokener *tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 2);
    struct json_object *root = NULL;
    if (tokener != NULL) {
        root = json_tokener_parse_ex(tokener, text.data, (int)text.len);
        if (root == NULL) {
            problems_add(problems, "", "cannot be parsed: %s; correct the file",
                         json_tokener_error_desc(json_tokener_get_error(tokener)));
        }
        json_tokener_free(tokener);
    }
    return root;
}

int config_file_open(struct problems *problems, int flags) {
    int fd = open(problems->file, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0) {
        add_unreadable(problems, errno);
    }
    return fd;
}

struct json_object *config_file_read_fd(int fd, struct problems *problems) {
    struct buffer text = {0};
    struct buffer path = {0};
    struct json_value document;
    struct json_object *root = NULL;
    if (read_file(fd, problems, &text) && blank_comments(problems, &text) &&
        check_syntax(problems, &text, &document)) {
        check_object(document.text, &path, problems);
        root = parse_tree(document.text, problems);
    }
    buffer_free(&path);
    buffer_free(&text);
    return root;
}

struct json_object *config_file_read(struct problems *problems) {
    int fd = config_file_open(problems, 0);
    if (fd < 0) {
        return NULL;
    }
    struct json_object *root = config_file_read_fd(fd, problems);
    (void)close(fd);
    return root;
}
